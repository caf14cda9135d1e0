"""From a reading produced to the `live` event on a screen, at 10,000 readings a second, open loop.

Every tenth of a second one reading of a device never in trouble before is over the level and opens an incident; its
event time is the moment it was handed to the producer. The clock stops when a screen has read the incident's first fact.
"""

from __future__ import annotations

import json
import time

from kafka import KafkaProducer

from local.ports import free_port
from tests.bench import city
from tests.bench.result import Result
from tests.bench.throughput import Stage, clear
from tests.journey import scene
from tests.journey.system import until
from tests.journey.watching import Screen, screen

GROUP = "从产生到屏幕 / from reading to screen"
RATE = 10_000
ENVELOPE = 100
WARM_S = 5.0


def run(here: Stage, rounds: int, seconds: float) -> list[Result]:
    """Median, 99th percentile and worst of each round, in milliseconds."""
    ground = here.ground
    port = free_port()
    with ground.connect() as connection:
        clear(connection)
    doors = {"YIWANG_API_PORT": str(port)}
    parts = [
        ground.start("streams", "worker", "--name", "w1"),
        ground.start("streams", "worker", "--name", "w2"),
        ground.start("streams", "relay"),
        ground.start("api", "serve", **doors),
    ]
    found: list[list[float]] = []
    url = f"http://127.0.0.1:{port}"
    until(lambda: _opens(url), 60, ground.logs)
    for round_ in range(rounds):
        with screen(url, scene.token_of("wall")) as wall:
            sent = _play(here, round_, seconds)
            _wait(wall, sent)
            found.append(sorted(_latencies(wall, sent)))
    ground.end(*parts)
    note = f"{RATE:,} readings/s in envelopes of {ENVELOPE}, two workers, relay, API; {len(found[0])} incidents a round"
    return [
        Result(GROUP, "中位数 / p50", "ms", [_at(one, 0.50) for one in found], note=note),
        Result(GROUP, "p99", "ms", [_at(one, 0.99) for one in found], 1000, at_most=True, note=note),
        Result(GROUP, "最慢 / worst", "ms", [one[-1] for one in found]),
    ]  # fmt: skip


def _opens(url: str) -> bool:
    try:
        with screen(url, scene.token_of("wall")):
            return True
    except AssertionError:
        return False


def _play(here: Stage, round_: int, seconds: float) -> dict[str, float]:
    """Send at the rate, by the clock and never by the answers; device of each exceedance → when it was produced."""
    producer = KafkaProducer(bootstrap_servers=here.ground.kafka.bootstrap, acks="all", linger_ms=5)
    names = city.gateways()
    per_second = RATE // ENVELOPE
    sent: dict[str, float] = {}
    began = time.time()
    for number in range(int((WARM_S + seconds) * per_second)):
        due = began + number / per_second
        time.sleep(max(0.0, due - time.time()))
        gateway = number % city.PARTITIONS
        over = number % (per_second // 10) == 0 and due - began >= WARM_S
        first = gateway * city.PER_GATEWAY + number // city.PARTITIONS * ENVELOPE % city.PER_GATEWAY
        codes = list(here.fleet.codes[first : first + ENVELOPE])
        values = [40.5] * ENVELOPE
        now = time.time()
        if over:
            values[0] = 99.5
            codes[0] = f"late-{round_}-{number:06}"
            sent[codes[0]] = now
        body = {
            "schema": "readings.v1",
            "batch": f"latency/{round_}/{number}",
            "source": names[gateway],
            "sent_at": "2026-01-01T00:00:00Z",
            "device": codes,
            "metric": city.METRIC,
            "at": [int(now * 1000)] * ENVELOPE,
            "value": values,
        }
        producer.send(
            "city.readings.v1", value=json.dumps(body).encode(), key=names[gateway].encode()
        )
    producer.flush()
    producer.close()
    return sent


def _wait(wall: Screen, sent: dict[str, float]) -> None:
    until(
        lambda: len(_latencies(wall, sent)) >= len(sent),
        60,
        lambda: f"{len(wall.seen)} facts seen, {len(sent)} wanted",
    )


def _latencies(wall: Screen, sent: dict[str, float]) -> list[float]:
    """Milliseconds of each exceedance, from produce to its incident's first fact on the screen."""
    found: dict[str, float] = {}
    for seen in list(wall.seen):
        if seen.event != "incident" or seen.data["version"] != 1:
            continue
        device = str(seen.data["incident"]["subject"]).removeprefix("device:").partition("/")[0]
        if device in sent:
            found.setdefault(device, 1000 * (seen.at - sent[device]))
    return list(found.values())


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
