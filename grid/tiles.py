"""An edition as static vector tiles (Mapbox Vector Tile 2.1): made once, served as they are, drawn at once.

Three layers: `cells`, polygons whose id is the cell's place in the order of codes; `areas`, the outlines of districts,
streets and communities; `names`, a point inside each with what it is called. Geometry is rounded to the tile's own
lattice, coarser where cells are small, so neighbours keep one common border at every zoom. Colours are nobody's
business here: they come by the cell's place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from grid.edition import Edition
from grid.mvt import Layer, encode, polygons_of
from grid.unit_grid import COMMUNITY_LENGTH, DISTRICT_LENGTH, STREET_LENGTH

EXTENT: Final = 4096
"""Units of a tile's side."""
BUFFER: Final = 64
"""Units a tile knows beyond its side, so that borders drawn there have no seams."""
LEVELS: Final = {
    "district": DISTRICT_LENGTH,
    "street": STREET_LENGTH,
    "community": COMMUNITY_LENGTH,
}
_DEEPEST: Final = 15
_COARSE: Final = 4
"""Units that borders are rounded to above the deepest zoom: half a pixel where a tile is 512 wide."""
_HIGHEST_LAT: Final = 85.0511


@dataclass(frozen=True, slots=True)
class Plan:
    """Which zooms and tiles an edition has; degrees WGS-84."""

    lowest: int
    highest: int
    bounds: tuple[float, float, float, float]

    @classmethod
    def of(cls, edition: Edition) -> Plan:
        """From the zoom at which four tiles hold the city to the one at which a metre is a few units."""
        west, south, east, north = edition.bounds
        left, top, right, bottom = _world(np.array([[west, north], [east, south]])).ravel().tolist()
        side = max(right - left, bottom - top, 1e-9)
        lowest = min(max(0, math.floor(-math.log2(side))), _DEEPEST - 2)
        return cls(lowest, min(_DEEPEST, max(lowest + 2, 14)), (west, south, east, north))


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: its place, and its bytes, not compressed."""

    z: int
    x: int
    y: int
    data: bytes


@dataclass(frozen=True, slots=True)
class _Source:
    """What a layer is cut from: geometries in world units (the whole world is 1 wide, y down), ids, properties."""

    name: str
    shapes: NDArray[Any]
    ids: NDArray[np.int64]
    properties: tuple[dict[str, str | int], ...] | None
    points: bool = False


def tiles(edition: Edition, plan: Plan | None = None) -> Iterator[Tile]:
    """Every tile that holds anything, zoom by zoom."""
    if len(edition) == 0:
        return
    plan = plan or Plan.of(edition)
    sources = _sources(edition)
    for z in range(plan.lowest, plan.highest + 1):
        coarse = 1 if z == plan.highest else _COARSE
        shares = [_shares(source, z) for source in sources]
        for key in sorted(set().union(*(share.keys() for share in shares))):
            layers = [
                _layer(source, share[key], (z, *key), coarse)
                for source, share in zip(sources, shares, strict=True)
                if key in share
            ]
            data = encode([layer for layer in layers if layer is not None])
            if data:
                yield Tile(z, *key, data)


def _sources(edition: Edition) -> list[_Source]:
    cells = shapely.transform(edition.polygons, _world)
    whole = np.arange(len(edition), dtype=np.int64)
    outlines: list[Any] = []
    about: list[dict[str, str | int]] = []
    for level, length in LEVELS.items():
        codes = edition.codes.astype(f"U{length}")
        for code in np.unique(codes).tolist():
            outlines.append(_union(cells[codes == code]))
            name = edition.area_names.get(code, "")
            about.append({"level": level, "code": code, "name": name})
    shapes = np.array(outlines, dtype=object)
    ids = np.arange(len(shapes), dtype=np.int64)
    inside = shapely.point_on_surface(shapes)
    return [
        _Source("cells", cells, whole, None),
        _Source("areas", shapes, ids, tuple(about)),
        _Source("names", inside, ids, tuple(about), points=True),
    ]


def _union(cells: NDArray[Any]) -> Any:
    """Cells that share their borders as one; by the slower way where the borders do not fit to the last digit."""
    try:
        whole = shapely.coverage_union_all(cells)
    except shapely.errors.GEOSException:
        whole = None
    if whole is not None and shapely.is_valid(whole):
        return whole
    return shapely.union_all(shapely.make_valid(cells))


def _world(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Web Mercator, the world 1 wide and y down."""
    lon, lat = degrees[:, 0], np.clip(degrees[:, 1], -_HIGHEST_LAT, _HIGHEST_LAT)
    y = (1 - np.arcsinh(np.tan(np.radians(lat))) / math.pi) / 2
    return np.column_stack([(lon + 180) / 360, y])


def _shares(source: _Source, z: int) -> dict[tuple[int, int], NDArray[np.int64]]:
    """Which geometries each tile of a zoom touches."""
    margin = 0.0 if source.points else BUFFER / EXTENT
    bounds = shapely.bounds(source.shapes) * 2**z
    low = np.floor(bounds[:, :2] - margin).astype(np.int64)
    high = np.floor(bounds[:, 2:] + margin).astype(np.int64)
    wide, tall = (high - low + 1).T
    which = np.repeat(np.arange(len(low)), wide * tall)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(wide * tall) - wide * tall, wide * tall)
    x = low[which, 0] + nth % wide[which]
    y = low[which, 1] + nth // wide[which]
    inside = (x >= 0) & (y >= 0) & (x < 2**z) & (y < 2**z)
    which, x, y = which[inside], x[inside], y[inside]
    order = np.lexsort((which, y, x))
    which, x, y = which[order], x[order], y[order]
    if len(which) == 0:
        return {}
    begins = np.flatnonzero(np.r_[True, (np.diff(x) != 0) | (np.diff(y) != 0)])
    parts = np.split(which, begins[1:])
    return {(int(x[at]), int(y[at])): part for at, part in zip(begins, parts, strict=True)}


def _layer(
    source: _Source, which: NDArray[np.int64], at: tuple[int, int, int], coarse: int
) -> Layer | None:
    """A layer of one tile; None when nothing of it is left there."""
    z, x, y = at
    scale, origin = EXTENT * 2.0**z, np.array([x * EXTENT, y * EXTENT], dtype=np.float64)
    shapes = shapely.transform(source.shapes[which], lambda world: world * scale - origin)
    if source.points:
        places = np.rint(shapely.get_coordinates(shapes)).astype(np.int64)
        return Layer.of_points(source.name, places, source.ids[which], _told(source, which))
    edge = shapely.bounds(shapes)
    out = ((edge[:, :2] < -BUFFER) | (edge[:, 2:] > EXTENT + BUFFER)).any(axis=1)
    if out.any():
        shapes[out] = shapely.clip_by_rect(
            shapes[out], -BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER
        )
    rings = polygons_of(shapes, coarse)
    if rings is None:
        return None
    kept = which[rings.features]
    return Layer.of_polygons(source.name, rings, source.ids[kept], _told(source, kept))


def _told(source: _Source, which: NDArray[np.int64]) -> list[dict[str, str | int]] | None:
    return None if source.properties is None else [source.properties[n] for n in which.tolist()]
