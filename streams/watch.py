"""Wakes what has to happen in time: the store's jobs, incidents on which something is due, and devices to their cells
when another grid comes into force.

Idempotent SQL does the work, the database remembers.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NoReturn

import psycopg
import structlog

from incidents import desk
from incidents.decisions import Decisions
from incidents.postgres import connection as connections
from incidents.postgres import devices, grid_store, jobs
from incidents.postgres import intake as store
from incidents.postgres.connection import Connection
from incidents.postgres.duty_store import PostgresRoster
from incidents.postgres.ledger import PostgresLedger
from streams.ground import Ground
from streams.settings import Settings
from streams.timekeeping import Timekeeper

NAME = "watch"
EVERY_S = 1.0
ONCE_MORE_S = 15.0
"""After a new edition devices are placed twice: other processes go by the old one for a second or two."""
_log = structlog.get_logger("streams.watch")


def run(settings: Settings) -> NoReturn:
    """Until killed; waits while the database is away or another watch is active."""
    connection: Connection | None = None
    places = Places(settings.home / "atlas")
    keeper = Timekeeper(wake)
    while True:
        try:
            if connection is None:
                connection = _active(settings)
            if connection is not None:
                look(connection, places, keeper)
        except (psycopg.OperationalError, psycopg.InterfaceError) as fault:
            _log.warning(
                "数据库不可用，等待 / the database is away: waiting", fault=str(fault)[:200]
            )
            connection = None
        time.sleep(EVERY_S)


class Places:
    """Keeps every registered device in its cell of the edition in force; `atlases` is the folder of saved atlases."""

    def __init__(self, atlases: Path) -> None:
        self._atlases = atlases
        self._edition: int | None = None
        self._once_more: float | None = None

    def look(self, connection: Connection, now: float) -> list[str]:
        """Place the devices again when the edition changed, and once more a while later; `now` in seconds."""
        kept = grid_store.edition_in_force(connection)
        if kept is None:
            return []
        changed = kept.id != self._edition
        if not changed and (self._once_more is None or now < self._once_more):
            return []
        ground = Ground.of(connection, self._atlases)
        moved = devices.relocate(connection, lambda lon, lat: ground.locate(lon, lat)[0])
        self._edition = kept.id
        self._once_more = now + ONCE_MORE_S if changed else None
        return [f"relocate: {moved} 台设备换了网格 / devices changed cells"] if moved else []


def wake(connection: Connection, number: str, now: datetime, decisions: Decisions) -> None:
    """Every move of the system that is due on one incident, in the transaction the connection is in."""
    ledger = PostgresLedger(connection, _no_number)
    desk.wake(ledger, number, now, decisions, PostgresRoster(connection))


def look(connection: Connection, places: Places, keeper: Timekeeper) -> list[str]:
    """Run what is due, and say that we live."""
    ran = jobs.run_due(connection, datetime.now(UTC))
    said = [line for line in ran if line not in jobs.IDLE]
    said += keeper.look(connection, datetime.now(UTC))
    said += places.look(connection, time.monotonic())
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


def _no_number(region: str, day: date) -> str:
    raise AssertionError(f"waking opens no incident: no number of {region} on {day} is needed")
