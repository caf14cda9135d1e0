"""Which of a crossed pixel's cells holds a place: by its limits, and where they leave a doubt, by shapely."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from grid.coordinates import Floats
from grid.limits import NOWHERE
from grid.raster import NO_CELL, ROOM, Raster


class ExactTest:
    """The last word on places in sub-pixels that a limit crosses: what shapely's `intersects` says.

    Shapely is asked only where a place lies on a limit, or in a pixel too crowded for the raster,
    and by one thread at a time: GEOS builds what it remembers of a shape while it answers, and
    two threads at one prepared polygon end the process (libgeos/geos issue 825; seen here too).
    So it is asked about copies that nobody else can prepare.
    """

    def __init__(self, polygons: NDArray[Any], raster: Raster) -> None:
        self._polygons = polygons
        self._listed, self._limits = raster.cells, raster.limits
        self._tree: shapely.STRtree | None = None
        self._one_at_a_time = Lock()

    def decide(self, x: Floats, y: Floats, record: NDArray[np.intp]) -> NDArray[np.int32]:
        """The lowest cell that intersects each place, or NO_CELL."""
        position, sure = self._limits.decide(x, y, record)
        listed = self._listed[record, position & 7]
        found = np.where(position < ROOM, listed, NO_CELL).astype(np.int32)
        if not sure.all():
            doubt = np.flatnonzero(~sure)
            found[doubt] = self._by_shapely(x[doubt], y[doubt])
        return found

    def decide_one(self, x: float, y: float, record: int) -> int:
        """The same for one place."""
        position = self._limits.decide_one(x, y, record)
        if position == NOWHERE:
            return int(self._by_shapely(np.array([x]), np.array([y]))[0])
        return int(self._listed[record, position]) if position < ROOM else NO_CELL

    def _by_shapely(self, x: Floats, y: Floats) -> NDArray[np.int32]:
        """The plain way, with no raster: the lowest of all cells that intersects each place."""
        found = np.full(len(x), NO_CELL, dtype=np.int32)
        with self._one_at_a_time:
            if self._tree is None:
                self._tree = shapely.STRtree(shapely.from_wkb(shapely.to_wkb(self._polygons)))
            point, cell = self._tree.query(shapely.points(x, y), predicate="intersects")
        lowest_last = np.lexsort((-cell, point))
        point, cell = point[lowest_last], cell[lowest_last]
        last = np.flatnonzero(np.append(point[1:] != point[:-1], True)) if len(point) else point
        found[point[last]] = cell[last]
        return found
