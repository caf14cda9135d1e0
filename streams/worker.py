"""Composes a worker from its settings: one name held, topics checked, Faust, the intake's thread, the watchdog."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

import faust
import psycopg
import structlog
import uvloop
from kafka import KafkaConsumer, TopicPartition

from incidents.postgres import connection as connections
from incidents.postgres import intake as store
from incidents.postgres.connection import Connection
from incidents.postgres.intake import Partition
from incidents.postgres.numbers import Numbers
from streams import app as apps
from streams import topics
from streams.guard import Guard, Patience
from streams.intake import Intake
from streams.judging import StreamDesk
from streams.known import Known
from streams.seeking import StoredOffsetsApp
from streams.settings import Settings
from streams.trouble import EX_ENDED, Trouble
from streams.watchdog import Progress, Watchdog

_NAME_TRIES = 20
_log = structlog.get_logger("streams.worker")


def halt(why: str) -> NoReturn:
    """End at once, without goodbyes: nothing is acknowledged that is not kept. The supervisor starts us again."""
    _log.error("进程结束 / process ends", why=why)
    sys.stderr.flush()
    os._exit(EX_ENDED)


class EndsOfLog:
    """The ends of the logs we read, asked with a client of its own, apart from Faust's."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: Any = None

    def ends(self) -> Mapping[Partition, int]:
        """By logical topic and partition; KafkaError."""
        prefix = self._settings.topic_prefix
        if self._consumer is None:
            self._consumer = KafkaConsumer(
                bootstrap_servers=self._settings.kafka.split(","), client_id="yiwang-watchdog"
            )
        asked = [TopicPartition(prefix + t.name, p) for t in apps.READ for p in range(t.partitions)]
        found = self._consumer.end_offsets(asked, timeout_ms=5000)
        return {(tp.topic.removeprefix(prefix), tp.partition): end for tp, end in found.items()}


def run(settings: Settings, name: str) -> NoReturn:
    """Run the worker of that name until it is told to stop; Trouble when it cannot start."""
    connection = _hold(settings, name)
    topics.check(settings.kafka, settings.topic_prefix)
    (settings.home / "faust" / name).mkdir(parents=True, exist_ok=True)
    guard = _guard(settings)
    app = apps.build(settings, name, guard.run, _standing(settings), halt)
    watchdog = Watchdog(
        name=name,
        connect=lambda: connections.connect(settings.database_url, name),
        broker=EndsOfLog(settings),
        topics=tuple(topic.name for topic in apps.READ),
        progress=Progress(settings.stuck_after_s),
        coordinator_stuck=lambda: apps.coordinator_stuck(app),
        assigned=lambda: _assigned(app),
        waiting_for=lambda: guard.waiting_for,
        detail=lambda: _detail(guard),
        halt=halt,
    )
    store.say_started(connection, name, "worker")
    watchdog.start(connection)
    loop = uvloop.new_event_loop()
    worker = faust.Worker(
        app,
        loglevel="WARNING",
        loop=loop,
        quiet=True,
        override_logging=False,
        redirect_stdouts=False,
    )
    worker.execute_from_commandline()
    raise SystemExit(0)


def _hold(settings: Settings, name: str) -> Connection:
    """A connection that holds the worker's name; Trouble when another process has it."""
    try:
        connection = connections.connect(settings.database_url, name)
    except psycopg.OperationalError as fault:
        raise Trouble(
            f"数据库连不上：{fault}", f"the database cannot be reached: {fault}"
        ) from fault
    for _ in range(_NAME_TRIES):
        if store.hold_name(connection, name):
            return connection
        time.sleep(0.25)  # after SIGKILL the old session may live for a moment
    raise Trouble(
        f"工作进程“{name}”已在运行；同名的两个进程会互相抢占消费组。请另取名字或先停掉它",
        f"a worker named {name!r} is running already; two of one name steal the group from each other. "
        f"Take another name or stop that one",
    )


def _guard(settings: Settings) -> Guard:
    known = Known(settings.home / "atlas")
    numbers = connections.pool(settings.database_url, "numbers", 1, hasty=True)
    numbers.open()
    intake = Intake(known, StreamDesk(known, Numbers(numbers)), lambda: datetime.now(UTC))
    return Guard(
        step=intake.apply,
        connect=lambda: connections.connect(settings.database_url, "intake"),
        halt=halt,
        patience=Patience(
            most_failed=settings.most_failed, most_unreadable=settings.most_unreadable
        ),
    )


def _standing(settings: Settings) -> Any:
    """Where the store stands, its books opened at the log's start where it never read; waits for the database."""

    def standing(starts: Mapping[Partition, int]) -> Mapping[Partition, int]:
        for _ in range(45):
            try:
                with connections.connect(settings.database_url, "seek") as connection:
                    return _opened(connection, starts)
            except psycopg.OperationalError as fault:
                _log.warning("数据库不可用 / the database is away", fault=str(fault).strip()[:200])
                time.sleep(1.0)
        halt("接手分区时数据库一直不可用 / the database stayed away while taking partitions")

    return standing


def _opened(connection: Connection, starts: Mapping[Partition, int]) -> Mapping[Partition, int]:
    stands = store.offsets(connection, {topic for topic, _ in starts})
    for partition, start in sorted(starts.items()):
        if partition in stands:
            continue
        if start > 0:
            _log.warning(
                "首次读取，更早的消息已不在 Kafka / first time here, what came before is no longer in Kafka",
                partition=partition,
                start=start,
            )
        store.open_books(connection, partition, start)
    return store.offsets(connection, {topic for topic, _ in starts})


def _assigned(app: StoredOffsetsApp) -> set[Partition]:
    consumer = getattr(app, "_consumer", None)
    if consumer is None:
        return set()
    try:
        found = consumer.assignment()
    except Exception:  # noqa: BLE001 - not started yet: faust has several ways to say so
        return set()
    return {(app.logical[tp.topic], tp.partition) for tp in found if tp.topic in app.logical}


def _detail(guard: Guard) -> dict[str, Any]:
    total = guard.total
    return {
        "batches": guard.batches,
        "applied": {
            name: total.total(name)
            for name in ("messages", "stored", "duplicates", "refused", "quarantined", "events_in")
        },
    }
