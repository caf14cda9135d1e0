"""Days: evaluation's sums of each day, beside those of each month."""

from incidents.postgres.migrations.steps import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_sql("0011_days.sql")
