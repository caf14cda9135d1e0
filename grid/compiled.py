"""The look-up of `Raster.find` as machine code: imports numba, so imported only when asked for."""

from __future__ import annotations

from functools import partial
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from grid.raster import NO_CELL, NONE, ROOM, SIDE, TEST, UNDECIDED, Raster


@numba.njit(nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _walk(
    places: tuple[NDArray[np.float64], NDArray[np.float64]],
    lattice: tuple[float, float, float, float, int, int],
    arrays: tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.int32]],
    answer: tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.intp]],
) -> int:
    """Fills the answer: cells, the places yet to test, their records; returns how many to test."""
    x, y = places
    pixels, records, cells = arrays
    found, undecided, record_of = answer
    west, south, per_lon, per_lat, width, height = lattice
    tested = 0
    for i in range(len(x)):
        across, up = (x[i] - west) * per_lon, (y[i] - south) * per_lat
        if not (0 <= across < width * SIDE and 0 <= up < height * SIDE):
            found[i] = NO_CELL
            continue
        column, row = int(across), int(up)
        cell = pixels[(row >> 3) * width + (column >> 3)]
        if cell < NO_CELL:
            record = -2 - cell
            byte = records[record, ((row & 7) << 2) + ((column & 7) >> 1)]
            four = (byte >> ((column & 1) << 2)) & 15
            if four == TEST:
                cell = UNDECIDED
                undecided[tested] = i
                record_of[tested] = record
                tested += 1
            else:
                cell = NO_CELL if four == NONE else cells[record, ROOM + four]
        found[i] = cell
    return tested


def _find(
    raster: Raster, words: NDArray[np.int32], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.intp]]:
    lattice = (
        raster.west,
        raster.south,
        raster.per_lon,
        raster.per_lat,
        raster.width,
        raster.height,
    )
    found = np.empty(len(x), dtype=np.int32)
    undecided, record = np.empty(len(x), dtype=np.intp), np.empty(len(x), dtype=np.intp)
    arrays = (raster.pixels, raster.records, words)
    count = _walk((x, y), lattice, arrays, (found, undecided, record))
    return found, undecided[:count], record[:count]


def finder(raster: Raster) -> Any:
    """The compiled look-up of a raster; compiling takes a second or two, once per process."""
    find = partial(_find, raster, raster.records.view(np.int32))
    find(np.zeros(1), np.zeros(1))
    return find
