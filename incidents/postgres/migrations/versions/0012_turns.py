"""Turns: what waits for an answer or a review, however old."""

from incidents.postgres.migrations.steps import run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_sql("0012_turns.sql")
