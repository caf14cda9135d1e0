"""What must hold of any calendar: adding and measuring undo each other, and a deadline falls when somebody works."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.calendar import TimeLimit, Unit, Used, WorkingCalendar
from tests.incidents.calendars import (
    AREAS,
    calendars,
    instants,
    limits,
    plainly_worked,
    works_at,
)

MICROSECOND = timedelta(microseconds=1)
areas = st.sampled_from(AREAS)


@settings(max_examples=300)
@given(calendars(), instants(), limits(), areas)
def test_a_limit_added_and_measured_is_the_limit_again(
    calendar: WorkingCalendar, at: datetime, limit: TimeLimit, area: str
) -> None:
    due = calendar.add(at, limit, area).at
    used = calendar.used(at, due, limit.unit, area)
    if limit.unit is not Unit.WORK_DAY:
        assert used.amount == limit.exact
        return
    # days of different length share no smallest part: the deadline is the first whole microsecond
    assert used.amount >= limit.exact
    assert calendar.used(at, due - MICROSECOND, limit.unit, area).amount < limit.exact


@settings(max_examples=200)
@given(calendars(), instants(), limits(), areas)
def test_a_deadline_never_falls_when_nobody_works_unless_the_limit_runs_always(
    calendar: WorkingCalendar, at: datetime, limit: TimeLimit, area: str
) -> None:
    due = calendar.add(at, limit, area).at
    if limit.unit.works:
        assert works_at(calendar, due, area)
    else:
        hours = limit.exact * (24 if limit.unit is Unit.DAY else 1)
        assert due - at == timedelta(hours=1) * float(hours)


@settings(max_examples=200)
@given(calendars(), instants(), st.timedeltas(timedelta(0), timedelta(days=90)), areas)
def test_working_time_by_running_sums_is_what_counting_day_by_day_finds(
    calendar: WorkingCalendar, at: datetime, while_: timedelta, area: str
) -> None:
    worked, days = plainly_worked(calendar, at, at + while_, area)
    seconds = Fraction(worked // MICROSECOND, 1_000_000)
    in_hours = calendar.used(at, at + while_, Unit.WORK_HOUR, area)
    in_days = calendar.used(at, at + while_, Unit.WORK_DAY, area)
    assert in_hours == Used(seconds / 3600, seconds)
    assert in_days == Used(days, seconds)


@given(
    calendars(), instants(), limits(), limits(), st.timedeltas(timedelta(0), timedelta(9)), areas
)
def test_later_begun_or_longer_is_never_due_earlier(
    calendar: WorkingCalendar,
    at: datetime,
    limit: TimeLimit,
    other: TimeLimit,
    later: timedelta,
    area: str,
) -> None:
    due = calendar.add(at, limit, area).at
    assert due > at
    assert calendar.add(at + later, limit, area).at >= due
    longer = TimeLimit(limit.amount + other.amount, limit.unit)
    assert calendar.add(at, longer, area).at > due


@given(calendars(), instants(), limits(), limits(), areas)
def test_adding_in_two_steps_is_adding_at_once(
    calendar: WorkingCalendar, at: datetime, one: TimeLimit, two: TimeLimit, area: str
) -> None:
    two = TimeLimit(two.amount, one.unit)
    both = TimeLimit(one.amount + two.amount, one.unit)
    stepwise = calendar.add(calendar.add(at, one, area).at, two, area).at
    at_once = calendar.add(at, both, area).at
    if one.unit is not Unit.WORK_DAY:
        assert stepwise == at_once
        return
    # one rounding up more, on a day of at least five minutes and at most a whole one
    assert 0 <= (stepwise - at_once) / MICROSECOND < 2 * 24 * 12 or _across_a_pause(
        calendar, at_once, stepwise, area
    )


def _across_a_pause(
    calendar: WorkingCalendar, first: datetime, second: datetime, area: str
) -> bool:
    """The extra microsecond may fall on the next span: hardly any working time lies between."""
    return calendar.used(first, second, Unit.WORK_HOUR, area).seconds < Fraction(1, 1000)


@settings(max_examples=150)
@given(
    calendars(),
    instants(),
    st.timedeltas(timedelta(0), timedelta(days=40)),
    st.sampled_from(Unit),
    areas,
)
def test_segments_follow_each_other_and_the_counted_sum_to_what_was_used(
    calendar: WorkingCalendar, at: datetime, while_: timedelta, unit: Unit, area: str
) -> None:
    segments = calendar.segments(at, at + while_, unit, area)
    if not while_:
        assert segments == ()
        return
    assert (segments[0].begin, segments[-1].end) == (at, at + while_)
    assert all(one.end == two.begin for one, two in pairwise(segments))
    assert all(one.begin < one.end and " / " in one.why for one in segments)
    counted = [one for one in segments if one.counted]
    total = sum((one.used for one in segments), Used())
    assert total == calendar.used(at, at + while_, unit, area)
    assert total.seconds == Fraction(
        sum((one.end - one.begin for one in counted), timedelta()) // MICROSECOND, 1_000_000
    )


@given(calendars(), instants(), limits(), areas)
def test_a_deadline_is_provisional_exactly_when_it_lies_beyond_what_is_confirmed(
    calendar: WorkingCalendar, at: datetime, limit: TimeLimit, area: str
) -> None:
    due = calendar.add(at, limit, area)
    known = calendar.confirmed_until
    beyond = known is None or due.at.astimezone(calendar.zone).date() > known
    assert due.provisional == (beyond and limit.unit.works)
