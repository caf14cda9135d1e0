"""综合评价: what may be counted of an incident, figures and rates as data over it, and their arithmetic.

A `Score` is one incident before one subject (itself, a department, a post, a person) in one month: on which day of the
month each moment fell, and flags that say what became of it. A figure counts scores: those whose moment fell into the
period and whose flags fit. Which figures there are, and what is left out of them, a city decides
(`incidents.standards.evaluation_tables`); names and formulas after GB/T 30428.4 as domain.md §1.5 has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum, auto
from typing import Any

from incidents.errors import IncidentError


class EvaluationRefused(IncidentError):
    """A month that cannot be closed or run again, an edition or a figure that is not there."""

    code = "evaluation_refused"


class Moment(IntEnum):
    """What falls on a day; the number is its place in `Score.days`, five bits each, so there are at most twelve."""

    REPORTED = 0  # 上报
    ACCEPTED = 1  # 受理: first 派核实 or 立案
    OPENED = 2  # 立案, the first
    DISPATCHED = 3  # 派遣, the first to this subject
    HANDLED = 4  # 处置反馈, the last
    VERIFIED = 5  # 核查通过, the last
    SETTLED = 6  # when it was known whether in time: handled in time, or the deadline passed
    CLOSED = 7  # 结案, the last
    URGED = 8  # 督办, the first
    SENT_BACK = 9  # 回退, the first
    REWORKED = 10  # 返工, the first
    APPEALED = 11  # 申诉, the first


class Flag(IntEnum):
    """What became of it, as far as is known now; for a department or a person, of what was theirs. One bit each.

    Sets of flags are plain ints: a million incidents are a hundred million unions.
    """

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[Any]) -> int:  # noqa: ARG004
        return 1 << count

    ACCEPTED = auto()
    OPENED = auto()
    VOIDED = auto()  # 不予立案/作废
    DISPATCHED = auto()
    HANDLED = auto()  # 处置 stands: not asked to be done again since
    VERIFIED = auto()
    CLOSED = auto()  # 结案 stands: not reopened since
    BY_ORDER = auto()  # 强制结案
    BY_ITSELF = auto()  # 自动结案
    REOPENED = auto()
    SENT_BACK = auto()
    REDISPATCHED = auto()  # 改派 to another department
    REWORKED = auto()
    URGED = auto()
    APPEALED = auto()
    UPHELD = auto()  # 申诉成立 against that it was late, by who had it last: the mark that decides
    SUSPENDED = auto()  # 挂账 now
    EVER_SUSPENDED = auto()
    EXTENDED = auto()
    ON_TIME = auto()
    OVERDUE = auto()
    PUBLIC = auto()  # somebody of the public told us: there is a reporter
    TIMED = auto()  # handling_s is known
    ACCEPTANCE_TIMED = auto()  # acceptance_s is known
    ACCEPTED_LATE = auto()
    ANSWERED = auto()  # satisfaction is known
    SATISFIED = auto()  # and at least SATISFIED_FROM
    EVER_UPHELD = auto()  # an appeal was upheld, whatever against
    REWORK_UPHELD = auto()  # against that it had to be done again
    APPEAL_WAITS = auto()  # an appeal is not decided yet


SATISFIED_FROM = 4
"""Of 1 to 5 (满意 is 4, 非常满意 5)."""

SUMS = ("handling_s", "acceptance_s", "satisfaction")
"""What a figure may add up beside counting: seconds of the handling and acceptance clocks, the answer 1–5."""


class Axis(IntEnum):
    """Before whom an incident counts once."""

    INCIDENT = 0
    DEPARTMENT = 1
    POST = 2
    PERSON = 3


@dataclass(frozen=True, slots=True)
class Score:
    """One incident before one subject in one month; `days` holds a day of the month (0: none) for each moment."""

    axis: Axis
    subject: str
    month: date
    days: int
    flags: int
    handling_s: int = 0
    acceptance_s: int = 0
    satisfaction: int = 0

    def day(self, moment: Moment) -> int:
        """The day of the month on which the moment fell; 0 when not in this month."""
        return (self.days >> (5 * moment)) & 31


def packed(days: Mapping[Moment, int]) -> int:
    """Days of the month by moment as one number."""
    return sum(day << (5 * moment) for moment, day in days.items())


@dataclass(frozen=True, slots=True)
class Figure:
    """A count: scores with the moment in the period, all flags of `having` and none of `without`; `sums` adds up."""

    key: str
    zh: str
    en: str
    at: Moment
    having: int = 0
    without: int = 0
    sums: str | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """`of` ÷ `over`, both figures; without `over` the mean of what `of` adds up."""

    key: str
    zh: str
    en: str
    of: str
    over: str | None
    unit: str = "ratio"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many, and what they add up to."""

    n: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Book:
    """The figures and rates of a city; a figure's place in `figures` is its number in the rollups made by this book."""

    figures: tuple[Figure, ...]
    rates: tuple[Rate, ...]

    def number(self, key: str) -> int:
        """The place of a figure; EvaluationRefused when there is none of that key."""
        for number, figure in enumerate(self.figures):
            if figure.key == key:
                return number
        raise EvaluationRefused(
            zh=f"没有指标 {key}；有：{'、'.join(f.key for f in self.figures)}",
            en=f"no figure is called {key}",
            figure=key,
        )


_NONE = Tally()


def value(rate: Rate, figures: Mapping[str, Tally]) -> float | None:
    """The rate of these figures; None where nothing was counted to divide by."""
    of = figures.get(rate.of, _NONE)
    if rate.over is None:
        return of.total / of.n if of.n else None
    over = figures.get(rate.over, _NONE)
    return of.n / over.n if over.n else None


def fell(days: int, first: int = 1, last: int = 31) -> int:
    """Which moments fell on the days `first` to `last` of the month, one bit each."""
    found, bit = 0, 1
    while days:
        if first <= days & 31 <= last:
            found |= bit
        days >>= 5
        bit <<= 1
    return found


def by_day(days: int) -> dict[int, int]:
    """Which moments fell on each day of the month, one bit each; days on which none fell are left out."""
    found: dict[int, int] = {}
    bit = 1
    while days:
        day = days & 31
        if day:
            found[day] = found.get(day, 0) | bit
        days >>= 5
        bit <<= 1
    return found


class Adding:
    """Adds scores up by key: counts of the book's figures in their order, then the sums of those that sum.

    What is taken back is added `times` -1, so that sums move with the scores behind them.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._summing = [n for n, f in enumerate(book.figures) if f.sums]
        self._fitting: dict[tuple[int, int], tuple[tuple[int, int, int], ...]] = {}
        self.rows: dict[Any, list[int]] = {}

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        return len(self._book.figures) + len(self._summing)

    def add(
        self, keys: Iterable[Any], pattern: tuple[int, int], values: Sequence[int], times: int = 1
    ) -> None:
        """`pattern` is flags and the moments that fell; `values` what SUMS names, of all `times` together."""
        fitting = self._fitting.get(pattern)
        if fitting is None:
            fitting = self._fitting[pattern] = self._fit(*pattern)
        for key in keys:
            row = self.rows.get(key)
            if row is None:
                row = self.rows[key] = [0] * self.width
            for number, place, which in fitting:
                row[number] += times
                if place:
                    row[place] += values[which]

    def tallies(self, row: Sequence[int]) -> dict[str, Tally]:
        """A row as figures by key, those that are not nought."""
        places = {n: len(self._book.figures) + k for k, n in enumerate(self._summing)}
        return {
            f.key: Tally(row[n], row[places[n]] if n in places else 0)
            for n, f in enumerate(self._book.figures)
            if row[n]
        }

    def _fit(self, flags: int, moments: int) -> tuple[tuple[int, int, int], ...]:
        found = []
        for number, f in enumerate(self._book.figures):
            if flags & f.having == f.having and not flags & f.without and moments >> f.at & 1:
                place = len(self._book.figures) + self._summing.index(number) if f.sums else 0
                found.append((number, place, SUMS.index(f.sums) if f.sums else 0))
        return tuple(found)
