"""Incident changes as they happen: Kafka's `city.incidents.v1` into one shared ring, from there to every open stream.

One consumer per process, no group: each process reads all. An event's id is its offset in the topic (which has one
partition), so any process can resume any stream. A fact that the relay sent twice is shown once, by its `fact_id`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from api.access import Caller, Scope
from api.shapes import told

_log = logging.getLogger(__name__)

RETRY_S = 1.0
"""Between two attempts to reach a broker that is away."""
LOOK_BACK = 2_000
"""Messages read before an old Last-Event-ID, so that a fact repeated after it is known as a repetition."""
ANSWER_S = 5.0
"""For the broker to answer before it counts as away."""
STOP_S = 3.0
"""For a consumer to close."""
KNOWN = 50_000
"""Facts whose repetition is noticed; the relay repeats, after a crash, at most the last batch it sent."""
READ_BACK_AT_MOST = 50_000
"""Who is further behind than this reloads the list instead (`reset`)."""


class Told(msgspec.Struct, frozen=True, tag_field="schema", tag="incident_fact.v1"):
    """A fact as it travels (docs/wire); additions pass unread."""

    fact_id: str
    fact: str
    number: str
    version: int
    at: str
    by_role: str
    from_state: str | None
    incident: dict[str, Any]


_decode = msgspec.json.Decoder(Told).decode


@dataclass(slots=True)
class Change:
    """One fact in the ring, written out at most once for those who may read it all and once for walls."""

    offset: int
    fact: Told
    _frames: dict[bool, bytes] = field(default_factory=dict)

    def within(self, scope: Scope) -> bool:
        """Whether a caller of that scope may see it."""
        view = self.fact.incident
        place = (view.get("cell_code"), view.get("community"))
        departments = (view.get("department"), *view.get("assisting", ()))
        return any(scope.covers(one, *place) for one in departments)

    def concerns(self, name: str) -> bool:
        """Whether it is of an incident that this person reported or is asked to look at."""
        view = self.fact.incident
        return view.get("inspector") == name or view.get("source") == f"person:{name}"

    def frame(self, caller: Caller) -> bytes:
        """The server-sent event, as this caller may read it."""
        open_ = caller.sees_text
        if open_ not in self._frames:
            body = msgspec.structs.asdict(self.fact) | {
                "incident": told(self.fact.incident, caller)
            }
            data = msgspec.json.encode(body)
            self._frames[open_] = b"id: %d\nevent: incident\ndata: %b\n\n" % (self.offset, data)
        return self._frames[open_]


class Ring:
    """The newest changes, by their place in a row that only grows; older ones are forgotten."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._slots: list[Change | None] = [None] * size
        self._known: dict[str, None] = {}
        self.next = 0  # place of the change that comes next
        self.head = -1  # newest offset read, repeated or not
        self._news = asyncio.Event()
        self.closed = False

    @property
    def first(self) -> int:
        """Place of the oldest change still here."""
        return max(0, self.next - self._size)

    def add(self, offset: int, fact: Told) -> bool:
        """Take a change in; False for a repetition."""
        self.head = max(self.head, offset)
        if fact.fact_id in self._known:
            return False
        self._known[fact.fact_id] = None
        if len(self._known) > max(KNOWN, 2 * self._size):
            del self._known[next(iter(self._known))]
        self._slots[self.next % self._size] = Change(offset, fact)
        self.next += 1
        return True

    def announce(self) -> None:
        """Wake everybody who waits."""
        self._news.set()
        self._news = asyncio.Event()

    def close(self) -> None:
        """Let every open stream end now."""
        self.closed = True
        self.announce()

    async def news(self, at_most: float) -> None:
        """Return when something was added, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most):
                await self._news.wait()

    def at(self, place: int) -> Change:
        """The change at a place that is still here."""
        change = self._slots[place % self._size]
        assert change is not None
        return change

    def after(self, offset: int) -> int | None:
        """Place of the first change behind an offset; None when changes in between are forgotten here."""
        low, high = self.first, self.next
        if low == high:
            return self.next if offset >= self.head else None
        if low > 0 and offset < self.at(low).offset:
            return None
        while low < high:
            middle = (low + high) // 2
            if self.at(middle).offset <= offset:
                low = middle + 1
            else:
                high = middle
        return low


class Follower:
    """Reads the topic into the ring for as long as the process lives, through outages of the broker."""

    def __init__(self, bootstrap: str, topic: str, ring: Ring, size: int) -> None:
        self._bootstrap = bootstrap
        self._part = TopicPartition(topic, 0)
        self._size = size
        self.ring = ring
        self.connected = False
        self.unreadable = 0

    async def run(self) -> None:
        """Until cancelled. Never raises on trouble with Kafka: waits and tries again."""
        while True:
            try:
                await self._follow()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                _log.warning("live: 与 Kafka 的连接中断 / aiokafka cancelled itself")
            except Exception as fault:  # noqa: BLE001 - a screen that stands still without a word is worse
                _log.warning("live: Kafka 不可用，稍后重试 / %s: %s", type(fault).__name__, fault)
            await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        async with self._consumer() as consumer:
            consumer.seek(self._part, await self._where_to_start(consumer))
            self.connected = True
            try:
                while True:
                    await self._read_some(consumer)
            finally:
                self.connected = False

    async def _read_some(self, consumer: Any) -> None:
        batches = await consumer.getmany(timeout_ms=500, max_records=2000)
        if not batches:  # aiokafka waits silently for a broker that is away; only asking tells
            await asyncio.wait_for(consumer.end_offsets([self._part]), ANSWER_S)
        for messages in batches.values():
            for message in messages:
                self._take(message.offset, message.value)
            self.ring.announce()

    async def _where_to_start(self, consumer: Any) -> int:
        if consumer.partitions_for_topic(self._part.topic) is None:
            await consumer.topics()
        ends = await consumer.end_offsets([self._part])
        begins = await consumer.beginning_offsets([self._part])
        end, begin = ends[self._part], begins[self._part]
        if self.ring.head >= end:  # the topic was made anew: ids of before mean nothing now
            self.ring.head = -1
        if self.ring.head >= 0:
            return max(self.ring.head + 1, int(begin))
        start = max(int(begin), int(end) - self._size)
        self.ring.head = start - 1
        return start

    def _take(self, offset: int, value: bytes | None) -> None:
        try:
            self.ring.add(offset, _decode(value or b""))
        except msgspec.MsgspecError as fault:
            self.unreadable += 1
            self.ring.head = max(self.ring.head, offset)
            _log.warning("live: 位移 %s 的消息不是业务事实 / not a fact: %s", offset, fault)

    @contextlib.asynccontextmanager
    async def _consumer(self) -> AsyncIterator[Any]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=10_000,
            retry_backoff_ms=200,
            metadata_max_age_ms=30_000,
        )
        try:
            await consumer.start()
            consumer.assign([self._part])
            yield consumer
        finally:
            # With the broker away aiokafka 0.14 lets its own cancellations out of `stop`, or waits for ever: a task
            # of its own keeps both from us.
            stopping = asyncio.create_task(consumer.stop())
            await asyncio.wait({stopping}, timeout=STOP_S)
            if not stopping.done():
                stopping.cancel()
            elif not stopping.cancelled():
                stopping.exception()

    async def read_back(self, after: int, until: int) -> list[Change] | None:
        """Changes behind an offset and before another, from Kafka; None when they are gone or too many."""
        if until - after > READ_BACK_AT_MOST:
            return None
        known: set[str] = set()
        found: list[Change] = []
        async with self._consumer() as consumer:
            begin = (await consumer.beginning_offsets([self._part]))[self._part]
            if begin > after + 1:
                return None
            consumer.seek(self._part, max(begin, after + 1 - LOOK_BACK))
            while await consumer.position(self._part) < until:
                batches = await consumer.getmany(timeout_ms=2000, max_records=2000)
                if not batches:
                    return None
                for message in batches.get(self._part, []):
                    _sort_in(message, after, until, known, found)
        return found


def _sort_in(message: Any, after: int, until: int, known: set[str], found: list[Change]) -> None:
    with contextlib.suppress(msgspec.MsgspecError):
        fact = _decode(message.value or b"")
        if fact.fact_id not in known and after < message.offset < until:
            found.append(Change(message.offset, fact))
        known.add(fact.fact_id)
