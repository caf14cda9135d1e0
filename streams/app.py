"""Builds the Faust app of a worker: two agents that only collect; the work is done in one thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from typing import Any, NoReturn

import faust

from streams import topics
from streams.message import Message
from streams.seeking import Standing, StoredOffsetsApp
from streams.settings import Settings

COORDINATOR = "_consumer._thread._consumer._coordinator"
PARKED = ("_pending_exception", "_coordination_task")
"""Private to faust-streaming 0.15.3 and aiokafka 0.14.0, both pinned exactly; tests/streams/test_pins.py holds them."""

Run = Callable[[Sequence[Message]], None]
READ = (topics.READINGS, topics.REPORTS)


def build(
    settings: Settings, name: str, run: Run, standing: Standing, halt: Callable[[str], NoReturn]
) -> StoredOffsetsApp:
    """The app of the worker of that name; `run` keeps a batch and never raises.

    Settings as measured (docs/decisions): one at a time per agent, nothing declared by Faust, a static
    group member id so that an immediate restart keeps its partitions.
    """
    app = StoredOffsetsApp(
        settings.group,
        broker=[f"kafka://{server}" for server in settings.kafka.split(",")],
        datadir=str(settings.home / "faust" / name),
        processing_guarantee="at_least_once",
        broker_client_id=f"yiwang-{name}",
        broker_commit_interval=1.0,
        broker_commit_every=1000,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=3.0,
        broker_max_poll_interval=3600.0,
        broker_request_timeout=90.0,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=name,
        consumer_max_fetch_size=1 << 20,
        consumer_metadata_max_age_ms=5000,
        stream_buffer_maxsize=256,
        stream_wait_empty=True,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    app.logical = {settings.topic_prefix + topic.name: topic.name for topic in READ}
    app.standing = standing
    app.halt = halt
    thread = ThreadPoolExecutor(1, thread_name_prefix="intake")
    for topic in READ:
        _collect(app, topic, settings, lambda batch: (thread, run, batch))
    return app


def _collect(
    app: StoredOffsetsApp,
    topic: topics.Topic,
    settings: Settings,
    work: Callable[[Sequence[Message]], tuple[Any, Run, Sequence[Message]]],
) -> None:
    source = app.topic(
        settings.topic_prefix + topic.name,
        value_type=bytes,
        value_serializer="raw",
        key_type=bytes,
        key_serializer="raw",
    )

    async def collect(stream: Any) -> None:
        loop = asyncio.get_running_loop()
        async for events in stream.take_events(settings.batch_messages, settings.batch_within_s):
            thread, run, batch = work([_message(topic, event.message) for event in events])
            await loop.run_in_executor(thread, run, batch)

    agent = app.agent(source, name=f"intake.{topic.name}", concurrency=1)(collect)
    # More than one at a time acknowledges out of order, and a crash then loses what was in hand.
    assert agent.concurrency == 1


def _message(topic: topics.Topic, raw: Any) -> Message:
    """A record of Faust as the intake knows messages."""
    headers = raw.headers.items() if isinstance(raw.headers, dict) else (raw.headers or ())
    return Message(
        topic=topic.name,
        part=raw.partition,
        offset=raw.offset,
        value=raw.value or b"",
        key=raw.key,
        headers=[(str(name), bytes(value or b"")) for name, value in headers],
    )


def coordinator_stuck(app: faust.App) -> bool:
    """Whether the group coordinator's loop is parked or over: heartbeats have stopped, nobody will say so.

    Private attributes of aiokafka 0.14.0 through faust-streaming 0.15.3; before the start there is nothing to see.
    """
    try:
        coordinator = attrgetter(COORDINATOR)(app)
        pending, task = attrgetter(*PARKED)(coordinator)
    except AttributeError:
        return False  # not started yet
    return pending is not None or (task is not None and task.done())
