"""Three fates of a batch: waited for while something is down, set aside by the intake, or the process ends.

Runs in the worker's one thread. Nothing is raised out of it: Faust would take an exception in an agent for an
acknowledgement (docs/decisions).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import NoReturn

import psycopg
import structlog
from psycopg import errors

from incidents.errors import Stale, Unavailable
from incidents.postgres.connection import Connection
from streams.intake import Gap, Outcome
from streams.message import Message

Step = Callable[[Connection, Sequence[Message]], Outcome]

_WAITING_HELPS = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.ReadOnlySqlTransaction,
    errors.DiskFull,
    Stale,
    Unavailable,
)
_log = structlog.get_logger("streams.guard")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we pause while something is down, and how much trouble in a row we believe."""

    pauses: tuple[float, ...] = (0.05, 0.2, 1.0, 2.0)  # the last one repeats
    most_failed: int = 100
    most_unreadable: int = 5_000


@dataclass(slots=True)
class Guard:
    """Applies batches one after the other; `halt` never returns (os._exit in the worker)."""

    step: Step
    connect: Callable[[], Connection]
    halt: Callable[[str], NoReturn]
    patience: Patience = field(default_factory=Patience)
    sleep: Callable[[float], None] = time.sleep
    total: Outcome = field(default_factory=Outcome)
    batches: int = 0
    waiting_for: str | None = None
    """What is down just now, None when nothing is."""
    _connection: Connection | None = None
    _failed: int = 0
    _unreadable: int = 0

    def run(self, batch: Sequence[Message]) -> None:
        """Until the batch is kept, or the process ends."""
        try:
            outcome = self._once_available(batch)
        except Gap as gap:
            self.halt(str(gap))
        except Exception as fault:  # noqa: BLE001 - whatever it is, it must not reach Faust
            self.halt(f"{type(fault).__name__}: {fault}")
        self._count(outcome)

    def _once_available(self, batch: Sequence[Message]) -> Outcome:
        for pause in chain(self.patience.pauses, repeat(self.patience.pauses[-1])):
            try:
                outcome = self.step(self._connected(), batch)
            except _WAITING_HELPS as fault:
                self._wait(pause, fault)
            else:
                self._done_waiting()
                return outcome
        raise AssertionError("repeat() has no end")

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = self.connect()
        return self._connection

    def _wait(self, pause: float, fault: Exception) -> None:
        if self.waiting_for is None:
            _log.warning(
                "数据库不可用，原地等待；消息留在 Kafka / the database is away: waiting in place, "
                "messages stay in Kafka",
                fault=str(fault).strip()[:300],
            )
        self.waiting_for = "database"
        self.close()
        self.sleep(pause)

    def _done_waiting(self) -> None:
        if self.waiting_for is not None:
            self.waiting_for = None
            _log.warning("数据库恢复 / the database is back")

    def _count(self, outcome: Outcome) -> None:
        self.batches += 1
        self.total.add(outcome)
        good = outcome.total("messages") - outcome.total("quarantined")
        if good:
            self._failed = self._unreadable = 0
            return
        self._failed += outcome.failed
        self._unreadable += outcome.total("quarantined") - outcome.failed
        if self._failed > self.patience.most_failed:
            self.halt(
                f"连续 {self._failed} 条消息处理失败，先怀疑自己 / {self._failed} messages in a row "
                f"failed in our hands, the last for: {outcome.last_fault}"
            )
        if self._unreadable > self.patience.most_unreadable:
            self.halt(
                f"连续 {self._unreadable} 条消息无法读懂 / {self._unreadable} messages in a row could "
                f"not be read"
            )

    def close(self) -> None:
        """Give the connection up; the next batch makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
