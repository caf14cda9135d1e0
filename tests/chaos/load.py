"""Load with known content: readings of several gateways, events, and poison, all from one seed.

What must come out can be worked out from it (`tests/journey/oracle.py`), whatever is killed meanwhile.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.journey.oracle import Level, Reading, Seen

OWN = "noise.own"
"""Metric of devices heard through one gateway only."""
SHARED = "noise.shared"
"""Metric of devices heard through two gateways, in two partitions."""
LEVELS = (
    Level("noise-own", OWN, 70, 60, for_s=3, gap_s=30),
    Level("noise-shared", SHARED, 70, 60, for_s=3, gap_s=3600, settle_s=3600),
)
TAIL_S = 4000
"""Seconds of event time after which one last reading, sent at rest, lets everything shared be decided."""

OPENING, CLUSTERED, FILTERED = (
    "chaos/matter/opening",
    "chaos/matter/clustered",
    "chaos/matter/filtered",
)
Row = tuple[str, str, int, float | None]
Series = dict[tuple[str, str], dict[int, float]]
"""(device, metric) → event time in ms → value."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message of a source, and how many rows it brings."""

    topic: str
    source: str
    body: bytes
    rows: int
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """How much load: all counts are per gateway or per source."""

    seed: int = 1
    gateways: int = 4
    own_devices: int = 40
    shared_devices: int = 10
    steps: int = 1200
    steps_per_envelope: int = 2
    cameras: int = 2
    events: int = 150
    poison: int = 24


@dataclass
class Load:
    """Everything that is sent, by source in order of time, and what it amounts to."""

    shape: Shape
    begin_ms: int
    series: Series = field(default_factory=dict)
    events: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        for gateway in range(self.shape.gateways):
            for number in range(self.shape.own_devices):
                self._draw(f"own-{gateway}-{number:03}", OWN)
            for number in range(self.shape.shared_devices):
                self._draw(f"shared-{gateway}-{number:03}", SHARED)

    def _draw(self, device: str, metric: str) -> None:
        """A series of one value a second: calm, with troubles of one to eight seconds now and then."""
        dice = random.Random(f"{self.shape.seed}/{device}")
        values: dict[int, float] = {}
        trouble = 0
        for step in range(self.shape.steps):
            if trouble == 0 and dice.random() < 0.003:
                trouble = dice.randint(1, 8)
            level = dice.uniform(64, 90) if trouble else dice.uniform(30, 59)
            trouble = max(0, trouble - 1)
            values[self.begin_ms + 1000 * step] = round(level, 2)
        values[self.begin_ms + 1000 * (self.shape.steps + TAIL_S)] = 31.0
        self.series[device, metric] = values

    def gateway_names(self) -> list[str]:
        """The sources of readings."""
        return [f"gw-{number}" for number in range(self.shape.gateways)]

    def _heard(self, gateway: int) -> list[tuple[str, str]]:
        """The series a gateway hears: its own, its shared ones, and those of its neighbour."""
        neighbour = (gateway + 1) % self.shape.gateways
        mine = [(f"own-{gateway}-{n:03}", OWN) for n in range(self.shape.own_devices)]
        for owner in (gateway, neighbour):
            mine += [(f"shared-{owner}-{n:03}", SHARED) for n in range(self.shape.shared_devices)]
        return mine

    def readings(self, gateway: int) -> Iterator[Envelope]:
        """The envelopes of one gateway in order of time; a few rows of them are not fit to be stored."""
        shape, heard = self.shape, self._heard(gateway)
        dice = random.Random(f"{shape.seed}/gateway/{gateway}")
        for first in range(0, shape.steps, shape.steps_per_envelope):
            last = min(first + shape.steps_per_envelope, shape.steps)
            times = [self.begin_ms + 1000 * step for step in range(first, last)]
            unfit = dice.random() < 0.03
            bad: list[Row] = [(heard[0][0], OWN, times[0] + 1, None)] if unfit else []
            yield self._envelope(gateway, first, [(d, m, t) for t in times for d, m in heard], bad)

    def last(self, gateway: int) -> Envelope:
        """One late reading of everything the gateway hears; to be sent when all before it is taken in."""
        at = self.begin_ms + 1000 * (self.shape.steps + TAIL_S)
        rows = [(d, m, at) for d, m in self._heard(gateway)]
        return self._envelope(gateway, self.shape.steps, rows, [])

    def _envelope(
        self,
        gateway: int,
        number: int,
        rows: list[tuple[str, str, int]],
        bad: list[Row],
    ) -> Envelope:
        whole: list[Row] = [(d, m, t, self.series[d, m][t]) for d, m, t in rows] + bad
        source = f"gw-{gateway}"
        body = {
            "schema": "readings.v1",
            "batch": f"{source}/{number:06}",
            "source": source,
            "sent_at": "2026-01-01T00:00:00.000Z",
            "device": [row[0] for row in whole],
            "metric": [row[1] for row in whole],
            "at": [row[2] for row in whole],
            "value": [row[3] for row in whole],
        }
        return Envelope("city.readings.v1", source, json.dumps(body).encode(), len(whole), len(bad))

    def camera_events(self, camera: int, places: list[tuple[float, float]]) -> Iterator[Envelope]:
        """Events of one camera, five an envelope; every tenth envelope is sent twice.

        `places` are WGS-84 degrees, far apart from one another.
        """
        shape, source = self.shape, f"cam-{camera}"
        dice = random.Random(f"{shape.seed}/camera/{camera}")
        drawn = [self._event(source, number, dice, places) for number in range(shape.events)]
        self.events += drawn
        for number, first in enumerate(range(0, len(drawn), 5)):
            envelope = self._events_envelope(source, number, drawn[first : first + 5])
            yield envelope
            if number % 10 == 9:
                yield envelope

    def _event(
        self, source: str, number: int, dice: random.Random, places: list[tuple[float, float]]
    ) -> Seen:
        category = dice.choices((OPENING, CLUSTERED, FILTERED), (4, 4, 2))[0]
        lon, lat = dice.choice(places)
        at = self.begin_ms + 1000 * number
        subject = f"component:{dice.randrange(60)}" if category == OPENING else None
        return Seen(source, f"{source}-{number:05}", category, lon, lat, at, subject)

    def _events_envelope(self, source: str, number: int, events: list[Seen]) -> Envelope:
        body = {
            "schema": "events.v1",
            "batch": f"{source}/{number:06}",
            "source": source,
            "sent_at": "2026-01-01T00:00:00.000Z",
            "events": [
                {
                    "id": e.id,
                    "kind": "chaos",
                    "category": e.category,
                    "at": e.at,
                    "lon": e.lon,
                    "lat": e.lat,
                    "datum": "wgs84",
                    **({"subject": e.subject} if e.subject else {}),
                }
                for e in events
            ],
        }
        return Envelope("city.reports.v1", source, json.dumps(body).encode(), len(events))

    def poison(self) -> list[Envelope]:
        """Messages nobody can understand, each different from every other."""
        return list(poison(self.shape.poison, random.Random(f"{self.shape.seed}/poison")))

    def expected_series(self) -> dict[tuple[str, str], list[Reading]]:
        """Every series as it must be stored."""
        return {key: sorted(values.items()) for key, values in self.series.items()}


def poison(count: int, dice: random.Random) -> Iterator[Envelope]:
    """Bad messages of every kind; each carries a number, so that none is another's double."""
    kinds = (
        lambda n: f"not json {n}".encode(),
        lambda n: b"\x00\xff\xfe" + str(n).encode(),
        lambda n: json.dumps({"schema": "readings.v9", "n": n}).encode(),
        lambda n: json.dumps([n]).encode(),
        lambda n: json.dumps(_row(n) | {"value": [1.0, 2.0]}).encode(),
        lambda n: json.dumps(_row(n) | {"lon": [120.0]}).encode(),
        lambda n: json.dumps(_row(n) | {"lon": [120.0], "lat": [30.0]}).encode(),
        lambda n: json.dumps(_row(n) | {"at": ["yesterday"]}).encode(),
        lambda n: json.dumps(_row(n)).encode()[: -1 - n % 5],
        lambda n: (f'{{"schema":"readings.v1","n":{n},"deep":' + "[" * 5000).encode(),
        lambda n: json.dumps(_row(n) | {"datum": "mars"}).encode(),
        lambda n: b" " * (n % 3),
    )
    for number in range(count):
        topic = dice.choice(("city.readings.v1", "city.reports.v1"))
        body = kinds[number % len(kinds)](number)
        yield Envelope(topic, f"poison-{number}", body, 0)


def _row(number: int) -> dict[str, object]:
    return {
        "schema": "readings.v1",
        "batch": f"poison/{number}",
        "source": f"poison-{number}",
        "sent_at": "2026-01-01T00:00:00.000Z",
        "device": ["poison"],
        "metric": ["poison"],
        "at": [1_767_225_600_000],
        "value": [1.0],
    }
