"""Rehearsals 预演 in the store: asked for, held one at a time, their counts and lists kept; a proposal read as PUT reads it.

Who holds rehearsals holds a name (an advisory lock) as long as its connection lives; what says it runs without that was
interrupted, whatever ended it, and may be held again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row

from incidents.decisions import Decisions
from incidents.postgres import city, decision_store, references
from incidents.postgres.connection import Connection
from incidents.postgres.intake import hold_name
from incidents.postgres.queries import named
from incidents.rehearsal import RehearsalRefused, Window
from incidents.standards import tables

NAME = "rehearsal"
KINDS = ("rules", "routes", "limits")
KEPT = 200
"""Rehearsals that are over; the oldest beyond them are forgotten."""
MOST_WAITING = 20

_SQL = named("rehearsal_store.sql")


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One rehearsal as it stands. `progress` is the share done; `result` its counts, None before the end."""

    id: int
    kind: str
    begins: datetime
    ends: datetime
    asked_by: str
    asked_at: datetime
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    progress: float
    editions: dict[str, int]
    result: dict[str, Any] | None
    fault: str | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A rehearsal that somebody began to hold."""

    id: int
    kind: str
    window: Window
    body: dict[str, Any]


def ask(conn: Connection, kind: str, body: Mapping[str, Any], window: Window, by: str) -> int:
    """Keep a rehearsal to be held; its id. DecisionRefused exactly as the proposal's PUT, RehearsalRefused."""
    window = window.past(decision_store.clock(conn))
    proposed(conn, kind, body)
    with conn.transaction():
        if waiting(conn) >= MOST_WAITING:
            raise RehearsalRefused(
                zh=f"已有 {MOST_WAITING} 个预演在等候，请稍后再试",
                en=f"{MOST_WAITING} rehearsals wait already; try again later",
            )
        conn.execute(_SQL["forget"], {"kept": KEPT})
        values: dict[str, Any] = {"kind": kind, "body": _json(body), "asked_by": by}
        values |= {"begins": window.begins, "ends": window.ends}
        row = conn.execute(_SQL["ask"], values).fetchone()
    assert row is not None
    return int(row[0])


def proposed(conn: Connection, kind: str, body: Mapping[str, Any]) -> Decisions:
    """The decisions in force with the proposal in its place; DecisionRefused with row and reason exactly as PUT.

    `limits` is a body of standards (filing conditions) or of the calendar (stages), by what it holds.
    """
    of = decision_of(kind, body)
    tables.read(of, body)
    now = decision_store.clock(conn)
    if of == "standards":
        held = decision_store.editions_in_force(conn, now).get("standards")
        references.refuse_loss(conn, held.body if held else tables.seed()["standards"], body)
    turns = conn.execute(named("decision_store.sql")["turns"], {"from": now}).fetchall()
    found = _together(conn, of, body, now, now)
    for (later,) in turns:
        _together(conn, of, body, later, now)
    return found


def decision_of(kind: str, body: Mapping[str, Any]) -> str:
    """Which kind of decision a proposal is an edition of."""
    if kind not in KINDS:
        raise RehearsalRefused(
            zh=f"没有预演 {kind}；可选 {'、'.join(KINDS)}", en=f"no rehearsal of {kind}"
        )
    if kind != "limits":
        return kind
    return "standards" if "categories" in body else "calendar"


def _together(
    conn: Connection, of: str, body: Mapping[str, Any], at: datetime, now: datetime
) -> Decisions:
    """The decisions of an instant, the proposal among them unless a later edition took its place by then."""
    kept = decision_store.editions_in_force(conn, at)
    bodies: dict[str, object] = {**tables.seed(), **{k: one.body for k, one in kept.items()}}
    if of not in kept or kept[of].holds_from <= now:
        bodies[of] = dict(body)
    here = city.get(conn)
    editions = {kind: one.id for kind, one in kept.items()} | {of: 0}
    zone = here.time_zone if here else None
    return tables.decide(bodies, editions, here.region if here else None, zone)


def hold(conn: Connection) -> bool:
    """Become the one who holds rehearsals, as long as the connection lives; False when another does."""
    if not hold_name(conn, NAME):
        return False
    conn.execute(_SQL["interrupted"])
    return True


def claim(conn: Connection, number: int | None = None) -> Claimed | None:
    """Begin the next that waits, or the one that is meant; None when there is none. Its lists are empty then."""
    row = conn.execute(_SQL["claim"], {"id": number}).fetchone()
    if row is None:
        return None
    conn.execute(_SQL["forget_lines"], {"id": row[0]})
    return Claimed(row[0], row[1], Window(row[2], row[3]), row[4])


def again(conn: Connection, number: int) -> bool:
    """Let one that was interrupted or failed wait once more; False when it is not such a one."""
    with conn.transaction():
        found = one(conn, number)
        if found is None or found.state not in {"interrupted", "failed"}:
            return False
        conn.execute(_SQL["again"], {"id": number})
    return True


def one(conn: Connection, number: int) -> Rehearsal | None:
    """A rehearsal by its id."""
    return next(iter(_look(conn, {"id": number, "before": None, "most": 1})), None)


def newest(conn: Connection, most: int, before: int | None = None) -> list[Rehearsal]:
    """The newest rehearsals, those before an id where one is given."""
    return _look(conn, {"id": None, "before": before, "most": most})


def _look(conn: Connection, asked: Mapping[str, int | None]) -> list[Rehearsal]:
    with conn.cursor(row_factory=class_row(Rehearsal)) as cursor:
        return cursor.execute(_SQL["look"], asked).fetchall()


def body_of(conn: Connection, number: int) -> dict[str, Any]:
    """The proposed edition of a rehearsal."""
    row = conn.execute(_SQL["body"], {"id": number}).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0]
    return found


def against(conn: Connection, number: int, editions: Mapping[str, int]) -> None:
    """Note the editions in force that it is held against."""
    conn.execute(_SQL["against"], {"id": number, "editions": _json(editions)})


def progress(conn: Connection, number: int, share: float) -> None:
    """Note how far it is."""
    conn.execute(_SQL["progress"], {"id": number, "progress": share})


def done(conn: Connection, number: int, result: Mapping[str, Any]) -> None:
    """Note that it came to its end, and its counts."""
    conn.execute(_SQL["done"], {"id": number, "result": _json(result)})


def failed(conn: Connection, number: int, fault: str) -> None:
    """Note that it could not be held to its end."""
    conn.execute(_SQL["failed"], {"id": number, "fault": fault[:2000]})


def add_lines(conn: Connection, number: int, lines: Sequence[tuple[str, int, Any]]) -> None:
    """Keep lines (list, place, body)."""
    rows = [{"list": name, "n": n, "body": body} for name, n, body in lines]
    conn.execute(_SQL["add_lines"], {"id": number, "lines": _json(rows)})


def lines(
    conn: Connection, number: int, name: str, after: int, most: int
) -> list[tuple[int, dict[str, Any]]]:
    """A stretch of a list: each line's place and what it says."""
    values = {"id": number, "list": name, "after": after, "most": most}
    return [(row[0], row[1]) for row in conn.execute(_SQL["lines"], values)]


def sizes(conn: Connection, number: int) -> dict[str, int]:
    """How many lines of each list are kept."""
    return {row[0]: row[1] for row in conn.execute(_SQL["sizes"], {"id": number})}


def idle(conn: Connection) -> bool:
    """Whether one waits and nobody holds rehearsals."""
    row = conn.execute(_SQL["idle"]).fetchone()
    return bool(row and row[0])


def waiting(conn: Connection) -> int:
    """How many wait to be held."""
    row = conn.execute(_SQL["waiting"]).fetchone()
    assert row is not None
    return int(row[0])


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode().replace("\\u0000", "\ufffd")
