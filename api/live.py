"""Incident changes as they happen: Kafka's `city.incidents.v1` into one shared ring, from there to every open stream.

One consumer per process, no group: each process reads all. An event's id is its offset in the topic (which has one
partition), so any process can resume any stream. A fact that the relay sent twice is shown once, by its `fact_id`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from bisect import bisect_right
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from api.live_ring import Change, Ring, decode

_log = logging.getLogger(__name__)

RETRY_S = 1.0
"""Between two attempts to reach a broker that is away."""
LOOK_BACK = 2_000
"""Messages read before an old Last-Event-ID, so that a fact repeated after it is known as a repetition."""
ANSWER_S = 5.0
"""For the broker to answer before it counts as away."""
STOP_S = 3.0
"""For a consumer to close."""
READ_BACK_AT_MOST = 50_000
"""Who is further behind than this reloads the list instead (`reset`)."""
PAST_KEPT_S = 30.0
"""What was read back for one is kept so long for the others that come back with him."""


@dataclass(slots=True)
class Past:
    """Changes read back from Kafka: all behind `after` up to `until`, by their offsets."""

    after: int
    until: int
    changes: list[Change] = field(default_factory=list)

    def behind(self, offset: int) -> list[Change]:
        """Those behind an offset within."""
        return self.changes[bisect_right(self.changes, offset, key=lambda one: one.offset) :]


class Follower:
    """Reads the topic into the ring for as long as the process lives, through outages of the broker."""

    def __init__(self, bootstrap: str, topic: str, ring: Ring, size: int) -> None:
        self._bootstrap = bootstrap
        self._part = TopicPartition(topic, 0)
        self._size = size
        self.ring = ring
        self.connected = False
        self.unreadable = 0
        self._goal = 0  # where the topic ended when we came up
        self._begin = 0  # the oldest offset that Kafka still had when we last looked
        self._caught_up = asyncio.Event()
        self._reading = asyncio.Lock()
        self._asked: list[int] = []
        self._past: Past | None = None

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

    async def caught_up(self, at_most: float) -> bool:
        """Whether everything told before this process came up is in the ring; waits so many seconds for it.

        Before that no stream can be placed: it would be told old changes as new, or that its own id is unknown.
        """
        if not self._caught_up.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._caught_up.wait(), at_most)
        return self._caught_up.is_set()

    async def _follow(self) -> None:
        async with self._consumer() as consumer:
            consumer.seek(self._part, await self._where_to_start(consumer))
            self.connected = True
            try:
                self._look_whether_caught_up()
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
        self._look_whether_caught_up()

    def _look_whether_caught_up(self) -> None:
        if self.ring.head + 1 >= self._goal:
            self._caught_up.set()

    async def _where_to_start(self, consumer: Any) -> int:
        if consumer.partitions_for_topic(self._part.topic) is None:
            await consumer.topics()
        ends = await consumer.end_offsets([self._part])
        begins = await consumer.beginning_offsets([self._part])
        end, begin = ends[self._part], begins[self._part]
        self._goal = int(end)
        if self.ring.head >= end:  # the topic was made anew: ids of before mean nothing now
            self.ring.head = -1
        if self.ring.head >= 0:
            return max(self.ring.head + 1, int(begin))
        start = max(int(begin), int(end) - self._size)
        self.ring.head = start - 1
        return start

    def _take(self, offset: int, value: bytes | None) -> None:
        try:
            self.ring.add(offset, decode(value or b""))
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

    async def read_back(self, after: int) -> Past | None:
        """Changes behind an offset up to the newest, from Kafka; None when they are gone or too many.

        A thousand phones that come back from one dead spell ask at once: one reading answers all of them.
        """
        if not self.connected or self._too_far(after):
            return None
        self._asked.append(after)
        try:
            async with self._reading:
                past = self._past
                if past is None or past.after > after or self.ring.after(past.until) is None:
                    past = self._past = None if self._too_far(after) else await self._read()
                    asyncio.get_running_loop().call_later(PAST_KEPT_S, self._forget, past)
                return past if past is not None and past.after <= after else None
        finally:
            self._asked.remove(after)

    def _too_far(self, after: int) -> bool:
        return after + 1 < self._begin or self.ring.head - after > READ_BACK_AT_MOST

    def _forget(self, past: Past | None) -> None:
        if self._past is past:
            self._past = None

    async def _read(self) -> Past | None:
        """Back to the oldest that is asked for and is still there."""
        async with self._consumer() as consumer:
            self._begin = (await consumer.beginning_offsets([self._part]))[self._part]
            wanted = [one for one in self._asked if not self._too_far(one)]
            if not wanted:
                return None
            past = Past(min(wanted), self.ring.head)
            known: set[str] = set()
            consumer.seek(self._part, max(self._begin, past.after + 1 - LOOK_BACK))
            while await consumer.position(self._part) <= past.until:
                batches = await consumer.getmany(timeout_ms=2000, max_records=2000)
                if not batches:
                    return None
                for message in batches.get(self._part, []):
                    _sort_in(message, past, known)
        return past


def _sort_in(message: Any, past: Past, known: set[str]) -> None:
    with contextlib.suppress(msgspec.MsgspecError):
        fact = decode(message.value or b"")
        if fact.fact_id not in known and past.after < message.offset <= past.until:
            past.changes.append(Change(message.offset, fact))
        known.add(fact.fact_id)
