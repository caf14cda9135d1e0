"""Recorded or historic messages back in through Kafka: at the pace they happened, so many times faster, or flat out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kafka import KafkaProducer

from streams.playback import Record
from streams.settings import Settings

_WAIT_FOR = 2_000
"""Messages sent before their acknowledgements are waited for, flat out."""
_PAUSE_S = 0.05
"""A pause long enough to wait for acknowledgements in it."""


@dataclass(slots=True)
class Played:
    """What a replay sent."""

    messages: int = 0
    rows: int = 0
    seconds: float = 0.0


def play(
    settings: Settings,
    records: Iterator[Record],
    speed: float | None,
    tell: Callable[[Played], None] = lambda _: None,
    wait: Callable[[float], None] = time.sleep,
) -> Played:
    """Send all records; `speed` is event seconds per second, None flat out. KafkaError when not acknowledged.

    `tell` is told each time all that was sent is acknowledged: before a pause, flat out every 2,000 messages, and last.
    `wait` waits so many seconds; what cuts it short plays on at once. Returns after the last acknowledgement.
    """
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka.split(","),
        client_id="yiwang-replay",
        acks="all",
        linger_ms=5,
        max_request_size=1_048_576,
    )
    played, begun = Played(), time.monotonic()
    first_ms: int | None = None
    waiting: list[object] = []
    try:
        for record in records:
            first_ms = record.at_ms if first_ms is None else first_ms
            if speed is not None:
                due = begun + (record.at_ms - first_ms) / 1000 / speed
                if waiting and due - time.monotonic() > _PAUSE_S:
                    _acknowledged(waiting)
                    tell(played)
                wait(max(0.0, due - time.monotonic()))
            name = settings.topic_prefix + record.topic.name
            waiting.append(producer.send(name, key=record.key, value=record.value))
            played.messages += 1
            played.rows += record.rows
            if len(waiting) >= _WAIT_FOR:
                _acknowledged(waiting)
                tell(played)
        _acknowledged(waiting)
        tell(played)
    finally:
        producer.close(timeout=10)
    played.seconds = time.monotonic() - begun
    return played


def _acknowledged(waiting: list[object]) -> None:
    for one in waiting:
        one.get(timeout=60)  # type: ignore[attr-defined]  # kafka-python has no types
    waiting.clear()
