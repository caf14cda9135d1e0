"""The hand-over of a shift 交接班 in the store: what was left as it stood then, signed once, never changed afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row

from incidents.errors import IncidentError
from incidents.lifecycle import Role
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

MOST = 10_000
"""Incidents named in one hand-over at most, the overdue and the urgent first; the counts are of all."""

_SQL = named("handover_store.sql")


class HandoverUnknown(IncidentError):
    """No hand-over has this number."""

    code = "handover_unknown"


class HandoverRefused(IncidentError):
    """The hand-over cannot be left or signed in this way, or was signed already."""

    code = "handover_refused"


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who leaves a shift: in which role, for which area (code prefix; None = the city), from which post."""

    account: str
    role: Role
    area: str | None = None
    post: str | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """One hand-over; `received_by` None: it waits for the signature. `incidents` is empty in a list of several."""

    id: int
    role: str
    area: str | None
    post: str | None
    left_by: str
    left_at: datetime
    note: str
    counts: dict[str, Any]
    incidents: list[dict[str, Any]]
    received_by: str | None
    received_at: datetime | None
    received_note: str | None


def leave(conn: Connection, leaving: Leaving, note: str, at: datetime) -> Handover:
    """Freeze what is open, urgent and overdue in one record; HandoverRefused for a post nobody knows.

    Overdue is past its handling deadline and not handled before it.
    """
    values = {
        "role": str(leaving.role),
        "area": leaving.area,
        "post": leaving.post,
        "by": leaving.account,
        "at": at,
        "note": note,
        "most": MOST,
    }
    try:
        with conn.transaction():
            row = conn.execute(_SQL["leave"], values).fetchone()
            assert row is not None
            return one(conn, int(row[0]))
    except ForeignKeyViolation as fault:
        raise HandoverRefused(
            zh=f"没有岗位 {leaving.post}", en=f"there is no post {leaving.post}"
        ) from fault


def one(conn: Connection, number: int) -> Handover:
    """A hand-over with its list; HandoverUnknown."""
    with conn.cursor(row_factory=class_row(Handover)) as cursor:
        found = cursor.execute(_SQL["one"], {"id": number}).fetchone()
    if found is None:
        raise HandoverUnknown(
            zh=f"没有第 {number} 号交接班记录", en=f"there is no hand-over {number}"
        )
    return found


def sign(conn: Connection, number: int, by: str, note: str | None, at: datetime) -> Handover:
    """Sign as the one who receives, once; HandoverUnknown, HandoverRefused for a second time and for one's own."""
    values = {"id": number, "by": by, "note": note, "at": at}
    with conn.transaction():
        if conn.execute(_SQL["sign"], values).fetchone() is not None:
            return one(conn, number)
    there = one(conn, number)
    if there.received_by is not None:
        raise HandoverRefused(
            zh=f"{there.received_by} 已于 {there.received_at:%Y-%m-%d %H:%M}Z 签收",
            en=f"{there.received_by} signed it already",
            received_by=there.received_by,
        )
    raise HandoverRefused(
        zh="交班人不能签收自己的交接", en="whoever leaves cannot sign for the other"
    )


def several(
    conn: Connection,
    area: str | None = None,
    *,
    waiting: bool = False,
    before: int | None = None,
    most: int = 50,
) -> list[Handover]:
    """Hand-overs of an area, the newest first, without their lists; `waiting`: only unsigned ones."""
    asked = {"area": area, "waiting": waiting, "before": before, "most": most}
    with conn.cursor(row_factory=class_row(Handover)) as cursor:
        return cursor.execute(_SQL["several"], asked).fetchall()
