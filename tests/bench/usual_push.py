"""What our live changes are measured against: FastAPI's own server-sent events, with a queue for each client.

`python -m tests.bench.usual_push PORT` reads the same topic of the same broker and serves it under `/api/v1/live`, as
FastAPI's documentation shows it: no resuming, no accounts, nobody's scope.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from aiokafka import AIOKafkaConsumer
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse, ServerSentEvent

TOPIC = "city.incidents.v1"
queues: set[asyncio.Queue[tuple[int, Any]]] = set()


async def follow() -> None:
    """Every fact into every queue."""
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=os.environ["YIWANG_KAFKA"])
    await consumer.start()
    try:
        async for message in consumer:
            fact = json.loads(message.value)
            for queue in queues:
                queue.put_nowait((message.offset, fact))
    finally:
        await consumer.stop()


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Follow the topic while the application lives."""
    task = asyncio.create_task(follow())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/livez")
async def livez() -> dict[str, bool]:
    """Whether it is there."""
    return {"ok": True}


@app.get("/api/v1/live", response_class=EventSourceResponse)
async def live() -> AsyncIterator[ServerSentEvent]:
    """The changes."""
    queue: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
    queues.add(queue)
    try:
        yield ServerSentEvent(comment="here")
        while True:
            offset, fact = await queue.get()
            yield ServerSentEvent(data=fact, event="incident", id=str(offset))
    finally:
        queues.discard(queue)


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
