"""Event 上报信息: something seen, somewhere, at some time, by a source. (source, id) names it for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from grid.coordinates import Position


class Origin(StrEnum):
    """How the event reached us: through Kafka, from a person, or as a rule's verdict over readings."""

    STREAM = "stream"
    PERSON = "person"
    RULE = "rule"


class Outcome(StrEnum):
    """What became of an event; every event has exactly one (the books balance on it)."""

    OPENED = "opened"
    JOINED = "joined"
    FILTERED = "filtered"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Place:
    """Where, as given and as found: the raw position, WGS-84 degrees, and the cell of the edition in force.

    `cell` is unit_grid.id, `cell_code` its 14- or 15-character code; all None outside the city or without a place.
    """

    raw: Position | None = None
    lon: float | None = None
    lat: float | None = None
    cell: int | None = None
    cell_code: str | None = None
    community: str | None = None
    street: str | None = None
    district: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing seen.

    `category` is a category key's text or None; `subject` names the thing concerned (`device:…`, `component:…`);
    `score` 0..1 and `zones` come from video; `saw` is what a rule saw when it gave the verdict.
    """

    source: str
    id: str
    origin: Origin
    kind: str
    at: datetime
    place: Place
    category: str | None = None
    subject: str | None = None
    score: float | None = None
    zones: tuple[str, ...] = ()
    text: str = ""
    media: tuple[str, ...] = ()
    rule: str | None = None
    saw: Mapping[str, Any] | None = None
    raw: Mapping[str, Any] | None = None
    reporter: Mapping[str, Any] | None = field(default=None, repr=False)
