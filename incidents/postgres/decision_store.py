"""The city's decisions in the store: dated editions with their author, refused whole when not sound, never changed.

What a body must say and what it means is the standards' business (`incidents.standards.tables`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from incidents.calendar import WorkingCalendar
from incidents.clocks import Clock, ClockState
from incidents.decisions import Decisions
from incidents.postgres import city, references
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named
from incidents.standards import tables

SINCE_EVER = datetime(2000, 1, 1, tzinfo=UTC)
"""When the seed begins to hold: before anything we may ever be asked about."""

Stamp = tuple[int, ...]
"""Which editions hold; equal stamps mean equal decisions."""

_SQL = named("decision_store.sql")


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """One edition: `holds_from` is when it begins to hold, `body` the tables as JSON."""

    id: int
    kind: str
    holds_from: datetime
    made_at: datetime
    author: str
    body: dict[str, Any]


def keep(
    conn: Connection,
    kind: str,
    body: Mapping[str, Any],
    author: str,
    holds_from: datetime | None = None,
) -> int:
    """Keep a new edition and return its id; DecisionRefused with row and reason when it is not sound.

    `holds_from` None means at once. Not sound is also what contradicts the other decisions, now or on any
    later day already decided: a route to a department nobody knows, a rule for a category that is gone.
    """
    tables.read(kind, body)
    with conn.transaction():
        guard(conn)
        if kind == "standards":
            _refuse_loss(conn, body, holds_from)
        row = conn.execute(
            _SQL["add"],
            {"kind": kind, "holds_from": holds_from, "author": author, "body": Jsonb(dict(body))},
        ).fetchone()
        assert row is not None
        number, begins = row
        for moment in conn.execute(_SQL["turns"], {"from": begins}).fetchall():
            _know_departments(conn, in_force(conn, moment[0]))
    return int(number)


def guard(conn: Connection) -> None:
    """Until the transaction ends, nobody else changes a decision."""
    conn.execute(_SQL["guard"])


def clock(conn: Connection) -> datetime:
    """What the store holds to be now: what begins at once begins then."""
    row = conn.execute(_SQL["clock"]).fetchone()
    assert row is not None
    found: datetime = row[0]
    return found


def seed(conn: Connection, author: str = "seed") -> tuple[str, ...]:
    """Keep the standards' seed of every kind that nobody decided yet, as holding since ever; which kinds."""
    with conn.transaction():
        guard(conn)
        bodies = tables.seed()
        missing = tuple(kind for kind in tables.KINDS if not editions(conn, kind))
        for kind in missing:
            values = {"kind": kind, "holds_from": SINCE_EVER, "author": author}
            conn.execute(_SQL["add"], {**values, "body": Jsonb(bodies[kind])})
        _know_departments(conn, in_force(conn))
    return missing


def editions_in_force(conn: Connection, at: datetime | None = None) -> dict[str, KeptDecision]:
    """The edition of each kind that holds at an instant (None: now); kinds never decided are missing."""
    with conn.cursor(row_factory=class_row(KeptDecision)) as cursor:
        return {one.kind: one for one in cursor.execute(_SQL["in_force"], {"at": at})}


def in_force(conn: Connection, at: datetime | None = None) -> Decisions:
    """What the city decided and holds at an instant (None: now); where it decided nothing, the seed holds."""
    kept = editions_in_force(conn, at)
    bodies = {kind: one.body for kind, one in kept.items()}
    if not bodies.keys() >= set(tables.KINDS):
        bodies = {**tables.seed(), **bodies}
    here = city.get(conn)
    return tables.decide(
        bodies,
        editions={kind: one.id for kind, one in kept.items()},
        region=here.region if here else None,
        time_zone=here.time_zone if here else None,
    )


def calendar_at(conn: Connection, at: datetime, present: Decisions) -> WorkingCalendar:
    """The working calendar that held at an instant: the present one's, unless another edition did."""
    row = conn.execute(_SQL["calendar_id"], {"at": at}).fetchone()
    if row is None or row[0] == present.editions.get("calendar"):
        return present.calendar
    kept = conn.execute(_SQL["body"], {"id": row[0]}).fetchone()
    assert kept is not None
    return tables.read("calendar", kept[0]).calendar(ZoneInfo(present.time_zone))


def calendar_of(conn: Connection, clock: Clock, present: Decisions) -> WorkingCalendar:
    """By which a clock is explained: one that stopped by the edition it was judged by, whatever was corrected since."""
    if clock.state is not ClockState.STOPPED:
        return present.calendar
    return calendar_at(conn, clock.spans[-1].end or clock.began_at, present)


def stamp(conn: Connection) -> Stamp:
    """Which editions hold now, and for which city: cheap to ask, changes when one is made or its time comes."""
    return tuple(row[0] for row in conn.execute(_SQL["stamp"]))


def editions(conn: Connection, kind: str) -> list[KeptDecision]:
    """All editions of a kind, the newest first, without their bodies."""
    with conn.cursor(row_factory=class_row(KeptDecision)) as cursor:
        return cursor.execute(_SQL["editions"], {"kind": kind}).fetchall()


def _refuse_loss(conn: Connection, body: Mapping[str, Any], holds_from: datetime | None) -> None:
    """What incidents and accounts refer to stays in the standards."""
    before = editions_in_force(conn, holds_from).get("standards")
    old: Mapping[str, Any] = before.body if before else tables.seed()["standards"]
    references.refuse_loss(conn, old, body)


def _know_departments(conn: Connection, decisions: Decisions) -> None:
    """An incident may only name a department that has a row."""
    city.put_departments(
        conn,
        (
            city.Department(one.code, one.name_zh, one.parent)
            for one in decisions.departments.values()
        ),
    )
