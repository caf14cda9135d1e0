"""Words: those of the incidents there are, beside them."""

from incidents.postgres.migrations.steps import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_sql("0010_words.sql")
