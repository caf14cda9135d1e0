"""Builders of events, incidents, actors and decisions for tests; they hide what does not matter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from grid.coordinates import Datum, Position
from incidents.decisions import Decisions
from incidents.event import Event, Origin, Place
from incidents.incident import Actor, Beginning, Incident, Kept
from incidents.lifecycle import Role, State
from incidents.moves import begin
from incidents.standards import tables

NOON = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
"""Noon in Shanghai."""
LON, LAT = 116.3, 27.9
CELL = "99010200100101"
LITTER = "gb47678.5-2026/matter/06010"
NOISE = "gb47678.5-2026/matter/06028"
FLOOD = "local/matter/11001"


def minutes(n: float) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=n)


def a_place(east_m: float = 0.0, *, cell_code: str | None = CELL, lat: float = LAT) -> Place:
    """A place so many metres east of the middle of the test city."""
    lon = LON + east_m / 98_420.0  # metres of a degree of longitude at 27.9°
    parts = {"community": 12, "street": 9, "district": 6}
    areas: dict[str, Any] = {
        name: cell_code[:n] if cell_code else None for name, n in parts.items()
    }
    return Place(Position(lon, lat, Datum.WGS84), lon, lat, None, cell_code, **areas)


def an_event(id_: str = "e1", **changes: Any) -> Event:
    """A camera's event of exposed litter at noon."""
    given: dict[str, Any] = {
        "source": "cam-01",
        "id": id_,
        "origin": Origin.STREAM,
        "kind": "exposed_litter",
        "at": NOON,
        "place": a_place(),
        "category": LITTER,
        "score": 0.9,
        **changes,
    }
    return Event(**given)


def a_report(id_: str = "r1", **changes: Any) -> Event:
    """The same, told by a person."""
    told = {"source": "person:wang", "origin": Origin.PERSON, "kind": "report", "score": None}
    return an_event(id_, **{**told, "text": "路口堆着垃圾", **changes})


def a_verdict(id_: str = "7:1000", **changes: Any) -> Event:
    """A rule's word on device d-7, as an event."""
    given = {
        "source": "rule:road-water-cut",
        "origin": Origin.RULE,
        "kind": "raised",
        "category": FLOOD,
        "subject": "device:d-7",
        "rule": "road-water-cut",
        "score": None,
        "saw": {"rule": "road-water-cut", "edition": 1},
        "text": "道路积水断路 / road to be closed",
    }
    return an_event(id_, **{**given, **changes})


def opened(number: str = "9901022026050100001", event: Event | None = None) -> Kept:
    """An incident just opened from an event."""
    event = event or an_event()
    return begin(number, event, Beginning(event.category or LITTER, State.OPEN), event.at)


def an_incident(number: str = "9901022026050100001", **changes: Any) -> Incident:
    """An incident in `open`, changed as asked."""
    return replace(opened(number)[0], **changes)


def an_actor(role: Role, department: str | None = None, area: str | None = None) -> Actor:
    """Somebody of a role."""
    return Actor(f"{role}-1", role, department, area)


@cache
def the_decisions() -> Decisions:
    """The demonstration city's decisions, each edition 1."""
    return tables.decide(tables.seed(), {"rules": 1, "routes": 1, "standards": 1})
