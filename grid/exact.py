"""The exact test: which of the cells listed for a place holds it, asked of the polygons."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from grid.raster import CROWDED, NO_CELL, ROOM


class ExactTest:
    """Polygons, prepared once, and the cells that each record of a raster lists, ascending."""

    def __init__(self, polygons: NDArray[Any], listed: NDArray[np.int32]) -> None:
        self._polygons = polygons
        self._listed = listed
        self._tree = shapely.STRtree(polygons)
        shapely.prepare(polygons)
        # The inside of a prepared polygon is indexed at its first question. Asking it now keeps
        # two threads from building one index at once, which GEOS does not allow.
        if len(polygons):
            shapely.intersects_xy(polygons, *shapely.get_coordinates(polygons)[_firsts(polygons)].T)

    def decide(
        self, x: NDArray[np.float64], y: NDArray[np.float64], record: NDArray[np.intp]
    ) -> NDArray[np.int32]:
        """The lowest cell of each place's record that intersects it, or NO_CELL."""
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
            found[crowd] = self.decide_all(x[crowd], y[crowd])
        return found

    def decide_one(self, x: float, y: float, record: int) -> int:
        """The same for one place."""
        for cell in self._listed[record].tolist():
            if cell < 0:
                break
            if shapely.intersects_xy(self._polygons[cell], x, y):
                return int(cell)
        if self._listed[record, 0] == CROWDED:
            return int(self.decide_all(np.array([x]), np.array([y]))[0])
        return NO_CELL

    def decide_all(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int32]:
        """The plain way, with no raster: the lowest of all cells that intersects each place."""
        found = np.full(len(x), NO_CELL, dtype=np.int32)
        point, cell = self._tree.query(shapely.points(x, y), predicate="intersects")
        lowest_last = np.lexsort((-cell, point))
        point, cell = point[lowest_last], cell[lowest_last]
        last = np.flatnonzero(np.append(point[1:] != point[:-1], True)) if len(point) else point
        found[point[last]] = cell[last]
        return found


def _firsts(polygons: NDArray[Any]) -> NDArray[np.intp]:
    """Where the first coordinate of each polygon stands among all coordinates."""
    count = shapely.get_num_coordinates(polygons)
    first: NDArray[np.intp] = np.cumsum(count) - count
    return first
