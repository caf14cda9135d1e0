"""Closing a month 关账 and running it again: its figures and the incidents behind them as they were, kept for ever.

A closed month is read by its newest edition; what happens to its incidents later shows only when somebody runs it again,
on purpose, with a reason. The old edition stays readable, figure by figure and incident by incident.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from incidents.evaluation import EvaluationRefused
from incidents.postgres import evaluation_store
from incidents.postgres.connection import Connection
from incidents.postgres.evaluation_sums import KINDS
from incidents.postgres.evaluation_views import Part
from incidents.postgres.queries import named

_SQL = named("evaluation_store.sql")
_FOREVER = 2**31 - 2
"""A batch later than any: what has not been taken back by then stands now."""

MOST_MONTHS = 36
"""Months of one question."""


@dataclass(frozen=True, slots=True)
class Edition:
    """A month as it was closed: the how-manieth, by whom, when, why; `book` are the figures it was counted by.

    `daily`: its days have sums of their own; those closed before there were any have not.
    """

    id: int
    month: date
    number: int
    batch: int
    author: str
    made_at: datetime
    reason: str
    book: dict[str, Any]
    daily: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A period: the first and the last day; `edition` None is the newest, 0 as things stand now."""

    first: date
    last: date
    edition: int | None = None


def close(conn: Connection, month: date, author: str, now: datetime) -> Edition:
    """Close a month that is over; EvaluationRefused when it is not, or was closed before. `conn` is idle."""
    _check(conn, month, now)
    if editions(conn, month):
        raise EvaluationRefused(
            zh=f"{month:%Y-%m} 已关账；要按现状重算请用 rerun 并写明理由",
            en=f"{month:%Y-%m} is closed; to count it as things stand now use rerun, with a reason",
            month=f"{month:%Y-%m}",
        )
    return _make(conn, month, author, now, _CLOSED)


def rerun(conn: Connection, month: date, author: str, now: datetime, reason: str) -> Edition:
    """Count a closed month as things stand now, as a new edition; EvaluationRefused without a reason."""
    _check(conn, month, now)
    if not reason.strip():
        raise EvaluationRefused(zh="重算须写明理由", en="running a month again needs a reason")
    if not editions(conn, month):
        raise EvaluationRefused(
            zh=f"{month:%Y-%m} 尚未关账；请先 close",
            en=f"{month:%Y-%m} is not closed yet; close it first",
            month=f"{month:%Y-%m}",
        )
    return _make(conn, month, author, now, reason.strip())


def editions(conn: Connection, month: date | None = None) -> list[Edition]:
    """The editions of a month, or of all, the newest first."""
    with conn.cursor(row_factory=class_row(Edition)) as cursor:
        return cursor.execute(_SQL["editions"], {"month": month}).fetchall()


def parts(conn: Connection, asked: Asked) -> tuple[list[Part], list[Edition]]:
    """The months of a period, each by the edition asked for, and those editions; EvaluationRefused if there is none."""
    months = list(_months(asked.first, asked.last))
    state = evaluation_store.read_state(conn)
    found: list[Part] = []
    used: list[Edition] = []
    for first, last in months:
        month = first.replace(day=1)
        edition = _edition(conn, month, asked.edition)
        days = (first.day, 31 if last.day == _length(month) else last.day)
        if edition is None:
            book = evaluation_store.book_of(state)
            found.append(Part(month, *days, 0, _FOREVER, book, state.daily))
            continue
        used.append(edition)
        book = evaluation_store.as_book(edition.book)
        found.append(Part(month, *days, edition.id, edition.batch, book, edition.daily))
    return found, used


def _edition(conn: Connection, month: date, number: int | None) -> Edition | None:
    if number == 0:
        return None
    known = editions(conn, month)
    if number is None:
        return known[0] if known else None
    for edition in known:
        if edition.number == number:
            return edition
    raise EvaluationRefused(
        zh=f"{month:%Y-%m} 没有第 {number} 版；有：{_listed(known)}",
        en=f"{month:%Y-%m} has no edition {number}; it has: {_listed(known)}",
        month=f"{month:%Y-%m}",
    )


def _listed(known: Sequence[Edition]) -> str:
    return "、".join(str(one.number) for one in known) or "无 none"


def _check(conn: Connection, month: date, now: datetime) -> None:
    today = now.astimezone(evaluation_store.zone(conn)).date()
    if month.day != 1 or today < month + timedelta(days=_length(month)):
        raise EvaluationRefused(
            zh=f"{month:%Y-%m} 尚未结束，不能关账",
            en=f"{month:%Y-%m} is not over yet: it cannot be closed",
            month=f"{month:%Y-%m}",
        )


def _make(conn: Connection, month: date, author: str, now: datetime, reason: str) -> Edition:
    evaluation_store.roll_up(conn, now)  # the most of it outside the closing transaction
    with conn.transaction():
        evaluation_store.hold(conn)
        evaluation_store.prepare(conn, now)
        state = evaluation_store.read_state(conn)
        values = {
            "month": month,
            "batch": state.batch,
            "author": author,
            "at": now,
            "reason": reason,
            "book": Jsonb(state.body),
        }
        with conn.cursor(row_factory=class_row(Edition)) as cursor:
            made = cursor.execute(_SQL["close"], values).fetchone()
        assert made is not None
        if (
            made.number > 1 and reason == _CLOSED
        ):  # two closed it at once: the second sees the first's
            raise EvaluationRefused(
                zh=f"{month:%Y-%m} 刚由他人关账", en=f"{month:%Y-%m} was just closed by somebody"
            )
        conn.execute(_SQL["close_sums"], {"edition": made.id, "month": month})
        kinds = list(KINDS.values())
        conn.execute(_SQL["close_days"], {"edition": made.id, "month": month, "kinds": kinds})
    return made


_CLOSED = "关账 / closed"


def _months(first: date, last: date) -> list[tuple[date, date]]:
    if not date(2000, 1, 1) <= first <= last <= date(2200, 1, 1):
        raise EvaluationRefused(
            zh="起止日期不对：须先起后止", en="not a period: the first day comes before the last"
        )
    found: list[tuple[date, date]] = []
    while first <= last:
        end = min(last, first.replace(day=_length(first)))
        found.append((first, end))
        first = end + timedelta(days=1)
        if len(found) > MOST_MONTHS:
            raise EvaluationRefused(
                zh=f"一次最多查询 {MOST_MONTHS} 个月", en=f"{MOST_MONTHS} months at most at once"
            )
    return found


def _length(month: date) -> int:
    return calendar.monthrange(month.year, month.month)[1]
