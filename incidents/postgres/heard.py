"""Events heard before that may count together with one being judged (`kind = "count_events"`, docs/rules.md).

Narrows by index; which of them count is the rule's to say. What it looked at stays so until the transaction ends:
whoever counts the same waits.
"""

from __future__ import annotations

from typing import Any

from grid.coordinates import metres_per_degree
from incidents.event import Event, Origin, Place
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named
from incidents.rules_book import CountEventsRule

MOST = 1000
"""Events looked at on either side of the moment, the nearest in time; far beyond what a rule may count to."""


def before(connection: Connection, rule: CountEventsRule, event: Event) -> list[Event]:
    """What `incidents.desk.Ledger.heard` asks for; holds the count's lock until the transaction ends."""
    _lock(connection, rule, event)
    asked: dict[str, Any] = {
        "category": event.category,
        "at": event.at,
        "since": event.at - rule.within,
        "until": event.at + rule.within,
        "cell": event.place.cell if rule.same_cell else None,
        "most": MOST,
        **_box(rule, event.place),
    }
    rows = connection.execute(named("heard.sql")["heard"], asked).fetchall()
    return [_event(row) for row in rows if (row[0], row[1]) != (event.source, event.id)]


def _lock(connection: Connection, rule: CountEventsRule, event: Event) -> None:
    place, name = event.place, f"{rule.code}/{event.category}"
    if rule.metres is not None and place.lon is not None:
        around = {"lon": place.lon, "lat": place.lat, "metres": rule.metres}
        connection.execute(named("heard.sql")["lock_heard_around"], {"name": name, **around})
        return
    if rule.same_cell:
        name += f"/{place.cell_code}"
    connection.execute(named("heard.sql")["lock_heard"], {"name": name})


def _box(rule: CountEventsRule, place: Place) -> dict[str, float | None]:
    """Degrees around the place that hold everything within the rule's metres; all None where it has none."""
    if rule.metres is None or place.lon is None or place.lat is None:
        return dict.fromkeys(("west", "south", "east", "north"))
    east, north = (float(m) for m in metres_per_degree(place.lat))
    wide, high = 1.01 * rule.metres / max(east, 1.0), 1.01 * rule.metres / north
    return {
        "west": place.lon - wide,
        "south": place.lat - high,
        "east": place.lon + wide,
        "north": place.lat + high,
    }


def _event(row: tuple[Any, ...]) -> Event:
    source, id_, origin, kind, category, at, lon, lat, score, zones, cell_code = row
    return Event(
        source=source,
        id=id_,
        origin=Origin(origin),
        kind=kind,
        at=at,
        place=Place(lon=lon, lat=lat, cell_code=cell_code),
        category=category,
        score=score,
        zones=tuple(zones or ()),
    )
