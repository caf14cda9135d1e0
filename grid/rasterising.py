"""Builds the two-level raster of some polygons: numpy only, band by band of pixel rows.

Everything is conservative: a limit marks the sub-pixels within `NEAR` of it, a thousand times more
than rounding can move it, so what is not marked is on one side of every limit for certain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from grid.coordinates import Floats, metres_per_degree
from grid.raster import CROWDED, NO_CELL, NONE, ROOM, SIDE, TEST, Raster

PIXEL_M: Final = 10.0
"""Side of a pixel in metres, where the city is not too large for it."""
MOST_PIXELS: Final = 64_000_000
"""Larger rasters get larger pixels: this many take 256 MB."""
BORDER: Final = 2
"""Empty pixels around the city."""
NEAR: Final = 1e-3
"""Sub-pixels (about a millimetre) that a limit marks beside itself."""
BAND_PIXELS: Final = 100_000
"""Pixels built at a time: more is slower (the working arrays leave the cache) and takes more memory."""
_FREE: Final = np.iinfo(np.int32).max

Ints = NDArray[np.int64]


def rasterise(polygons: NDArray[Any]) -> Raster:
    """The raster of polygons in degrees; a cell is the position of its polygon."""
    west, south, per_lon, per_lat, width, height = _lattice(polygons)
    edges = _Edges.of(polygons, (west, south), (per_lon, per_lat))
    pixels = np.full(width * height, NO_CELL, dtype=np.int32)
    records: list[NDArray[np.uint8]] = [np.zeros((0, 64), dtype=np.uint8)]
    rows = max(1, BAND_PIXELS // width)
    made = 0
    for first in range(0, height, rows):
        last = min(first + rows, height)
        band = _Band(edges.between(first * SIDE, last * SIDE), first, last, width, len(polygons))
        numbers, inside = band.records()
        pixels[first * width : last * width] = band.pixels(numbers, made)
        records.append(inside)
        made += len(inside)
    return Raster(west, south, per_lon, per_lat, width, height, pixels, np.concatenate(records))


def _lattice(polygons: NDArray[Any]) -> tuple[float, float, float, float, int, int]:
    """Corner, sub-pixels per degree, and the pixels across and up."""
    if len(polygons) == 0:
        return 0.0, 0.0, 1.0, 1.0, 1, 1
    bounds = shapely.total_bounds(polygons)
    east_m, north_m = metres_per_degree(np.clip((bounds[1] + bounds[3]) / 2, -89.0, 89.0))
    size = (bounds[2:] - bounds[:2]) * (east_m, north_m)
    side = max(PIXEL_M, float(np.sqrt(size.prod() / MOST_PIXELS)), float(size.max()) / 2**20)
    pixel = np.array([side / east_m, side / north_m])
    corner = bounds[:2] - BORDER * pixel
    count = np.ceil((bounds[2:] - bounds[:2]) / pixel).astype(int) + 2 * BORDER
    per = SIDE / pixel
    return *corner.tolist(), *per.tolist(), *count.tolist()


@dataclass(frozen=True)
class _Edges:
    """Straight pieces of limits in sub-pixels, lower end first, and the cell each belongs to."""

    x0: Floats
    y0: Floats
    x1: Floats
    y1: Floats
    cell: Ints

    @classmethod
    def of(
        cls, polygons: NDArray[Any], corner: tuple[float, float], per: tuple[float, float]
    ) -> _Edges:
        # get_rings passes over MultiPolygons in silence, so their parts are taken first.
        parts, owner = shapely.get_parts(polygons, return_index=True)
        rings, part = shapely.get_rings(parts, return_index=True)
        at, ring = shapely.get_coordinates(rings, return_index=True)
        at = (at - corner) * per
        same = ring[1:] == ring[:-1]
        start, end = at[:-1][same], at[1:][same]
        up = (start[:, 1] <= end[:, 1])[:, None]
        low, high = np.where(up, start, end), np.where(up, end, start)
        cell = owner[part[ring[:-1][same]]].astype(np.int64)
        order = np.argsort(low[:, 1], kind="stable")
        low, high, cell = low[order], high[order], cell[order]
        return cls(low[:, 0], low[:, 1], high[:, 0], high[:, 1], cell)

    def between(self, bottom: float, top: float) -> _Edges:
        """Those that come near the rows from bottom to top."""
        upto = int(np.searchsorted(self.y0, top + 1))
        here = np.flatnonzero(self.y1[:upto] >= bottom - 1)
        return _Edges(self.x0[here], self.y0[here], self.x1[here], self.y1[here], self.cell[here])

    def x_at(self, edge: Ints, y: Floats) -> Floats:
        """Where edges meet heights that lie within them."""
        x0, y0, rise = self.x0[edge], self.y0[edge], self.y1[edge] - self.y0[edge]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(rise > 0, (y - y0) / rise, 0.0)
        x: Floats = x0 + np.clip(share, 0.0, 1.0) * (self.x1[edge] - x0)
        return x


class _Band:
    """Some rows of pixels: what is crossed in them, and what fills the rest."""

    def __init__(self, edges: _Edges, first: int, last: int, width: int, cells: int) -> None:
        self.edges = edges
        self.first, self.last, self.width, self.cells = first, last, width, max(cells, 1)

    def records(self) -> tuple[Ints, NDArray[np.uint8]]:
        """The crossed pixels, counted within the band, and their records."""
        row, column, cell = self._marks()
        numbers, record = np.unique((row >> 3) * self.width + (column >> 3), return_inverse=True)
        if len(numbers) == 0:
            return numbers, np.zeros((0, 64), dtype=np.uint8)
        place = ((row & 7) << 3) + (column & 7)
        filled = np.full(len(numbers) * SIDE * SIDE, _FREE, dtype=np.int32)
        pairs = [np.unique(record * self.cells + cell)]
        pairs.extend(self._fill_sub_pixels(numbers, filled))
        listed, crowded = _lists(np.unique(np.concatenate(pairs)), len(numbers), self.cells)
        four = _as_positions(filled.reshape(-1, SIDE * SIDE), listed)
        four.reshape(-1)[record * (SIDE * SIDE) + place] = TEST
        four[crowded] = TEST
        packed = np.zeros((len(numbers), 64), dtype=np.uint8)
        packed[:, :32] = four[:, 0::2] | (four[:, 1::2] << 4)
        packed.view(np.int32)[:, ROOM:] = listed
        return numbers, packed

    def pixels(self, numbers: Ints, made: int) -> NDArray[np.int32]:
        """The pixels of the band: filled by whole cells, then the crossed ones by records."""
        filled = np.full((self.last - self.first) * self.width, _FREE, dtype=np.int32)
        for cell, row, left, right in self._spans(SIDE):
            start, stop = _centres(left, right)
            at, owner = _ranges(row * self.width + start, row * self.width + stop)
            np.minimum.at(filled, at, cell[owner].astype(np.int32))
        filled[filled == _FREE] = NO_CELL
        filled[numbers] = -2 - made - np.arange(len(numbers), dtype=np.int32)
        return filled

    def _marks(self) -> tuple[Ints, Ints, Ints]:
        """Row (within the band), column and cell of each sub-pixel that a limit comes near."""
        edges = self.edges
        bottom, top = self.first * SIDE, self.last * SIDE
        low = np.clip(np.floor(edges.y0 - NEAR), bottom, top).astype(np.int64)
        high = np.clip(np.floor(edges.y1 + NEAR), bottom - 1, top - 1).astype(np.int64)
        row, edge = _ranges(low, high + 1)
        one = edges.x_at(edge, np.maximum(edges.y0[edge], row - NEAR))
        two = edges.x_at(edge, np.minimum(edges.y1[edge], row + 1 + NEAR))
        level = edges.y1[edge] == edges.y0[edge]
        two = np.where(level, edges.x1[edge], two)
        left = np.floor(np.minimum(one, two) - NEAR).astype(np.int64)
        right = np.floor(np.maximum(one, two) + NEAR).astype(np.int64)
        column, at = _ranges(left, right + 1)
        return row[at] - bottom, column, edges.cell[edge[at]]

    def _fill_sub_pixels(self, numbers: Ints, filled: NDArray[np.int32]) -> Iterator[Ints]:
        """Writes the lowest cell around each sub-pixel's middle; yields (record, cell) as pairs."""
        for cell, row, left, right in self._spans(1):
            start, stop = _centres(left, right)
            line = (row >> 3) * self.width
            some = np.searchsorted(numbers, line + (start >> 3))
            upto = np.searchsorted(numbers, line + ((stop - 1) >> 3), side="right")
            record, span = _ranges(some, np.where(stop > start, upto, some))
            pixel = (numbers[record] - line[span]) * SIDE
            begin = np.maximum(start[span] - pixel, 0)
            end = np.minimum(stop[span] - pixel, SIDE)
            base = record * (SIDE * SIDE) + ((row[span] & 7) << 3)
            at, owner = _ranges(base + begin, base + end)
            np.minimum.at(filled, at, cell[span[owner]].astype(np.int32))
            yield np.unique(record * self.cells + cell[span])

    def _spans(self, per_row: int) -> Iterator[tuple[Ints, Ints, Floats, Floats]]:
        """Cell, row within the band, left and right of where cells meet the middles of rows.

        A row is `per_row` sub-pixels high and all is counted in that unit. Even-odd, as GEOS does.
        """
        edges = self.edges
        bottom, top = self.first * SIDE // per_row, self.last * SIDE // per_row
        low = np.clip(np.ceil(edges.y0 / per_row - 0.5), bottom, top).astype(np.int64)
        high = np.clip(np.ceil(edges.y1 / per_row - 0.5), bottom, top).astype(np.int64)
        row, edge = _ranges(low, high)
        x = edges.x_at(edge, (row.astype(np.float64) + 0.5) * per_row) / per_row
        order = np.lexsort((x, row, edges.cell[edge]))
        first, second = order[0::2], order[1::2]
        yield edges.cell[edge[first]], row[first] - bottom, x[first], x[second]


def _centres(left: Floats, right: Floats) -> tuple[Ints, Ints]:
    """The columns whose middles lie between two places: first, and one after the last."""
    start = np.ceil(left - 0.5).astype(np.int64)
    return start, np.maximum(np.ceil(right - 0.5).astype(np.int64), start)


def _ranges(start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """All numbers of many ranges in a row, and which range each comes from."""
    count = np.maximum(stop - start, 0)
    owner = np.repeat(np.arange(len(start)), count)
    before = np.cumsum(count) - count
    return np.arange(len(owner)) - before[owner] + start[owner], owner


def _lists(pairs: Ints, records: int, cells: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """The cells of each record from sorted pairs (record, cell), and the records too crowded."""
    record, cell = np.divmod(pairs, cells)
    count = np.bincount(record, minlength=records)
    nth = np.arange(len(pairs)) - (np.cumsum(count) - count)[record]
    listed = np.full((records, ROOM), NO_CELL, dtype=np.int32)
    fits = nth < ROOM
    listed[record[fits], nth[fits]] = cell[fits]
    crowded = count > ROOM
    listed[crowded] = NO_CELL
    listed[crowded, 0] = CROWDED
    return listed, crowded


def _as_positions(filled: NDArray[np.int32], listed: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Cells of sub-pixels as their position in the record's list."""
    four = np.full(filled.shape, NONE, dtype=np.uint8)
    for nth in range(ROOM):
        four[filled == listed[:, nth : nth + 1]] = nth
    return four
