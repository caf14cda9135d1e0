"""Outbox 待发: facts written with what they tell of, claimed in order by the relay, marked when Kafka has them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

_SQL = named("outbox.sql")


@dataclass(frozen=True, slots=True)
class Unsent:
    """One row to send: `body` is JSON ready to go, or names a row of quarantine."""

    id: int
    topic: str
    key: str
    body: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A message (item -1) or one row of it that was set aside."""

    id: int
    topic: str
    part: int
    offset: int
    item: int
    key: bytes | None
    value: bytes
    headers: list[Any]
    reason: str
    detail: str
    set_aside_at: datetime


def claim(connection: Connection, at_most: int) -> list[Unsent]:
    """The oldest unsent rows, locked until the transaction ends."""
    with connection.cursor(row_factory=class_row(Unsent)) as cursor:
        return cursor.execute(_SQL["claim"], {"at_most": at_most}).fetchall()


def mark_sent(connection: Connection, ids: Iterable[int]) -> None:
    """Kafka has acknowledged these rows."""
    connection.execute(_SQL["sent"], {"ids": list(ids)})


def quarantined(connection: Connection, ids: Iterable[int]) -> dict[int, Quarantined]:
    """Rows of quarantine by id."""
    with connection.cursor(row_factory=class_row(Quarantined)) as cursor:
        rows = cursor.execute(_SQL["quarantined"], {"ids": list(ids)}).fetchall()
    return {row.id: row for row in rows}


def unsent(connection: Connection) -> tuple[int, datetime | None]:
    """How many rows wait, and since when the oldest."""
    row = connection.execute(_SQL["unsent"]).fetchone()
    assert row is not None
    return row[0], row[1]
