"""Connections to the store: autocommit with explicit transaction blocks, UTC, named after who asks."""

from __future__ import annotations

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

Connection = psycopg.Connection[TupleRow]
_OPTIONS = "-c TimeZone=UTC -c search_path=public"


def connect(url: str, name: str) -> Connection:
    """One connection; psycopg.OperationalError when the database cannot be reached within 5 s."""
    return psycopg.connect(
        url, autocommit=True, application_name=f"yiwang-{name}", options=_OPTIONS, connect_timeout=5
    )


def pool(url: str, name: str, size: int) -> ConnectionPool[Connection]:
    """A pool that checks a connection before lending it; PoolTimeout after 3 s without one."""
    return ConnectionPool(
        url,
        min_size=min(2, size),
        max_size=size,
        timeout=3.0,
        max_lifetime=1800.0,
        check=ConnectionPool.check_connection,
        open=False,
        kwargs={
            "autocommit": True,
            "application_name": f"yiwang-{name}",
            "options": _OPTIONS,
            "connect_timeout": 5,
        },
    )
