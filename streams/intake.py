"""A batch of messages into the store: decoded, located, judged, and kept in one transaction with their offsets.

The order of the steps inside the transaction, the same for every worker, so that none waits in a circle:
1. the offset rows of the batch's partitions are locked and compared (strict fence);
2. readings are stored in key order: COPY, or row by row where some are already there;
3. reading_last, in (device, metric) order: from here on a device is ours until the end;
4. minute sums; 5. rules judge the new rows; 6. the desk receives verdicts and events;
7. what rules remember, quarantine, and last the books with the moved offsets.
Knows nothing of Kafka or Faust: a plain function of a connection and messages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Protocol

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import errors

from incidents.errors import Stale, Unavailable
from incidents.postgres import intake as store
from incidents.postgres import packed, readings
from incidents.postgres.connection import Connection
from incidents.postgres.intake import Books, Partition, SetAside
from incidents.postgres.readings import Rows
from streams.known import Known
from streams.message import Message
from streams.prepared import Prepared, prepare, whole

DAY_MS = 86_400_000
STAGED_FOR = 50
"""Batches a partition goes the careful way after duplicates were seen in it."""
_QUICKER = (Stale, Unavailable)
"""Somebody else was quicker, in the trade's words."""
_TRY_AGAIN = (
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.LockNotAvailable,
    *_QUICKER,
)
_NOT_THE_MESSAGE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.ProgrammingError,  # a table or a right is missing: every message would fail alike
    errors.ReadOnlySqlTransaction,
    *_QUICKER,
)
_MOST_TRIES = 8


class Gap(Exception):
    """Messages between what is stored and what Kafka gave are missing; nothing may go on (docs/operations)."""

    def __init__(self, partition: Partition, stored: int | None, given: int) -> None:
        topic, part = partition
        super().__init__(
            f"{topic}/{part}: 库中应接 {stored}，Kafka 给出 {given}，其间的消息缺失 / "
            f"the store expects offset {stored}, Kafka gave {given}; what lies between is missing"
        )
        self.partition = partition
        self.stored = stored
        self.given = given


class Desk(Protocol):
    """What judges new rows and receives events, inside the transaction (judging.py)."""

    def receive(
        self,
        connection: Connection,
        prepared: Prepared,
        fresh: NDArray[np.bool_],
        books: Mapping[int, Books],
        now: datetime,
    ) -> list[SetAside]:
        """Judge and receive, counting into the books of each message; the events to be set aside."""


class _AlreadyStored(Exception):
    """The COPY met a reading that is already there."""


@dataclass(slots=True)
class Outcome:
    """What became of a batch; `books` by partition, `skipped` messages that were applied before."""

    books: dict[Partition, Books] = field(default_factory=dict)
    skipped: int = 0
    failed: int = 0
    """Messages set aside because they failed in our hands, not because they could not be read."""
    last_fault: str = ""
    staged: bool = False

    def add(self, other: Outcome) -> None:
        """Take another batch's outcome in."""
        for partition, books in other.books.items():
            mine = self.books.setdefault(partition, Books())
            for f in fields(Books):
                setattr(mine, f.name, getattr(mine, f.name) + getattr(books, f.name))
        self.skipped += other.skipped
        self.failed += other.failed
        self.last_fault = other.last_fault or self.last_fault
        self.staged = self.staged or other.staged

    def total(self, name: str) -> int:
        """One figure of the books over all partitions."""
        return sum(getattr(books, name) for books in self.books.values())


class Intake:
    """Applies batches; holds what a worker knows and which partitions had duplicates lately."""

    def __init__(self, known: Known, desk: Desk, clock: Callable[[], datetime]) -> None:
        self.known = known
        self._desk = desk
        self._clock = clock
        self._days: set[int] = set()
        self._staged: dict[Partition, int] = {}

    def apply(self, connection: Connection, batch: Sequence[Message]) -> Outcome:
        """Keep a batch exactly once.

        Raises Gap when messages are missing, psycopg.OperationalError when the database is away;
        what one message alone cannot do is found by halving and set aside with it.
        """
        packed.teach(connection)
        self.known.refresh(connection)
        ordered = sorted(batch, key=lambda m: (m.topic, m.part, m.offset))
        return self._halving(connection, ordered)

    def _halving(self, connection: Connection, batch: Sequence[Message]) -> Outcome:
        try:
            return self._retrying(connection, batch)
        except (Gap, *_NOT_THE_MESSAGE):
            raise
        except Exception as fault:
            if connection.broken or connection.closed:
                raise psycopg.OperationalError(str(fault)) from fault
            if len(batch) == 1:
                return self._alone(connection, batch[0], fault)
        middle = len(batch) // 2
        outcome = self._halving(connection, batch[:middle])
        outcome.add(self._halving(connection, batch[middle:]))
        return outcome

    def _alone(self, connection: Connection, message: Message, fault: Exception) -> Outcome:
        """A message that fails by itself: its events one by one, or else all of it to quarantine."""
        detail = f"{type(fault).__name__}: {fault}"
        try:
            prepared = prepare(connection, self.known, [message], self._clock())
            if len(prepared.sightings) > 1:
                prepared.careful = True
                return self._retrying(connection, [message], prepared)
        except _NOT_THE_MESSAGE:
            raise
        except Exception as again:  # noqa: BLE001 - whatever it is, the message goes aside
            detail = f"{type(again).__name__}: {again}"
        given = Prepared.set_aside(message, "failed", detail)
        outcome = self._retrying(connection, [message], given)
        outcome.failed += outcome.total("quarantined")
        outcome.last_fault = detail
        return outcome

    def _retrying(
        self, connection: Connection, batch: Sequence[Message], given: Prepared | None = None
    ) -> Outcome:
        prepared = given or prepare(connection, self.known, batch, self._clock())
        self._ensure_days(connection, prepared.rows)
        staged = any(self._staged.get(m.partition, 0) > 0 for m in batch)
        for tries_left in range(_MOST_TRIES, -1, -1):
            try:
                outcome = self._once(connection, prepared, staged)
            except _AlreadyStored:
                staged = True
            except errors.CheckViolation:  # retention dropped a day we remember: make it again
                if not tries_left:
                    raise
                self._days.clear()
                self._ensure_days(connection, prepared.rows)
            except _TRY_AGAIN:
                if not tries_left:
                    raise
            else:
                self._learn_duplicates(outcome)
                return outcome
        raise AssertionError("the last try returns or raises")

    def _once(self, connection: Connection, prepared: Prepared, staged: bool) -> Outcome:
        with connection.transaction():
            fresh, ends = self._fence(connection, prepared.messages)
            outcome = Outcome(skipped=int((~fresh).sum()), staged=staged)
            if not ends:
                return outcome
            outcome.books = {partition: Books() for partition in ends}
            self._count_messages(prepared, fresh, outcome)
            self._keep_readings(connection, prepared, fresh, outcome)
            of_message = {
                place: outcome.books[prepared.messages[place].partition]
                for place in np.flatnonzero(fresh).tolist()
            }
            aside = self._desk.receive(connection, prepared, fresh, of_message, self._clock())
            self._keep_aside(connection, prepared, of_message, aside)
            for partition, end in ends.items():
                store.add_to_books(connection, partition, end, outcome.books[partition])
        return outcome

    def _fence(
        self, connection: Connection, messages: Sequence[Message]
    ) -> tuple[NDArray[np.bool_], dict[Partition, int]]:
        """Which messages are new to the store, and where each partition with new ones stands after them."""
        stands = store.lock_fence(connection, {m.partition for m in messages})
        fresh = np.zeros(len(messages), np.bool_)
        ends: dict[Partition, int] = {}
        for place, message in enumerate(messages):
            partition = message.partition
            if partition not in stands:
                if message.offset != 0:
                    raise Gap(partition, None, message.offset)
                store.open_books(connection, partition, 0)
                stands[partition] = 0
            expected = ends.get(partition, stands[partition])
            if message.offset < expected:
                continue
            if message.offset > expected:
                raise Gap(partition, expected, message.offset)
            fresh[place] = True
            ends[partition] = message.offset + 1
        return fresh, ends

    def _count_messages(
        self, prepared: Prepared, fresh: NDArray[np.bool_], outcome: Outcome
    ) -> None:
        for place in np.flatnonzero(fresh).tolist():
            books = outcome.books[prepared.messages[place].partition]
            books.messages += 1
            books.readings_in += int(prepared.rows_in[place])
            refused = len(prepared.refused.get(place, ()))
            envelope = prepared.events.get(place)
            if envelope is None:
                books.refused += refused
            else:
                books.events_in += len(envelope.events)
                books.events_quarantined += refused

    def _keep_readings(
        self,
        connection: Connection,
        prepared: Prepared,
        fresh: NDArray[np.bool_],
        outcome: Outcome,
    ) -> None:
        rows, of_message = prepared.rows, prepared.of_message
        if len(rows) == 0:
            return
        if not fresh.all():
            chosen = fresh[of_message]
            rows, of_message = rows.take(chosen), of_message[chosen]
        order = readings.first_of_each(rows, rows.in_key_order())
        once, once_message = rows.take(order), of_message[order]
        new, new_message = self._store(connection, once, once_message, outcome.staged)
        self._count_rows(prepared, of_message, new_message, outcome)
        prepared.new = new
        readings.remember_last(connection, new)
        slot = min(part for (_, part) in outcome.books)
        readings.add_rollup(connection, new, slot)

    def _store(
        self,
        connection: Connection,
        rows: Rows,
        of_message: NDArray[np.int32],
        staged: bool,
    ) -> tuple[Rows, NDArray[np.int32]]:
        """The rows that were not stored before, and the messages they came with."""
        if staged:
            stored = readings.insert_new(connection, rows)
            return rows.take(stored), of_message[stored]
        try:
            readings.copy_new(connection, rows)
        except errors.UniqueViolation as taken:
            raise _AlreadyStored from taken
        return rows, of_message

    def _count_rows(
        self,
        prepared: Prepared,
        given: NDArray[np.int32],
        stored: NDArray[np.int32],
        outcome: Outcome,
    ) -> None:
        """Into the books: what was stored, and the rest as duplicates."""
        n = len(prepared.messages)
        all_, new = np.bincount(given, minlength=n), np.bincount(stored, minlength=n)
        for place in np.flatnonzero(all_):
            books = outcome.books[prepared.messages[int(place)].partition]
            books.stored += int(new[place])
            books.duplicates += int(all_[place] - new[place])

    def _keep_aside(
        self,
        connection: Connection,
        prepared: Prepared,
        books: Mapping[int, Books],
        events: list[SetAside],
    ) -> None:
        """Into quarantine: whole messages, refused rows, and the events the desk could not take."""
        aside = list(events)
        for place, of in books.items():
            aside += prepared.refused.get(place, ())
            fault = prepared.unreadable.get(place)
            if fault is not None:
                message = prepared.messages[place]
                of.quarantined += 1
                prepared.count_unreadable(message, fault, of)
                aside.append(whole(message, fault.reason, fault.detail))
        store.set_aside(connection, aside)

    def _ensure_days(self, connection: Connection, rows: Rows) -> None:
        """Partitions for the days of these readings, made before the transaction that needs them."""
        days = {int(day) for day in np.unique(rows.at // DAY_MS)} - self._days
        if days:
            readings.ensure_days(connection, sorted(days))
            self._days |= days

    def _learn_duplicates(self, outcome: Outcome) -> None:
        for partition, books in outcome.books.items():
            if books.duplicates and outcome.staged:
                self._staged[partition] = STAGED_FOR
            elif self._staged.get(partition, 0) > 0:
                self._staged[partition] -= 1
