"""Quarantine 隔离 decided: sent again under the original ids, or dismissed. The relay does the sending.

Nothing is doubled: a reading's key and an event's (source, id) make of a second coming nothing new.
"""

from __future__ import annotations

from collections.abc import Sequence

from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

_SQL = named("quarantine.sql")


def redrive(connection: Connection, ids: Sequence[int], by: str) -> list[int]:
    """Send these again; the ids of those that were waiting for it."""
    row = connection.execute(_SQL["redrive"], {"ids": list(ids), "by": by}).fetchone()
    return list(row[0]) if row else []


def dismiss(connection: Connection, ids: Sequence[int], by: str) -> list[int]:
    """Decide that these are not sent again; the ids of those that were waiting."""
    rows = connection.execute(_SQL["dismiss"], {"ids": list(ids), "by": by}).fetchall()
    return sorted(row[0] for row in rows)


def waiting(connection: Connection, reason: str | None = None, at_most: int = 1000) -> list[int]:
    """Ids of what waits for a decision, oldest first."""
    rows = connection.execute(_SQL["waiting"], {"reason": reason, "at_most": at_most}).fetchall()
    return [row[0] for row in rows]
