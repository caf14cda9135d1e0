"""The body of a calendar edition as hours, days and stages, and back; refused whole, with row and reason.

`confirmed_until` is the city's word that holidays and make-up days are known that far (docs/deadlines.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from incidents.calendar import YELLOW, StageLimit, TimeLimit, WorkingCalendar
from incidents.clocks import Stage
from incidents.errors import DecisionRefused
from incidents.standards.rows import Faults, Row, rows_of
from incidents.working_time import DAY_MINUTES, DayKind, Hours, Minutes, Season, SpecialDay

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MEMBERS = ("hours", "days", "confirmed_until", "stages")
_SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
_SEASON = re.compile(r"(\d\d)-(\d\d)/(\d\d)-(\d\d)", re.ASCII)
_AREA = re.compile(r"[0-9A-Z]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CalendarTable:
    """What a city decided of its working time; a calendar as soon as the city's time zone is known."""

    hours: tuple[Hours, ...]
    days: tuple[SpecialDay, ...]
    confirmed_until: date | None
    stages: Mapping[str, StageLimit]

    def calendar(self, zone: ZoneInfo) -> WorkingCalendar:
        """The calendar in that time zone."""
        return WorkingCalendar(zone, self.hours, self.days, self.confirmed_until, self.stages)


def read_calendar(body: Mapping[str, Any]) -> CalendarTable:
    """The table of a body; DecisionRefused with every fault, row and reason."""
    faults = Faults()
    for member in body:
        if member not in MEMBERS:
            faults.add(member, f"不认识的成员 {member}", f"unknown member {member}")
    hours = [(row, _hours(row)) for row in rows_of(body, "hours", faults)]
    days = [(row, read_day(row)) for row in rows_of(body, "days", faults)]
    stages = [(row, _stage(row)) for row in rows_of(body, "stages", faults)]
    known = _date_of(body.get("confirmed_until"), "confirmed_until", faults)
    _check_hours(hours, faults)
    _once((row, (str(one.date), area)) for row, one in days if one for area in one.areas or ("",))
    _once((row, (stage,)) for row, (stage, _) in stages)
    found = tuple(one for _, one in days if one)
    _check_confirmed(known, found, faults)
    faults.refuse("calendar")
    in_order = tuple(sorted(found, key=lambda one: (one.date, one.areas)))
    return CalendarTable(
        tuple(row for _, row in hours), in_order, known, dict(s for _, s in stages)
    )


def write_calendar(table: CalendarTable) -> dict[str, Any]:
    """The body `read_calendar` reads back to the same table; members at their default are left out."""
    body: dict[str, Any] = {
        "hours": [_written_hours(row) for row in table.hours],
        "days": [written_day(one) for one in table.days],
        "stages": [_written_stage(stage, one) for stage, one in table.stages.items()],
    }
    if table.confirmed_until:
        body["confirmed_until"] = table.confirmed_until.isoformat()
    return body


def written_day(day: SpecialDay) -> dict[str, Any]:
    """One row of `days`."""
    row = {
        "date": day.date.isoformat(),
        "kind": str(day.kind),
        "name": day.name,
        "source": day.source,
        "areas": list(day.areas),
        "spans": None if day.spans is None else [_span_text(span) for span in day.spans],
    }
    return {member: value for member, value in row.items() if value not in (None, [])}


def _hours(row: Row) -> Hours:
    texts = row.texts("weekdays") if row.has("weekdays") else WEEKDAYS[:5]
    for text in texts:
        if text not in WEEKDAYS:
            row.wrong(
                f"weekdays 中没有 {text!r}，可用 {'、'.join(WEEKDAYS)}", f"no weekday {text!r}"
            )
    if not texts and row.sound:  # hours of no day: limits would never end
        row.wrong(
            "weekdays 至少一天；不写即周一至周五",
            "weekdays needs a day; left out: Monday to Friday",
        )
    spans = _spans(row)
    if not spans and row.sound:
        row.wrong("缺少 spans", "spans is missing")
    season = _season(row)
    hours = Hours(
        spans=spans,
        weekdays=frozenset(WEEKDAYS.index(t) + 1 for t in texts if t in WEEKDAYS),
        areas=_areas(row),
        season=season,
        on_holidays=row.flag("on_holidays"),
    )
    row.end()
    return hours


def _written_hours(hours: Hours) -> dict[str, Any]:
    written: dict[str, Any] = {
        "areas": list(hours.areas),
        "weekdays": [WEEKDAYS[n - 1] for n in sorted(hours.weekdays)],
        "spans": [_span_text(span) for span in hours.spans],
        "on_holidays": hours.on_holidays,
    }
    if hours.season:
        (a, b), (c, d) = hours.season.first, hours.season.last
        written["season"] = f"{a:02}-{b:02}/{c:02}-{d:02}"
    return {member: value for member, value in written.items() if value not in ([], False)}


def read_day(row: Row) -> SpecialDay | None:
    """One row of `days`; None when it is not sound, which its faults then say."""
    day = _date_of(row.text("date"), row.name, row.faults)
    kind, name, source = row.text("kind"), row.text("name"), row.text("source")
    if kind and kind not in set(DayKind):
        row.wrong(
            f"kind {kind!r} 应为 holiday 或 workday", f"kind {kind!r} is not holiday, workday"
        )
        kind = ""
    spans = _spans(row) if row.has("spans") else None
    if spans is not None and kind == DayKind.HOLIDAY:
        row.wrong(
            "放假日没有 spans；半天上班请写 workday",
            "a holiday has no spans; half a day is a workday",
        )
    areas = _areas(row)
    row.end()
    if day is None or not kind:
        return None
    return SpecialDay(day, DayKind(kind), name, source, areas, spans)


def _stage(row: Row) -> tuple[str, StageLimit]:
    stage = row.text("stage")
    if stage and stage not in set(Stage):
        row.wrong(f"没有阶段 {stage!r}，可用 {'、'.join(Stage)}", f"no stage {stage!r}")
    yellow = row.number("yellow", YELLOW)
    if not 0 < yellow <= 1:
        row.wrong("yellow 应大于 0、不大于 1", "yellow should be over 0 and at most 1")
    limit = _limit(row) if stage != Stage.HANDLING else None
    row.end()
    return stage, StageLimit(limit, yellow)


def _limit(row: Row) -> TimeLimit | None:
    """A stage's own limit; handling has none, since its limit comes with the category or the route."""
    amount, unit = row.number("amount"), row.text("unit")
    if not row.sound:
        return None
    try:
        return TimeLimit.of({"amount": amount, "unit": unit})
    except DecisionRefused as fault:
        row.wrong(fault.zh, fault.en)
        return None


def _written_stage(stage: str, one: StageLimit) -> dict[str, Any]:
    return {"stage": stage, "yellow": one.yellow, **(one.limit.as_json() if one.limit else {})}


def _areas(row: Row) -> tuple[str, ...]:
    areas = row.texts("areas")
    for area in areas:
        if not _AREA.fullmatch(area):
            row.wrong(
                f"区域 {area!r} 须为编码的开头", f"area {area!r} should be the beginning of a code"
            )
    return areas


def _spans(row: Row) -> tuple[Minutes, ...]:
    spans: list[Minutes] = []
    for text in row.texts("spans"):
        found = _SPAN.fullmatch(text)
        a, b, c, d = map(int, found.groups()) if found else (0, 0, 0, 0)
        opens, closes = a * 60 + b, c * 60 + d
        if not (opens < closes <= DAY_MINUTES and b < 60 and d < 60):
            row.wrong(
                f"spans 中 {text!r} 应形如 08:00-12:00，不过午夜",
                f"span {text!r} should look like 08:00-12:00, within one day",
            )
        elif spans and opens < spans[-1][1]:
            row.wrong(f"{text} 与前一段重叠", f"{text} begins before the one in front of it ends")
        else:
            spans.append((opens, closes))
    return tuple(spans)


def _span_text(span: Minutes) -> str:
    (a, b), (c, d) = divmod(span[0], 60), divmod(span[1], 60)
    return f"{a:02}:{b:02}-{c:02}:{d:02}"


def _season(row: Row) -> Season | None:
    if not row.has("season"):
        return None
    text = row.text("season")
    found = _SEASON.fullmatch(text)
    try:
        a, b, c, d = map(int, found.groups()) if found else (0, 0, 0, 0)
        first, last = date(2028, a, b), date(2028, c, d)  # a leap year: 02-29 may begin or end one
    except ValueError:
        row.wrong(
            f"season {text!r} 应形如 05-01/09-30", f"season {text!r} should look like 05-01/09-30"
        )
        return None
    return Season((first.month, first.day), (last.month, last.day))


def _date_of(given: object, name: str, faults: Faults) -> date | None:
    if given is None or given == "":
        return None
    try:
        found = date.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        found = None
    if found is None or not 1990 <= found.year <= 2200:
        faults.add(
            name,
            f"日期 {given!s} 应形如 2026-10-01，在 1990 与 2200 年之间",
            f"date {given!s} should look like 2026-10-01, between the years 1990 and 2200",
        )
        return None
    return found


def _check_hours(rows: list[tuple[Row, Hours]], faults: Faults) -> None:
    """Everywhere, and wherever hours differ, somebody must work the whole year round: else a limit never ends."""
    all_year = {area for _, hours in rows if not hours.season for area in hours.areas or ("",)}
    if "" not in all_year:
        faults.add(
            "hours",
            "须有一行不限区域、不限季节的工时",
            "one row without areas and without a season is needed",
        )
    for row, hours in rows:
        for area in hours.areas:
            if area not in all_year:
                row.wrong(
                    f"区域 {area} 须另有一行不限季节的工时",
                    f"area {area} needs a row without a season, too",
                )


def _check_confirmed(known: date | None, days: tuple[SpecialDay, ...], faults: Faults) -> None:
    """Nobody confirms a year of which not one holiday is written down."""
    years = {day.date.year for day in days if day.kind is DayKind.HOLIDAY}
    if known is not None and known.year not in years:
        faults.add(
            "confirmed_until",
            f"days 中没有 {known.year} 年的放假日，不能确认到 {known}",
            f"days has no holiday of {known.year}: it cannot be confirmed until {known}",
        )


def _once(rows: Iterable[tuple[Row, tuple[str, ...]]]) -> None:
    seen: dict[tuple[str, ...], str] = {}
    for row, what in rows:
        if what in seen:
            row.wrong(f"与 {seen[what]} 重复", f"says the same as {seen[what]}")
        seen.setdefault(what, row.name)
