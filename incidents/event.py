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
    `swapped`: no cell as given, but one of the city's with longitude and latitude exchanged; nobody exchanges them.
    `device` is the code of the fixed device whose registered place it is; None where the event brought its own.
    """

    raw: Position | None = None
    lon: float | None = None
    lat: float | None = None
    cell: int | None = None
    cell_code: str | None = None
    community: str | None = None
    street: str | None = None
    district: str | None = None
    swapped: bool = False
    device: str | None = None

    @property
    def why(self) -> str:
        """Why this cell, or why none and what to do about it; Chinese / English."""
        if self.raw is None:
            if self.device:
                return f"设备 {self.device} 没有登记位置，请登记 / device {self.device} has no registered place, register one"
            return "上报未给出位置 / no position was given"
        given = f"{self.raw.lon:.6f}, {self.raw.lat:.6f}, {self.raw.datum}"
        if self.device:
            zh, en = (
                f"固定设备登记位置 {self.device}（{given}）",
                f"place registered for {self.device}",
            )
        else:
            zh, en = f"上报位置（{given}）", "place as reported"
        if self.cell_code is not None:
            return f"{zh}在此单元网格内 / {en}, within this cell"
        if self.swapped:
            return (
                f"经纬度似乎颠倒：{zh}对调后才在本市，请更正来源，先经度后纬度，再重新上报 / longitude and latitude look "
                "exchanged: correct the source, longitude first, and send it again"
            )
        return f"{zh}不在任何单元网格内，请核对坐标与坐标系 / {en}, outside every cell: check coordinates and datum"


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
