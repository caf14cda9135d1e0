"""The exact test: which of the cells listed for a place holds it, asked of the polygons."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from grid.raster import CROWDED, NO_CELL, ROOM


class ExactTest:
    """Polygons, prepared once, and the cells that each record of a raster lists, ascending.

    One question at a time: GEOS builds and changes what a prepared polygon remembers while it
    answers, and two threads at one polygon end the process (libgeos/geos issue 825; seen here
    too). So the polygons are copies nobody else can ask, behind a lock.
    """

    def __init__(self, polygons: NDArray[Any], listed: NDArray[np.int32]) -> None:
        self._polygons = np.empty(len(polygons), dtype=object)
        self._polygons[:] = shapely.from_wkb(shapely.to_wkb(polygons))
        self._listed = listed
        self._tree = shapely.STRtree(self._polygons)
        self._one_at_a_time = Lock()
        shapely.prepare(self._polygons)

    def decide(
        self, x: NDArray[np.float64], y: NDArray[np.float64], record: NDArray[np.intp]
    ) -> NDArray[np.int32]:
        """The lowest cell of each place's record that intersects it, or NO_CELL."""
        with self._one_at_a_time:
            return self._decide(x, y, record)

    def decide_one(self, x: float, y: float, record: int) -> int:
        """The same for one place."""
        with self._one_at_a_time:
            return self._decide_one(x, y, record)

    def _decide(
        self, x: NDArray[np.float64], y: NDArray[np.float64], record: NDArray[np.intp]
    ) -> NDArray[np.int32]:
        found = np.full(len(x), NO_CELL, dtype=np.int32)
        listed = self._listed[record]
        open_ = np.arange(len(x))
        for nth in range(ROOM):
            cell = listed[open_, nth]
            if (cell < 0).any():
                open_, cell = open_[cell >= 0], cell[cell >= 0]
            if len(open_) == 0:
                break
            hit = shapely.intersects_xy(self._polygons[cell], x[open_], y[open_])
            found[open_[hit]] = cell[hit]
            open_ = open_[~hit]
        crowd = np.flatnonzero(listed[:, 0] == CROWDED)
        if len(crowd):
            found[crowd] = self._decide_all(x[crowd], y[crowd])
        return found

    def _decide_one(self, x: float, y: float, record: int) -> int:
        for cell in self._listed[record].tolist():
            if cell < 0:
                break
            if shapely.intersects_xy(self._polygons[cell], x, y):
                return int(cell)
        if self._listed[record, 0] == CROWDED:
            return int(self._decide_all(np.array([x]), np.array([y]))[0])
        return NO_CELL

    def _decide_all(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int32]:
        """The plain way, with no raster: the lowest of all cells that intersects each place."""
        found = np.full(len(x), NO_CELL, dtype=np.int32)
        point, cell = self._tree.query(shapely.points(x, y), predicate="intersects")
        lowest_last = np.lexsort((-cell, point))
        point, cell = point[lowest_last], cell[lowest_last]
        last = np.flatnonzero(np.append(point[1:] != point[:-1], True)) if len(point) else point
        found[point[last]] = cell[last]
        return found
