"""Every named statement of every .sql file fits the schema, whoever wrote it."""

import re
from importlib.resources import files

import psycopg
import pytest

from incidents.postgres import queries
from incidents.postgres.connection import connect

FILES = sorted(
    entry.name
    for entry in (files("incidents.postgres")).iterdir()
    if entry.name.endswith(".sql") and entry.name != "schema.sql"
)
_PLACEHOLDER = re.compile(r"%\((\w+)\)[sbt]|%(%)")
_COPY = re.compile(r"copy\s+(\w+)\s*\((.*?)\)\s+from\s+stdin", re.IGNORECASE | re.DOTALL)


def for_the_server(statement: str) -> str:
    """The statement with $1, $2 … where psycopg fills in values; a COPY as a SELECT of its columns."""
    copied = _COPY.match(statement)
    if copied:
        return f"select {copied[2]} from {copied[1]}"
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found[2]:
            return "%"
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    return _PLACEHOLDER.sub(number, statement) if "%(" in statement else statement


@pytest.mark.real
@pytest.mark.parametrize("file", FILES)
def test_every_statement_is_one_the_database_can_prepare(file: str, database_url: str) -> None:
    unfit = []
    with connect(database_url, "test") as conn:
        for name, statement in queries.named(file).items():
            try:
                conn.execute(f"prepare {name} as {for_the_server(statement)}".encode())
            except psycopg.Error as fault:
                unfit.append(f"{file} {name}: {fault}")
    assert not unfit


@pytest.mark.real
def test_the_check_above_notices_a_column_that_is_not_there(database_url: str) -> None:
    with connect(database_url, "test") as conn, pytest.raises(psycopg.errors.UndefinedColumn):
        conn.execute(for_the_server("copy metric (id, colour) from stdin").encode())


@pytest.mark.parametrize("file", FILES)
def test_every_statement_says_what_it_is_for(file: str) -> None:
    for name in queries.named(file):
        assert len(queries.sentence(file, name)) > 10


def test_no_statement_of_one_file_is_named_like_another_of_it() -> None:
    assert len(FILES) >= 8
    with pytest.raises(KeyError):
        queries.sentence("jobs.sql", "nothing_of_the_kind")
