"""Incident 案件: a trouble that is somebody's job. Frozen: a move gives the new incident, its history row and its fact.

Nothing here saves, sends, logs or looks at a clock. The fields bear the names of the table's columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from incidents.errors import MoveIncomplete
from incidents.event import Event
from incidents.lifecycle import MOVES, Move, Need, Role, State, check_move


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a move: an account's name and role, its department and area (code prefix) if it has one."""

    name: str
    role: Role
    department: str | None = None
    area: str | None = None


SYSTEM = Actor("system", Role.SYSTEM)


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line of the 流转记录, appended and never changed; `seq` is the incident's version after it."""

    seq: int
    at: datetime
    move: str
    by: str
    role: str
    department: str | None
    from_state: str | None
    to_state: str
    reason: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fact:
    """What happened, past tense, for the outbox: `id` is unique for ever, `incident` the public fields after it."""

    id: str
    kind: str
    number: str
    version: int
    at: datetime
    by_role: str
    from_state: str | None
    incident: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident as the ledger holds it; times are aware datetimes, places WGS-84 degrees beside the raw ones."""

    number: str
    state: State
    version: int
    category: str
    source: str
    first_event_at: datetime
    last_event_at: datetime
    reported_at: datetime
    changed_at: datetime
    subject: str | None = None
    text: str = ""
    urgent: bool = False
    rule: str | None = None
    raw_lon: float | None = None
    raw_lat: float | None = None
    datum: str | None = None
    lon: float | None = None
    lat: float | None = None
    cell: int | None = None
    cell_code: str | None = None
    community: str | None = None
    street: str | None = None
    district: str | None = None
    department: str | None = None
    inspector: str | None = None
    reports: int = 1
    opened_at: datetime | None = None
    dispatched_at: datetime | None = None
    accepted_at: datetime | None = None
    handled_at: datetime | None = None
    verified_at: datetime | None = None
    closed_at: datetime | None = None
    due_at: datetime | None = None
    reporter: Mapping[str, Any] | None = field(default=None, repr=False)
    media: tuple[str, ...] = ()
    explanation: Mapping[str, Any] = field(default_factory=dict)
    condition: str | None = None
    assisting: tuple[str, ...] = ()
    handler: str | None = None
    confirmed: bool | None = None
    merged_into: str | None = None
    extensions: int = 0
    suspensions: int = 0
    suspended_until: datetime | None = None
    asked: Mapping[str, Any] | None = None
    urges: int = 0
    urge: Mapping[str, Any] | None = None
    urge_due_at: datetime | None = None
    urged_for: datetime | None = None
    appeal: Mapping[str, Any] | None = None
    reworks: int = 0
    send_backs: int = 0
    reopened: int = 0
    returned: Mapping[str, Any] | None = None
    refused: tuple[str, ...] = ()
    normal_since: datetime | None = None
    clocks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    yellow_at: datetime | None = None
    stage: str | None = None
    stage_due_at: datetime | None = None
    wake_at: datetime | None = None


Kept = tuple[Incident, HistoryRow, Fact]
_TAKES = {"dispatch": ("department", "due_at"), "verify": ("inspector",)}
_WORDS = {"report": "reported", "open": "opened"}

# Never in a fact: personal data, people's words to each other, and what only the explanation route tells.
_PRIVATE = frozenset(
    {"reporter", "explanation", "raw_lon", "raw_lat", "datum", "clocks", "wake_at", "urged_for"}
    | {"asked", "urge", "appeal", "returned", "refused", "handler"}
)
_PUBLIC = tuple(f.name for f in fields(Incident) if f.name not in _PRIVATE)


def public_view(incident: Incident) -> dict[str, Any]:
    """The fields a fact carries and any screen may show."""
    return {name: getattr(incident, name) for name in _PUBLIC}


@dataclass(frozen=True, slots=True)
class Beginning:
    """As what an incident begins: `reported` when a person says it, `open` when a rule judged it; and why."""

    category: str
    state: State
    urgent: bool = False
    explanation: Mapping[str, Any] = field(default_factory=dict)


def begin(
    number: str, event: Event, beginning: Beginning, at: datetime, by: Actor = SYSTEM
) -> Kept:
    """A new incident from its first event."""
    place = event.place
    incident = Incident(
        number=number,
        state=beginning.state,
        version=1,
        category=beginning.category,
        source=event.source,
        first_event_at=event.at,
        last_event_at=event.at,
        reported_at=at,
        changed_at=at,
        subject=event.subject,
        text=event.text,
        urgent=beginning.urgent,
        rule=event.rule,
        raw_lon=place.raw.lon if place.raw else None,
        raw_lat=place.raw.lat if place.raw else None,
        datum=str(place.raw.datum) if place.raw else None,
        lon=place.lon,
        lat=place.lat,
        cell=place.cell,
        cell_code=place.cell_code,
        community=place.community,
        street=place.street,
        district=place.district,
        opened_at=at if beginning.state is State.OPEN else None,
        reporter=event.reporter,
        media=event.media,
        explanation=dict(beginning.explanation),
    )
    move = "report" if beginning.state is State.REPORTED else "open"
    done = _Done(move, f"incident_{_WORDS[move]}", by, data=_event_named(event))
    return _kept(None, incident, done)


def join(incident: Incident, event: Event, at: datetime, why: str, *, urgent: bool = False) -> Kept:
    """One more event of the same trouble 并入: counted, linked; it may make the incident urgent, and nothing else."""
    after = replace(
        incident,
        version=incident.version + 1,
        reports=incident.reports + 1,
        last_event_at=max(incident.last_event_at, event.at),
        urgent=incident.urgent or urgent,
        changed_at=at,
    )
    data = _event_named(event)
    if after.urgent and not incident.urgent:
        data["urgent"] = True
    return _kept(incident, after, _Done("join", "incident_joined", SYSTEM, why, data))


def move(
    incident: Incident, name: str, by: Actor, at: datetime, given: Mapping[str, Any] | None = None
) -> Kept:
    """The incident after a move of the lifecycle's table; MoveRefused, MoveForbidden or MoveIncomplete if not.

    `given` may hold `reason`, `department`, `due_at` (datetime), `inspector`, `explanation` (merged) and `data`.
    """
    given = given or {}
    row = check_move(incident.state, name, by.role)
    _check_needs(incident, row, given)
    after = replace(
        incident,
        state=row.target or incident.state,
        version=incident.version + 1,
        changed_at=at,
        **_effects(incident, name, at, given),
    )
    data = {**(given.get("data") or {}), **_taken(name, given)}
    return _kept(incident, after, _Done(name, row.fact, by, given.get("reason"), data))


def _taken(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Of what was given, what this move takes: so that the history alone gives the incident again."""
    taken = {key: given[key] for key in _TAKES.get(name, ()) if given.get(key)}
    if "due_at" in taken:
        taken["due_at"] = taken["due_at"].isoformat()
    return taken


def _check_needs(incident: Incident, row: Move, given: Mapping[str, Any]) -> None:
    if Need.REASON in row.needs and not str(given.get("reason") or "").strip():
        raise MoveIncomplete(
            zh=f"“{row.zh}”须写明理由（reason）",
            en=f"{row.name!r} needs a written reason",
            move=row.name,
            needs="reason",
        )
    if Need.DEPARTMENT in row.needs and not given.get("department"):
        raise MoveIncomplete(
            zh=f"“{row.zh}”须指定部门（department）",
            en=f"{row.name!r} needs a department",
            move=row.name,
            needs="department",
        )
    if Need.VERIFIED in row.needs and incident.verified_at is None:
        raise MoveIncomplete(
            zh="核查尚未通过，不能结案；请先由核查人员办理“核查通过”",
            en="not verified yet: an inspector makes the move 'verified' first",
            move=row.name,
            needs="verified",
        )


def _effects(
    incident: Incident, name: str, at: datetime, given: Mapping[str, Any]
) -> dict[str, Any]:
    """What a move changes beside state and version."""
    explanation = incident.explanation
    if given.get("explanation"):
        explanation = {**explanation, **given["explanation"]}
    effects: dict[str, dict[str, Any]] = {
        "open": {"opened_at": at},
        "dispatch": {
            "dispatched_at": at,
            "accepted_at": None,
            "department": given.get("department"),
            "due_at": given.get("due_at"),
        },
        "accept": {"accepted_at": at},
        "send_back": {"department": None, "due_at": None, "accepted_at": None},
        "report_handled": {"handled_at": at},
        "verify": {"inspector": given.get("inspector") or incident.inspector},
        "verified": {"verified_at": at},
        "rework": {"handled_at": None, "verified_at": None},
        "close": {"closed_at": at},
        "void": {"closed_at": at},
    }
    return {**effects.get(name, {}), "explanation": explanation}


def _event_named(event: Event) -> dict[str, Any]:
    return {"event": {"source": event.source, "id": event.id}}


@dataclass(frozen=True, slots=True)
class _Done:
    """What was done, by whom, why: what history and fact tell beside the incident itself."""

    move: str
    fact: str
    by: Actor
    reason: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def _kept(before: Incident | None, after: Incident, done: _Done) -> Kept:
    from_state = str(before.state) if before else None
    history = HistoryRow(
        seq=after.version,
        at=after.changed_at,
        move=done.move,
        by=done.by.name,
        role=str(done.by.role),
        department=done.by.department,
        from_state=from_state,
        to_state=str(after.state),
        reason=done.reason,
        data=done.data,
    )
    told = Fact(
        id=f"{after.number}/{after.version}",
        kind=done.fact,
        number=after.number,
        version=after.version,
        at=after.changed_at,
        by_role=str(done.by.role),
        from_state=from_state,
        incident=public_view(after),
    )
    return after, history, told


__all__ = [
    "MOVES",
    "SYSTEM",
    "Actor",
    "Beginning",
    "Fact",
    "HistoryRow",
    "Incident",
    "Kept",
    "begin",
    "join",
    "move",
    "public_view",
]
