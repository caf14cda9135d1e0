"""What the benchmarks of the stream stand on: New York's tracts as cells, 60,000 devices in them, one rule, and envelopes.

Twelve gateways of 5,000 devices each, one to a partition; every device speaks once a second of event time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from kafka.partitioner.default import murmur2
from numpy.typing import NDArray

from demo import nyc
from grid.atlas import Atlas
from tests.journey import scene
from tests.journey.oracle import Level

PARTITIONS = 12
PER_GATEWAY = 5000
DEVICES = PARTITIONS * PER_GATEWAY
METRIC = "bench.level"
CATEGORY = "bench/matter/level"
LEVEL = Level("bench-level", METRIC, raise_at=99.0, clear_at=60.0, for_s=0, gap_s=900)
EXCEEDS = 10_000
"""One reading in so many is over the level: at 150,000 a second, 15 verdicts a second."""
BEGIN_MS = 1_767_225_600_000


def gateways() -> list[str]:
    """Twelve sources, the n-th of which Kafka's usual partitioner puts into partition n."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < PARTITIONS:
        name = f"gw-{number:03}"
        found.setdefault((murmur2(name.encode()) & 0x7FFFFFFF) % PARTITIONS, name)
        number += 1
    return [found[part] for part in range(PARTITIONS)]


@dataclass(frozen=True)
class Fleet:
    """The devices of all gateways and where they stand (WGS-84 degrees)."""

    codes: Sequence[str]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


def fleet(seed: int = 7) -> Fleet:
    """Devices spread evenly over the city's box, those outside every tract drawn again."""
    edition = nyc.edition()
    atlas = Atlas.of(edition)
    dice = np.random.default_rng(seed)
    west, south, east, north = edition.bounds
    lon, lat = np.empty(0), np.empty(0)
    while len(lon) < DEVICES:
        x, y = dice.uniform(west, east, DEVICES), dice.uniform(south, north, DEVICES)
        inside = atlas.locate(x, y) >= 0
        lon, lat = np.append(lon, x[inside]), np.append(lat, y[inside])
    codes = [f"d{number:06}" for number in range(DEVICES)]
    return Fleet(codes, np.round(lon[:DEVICES], 6), np.round(lat[:DEVICES], 6))


def settle(url: str) -> None:
    """Grid, decisions and people; the devices are heard of by the workers themselves."""
    bodies: dict[str, dict[str, Any]] = {
        "rules": {"rules": [scene.threshold(LEVEL, CATEGORY)]},
        "routes": {"routes": [scene.automatic_route("bench", [CATEGORY], "A")]},
        "standards": scene.standards([CATEGORY]),
    }
    scene.settle(url, bodies, ground=nyc.edition())


def values(readings: int, seed: int) -> NDArray[np.float64]:
    """Calm values and one in EXCEEDS over the level."""
    dice = np.random.default_rng(seed)
    drawn = np.round(dice.uniform(20, 50, readings), 1)
    over = dice.choice(readings, max(1, readings // EXCEEDS), replace=False)
    drawn[over] = 99.5
    return drawn


def envelopes(
    here: Fleet, gateway: int, rows: range, size: int, with_places: bool
) -> Iterator[bytes]:
    """The readings `rows` of a gateway in envelopes of `size`: reading n is of device n mod 5,000 at second n div 5,000."""
    name = gateways()[gateway]
    mine = slice(gateway * PER_GATEWAY, (gateway + 1) * PER_GATEWAY)
    codes = here.codes[mine]
    lon, lat = here.lon[mine].tolist(), here.lat[mine].tolist()
    drawn = values(len(rows), gateway * 1_000_003 + rows.start)
    for first in range(rows.start, rows.stop, size):
        numbers = range(first, min(first + size, rows.stop))
        which = [n % PER_GATEWAY for n in numbers]
        begin = first - rows.start
        body: dict[str, object] = {
            "schema": "readings.v1",
            "batch": f"{name}/{first}",
            "source": name,
            "sent_at": "2026-01-01T00:00:00.000Z",
            "device": [codes[d] for d in which],
            "metric": METRIC,
            "at": [BEGIN_MS + 1000 * (n // PER_GATEWAY) for n in numbers],
            "value": drawn[begin : begin + len(numbers)].tolist(),
        }
        if with_places:
            body |= {
                "lon": [lon[d] for d in which],
                "lat": [lat[d] for d in which],
                "datum": "wgs84",
            }
        yield json.dumps(body, separators=(",", ":")).encode()


def stored(connection: psycopg.Connection[Any]) -> int:
    """Readings taken in so far, by the books."""
    row = connection.execute(
        "select coalesce(sum(stored + duplicates), 0) from stream_offset"
    ).fetchone()
    return int(row[0]) if row else 0
