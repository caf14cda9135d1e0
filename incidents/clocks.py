"""Clocks 计时: what was used of a limit, by when it ends, what paused it and why, told so that anybody can recount it.

A clock is its limit and its spans, running or paused; its deadline follows from these and the calendar alone. Which
move pauses or restarts which clock is the desk's business. Looks at no clock itself: every instant is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Any

from incidents.calendar import Deadline, Segment, TimeLimit, Used, WorkingCalendar, exactly


class ClockState(StrEnum):
    """Whether time is counted. A stopped clock starts no more: `begin` makes a new one."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


class Stage(StrEnum):
    """Every clock an incident may have, in the order of its life."""

    ACCEPTANCE = "acceptance"
    CONFIRMATION = "confirmation"
    DISPATCH = "dispatch"
    DEPARTMENT_ACCEPTANCE = "department_acceptance"
    HANDLING = "handling"
    VERIFICATION = "verification"

    @property
    def zh(self) -> str:
        """The trade's word."""
        return _STAGES_ZH[self]


_STAGES_ZH = dict(zip(Stage, ("受理", "核实", "派遣", "签收", "处置", "核查"), strict=True))


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a clock's life; `end` None: it still goes on. `why` it was paused; empty while it runs."""

    begin: datetime
    end: datetime | None
    running: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock of an incident, kept as JSON. Spans follow each other without gap.

    `due_at` and `yellow_at` are None while it is paused, and stay as they were when it is stopped. `provisional`: the
    calendar is not confirmed as far as `due_at`. `extended`: how often the limit was granted once more. `late`: it
    was paused or stopped after its deadline.
    """

    kind: str
    limit: TimeLimit
    area: str | None
    began_at: datetime
    spans: tuple[Span, ...]
    due_at: datetime | None
    yellow_at: datetime | None
    provisional: bool
    state: ClockState
    extended: int = 0
    late: bool = False

    @property
    def granted(self) -> Fraction:
        """All time it has: the limit, and once more for every extension."""
        return _granted(self.limit.amount, self.extended)


def begin(
    kind: str, limit: TimeLimit, at: datetime, calendar: WorkingCalendar, area: str | None = None
) -> Clock:
    """A new clock, running from `at`. A restart 重新计时 is this, too."""
    at = at.astimezone(UTC)
    spans = (Span(at, None, running=True),)
    clock = Clock(str(kind), limit, area, at, spans, None, None, False, ClockState.RUNNING)
    return _timed(clock, calendar)


def pause(clock: Clock, at: datetime, why: str, calendar: WorkingCalendar) -> Clock:
    """Stand still from `at`, for a reason. A clock that does not run stays as it is.

    An `at` before the last change counts as that change's, here and below: a clock never runs backwards.
    """
    if clock.state is not ClockState.RUNNING:
        return clock
    spans = (*_ended(clock, at), Span(_not_before(clock, at), None, running=False, why=why))
    return _timed(_with(clock, spans=spans, state=ClockState.PAUSED), calendar)


def resume(clock: Clock, at: datetime, why: str, calendar: WorkingCalendar) -> Clock:
    """Go on from `at` with what was left. A clock that is not paused stays as it is."""
    if clock.state is not ClockState.PAUSED:
        return clock
    spans = (*_ended(clock, at), Span(_not_before(clock, at), None, running=True, why=why))
    return _timed(_with(clock, spans=spans, state=ClockState.RUNNING), calendar)


def stop(clock: Clock, at: datetime, why: str, calendar: WorkingCalendar) -> Clock:
    """End for good, running or paused. `why` is kept with the last span. A stopped clock stays as it is."""
    if clock.state is ClockState.STOPPED:
        return clock
    *others, last = _ended(clock, at)
    why = last.why if last.why and not last.running else why
    spans = (*others, Span(last.begin, last.end, last.running, why))
    return _timed(_with(clock, spans=spans, state=ClockState.STOPPED), calendar)


def extend(clock: Clock, calendar: WorkingCalendar) -> Clock:
    """Grant the original limit once more, on top of the present deadline 延期. A stopped clock stays as it is."""
    if clock.state is ClockState.STOPPED:
        return clock
    return _timed(replace(clock, extended=clock.extended + 1), calendar)


def recompute(clock: Clock, calendar: WorkingCalendar) -> Clock:
    """The same clock by another edition of the calendar; one that stopped keeps what it was judged by."""
    return clock if clock.state is ClockState.STOPPED else _timed(clock, calendar)


def used(clock: Clock, now: datetime, calendar: WorkingCalendar) -> Used:
    """What was used until `now`, in the limit's unit and in seconds of counted time; both exact."""
    total = Used()
    for start, end in _running(clock, now):
        total += calendar.used(start, end, clock.limit.unit, clock.area)
    return total


def overdue(clock: Clock, now: datetime) -> bool:
    """Whether the limit is over. At the deadline itself it is not; a clock that does not run says how it was left."""
    if clock.state is ClockState.RUNNING:
        return clock.due_at is not None and now > clock.due_at
    return clock.late


def explain(clock: Clock, now: datetime, calendar: WorkingCalendar) -> list[Segment]:
    """The clock's whole life until `now`, stretch by stretch: counted or not, and why. The counted sum to `used`."""
    told: list[Segment] = []
    for span in clock.spans:
        start, end = span.begin, _until(span, now)
        if start >= end:
            continue
        if span.running:
            told += calendar.segments(start, end, clock.limit.unit, clock.area)
        else:
            told.append(Segment(start, end, False, f"停表 / paused: {span.why}"))
    return told


def as_json(clock: Clock) -> dict[str, Any]:
    """The clock as JSON; `from_json` makes the same of it."""
    return {
        "kind": clock.kind,
        "limit": clock.limit.as_json(),
        "area": clock.area,
        "began_at": clock.began_at.isoformat(),
        "spans": [
            {
                "from": span.begin.isoformat(),
                "to": _text(span.end),
                "running": span.running,
                "why": span.why,
            }
            for span in clock.spans
        ],
        "due_at": _text(clock.due_at),
        "yellow_at": _text(clock.yellow_at),
        "provisional": clock.provisional,
        "state": str(clock.state),
        "extended": clock.extended,
        "late": clock.late,
    }


def from_json(kept: Mapping[str, Any]) -> Clock:
    """A clock from what `as_json` wrote; KeyError or ValueError for anything else."""
    return Clock(
        kind=kept["kind"],
        limit=TimeLimit.of(kept["limit"]),
        area=kept["area"],
        began_at=datetime.fromisoformat(kept["began_at"]),
        spans=tuple(
            Span(
                datetime.fromisoformat(span["from"]),
                _instant(span["to"]),
                span["running"],
                span["why"],
            )
            for span in kept["spans"]
        ),
        due_at=_instant(kept["due_at"]),
        yellow_at=_instant(kept["yellow_at"]),
        provisional=kept["provisional"],
        state=ClockState(kept["state"]),
        extended=kept["extended"],
        late=kept["late"],
    )


def _timed(clock: Clock, calendar: WorkingCalendar) -> Clock:
    """The clock with what follows from its spans, its limit and the calendar."""
    runs = _runs(clock, calendar)
    due = _reached(clock, runs, clock.granted, calendar)
    late = clock.state is not ClockState.RUNNING and due is not None and _ran_after(clock, due.at)
    if due is None or not clock.spans[-1].running:
        return _due(clock, None, None, provisional=False, late=late)
    near = _share(clock.limit.amount, clock.extended, calendar.yellow(clock.kind))
    yellow = _reached(clock, runs, near, calendar)
    yellow_at = yellow.at if yellow else None
    return _due(clock, due.at, yellow_at, provisional=due.provisional, late=late)


# `dataclasses.replace` by hand: every move of an incident makes several (docs/benchmarks.md, lives).
def _with(clock: Clock, *, spans: tuple[Span, ...], state: ClockState) -> Clock:
    return Clock(
        clock.kind,
        clock.limit,
        clock.area,
        clock.began_at,
        spans,
        clock.due_at,
        clock.yellow_at,
        clock.provisional,
        state,
        clock.extended,
        clock.late,
    )


def _due(
    clock: Clock,
    due_at: datetime | None,
    yellow_at: datetime | None,
    *,
    provisional: bool,
    late: bool,
) -> Clock:
    return Clock(
        clock.kind,
        clock.limit,
        clock.area,
        clock.began_at,
        clock.spans,
        due_at,
        yellow_at,
        provisional,
        clock.state,
        clock.extended,
        late,
    )


# Exact fractions are dear, limits are few.
@lru_cache(maxsize=1024)
def _granted(amount: float, extended: int) -> Fraction:
    return exactly(amount) * (1 + extended)


@lru_cache(maxsize=1024)
def _share(amount: float, extended: int, share: float) -> Fraction:
    return _granted(amount, extended) * exactly(share)


def _runs(clock: Clock, calendar: WorkingCalendar) -> list[tuple[datetime, Fraction | None]]:
    """Where each running span begins and what it used; None for one that goes on.

    If it is the last, a span that ended is taken as going on, so that a stopped clock keeps its deadline.
    """
    *_, last = clock.spans
    unit, area = clock.limit.unit, clock.area
    return [
        (
            span.begin,
            None
            if span is last or span.end is None
            else calendar.amount(span.begin, span.end, unit, area),
        )
        for span in clock.spans
        if span.running
    ]


def _reached(
    clock: Clock,
    runs: Sequence[tuple[datetime, Fraction | None]],
    amount: Fraction,
    calendar: WorkingCalendar,
) -> Deadline | None:
    """When so much was or will be used; None when the clock is paused before that."""
    left = amount
    for start, here in runs:
        if here is None or here >= left:
            return calendar.after(start, left, clock.limit.unit, clock.area)
        left -= here
    return None


def _ran_after(clock: Clock, at: datetime) -> bool:
    return any(span.running and span.end is not None and span.end > at for span in clock.spans)


def _running(clock: Clock, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    for span in clock.spans:
        if span.running:
            yield span.begin, _until(span, now)


def _until(span: Span, now: datetime) -> datetime:
    return now if span.end is None else min(span.end, now)


def _ended(clock: Clock, at: datetime) -> tuple[Span, ...]:
    *others, last = clock.spans
    return (*others, Span(last.begin, _not_before(clock, at), last.running, last.why))


def _not_before(clock: Clock, at: datetime) -> datetime:
    return max(at.astimezone(UTC), clock.spans[-1].begin)


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
