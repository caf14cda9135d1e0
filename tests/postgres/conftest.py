"""A ledger's connection and numbers on a database of the test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from incidents.postgres.connection import Connection, connect, pool
from incidents.postgres.numbers import Numbers


@pytest.fixture
def numbers(database_url: str) -> Iterator[Numbers]:
    """What gives incident numbers."""
    with pool(database_url, "numbers", 2) as lent:
        yield Numbers(lent)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection; whoever needs a filled database has a fixture of this name of its own."""
    with connect(database_url, "ledger") as opened:
        yield opened
