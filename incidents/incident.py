"""Incident 案件: a trouble that is somebody's job, with the line of history and the fact that every step leaves.

Frozen values. What a step does stands in `incidents.moves`. The fields bear the names of the table's columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from incidents.lifecycle import Role, State
from incidents.to_do import to_do


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a move: an account's name and role, its department and area (code prefix) if it has one.

    `below` are departments under his, for which he may act where the city's policy says so.
    """

    name: str
    role: Role
    department: str | None = None
    area: str | None = None
    below: tuple[str, ...] = ()


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

    def telling(self, data: Mapping[str, Any]) -> HistoryRow:
        """The same line with other data (`dataclasses.replace` at a third of its price: every move has a line)."""
        return HistoryRow(
            self.seq,
            self.at,
            self.move,
            self.by,
            self.role,
            self.department,
            self.from_state,
            self.to_state,
            self.reason,
            data,
        )


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

# Never in a fact: personal data, people's words to each other, and what only the explanation route tells.
_PRIVATE = frozenset(
    {"reporter", "explanation", "raw_lon", "raw_lat", "datum", "clocks", "wake_at", "urged_for"}
    | {"asked", "urge", "appeal", "returned", "refused", "handler"}
)
_PUBLIC = tuple(f.name for f in fields(Incident) if f.name not in _PRIVATE)
_ALL_PUBLIC = attrgetter(*_PUBLIC)


def public_view(incident: Incident) -> dict[str, Any]:
    """The fields a fact carries and any screen may show, when its stage is near its end 黄灯, and whom it waits for."""
    view = dict(zip(_PUBLIC, _ALL_PUBLIC(incident), strict=True))
    clock = incident.clocks.get(incident.stage or "")
    view["stage_yellow_at"] = None if clock is None else clock["yellow_at"]
    view["to_do"] = to_do(incident)
    return view


@dataclass(frozen=True, slots=True)
class Beginning:
    """As what an incident begins: `reported` when a person says it, `open` when a rule judged it; and why."""

    category: str
    state: State
    urgent: bool = False
    explanation: Mapping[str, Any] = field(default_factory=dict)


_NAMES = tuple(f.name for f in fields(Incident))
_PLACES = {name: place for place, name in enumerate(_NAMES)}
_ALL = attrgetter(*_NAMES)


def changed(incident: Incident, changes: Mapping[str, Any]) -> Incident:
    """What `dataclasses.replace` gives, in half the time: every step of an incident makes one (docs/benchmarks.md)."""
    values = list(_ALL(incident))
    for name, value in changes.items():
        values[_PLACES[name]] = value
    return Incident(*values)


def changes(before: Incident, after: Incident) -> dict[str, Any]:
    """The fields in which they differ, as they are afterwards."""
    return {
        name: new
        for name, old, new in zip(_NAMES, _ALL(before), _ALL(after), strict=True)
        if new is not old and new != old
    }


def told(before: Incident | None, after: Incident, row: HistoryRow, kind: str) -> Kept:
    """A step with the fact the outbox sends of it."""
    fact = Fact(
        id=f"{after.number}/{after.version}",
        kind=kind,
        number=after.number,
        version=after.version,
        at=after.changed_at,
        by_role=row.role,
        from_state=str(before.state) if before else None,
        incident=public_view(after),
    )
    return after, row, fact


__all__ = [
    "SYSTEM",
    "Actor",
    "Beginning",
    "Fact",
    "HistoryRow",
    "Incident",
    "Kept",
    "changed",
    "changes",
    "public_view",
    "told",
]
