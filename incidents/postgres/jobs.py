"""Jobs of the store as one table: what runs how often, by whom it was run last, and what it said.

The database remembers, so a restart forgets nothing: a job that was cut off is due again at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from grid.errors import CityError
from incidents.errors import DecisionRefused
from incidents.postgres import duty_store, evaluation_store, upkeep
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

_SQL = named("jobs.sql")


Run = Callable[[Connection, datetime, upkeep.Setting], str]
"""What a job does, and what it says it did."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job: how often, with what setting until an operator changes its row, and what it does.

    `run` None: it needs more than the database; a process that has it says how (`run_due`'s `runs`).
    """

    name: str
    every: timedelta
    setting: upkeep.Setting
    run: Run | None = None


HOUR = timedelta(hours=1)
JOBS = (
    Job("days_ahead", HOUR, {"behind": 2, "ahead": 4}, upkeep.make_days),
    Job("retention_readings", 6 * HOUR, {"days": None}, upkeep.drop_readings),
    Job("compaction", HOUR, {"after_hours": 36}, upkeep.compact_days),
    Job("rollup_slots", HOUR, {"after_hours": 48, "most": 20_000}, upkeep.merge_rollups),
    Job("retention_outbox", HOUR / 6, {"hours": 72, "most": 5_000}, upkeep.forget_sent),
    Job("retention_idempotency", HOUR, {"hours": 48}, upkeep.forget_answers),
    Job("evaluation", timedelta(seconds=5), {"most": 2_000}, evaluation_store.job),
    Job("duty_positions", HOUR / 4, {}, duty_store.job),
    Job("media_unattached", HOUR, {"days": 7, "machine_hours": 48}),
    Job("media_sweep", 24 * HOUR, {"after_hours": 24}),
)
"""Readings stay until an operator says for how long: retention goes by their own time, and what is filled in from years
ago would be gone hours after it came. Events and quarantine are not here: (source, id) names an event for ever, and
quarantine is a person's to decide."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as the database remembers it."""

    name: str
    every: timedelta
    setting: dict[str, Any]
    last_started: datetime | None
    last_ended: datetime | None
    last_result: str | None
    failures: int


IDLE = frozenset({f"evaluation: {evaluation_store.said(0)}"})
"""What `run_due` says of a job that looks every few seconds and found nothing: no news to anybody's log."""

OWN: Mapping[str, Run] = {job.name: job.run for job in JOBS if job.run is not None}
"""What needs nothing but the database."""


def run_due(
    conn: Connection, now: datetime, only: str | None = None, runs: Mapping[str, Run] = OWN
) -> list[str]:
    """Run what is due and nobody else is running; `name: what it said` of each job that ran.

    With `only` that job runs now, due or not. A job that fails says so in its row and rests 1, 2, 4 … minutes;
    the others go on. `runs` are the jobs that this process can do, by name; DecisionRefused when `only` is none of
    them. psycopg.OperationalError when the connection is lost. `conn` is autocommit and idle.
    """
    _declare(conn)
    said = []
    for name in _wanted(conn, now, only, runs):
        with _held(conn, name) as mine:
            setting = _claim(conn, name, now) if mine else None
            if setting is not None:
                said.append(f"{name}: {_run(conn, (name, runs[name]), now, setting)}")
    return said


def everything(conn: Connection) -> list[JobRow]:
    """All jobs, in order of their names."""
    _declare(conn)
    with conn.cursor(row_factory=class_row(JobRow)) as cursor:
        return cursor.execute(_SQL["everything"]).fetchall()


def adjust(
    conn: Connection, name: str, setting: upkeep.Setting, every: timedelta | None = None
) -> JobRow:
    """Change what an operator may change of a job; members not given stay. DecisionRefused for what the job lacks.

    Every member is a whole number of at least 1; `days` of retention_readings may be null: keep for ever.
    """
    _declare(conn)
    may_be_null = {member for member, value in _default(name).items() if value is None}
    for member, value in setting.items():
        sound = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        if member not in _default(name) or not (sound or (value is None and member in may_be_null)):
            raise DecisionRefused(
                zh=f"任务 {name} 不接受 {member} = {value!r}；可设：{'、'.join(_default(name))}，须为不小于 1 的整数",
                en=f"job {name} takes no {member} = {value!r}; it has {', '.join(_default(name))}, "
                "whole numbers from 1",
            )
    conn.execute(_SQL["adjust"], {"name": name, "setting": Jsonb(dict(setting)), "every": every})
    return next(row for row in everything(conn) if row.name == name)


def _declare(conn: Connection) -> None:
    known = {name for (name,) in conn.execute(_SQL["names"])}
    for job in JOBS:
        if job.name not in known:
            row = {"name": job.name, "every": job.every, "setting": Jsonb(dict(job.setting))}
            conn.execute(_SQL["declare"], row)


def _wanted(
    conn: Connection, now: datetime, only: str | None, runs: Mapping[str, Run]
) -> list[str]:
    if only is None:
        due = conn.execute(_SQL["due"], {"now": now, "names": list(runs)}).fetchall()
        return [name for (name,) in due]
    if only not in runs:
        raise DecisionRefused(
            zh=f"任务 {only} 须用到照片存储，由接口进程运行；立即运行：python -m api media run {only}",
            en=f"job {only} needs the store of photos; the API runs it; now: python -m api media run {only}",
        )
    return [only]


@contextmanager
def _held(conn: Connection, name: str) -> Iterator[bool]:
    row = conn.execute(_SQL["hold"], {"name": name}).fetchone()
    mine = bool(row and row[0])
    try:
        yield mine
    finally:
        if mine and not conn.closed:
            conn.execute(_SQL["let_go"], {"name": name})


def _claim(conn: Connection, name: str, now: datetime) -> upkeep.Setting | None:
    row = conn.execute(_SQL["claim"], {"name": name, "now": now}).fetchone()
    return None if row is None else {**_default(name), **row[0]}


def _default(name: str) -> upkeep.Setting:
    return next(job.setting for job in JOBS if job.name == name)


def _run(conn: Connection, job: tuple[str, Run], now: datetime, setting: upkeep.Setting) -> str:
    name, run = job
    begun = time.monotonic()
    failed = False
    try:
        result = run(conn, now, setting)
    except (psycopg.Error, CityError, KeyError, TypeError, ValueError) as fault:
        if conn.closed:
            raise
        failed, result = True, f"失败 / failed: {type(fault).__name__}: {fault}".strip()
    at = now + timedelta(seconds=time.monotonic() - begun)
    conn.execute(_SQL["ended"], {"name": name, "at": at, "result": result, "failed": failed})
    return result
