"""The machines of the fictional city and the facilities 部件 they watch: where each stands, and what it measures.

Places come from the drawn land and one seed. Some makers deliver GCJ-02, as real ones do: those
devices keep the coordinates as given, with their datum.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry import Point

from demo.geography import SHEET, Land
from grid.component import Component
from grid.coordinates import Datum, Position
from grid.edition import Edition
from grid.unit_grid import unit_grid_code

CODE_SET = "gb47678.5-2026"


@dataclass(frozen=True, slots=True)
class Make:
    """One kind of device: how many, where, on what facility, with what coordinates.

    `metrics` are codes of what it measures (none: a camera, which tells events). `facility` is the
    class of the component it watches (GB/T 47678.5). `where` names a placing of `_PLACINGS`.
    """

    kind: str
    prefix: str
    name_zh: str
    count: int
    metrics: tuple[str, ...]
    facility: str
    facility_zh: str
    where: str
    datum: Datum = Datum.WGS84


@dataclass(frozen=True, slots=True)
class Device:
    """A machine of the city: code, name, kind, its place as its maker gives it, its facility."""

    code: str
    name: str
    kind: str
    metrics: tuple[str, ...]
    position: Position
    component: str | None


@dataclass(frozen=True, slots=True)
class Metric:
    """Something measured, with its unit."""

    code: str
    name: str
    unit: str


METRICS = (
    Metric("manhole.tilt", "井盖倾角", "°"),
    Metric("well.level", "井下液位", "m"),
    Metric("road.water", "路面积水深度", "cm"),
    Metric("gas.lel", "可燃气体浓度", "%LEL"),
    Metric("air.pm25", "PM2.5", "µg/m³"),
    Metric("noise.leq", "环境噪声", "dB(A)"),
    Metric("smoke.alarm", "烟感报警", ""),
    Metric("bin.fill", "垃圾箱满溢度", "%"),
    Metric("hydrant.pressure", "消火栓压力", "MPa"),
)

MAKES = (
    Make("manhole", "JG", "井盖", 90, ("manhole.tilt",), "01002", "污水井盖", "road"),
    Make("well", "YW", "雨水井液位计", 40, ("well.level",), "01003", "雨水井盖", "riverside"),
    Make("road_water", "JS", "积水监测点", 24, ("road.water",), "01067", "防汛监测设施", "low"),
    Make("gas", "RQ", "燃气阀井探测器", 30, ("gas.lel",), "01011", "燃气井盖", "road"),
    Make("air", "KQ", "空气微站", 12, ("air.pm25",), "03010", "环保监测站", "spread"),
    Make("noise", "ZS", "噪声监测屏", 20, ("noise.leq",), "03013", "噪声显示屏", "road"),
    Make("smoke", "YG", "沿街商铺烟感", 30, ("smoke.alarm",), "01013", "消防设施", "anywhere"),
    Make("hydrant", "XH", "消火栓", 12, ("hydrant.pressure",), "01013", "消防设施", "road"),
    Make("bin", "LJ", "智能垃圾箱", 36, ("bin.fill",), "03005", "垃圾箱", "road", Datum.GCJ02),
    Make("camera", "SP", "视频点位", 30, (), "01050", "监控电子眼设施", "road", Datum.GCJ02),
)

_STREET_LIGHTS, _BENCHES = 420, 120
_FURNITURE = (("01037", "路灯", _STREET_LIGHTS), ("04007", "街头座椅", _BENCHES))
"""Facilities without a machine: class, name, how many."""


def furnish(
    land: Land, edition: Edition, seed: int = 20260102
) -> tuple[tuple[Device, ...], tuple[Component, ...]]:
    """All devices, and all facilities: those the devices watch and those nobody watches."""
    dice = random.Random(seed)
    places = _Places(land, edition, dice)
    devices: list[Device] = []
    components: list[Component] = []
    running: dict[str, Iterator[int]] = {}
    for make in MAKES:
        for i in range(make.count):
            x, y, cell = places.find(make.where, i / make.count)
            facility = _component(make.facility, make.facility_zh, (x, y), cell, running)
            components.append(facility)
            devices.append(_device(make, i + 1, facility, edition, cell))
    for kind, name, count in _FURNITURE:
        for _ in range(count):
            x, y, cell = places.find("road", 0)
            components.append(_component(kind, name, (x, y), cell, running))
    return tuple(devices), tuple(components)


def _component(
    kind: str, name: str, xy: tuple[float, float], cell: str, running: dict[str, Iterator[int]]
) -> Component:
    """A facility with its 17 digits: 6 region + 2 + 3 class + 6 sequence (GB/T 47678.5)."""
    head = cell[:6] + kind
    sequence = next(running.setdefault(head, iter(range(1, 1_000_000))))
    lon, lat = _degrees(*xy)
    return Component(
        code=f"{head}{sequence:06d}",
        name=name,
        position=Position(lon, lat, Datum.WGS84),
        cell=unit_grid_code(cell),
    )


def _device(make: Make, number: int, facility: Component, edition: Edition, cell: str) -> Device:
    community = edition.area_names[cell[:12]].removesuffix("社区")
    return Device(
        code=f"{make.prefix}-{number:04d}",
        name=f"{community}{make.name_zh}{number:02d}",
        kind=make.kind,
        metrics=make.metrics,
        position=facility.position.into(make.datum),
        component=facility.code,
    )


def _degrees(x: float, y: float) -> tuple[float, float]:
    place = SHEET.on_earth(Point(x, y))
    return float(place.x), float(place.y)


class _Places:
    """Finds places of a wanted sort that lie on land, inside a cell and away from its edge."""

    def __init__(self, land: Land, edition: Edition, dice: random.Random) -> None:
        self._dice = dice
        self._land = land
        self._edition = edition
        self._tree = shapely.STRtree(edition.polygons)
        self._water = shapely.union_all([w.area for w in land.waters])
        self._roads = [road.line for road in land.roads]
        self._quays = [road.line for road in land.roads if road.name.startswith("滨江")]
        self._ring = [road.line for road in land.roads if road.name == "环城路"]
        self._communities = [land.communities[key] for key in sorted(land.communities)]
        self._placings: dict[str, Callable[[float], tuple[float, float]]] = {
            "road": lambda _: self._beside(self._roads, 9),
            "riverside": lambda _: self._beside(self._quays, 160),
            "low": lambda part: self._beside(self._ring if part < 0.6 else self._quays, 14),
            "spread": self._spread,
            "anywhere": lambda _: self._within(self._dice.choice(self._communities)),
        }

    def find(self, where: str, part: float) -> tuple[float, float, str]:
        """A place in metres with the code of its cell; `part` 0..1 is how far the series is."""
        for _ in range(200):
            x, y = self._placings[where](part)
            if self._water.contains(Point(x, y)):
                continue
            lon, lat = _degrees(x, y)
            around = Point(lon, lat).buffer(0.00003)  # 3 m: a cut of the datum cannot move it out
            cells = self._tree.query(around, predicate="within")
            if len(cells):
                return x, y, str(self._edition.codes[int(cells[0])])
        raise AssertionError(f"no place found for {where}")

    def _beside(self, lines: list[Any], apart: float) -> tuple[float, float]:
        """Near a line, chosen by length; on either side."""
        line = self._dice.choices(lines, weights=[one.length for one in lines])[0]
        part = self._dice.choice(shapely.get_parts(line).tolist())
        at = part.interpolate(self._dice.uniform(0, part.length))
        return at.x + self._dice.uniform(-apart, apart), at.y + self._dice.uniform(-apart, apart)

    def _spread(self, part: float) -> tuple[float, float]:
        """One after the other over the communities."""
        return self._within(self._communities[int(part * len(self._communities))])

    def _within(self, area: Any) -> tuple[float, float]:
        west, south, east, north = area.bounds
        while True:
            x, y = self._dice.uniform(west, east), self._dice.uniform(south, north)
            if area.contains(Point(x, y)):
                return x, y
