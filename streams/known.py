"""What a worker knows by heart: devices, metrics, the atlas in force, the city's decisions. A cache of the store.

Filled from the database as codes are met and refreshed when a cheap stamp moves; nothing here is state of record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from incidents.postgres import readings
from incidents.postgres.connection import Connection

UNKNOWN = -1
MOST_METRICS = 32_000
"""metric.id is a smallint; a source that invents metrics is refused before it runs out."""


class Devices:
    """Devices by code: a slot per device, and per slot its id, cell and area. Slots are never reused."""

    def __init__(self) -> None:
        self._slot_of: dict[str, int] = {}
        self.codes: list[str] = []
        self.id = np.empty(1024, np.int32)
        self.cell = np.full(1024, readings.NO_CELL, np.int32)
        self._code_of_id: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.codes)

    def slots(self, codes: Sequence[str]) -> NDArray[np.int32]:
        """The slot of each code, UNKNOWN where we have not met it."""
        return np.fromiter(
            map(self._slot_of.get, codes, repeat(UNKNOWN)), np.int32, count=len(codes)
        )

    def code(self, device: int) -> str:
        """The code of a device id we have met."""
        return self._code_of_id[device]

    def learn(self, rows: Iterable[tuple[str, int, int | None]]) -> None:
        """Take in (code, id, cell) as the store has them, new ones and known ones alike."""
        for code, id_, cell in rows:
            slot = self._slot_of.get(code)
            if slot is None:
                slot = len(self.codes)
                self._grow(slot)
                self.codes.append(code)
                self.id[slot] = id_
                self._code_of_id[id_] = code
                self._slot_of[code] = slot
            self.cell[slot] = readings.NO_CELL if cell is None else cell

    def refresh(self, rows: Iterable[tuple[str, int, int | None]]) -> None:
        """Take in changes of devices already met; others are met when they speak."""
        self.learn(row for row in rows if row[0] in self._slot_of)

    def _grow(self, slot: int) -> None:
        if slot < len(self.id):
            return
        more = len(self.id)
        self.id = np.concatenate([self.id, np.empty(more, np.int32)])
        self.cell = np.concatenate([self.cell, np.full(more, readings.NO_CELL, np.int32)])


class Ground:
    """The atlas in force with the store's numbers: unit_grid.id by cell, grid_area.id by cell."""

    def __init__(self, atlas: Any, first_cell: int, area_of_street: dict[str, int]) -> None:
        self.atlas = atlas
        self.first_cell = first_cell
        of_street = np.array([area_of_street.get(str(c), 0) for c in atlas.street_codes], np.int32)
        self._area = of_street[atlas.street] if len(atlas) else np.empty(0, np.int32)

    def areas(self, cells: NDArray[np.int32]) -> NDArray[np.int32]:
        """grid_area.id of the street of each unit_grid.id; 0 outside, also for cells of another edition."""
        index = cells.astype(np.int64) - self.first_cell
        inside = (cells >= 0) & (index >= 0) & (index < len(self._area))
        found = np.zeros(len(cells), np.int32)
        found[inside] = self._area[index[inside]]
        return found

    def locate(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
        """unit_grid.id (NO_CELL for none) and flags of places in WGS-84 degrees."""
        from grid.atlas import SWAPPED

        index = self.atlas.locate(lon, lat)
        flags = np.full(len(index), readings.OWN_PLACE, np.int16)
        flags[index < 0] |= readings.OUTSIDE
        flags[index == SWAPPED] |= readings.SWAPPED
        return np.where(index >= 0, index + self.first_cell, readings.NO_CELL).astype(
            np.int32
        ), flags


class Metrics:
    """Metric ids by code."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}

    def learn(self, connection: Connection, codes: Iterable[str]) -> None:
        """Make these metrics if they are new, as long as there is room, and know them all."""
        room = max(0, MOST_METRICS - len(self.ids))
        self.ids = readings.metrics(connection, sorted(set(codes))[:room])


class Nowhere(Ground):
    """No edition is in force yet: nothing lies in any cell."""

    def __init__(self) -> None:
        self.first_cell = 0

    def areas(self, cells: NDArray[np.int32]) -> NDArray[np.int32]:
        """0 for all."""
        return np.zeros(len(cells), np.int32)

    def locate(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
        """NO_CELL, outside, for all."""
        flags = np.full(len(lon), readings.OWN_PLACE | readings.OUTSIDE, np.int16)
        return np.full(len(lon), readings.NO_CELL, np.int32), flags


class Known:
    """All of it together, as one worker holds it."""

    def __init__(self) -> None:
        self.devices = Devices()
        self.metrics = Metrics()
        self.ground: Ground = Nowhere()
