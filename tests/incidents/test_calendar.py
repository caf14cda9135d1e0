"""The working calendar by hand: dates of the State Council's notices, and deadlines anybody can count on a wall calendar."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from incidents.calendar import USUAL_HOURS, Deadline, TimeLimit, Unit, Used, WorkingCalendar
from incidents.errors import DecisionRefused
from incidents.working_time import DayKind, Hours, Season, SpecialDay, tick
from tests.incidents.calendars import MARKET, SCENIC, SHANGHAI, here, the_seed

ALL_WEEK = frozenset(range(1, 8))
NINE_TO_FIVE = ((540, 1020),)
HALF = ((480, 720),)


def due(
    at: str, limit: str, area: str | None = None, calendar: WorkingCalendar | None = None
) -> str:
    """`due("2026-11-24 10:00", "4 work_hour")` in Shanghai's time."""
    amount, unit = limit.split()
    found = (calendar or the_seed()).add(here(at), TimeLimit(float(amount), Unit(unit)), area)
    return f"{found.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def a_city(*hours: Hours, days: tuple[SpecialDay, ...] = ()) -> WorkingCalendar:
    return WorkingCalendar(SHANGHAI, (*hours, *USUAL_HOURS), days, date(2026, 12, 31))


@pytest.mark.parametrize(
    ("at", "limit", "end"),
    [
        ("2026-11-24 10:00", "4 work_hour", "2026-11-24 16:00"),  # over the lunch break
        ("2026-11-24 10:00", "2 work_hour", "2026-11-24 12:00"),  # at its beginning, not its end
        ("2026-11-24 12:30", "1 work_hour", "2026-11-24 15:00"),  # nobody works at lunch
        ("2026-11-27 16:30", "4 work_hour", "2026-11-30 10:30"),  # over a weekend
        ("2026-11-28 03:00", "2 work_hour", "2026-11-30 10:00"),  # reported on Saturday night
        ("2026-11-24 20:00", "8 work_hour", "2026-11-25 18:00"),
        ("2026-11-24 10:00", "1 work_day", "2026-11-25 10:00"),
        ("2026-11-24 20:00", "1 work_day", "2026-11-25 18:00"),  # the whole of the next one
        ("2026-11-24 10:00", "5 work_day", "2026-12-01 10:00"),
        ("2026-11-24 10:00", "0.5 work_day", "2026-11-24 16:00"),
        ("2026-11-28 10:00", "1 work_day", "2026-11-30 18:00"),
        ("2026-11-27 23:00", "2 urgent_hour", "2026-11-28 01:00"),  # runs through the night
        ("2026-11-27 17:50", "0.25 urgent_hour", "2026-11-27 18:05"),
        ("2026-11-27 10:00", "3 day", "2026-11-30 10:00"),
    ],
)
def test_each_unit_counts_as_on_a_wall_calendar(at: str, limit: str, end: str) -> None:
    assert due(at, limit) == end


@pytest.mark.parametrize(
    ("at", "limit", "end"),
    [
        # 春节 2026: off from Sunday 15 to Monday 23 February; Saturdays 14 and 28 work
        ("2026-02-13 10:00", "1 work_day", "2026-02-14 10:00"),
        ("2026-02-13 10:00", "5 work_day", "2026-02-27 10:00"),
        ("2026-02-13 10:00", "6 work_day", "2026-02-28 10:00"),
        ("2026-02-14 16:30", "4 work_hour", "2026-02-24 10:30"),
        ("2026-02-17 00:30", "2 urgent_hour", "2026-02-17 02:30"),
        ("2026-02-14 12:00", "9 day", "2026-02-23 12:00"),
        # 国庆 2026: off from 1 to 7 October, Saturday the 10th works
        ("2026-09-30 15:00", "1 work_day", "2026-10-08 15:00"),
        ("2026-10-09 17:00", "2 work_hour", "2026-10-10 09:00"),
        # 元旦: Sunday 4 January 2026 works
        ("2025-12-31 17:00", "2 work_hour", "2026-01-04 09:00"),
    ],
)
def test_holidays_and_make_up_days_of_2026_are_obeyed(at: str, limit: str, end: str) -> None:
    assert due(at, limit) == end


def test_the_days_off_of_2026_are_those_of_the_notice() -> None:
    """国务院办公厅关于2026年部分节假日安排的通知: 7 holidays with 33 days, 6 make-up days, hence 248 working days."""
    days = [day for day in the_seed().days if day.date.year == 2026]
    off = Counter(day.name for day in days if day.kind is DayKind.HOLIDAY)
    assert off == {
        "元旦": 3,
        "春节": 9,
        "清明节": 3,
        "劳动节": 5,
        "端午节": 3,
        "中秋节": 3,
        "国庆节": 7,
    }
    worked = [f"{day.date:%m-%d}" for day in days if day.kind is DayKind.WORKDAY]
    assert worked == ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"]
    assert the_seed().confirmed_until == date(2026, 12, 31)
    first = date(2026, 1, 1)
    assert sum(the_seed().is_work_day(first + timedelta(n)) for n in range(365)) == 248


def test_over_the_end_of_what_is_confirmed_a_deadline_is_provisional() -> None:
    limit = TimeLimit(4, Unit.WORK_HOUR)
    found = the_seed().add(here("2026-12-31 16:00"), limit)
    assert found == Deadline(here("2027-01-04 10:00"), provisional=True)
    assert not the_seed().add(here("2026-12-31 08:00"), limit).provisional
    for always in (Unit.URGENT_HOUR, Unit.DAY):
        assert not the_seed().add(here("2026-12-31 16:00"), TimeLimit(30, always)).provisional


def test_a_deadline_at_the_closing_of_the_year_is_in_that_year() -> None:
    assert due("2026-12-31 14:00", "4 work_hour") == "2026-12-31 18:00"
    assert due("2026-12-31 07:00", "1 work_day") == "2026-12-31 18:00"
    assert due("2026-01-01 00:00", "248 work_day") == "2026-12-31 18:00"


def test_a_limit_over_the_leap_day_counts_it() -> None:
    assert due("2028-02-28 10:00", "1 work_day") == "2028-02-29 10:00"
    assert due("2028-02-28 10:00", "2 work_day") == "2028-03-01 10:00"
    assert due("2028-02-28 10:00", "2 day") == "2028-03-01 10:00"
    assert due("2027-02-26 10:00", "1 work_day") == "2027-03-01 10:00"


def test_an_area_that_works_on_weekends_and_holidays_has_its_own_deadlines() -> None:
    city = a_city(Hours(NINE_TO_FIVE, ALL_WEEK, (SCENIC,), on_holidays=True), days=the_seed().days)
    assert due("2026-11-27 16:00", "2 work_hour", SCENIC, city) == "2026-11-28 10:00"
    assert due("2026-11-27 16:00", "2 work_hour", SCENIC + "001", city) == "2026-11-28 10:00"
    assert due("2026-11-27 16:00", "2 work_hour", "990102001", city) == "2026-11-27 18:00"
    assert due("2026-10-01 09:00", "1 work_day", SCENIC, city) == "2026-10-01 17:00"
    assert due("2026-10-01 09:00", "1 work_day", None, city) == "2026-10-08 18:00"


def test_the_longest_prefix_holds_and_not_the_first_row() -> None:
    city = a_city(
        Hours(NINE_TO_FIVE, areas=("9901",)), Hours(HALF, ALL_WEEK, areas=(MARKET[:6], MARKET))
    )
    assert due("2026-11-24 08:00", "1 work_hour", MARKET + "1", city) == "2026-11-24 09:00"
    assert due("2026-11-24 08:00", "1 work_hour", "990199", city) == "2026-11-24 10:00"


def test_a_half_saturday_is_a_working_day_of_four_hours() -> None:
    city = a_city(Hours(HALF, frozenset({6})))
    assert due("2026-11-27 16:00", "4 work_hour", None, city) == "2026-11-28 10:00"
    # at 14:00 half of Friday's eight hours passed; one day on is half of Saturday's four
    assert due("2026-11-27 14:00", "1 work_day", None, city) == "2026-11-28 10:00"
    assert due("2026-11-28 10:00", "1 work_day", None, city) == "2026-11-30 12:00"


def test_a_city_may_give_one_date_hours_of_its_own() -> None:
    day = SpecialDay(date(2026, 12, 24), DayKind.WORKDAY, "大风停工半天", "市政府通告", (), HALF)
    only_there = SpecialDay(date(2026, 12, 25), DayKind.HOLIDAY, "庙会", "街道通告", (MARKET,))
    city = a_city(days=(day, only_there))
    assert due("2026-12-24 08:00", "6 work_hour", None, city) == "2026-12-25 10:00"
    assert due("2026-12-24 08:00", "6 work_hour", MARKET, city) == "2026-12-28 10:00"


def test_summer_hours_begin_and_end_on_their_days_every_year() -> None:
    summer = Hours(((480, 720), (870, 1110)), season=Season((5, 1), (9, 30)))
    city = a_city(summer)
    assert due("2026-04-30 13:00", "1 work_hour", None, city) == "2026-04-30 15:00"
    assert due("2027-06-30 13:00", "1 work_hour", None, city) == "2027-06-30 15:30"
    winter = a_city(Hours(NINE_TO_FIVE, season=Season((11, 15), (3, 15))))
    assert due("2027-01-05 08:00", "1 work_hour", None, winter) == "2027-01-05 10:00"
    assert due("2027-04-06 08:00", "1 work_hour", None, winter) == "2027-04-06 09:00"


def test_where_clocks_are_changed_working_time_is_the_time_that_passes() -> None:
    always = WorkingCalendar(ZoneInfo("America/New_York"), (Hours(((0, 1440),), ALL_WEEK),))
    night = datetime(2026, 3, 8, 5, 0, tzinfo=UTC)  # midnight; at 02:00 the clocks go to 03:00
    used = always.used(night, night + timedelta(hours=23), Unit.WORK_DAY)
    assert used == Used(Fraction(1), Fraction(23 * 3600))


def test_what_a_change_of_the_clocks_lays_over_each_other_counts_once() -> None:
    """02:05 is 03:05 on the day that has no hour from 02:00: two spans would share five minutes."""
    night = WorkingCalendar(
        ZoneInfo("America/New_York"), (Hours(((0, 125), (180, 185)), ALL_WEEK),)
    )
    midnight = datetime(2027, 3, 14, 5, 0, tzinfo=UTC)
    end = midnight + timedelta(hours=6)
    used = night.used(midnight, end, Unit.WORK_HOUR)
    assert used.seconds == 2 * 3600 + 300
    counted = [one for one in night.segments(midnight, end, Unit.WORK_HOUR) if one.counted]
    assert sum((one.end - one.begin for one in counted), timedelta()) == timedelta(minutes=125)


def test_working_hours_and_working_days_can_be_asked_of_an_instant_and_a_date() -> None:
    city = the_seed()
    assert city.is_work_time(here("2026-11-24 08:00"))
    assert not city.is_work_time(here("2026-11-24 12:00"))
    assert not city.is_work_time(here("2026-11-28 09:00"))
    assert city.is_work_time(here("2026-02-28 09:00"))
    assert city.is_work_day(date(2026, 2, 28))
    assert not city.is_work_day(date(2026, 2, 16))


def test_segments_say_why_nobody_counted() -> None:
    told = the_seed().segments(here("2026-09-30 17:00"), here("2026-10-08 09:00"), Unit.WORK_HOUR)
    assert [one.why.partition(" / ")[0] for one in told] == [
        "工作时间",
        "非工作时间",
        "国庆节放假",
        "非工作时间",
        "工作时间",
    ]
    assert [one.used.amount for one in told if one.counted] == [1, 1]
    [sure, *_, unsure] = the_seed().segments(
        here("2026-12-31 17:00"), here("2027-01-04 09:00"), Unit.WORK_DAY
    )
    assert "未确认" not in sure.why
    assert "未确认" in unsure.why
    [always] = the_seed().segments(here("2026-12-31 17:00"), here("2027-01-04 09:00"), Unit.DAY)
    assert (always.counted, always.used.amount) == (True, Fraction(88, 24))


def test_a_limit_says_itself_in_both_languages_and_as_json() -> None:
    limit = TimeLimit(4, Unit.WORK_HOUR)
    assert (limit.zh, limit.en) == ("4 工作时", "4 working hours")
    assert TimeLimit(0.25, Unit.URGENT_HOUR).zh == "0.25 紧急工作时"
    assert TimeLimit(1, Unit.WORK_DAY).en == "1 working day"
    assert limit.as_json() == {"amount": 4, "unit": "work_hour"}
    assert TimeLimit.of(limit.as_json()) == limit


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {"amount": 4},
        {"amount": 4, "unit": "fortnight"},
        {"amount": 0, "unit": "day"},
        {"amount": -1, "unit": "day"},
        {"amount": float("nan"), "unit": "day"},
        {"amount": float("inf"), "unit": "day"},
        {"amount": 10_001, "unit": "day"},
        {"amount": "4", "unit": "day"},
        {"amount": True, "unit": "day"},
        {"amount": 4, "unit": "day", "x": 1},
        {"amount": 4, "unit": ["day"]},
    ],
)
def test_what_is_no_limit_is_refused(given: object) -> None:
    with pytest.raises(DecisionRefused):
        TimeLimit.of(given)


def test_a_time_without_zone_is_no_instant() -> None:
    with pytest.raises(TypeError):
        the_seed().add(datetime(2026, 1, 1), TimeLimit(1, Unit.DAY))  # noqa: DTZ001


def test_areas_that_make_no_difference_share_one_timetable() -> None:
    city = a_city(Hours(HALF, areas=(MARKET,)))
    numbers = random.Random(4)
    for _ in range(50):
        city.add(
            here("2026-11-24 10:00"),
            TimeLimit(1, Unit.WORK_DAY),
            f"99{numbers.randrange(10**12):012}",
        )
    assert len(city._tables) <= 2


def test_instants_are_counted_in_whole_microseconds() -> None:
    assert tick(datetime(1970, 1, 1, 0, 0, 1, 7, tzinfo=UTC)) == 1_000_007


def test_the_seed_s_stages_are_those_of_the_city_we_learned_from() -> None:
    stages = the_seed().stages
    told = {name: one.limit.zh if one.limit else None for name, one in stages.items()}
    assert told == {
        "acceptance": "0.25 紧急工作时",
        "confirmation": "0.5 紧急工作时",
        "dispatch": "0.25 紧急工作时",
        "department_acceptance": "0.5 紧急工作时",
        "handling": None,
        "verification": "0.5 紧急工作时",
    }
