"""What must hold of a clock whatever happens to it: nothing is lost, nothing runs backwards, all can be recounted."""

from __future__ import annotations

import json
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from incidents import clocks
from incidents.calendar import Unit, Used, WorkingCalendar
from incidents.clocks import Clock, ClockState
from tests.incidents.calendars import AREAS, calendars, instants, limits

MICROSECOND = timedelta(microseconds=1)
areas = st.sampled_from(AREAS)
Step = tuple[Literal["pause", "resume", "extend", "stop"], timedelta]
gaps = st.timedeltas(timedelta(0), timedelta(days=12)) | st.just(timedelta(0))
steps = st.lists(
    st.tuples(st.sampled_from(["pause", "resume", "pause", "resume", "extend", "stop"]), gaps),
    max_size=7,
)


@st.composite
def lives(draw: st.DrawFn) -> tuple[WorkingCalendar, list[Clock], list[timedelta]]:
    """A clock after each of a few steps, under one calendar; how long after the step before each came."""
    calendar = draw(calendars())
    at = draw(instants())
    clock = clocks.begin("handling", draw(limits(20)), at, calendar, draw(areas))
    life, waits = [clock], [timedelta(0)]
    for name, gap in draw(steps):
        at += gap
        if name == "extend":
            clock = clocks.extend(clock, calendar)
        else:
            change = {"pause": clocks.pause, "resume": clocks.resume, "stop": clocks.stop}[name]
            clock = change(clock, at, f"{name} 之故", calendar)
        life.append(clock)
        waits.append(gap)
    return calendar, life, waits


@settings(max_examples=150)
@given(lives(), gaps)
def test_what_was_used_never_shrinks_and_only_a_running_clock_uses(
    life: tuple[WorkingCalendar, list[Clock], list[timedelta]], more: timedelta
) -> None:
    calendar, states, waits = life
    at = states[0].began_at
    before = Used()
    for clock, gap in zip(states, waits, strict=True):
        at += gap
        now = clocks.used(clock, at, calendar)
        assert now.amount >= before.amount
        assert now.seconds >= before.seconds
        later = clocks.used(clock, at + more, calendar)
        if clock.state is ClockState.RUNNING:
            assert later.amount >= now.amount
        else:
            assert later == now
        before = now


@settings(max_examples=150)
@given(lives(), gaps)
def test_the_explanation_covers_the_life_and_its_counted_part_is_what_was_used(
    life: tuple[WorkingCalendar, list[Clock], list[timedelta]], more: timedelta
) -> None:
    calendar, states, waits = life
    clock, now = states[-1], states[0].began_at + sum(waits, timedelta()) + more
    told = clocks.explain(clock, now, calendar)
    assert sum((one.used for one in told), Used()) == clocks.used(clock, now, calendar)
    assert all(one.end == two.begin for one, two in pairwise(told))
    if told:
        ended = clock.spans[-1].end
        assert told[0].begin == clock.began_at
        assert told[-1].end == (now if ended is None else min(now, ended))


@settings(max_examples=200)
@given(lives())
def test_the_deadline_is_the_first_moment_at_which_all_that_was_granted_is_used(
    life: tuple[WorkingCalendar, list[Clock], list[timedelta]],
) -> None:
    calendar, states, _ = life
    for clock in states:
        if clock.due_at is None:
            assert clock.state is not ClockState.RUNNING
            assert (clock.yellow_at, clock.provisional) == (None, False)
            continue
        if clock.state is ClockState.STOPPED and not clock.late:
            continue  # it stood before its deadline
        at_due = clocks.used(clock, clock.due_at, calendar).amount
        assert at_due >= clock.granted
        assert clocks.used(clock, clock.due_at - MICROSECOND, calendar).amount < clock.granted
        if clock.limit.unit is not Unit.WORK_DAY:
            assert at_due == clock.granted
        assert clock.yellow_at is not None
        assert clock.yellow_at <= clock.due_at


@settings(max_examples=150)
@given(calendars(), instants(), limits(20), areas, gaps, gaps)
def test_pausing_moves_the_deadline_by_what_was_missed_and_loses_nothing(
    calendar: WorkingCalendar,
    at: object,
    limit: object,
    area: str,
    running: timedelta,
    stood: timedelta,
) -> None:
    began = clocks.begin("handling", limit, at, calendar, area)  # type: ignore[arg-type]
    then = began.began_at + running
    paused = clocks.pause(began, then, "停", calendar)
    resumed = clocks.resume(paused, then + stood, "走", calendar)
    if paused.late:
        assert resumed.due_at == began.due_at
        return
    assert resumed.due_at is not None
    assert began.due_at is not None
    assert resumed.due_at >= began.due_at
    left = began.granted - clocks.used(began, then, calendar).amount
    if left:
        assert resumed.due_at == calendar.after(then + stood, left, began.limit.unit, area).at
    at_once = clocks.resume(paused, then, "走", calendar)
    assert at_once.due_at == began.due_at


@given(lives())
def test_a_clock_keeps_its_spans_without_gap_and_comes_back_from_json(
    life: tuple[WorkingCalendar, list[Clock], list[timedelta]],
) -> None:
    calendar, states, _ = life
    for clock in states:
        assert clocks.from_json(json.loads(json.dumps(clocks.as_json(clock)))) == clock
        assert clock.spans[0].begin == clock.began_at
        assert all(one.end == two.begin for one, two in pairwise(clock.spans))
        assert (clock.spans[-1].end is None) == (clock.state is not ClockState.STOPPED)
        assert clocks.recompute(clock, calendar) == clock


@given(lives(), gaps)
def test_a_running_clock_is_overdue_exactly_when_more_than_granted_is_used_or_could_be(
    life: tuple[WorkingCalendar, list[Clock], list[timedelta]], more: timedelta
) -> None:
    calendar, states, waits = life
    clock, now = states[-1], states[0].began_at + sum(waits, timedelta()) + more
    used = clocks.used(clock, now, calendar).amount
    if clocks.overdue(clock, now):
        assert used >= clock.granted
    if used > clock.granted + Fraction(1, 10**6):
        assert clocks.overdue(clock, now)
