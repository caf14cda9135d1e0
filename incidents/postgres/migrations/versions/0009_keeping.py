"""Keeping: what is searched by its words stands beside the incident, and a move writes what it changed."""

from incidents.postgres.migrations.steps import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_sql("0009_keeping.sql")
