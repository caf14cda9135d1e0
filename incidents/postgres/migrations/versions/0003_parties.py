"""Parties: people, duty and shifts, the hand-over of a shift."""

from incidents.postgres.migrations.steps import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql("0003_parties.sql")
