"""What a worker knows by heart: devices, metrics, the atlas in force, the city's decisions. A cache of the store.

Filled from the database as codes are met and refreshed when a cheap stamp moves; nothing here is state of record.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import repeat
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from grid.errors import CityError
from incidents.decisions import Decisions
from incidents.postgres import decision_store, grid_store, readings
from incidents.postgres import intake as store
from incidents.postgres.connection import Connection
from incidents.postgres.intake import HeardDevice
from incidents.rules import RuleBook, Traits
from streams.ground import Ground, Nowhere

UNKNOWN = -1
MOST_METRICS = 32_000
"""metric.id is a smallint; a source that invents metrics is refused before it runs out."""
REFRESH_S = 1.0
_OVERLAP = timedelta(seconds=2)
"""A change may be committed a little after the instant it bears."""

_log = structlog.get_logger("streams.known")


class Devices:
    """Devices by code: a slot per device, and per slot its id, cell and kind. Slots are never reused."""

    def __init__(self) -> None:
        self._slot_of: dict[str, int] = {}
        self._slot_of_id: dict[int, int] = {}
        self._codes: list[str] = []
        self._kinds: list[str | None] = []
        self.id = np.empty(1024, np.int32)
        self.cell = np.full(1024, readings.NO_CELL, np.int32)

    def __len__(self) -> int:
        return len(self._codes)

    def slots(self, codes: Sequence[str]) -> NDArray[np.int32]:
        """The slot of each code, UNKNOWN where we have not met it."""
        return np.fromiter(
            map(self._slot_of.get, codes, repeat(UNKNOWN)), np.int32, count=len(codes)
        )

    def code_of(self, device: int) -> str:
        """The code of a device id we have met."""
        return self._codes[self._slot_of_id[device]]

    def kind_of(self, device: int) -> str | None:
        """The kind of a device id we have met."""
        return self._kinds[self._slot_of_id[device]]

    def learn(self, heard: Iterable[HeardDevice]) -> None:
        """Take in devices as the store has them, new ones and known ones alike."""
        for one in heard:
            slot = self._slot_of.get(one.code)
            if slot is None:
                slot = self._new_slot(one)
            self.cell[slot] = readings.NO_CELL if one.cell is None else one.cell
            self._kinds[slot] = one.kind

    def refresh(self, changed: Iterable[HeardDevice]) -> None:
        """Take in changes of devices already met; others are met when they speak."""
        self.learn(one for one in changed if one.code in self._slot_of)

    def _new_slot(self, one: HeardDevice) -> int:
        slot = len(self._codes)
        if slot == len(self.id):
            self.id = np.concatenate([self.id, np.empty(slot, np.int32)])
            self.cell = np.concatenate([self.cell, np.full(slot, readings.NO_CELL, np.int32)])
        self._codes.append(one.code)
        self._kinds.append(one.kind)
        self.id[slot] = one.id
        self._slot_of_id[one.id] = slot
        self._slot_of[one.code] = slot
        return slot


class Metrics:
    """Metric ids by code."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}

    def learn(self, connection: Connection, codes: Iterable[str]) -> None:
        """Make these metrics if they are new, as long as there is room, and know them all."""
        new = sorted(set(codes) - set(self.ids))
        room = max(0, MOST_METRICS - len(self.ids))
        self.ids = readings.metrics(connection, new[:room])


class Known:
    """All of it together, as one worker holds it; `atlases` is the folder of saved atlases."""

    def __init__(self, atlases: Path) -> None:
        self._atlases = atlases
        self.devices = Devices()
        self.metrics = Metrics()
        self.ground: Ground = Nowhere()
        self.decisions: Decisions | None = None
        self.book: RuleBook | None = None
        self.watched: NDArray[np.bool_] = np.zeros(1 << 15, np.bool_)
        """By metric id: whether a rule speaks of it."""
        self._stamp: decision_store.Stamp | None = None
        self._edition: int | None = None
        self._devices_since: datetime | None = None
        self._asked = float("-inf")

    def refresh(self, connection: Connection) -> None:
        """Ask for changes, at most once in REFRESH_S.

        Decisions that cannot be read leave the old ones in force and are said in the log; at the start
        there are no old ones, and CityError is raised.
        """
        now = time.monotonic()
        if now - self._asked < REFRESH_S:
            return
        self._refresh_ground(connection)
        self._refresh_devices(connection)
        self._refresh_decisions(connection)
        self._asked = now

    def ask_again(self) -> None:
        """Let the next refresh ask the store, however soon it comes."""
        self._asked = float("-inf")

    def _refresh_decisions(self, connection: Connection) -> None:
        stamp = decision_store.stamp(connection)
        if stamp == self._stamp:
            return
        try:
            decisions = decision_store.in_force(connection)
        except CityError as fault:
            if self.decisions is None:
                raise
            _log.error(
                "新规则读不懂，沿用旧规则 / new decisions unreadable, the old ones hold",
                fault=str(fault),
            )
            self._stamp = stamp
            return
        self.metrics.learn(connection, decisions.book.metrics_needed)
        edition = decisions.editions.get("rules", 0)
        self.book = RuleBook.of(edition, decisions.rules, self.metrics.ids, self._traits)
        self.watched[:] = False
        for metric in self.book.by_metric:
            self.watched[metric] = True
        self.decisions, self._stamp = decisions, stamp

    def _refresh_ground(self, connection: Connection) -> None:
        kept = grid_store.edition_in_force(connection)
        if kept is None or kept.id == self._edition:
            return
        self.ground = Ground.of(connection, self._atlases)
        self._edition = kept.id

    def _refresh_devices(self, connection: Connection) -> None:
        if self._devices_since is None:
            self._devices_since = store.now(connection) - _OVERLAP
            return
        changed, newest = store.devices_changed(connection, self._devices_since)
        self.devices.refresh(changed)
        if newest is not None:
            self._devices_since = max(self._devices_since, newest - _OVERLAP)

    def _traits(self, device: int, cell: int) -> Traits:
        return Traits(
            self.devices.code_of(device), self.devices.kind_of(device), self.ground.cell_code(cell)
        )
