"""One edition made ready for questions: which cell holds these places, and what lies above it."""

from __future__ import annotations

import math
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid.edition import Edition
from grid.exact import ExactTest
from grid.kernel import Finder, finder
from grid.raster import UNDECIDED, Raster
from grid.rasterising import rasterise

OUTSIDE: Final = -1
"""In no cell of the city."""
NOT_A_NUMBER: Final = -2
"""Longitude or latitude is NaN or infinite."""
SWAPPED: Final = -3
"""Outside the city's box as given, inside it with longitude and latitude exchanged."""

_OUTCOMES = {OUTSIDE: "outside", NOT_A_NUMBER: "not_a_number", SWAPPED: "swapped"}


def outcome_name(cell: int) -> str:
    """What an answer of `locate` is called: found, outside, not_a_number or swapped."""
    return "found" if cell >= 0 else _OUTCOMES[int(cell)]


class Atlas:
    """The cells of one edition, asked by arrays of WGS-84 degrees.

    `codes` ascend; a cell is its position in them. `community`, `street` and `district` (int32,
    by cell) point into `community_codes`, `street_codes` and `district_codes`. Nothing changes
    after it is made: threads may share it.
    """

    def __init__(self, edition: Edition, raster: Raster, finder: Finder) -> None:
        self.edition = edition
        self.raster = raster
        self.codes = edition.codes
        self.community_codes, self.community = _levels(edition.communities)
        self.street_codes, self.street = _levels(edition.streets)
        self.district_codes, self.district = _levels(edition.districts)
        self._find = finder
        self._test = ExactTest(edition.polygons, raster)
        self._bounds = edition.bounds

    @classmethod
    def of(cls, edition: Edition, kernel: str = "numpy") -> Self:
        """An atlas built now; `kernel="numba"` asks for the compiled look-up, if numba is there."""
        return cls.on(edition, rasterise(edition.polygons), kernel)

    @classmethod
    def on(cls, edition: Edition, raster: Raster, kernel: str = "numpy") -> Self:
        """An atlas on a raster built before, which must be of this very edition."""
        return cls(edition, raster, finder(raster, kernel))

    def __len__(self) -> int:
        return len(self.codes)

    def locate(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.int32]:
        """The cell of each place, or OUTSIDE, NOT_A_NUMBER, SWAPPED; never an exception.

        Exactly what shapely's `intersects` says, the lowest code where several cells meet.
        """
        x, y = _columns(lon, lat)
        found, undecided, record = self._find(x, y)
        if len(undecided):
            found[undecided] = self._test.decide(x[undecided], y[undecided], record)
        lost = np.flatnonzero(found < 0)
        if len(lost):
            found[lost] = self._why_lost(x[lost], y[lost])
        return found

    def locate_one(self, lon: float, lat: float) -> int:
        """The same for one place, several times faster than an array of one."""
        cell, record = self.raster.find_one(lon, lat)
        if cell == UNDECIDED:
            cell = self._test.decide_one(lon, lat, record)
        if cell >= 0:
            return cell
        if not (math.isfinite(lon) and math.isfinite(lat)):
            return NOT_A_NUMBER
        west, south, east, north = self._bounds
        as_given = west <= lon <= east and south <= lat <= north
        exchanged = west <= lat <= east and south <= lon <= north
        return SWAPPED if exchanged and not as_given else OUTSIDE

    def _why_lost(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int32]:
        """The name of the outcome for places that lie in no cell.

        A place inside the city's box is never called swapped: it may be a lake.
        """
        west, south, east, north = self._bounds
        as_given = (x >= west) & (x <= east) & (y >= south) & (y <= north)
        exchanged = (y >= west) & (y <= east) & (x >= south) & (x <= north)
        why = np.where(exchanged & ~as_given, SWAPPED, OUTSIDE)
        why[~(np.isfinite(x) & np.isfinite(y))] = NOT_A_NUMBER
        return why.astype(np.int32)


def _levels(parents: NDArray[np.str_]) -> tuple[NDArray[np.str_], NDArray[np.int32]]:
    codes, index = np.unique(parents, return_inverse=True)
    return codes, index.astype(np.int32)


def _columns(lon: ArrayLike, lat: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two float arrays of one length."""
    x = np.atleast_1d(np.asarray(lon, dtype=np.float64))
    y = np.atleast_1d(np.asarray(lat, dtype=np.float64))
    if x.shape != y.shape:
        x, y = np.broadcast_arrays(x, y)
    return x, y
