"""Small made-up cities and the awkward places in them, for the tests and the bench of the grid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from grid.coordinates import metres_per_degree
from grid.edition import Edition

Floats = NDArray[np.float64]

HERE = (116.35, 27.95)
"""Degrees of the south-western corner of most of these cities."""
NEW_YEAR = date(2026, 1, 1)


def code_of(number: int) -> str:
    """A code of fifteen digits: a hundred cells to a community, ten communities to a street."""
    street, community = number // 1000 + 1, number // 100 % 10 + 1
    return f"361002{street:03d}{community:03d}{number % 100 + 1:03d}"


def edition_of(polygons: Any, name: str = "test") -> Edition:
    """Polygons as an edition, in the order given."""
    return Edition.of(name, NEW_YEAR, ([code_of(i) for i in range(len(polygons))], list(polygons)))


def block(
    across: int,
    up: int,
    *,
    step_m: float = 100.0,
    bend: int = 3,
    seed: int = 1,
    corner: tuple[float, float] = HERE,
    decimals: int = 7,
) -> NDArray[Any]:
    """Bent cells that fit without gap: corners are moved, sides broken in `bend` pieces."""
    dice = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(across + 1.0), np.arange(up + 1.0), indexing="ij"), -1)
    corners = (grid + dice.uniform(-0.25, 0.25, grid.shape)) * step_m

    def side(a: Floats, b: Floats) -> Floats:
        share = np.linspace(0, 1, bend + 1)[1:-1, None]
        middle: Floats = a + (b - a) * share
        return middle + dice.uniform(-0.012, 0.012, middle.shape) * step_m

    flat = {
        (i, j): side(corners[i, j], corners[i + 1, j]) for i in range(across) for j in range(up + 1)
    }
    steep = {
        (i, j): side(corners[i, j], corners[i, j + 1]) for i in range(across + 1) for j in range(up)
    }
    scale = np.array(metres_per_degree(corner[1]))
    cells = []
    for i in range(across):
        for j in range(up):
            ring = [
                corners[i, j][None],
                flat[i, j],
                corners[i + 1, j][None],
                steep[i + 1, j],
                corners[i + 1, j + 1][None],
                flat[i, j + 1][::-1],
                corners[i, j + 1][None],
                steep[i, j][::-1],
            ]
            degrees = np.concatenate(ring) / scale + corner
            cells.append(shapely.Polygon(np.round(degrees, decimals)))
    return np.array(cells, dtype=object)


def with_lakes_and_islands(seed: int = 3) -> NDArray[Any]:
    """A block with missing cells, cells with a hole, and some holes filled by a cell of their own."""
    dice = np.random.default_rng(seed)
    cells = list(block(12, 12, seed=seed))
    for at in dice.choice(len(cells), 20, replace=False).tolist():
        middle = cells[at].centroid
        hole = shapely.Point(middle.x, middle.y).buffer(2e-4, quad_segs=3)
        cells[at] = cells[at].difference(hole)
        if at % 2:
            cells.append(hole)
    gone = set(dice.choice(144, 8, replace=False).tolist())
    return np.array([cell for at, cell in enumerate(cells) if at not in gone], dtype=object)


def overlapping(seed: int = 4) -> NDArray[Any]:
    """Cells that lie upon each other, and gaps."""
    dice = np.random.default_rng(seed)
    cells = block(8, 8, seed=seed)
    grown = [cell.buffer(dice.choice([-1e-4, 0.0, 2e-4])) for cell in cells]
    return np.array(grown, dtype=object)


def nested(seed: int = 5) -> NDArray[Any]:
    """The same cell twice, and cells within cells, the lower code sometimes inside."""
    cells = block(4, 4, seed=seed)
    inner = [cell.buffer(-1e-4) for cell in cells[:8]]
    outer = [cell.buffer(3e-4) for cell in cells[8:12]]
    return np.array([*inner, *cells, *cells[:5], *outer], dtype=object)


def scattered_parts(seed: int = 6) -> NDArray[Any]:
    """MultiPolygons: each cell has two parts, a block apart."""
    near = block(6, 6, seed=seed)
    far = block(6, 6, seed=seed, corner=(HERE[0] + 0.02, HERE[1] + 0.004))
    parts = [shapely.union_all([a, b]) for a, b in zip(near, far, strict=True)]
    return np.array(parts, dtype=object)


def crowd(seed: int = 7) -> NDArray[Any]:
    """Cells of a metre, dozens in each pixel of the raster."""
    return block(25, 25, step_m=1.0, bend=2, seed=seed, decimals=9)


def squares() -> NDArray[Any]:
    """Regular squares whose limits run along meridians and parallels."""
    size = 0.001
    boxes = [
        shapely.box(
            HERE[0] + i * size,
            HERE[1] + j * size,
            HERE[0] + (i + 1) * size,
            HERE[1] + (j + 1) * size,
        )
        for i in range(8)
        for j in range(8)
    ]
    return np.array(boxes, dtype=object)


HARD: dict[str, Callable[[], NDArray[Any]]] = {
    "a plain block": lambda: block(12, 12),
    "finely bent limits": lambda: block(6, 6, bend=18),
    "regular squares": squares,
    "lakes, holes and islands": with_lakes_and_islands,
    "overlaps and gaps": overlapping,
    "nested and doubled cells": nested,
    "cells in two parts": scattered_parts,
    "cells of a metre": crowd,
    "across the equator and Greenwich": lambda: block(10, 10, corner=(-0.005, -0.0045)),
    "south and west": lambda: block(10, 10, corner=(-58.4, -34.6)),
    "beside the date line": lambda: block(10, 10, corner=(179.9, -17.8)),
    "far north": lambda: block(10, 10, corner=(15.6, 78.2)),
    "one large cell": lambda: block(1, 1, step_m=3000.0, bend=40),
    "long thin cells": lambda: np.array(
        [
            shapely.box(HERE[0] + i * 2e-5, HERE[1], HERE[0] + (i + 1) * 2e-5, HERE[1] + 0.01)
            for i in range(40)
        ],
        dtype=object,
    ),
}
"""Every city whose cells are hard to tell apart, by what is hard about it."""


def uniform(polygons: NDArray[Any], count: int, seed: int = 11) -> tuple[Floats, Floats]:
    """Places anywhere in the box of a city, a little beyond as well."""
    dice = np.random.default_rng(seed)
    west, south, east, north = shapely.total_bounds(polygons)
    wide, high = (east - west) * 0.02, (north - south) * 0.02
    return (
        dice.uniform(west - wide, east + wide, count),
        dice.uniform(south - high, north + high, count),
    )


def along_streets(polygons: NDArray[Any], count: int, seed: int = 12) -> tuple[Floats, Floats]:
    """Places on the limits of cells, five metres to and fro as a receiver has it."""
    dice = np.random.default_rng(seed)
    rings = shapely.get_rings(shapely.get_parts(polygons))
    at, ring = shapely.get_coordinates(rings, return_index=True)
    edges = np.flatnonzero(ring[1:] == ring[:-1])
    long_ = np.hypot(*(at[edges + 1] - at[edges]).T)
    some = dice.choice(edges, count, p=long_ / long_.sum())
    share = dice.random(count)[:, None]
    places = at[some] + (at[some + 1] - at[some]) * share
    places += dice.normal(0, 5, places.shape) / np.array(metres_per_degree(at[0, 1]))
    return places[:, 0].copy(), places[:, 1].copy()


def evil(polygons: NDArray[Any], most: int = 20_000, seed: int = 13) -> tuple[Floats, Floats]:
    """Corners, points on edges, all of them a hair beside, and numbers that are no place."""
    dice = np.random.default_rng(seed)
    rings = shapely.get_rings(shapely.get_parts(polygons))
    at, ring = shapely.get_coordinates(rings, return_index=True)
    same = np.flatnonzero(ring[1:] == ring[:-1])
    middles = [at[same] + (at[same + 1] - at[same]) * share for share in (0.25, 0.5, 1 / 3)]
    exact = np.concatenate([at, *middles])
    if len(exact) > most:
        exact = exact[dice.choice(len(exact), most, replace=False)]
    beside = [
        np.nextafter(exact, np.inf),
        np.nextafter(exact, -np.inf),
        np.column_stack([np.nextafter(exact[:, 0], np.inf), exact[:, 1]]),
        exact + dice.choice([-1e-12, 1e-12, 1e-10, -1e-9, 1e-9], exact.shape),
    ]
    west, south, east, north = shapely.total_bounds(polygons)
    odd = [np.nan, np.inf, -np.inf, 1e308, -1e308, 5e9, -5e9, 2.0**31, 2.0**32, 0.0, west, north]
    wild = np.stack(np.meshgrid(odd, odd), -1).reshape(-1, 2)
    corners = np.array([[west, south], [east, north], [south, west], [north, east]])
    whole = np.concatenate([exact, *beside, wild, corners, exact[:200, ::-1]])
    return whole[:, 0].copy(), whole[:, 1].copy()
