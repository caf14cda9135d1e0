"""A dated edition of the grid: old incidents keep the cell of their day."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from grid.coordinates import metres_per_degree
from grid.errors import GridError
from grid.unit_grid import (
    COMMUNITY_LENGTH,
    DISTRICT_LENGTH,
    STREET_LENGTH,
    ResponsibleGrid,
    UnitGrid,
    UnitGridCode,
)


@dataclass(frozen=True, eq=False)
class Edition:
    """The cells of a city that hold from a day on, in the order of their codes.

    `codes` ascend and are unique (dtype str); `polygons` are shapely polygons in WGS-84 degrees,
    `names` texts, both in the order of `codes`. `area_names` gives the names of districts,
    streets and communities by code, `responsible` the responsible grids by code.
    Make one with `Edition.of`; two editions are equal when their digests are.
    """

    name: str
    holds_from: date
    codes: NDArray[np.str_]
    polygons: NDArray[Any]
    names: NDArray[np.str_]
    area_names: Mapping[str, str] = field(default_factory=dict)
    responsible: Mapping[str, ResponsibleGrid] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        name: str,
        holds_from: date,
        cells: tuple[Sequence[str] | NDArray[np.str_], Sequence[Any] | NDArray[Any]],
        names: Sequence[str] | NDArray[np.str_] | None = None,
        area_names: Mapping[str, str] | None = None,
        responsible: Mapping[str, ResponsibleGrid] | None = None,
    ) -> Edition:
        """An edition of (codes, polygons) in any order; raises GridError if a code comes twice.

        Trusts the polygons: faults of geometry are found by `grid.checking`.
        """
        codes = np.asarray(cells[0], dtype=np.str_)
        polygons = np.empty(len(codes), dtype=object)
        polygons[:] = shapely.force_2d(np.asarray(cells[1], dtype=object))
        titles = np.asarray([""] * len(codes) if names is None else names, dtype=np.str_)
        order = np.argsort(codes, kind="stable")
        codes = codes[order]
        twice = np.unique(codes[1:][codes[1:] == codes[:-1]])
        if len(twice):
            raise GridError(
                zh=f"标识码重复：{'、'.join(twice[:5])}",
                en=f"codes given twice: {', '.join(twice[:5])}",
                codes=twice.tolist(),
            )
        return cls(
            name=name,
            holds_from=holds_from,
            codes=_frozen(codes),
            polygons=_frozen(polygons[order]),
            names=_frozen(titles[order]),
            area_names=dict(area_names or {}),
            responsible=dict(responsible or {}),
        )

    def __len__(self) -> int:
        return len(self.codes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Edition) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over codes and geometry (as little-endian WKB), in hexadecimal.

        The same cells give the same digest on every machine; names and dates do not enter.
        """
        whole = hashlib.sha256(b"yiwang edition 1\n")
        shapes = shapely.to_wkb(self.polygons, byte_order=1, output_dimension=2)
        for code, shape in zip(self.codes.tolist(), shapes, strict=True):
            whole.update(f"{code} {len(shape)}\n".encode())
            whole.update(shape)
        return whole.hexdigest()

    @property
    def communities(self) -> NDArray[np.str_]:
        """Code of the community of each cell."""
        return self.codes.astype(f"U{COMMUNITY_LENGTH}")

    @property
    def streets(self) -> NDArray[np.str_]:
        """Code of the street of each cell."""
        return self.codes.astype(f"U{STREET_LENGTH}")

    @property
    def districts(self) -> NDArray[np.str_]:
        """Code of the district of each cell."""
        return self.codes.astype(f"U{DISTRICT_LENGTH}")

    @cached_property
    def areas_m2(self) -> NDArray[np.float64]:
        """Square metres of each cell, right to about 1 part in 10⁴."""
        return areas_m2(self.polygons)

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north of the whole, in degrees; NaN where there is no cell."""
        if len(self) == 0:
            return (math.nan,) * 4
        west, south, east, north = shapely.total_bounds(self.polygons).tolist()
        return west, south, east, north

    def index_of(self, code: str) -> int | None:
        """Where a cell stands in `codes`, or None."""
        at = int(np.searchsorted(self.codes, code))
        return at if at < len(self.codes) and self.codes[at] == code else None

    def cell(self, index: int) -> UnitGrid:
        """One cell with all we know of it."""
        return UnitGrid(
            code=UnitGridCode(str(self.codes[index])),
            name=str(self.names[index]),
            area_m2=float(self.areas_m2[index]),
            polygon=self.polygons[index],
        )


def areas_m2(polygons: NDArray[Any]) -> NDArray[np.float64]:
    """Square metres of polygons in degrees, each measured with the scale of its own latitude."""
    bounds = shapely.bounds(polygons).reshape(-1, 4)
    middle = (bounds[:, 1] + bounds[:, 3]) / 2
    east, north = metres_per_degree(middle)
    area: NDArray[np.float64] = shapely.area(polygons) * east * north
    return area


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
