"""A calendar's body is refused whole, with row and reason; notices are read from a package and from files; who must act is told."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.calendar import StageLimit, TimeLimit, Unit
from incidents.calendar_outlook import Urgency, outlook
from incidents.errors import DecisionRefused
from incidents.standards import notices, seeds, tables
from incidents.standards.calendar_table import CalendarTable, read_calendar, write_calendar
from incidents.working_time import DayKind, SpecialDay
from tests.incidents.calendars import calendars, here, the_seed

HOURS = {"weekdays": ["mon"], "spans": ["08:00-12:00"]}
DAY = {"date": "2026-10-01", "kind": "holiday", "name": "国庆节", "source": "某通知"}
STAGE = {"stage": "dispatch", "amount": 1, "unit": "work_hour"}


def a_body(**changes: Any) -> dict[str, Any]:
    return {"hours": [HOURS], "days": [DAY], "stages": [STAGE], **changes}


def faults_of(body: object) -> list[tuple[str, str]]:
    with pytest.raises(DecisionRefused) as refused:
        tables.read("calendar", body)
    return list(refused.value.facts["faults"])


@pytest.mark.parametrize(
    ("body", "row", "reason"),
    [
        (a_body(hours=[]), "hours", "one row without areas"),
        (a_body(hours=[{**HOURS, "season": "05-01/09-30"}]), "hours", "one row without areas"),
        (a_body(hours=[HOURS, {**HOURS, "areas": ["99"], "season": "05-01/09-30"}]), "hours[1]", "needs a row without a season"),
        (a_body(hours=[{"weekdays": ["mon"]}]), "hours[0]", "spans is missing"),
        (a_body(hours=[{**HOURS, "weekdays": ["monday"]}]), "hours[0]", "no weekday"),
        (a_body(hours=[{**HOURS, "weekdays": []}]), "hours[0]", "needs a day"),
        (a_body(hours=[{**HOURS, "spans": ["8:00-12:00"]}]), "hours[0]", "should look like"),
        (a_body(hours=[{**HOURS, "spans": ["12:00-08:00"]}]), "hours[0]", "within one day"),
        (a_body(hours=[{**HOURS, "spans": ["08:00-24:30"]}]), "hours[0]", "within one day"),
        (a_body(hours=[{**HOURS, "spans": ["08:00-12:60"]}]), "hours[0]", "should look like"),
        (a_body(hours=[{**HOURS, "spans": ["08:00-12:00", "11:00-13:00"]}]), "hours[0]", "begins before"),
        (a_body(hours=[{**HOURS, "season": "02-30/03-01"}]), "hours[0]", "season"),
        (a_body(hours=[{**HOURS, "areas": ["朝阳区"]}]), "hours[0]", "beginning of a code"),
        (a_body(hours=[{**HOURS, "on_holidays": "yes"}]), "hours[0]", "true or false"),
        (a_body(hours=[{**HOURS, "houers": 1}]), "hours[0]", "unknown member houers"),
        (a_body(days=[{**DAY, "date": "2026-02-30"}]), "days[0]", "date 2026-02-30"),
        (a_body(days=[{**DAY, "date": "0026-02-03"}]), "days[0]", "date 0026-02-03"),
        (a_body(days=[{**DAY, "date": 20261001}]), "days[0]", "date should be a text"),
        (a_body(days=[{**DAY, "kind": "off"}]), "days[0]", "not holiday, workday"),
        (a_body(days=[{**DAY, "source": None}]), "days[0]", "source is missing"),
        (a_body(days=[{**DAY, "spans": ["08:00-12:00"]}]), "days[0]", "half a day is a workday"),
        (a_body(days=[DAY, DAY]), "days[1]", "says the same as"),
        (a_body(days=[{**DAY, "areas": ["99"]}, {**DAY, "areas": ["98", "99"]}]), "days[1]", "says the same as"),
        (a_body(stages=[{"stage": "lunch", "amount": 1, "unit": "day"}]), "stages[0]", "no stage"),
        (a_body(stages=[{**STAGE, "unit": "hour"}]), "stages[0]", "no unit"),
        (a_body(stages=[{**STAGE, "amount": 0}]), "stages[0]", "over 0"),
        (a_body(stages=[{**STAGE, "yellow": 1.2}]), "stages[0]", "yellow"),
        (a_body(stages=[STAGE, STAGE]), "stages[1]", "says the same as"),
        (a_body(stages=[{"stage": "handling", "amount": 1, "unit": "day"}]), "stages[0]", "unknown member amount"),
        (a_body(confirmed_until="2027-12-31"), "confirmed_until", "no holiday of 2027"),
        (a_body(confirmed_until="soon"), "confirmed_until", "should look like"),
        (a_body(confirmed="2026-12-31"), "confirmed", "unknown member"),
        (a_body(days="none"), "days", "the list days is missing"),
    ],
)  # fmt: skip
def test_an_unsound_calendar_is_refused_with_row_and_reason(
    body: dict[str, Any], row: str, reason: str
) -> None:
    (found, why), *_ = faults_of(body)
    assert found == row
    assert reason in why
    zh, _, en = why.partition(" / ")
    assert zh
    assert en


def test_all_faults_of_a_calendar_are_said_at_once() -> None:
    body = a_body(
        hours=[{**HOURS, "spans": ["x"]}],
        days=[{**DAY, "kind": "x"}],
        stages=[{**STAGE, "unit": "x"}],
    )
    assert [row for row, _ in faults_of(body)] == ["hours[0]", "days[0]", "stages[0]"]


@given(calendars(), st.sampled_from(Unit))
def test_any_calendar_comes_back_from_its_body(calendar: Any, unit: Unit) -> None:
    days = tuple(sorted(calendar.days, key=lambda one: (one.date, one.areas)))
    stages = {
        "dispatch": StageLimit(TimeLimit(0.25, unit), 0.75),
        "handling": StageLimit(None, 0.9),
    }
    marked = SpecialDay(date(2028, 12, 31), DayKind.HOLIDAY, "跨年", "某通知", ("1",))
    table = CalendarTable(calendar.hours, (*days, marked), date(2028, 6, 1), stages)
    assert read_calendar(json.loads(json.dumps(write_calendar(table)))) == table


# ── notices ──────────────────────────────────────────────────────────────────────────────────────────────────────────

# What the State Council announced, as published: days off from … to …, weekend days that work.
ANNOUNCED: dict[int, tuple[list[tuple[str, str]], list[str]]] = {
    2023: (
        [("01-01", "01-02"), ("01-21", "01-27"), ("04-05", "04-05"), ("04-29", "05-03"), ("06-22", "06-24"), ("09-29", "10-06")],
        ["01-28", "01-29", "04-23", "05-06", "06-25", "10-07", "10-08"],
    ),
    2024: (
        [("01-01", "01-01"), ("02-10", "02-17"), ("04-04", "04-06"), ("05-01", "05-05"), ("06-10", "06-10"), ("09-15", "09-17"), ("10-01", "10-07")],
        ["02-04", "02-18", "04-07", "04-28", "05-11", "09-14", "09-29", "10-12"],
    ),
    2025: (
        [("01-01", "01-01"), ("01-28", "02-04"), ("04-04", "04-06"), ("05-01", "05-05"), ("05-31", "06-02"), ("10-01", "10-08")],
        ["01-26", "02-08", "04-27", "09-28", "10-11"],
    ),
    2026: (
        [("01-01", "01-03"), ("02-15", "02-23"), ("04-04", "04-06"), ("05-01", "05-05"), ("06-19", "06-21"), ("09-25", "09-27"), ("10-01", "10-07")],
        ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("year", ANNOUNCED)
def test_what_the_package_knows_of_a_year_is_what_was_announced(year: int) -> None:
    body = notices.applied({**seeds.calendar(), "days": []}, notices.from_package(year))
    body.pop("confirmed_until")
    calendar = read_calendar(body).calendar(ZoneInfo("Asia/Shanghai"))
    off, worked = ANNOUNCED[year]
    spans = [(date.fromisoformat(f"{year}-{a}"), date.fromisoformat(f"{year}-{b}")) for a, b in off]
    day = date(year, 1, 1)
    while day.year == year:
        expected = day.weekday() < 5 or f"{day:%m-%d}" in worked
        expected = expected and not any(a <= day <= b for a, b in spans)
        assert calendar.is_work_day(day) == expected, day
        day += timedelta(days=1)
    assert notices.confirmable(body, year)


def test_the_seed_s_2026_and_the_package_s_have_the_same_working_days() -> None:
    body = seeds.calendar()
    changed = notices.difference(body, notices.applied(body, notices.from_package(2026)))
    assert changed
    assert not any(one.turns for one in changed)


def test_a_year_nobody_announced_is_not_confirmable() -> None:
    body = notices.applied(seeds.calendar(), notices.from_package(2027))
    assert not notices.confirmable(body, 2027)
    assert notices.confirmable(body, 2026)


def test_days_off_of_a_year_are_counted_for_the_whole_city() -> None:
    body = notices.applied(seeds.calendar(), notices.from_package(2027))
    assert notices.days_off(body, 2027) >= notices.BY_LAW
    own = {
        "date": "2028-01-03",
        "kind": "holiday",
        "name": "庙会",
        "source": "街道",
        "areas": ["990104"],
    }
    all_ = {"date": "2028-01-01", "kind": "holiday", "name": "元旦", "source": "法定"}
    assert notices.days_off({**body, "days": [own, all_]}, 2028) == 1


def test_importing_a_year_leaves_other_years_areas_and_the_confirmation_alone() -> None:
    local = {**DAY, "date": "2026-11-11", "areas": ["990103"]}
    own = {**DAY, "date": "2026-11-12", "name": "大风停工"}
    body = seeds.calendar()
    body["days"] += [local, own]
    before = copy.deepcopy(body)
    again = notices.applied(body, notices.from_package(2026))
    assert body == before
    assert local in again["days"]
    assert own not in again["days"]
    assert [d for d in again["days"] if d["date"] > "2027"] == [
        d for d in body["days"] if d["date"] > "2027"
    ]
    assert again["confirmed_until"] == body["confirmed_until"]
    kept = notices.applied(body, notices.from_package(2026), keep_others=True)
    assert own in kept["days"]
    assert {one.date for one in notices.difference(body, again) if one.turns} == {
        date(2026, 11, 12)
    }


def test_a_public_holiday_file_is_read_days_of_the_year_before_included() -> None:
    given = {
        "year": 2027,
        "papers": ["https://example.org/notice"],
        "days": [
            {"name": "元旦", "date": "2026-12-31", "isOffDay": True},
            {"name": "元旦", "date": "2027-01-01", "isOffDay": True},
            {"name": "元旦", "date": "2027-01-03", "isOffDay": False},
        ],
    }
    notice = notices.from_file("2027.json", json.dumps(given).encode())
    assert notice.year == 2027
    assert [day.kind for day in notice.days] == ["holiday", "holiday", "workday"]
    assert {day.source for day in notice.days} == {"https://example.org/notice"}
    body = notices.applied(seeds.calendar(), notice)
    assert sum(row["date"].startswith("2026") for row in body["days"]) == 40


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_table_of_ranges_is_read_as_excel_saves_it(encoding: str) -> None:
    text = "日期,至,类型,名称,依据\n2027-02-05,2027-02-07,放假,春节,某通知\n\n2027-02-13,,上班,调休,某通知\n"
    notice = notices.from_file("x.csv", text.encode(encoding))
    told = [(f"{day.date:%m-%d}", str(day.kind), day.name) for day in notice.days]
    assert told == [
        ("02-05", "holiday", "春节"),
        ("02-06", "holiday", "春节"),
        ("02-07", "holiday", "春节"),
        ("02-13", "workday", "调休"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("x.json", "{", "cannot be read"),
        ("x.json", "3", "cannot be read"),
        ("x.json", '{"days": [1]}', "cannot be read"),
        ("x.toml", "days =", "cannot be read"),
        ("x.csv", "a,b\n1,2\n", "cannot be read"),
        ("x.csv", "", "which year"),
        ("x.csv", "date,kind,name,source\n", "which year"),
        (
            "x.csv",
            "date,kind,name,source\n2027-01-01,放假,a,b\n2026-01-01,放假,a,b\n",
            "which year",
        ),
        (
            "x.csv",
            "date,to,kind,name,source\n2027-01-05,2027-01-01,放假,a,b\n",
            "unknown member to",
        ),
        (
            "x.csv",
            "date,to,kind,name,source\n2027-01-05,2029-01-01,放假,a,b\n",
            "unknown member to",
        ),
    ],
)
def test_a_file_that_is_no_notice_is_refused(name: str, text: str, reason: str) -> None:
    with pytest.raises(DecisionRefused, match=reason):
        notices.from_file(name, text.encode())


@given(st.binary(max_size=60), st.sampled_from(["x.csv", "x.json", "x.toml"]))
def test_no_bytes_at_all_crash_the_reader_of_notices(data: bytes, name: str) -> None:
    with pytest.raises(DecisionRefused):
        notices.from_file(name, data)


# ── outlook ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("now", "urgency", "missing"),
    [
        ("2026-06-01 12:00", Urgency.GOOD, ()),
        ("2026-10-31 23:59", Urgency.GOOD, ()),
        ("2026-11-01 00:00", Urgency.SOON, (2027,)),
        ("2026-12-31 23:59", Urgency.SOON, (2027,)),
        ("2027-01-01 00:00", Urgency.OVER, (2027,)),
        ("2027-11-02 00:00", Urgency.OVER, (2027, 2028)),
    ],
)
def test_from_november_on_next_year_is_asked_for(
    now: str, urgency: Urgency, missing: tuple[int, ...]
) -> None:
    found = outlook(the_seed(), here(now))
    assert (found.urgency, found.missing) == (urgency, missing)
    assert "2026-12-31" in found.zh
    assert "2026-12-31" in found.en
    for year in missing:
        assert str(year) in found.zh


def test_a_calendar_nobody_confirmed_says_so_at_once() -> None:
    table = read_calendar(a_body())
    found = outlook(table.calendar(ZoneInfo("Asia/Shanghai")), here("2026-03-01 12:00"))
    assert (found.urgency, found.missing) == (Urgency.OVER, (2026,))
    assert "尚未确认" in found.zh


def test_the_city_s_day_and_not_greenwich_s_decides() -> None:
    known = the_seed()
    just_before = datetime.fromisoformat("2026-12-31T15:59:59+00:00")
    assert outlook(known, just_before).urgency is Urgency.SOON
    assert outlook(known, just_before + timedelta(seconds=1)).urgency is Urgency.OVER


# ── the document ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _block(language: str) -> str:
    text = (Path(__file__).parents[2] / "docs" / "deadlines.md").read_text(encoding="utf-8")
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


def test_the_calendar_written_in_the_document_is_sound() -> None:
    table = read_calendar({**tomllib.loads(_block("toml"))})
    scenic = table.calendar(ZoneInfo("Asia/Shanghai"))
    assert scenic.is_work_day(date(2026, 10, 1), "990103001")
    assert not scenic.is_work_day(date(2026, 10, 1), "990104001")
    assert scenic.is_work_time(here("2026-07-01 18:00"))
    assert not scenic.is_work_time(here("2026-12-24 15:00"), "990104001002")


def test_the_notice_written_in_the_document_is_read() -> None:
    notice = notices.from_file("2027.csv", _block("csv").encode("gb18030"))
    assert (notice.year, len(notice.days)) == (2027, 4)
