"""Keeps scores and their sums up to date from the histories, exactly once: taken from the queue and scored in one transaction.

A batch scores whole incidents anew and moves the sums by the difference, so late facts, repeated batches and a rebuild
from nothing all end in the same figures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from incidents.evaluation import Book, Score
from incidents.evaluation_course import Case, Step
from incidents.evaluation_score import scores
from incidents.postgres import city, evaluation_sums
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named
from incidents.standards import evaluation_tables
from incidents.standards.tables import DEMO_TIME_ZONE

MOST = 2000
"""Incidents of one batch, one transaction: some hundred milliseconds."""

_SQL = named("evaluation_store.sql")


@dataclass(frozen=True, slots=True)
class State:
    """How far the scores are; `body` is the book of the sums as things stand now, `daily` whether days have theirs."""

    batch: int
    looked_at: datetime | None
    body: dict[str, Any] | None
    daily: bool


def roll_up(conn: Connection, now: datetime, most: int = MOST) -> int:
    """Score every incident whose history grew or whose deadline passed; how many. `conn` is autocommit and idle.

    Safe beside others doing the same: batches stand one behind the other.
    """
    done = 0
    with conn.transaction():
        _guard(conn)
        _look_for_overdue(conn, now)
        _new_book(conn)
    while True:
        with conn.transaction():
            _guard(conn)
            scored = batch(conn, now, most)
        done += scored
        if scored == 0:
            return done


def batch(conn: Connection, now: datetime, most: int = MOST) -> int:
    """One batch within the caller's transaction, which holds the guard; 0 when nothing waits."""
    ids = [row[0] for row in conn.execute(_SQL["take"], {"most": most})]
    if not ids:
        return 0
    state = read_state(conn)
    # A deadline looked for up to a later moment is looked for up to that moment here too, whoever's clock is behind.
    found = _scored(conn, ids, max(now, state.looked_at or now))
    names = evaluation_sums.Names(
        conn, (name for _, where, own in found for name in evaluation_sums.wanted(where, own))
    )
    rows = [names.row(number, where, score) for number, where, own in found for score in own]
    evaluation_sums.replace(conn, ids, rows, state.batch + 1, book_of(state))
    _advance(conn, state.batch + 1, state.body)
    return len(ids)


def rebuild(conn: Connection, now: datetime, most: int = MOST) -> int:
    """Forget all scores but those that closed months counted, and score every incident anew; how many.

    Until it is done, open months show less than there is.
    """
    with conn.transaction():
        _guard(conn)
        state = read_state(conn)
        conn.execute(_SQL["keep_counted"], {"batch": state.batch + 1})
        conn.execute(_SQL["forget_scores"])
        evaluation_sums.forget(conn)
        conn.execute(_SQL["note_all"])
        _advance(conn, state.batch + 1, book_in_force(conn))
    return roll_up(conn, now, most)


def read_state(conn: Connection) -> State:
    """How far the scores are."""
    row = conn.execute(_SQL["state"]).fetchone()
    assert row is not None
    return State(*row)


def book_of(state: State) -> Book:
    """The figures and rates the sums as things stand now are made by."""
    return as_book(state.body or evaluation_tables.seed())


def as_book(body: Mapping[str, Any]) -> Book:
    """A body that was kept as figures and rates; the same body is read once."""
    return _read(json.dumps(body, sort_keys=True))


@lru_cache(maxsize=16)
def _read(text: str) -> Book:
    return evaluation_tables.read(json.loads(text))


def book_in_force(conn: Connection) -> dict[str, Any]:
    """The body of figures and rates in force: the city's newest edition, or the seed."""
    row = conn.execute(_SQL["decided"]).fetchone()
    return dict(row[0]) if row else evaluation_tables.seed()


def decide(conn: Connection, body: Mapping[str, Any], author: str) -> int:
    """Keep another edition of figures and rates; DecisionRefused when it is not sound. Closed months keep theirs."""
    evaluation_tables.read(body)
    row = conn.execute(_SQL["decide"], {"author": author, "body": Jsonb(dict(body))}).fetchone()
    assert row is not None
    return int(row[0])


def body_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """A file's tables as a body."""
    return evaluation_tables.body_of(given)


def zone(conn: Connection) -> ZoneInfo:
    """The city's time zone: its days and months are what is counted in."""
    here = city.get(conn)
    return ZoneInfo(here.time_zone if here else DEMO_TIME_ZONE)


def prepare(conn: Connection, now: datetime) -> None:
    """Within the guard: bring everything up to date before a month is closed."""
    _look_for_overdue(conn, now)
    _new_book(conn)
    while batch(conn, now):
        pass


def hold(conn: Connection) -> None:
    """Within a transaction: nobody else scores or closes until it ends."""
    _guard(conn)


def _guard(conn: Connection) -> None:
    conn.execute(_SQL["guard"])


def _look_for_overdue(conn: Connection, now: datetime) -> None:
    conn.execute(_SQL["note_overdue"], {"now": now})
    conn.execute(_SQL["looked"], {"now": now})


def _new_book(conn: Connection) -> None:
    """Where the city decided other figures, or days have no sums yet, the sums as things stand now are made again."""
    state = read_state(conn)
    body = book_in_force(conn)
    if state.daily and state.body is not None and _same(state.body, body):
        return
    evaluation_sums.sum_again(conn, evaluation_tables.read(body))
    _advance(conn, state.batch, body)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _advance(conn: Connection, number: int, body: Mapping[str, Any] | None) -> None:
    kept = None if body is None else Jsonb(dict(body))
    conn.execute(_SQL["advance"], {"batch": number, "book": kept})


def _scored(
    conn: Connection, ids: list[int], now: datetime
) -> list[tuple[int, tuple[str, str], list[Score]]]:
    """Each incident's number in the store, its area and class, and what it counts as."""
    here = zone(conn)
    told = conn.execute(_SQL["steps"], {"ids": ids}).fetchall()
    histories = {
        incident: [Step(*row[1:]) for row in rows]
        for incident, rows in groupby(told, itemgetter(0))
    }
    found = []
    for row in conn.execute(_SQL["cases"], {"ids": ids}).fetchall():
        given = scores(Case(*row[1:6]), histories.get(row[0], ()), now, here)
        found.append((row[0], ("/".join(row[6:9]), row[9]), given))
    return found


def job(conn: Connection, now: datetime, setting: Mapping[str, Any]) -> str:
    """The job `evaluation`: scores what waits, `most` incidents a batch."""
    return said(roll_up(conn, now, setting["most"]))


def said(scored: int) -> str:
    """What the job says it did."""
    return f"计分 {scored} 件 / incidents scored"
