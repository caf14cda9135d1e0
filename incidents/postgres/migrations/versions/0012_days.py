"""Days: evaluation's sums of each day, beside those of each month."""

from incidents.postgres.migrations.steps import run_sql

revision = "0012"
down_revision = "0010"


def upgrade() -> None:
    run_sql("0012_days.sql")
