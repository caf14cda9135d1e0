"""Envelopes and messages for tests: what does not matter is hidden here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from incidents.postgres import connection as connections
from incidents.postgres.connection import Connection
from incidents.postgres.numbers import take
from streams import topics
from streams.intake import Intake
from streams.judging import StreamDesk
from streams.known import Known
from streams.message import Message

NOON = 1_790_000_000_000
"""An instant in 2026, ms UTC, on a whole minute."""
NOW = datetime.fromtimestamp(NOON / 1000 + 3600, UTC)
READINGS = topics.READINGS.name
REPORTS = topics.REPORTS.name


def envelope(rows: Sequence[tuple[str, int, float | None]], **more: Any) -> bytes:
    """An envelope of (device, ms after NOON, value); one metric unless said otherwise."""
    body: dict[str, Any] = {
        "schema": "readings.v1",
        "batch": "b",
        "source": "gw-1",
        "sent_at": "2026-11-22T08:00:00Z",
        "device": [device for device, _, _ in rows],
        "metric": "level",
        "at": [NOON + at for _, at, _ in rows],
        "value": [value for _, _, value in rows],
        **more,
    }
    return json.dumps(body).encode()


def events(*items: dict[str, Any], source: str = "cam-1") -> bytes:
    """An envelope of events; `id`, `kind` and `at` are there unless given."""
    filled = [{"id": f"e{n}", "kind": "smoke", "at": NOON, **item} for n, item in enumerate(items)]
    body = {
        "schema": "events.v1",
        "batch": "b",
        "source": source,
        "sent_at": "2026-11-22T08:00:00Z",
        "events": filled,
    }
    return json.dumps(body).encode()


def messages(*values: bytes, part: int = 0, first: int = 0, topic: str = READINGS) -> list[Message]:
    """Messages of one partition, one after the other."""
    return [Message(topic, part, first + n, value, b"k") for n, value in enumerate(values)]


class Bench:
    """An intake on a real database, without Kafka."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.connection = connections.connect(database_url, "test")
        self._numbers = connections.connect(database_url, "numbers")
        self.intake = self.another(folder)

    def another(self, folder: Path) -> Intake:
        """One more intake, as another worker has it."""
        known = Known(folder / "atlas")
        desk = StreamDesk(known, lambda region, day: take(self._numbers, region, day))
        return Intake(known, desk, lambda: NOW)

    def apply(self, batch: Sequence[Message]) -> Any:
        """Apply a batch; its outcome."""
        return self.intake.apply(self.connection, batch)

    def all(self, query: str, *given: Any) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return self.connection.execute(query.encode(), given).fetchall()

    def one(self, query: str, *given: Any) -> Any:
        """The one value of a query."""
        (row,) = self.all(query, *given)
        return row[0]

    def close(self) -> None:
        """Give the connections back."""
        self.connection.close()
        self._numbers.close()


def raw(database_url: str) -> Connection:
    """A plain connection."""
    return psycopg.connect(database_url, autocommit=True)
