"""The look-up of `Raster.find` and `Limits.decide` as machine code; imports numba, so only if asked.

Place by place what the arrays do: the two levels, then the segments of the pixel. A place whose
side is in doubt is handed on like there.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from grid.limits import DOUBT, SIDE_BIT
from grid.raster import NO_CELL, NONE, ROOM, SIDE, TEST, UNDECIDED, Raster

_Lattice = tuple[float, float, float, float, int, int]
_Limits = tuple[
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.int16],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.uint8],
]


@numba.njit(nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _sign(ax: float, ay: float, bx: float, by: float) -> int:
    """Sign of a cross product, 0 if it is in doubt."""
    left, right = ax * by, ay * bx
    product = left - right
    if abs(product) <= DOUBT * (abs(left) + abs(right)):
        return 0
    return 1 if product > 0 else -1


@numba.njit(nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _crossed(
    x: float, y: float, anchor: NDArray[np.float64], ends: NDArray[np.float64], anchor_left: bool
) -> int:
    """Whether the way from the anchor to a place crosses a segment: 1, 0, or -1 in doubt."""
    side = _sign(ends[0] - x, ends[1] - y, ends[2] - x, ends[3] - y)
    if side == 0:
        return -1
    if (side > 0) == anchor_left:
        return 0
    east, north = x - anchor[0], y - anchor[1]
    one = _sign(east, north, ends[0] - anchor[0], ends[1] - anchor[1])
    other = _sign(east, north, ends[2] - anchor[0], ends[3] - anchor[1])
    if one == 0 or other == 0:
        return -1
    return 1 if one != other else 0


@numba.njit(nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _position(x: float, y: float, record: int, limits: _Limits) -> int:
    """Position in the record's list of the cell that holds a place, 8 for none, -1 in doubt."""
    starts, which, effects, segments, anchors, holding = limits
    if starts[record] == starts[record + 1]:
        return -1
    bits = np.int64(holding[record])
    for at in range(starts[record], starts[record + 1]):
        effect = np.int64(effects[at])
        crossed = _crossed(x, y, anchors[record], segments[which[at]], effect >= SIDE_BIT)
        if crossed < 0:
            return -1
        if crossed > 0:
            bits ^= effect & 255
    for nth in range(ROOM):
        if bits >> nth & 1:
            return nth
    return ROOM


@numba.njit(nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _walk(
    places: tuple[NDArray[np.float64], NDArray[np.float64]],
    lattice: _Lattice,
    arrays: tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.int32]],
    limits: _Limits,
    answer: tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.intp]],
) -> int:
    """Fills the answer: cells, the places in doubt, their records; returns how many those are."""
    x, y = places
    west, south, per_lon, per_lat, width, height = lattice
    pixels, records, cells = arrays
    found, undecided, record_of = answer
    doubts = 0
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
            position = four
            if four == TEST:
                position = _position(x[i], y[i], record, limits)
            elif four == NONE:
                position = ROOM
            if position < 0:
                cell = UNDECIDED
                undecided[doubts] = i
                record_of[doubts] = record
                doubts += 1
            else:
                cell = NO_CELL if position == ROOM else cells[record, ROOM + position]
        found[i] = cell
    return doubts


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
    of = raster.limits
    limits = (of.starts, of.which, of.effects, of.segments, of.anchors, of.holding)
    found = np.empty(len(x), dtype=np.int32)
    undecided, record = np.empty(len(x), dtype=np.intp), np.empty(len(x), dtype=np.intp)
    arrays = (raster.pixels, raster.records, words)
    count = _walk((x, y), lattice, arrays, limits, (found, undecided, record))
    return found, undecided[:count], record[:count]


def finder(raster: Raster) -> Any:
    """The compiled look-up of a raster; compiling takes a second or two, once per process."""
    find = partial(_find, raster, raster.records.view(np.int32))
    find(np.zeros(1), np.zeros(1))
    return find
