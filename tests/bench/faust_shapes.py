"""Faust itself on the real broker: one reading a message (the textbook Record) against an envelope of 500."""

from __future__ import annotations

import json
from collections.abc import Iterator

from kafka import KafkaProducer

from tests.bench.ground import Ground
from tests.bench.result import Result, ratios

GROUP = "Faust 与消息形状 / Faust and the shape of messages"


def run(ground: Ground, rounds: int, scale: float) -> list[Result]:
    """Readings per second through one worker that only adds values up, one broker."""
    shapes = {"record": (1, int(20_000 * scale)), "envelope": (500, int(1_000_000 * scale))}
    for shape, (per_message, readings) in shapes.items():
        ground.topic(f"bench.{shape}", 4)
        _fill(ground, f"bench.{shape}", per_message, readings)
    rates: dict[str, list[float]] = {shape: [] for shape in shapes}
    for round_ in range(rounds):
        for shape, (_, readings) in shapes.items():
            rates[shape].append(_rate(ground, shape, readings, round_))
    return [
        Result(GROUP, "一条消息一个读数（Record）/ one reading a message", "readings/s", rates["record"]),
        Result(GROUP, "信封 500 / envelope of 500", "readings/s", rates["envelope"]),
        Result(GROUP, "信封 ÷ 单条 / envelope ÷ one a message", "×",
               ratios(rates["envelope"], rates["record"]), note="measured 130x in the study; no aim set"),
    ]  # fmt: skip


def _rate(ground: Ground, shape: str, readings: int, round_: int) -> float:
    words = ["tests.bench.faust_worker", shape, str(readings), f"bench-{shape}-{round_}"]
    told = ground.once(*words)
    seconds = float(told.strip().splitlines()[-1])
    return readings / seconds


def _fill(ground: Ground, topic: str, per_message: int, readings: int) -> None:
    producer = KafkaProducer(bootstrap_servers=ground.kafka.bootstrap, acks="all", linger_ms=20)
    for number, body in enumerate(_bodies(per_message, readings)):
        producer.send(topic, value=body, key=str(number % 64).encode())
    producer.flush()
    producer.close()


def _bodies(per_message: int, readings: int) -> Iterator[bytes]:
    for first in range(0, readings, per_message):
        rows = range(first, first + per_message)
        if per_message == 1:
            one = {"device": f"device-{first % 5000}", "metric": "noise", "at": 1_767_225_600_000 + first,
                   "value": 40.5, "lon": 120.1, "lat": 30.2}  # fmt: skip
            yield json.dumps(one).encode()
        else:
            columns = {
                "schema": "readings.v1", "batch": f"b/{first}", "source": "gw", "sent_at": "2026-01-01T00:00:00Z",
                "device": [f"device-{n % 5000}" for n in rows], "metric": "noise",
                "at": [1_767_225_600_000 + n for n in rows], "value": [40.5] * per_message,
                "lon": [120.1] * per_message, "lat": [30.2] * per_message, "datum": "wgs84",
            }  # fmt: skip
            yield json.dumps(columns).encode()
