"""Wakes what has to happen in time: the store's jobs. Idempotent SQL does the work, the database remembers."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import NoReturn

import psycopg
import structlog

from incidents.postgres import connection as connections
from incidents.postgres import intake as store
from incidents.postgres import jobs
from incidents.postgres.connection import Connection
from streams.settings import Settings

NAME = "watch"
EVERY_S = 1.0
_log = structlog.get_logger("streams.watch")


def run(settings: Settings) -> NoReturn:
    """Until killed; waits while the database is away or another watch is active."""
    connection: Connection | None = None
    while True:
        try:
            if connection is None:
                connection = _active(settings)
            if connection is not None:
                look(connection)
        except (psycopg.OperationalError, psycopg.InterfaceError) as fault:
            _log.warning(
                "数据库不可用，等待 / the database is away: waiting", fault=str(fault)[:200]
            )
            connection = None
        time.sleep(EVERY_S)


def look(connection: Connection) -> list[str]:
    """Run what is due, and say that we live."""
    said = jobs.run_due(connection, datetime.now(UTC))
    for line in said:
        _log.info("作业 / job", said=line)
    store.say_seen(connection, NAME, "watch", {"last": said} if said else {})
    return said


def _active(settings: Settings) -> Connection | None:
    connection = connections.connect(settings.database_url, NAME)
    if store.hold_name(connection, NAME):
        store.say_started(connection, NAME, "watch")
        return connection
    connection.close()
    return None
