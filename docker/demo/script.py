"""What is said at each second of a demo, ready for the doors: the fictional day, or New York's real night.

A script knows no clock and no door. Moments are seconds since the demo began; the player turns them
into times of day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from demo import nyc
from demo.city import City
from demo.day import DAY_S, Call, Day, Sighting
from demo.fleet import Device
from demo.plot import tell
from demo.stranger import Letter

Reading = tuple[str, str, float | None]
"""Device, metric, value."""


@dataclass(slots=True)
class Second:
    """Everything said in one second: readings by source, events by source, reports by people.

    An event or a report is the body the door takes, without its time; `key` names a report for ever.
    `letters` are messages a stranger writes to Kafka past the gateway.
    """

    readings: dict[str, list[Reading]] = field(default_factory=dict)
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    reports: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)

    def read(self, source: str, readings: Sequence[Reading]) -> None:
        """Add readings of a source."""
        if readings:
            self.readings.setdefault(source, []).extend(readings)

    def see(self, source: str, event: dict[str, Any]) -> None:
        """Add an event of a source."""
        self.events.setdefault(source, []).append(event)


class Script(Protocol):
    """Something that can be played."""

    def at(self, second: int) -> Second:
        """What is said in that second."""
        ...


class CityScript:
    """Day after day of the fictional city."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._groups: dict[str, list[Device]] = {}
        for device in city.devices:
            self._groups.setdefault(_gateway_of(device), []).append(device)

    @lru_cache(maxsize=2)  # noqa: B019 - one script lives as long as its process
    def day(self, number: int) -> Day:
        """The day of that number."""
        return tell(self._city.devices, self._city.components, number)

    def at(self, second: int) -> Second:
        """What is said in that second of the demo."""
        number, moment = divmod(second, DAY_S)
        day, said = self.day(number), Second()
        for source, devices in self._groups.items():
            said.read(source, list(day.readings(devices, moment)))
        for sighting in day.sightings:
            if sighting.second == moment:
                said.see("video", _event(sighting))
        for call in day.calls:
            if call.second == moment:
                said.reports.append((call.id, _report(call), call.by))
        _mishaps(said, number, moment)
        return said


def _gateway_of(device: Device) -> str:
    """Each district has a gateway; the bins come from their maker's cloud."""
    if device.kind == "bin":
        return "bin-cloud"
    return f"gw-{(device.component or '')[:6]}"


def _event(seen: Sighting) -> dict[str, Any]:
    place = seen.place
    return {
        "id": seen.id,
        "kind": seen.kind,
        "category": seen.category,
        "lon": place.lon,
        "lat": place.lat,
        "datum": str(place.datum),
        "score": seen.score,
        "zones": list(seen.zones),
        "text": seen.text,
        "raw": {"camera": seen.camera},
    }


def _report(call: Call) -> dict[str, Any]:
    place = call.place
    return {
        "text": call.text,
        "category": call.category,
        "position": {
            "lon": place.lon,
            "lat": place.lat,
            "datum": str(place.datum),
            "accuracy": call.accuracy,
        },
    }


_MISHAP_EVERY = 120


def _mishaps(said: Second, day: int, moment: int) -> None:
    """Now and then something is wrong with what is told, as in every real city; nothing may break of it."""
    turn, into = divmod(moment, _MISHAP_EVERY)
    name = f"d{day}-x{turn:02d}"
    if into == 15:  # a device nobody registered: kept, and shown as heard of
        said.read("gw-990102", [(f"NEW-{day:02d}{turn:02d}", "manhole.tilt", 1.0)])
    if into == 25:  # a value that is none: refused row by row, the rest of the envelope is taken
        said.read("gw-990103", [("RQ-0001", "gas.lel", None)])
    if into == 40:  # longitude and latitude changed places: outside the city, not guessed at
        place = {"lon": 30.6, "lat": 123.4, "datum": "wgs84"}
        said.see("video", {"id": f"{name}a", "kind": "exposed_litter", "score": 0.9, **place})
    if into == 55:  # coordinates without their datum: refused at the door
        said.see("video", {"id": f"{name}b", "kind": "illegal_parking", "lon": 123.4, "lat": 30.6})
    if into == 30 and turn % 4 == 0:  # past the gateway: what nobody can read is quarantined
        said.letters += _LETTERS
    if into == 70:  # a category no code set has
        place = {"lon": 123.4, "lat": 30.603, "datum": "wgs84"}
        said.see(
            "video",
            {"id": f"{name}c", "kind": "other", "category": "gb47678.5-2026/matter/99999", **place},
        )


_LETTERS = (
    Letter("city.readings.v1", "stranger", b'{"schema":"readings.v1","batch":"x/1","sour'),
    Letter("city.reports.v1", "stranger", b"<Notify><CmdType>Alarm</CmdType></Notify>"),
)

NIGHT_S = 7600
"""Real seconds of New York's night: the last request came after 2 h 6 min 26 s."""

SPEED = 6
"""How many real seconds of it are played in one."""

_HOUR_EVERY = 15
"""One hour of the PM2.5 series is told every fifteen seconds: 240 times as fast as it was measured."""

_FIRST_HOUR = 24
"""The series begins with a day of missing values, which nobody needs to wait for."""


class NightScript:
    """New York's night over and over, and the PM2.5 series going on through it."""

    def __init__(self) -> None:
        self._values = list(nyc.series())[_FIRST_HOUR:]
        self._requests: dict[int, list[nyc.Request]] = {}
        for request in nyc.requests():
            began = request.created.replace(hour=0, minute=0, second=0)
            moment = int((request.created - began).total_seconds()) // SPEED
            self._requests.setdefault(moment, []).append(request)

    def at(self, second: int) -> Second:
        """What is said in that second of the demo."""
        said = Second()
        lap, moment = divmod(second, NIGHT_S // SPEED)
        for request in self._requests.get(moment, ()):
            said.see("nyc311", _request(request, lap))
        if second % _HOUR_EVERY == 0:
            value = self._values[second // _HOUR_EVERY % len(self._values)]
            if value is not None:
                said.read("beijing", [(nyc.PM25_DEVICE, "air.pm25", value)])
        return said


def _request(request: nyc.Request, lap: int) -> dict[str, Any]:
    """The real key on the first lap; later laps put their number before it."""
    event: dict[str, Any] = {
        "id": f"{lap}/{request.key}" if lap else request.key,
        "kind": "request",
        "category": request.category,
        "text": f"{request.complaint}: {request.descriptor}",
        "raw": {"agency": request.agency, "created": request.created.isoformat()},
    }
    if request.lon is not None:
        event |= {"lon": request.lon, "lat": request.lat, "datum": "wgs84"}
    return event
