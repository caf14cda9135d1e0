"""Shapes of a city drawn on a flat sheet in metres (x east, y north), and their way onto the earth.

Knows nothing of names, codes or devices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import rotate
from shapely.geometry import LineString, Point, Polygon
from shapely.ops import polygonize, split

from grid.coordinates import metres_per_degree

PRECISION = 0.01
"""Metres: every vertex lies on this lattice, so that neighbours share theirs exactly."""

CutAt = Callable[[float], LineString]
"""A family of lines: a number moves the line across the sheet."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where the origin of the sheet lies on the earth, WGS-84 degrees."""

    lon: float
    lat: float

    def to_degrees(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Degrees of places in metres, rounded to 1e-7 (a centimetre); shape (n, 2) both."""
        east, north = metres_per_degree(self.lat)
        lon = self.lon + xy[:, 0] / float(east)
        lat = self.lat + xy[:, 1] / float(north)
        return np.round(np.column_stack([lon, lat]), 7).astype(np.float64)

    def on_earth(self, shape: Any) -> Any:
        """A shape of the sheet as a shape in degrees."""
        return shapely.transform(shape, self.to_degrees)


def blob(
    radius: float, waves: Sequence[tuple[int, float, float]], points: int, at: Sequence[float]
) -> Polygon:
    """A closed wavy outline about `at`; each wave is (how many, share of the radius, phase)."""
    turn = np.linspace(0, 2 * math.pi, points, endpoint=False)
    far = radius * (1 + sum(share * np.sin(count * turn + phase) for count, share, phase in waves))
    return Polygon(np.column_stack([at[0] + far * np.cos(turn), at[1] + far * np.sin(turn)]))


def curve(
    along: Sequence[float], across: Callable[[float], float], *, upright: bool = False
) -> LineString:
    """The line through (a, across(a)) for each a, or through (across(a), a) when upright."""
    return LineString([(across(a), a) if upright else (a, across(a)) for a in along])


def share_off(shape: Polygon, line_at: CutAt, reach: tuple[float, float], share: float) -> float:
    """Where the line must stand so that `share` of the shape lies on its first side.

    The area behind the line must grow with the number; found by halving 40 times.
    """
    low, high = reach
    for _ in range(40):
        middle = (low + high) / 2
        if first_side(shape, line_at(middle)).area < share * shape.area:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def first_side(shape: Polygon, line: LineString) -> Polygon:
    """The part of the shape on the left of a line that crosses it; empty when none is."""
    parts = [p for p in split(shape, line).geoms if _left_of(p, line)]
    return shapely.union_all(parts) if parts else Polygon()


def bisect(
    shape: Polygon, parts: int, bend: Callable[[], float]
) -> tuple[list[Polygon], list[LineString]]:
    """The shape in `parts` pieces of like area, and the lines that cut it.

    Cuts run across the longer side of what is to be cut, slightly bent, as streets do.
    """
    cuts: list[LineString] = []
    return _bisected(shape, parts, bend, cuts), cuts


def _bisected(
    shape: Polygon, parts: int, bend: Callable[[], float], cuts: list[LineString]
) -> list[Polygon]:
    if parts == 1:
        return [shape]
    some = parts // 2
    line_at, reach = _across(shape, bend())
    line = line_at(share_off(shape, line_at, reach, some / parts))
    left = first_side(shape, line)
    right = shape.difference(left)
    cuts.append(line.intersection(shape))
    return [
        *_bisected(largest(left), some, bend, cuts),
        *_bisected(largest(right), parts - some, bend, cuts),
    ]


def _across(shape: Polygon, bend: float) -> tuple[CutAt, tuple[float, float]]:
    """Slightly bent lines across the longer side of a shape, moving from its one end to the other."""
    box = shapely.oriented_envelope(shape)
    corners = np.asarray(box.exterior.coords)
    sides = corners[1:3] - corners[0:2]
    long = sides[int(np.argmax(np.hypot(sides[:, 0], sides[:, 1])))]
    turn = math.degrees(math.atan2(long[1], long[0])) + 4 * bend
    middle, size = box.centroid, float(np.hypot(*sides[0]) + np.hypot(*sides[1]))
    steps = np.linspace(-1, 1, 9)

    def line_at(where: float) -> LineString:
        bow = [(where + bend * 0.03 * size * (1 - s * s), s * size) for s in steps]
        flat = LineString([(middle.x + x, middle.y + y) for x, y in bow])
        return rotate(flat, turn, origin=(middle.x, middle.y))

    return line_at, (-size, size)


def _left_of(part: Polygon, line: LineString) -> bool:
    inside = part.representative_point()
    where = line.project(inside)
    a = line.interpolate(max(where - 0.5, 0.0))
    b = line.interpolate(min(where + 0.5, line.length))
    turn: float = (b.x - a.x) * (inside.y - a.y) - (b.y - a.y) * (inside.x - a.x)
    return turn > 0


def largest(shape: Any) -> Polygon:
    """The biggest part of a shape."""
    parts = shapely.get_parts(shape)
    return parts[int(np.argmax(shapely.area(parts)))]


def seamless(pieces: Sequence[Any]) -> list[Polygon]:
    """The same pieces with every shared limit drawn once: no gap, no overlap, no loose vertex.

    All limits are noded together on the lattice of `PRECISION` and closed to faces again; each
    face goes to the piece that holds most of it.
    """
    limits = shapely.union_all([p.boundary for p in pieces], grid_size=PRECISION)
    tree = shapely.STRtree(pieces)
    mine: list[list[Polygon]] = [[] for _ in pieces]
    for face in polygonize(shapely.get_parts(shapely.node(limits))):
        near = tree.query(face)
        shares = [face.intersection(pieces[i]).area for i in near]
        if max(shares) < 0.5 * face.area:  # a scrap no piece holds: to whom it borders longest
            shares = [face.boundary.intersection(pieces[i].boundary).length for i in near]
        mine[int(near[int(np.argmax(shares))])].append(face)
    return [largest(shapely.union_all(group)) for group in mine]


def nearest_on(lines: Any, x: float, y: float) -> tuple[float, float]:
    """The place on some lines nearest to a place."""
    place = shapely.shortest_line(lines, Point(x, y)).coords[0]
    return float(place[0]), float(place[1])
