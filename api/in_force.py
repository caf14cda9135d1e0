"""What holds today: the city's decisions and the grid edition with its atlas, swapped whole when either changes."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from api.problems import Problem
from grid import shelf
from grid.atlas import SWAPPED, Atlas, outcome_name
from grid.coordinates import Datum, Position, to_wgs84
from incidents.decisions import Decisions
from incidents.event import Place
from incidents.postgres import decision_store, grid_store
from incidents.postgres.connection import Connection


@dataclass(frozen=True, slots=True)
class Ground:
    """A grid edition ready for questions; `first_cell` turns an atlas index into unit_grid.id."""

    edition: int
    digest: str
    first_cell: int
    atlas: Atlas

    @property
    def numbering(self) -> str:
        """Names the order of the cells in packed answers; another order has another name."""
        return f"{self.edition}-{self.digest[:12]}"


class InForce:
    """Decisions and ground of this process; `refresh` looks for changes, `ready` says whether it ever could."""

    def __init__(self, shelf_folder: Path) -> None:
        self._shelf = shelf_folder
        self._decisions: Decisions | None = None
        self._stamp: Any = None
        self._ground: Ground | None = None
        self._one_at_a_time = threading.Lock()

    @property
    def ready(self) -> bool:
        """Whether decisions have been read."""
        return self._decisions is not None

    @property
    def decisions(self) -> Decisions:
        """The city's decisions in force; 503 before they could be read."""
        if self._decisions is None:
            raise Problem(
                503,
                "unavailable",
                ("规则尚未读入，请稍后重试", "the city's decisions are not read yet; try again"),
                {"Retry-After": "2"},
            )
        return self._decisions

    @property
    def ground(self) -> Ground | None:
        """The grid in force, or None when no edition is loaded."""
        return self._ground

    @property
    def zone(self) -> ZoneInfo:
        """The city's time zone: what "today" means."""
        return ZoneInfo(self._decisions.time_zone if self._decisions else "Asia/Shanghai")

    def today(self, now: datetime | None = None) -> date:
        """The city's date."""
        return (now or datetime.now(UTC)).astimezone(self.zone).date()

    def refresh(self, connection: Connection) -> None:
        """Read what changed since last time; cheap when nothing did."""
        with self._one_at_a_time:
            stamp = decision_store.stamp(connection)
            if stamp != self._stamp or self._decisions is None:
                self._decisions = decision_store.in_force(connection)
                self._stamp = stamp
            found = grid_store.edition_in_force(connection, self.today())
            if found is None:
                self._ground = None
            elif self._ground is None or self._ground.edition != found.id:
                atlas = self._atlas(connection, found.digest)
                self._ground = Ground(found.id, found.digest, found.first_cell, atlas)

    def _atlas(self, connection: Connection, digest: str) -> Atlas:
        """The atlas saved by whoever needed it first, else built from the database and saved."""
        try:
            return shelf.open_atlas(self._shelf, digest)
        except shelf.ShelfDamaged:
            _, _, edition = grid_store.load_edition(connection, self.today())
            return shelf.atlas_of(edition, self._shelf)

    def place(self, lon: float, lat: float, datum: Datum) -> Place:
        """Where that is: WGS-84 and the cell; 422 when the coordinates can only be exchanged ones.

        A place outside the city is kept as it is, without a cell.
        """
        raw = Position(lon, lat, datum)
        x, y = to_wgs84(lon, lat, datum)
        ground = self._ground
        if ground is None:
            return Place(raw, x, y)
        atlas = ground.atlas
        index = atlas.locate_one(x, y)
        if index == SWAPPED:
            raise Problem(
                422,
                "position_swapped",
                (
                    f"经度 {lon}、纬度 {lat} 不在本市，对调后在；请核对顺序",
                    f"lon {lon}, lat {lat} is outside the city and inside when exchanged",
                ),
                outcome=outcome_name(index),
            )
        if index < 0:
            return Place(raw, x, y)
        return Place(
            raw,
            x,
            y,
            cell=ground.first_cell + index,
            cell_code=str(atlas.codes[index]),
            community=str(atlas.community_codes[atlas.community[index]]),
            street=str(atlas.street_codes[atlas.street[index]]),
            district=str(atlas.district_codes[atlas.district[index]]),
        )
