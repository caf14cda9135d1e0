"""The trade: what an incident remembers of clocks, returns, suspensions, urging, appeals and merging."""

from incidents.postgres.migrations.steps import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql("0002_trade.sql")
