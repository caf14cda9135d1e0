"""A program that is none of ours and writes to Kafka past the gateway, as any Kafka client may.

What such a program writes well is as good as the gateway's; the demo's writes what nobody can read,
so that it is seen in quarantine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kafka import KafkaProducer
from kafka.errors import KafkaError

_PATIENCE_MS = 5_000


@dataclass(frozen=True, slots=True)
class Letter:
    """One message for a topic: its key, its bytes."""

    topic: str
    key: str
    value: bytes


class Stranger:
    """Writes letters in a thread of its own, with a producer that lives no longer than that."""

    def __init__(self, kafka: str, prefix: str, say: Callable[[str], None]) -> None:
        self._kafka = kafka
        self._prefix = prefix
        self._say = say

    def write(self, letters: Sequence[Letter]) -> None:
        """Write them soon; when no broker is there, they are not written and that is said."""
        if letters:
            threading.Thread(target=self._write, args=(tuple(letters),), daemon=True).start()

    def _write(self, letters: tuple[Letter, ...]) -> None:
        try:
            producer = KafkaProducer(
                bootstrap_servers=self._kafka, acks="all", max_block_ms=_PATIENCE_MS
            )
            try:
                for letter in letters:
                    topic = f"{self._prefix}{letter.topic}"
                    producer.send(topic, letter.value, letter.key.encode())
                producer.flush(_PATIENCE_MS / 1000)
            finally:
                producer.close(timeout=_PATIENCE_MS / 1000)
        except (KafkaError, OSError, AssertionError) as fault:
            self._say(f"直接写 Kafka 未成 / could not write to Kafka: {fault}")
