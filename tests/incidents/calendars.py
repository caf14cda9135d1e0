"""Calendars for tests, drawn and fixed, and a plain way to count working time: day by day, no sums made beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from incidents.calendar import TimeLimit, Unit, WorkingCalendar
from incidents.standards import tables
from incidents.working_time import DayKind, Hours, Minutes, Season, SpecialDay, timetable

SHANGHAI = ZoneInfo("Asia/Shanghai")
SCENIC, MARKET = "990103", "990104001"
"""An area that works on weekends and holidays; a street within no area, with a half day on Saturday."""
AREAS = ("", "99010100100101", SCENIC, SCENIC + "002", MARKET, MARKET + "003")


def here(text: str) -> datetime:
    """`2026-11-24 10:00` in Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@cache
def the_seed() -> WorkingCalendar:
    """The calendar a city has before it decides its own."""
    return tables.read("calendar", tables.seed()["calendar"]).calendar(SHANGHAI)


# Each strategy is made once: made anew at every draw, they take more time than what they draw.


def _in_pairs(cuts: list[int]) -> tuple[Minutes, ...]:
    times = sorted(5 * cut for cut in cuts[: len(cuts) // 2 * 2])
    return tuple(zip(times[::2], times[1::2], strict=True))


_SPANS = st.lists(st.integers(0, 288), min_size=2, max_size=6, unique=True).map(_in_pairs)
"""One to three spans of a day: with or without a lunch break, up to the whole day."""
_SEASONS = st.builds(Season, st.tuples(st.integers(1, 12), st.integers(1, 28)), st.just((9, 30)))
_WEEKDAYS = st.frozensets(st.integers(1, 7), min_size=1)
_DATES = st.lists(
    st.dates(date(2026, 1, 1), date(2028, 12, 31)) | st.just(date(2028, 2, 29)),
    unique=True,
    max_size=25,
)
_KINDS = st.sampled_from(DayKind)
_OWN_SPANS = st.none() | _SPANS
_WHERE = st.sampled_from([(), (), (SCENIC,), (MARKET,)])
_KNOWN = st.none() | st.dates(date(2026, 6, 1), date(2028, 12, 31))
_ZONES = st.sampled_from(["Asia/Shanghai", "America/New_York"]).map(ZoneInfo)


@st.composite
def _special_days(draw: st.DrawFn) -> tuple[SpecialDay, ...]:
    """Holidays, make-up days and half days, here and there from 2026 to 2028, leap day included."""
    days = []
    for day in draw(_DATES):
        kind = draw(_KINDS)
        own = draw(_OWN_SPANS) if kind is DayKind.WORKDAY else None
        days.append(SpecialDay(day, kind, "某日", "某通知", draw(_WHERE), own))
    return tuple(days)


_SPECIAL_DAYS = _special_days()


@st.composite
def _calendars(draw: st.DrawFn) -> WorkingCalendar:
    hours = (
        Hours(draw(_SPANS), areas=(MARKET,)),
        Hours(((480, 720),), frozenset({6}), (MARKET,)),
        Hours(draw(_SPANS), draw(_WEEKDAYS), season=draw(_SEASONS)),
        Hours(draw(_SPANS), draw(_WEEKDAYS)),
        Hours(draw(_SPANS), frozenset(range(1, 8)), (SCENIC,), on_holidays=draw(st.booleans())),
    )
    known, zone = draw(_KNOWN), draw(_ZONES)
    return WorkingCalendar(zone, hours, draw(_SPECIAL_DAYS), known)


_CALENDARS = _calendars()


def calendars() -> st.SearchStrategy[WorkingCalendar]:
    """A city with usual hours, summer hours, an area that works on weekends and a street with half Saturdays."""
    return _CALENDARS


_NEAR = [here("2026-12-31 17:59"), here("2027-02-05 12:00"), here("2028-02-28 17:00")]
_INSTANTS = st.integers(0, 3 * 365 * 86_400_000_000).map(
    lambda ticks: here("2026-01-01 00:00") + timedelta(microseconds=ticks)
) | st.builds(
    lambda at, minutes: at + timedelta(minutes=minutes),
    st.sampled_from(_NEAR),
    st.integers(-5000, 5000),
)


def instants() -> st.SearchStrategy[datetime]:
    """Instants from 2026 to 2028, many near a year's end, 春节 or the leap day, some to the microsecond."""
    return _INSTANTS


@cache
def limits(most: int = 40) -> st.SearchStrategy[TimeLimit]:
    """Limits in every unit, halves and quarters among them."""
    amounts: Any = st.integers(1, 4 * most).map(lambda quarters: quarters / 4)
    return st.builds(TimeLimit, amounts, st.sampled_from(Unit))


def plainly_worked(
    calendar: WorkingCalendar, begin: datetime, end: datetime, area: str
) -> tuple[timedelta, Fraction]:
    """Working time and working days between two instants, counted day by day."""
    worked, days = timedelta(), Fraction(0)
    for day in _spans(calendar, begin, end, area):
        inside = sum((max(min(b, end) - max(a, begin), timedelta()) for a, b in day), timedelta())
        whole = sum((b - a for a, b in day), timedelta())
        worked += inside
        if whole:
            days += Fraction(
                inside // timedelta(microseconds=1), whole // timedelta(microseconds=1)
            )
    return worked, days


def works_at(calendar: WorkingCalendar, at: datetime, area: str) -> bool:
    """Whether the instant lies in a working span, its last moment included."""
    return any(
        a < at <= b for day in _spans(calendar, at - timedelta(days=1), at, area) for a, b in day
    )


def _spans(
    calendar: WorkingCalendar, begin: datetime, end: datetime, area: str
) -> Iterator[list[tuple[datetime, datetime]]]:
    table = timetable(calendar.hours, calendar.days, calendar.zone, area)
    day = begin.astimezone(calendar.zone).date()
    last = end.astimezone(calendar.zone).date()
    while day <= last:
        pairs = [
            (_at(calendar.zone, day, a), _at(calendar.zone, day, b))
            for a, b in table.day(day).spans
        ]
        yield [(a, b) for a, b in pairs if a < b]
        day += timedelta(days=1)


def _at(zone: ZoneInfo, day: date, minute: int) -> datetime:
    if minute == 1440:
        day, minute = day + timedelta(days=1), 0
    return datetime.combine(day, time(minute // 60, minute % 60), zone).astimezone(UTC)
