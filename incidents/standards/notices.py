"""A year's holidays and make-up days as they are announced 放假调休通知: read from a package or a file, put into a calendar.

Reading confirms nothing: the `holidays` package answers a year nobody announced yet with the days fixed by law alone,
without a word. `confirmable` tells such a year by its lack of make-up days.
"""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import version
from typing import Any
from zoneinfo import ZoneInfo

from incidents.errors import DecisionRefused
from incidents.standards.calendar_table import CalendarTable, read_calendar, read_day, written_day
from incidents.standards.rows import Faults, Row
from incidents.working_time import DayKind, SpecialDay

_KINDS = {"放假": "holiday", "休": "holiday", "上班": "workday", "班": "workday", "调休": "workday"}
_COLUMNS = {"日期": "date", "至": "to", "类型": "kind", "名称": "name", "依据": "source"}
_LONGEST = timedelta(days=60)
BY_LAW = 13
"""Days off that the law gives everybody in a year (全国年节及纪念日放假办法, since 2025): a notice names no fewer."""


@dataclass(frozen=True, slots=True)
class Notice:
    """The special days of a year; a few of them may lie in the year before (a long 元旦)."""

    year: int
    days: tuple[SpecialDay, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A date whose entry differs: before and after, None where there is none; `turns`: it becomes a day of another kind."""

    date: date
    before: SpecialDay | None
    after: SpecialDay | None
    turns: bool

    @property
    def line(self) -> str:
        """For a terminal."""
        sign = "~" if self.before and self.after else "+" if self.after else "-"
        told = " → ".join(_told(one) for one in (self.before, self.after) if one)
        turned = "  ← 上班与否有变 / working or not changes" if self.turns else ""
        return f"{sign} {self.date} {told}{turned}"


def from_package(year: int, country: str = "CN") -> Notice:
    """What the `holidays` package knows of a year; DecisionRefused for a country it does not know."""
    import holidays  # a large package: only who imports a year pays for it

    language = "zh_CN" if country == "CN" else None
    try:
        found = holidays.country_holidays(country, years=year, language=language)
    except NotImplementedError as fault:
        raise DecisionRefused(
            zh=f"holidays 包没有国家 {country}", en=f"the holidays package has no {country}"
        ) from fault
    source = f"holidays {version('holidays')} ({country})"
    off = [SpecialDay(day, DayKind.HOLIDAY, name, source) for day, name in sorted(found.items())]
    # its set also holds make-up days of years nobody asked for
    worked = sorted(day for day in found.weekend_workdays if day.year == year)
    made_up = [SpecialDay(day, DayKind.WORKDAY, "调休", source) for day in worked]
    return Notice(year, tuple(sorted(off + made_up, key=lambda one: one.date)))


def from_file(name: str, data: bytes, year: int | None = None) -> Notice:
    """What a .csv, .json or .toml says: rows of date, optional to, kind, name, source; DecisionRefused with each row.

    Also the form of public holiday files, `{"year", "papers", "days": [{"name", "date", "isOffDay"}]}`.
    """
    faults = Faults()
    given, told_year, source = _rows(name, data)
    days = [
        day
        for place, row in given
        for n, one in enumerate(_each_day(row, source))
        if (day := read_day(Row(place if n == 0 else f"{place} +{n}", one, faults))) is not None
    ]
    faults.refuse(name)
    years = {day.date.year for day in days}
    year = year or told_year or (min(years) if len(years) == 1 else None)
    if year is None or year not in years:
        raise DecisionRefused(
            zh=f"{name} 是哪一年的安排？请用 --year 指明；文件中有 {_list(years)}",
            en=f"{name}: which year is it? Say --year; the file has {_list(years)}",
            faults=(),
        )
    return Notice(year, tuple(days))


def applied(
    body: Mapping[str, Any], notice: Notice, *, keep_others: bool = False
) -> dict[str, Any]:
    """The body with the notice's days. Of its year nothing of the whole city's stays but, if asked, other dates' rows.

    Rows of single areas stay, and so does what is not a day: `confirmed_until` is a person's word.
    """
    dates = {day.date for day in notice.days}
    stays = [
        row
        for row in body["days"]
        if row.get("areas")
        or not (row["date"] in {str(one) for one in dates} or _of(row, notice.year, keep_others))
    ]
    days = [*stays, *(written_day(day) for day in notice.days)]
    return {**body, "days": sorted(days, key=lambda row: (row["date"], row.get("areas") or []))}


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The dates of which two bodies say different things, in order; what holds in single areas apart."""
    old, new = read_calendar(before), read_calendar(after)
    worked, works = (table.calendar(ZoneInfo("UTC")).is_work_day for table in (old, new))
    had, has = _by_date(old), _by_date(new)
    return [
        Change(day, had.get(key), has.get(key), not key[1] and worked(day) != works(day))
        for key in sorted(had.keys() | has.keys())
        if had.get(key) != has.get(key)
        for day in (key[0],)
    ]


def working_days(body: Mapping[str, Any], year: int) -> int:
    """How many working days the whole city has in a year."""
    calendar = read_calendar(body).calendar(ZoneInfo("UTC"))
    first, length = date(year, 1, 1), (date(year + 1, 1, 1) - date(year, 1, 1)).days
    return sum(calendar.is_work_day(first + timedelta(days=n)) for n in range(length))


def days_off(body: Mapping[str, Any], year: int) -> int:
    """How many days off of the whole city are known of a year."""
    rows = (row for row in body["days"] if row["date"].startswith(f"{year}-"))
    return sum(row["kind"] == DayKind.HOLIDAY and not row.get("areas") for row in rows)


def confirmable(body: Mapping[str, Any], year: int) -> bool:
    """Whether the year has make-up days: every notice since 2006 has some, so without them it was not announced."""
    return any(
        row["kind"] == DayKind.WORKDAY and row["date"].startswith(f"{year}-")
        for row in body["days"]
    )


def _rows(
    name: str, data: bytes
) -> tuple[list[tuple[str, dict[str, Any]]], int | None, str | None]:
    """The rows with their places, the year and the source that the file itself names."""
    try:
        text = _text(data)
        if name.endswith(".csv"):
            return _csv(text), None, None
        given: Any = tomllib.loads(text) if name.endswith(".toml") else json.loads(text)
        days = given["days"] if isinstance(given, Mapping) else given
        rows = [(f"days[{n}]", dict(row)) for n, row in enumerate(days)]
    except (ValueError, TypeError, KeyError, csv.Error) as fault:
        raise DecisionRefused(
            zh=f"{name} 读不了（{fault}）；须为 .csv，或含 days 的 .json、.toml",
            en=f"{name} cannot be read ({fault}): a .csv, or a .json or .toml with days",
            faults=(),
        ) from fault
    head = given if isinstance(given, Mapping) else {}
    year, papers = head.get("year"), head.get("papers")
    source = "、".join(map(str, papers)) if isinstance(papers, Sequence) and papers else None
    return rows, year if isinstance(year, int) else None, source


def _text(data: bytes) -> str:
    """UTF-8, else what Excel writes on a Chinese Windows."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030")


def _csv(text: str) -> list[tuple[str, dict[str, Any]]]:
    lines = list(csv.reader(text.splitlines()))
    if not lines:
        return []
    head = [_COLUMNS.get(cell.strip(), cell.strip()) for cell in lines[0]]
    if not {"date", "kind", "name"} <= set(head):
        raise ValueError("第一行应为 the first line should be: date,to,kind,name,source")
    return [
        (
            f"第 {n} 行 line {n}",
            {k: v.strip() for k, v in zip(head, row, strict=False) if v.strip()},
        )
        for n, row in enumerate(lines[1:], start=2)
        if any(cell.strip() for cell in row)
    ]


def _each_day(row: Mapping[str, Any], source: str | None) -> Iterator[dict[str, Any]]:
    """The row once for every date from `date` to `to`, in the words of a body."""
    one = dict(row)
    if "isOffDay" in one:
        one["kind"] = "holiday" if one.pop("isOffDay") else "workday"
    if isinstance(kind := one.get("kind"), str):
        one["kind"] = _KINDS.get(kind, kind)
    if source and not one.get("source"):
        one["source"] = source
    first, last = _date(one.get("date")), _date(one.get("to"))
    if first is None or last is None or not first <= last <= first + _LONGEST:
        yield one  # a `to` that makes no sense stays, and is refused as a member nobody knows
        return
    del one["to"]
    for n in range((last - first).days + 1):
        yield {**one, "date": str(first + timedelta(days=n))}


def _date(given: object) -> date | None:
    try:
        return date.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        return None


def _of(row: Mapping[str, Any], year: int, keep_others: bool) -> bool:
    return not keep_others and str(row["date"]).startswith(f"{year}-")


def _by_date(table: CalendarTable) -> dict[tuple[date, tuple[str, ...]], SpecialDay]:
    return {(day.date, day.areas): day for day in table.days}


def _told(day: SpecialDay) -> str:
    word = "放假 off" if day.kind is DayKind.HOLIDAY else "上班 works"
    where = f" [{_list(day.areas)}]" if day.areas else ""
    return f"{word} {day.name}{where}（{day.source}）"


def _list(some: Iterable[object]) -> str:
    return "、".join(map(str, sorted(some, key=str))) or "无 none"
