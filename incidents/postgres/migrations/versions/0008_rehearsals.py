"""Rehearsals: what another edition would have made of stored history, and the way to events by their own time."""

from incidents.postgres.migrations.steps import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_sql("0008_rehearsals.sql")
