"""The thread that sees a worker alive but idle, and ends it; it also says every two seconds that the worker lives.

A thread, because Faust's own tasks do not run before the first assignment. Ends the process in two cases: the group
coordinator's loop is parked (app.coordinator_stuck), or there is lag and no progress where this worker should make it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

import psycopg
import structlog
from kafka.errors import KafkaError

from incidents.postgres import intake as store
from incidents.postgres.connection import Connection
from incidents.postgres.intake import Partition

_log = structlog.get_logger("streams.watchdog")


class Broker(Protocol):
    """What the watchdog asks Kafka: the end of each partition's log; KafkaError when it is away."""

    def ends(self) -> Mapping[Partition, int]:
        """The next offset Kafka will give, by partition."""


@dataclass(slots=True)
class Progress:
    """Since when each partition has had lag without progress. Plain values in, a sentence out: no clock, no socket."""

    stuck_after_s: float
    _seen: dict[Partition, tuple[int, float]] = field(default_factory=dict)

    def stuck(
        self, now: float, ends: Mapping[Partition, int], stands: Mapping[Partition, int]
    ) -> list[Partition]:
        """Partitions that had lag and did not move for `stuck_after_s`."""
        found: list[Partition] = []
        for partition, end in ends.items():
            stand = stands.get(partition, 0)
            was, since = self._seen.get(partition, (-1, now))
            if stand >= end or stand != was:
                since = now
            self._seen[partition] = (stand, since)
            if now - since >= self.stuck_after_s:
                found.append(partition)
        return found

    def forgive(self) -> None:
        """Something was down: nobody could make progress, count anew."""
        self._seen.clear()


@dataclass
class Watchdog:
    """Everything it needs is passed in; `halt` never returns."""

    name: str
    connect: Callable[[], Connection]
    broker: Broker
    topics: tuple[str, ...]
    progress: Progress
    coordinator_stuck: Callable[[], bool]
    assigned: Callable[[], set[Partition]]
    waiting_for: Callable[[], str | None]
    detail: Callable[[], dict[str, Any]]
    halt: Callable[[str], NoReturn]
    every_s: float = 2.0
    parked_after_s: float = 5.0
    _connection: Connection | None = None
    _parked_since: float | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    def start(self, connection: Connection) -> threading.Thread:
        """Watch from now on; `connection` holds the worker's name."""
        self._connection = connection
        thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Watch no more."""
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(self.every_s):
            try:
                self.look(time.monotonic())
            except (psycopg.Error, KafkaError, OSError) as fault:
                self.progress.forgive()
                _log.debug("watchdog cannot see", fault=str(fault))
            except Exception as fault:  # noqa: BLE001 - a dead watchdog watches nothing
                self.halt(f"watchdog: {type(fault).__name__}: {fault}")

    def look(self, now: float) -> None:
        """One look; ends the process when the worker is stuck."""
        self._look_at_coordinator(now)
        connection = self._held()
        ends = self.broker.ends()
        stands = store.offsets(connection, self.topics)
        if self.waiting_for() is not None:
            self.progress.forgive()
        mine = self.assigned()
        stuck = self.progress.stuck(now, ends, stands)
        to_blame = [p for p in stuck if p in mine or not mine]
        if to_blame:
            topic, part = to_blame[0]
            self.halt(
                f"{topic}/{part} 有积压而 {self.progress.stuck_after_s:g} 秒没有进展，退出以便重启 / "
                f"{topic}/{part} has lag and made no progress for {self.progress.stuck_after_s:g} s; "
                f"ending so that the supervisor starts us again"
            )
        self._say(connection, mine, ends, stands)

    def _look_at_coordinator(self, now: float) -> None:
        if not self.coordinator_stuck():
            self._parked_since = None
            return
        self._parked_since = self._parked_since or now
        if now - self._parked_since >= self.parked_after_s:
            self.halt(
                "消费组协调循环已停，心跳中断，退出以便重启 / the group coordinator's loop has stopped: "
                "no heartbeats; ending so that the supervisor starts us again (a group ACL denied also "
                "looks like this)"
            )

    def _say(
        self,
        connection: Connection,
        mine: set[Partition],
        ends: Mapping[Partition, int],
        stands: Mapping[Partition, int],
    ) -> None:
        told = {
            "lag": sum(max(0, ends.get(p, 0) - stands.get(p, 0)) for p in mine),
            "offsets": {f"{t}/{p}": stands.get((t, p), 0) for t, p in sorted(mine)},
            "waiting_for": self.waiting_for(),
            **self.detail(),
        }
        store.say_seen(connection, self.name, "worker", told)

    def _held(self) -> Connection:
        """The connection that holds our name; after a database restart the name is taken again."""
        if self._connection is None or self._connection.closed or self._connection.broken:
            connection = self.connect()
            if not store.hold_name(connection, self.name):
                self.halt(
                    f"“{self.name}” 已由另一进程占用 / another process has taken the name {self.name!r}"
                )
            self._connection = connection
        return self._connection
