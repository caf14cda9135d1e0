"""Connections to the store: autocommit with explicit transaction blocks, UTC, named after who asks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import psycopg
from psycopg import IsolationLevel
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

Connection = psycopg.Connection[TupleRow]
_OPTIONS = "-c TimeZone=UTC -c search_path=public"


UNASKED_S = 1.0
"""A connection that answered so recently is lent without being asked again: a round trip less per request."""
_answered: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()


def connect(url: str, name: str) -> Connection:
    """One connection; psycopg.OperationalError when the database cannot be reached within 5 s."""
    return psycopg.connect(
        url, autocommit=True, application_name=f"yiwang-{name}", options=_OPTIONS, connect_timeout=5
    )


def pool(url: str, name: str, size: int, *, hasty: bool = False) -> ConnectionPool[Connection]:
    """A pool that checks a connection that was idle before lending it; PoolTimeout after 3 s without one.

    What a `hasty` one commits is not waited for until it is on disk: only for what a later commit makes safe.

    One that died within its last second is still lent: the request fails, the pool drops it, the next one is checked.
    """
    return ConnectionPool(
        url,
        min_size=min(2, size),
        max_size=size,
        timeout=3.0,
        max_lifetime=1800.0,
        check=_check,
        open=False,
        kwargs={
            "autocommit": True,
            "application_name": f"yiwang-{name}",
            "options": _OPTIONS + (" -c synchronous_commit=off" if hasty else ""),
            "connect_timeout": 5,
        },
    )


class Lent:
    """A connection of a pool for a while; what is not committed when it goes back is rolled back.

    `ConnectionPool.connection` for connections that commit by themselves: it spares the commit of nothing at the end.
    """

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool

    def __enter__(self) -> Connection:
        self._connection = self._pool.getconn()
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._pool.putconn(self._connection)


@contextmanager
def one_moment(connection: Connection) -> Iterator[None]:
    """A transaction all of which sees the store as it is at one moment, whoever works on meanwhile."""
    before = connection.isolation_level
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with connection.transaction():
            yield
    finally:
        connection.isolation_level = before


def _check(connection: Connection) -> None:
    if time.monotonic() - _answered.get(connection, 0.0) > UNASKED_S:
        ConnectionPool.check_connection(connection)
        _answered[connection] = time.monotonic()
