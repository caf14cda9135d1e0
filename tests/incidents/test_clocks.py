"""Clocks by hand: what pauses, resumes, restarts and extends them, and a deadline recounted from what they tell."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from incidents import clocks
from incidents.calendar import StageLimit, TimeLimit, Unit, Used
from incidents.clocks import Clock, ClockState, Stage
from tests.incidents.calendars import SHANGHAI, here, the_seed

CAL = the_seed()
HOURS, DAYS = TimeLimit(4, Unit.WORK_HOUR), TimeLimit(5, Unit.WORK_DAY)
URGENT = TimeLimit(2, Unit.URGENT_HOUR)


def a_clock(at: str = "2026-11-24 10:00", limit: TimeLimit = HOURS) -> Clock:
    return clocks.begin(Stage.HANDLING, limit, here(at), CAL, "990102001001")


def test_a_new_clock_knows_its_deadline_and_its_yellow_point() -> None:
    clock = a_clock(limit=TimeLimit(5, Unit.WORK_HOUR))
    assert clock.state is ClockState.RUNNING
    assert clock.due_at == here("2026-11-24 17:00")
    assert clock.yellow_at == here("2026-11-24 16:00")
    assert not clock.provisional
    assert clock.began_at.tzinfo is UTC


def test_the_yellow_point_is_the_city_s_share_of_the_stage() -> None:
    city = replace(CAL, stages={"dispatch": StageLimit(URGENT, 0.5)})
    clock = clocks.begin(Stage.DISPATCH, URGENT, here("2026-11-24 20:00"), city)
    assert clock.yellow_at == here("2026-11-24 21:00")


def test_a_clock_at_its_deadline_is_in_time_and_a_moment_later_overdue() -> None:
    clock = a_clock()
    end = here("2026-11-24 16:00")
    assert not clocks.overdue(clock, end)
    assert clocks.overdue(clock, end + timedelta(microseconds=1))


def test_a_paused_clock_has_no_deadline_and_resumed_it_has_what_was_left() -> None:
    paused = clocks.pause(a_clock(), here("2026-11-24 11:00"), "回退 / sent back", CAL)
    assert (paused.due_at, paused.yellow_at, paused.state) == (None, None, ClockState.PAUSED)
    assert clocks.used(paused, here("2026-11-27 17:00"), CAL).amount == 1
    assert not clocks.overdue(paused, here("2027-11-27 17:00"))
    resumed = clocks.resume(paused, here("2026-11-27 17:00"), "改派同一部门 / same department", CAL)
    assert resumed.due_at == here("2026-11-30 10:00")  # one hour on Friday, two on Monday


def test_what_is_paused_at_night_resumes_with_nothing_lost() -> None:
    night = clocks.pause(a_clock(), here("2026-11-24 23:00"), "挂账 / suspended", CAL)
    assert clocks.overdue(night, here("2026-11-24 23:00"))
    early = clocks.pause(a_clock("2026-11-24 17:00"), here("2026-11-24 23:00"), "挂账", CAL)
    again = clocks.resume(early, here("2026-11-25 03:00"), "恢复", CAL)
    assert again.due_at == a_clock("2026-11-24 17:00").due_at == here("2026-11-25 11:00")


def test_what_was_late_when_paused_stays_late_and_has_its_old_deadline_again() -> None:
    clock = a_clock()
    late = clocks.pause(clock, here("2026-11-25 09:00"), "回退", CAL)
    assert late.late
    assert clocks.overdue(late, here("2026-11-25 09:00"))
    again = clocks.resume(late, here("2026-12-01 09:00"), "改派", CAL)
    assert again.due_at == clock.due_at
    assert clocks.overdue(again, here("2026-12-01 09:00"))


def test_what_was_paused_at_its_very_deadline_is_used_up_and_not_late() -> None:
    clock = a_clock()
    end = here("2026-11-24 16:00")
    paused = clocks.pause(clock, end, "回退", CAL)
    assert not paused.late
    again = clocks.resume(paused, here("2026-11-25 09:00"), "改派", CAL)
    assert again.due_at == end
    assert clocks.used(again, here("2026-11-25 09:00"), CAL).amount == 4


def test_a_stopped_clock_keeps_its_deadline_and_how_it_ended() -> None:
    clock = a_clock()
    in_time = clocks.stop(clock, here("2026-11-24 16:00"), "处置反馈 / handled", CAL)
    late = clocks.stop(clock, here("2026-11-24 16:01"), "处置反馈 / handled", CAL)
    for stopped, was_late in ((in_time, False), (late, True)):
        assert stopped.state is ClockState.STOPPED
        assert (stopped.due_at, stopped.yellow_at) == (clock.due_at, clock.yellow_at)
        assert clocks.overdue(stopped, here("2030-01-01 00:00")) is was_late
    assert clocks.used(late, here("2030-01-01 00:00"), CAL).seconds == 4 * 3600 + 60


def test_a_clock_stopped_while_paused_has_no_deadline() -> None:
    paused = clocks.pause(a_clock(), here("2026-11-24 11:00"), "回退", CAL)
    stopped = clocks.stop(paused, here("2026-11-25 11:00"), "作废 / void", CAL)
    assert (stopped.due_at, stopped.late) == (None, False)
    assert clocks.used(stopped, here("2026-12-25 11:00"), CAL).amount == 1


def test_an_extension_is_the_original_limit_from_the_present_deadline() -> None:
    clock = a_clock(limit=DAYS)
    assert clock.due_at == here("2026-12-01 10:00")
    once = clocks.extend(clock, CAL)
    assert (once.due_at, once.extended) == (here("2026-12-08 10:00"), 1)
    assert once.due_at == CAL.add(clock.due_at, DAYS).at
    twice = clocks.extend(once, CAL)
    assert twice.due_at == here("2026-12-15 10:00")
    assert twice.yellow_at == here("2026-12-10 10:00")  # four fifths of fifteen days


def test_an_extension_granted_while_paused_counts_when_it_goes_on() -> None:
    paused = clocks.pause(a_clock(), here("2026-11-24 11:00"), "回退", CAL)
    extended = clocks.extend(paused, CAL)
    assert extended.due_at is None
    again = clocks.resume(extended, here("2026-11-25 08:00"), "恢复", CAL)
    assert again.due_at == here("2026-11-25 17:00")  # three hours left and four more


def test_an_extension_of_a_clock_that_was_late_when_paused_makes_it_in_time_again() -> None:
    late = clocks.pause(a_clock(), here("2026-11-24 16:30"), "回退", CAL)
    assert late.late
    assert not clocks.extend(late, CAL).late


def test_a_clock_is_never_turned_back_nor_changed_by_what_does_not_apply() -> None:
    clock = a_clock()
    paused = clocks.pause(clock, here("2026-11-24 11:00"), "回退", CAL)
    assert clocks.pause(paused, here("2026-11-24 12:00"), "再停", CAL) == paused
    assert clocks.resume(clock, here("2026-11-24 12:00"), "再走", CAL) == clock
    early = clocks.resume(paused, here("2026-11-24 10:30"), "时钟偏差 / skew", CAL)
    assert early.due_at == clock.due_at
    stopped = clocks.stop(clock, here("2026-11-24 12:00"), "完", CAL)
    for change in (clocks.pause, clocks.resume, clocks.stop):
        assert change(stopped, here("2026-11-25 12:00"), "又", CAL) == stopped
    assert clocks.extend(stopped, CAL) == stopped
    assert clocks.recompute(stopped, replace(CAL, days=())) == stopped


def test_a_provisional_deadline_is_reckoned_again_when_the_calendar_is_confirmed() -> None:
    clock = a_clock("2026-12-30 16:00", DAYS)
    assert clock.provisional
    assert clock.due_at == here("2027-01-07 16:00")  # 1 January off by law; 2 and 3 a weekend
    worked = replace(CAL.days[5], date=date(2027, 1, 3), name="元旦调休")
    assert worked.kind == "holiday"
    notice = replace(CAL, days=(*CAL.days, replace(worked, kind=CAL.days[3].kind)))
    confirmed = replace(notice, confirmed_until=date(2027, 12, 31))
    again = clocks.recompute(clock, confirmed)
    assert not again.provisional
    assert again.due_at == here("2027-01-06 16:00")  # Sunday the 3rd works
    assert (again.spans, again.limit, again.began_at) == (clock.spans, clock.limit, clock.began_at)


def test_a_clock_is_the_same_after_being_kept_as_json() -> None:
    clock = a_clock("2026-12-30 16:00", DAYS)
    paused = clocks.pause(clock, here("2026-12-31 09:00"), "回退", CAL)
    for one in (
        clock,
        paused,
        clocks.extend(paused, CAL),
        clocks.stop(paused, here("2027-01-01 00:00"), "完", CAL),
    ):
        assert clocks.from_json(json.loads(json.dumps(clocks.as_json(one)))) == one


def test_every_stage_has_the_trade_s_word() -> None:
    assert [stage.zh for stage in Stage] == ["受理", "核实", "派遣", "签收", "处置", "核查"]


def test_a_deadline_is_recounted_by_hand_from_what_the_clock_tells() -> None:
    """The worked example of docs/deadlines.md: five working days over 春节 2026, with a return between.

    Dispatched Thursday 12 February 15:00. Sent back Saturday the 14th (a make-up day) 10:00; dispatched again to the
    same department on Tuesday the 24th, the first day after the holiday, 09:00.
    """
    clock = a_clock("2026-02-12 15:00", DAYS)
    clock = clocks.pause(clock, here("2026-02-14 10:00"), "回退 / sent back", CAL)
    clock = clocks.resume(clock, here("2026-02-24 09:00"), "", CAL)
    assert clock.due_at is not None
    told = clocks.explain(clock, clock.due_at, CAL)

    # by hand, in hours of an eight-hour day: 3 on the 12th, 8 on the 13th, 2 on the 14th = 13 of 40;
    # 27 left from the 24th 09:00: 7, then 8 on the 25th and the 26th, and 4 on the 27th, at noon
    assert clock.due_at == here("2026-02-27 12:00")

    counted: dict[date, timedelta] = {}
    for one in told:
        if one.counted:
            day = one.begin.astimezone(SHANGHAI).date()
            counted[day] = counted.get(day, timedelta()) + (one.end - one.begin)
    assert {f"{day:%m-%d}": span / timedelta(hours=1) for day, span in counted.items()} == {
        "02-12": 3,
        "02-13": 8,
        "02-14": 2,
        "02-24": 7,
        "02-25": 8,
        "02-26": 8,
        "02-27": 4,
    }
    assert sum(counted.values(), timedelta()) == 5 * timedelta(hours=8)
    assert sum((one.used for one in told), Used()) == Used(Fraction(5), Fraction(5 * 8 * 3600))
    [stood] = [one for one in told if "停表" in one.why]
    assert (stood.begin, stood.end) == (here("2026-02-14 10:00"), here("2026-02-24 09:00"))
    assert all(one.end == two.begin for one, two in pairwise(told))


def test_an_explanation_until_an_earlier_moment_tells_no_more_than_was_then() -> None:
    clock = clocks.pause(a_clock(), here("2026-11-24 11:00"), "回退", CAL)
    then = here("2026-11-24 10:30")
    assert clocks.used(clock, then, CAL).amount == Fraction(1, 2)
    [only] = clocks.explain(clock, then, CAL)
    assert (only.begin, only.end) == (here("2026-11-24 10:00"), then)
    assert clocks.explain(clock, datetime(2020, 1, 1, tzinfo=UTC), CAL) == []
