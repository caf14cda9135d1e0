"""The phones of those who walk the streets by day: each tells the desk now and then where its inspector is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import shapely

from demo.city import City
from demo.door import Door, Shut

PREFIX = "patrol-"
_EVERY_S = 20.0
_CELL_S = 120.0
"""Seconds an inspector stays in a cell before he walks on to the next one of his street."""

Walk = tuple[tuple[float, float], ...]


def walks(city: City, accounts: Mapping[str, Any]) -> dict[str, Walk]:
    """The places each walks by, cell after cell of his street, WGS-84; empty where nobody walks."""
    patrols = {name: row["area"] for name, row in accounts.items() if name.startswith(PREFIX)}
    if not patrols:
        return {}
    inside = shapely.point_on_surface(city.edition.polygons)
    places = list(
        zip(city.edition.codes, shapely.get_x(inside), shapely.get_y(inside), strict=True)
    )
    return {
        name: tuple((float(x), float(y)) for code, x, y in places if code.startswith(area))
        for name, area in patrols.items()
    }


@dataclass
class Patrols:
    """Tells the positions; whoever is off duty is refused by the API, and that is right."""

    doors: Mapping[str, Door]
    walks: Mapping[str, Walk]
    told: int = 0
    _next: float = field(default=0.0)

    def walk(self, now: float | None = None) -> None:
        """Tell where everybody is, if it is time; a door that is shut is tried again next time."""
        now = time.monotonic() if now is None else now
        if now < self._next:
            return
        self._next = now + _EVERY_S
        for name, places in self.walks.items():
            lon, lat = places[int(now / _CELL_S) % len(places)]
            place = {"lon": lon, "lat": lat, "datum": "wgs84", "accuracy": 8}
            try:
                answer = self.doors[name].put("/api/v1/duty/position", {"position": place})
            except Shut:
                return
            self.told += answer.fine
