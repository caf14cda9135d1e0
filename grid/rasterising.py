"""Builds the two-level raster of some polygons: numpy only, band by band of pixel rows.

Everything is conservative: a limit marks the sub-pixels within `NEAR` of it, a thousand times more
than rounding can move it, so what is not marked is on one side of every limit for certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from grid.coordinates import Floats, metres_per_degree
from grid.limits import limits_of
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
    lattice = _Lattice.around(polygons)
    edges, segments = _Edges.of(polygons, lattice)
    pixels = np.full(lattice.width * lattice.height, NO_CELL, dtype=np.int32)
    parts = [_Crossed.none()]
    rows = max(1, BAND_PIXELS // lattice.width)
    made = 0
    for first in range(0, lattice.height, rows):
        last = min(first + rows, lattice.height)
        near = edges.between(first * SIDE, last * SIDE)
        band = _Band(near, first, last, lattice, max(len(polygons), 1))
        crossed = band.crossed()
        pixels[first * lattice.width : last * lattice.width] = band.pixels(crossed.numbers, made)
        parts.append(crossed)
        made += len(crossed.numbers)
    records, counts, which, bits, anchors, holding = _joined(parts)
    starts = np.concatenate([[0], np.cumsum(counts)])
    return Raster(
        west=lattice.west,
        south=lattice.south,
        per_lon=lattice.per_lon,
        per_lat=lattice.per_lat,
        width=lattice.width,
        height=lattice.height,
        pixels=pixels,
        records=records,
        limits=limits_of(starts, (which, bits), segments, anchors, holding),
    )


@dataclass(frozen=True)
class _Lattice:
    """Corner in degrees, sub-pixels per degree, pixels across and up."""

    west: float
    south: float
    per_lon: float
    per_lat: float
    width: int
    height: int

    @classmethod
    def around(cls, polygons: NDArray[Any]) -> _Lattice:
        if len(polygons) == 0:
            return cls(0.0, 0.0, 1.0, 1.0, 1, 1)
        bounds = shapely.total_bounds(polygons)
        east_m, north_m = metres_per_degree(np.clip((bounds[1] + bounds[3]) / 2, -89.0, 89.0))
        size = (bounds[2:] - bounds[:2]) * (east_m, north_m)
        side = max(PIXEL_M, float(np.sqrt(size.prod() / MOST_PIXELS)), float(size.max()) / 2**20)
        pixel = np.array([side / east_m, side / north_m])
        west, south = (bounds[:2] - BORDER * pixel).tolist()
        count = np.ceil((bounds[2:] - bounds[:2]) / pixel).astype(int) + 2 * BORDER
        per_lon, per_lat = (SIDE / pixel).tolist()
        return cls(west, south, per_lon, per_lat, int(count[0]), int(count[1]))

    def on(self, degrees: Floats) -> Floats:
        """Degrees as sub-pixels."""
        return (degrees - (self.west, self.south)) * (self.per_lon, self.per_lat)

    def degrees(self, sub_pixels: Floats) -> Floats:
        """Sub-pixels as degrees."""
        return sub_pixels / (self.per_lon, self.per_lat) + (self.west, self.south)


@dataclass(frozen=True)
class _Crossed:
    """The crossed pixels of a band: what becomes of them in the raster and in its limits."""

    numbers: Ints
    records: NDArray[np.uint8]
    counts: Ints
    which: Ints
    bits: Ints
    anchors: Floats
    holding: NDArray[np.uint8]

    @classmethod
    def none(cls) -> _Crossed:
        """No pixel crossed."""
        no = np.zeros(0, dtype=np.int64)
        records, bits = np.zeros((0, 64), dtype=np.uint8), np.zeros(0, dtype=np.uint8)
        return cls(no, records, no, no, no, np.zeros((0, 2)), bits)


def _joined(parts: list[_Crossed]) -> tuple[NDArray[Any], ...]:
    """The arrays of all bands, one behind the other; `numbers` have done their work."""
    names = ("records", "counts", "which", "bits", "anchors", "holding")
    return tuple(np.concatenate([getattr(part, name) for part in parts]) for name in names)


@dataclass(frozen=True)
class _Edges:
    """Straight pieces of limits in sub-pixels, lower end first, and the cell each belongs to."""

    x0: Floats
    y0: Floats
    x1: Floats
    y1: Floats
    cell: Ints
    segment: Ints

    @classmethod
    def of(cls, polygons: NDArray[Any], lattice: _Lattice) -> tuple[_Edges, Floats]:
        """The edges of all limits, and the segments in degrees that they are numbered by.

        An edge that two cells share is two edges of one segment.
        """
        # get_rings passes over MultiPolygons in silence, so their parts are taken first.
        parts, owner = shapely.get_parts(polygons, return_index=True)
        rings, part = shapely.get_rings(parts, return_index=True)
        at, ring = shapely.get_coordinates(rings, return_index=True)
        real = (ring[1:] == ring[:-1]) & (at[1:] != at[:-1]).any(axis=1)
        start, end = at[:-1][real], at[1:][real]
        upward = (start[:, 1] < end[:, 1]) | (
            (start[:, 1] == end[:, 1]) & (start[:, 0] < end[:, 0])
        )
        low = np.where(upward[:, None], start, end)
        high = np.where(upward[:, None], end, start)
        order = np.lexsort((high[:, 0], high[:, 1], low[:, 0], low[:, 1]))
        low, high = low[order], high[order]
        cell = owner[part[ring[:-1][real]]].astype(np.int64)[order]
        ends = np.hstack([low, high])
        fresh = np.ones(len(ends), dtype=bool)
        fresh[1:] = (ends[1:] != ends[:-1]).any(axis=1)
        low, high = lattice.on(low), lattice.on(high)
        segment = np.cumsum(fresh) - 1
        edges = cls(low[:, 0], low[:, 1], high[:, 0], high[:, 1], cell, segment)
        return edges, ends[fresh]

    def between(self, bottom: float, top: float) -> _Edges:
        """Those that come near the rows from bottom to top."""
        upto = int(np.searchsorted(self.y0, top + 1))
        here = np.flatnonzero(self.y1[:upto] >= bottom - 1)
        columns = (self.x0, self.y0, self.x1, self.y1)
        x0, y0, x1, y1 = (column[here] for column in columns)
        return _Edges(x0, y0, x1, y1, self.cell[here], self.segment[here])

    def x_at(self, edge: Ints, y: Floats) -> Floats:
        """Where edges meet heights that lie within them."""
        x0, y0, rise = self.x0[edge], self.y0[edge], self.y1[edge] - self.y0[edge]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(rise > 0, (y - y0) / rise, 0.0)
        x: Floats = x0 + np.clip(share, 0.0, 1.0) * (self.x1[edge] - x0)
        return x


class _Band:
    """Some rows of pixels: what is crossed in them, and what fills the rest."""

    def __init__(self, edges: _Edges, first: int, last: int, lattice: _Lattice, cells: int) -> None:
        self.edges = edges
        self.first, self.last, self.cells = first, last, cells
        self.lattice, self.width = lattice, lattice.width

    def crossed(self) -> _Crossed:
        """The crossed pixels, counted within the band, with records, segments and anchors."""
        row, column, edge = self._marks()
        numbers, record = np.unique((row >> 3) * self.width + (column >> 3), return_inverse=True)
        if len(numbers) == 0:
            return _Crossed.none()
        marked = np.zeros((len(numbers), SIDE * SIDE), dtype=bool)
        marked[record, ((row & 7) << 3) + (column & 7)] = True
        anchor = np.argmin(marked, axis=1)  # the first sub-pixel that no limit comes near
        filled = np.full(len(numbers) * SIDE * SIDE, _FREE, dtype=np.int32)
        pairs, holders = self._fill_sub_pixels(numbers, filled, anchor)
        pairs = np.unique(np.concatenate([pairs, record * self.cells + self.edges.cell[edge]]))
        listed, crowded = _lists(pairs, len(numbers), self.cells)
        four = _as_positions(filled.reshape(-1, SIDE * SIDE), listed)
        four[marked | crowded[:, None]] = TEST
        counts, which, bits = self._segments(record, edge, pairs, len(numbers))
        return _Crossed(
            numbers,
            _packed(four, listed),
            counts,
            which,
            bits,
            self._anchors(numbers, anchor, marked.all(axis=1) | crowded),
            np.bincount(
                holders // self.cells, _bits(holders, pairs, self.cells), len(numbers)
            ).astype(np.uint8),
        )

    def _anchors(self, numbers: Ints, anchor: Ints, none: NDArray[np.bool_]) -> Floats:
        """Degrees of the middle of the anchors' sub-pixels, NaN where there is none."""
        row, column = np.divmod(numbers, self.width)
        middle = np.column_stack(
            [column * SIDE + (anchor & 7) + 0.5, (row + self.first) * SIDE + (anchor >> 3) + 0.5]
        )
        middle[none] = np.nan
        return self.lattice.degrees(middle)

    def _segments(
        self, record: Ints, edge: Ints, pairs: Ints, records: int
    ) -> tuple[Ints, Ints, Ints]:
        """How many segments each record has, which, and bits for the cells that each bounds."""
        record, edge = np.divmod(
            np.unique(record * len(self.edges.cell) + edge), len(self.edges.cell)
        )
        segment = self.edges.segment[edge]
        bits = _bits(record * self.cells + self.edges.cell[edge], pairs, self.cells)
        order = np.lexsort((segment, record))
        record, segment, bits = record[order], segment[order], bits[order]
        first = np.flatnonzero(
            np.append(True, (record[1:] != record[:-1]) | (segment[1:] != segment[:-1]))
        )
        together = np.bitwise_xor.reduceat(bits, first)
        return np.bincount(record[first], minlength=records), segment[first], together

    def pixels(self, numbers: Ints, made: int) -> NDArray[np.int32]:
        """The pixels of the band: filled by whole cells, then the crossed ones by records."""
        filled = np.full((self.last - self.first) * self.width, _FREE, dtype=np.int32)
        cell, row, left, right = self._spans(SIDE)
        start, stop = _centres(left, right)
        at, owner = _ranges(row * self.width + start, row * self.width + stop)
        np.minimum.at(filled, at, cell[owner].astype(np.int32))
        filled[filled == _FREE] = NO_CELL
        filled[numbers] = -2 - made - np.arange(len(numbers), dtype=np.int32)
        return filled

    def _marks(self) -> tuple[Ints, Ints, Ints]:
        """Row (within the band) and column of each sub-pixel that a limit comes near, its edge."""
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
        return row[at] - bottom, column, edge[at]

    def _fill_sub_pixels(
        self, numbers: Ints, filled: NDArray[np.int32], anchor: Ints
    ) -> tuple[Ints, Ints]:
        """Writes the lowest cell around each sub-pixel's middle.

        Returns, as record * cells + cell, who has ground in a record, and who holds its anchor.
        """
        cell, row, left, right = self._spans(1)
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
        pair = record * self.cells + cell[span]
        held = (anchor[record] >> 3 == row[span] & 7) & (begin <= anchor[record] & 7)
        held &= (anchor[record] & 7) < end
        return np.unique(pair), np.unique(pair[held])

    def _spans(self, per_row: int) -> tuple[Ints, Ints, Floats, Floats]:
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
        return edges.cell[edge[first]], row[first] - bottom, x[first], x[second]


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


def _bits(wanted: Ints, pairs: Ints, cells: int) -> Ints:
    """For each wanted pair (record, cell) the bit of its position in the record's list."""
    at = np.searchsorted(pairs, wanted)
    nth = at - np.searchsorted(pairs, wanted // cells * cells)
    return np.where(nth < ROOM, 1 << np.minimum(nth, ROOM), 0)


def _packed(four: NDArray[np.uint8], listed: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Records: four bits for each sub-pixel, then the cells."""
    packed = np.zeros((len(four), 64), dtype=np.uint8)
    packed[:, :32] = four[:, 0::2] | (four[:, 1::2] << 4)
    packed.view(np.int32)[:, ROOM:] = listed
    return packed


def _as_positions(filled: NDArray[np.int32], listed: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Cells of sub-pixels as their position in the record's list."""
    four = np.full(filled.shape, NONE, dtype=np.uint8)
    for nth in range(ROOM):
        four[filled == listed[:, nth : nth + 1]] = nth
    return four
