"""Evaluation 综合评价: what each incident counts as, closed months."""

from incidents.postgres.migrations.steps import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql("0005_evaluation.sql")
