"""The two-level raster: most places find their cell by two array look-ups, the rest are told apart.

Level one is a pixel of about ten metres: the one cell that holds all of it, or none, or the number
of a record. A record (64 bytes, one cache line) belongs to a pixel that a limit crosses: 8 x 8
sub-pixels of four bits, which name one of up to eight cells, or none, or `TEST`; then the cells,
ascending, as int32. Only a place in a sub-pixel that a limit crosses needs the exact test.

A record lists *every* cell with ground in its pixel, so the test also holds where cells overlap.
Design and figures: docs/benchmarks.md; built by `grid.rasterising`, questioned by `grid.atlas`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grid.limits import Limits

VERSION: Final = 2
"""Changes with the meaning of any array, so that a saved raster of old is built anew."""

SIDE: Final = 8
"""Sub-pixels along a side of a pixel."""
ROOM: Final = 8
"""Cells a record can list."""
NONE: Final = 14
"""Four bits that say: in no cell."""
TEST: Final = 15
"""Four bits that say: a limit passes here, ask the polygons."""
CROWDED: Final = -2
"""In place of the first cell of a record: more cells than it has room for."""
NO_CELL: Final = -1

UNDECIDED: Final = -9
"""In an answer: the exact test has to decide."""


@dataclass(frozen=True)
class Raster:
    """The arrays of one edition's index.

    `west` and `south` are degrees of the lower left corner, `per_lon` and `per_lat` sub-pixels in
    a degree; `pixels` is int32 row by row from the south: a cell, NO_CELL, or -2 minus the number
    of a record; `records` is uint8 of shape (n, 64). The outermost pixels hold no cell. `limits`
    decide in the sub-pixels that a limit crosses.
    """

    west: float
    south: float
    per_lon: float
    per_lat: float
    width: int
    height: int
    pixels: NDArray[np.int32]
    records: NDArray[np.uint8]
    limits: Limits

    @property
    def cells(self) -> NDArray[np.int32]:
        """The cells of each record, shape (n, 8), ascending, NO_CELL behind the last."""
        return self.records.view(np.int32)[:, ROOM:]

    def find(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.intp]]:
        """Cells of places in degrees; then which places are UNDECIDED, and their records.

        NaN, infinite and far places are in no cell.
        """
        column, row = self._sub_pixels(x, y)
        found = self.pixels.take((row >> 3) * self.width + (column >> 3))
        crossed = np.flatnonzero(found < NO_CELL)
        if len(crossed) == 0:
            return found, crossed, crossed
        record = (-2 - found.take(crossed)).astype(np.intp)
        column, row = column.take(crossed), row.take(crossed)
        byte = self.records.reshape(-1).take((record << 6) + ((row & 7) << 2) + ((column & 7) >> 1))
        four = (byte >> ((column & 1) << 2).astype(np.uint8)) & 15
        listed = self.records.view(np.int32).reshape(-1).take((record << 4) + ROOM + (four & 7))
        listed[four == NONE] = NO_CELL
        undecided = np.flatnonzero(four == TEST)
        listed[undecided] = UNDECIDED
        found[crossed] = listed
        return found, crossed.take(undecided), record.take(undecided)

    def find_one(self, x: float, y: float) -> tuple[int, int]:
        """The cell of one place, or UNDECIDED with the record that lists the cells to try."""
        across, up = (x - self.west) * self.per_lon, (y - self.south) * self.per_lat
        if not (0 <= across < self.width * SIDE and 0 <= up < self.height * SIDE):
            return NO_CELL, -1
        column, row = int(across), int(up)
        cell = self._pixel((row >> 3) * self.width + (column >> 3))
        if cell >= NO_CELL:
            return cell, -1
        record = -2 - cell
        byte = self._byte((record << 6) + ((row & 7) << 2) + ((column & 7) >> 1))
        four = byte >> ((column & 1) << 2) & 15
        if four == TEST:
            return UNDECIDED, record
        return (NO_CELL if four == NONE else self._word((record << 4) + ROOM + four)), record

    # A memoryview hands out plain ints several times faster than an array does.
    _pixel: Callable[[int], int] = field(init=False, repr=False, compare=False)
    _byte: Callable[[int], int] = field(init=False, repr=False, compare=False)
    _word: Callable[[int], int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pixel = self.pixels.data.__getitem__
        byte = self.records.reshape(-1).data.__getitem__
        object.__setattr__(self, "_pixel", pixel)
        object.__setattr__(self, "_byte", byte)
        words = self.records.view(np.int32).reshape(-1)
        object.__setattr__(self, "_word", words.data.__getitem__)

    def _sub_pixels(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Column and row of the sub-pixel, 0 and 0 for what is not on the raster.

        Decided while still floats: casting a float too large for the integer is undefined.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            across, up = (x - self.west) * self.per_lon, (y - self.south) * self.per_lat
        inside = (across >= 0) & (across < self.width * SIDE)
        inside &= (up >= 0) & (up < self.height * SIDE)
        if not inside.all():
            across, up = np.where(inside, across, 0.0), np.where(inside, up, 0.0)
        return across.astype(np.int64), up.astype(np.int64)
