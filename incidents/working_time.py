"""When an area works: hours by weekday and season, holidays and make-up days 调休, made ready for fast questions.

Instants are whole microseconds since 1970 (UTC) in here, so that sums are exact. What a unit or a limit is, it does
not know: `incidents.calendar` does. Looks at no clock.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from math import ceil
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
DAY_MINUTES = 1440
Minutes = tuple[int, int]
"""From and to, in minutes of the city's day: 0 to 1440, the end not included."""
_WEEKDAYS_ZH, _WEEKDAYS_EN = "一二三四五六日", ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class DayKind(StrEnum):
    """What the State Council's notice, or the city, says of a date."""

    HOLIDAY = "holiday"
    WORKDAY = "workday"


@dataclass(frozen=True, slots=True)
class Season:
    """The same part of every year, both days included; (month, day). May go over the year's end."""

    first: tuple[int, int]
    last: tuple[int, int]

    def holds(self, day: date) -> bool:
        """Whether the date lies in it."""
        here = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= here <= self.last
        return here >= self.first or here <= self.last


@dataclass(frozen=True, slots=True)
class Hours:
    """One row of working hours: of areas by code prefix (none: everywhere), on ISO weekdays 1 to 7, in a season.

    Rows are looked at in order, and only those of the longest prefix that fits an area. `on_holidays`: the row
    holds on public holidays too.
    """

    spans: tuple[Minutes, ...]
    weekdays: frozenset[int] = frozenset({1, 2, 3, 4, 5})
    areas: tuple[str, ...] = ()
    season: Season | None = None
    on_holidays: bool = False

    def holds(self, day: date) -> bool:
        """Whether the row says something of that date, were it no special one."""
        return day.isoweekday() in self.weekdays and self.in_season(day)

    def in_season(self, day: date) -> bool:
        """Whether the date lies in the row's season."""
        return self.season is None or self.season.holds(day)


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A date that is not what its weekday says; `source` is the notice it stands in.

    `spans` of a working day: its own hours (half a day); None: the usual ones.
    """

    date: date
    kind: DayKind
    name: str
    source: str
    areas: tuple[str, ...] = ()
    spans: tuple[Minutes, ...] | None = None


@dataclass(frozen=True, slots=True)
class WorkingDay:
    """One date of a timetable: its working spans, and why it works or does not (Chinese / English)."""

    spans: tuple[Minutes, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Year:
    """The working spans of one year of a timetable with running sums; microseconds and working days.

    `day_of` numbers the working day of each span; `day_before` sums what was worked before each working day,
    with the year's total at the end.
    """

    begins: tuple[int, ...]
    ends: tuple[int, ...]
    before: tuple[int, ...]
    day_of: tuple[int, ...]
    day_before: tuple[int, ...]

    @property
    def days(self) -> int:
        """How many working days it has."""
        return len(self.day_before) - 1

    def whole(self, *, by_day: bool) -> int:
        """The year's working days, or its working microseconds."""
        return self.days if by_day else self.day_before[-1]

    def progress(self, instant: int, *, by_day: bool) -> int | Fraction:
        """What was worked from the year's beginning until an instant; a day counts by the share of it that passed."""
        n = bisect_right(self.begins, instant) - 1
        if n < 0:
            return 0
        worked = self.before[n] + min(instant, self.ends[n]) - self.begins[n]
        if not by_day:
            return worked
        day = self.day_of[n]
        start = self.day_before[day]
        return day + Fraction(worked - start, self.day_before[day + 1] - start)

    def instant(self, progress: int | Fraction, *, by_day: bool) -> int:
        """The first instant with that progress, which is over 0 and at most the whole; never early by rounding."""
        if by_day:
            day = ceil(progress) - 1
            start = self.day_before[day]
            progress = start + (progress - day) * (self.day_before[day + 1] - start)
        worked = ceil(progress)
        n = bisect_left(self.before, worked) - 1
        return self.begins[n] + worked - self.before[n]

    def is_inside(self, instant: int) -> bool:
        """Whether the instant lies in a working span; its end belongs to it no more."""
        n = bisect_right(self.begins, instant) - 1
        return n >= 0 and instant < self.ends[n]


@dataclass(frozen=True, slots=True)
class Timetable:
    """The working time of one area: its rows of hours in order, its special days by date, the city's time zone."""

    rows: tuple[Hours, ...]
    special: dict[date, SpecialDay]
    zone: ZoneInfo
    _years: dict[int, Year] = field(default_factory=dict, init=False, repr=False, compare=False)

    def day(self, day: date) -> WorkingDay:
        """What a date is. A make-up day has its weekday's hours, else those of the season's first row."""
        special = self.special.get(day)
        row = next((row for row in self.rows if row.holds(day)), None)
        if special is None:
            if row is not None and row.spans:
                return WorkingDay(row.spans, "工作时间 / working hours")
            n = day.weekday()
            return WorkingDay((), f"周{_WEEKDAYS_ZH[n]}休息 / {_WEEKDAYS_EN[n]} off")
        if special.kind is DayKind.WORKDAY:
            row = row or next((row for row in self.rows if row.in_season(day)), None)
            usual = row.spans if row else ()
            spans = usual if special.spans is None else special.spans
            return WorkingDay(spans, f"{special.name}上班 / working day: {special.name}")
        if row is not None and row.on_holidays:
            return WorkingDay(row.spans, f"{special.name}值守 / works on holiday: {special.name}")
        return WorkingDay((), f"{special.name}放假 / holiday: {special.name}")

    def year(self, number: int) -> Year:
        """That year, made on first use."""
        found = self._years.get(number)
        if found is None:
            found = self._years[number] = self._made(number)
        return found

    def spent(self, begin: int, end: int, *, by_day: bool) -> int | Fraction:
        """What is worked between two instants, the later one second."""
        one, other = self._year_of(begin), self._year_of(end)
        first = self.year(one)
        done = first.progress(begin, by_day=by_day)
        if one == other:
            return first.progress(end, by_day=by_day) - done
        between = sum(self.year(n).whole(by_day=by_day) for n in range(one, other))
        return between - done + self.year(other).progress(end, by_day=by_day)

    def after(self, instant: int, amount: int | Fraction, *, by_day: bool) -> int:
        """The first instant until which so much is worked from another one on; `amount` over 0."""
        number = self._year_of(instant)
        year = self.year(number)
        wanted = year.progress(instant, by_day=by_day) + amount
        while wanted > (whole := year.whole(by_day=by_day)):
            wanted -= whole
            number += 1
            year = self.year(number)
        return year.instant(wanted, by_day=by_day)

    def is_work_time(self, instant: int) -> bool:
        """Whether somebody works at that instant."""
        return self.year(self._year_of(instant)).is_inside(instant)

    def pieces(self, begin: int, end: int) -> Iterator[tuple[int, int, bool, date, str]]:
        """The days between two instants cut where work begins and ends: from, to, worked, date, why."""
        day = moment(begin).astimezone(self.zone).date()
        while (start := self._tick(day, 0)) < end:
            what = self.day(day)
            off = "非工作时间 / outside working hours" if what.spans else what.why
            here = start
            for opens, closes in self._ticks(day, what.spans):
                yield here, opens, False, day, off
                yield opens, closes, True, day, what.why
                here = closes
            yield here, self._tick(day, DAY_MINUTES), False, day, off
            day += DAY

    def _year_of(self, instant: int) -> int:
        return moment(instant).astimezone(self.zone).year

    def _made(self, number: int) -> Year:
        begins: list[int] = []
        ends: list[int] = []
        before: list[int] = []
        day_of: list[int] = []
        day_before = [0]
        worked = 0
        for n in range((date(number + 1, 1, 1) - date(number, 1, 1)).days):
            day = date(number, 1, 1) + n * DAY
            for opens, closes in self._ticks(day, self.day(day).spans):
                begins.append(opens)
                ends.append(closes)
                before.append(worked)
                day_of.append(len(day_before) - 1)
                worked += closes - opens
            if worked > day_before[-1]:
                day_before.append(worked)
        return Year(tuple(begins), tuple(ends), tuple(before), tuple(day_of), tuple(day_before))

    def _ticks(self, day: date, spans: Sequence[Minutes]) -> Iterator[tuple[int, int]]:
        """Working spans as instants; what a change of the clocks leaves nothing of, or lays over another, counts once."""
        done = self._tick(day, 0)
        for opens, closes in spans:
            begin, end = max(self._tick(day, opens), done), self._tick(day, closes)
            if begin < end:
                yield begin, end
                done = end

    def _tick(self, day: date, minute: int) -> int:
        if minute == DAY_MINUTES:
            day, minute = day + DAY, 0
        return tick(datetime.combine(day, time(minute // 60, minute % 60), self.zone))


def timetable(
    hours: Sequence[Hours], days: Sequence[SpecialDay], zone: ZoneInfo, area: str
) -> Timetable:
    """The timetable of an area: rows and special days of the longest prefix that fits it."""
    best = max(
        (p for row in hours for p in row.areas or ("",) if area.startswith(p)), key=len, default=""
    )
    rows = tuple(row for row in hours if best in (row.areas or ("",)))
    special: dict[date, SpecialDay] = {}
    fitting = ((len(p), one) for one in days for p in one.areas or ("",) if area.startswith(p))
    for _, one in sorted(fitting, key=lambda pair: pair[0]):
        special[one.date] = one
    return Timetable(rows, special, zone)


def tick(at: datetime) -> int:
    """An aware instant in microseconds since 1970."""
    return (at - EPOCH) // TICK


def moment(instant: int) -> datetime:
    """Microseconds since 1970 as an instant in UTC."""
    return EPOCH + instant * TICK
