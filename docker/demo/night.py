"""New York's night through Kafka by `streams.replay`, at the pace of the script, from where it stopped the last time.

What was sent counts as played once Kafka has acknowledged it; sent again after a stop it doubles nothing, for
batches, events and readings bear their names. Knows nothing of the gateway: a replay goes past it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from demo.machines import envelope, event_envelope
from demo.progress import Progress
from demo.script import Script, Second
from streams import playback, replay
from streams.playback import Record
from streams.settings import Settings

_BEHIND_AT_MOST_MS = 10_000


@dataclass
class Night:
    """A script being replayed until it is told to stop."""

    script: Script
    progress: Progress
    stop: threading.Event
    clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    _drawn: int = field(default=0, init=False)

    def play(self, settings: Settings) -> None:
        """Send the script for ever; KafkaError when Kafka does not take it."""
        self._drawn = self.progress.second
        replay.play(settings, self._records(), 1.0, self._played, self._wait)

    def _records(self) -> Iterator[Record]:
        """Second after second as envelopes, timed by this machine's clock; after a standstill it goes on from now."""
        second = self.progress.second
        origin = self.clock() - 1000 * second
        while not self.stop.is_set():
            behind = self.clock() - (origin + 1000 * second)
            if behind > _BEHIND_AT_MOST_MS:
                origin += behind
            at_ms = origin + 1000 * second
            for record in _records_of(self.script.at(second), f"s{second:07d}", at_ms):
                self._drawn = second
                yield record
            second += 1

    def _wait(self, seconds: float) -> None:
        self.stop.wait(seconds)

    def _played(self, _: replay.Played) -> None:
        """All before the record that is waited for now is in Kafka."""
        self.progress.second = self._drawn
        self.progress.save()


def _records_of(said: Second, name: str, at_ms: int) -> Iterator[Record]:
    told = [envelope(source, name, at_ms, rows) for source, rows in said.readings.items()]
    told += [event_envelope(source, name, at_ms, rows) for source, rows in said.events.items()]
    return playback.envelopes(json.dumps(each) for each in told)
