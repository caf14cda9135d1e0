"""The spine: grid, readings, stream books, incidents, outbox, accounts, jobs."""

from incidents.postgres.migrations.steps import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql("0001_spine.sql")
