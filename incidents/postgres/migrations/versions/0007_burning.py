"""Burning: the order of the desk's queue, and the lists of what waits for somebody there."""

from incidents.postgres.migrations.steps import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql("0007_burning.sql")
