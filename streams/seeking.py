"""A Faust consumer that begins where the database stands, not where Kafka's group was committed.

Leans on private attributes of faust-streaming 0.15.3 (pinned exactly; tests/streams/test_pins.py says which).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

import faust
from faust.transport.drivers.aiokafka import Consumer, Transport

from incidents.postgres.intake import Partition

Standing = Callable[[Mapping[Partition, int]], Mapping[Partition, int]]
"""From the log start of each partition to where the store stands, its books opened; waits for the database."""


class StoredOffsets(Consumer):
    """Seeks each assigned partition to the store's next offset."""

    async def perform_seek(self) -> None:
        """Seek; the process ends when the log in Kafka cannot be the one the store has read."""
        app = self.app
        assert isinstance(app, StoredOffsetsApp)
        assigned = [tp for tp in self.assignment() if tp.topic in app.logical]
        if not assigned:
            return
        starts = await self.earliest_offsets(*assigned)
        ends = await self.highwaters(*assigned)
        loop = asyncio.get_running_loop()
        wanted = {(app.logical[tp.topic], tp.partition): int(starts[tp]) for tp in assigned}
        stands = await loop.run_in_executor(None, app.standing, wanted)
        for tp in assigned:
            stand = stands[app.logical[tp.topic], tp.partition]
            if not starts[tp] <= stand <= ends[tp]:
                app.halt(_other_log(tp, stand, int(starts[tp]), int(ends[tp])))
        positions = {tp: stands[app.logical[tp.topic], tp.partition] for tp in assigned}
        await self.seek_wait(positions)
        self._read_offset.update({tp: at or None for tp, at in positions.items()})
        self._committed_offset.update({tp: at or None for tp, at in positions.items()})


def _other_log(tp: Any, stand: int, start: int, end: int) -> str:
    return (
        f"{tp.topic}/{tp.partition}: 库中应接 {stand}，而 Kafka 只有 {start} 至 {end}：消息已过期或主题被重建；"
        f"确认后用 python -m streams fence --move 放行 / the store expects offset {stand}, Kafka holds {start} "
        f"to {end}: messages have expired or the topic was made anew; see docs/streams.md, then "
        f"python -m streams fence --move"
    )


class StoredOffsetsTransport(Transport):
    """The aiokafka transport with our consumer."""

    Consumer = StoredOffsets


class StoredOffsetsApp(faust.App):
    """A Faust app whose offsets live in the store. Set the three fields before it starts."""

    logical: Mapping[str, str]
    """Topic names without the prefix, by name in Kafka."""
    standing: Standing
    halt: Callable[[str], NoReturn]

    def _new_transport(self) -> Transport:
        return StoredOffsetsTransport(self.conf.broker_consumer, self)


def private_attributes() -> Iterable[tuple[type, str]]:
    """What we lean on and no release promises."""
    yield faust.App, "_new_transport"
    yield Consumer, "perform_seek"
    yield Consumer, "seek_wait"
    yield Consumer, "earliest_offsets"
    yield Consumer, "highwaters"
