"""A layer as it was handed in: columns and polygons in WGS-84, not yet believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from grid.coordinates import Datum, Floats, metres_per_degree
from grid.unit_grid import Level

COLUMNS = (
    "code",
    "name",
    "district",
    "street",
    "community",
    "district_name",
    "street_name",
    "community_name",
    "responsible",
    "responsible_name",
    "state",
    "responsible_body",
    "owner",
    "maintainer",
)
"""What a column of a layer may mean; only `code` must be there. The last four are of components."""


@dataclass(frozen=True)
class Layer:
    """Texts by column and polygons in WGS-84 degrees, row by row as in the file.

    `datum` is what was declared; a polygon may be None, and anything may be wrong.
    """

    polygons: NDArray[Any]
    texts: Mapping[str, Sequence[str]]
    datum: Datum
    rows: range = field(default=range(0))

    def column(self, name: str) -> Sequence[str]:
        """The texts of a column, empty ones where the layer does not have it."""
        return self.texts.get(name) or [""] * len(self.polygons)

    @property
    def codes(self) -> Sequence[str]:
        """The codes of the cells as written."""
        return self.column("code")

    def label(self, row: int) -> str:
        """How to call a row in a message: its code, or its number if it has none."""
        return self.codes[row] or f"#{row + 1}"

    @cached_property
    def areal(self) -> NDArray[np.bool_]:
        """Rows whose geometry is a valid, non-empty area."""
        kinds = shapely.get_type_id(self.polygons)
        area = np.isin(kinds, (3, 6))  # Polygon, MultiPolygon
        sound: NDArray[np.bool_] = (
            area & ~shapely.is_empty(self.polygons) & shapely.is_valid(self.polygons)
        )
        return sound

    @cached_property
    def frame(self) -> Frame:
        """A plane in metres laid on the middle of the layer."""
        return Frame.around(self.polygons[self.areal])


@dataclass(frozen=True)
class Frame:
    """A local plane in metres: right to 1 part in 10³ over a city, for sizes in messages."""

    lon: float
    lat: float
    east: float
    north: float

    @classmethod
    def around(cls, polygons: NDArray[Any]) -> Frame:
        """The frame in the middle of some polygons."""
        if len(polygons) == 0:
            return cls(0.0, 0.0, 111319.0, 110574.0)
        west, south, east, north = shapely.total_bounds(polygons).tolist()
        scale = metres_per_degree((south + north) / 2)
        return cls((west + east) / 2, (south + north) / 2, float(scale[0]), float(scale[1]))

    def metres(self, shapes: NDArray[Any]) -> NDArray[Any]:
        """Degrees to metres of the frame."""

        def laid(at: Floats) -> Floats:
            return (at - (self.lon, self.lat)) * (self.east, self.north)

        flat: NDArray[Any] = shapely.transform(shapes, laid)
        return flat

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Metres of the frame to degrees."""
        return x / self.east + self.lon, y / self.north + self.lat

    def inside(self, shape: Any) -> tuple[float, float]:
        """Degrees of a point within a shape given in metres."""
        point = shapely.point_on_surface(shape)
        return self.place(point.x, point.y)


PARENTS = {
    Level.DISTRICT: "district",
    Level.STREET: "street",
    Level.COMMUNITY: "community",
}
"""The column that names the parent of each level."""
