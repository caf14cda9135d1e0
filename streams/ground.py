"""The atlas in force with the store's own numbers: unit_grid.id by cell, grid_area.id by street."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from grid import shelf
from grid.atlas import SWAPPED, Atlas
from grid.coordinates import Datum, Position, to_wgs84
from incidents.event import Place
from incidents.postgres import grid_store, readings
from incidents.postgres.connection import Connection


class Ground:
    """Where things lie, in the edition in force."""

    def __init__(self, atlas: Atlas, first_cell: int, area_of_street: dict[str, int]) -> None:
        self._atlas = atlas
        self._first_cell = first_cell
        ids = [area_of_street.get(str(code), 0) for code in atlas.street_codes]
        self._area = np.array(ids, np.int32)[atlas.street]

    @classmethod
    def of(cls, connection: Connection, atlases: Path) -> Self:
        """The ground of the edition in force; its atlas from the shelf, built when it is not there."""
        kept = grid_store.edition_in_force(connection)
        assert kept is not None
        try:
            atlas = shelf.open_atlas(atlases, kept.digest)
        except shelf.ShelfDamaged:
            _, _, edition = grid_store.load_edition(connection)
            atlas = shelf.atlas_of(edition, atlases)
        areas = grid_store.area_ids(connection, kept.id, "street")
        return cls(atlas, kept.first_cell, areas)

    def areas(self, cells: NDArray[np.int32]) -> NDArray[np.int32]:
        """grid_area.id of the street of each unit_grid.id; 0 outside, also for cells of another edition."""
        index = cells.astype(np.int64) - self._first_cell
        inside = (cells >= 0) & (index >= 0) & (index < len(self._area))
        found = np.zeros(len(cells), np.int32)
        found[inside] = self._area[index[inside]]
        return found

    def locate(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
        """unit_grid.id (NO_CELL for none) and flags of places in WGS-84 degrees."""
        index = self._atlas.locate(lon, lat)
        flags = np.full(len(index), readings.OWN_PLACE, np.int16)
        flags[index < 0] |= readings.OUTSIDE
        flags[index == SWAPPED] |= readings.SWAPPED
        cells = np.where(index >= 0, index + self._first_cell, readings.NO_CELL)
        return cells.astype(np.int32), flags

    def cell_code(self, cell: int) -> str | None:
        """The code of a unit_grid.id of this edition."""
        index = cell - self._first_cell
        return str(self._atlas.codes[index]) if 0 <= index < len(self._area) else None

    def places(self, raw: list[Position]) -> list[Place]:
        """Positions with their cell and all that lies above it; one lookup for all."""
        lon, lat = np.empty(len(raw)), np.empty(len(raw))
        for datum in Datum:
            of = [i for i, position in enumerate(raw) if position.datum is datum]
            given = [raw[i].lon for i in of], [raw[i].lat for i in of]
            lon[of], lat[of] = to_wgs84(*given, datum)
        index = self._index(lon, lat)
        return [
            self._place(*one) for one in zip(raw, lon.tolist(), lat.tolist(), index, strict=True)
        ]

    def _index(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> list[int]:
        found: list[int] = self._atlas.locate(lon, lat).tolist()
        return found

    def _place(self, raw: Position, lon: float, lat: float, index: int) -> Place:
        if index == SWAPPED:
            return Place(raw, swapped=True)  # a latitude beyond the pole is no place to keep
        if index < 0:
            return Place(raw, lon, lat)
        atlas = self._atlas
        return Place(
            raw=raw,
            lon=lon,
            lat=lat,
            cell=index + self._first_cell,
            cell_code=str(atlas.codes[index]),
            community=str(atlas.community_codes[atlas.community[index]]),
            street=str(atlas.street_codes[atlas.street[index]]),
            district=str(atlas.district_codes[atlas.district[index]]),
        )


class Nowhere(Ground):
    """No edition is in force yet: nothing lies in any cell."""

    def __init__(self) -> None:
        self._first_cell = 0
        self._area = np.empty(0, np.int32)

    def locate(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
        """NO_CELL, outside, for all."""
        assert len(lat) == len(lon)
        flags = np.full(len(lon), readings.OWN_PLACE | readings.OUTSIDE, np.int16)
        return np.full(len(lon), readings.NO_CELL, np.int32), flags

    def _index(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> list[int]:
        return [-1] * min(len(lon), len(lat))
