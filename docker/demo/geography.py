"""The land of the fictional city: river, lakes, roads, districts, streets and communities, in metres.

Drawn from fixed numbers and one seed, so that it is the same on every machine. The city stands on
no real ground: its origin lies in the open East China Sea, where no street can be mistaken for it,
yet inside the box in which GCJ-02 shifts places.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from shapely.geometry import LineString, Polygon

from demo.plane import Sheet, bisect, blob, curve, first_side, largest, seamless, share_off

SHEET = Sheet(lon=123.4, lat=30.6)
RIVER_WIDTH, STREAM_WIDTH = 110.0, 50.0
STREETS_PER_SIDE = (4, 2, 2)
COMMUNITIES_PER_STREET = 5


@dataclass(frozen=True, slots=True)
class Road:
    """A road, embankment or lane with its name; `rank` 1 is an avenue, 2 a road, 3 a lane."""

    name: str
    rank: int
    line: Any


@dataclass(frozen=True, slots=True)
class Water:
    """A river or a lake with its name."""

    name: str
    area: Any


@dataclass(frozen=True, slots=True)
class Land:
    """Everything drawn, in metres; communities by (district, street, community), counted from 0."""

    outline: Polygon
    waters: tuple[Water, ...]
    roads: tuple[Road, ...]
    communities: dict[tuple[int, int, int], Polygon]

    @property
    def cutting_lines(self) -> list[Any]:
        """What a cell should not straddle: roads and shores."""
        return [*(road.line for road in self.roads), *(w.area.boundary for w in self.waters)]


def draw(seed: int = 20260101) -> Land:
    """The whole land."""
    dice = random.Random(seed)
    outline = blob(1818, ((2, 0.07, 0.4), (3, 0.05, 2.2), (5, 0.022, 1.0)), 90, (0, 0))
    river, stream = _river(), _stream()
    sides = _sides(outline, river, stream)
    ring, outer = _ring(800), _ring(1290)
    roads = [
        Road("环城路", 1, ring.intersection(outline)),
        Road("外环路", 1, outer.intersection(outline)),
        *_embankments(outline, river),
    ]
    pieces: dict[tuple[int, int, int], Polygon] = {}
    for i, side in enumerate(sides):
        sectors, avenues = _sectors(side, _PIVOTS[i], STREETS_PER_SIDE[i])
        roads += [Road(_AVENUES[i][j], 1, line) for j, line in enumerate(avenues)]
        for j, sector in enumerate(sectors):
            cut, lanes = _neighbourhoods(sector, Polygon(ring), lambda: dice.uniform(-1, 1))
            roads += [Road("", 2, line) for line in lanes]
            pieces.update({(i, j, k): piece for k, piece in enumerate(cut)})
    clean = dict(zip(pieces, seamless(list(pieces.values())), strict=True))
    waters = (
        Water("汀江", river.buffer(RIVER_WIDTH / 2).intersection(outline)),
        Water("白鹭溪", stream.buffer(STREAM_WIDTH / 2).intersection(outline)),
        *_lakes(),
    )
    return Land(outline, waters, tuple(roads), clean)


_PIVOTS = ((60.0, -1150.0), (80.0, 900.0), (80.0, 900.0))
"""Where the avenues of each side would meet if they went on."""

_AVENUES = (
    ("望京门大街", "钟楼大街", "北闸大街"),
    ("书院大道",),
    ("船厂大道",),
)


def _river() -> LineString:
    return curve(
        np.linspace(-2600, 2600, 80).tolist(),
        lambda x: -170 + 190 * math.sin(x / 820 + 0.5) - 0.04 * x,
    )


def _stream() -> LineString:
    """A brook from the south into the river."""
    mouth = -170 + 190 * math.sin(130 / 820 + 0.5)
    return curve(
        np.linspace(-2600, mouth, 40).tolist(),
        lambda y: 130 + 150 * math.sin((y - mouth) / 520),
        upright=True,
    )


def _sides(outline: Polygon, river: LineString, stream: LineString) -> list[Polygon]:
    """North of the river, south-west and south-east of it."""
    north = largest(first_side(outline, river))
    south = largest(outline.difference(north))
    west = largest(first_side(south, stream))
    east = largest(south.difference(west))
    return [north, west, east]


def _ring(radius: float) -> LineString:
    shape = blob(radius, ((2, 0.06, 0.4), (4, 0.03, 0.7)), 96, (20, 60))
    return LineString(shape.exterior.coords)


def _spoke(pivot: tuple[float, float], turn: float) -> LineString:
    """An avenue from a pivot outwards in a direction (radians), slightly bent."""
    steps = np.linspace(0, 5200, 60)
    bent = turn + 0.035 * np.sin(steps / 700)
    x, y = pivot[0] + steps * np.cos(bent), pivot[1] + steps * np.sin(bent)
    return LineString(list(zip(x.tolist(), y.tolist(), strict=True)))


def _sectors(
    side: Polygon, pivot: tuple[float, float], count: int
) -> tuple[list[Polygon], list[Any]]:
    """A side in streets of like area, turning clockwise, and the avenues between them."""
    rest, sectors, avenues = side, [], []
    for left in range(count, 1, -1):

        def line_at(turn: float) -> LineString:
            return _spoke(pivot, -turn)

        start = 0.0 if pivot[1] > 0 else -math.pi
        turn = share_off(rest, line_at, (start, start + math.pi), 1 / left)
        sectors.append(largest(first_side(rest, line_at(turn))))
        rest = largest(rest.difference(sectors[-1]))
        avenues.append(line_at(turn).intersection(side))
    return [*sectors, rest], avenues


def _neighbourhoods(
    sector: Polygon, inner: Polygon, bend: Callable[[], float]
) -> tuple[list[Polygon], list[LineString]]:
    """A street in communities: those within the ring road and those beyond it."""
    core, edge = sector.intersection(inner), sector.difference(inner)
    count = round(COMMUNITIES_PER_STREET * core.area / sector.area)
    if count in (0, COMMUNITIES_PER_STREET):
        return bisect(sector, COMMUNITIES_PER_STREET, bend)
    within, lanes = bisect(largest(core), count, bend)
    beyond, more = bisect(largest(edge), COMMUNITIES_PER_STREET - count, bend)
    return [*within, *beyond], [*lanes, *more]


def _embankments(outline: Polygon, river: LineString) -> list[Road]:
    far = RIVER_WIDTH / 2 + 35
    return [
        Road("滨江北路", 1, river.offset_curve(far).intersection(outline)),
        Road("滨江南路", 1, river.offset_curve(-far).intersection(outline)),
    ]


def _lakes() -> list[Water]:
    return [
        Water(
            "月牙湖", blob(170, ((1, 0.18, 0.6), (2, 0.22, 1.2), (3, 0.08, 0.1)), 48, (-1255, 930))
        ),
        Water("砚池", blob(105, ((2, 0.20, 0.2), (3, 0.10, 1.4)), 36, (1110, 258))),
        Water("南塘", blob(105, ((2, 0.24, 2.0), (3, 0.07, 0.5)), 40, (-430, -960))),
    ]
