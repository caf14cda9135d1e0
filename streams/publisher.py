"""Envelopes to Kafka with acks=all, idempotent, murmur2 by key; made anew when it breaks, and never in a hurry to lie."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.settings import Settings
from streams.topics import READINGS, Topic

RETRY_S = 1.0
_log = structlog.get_logger("streams.publisher")


class PublishRefused(Exception):
    """Kafka has not acknowledged; it may still have the message, so the same is to be sent again."""


class Publisher:
    """An async context: a producer that is there whenever the broker is."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._broken = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether there is a producer that reached the broker."""
        return self._producer is not None and not self._broken.is_set()

    async def __aenter__(self) -> Self:
        self._broken.set()
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        await self._drop()

    async def publish(
        self,
        topic: Topic,
        key: bytes,
        values: Sequence[bytes],
        patience_s: float,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Return once every value is acknowledged; PublishRefused when that takes longer than the patience."""
        producer = self._producer
        if producer is None or self._broken.is_set():
            raise PublishRefused("no broker")
        name = self._settings.topic_prefix + topic.name
        try:
            async with asyncio.timeout(patience_s):
                waiting = [
                    await producer.send(name, value, key=key, headers=list(headers))
                    for value in values
                ]
                await asyncio.gather(*waiting)
        except TimeoutError as fault:
            # Not ready from here on: who comes next is told at once instead of waiting in vain too.
            self._broken.set()
            raise PublishRefused("no acknowledgement in time") from fault
        except KafkaError as fault:
            self._broken.set()
            raise PublishRefused(repr(fault)) from fault

    async def _keep(self) -> None:
        """Make the producer, and make it anew after a failure."""
        while True:
            await self._broken.wait()
            await self._drop()
            producer = AIOKafkaProducer(
                bootstrap_servers=self._settings.kafka.split(","),
                client_id="yiwang-gateway",
                acks="all",
                enable_idempotence=True,
                linger_ms=2,
                max_request_size=READINGS.max_message_bytes,
                request_timeout_ms=int(self._settings.gateway_patience_s * 1000),
                metadata_max_age_ms=30_000,
            )
            try:
                await producer.start()
            except (KafkaError, OSError) as fault:
                _log.warning("Kafka 不可用 / Kafka is away", fault=str(fault)[:200])
                await producer.stop()
                await asyncio.sleep(RETRY_S)
                continue
            self._producer = producer
            self._broken.clear()

    async def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(5):
                    await producer.stop()
            except (TimeoutError, KafkaError) as fault:
                _log.warning("producer did not stop in order", fault=repr(fault))
