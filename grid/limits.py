"""The limits that cross a pixel, and on which side of them a place lies: exact, without polygons.

For each crossed pixel we know one place in it, the *anchor*, away from every limit, and which of
the pixel's cells hold it. The way from the anchor to a place in the same pixel is straight and
stays in the pixel, so it crosses only limits listed there; each crossing takes the place out of
the cells it bounds, or into them. A limit of two cells is listed once, with a bit for each.

The sign of a cross product is believed when it is larger than its rounding error can be (the
filter of Shewchuk, "Adaptive precision floating-point arithmetic", 1997). Where it is not, the
place lies on a limit or a hair beside, and is left to shapely: the answers are its answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grid.coordinates import Floats

DOUBT: Final = 4e-16
"""Relative error of a cross product of differences: (3 + 16u)u with u = 2**-53, and a bit more."""
SIDE_BIT: Final = 256
"""In an effect: set when the anchor lies to the left of the segment."""
NOWHERE: Final = -1
MOST_SEGMENTS: Final = 500
"""Pixels with more are left to shapely, so that no place costs too much."""

_FIRST_BIT: Final = np.array([8] + [(b & -b).bit_length() - 1 for b in range(1, 256)], np.int64)
"""For eight bits, the lowest that is set, or 8."""


@dataclass(frozen=True)
class Limits:
    """The limits in the crossed pixels, arrays by record of the raster.

    `starts` (int32, n+1) delimits the segments of a record in `which` (int32, rows of `segments`)
    and `effects` (int16: a bit for each listed cell it bounds, and SIDE_BIT). `segments` is
    float64 of shape (k, 4): two ends in degrees. `anchors` (float64, n x 2) is NaN where shapely
    must decide; `holding` (uint8) has a bit for each listed cell that holds the anchor.
    """

    starts: NDArray[np.int32]
    which: NDArray[np.int32]
    effects: NDArray[np.int16]
    segments: NDArray[np.float64]
    anchors: NDArray[np.float64]
    holding: NDArray[np.uint8]

    def decide(
        self, x: Floats, y: Floats, record: NDArray[np.intp]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Of places in crossed pixels: the position in the record's list of the cell, 8 for none.

        Where the second is False the first means nothing, and shapely must decide.
        """
        start = self.starts.take(record)
        count = self.starts.take(record + 1) - start
        sure = count > 0
        if not sure.all():
            some = np.flatnonzero(sure)
            position = np.full(len(x), 8, dtype=np.int64)
            position[some], sure[some] = self.decide(x[some], y[some], record[some])
            return position, sure
        begin = np.cumsum(count) - count
        place = np.repeat(np.arange(len(x)), count)
        at = np.arange(len(place)) + (start - begin).take(place)
        crossed, certain = self._crossed(x, y, record, place, at)
        effect = np.where(crossed, self.effects.take(at), 0).astype(np.uint8)
        bits = self.holding.take(record) ^ np.bitwise_xor.reduceat(effect, begin)
        return _FIRST_BIT.take(bits), np.logical_and.reduceat(certain, begin)

    def _crossed(
        self,
        x: Floats,
        y: Floats,
        record: NDArray[np.intp],
        place: NDArray[np.intp],
        at: NDArray[np.intp],
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether the way from the anchor to each place crosses each segment, and if it is sure."""
        anchor = self.anchors.take(record, axis=0)
        from_x, from_y = anchor[:, 0].take(place), anchor[:, 1].take(place)
        to_x, to_y = x.take(place), y.take(place)
        ends = self.segments.take(self.which.take(at), axis=0)
        ax, ay, bx, by = ends[:, 0], ends[:, 1], ends[:, 2], ends[:, 3]
        side, sure = _cross(ax - to_x, ay - to_y, bx - to_x, by - to_y)
        east, north = to_x - from_x, to_y - from_y
        one, sure_one = _cross(east, north, ax - from_x, ay - from_y)
        other, sure_other = _cross(east, north, bx - from_x, by - from_y)
        anchor_left = self.effects.take(at) >= SIDE_BIT
        crossed = ((side > 0) != anchor_left) & ((one > 0) != (other > 0))
        return crossed, sure & sure_one & sure_other

    def decide_one(self, x: float, y: float, record: int) -> int:
        """The same for one place: position in the record's list, 8 for none, NOWHERE if unsure."""
        start, stop = self._start(record), self._start(record + 1)
        if start == stop:
            return NOWHERE
        from_x, from_y = self._anchor(2 * record), self._anchor(2 * record + 1)
        east, north = x - from_x, y - from_y
        bits = self._holds(record)
        for at in range(start, stop):
            row = 4 * self._row(at)
            ax, ay, bx, by = self._end[row : row + 4]
            left, right = (ax - x) * (by - y), (ay - y) * (bx - x)
            side = left - right
            if abs(side) <= DOUBT * (abs(left) + abs(right)):
                return NOWHERE
            effect = self._effect(at)
            if (side > 0) == (effect >= SIDE_BIT):
                continue
            left, right = east * (ay - from_y), north * (ax - from_x)
            one = left - right
            doubt = abs(one) <= DOUBT * (abs(left) + abs(right))
            left, right = east * (by - from_y), north * (bx - from_x)
            other = left - right
            if doubt or abs(other) <= DOUBT * (abs(left) + abs(right)):
                return NOWHERE
            if (one > 0) != (other > 0):
                bits ^= effect & 255
        return int(_FIRST_BIT[bits])

    # A memoryview hands out plain numbers several times faster than an array does.
    _start: Callable[[int], int] = field(init=False, repr=False, compare=False)
    _row: Callable[[int], int] = field(init=False, repr=False, compare=False)
    _effect: Callable[[int], int] = field(init=False, repr=False, compare=False)
    _anchor: Callable[[int], float] = field(init=False, repr=False, compare=False)
    _holds: Callable[[int], int] = field(init=False, repr=False, compare=False)
    _end: memoryview = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, array in (
            ("_start", self.starts),
            ("_row", self.which),
            ("_effect", self.effects),
            ("_anchor", self.anchors),
            ("_holds", self.holding),
        ):
            object.__setattr__(self, name, array.reshape(-1).data.__getitem__)
        object.__setattr__(self, "_end", self.segments.reshape(-1).data)


def _cross(ax: Floats, ay: Floats, bx: Floats, by: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Cross products, and whether their sign is certain."""
    left, right = ax * by, ay * bx
    product = left - right
    return product, np.abs(product) > DOUBT * (np.abs(left) + np.abs(right))


def limits_of(
    starts: NDArray[np.int64],
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    segments: Floats,
    anchors: Floats,
    holding: NDArray[np.uint8],
) -> Limits:
    """Limits from the segments of each record (`rows`: segment, bits), in the records' order.

    Records whose anchor is NaN, or not certain beside one of its segments, list none.
    """
    which, bits = rows
    record = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    ends, anchor = segments[which], anchors[record]
    side, sure = _cross(
        ends[:, 0] - anchor[:, 0],
        ends[:, 1] - anchor[:, 1],
        ends[:, 2] - anchor[:, 0],
        ends[:, 3] - anchor[:, 1],
    )
    many = np.diff(starts) > MOST_SEGMENTS
    left_out = np.isnan(anchors[:, 0]) | many
    left_out[record[~sure]] = True
    keep = ~left_out[record]
    count = np.where(left_out, 0, np.diff(starts))
    effects = bits + np.where(side > 0, SIDE_BIT, 0)
    return Limits(
        starts=np.concatenate([[0], np.cumsum(count)]).astype(np.int32),
        which=which[keep].astype(np.int32),
        effects=effects[keep].astype(np.int16),
        segments=np.ascontiguousarray(segments, dtype=np.float64),
        anchors=np.ascontiguousarray(anchors, dtype=np.float64),
        holding=holding,
    )
