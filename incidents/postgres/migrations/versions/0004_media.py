"""Media: photos and files, with what was taken out of them."""

from incidents.postgres.migrations.steps import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql("0004_media.sql")
