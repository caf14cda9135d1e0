"""The working calendar 工作日历 and the four units of a time limit 处置时限: adding, measuring, explaining.

紧急工作时 and 自然日 run always; 工作时 and 工作日 only in working time. Sums are exact (whole microseconds, fractions
of a day), so adding a limit and measuring it back gives the limit. Pausing is the clocks' business
(`incidents.clocks`); reading a city's calendar from its body is the standards'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from functools import cached_property, lru_cache
from math import isfinite
from typing import Any, Self
from zoneinfo import ZoneInfo

from incidents.errors import DecisionRefused
from incidents.working_time import (
    Hours,
    Season,
    SpecialDay,
    Timetable,
    moment,
    tick,
    timetable,
)

HOUR_TICKS = 3_600_000_000
MOST = 10_000
"""The longest limit, in any unit: who writes more mistook the unit."""
YELLOW = 0.8
"""The share of a limit after which it is near 黄灯; the usual last fifth (docs/deadlines.md)."""


class Unit(StrEnum):
    """What a limit counts in.

    `work_day`: a working day counts by the share of its own working time that passed. So one working day from
    Tuesday 10:00 is Wednesday 10:00 where both days have the same hours, and a half day counts as a whole one.
    The issue and our references do not settle this; it is our convention (docs/deadlines.md), chosen because what
    was used can then be paused, resumed and summed exactly.
    `day` is 24 hours.
    """

    URGENT_HOUR = "urgent_hour"
    WORK_HOUR = "work_hour"
    WORK_DAY = "work_day"
    DAY = "day"

    @property
    def zh(self) -> str:
        """The trade's word."""
        return _WORDS[self][0]

    @property
    def en(self) -> str:
        """English, in the plural."""
        return _WORDS[self][1]

    @property
    def works(self) -> bool:
        """Whether it counts working time only."""
        return self in {Unit.WORK_HOUR, Unit.WORK_DAY}


_WORDS = {
    Unit.URGENT_HOUR: ("紧急工作时", "urgent hours"),
    Unit.WORK_HOUR: ("工作时", "working hours"),
    Unit.WORK_DAY: ("工作日", "working days"),
    Unit.DAY: ("自然日", "days"),
}
_TICKS = {Unit.URGENT_HOUR: HOUR_TICKS, Unit.WORK_HOUR: HOUR_TICKS, Unit.DAY: 24 * HOUR_TICKS}


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """How long something may take; DecisionRefused for an amount not over 0, or over `MOST`."""

    amount: float
    unit: Unit

    def __post_init__(self) -> None:
        given: object = self.amount
        number = isinstance(given, int | float) and not isinstance(given, bool)
        if not (number and isfinite(self.amount) and 0 < self.amount <= MOST):
            raise DecisionRefused(
                zh=f"时限须大于 0、不大于 {MOST}，不能是 {self.amount!r}",
                en=f"a time limit is over 0 and at most {MOST}, not {self.amount!r}",
            )

    @classmethod
    def of(cls, given: object) -> Self:
        """From `{"amount": 4, "unit": "work_hour"}`; DecisionRefused for anything else."""
        if not isinstance(given, Mapping) or given.keys() != {"amount", "unit"}:
            raise DecisionRefused(
                zh=f'时限应形如 {{"amount": 4, "unit": "work_hour"}}，不能是 {given!r}',
                en=f'a time limit looks like {{"amount": 4, "unit": "work_hour"}}, not {given!r}',
            )
        try:
            unit = Unit(given["unit"])
        except ValueError:
            known = "、".join(Unit)
            raise DecisionRefused(
                zh=f"没有时限单位 {given['unit']!r}；可用 {known}",
                en=f"no unit {given['unit']!r}; there are {known}",
            ) from None
        return cls(given["amount"], unit)

    def as_json(self) -> dict[str, Any]:
        """What `of` reads back."""
        return {"amount": self._plain, "unit": str(self.unit)}

    @property
    def exact(self) -> Fraction:
        """The amount as it is written: 0.1 is a tenth."""
        return exactly(self.amount)

    @property
    def zh(self) -> str:
        """`4 工作时`."""
        return f"{self._plain} {self.unit.zh}"

    @property
    def en(self) -> str:
        """`4 working hours`."""
        words = self.unit.en
        return f"{self._plain} {words.removesuffix('s') if self.amount == 1 else words}"

    @property
    def _plain(self) -> float:
        return int(self.amount) if self.amount == int(self.amount) else self.amount


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a limit ends. `provisional`: the calendar is not confirmed as far as that; it may still move."""

    at: datetime
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Used:
    """What was used of a limit: `amount` in its unit, exact; `seconds` of counted time, exact."""

    amount: Fraction = Fraction(0)
    seconds: Fraction = Fraction(0)

    def __add__(self, other: Used) -> Used:
        return Used(self.amount + other.amount, self.seconds + other.seconds)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time that counted or did not, and why (Chinese / English); `used` is nothing where it did not."""

    begin: datetime
    end: datetime
    counted: bool
    why: str
    used: Used = Used()


@dataclass(frozen=True, slots=True)
class StageLimit:
    """A stage's limit (None: it has none of its own, as handling) and the share of it after which it is near."""

    limit: TimeLimit | None
    yellow: float = YELLOW


@dataclass(frozen=True)
class WorkingCalendar:
    """The city's working time. Areas are codes: the longest prefix that has hours of its own holds.

    `confirmed_until`: the last day whose holidays and make-up days are known; None: no day is.
    """

    zone: ZoneInfo
    hours: tuple[Hours, ...]
    days: tuple[SpecialDay, ...] = ()
    confirmed_until: date | None = None
    stages: Mapping[str, StageLimit] = field(default_factory=dict)
    _tables: dict[tuple[str, ...], Timetable] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def add(self, at: datetime, limit: TimeLimit, area: str | None = None) -> Deadline:
        """When a limit that begins at an instant ends: in working time (its closing second included), or always."""
        return self.after(at, limit.exact, limit.unit, area)

    def after(
        self, at: datetime, amount: Fraction, unit: Unit, area: str | None = None
    ) -> Deadline:
        """The same for an exact amount over 0; rounded up to the microsecond, never early."""
        begin = tick(at)
        if not unit.works:
            return Deadline(moment(begin + _up(amount, _TICKS[unit])))
        by_day = unit is Unit.WORK_DAY
        wanted = amount if by_day else _up(amount, HOUR_TICKS)
        end = moment(self._table(area).after(begin, wanted, by_day=by_day))
        return Deadline(end, not self.confirmed(end))

    def used(self, begin: datetime, end: datetime, unit: Unit, area: str | None = None) -> Used:
        """What of a unit's time lies between two instants; nothing when the second is not later."""
        one, other = tick(begin), tick(end)
        if other <= one:
            return Used()
        if not unit.works:
            return Used(Fraction(other - one, _TICKS[unit]), Fraction(other - one, 1_000_000))
        table = self._table(area)
        worked = table.spent(one, other, by_day=False)
        seconds = Fraction(worked, 1_000_000)
        if unit is Unit.WORK_HOUR:
            return Used(Fraction(worked, HOUR_TICKS), seconds)
        return Used(Fraction(table.spent(one, other, by_day=True)), seconds)

    def amount(
        self, begin: datetime, end: datetime, unit: Unit, area: str | None = None
    ) -> Fraction:
        """The same in the unit alone."""
        if not unit.works or unit is Unit.WORK_HOUR:
            return self.used(begin, end, unit, area).amount
        one, other = tick(begin), tick(end)
        return (
            Fraction(self._table(area).spent(one, other, by_day=True))
            if one < other
            else Fraction(0)
        )

    def segments(
        self, begin: datetime, end: datetime, unit: Unit, area: str | None = None
    ) -> tuple[Segment, ...]:
        """What counted and what did not between two instants, without gap, in order; the counted sum to `used`."""
        if end <= begin:
            return ()
        if not unit.works:
            why = f"{unit.zh}不停 / {unit.en} run always"
            return (Segment(begin, end, True, why, self.used(begin, end, unit)),)
        joined: list[tuple[datetime, datetime, bool, str]] = []
        for start, stop, counted, day, why in self._table(area).pieces(tick(begin), tick(end)):
            one, other = max(moment(start), begin), min(moment(stop), end)
            if one >= other:
                continue
            words = why if self._knows(day) else _unsure(why)
            if joined and joined[-1][2:] == (counted, words):
                one = joined.pop()[0]
            joined.append((one, other, counted, words))
        return tuple(
            Segment(
                one, other, counted, why, self.used(one, other, unit, area) if counted else Used()
            )
            for one, other, counted, why in joined
        )

    def is_work_time(self, at: datetime, area: str | None = None) -> bool:
        """Whether the instant lies in working hours."""
        return self._table(area).is_work_time(tick(at))

    def is_work_day(self, day: date, area: str | None = None) -> bool:
        """Whether the city's date has working hours."""
        return bool(self._table(area).day(day).spans)

    def confirmed(self, at: datetime) -> bool:
        """Whether the calendar is known as far as the instant."""
        return self._knows(at.astimezone(self.zone).date())

    def yellow(self, stage: str) -> float:
        """The share of a stage's limit after which it is near; the usual one where the city says none."""
        found = self.stages.get(stage)
        return found.yellow if found else YELLOW

    def _knows(self, day: date) -> bool:
        return self.confirmed_until is not None and day <= self.confirmed_until

    def _table(self, area: str | None) -> Timetable:
        """The area's timetable; areas between which the calendar makes no difference share one."""
        area = area or ""
        fits = tuple(prefix for prefix in self._prefixes if area.startswith(prefix))
        found = self._tables.get(fits)
        if found is None:
            found = self._tables[fits] = timetable(self.hours, self.days, self.zone, area)
        return found

    @cached_property
    def _prefixes(self) -> tuple[str, ...]:
        areas = [row.areas for row in self.hours] + [day.areas for day in self.days]
        return tuple({prefix for some in areas for prefix in some})


def _up(amount: Fraction, ticks: int) -> int:
    """So many times the ticks, rounded up."""
    return -(-amount.numerator * ticks // amount.denominator)


@lru_cache(maxsize=256)
def exactly(number: float) -> Fraction:
    """A number as it is written in decimals."""
    return Fraction(str(number))


def _unsure(why: str) -> str:
    zh, _, en = why.partition(" / ")
    return f"{zh}（日历未确认） / {en} (calendar not confirmed)"


USUAL_HOURS = (Hours(((480, 720), (840, 1080))),)
"""08:00-12:00 and 14:00-18:00, Monday to Friday: the default calendar (docs/deadlines.md)."""

__all__ = [
    "USUAL_HOURS",
    "YELLOW",
    "Deadline",
    "Hours",
    "Season",
    "Segment",
    "SpecialDay",
    "StageLimit",
    "TimeLimit",
    "Unit",
    "Used",
    "WorkingCalendar",
    "exactly",
]
