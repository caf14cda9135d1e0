"""The clocks of an incident: which move begins, stops, pauses or resumes which, and what follows for its deadlines.

One table, after domain.md §2.3. How a clock counts is `incidents.clocks`; which limit handling gets is the desk's
question. Looks at no clock itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from incidents import clocks
from incidents.calendar import TimeLimit, WorkingCalendar
from incidents.clocks import Clock, ClockState, Stage
from incidents.incident import HistoryRow, Incident
from incidents.lifecycle import State
from incidents.policy import Policy, Terms

PROVISIONAL_AGAIN = timedelta(days=1)
"""How soon a deadline beyond the confirmed calendar is looked at again."""


class Do(StrEnum):
    """What a move does to a clock; `begin` restarts one that runs or ran."""

    BEGIN = "begin"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"
    EXTEND = "extend"


Act = tuple[Do, Stage]

ON_MOVE: Mapping[str, tuple[Act, ...]] = {
    "report": ((Do.BEGIN, Stage.ACCEPTANCE),),
    "confirm": ((Do.PAUSE, Stage.ACCEPTANCE), (Do.BEGIN, Stage.CONFIRMATION)),
    "confirmed": ((Do.STOP, Stage.CONFIRMATION), (Do.RESUME, Stage.ACCEPTANCE)),
    "not_confirmed": ((Do.STOP, Stage.CONFIRMATION), (Do.RESUME, Stage.ACCEPTANCE)),
    "open": ((Do.STOP, Stage.ACCEPTANCE), (Do.BEGIN, Stage.DISPATCH)),
    "dispatch": (
        (Do.STOP, Stage.DISPATCH),
        (Do.BEGIN, Stage.HANDLING),
        (Do.BEGIN, Stage.DEPARTMENT_ACCEPTANCE),
    ),
    "redispatch": (
        (Do.STOP, Stage.DISPATCH),
        (Do.BEGIN, Stage.HANDLING),
        (Do.BEGIN, Stage.DEPARTMENT_ACCEPTANCE),
    ),
    "accept": ((Do.STOP, Stage.DEPARTMENT_ACCEPTANCE),),
    "send_back": (
        (Do.STOP, Stage.DEPARTMENT_ACCEPTANCE),
        (Do.PAUSE, Stage.HANDLING),
        (Do.BEGIN, Stage.DISPATCH),
    ),
    "report_handled": ((Do.PAUSE, Stage.HANDLING),),
    "resume": ((Do.RESUME, Stage.HANDLING),),
    "verify": ((Do.BEGIN, Stage.VERIFICATION),),
    "verified": ((Do.STOP, Stage.VERIFICATION),),
    "rework": ((Do.STOP, Stage.VERIFICATION), (Do.RESUME, Stage.HANDLING)),
    "reopen": ((Do.BEGIN, Stage.DISPATCH),),
}
"""Moves that end an incident stop every clock; `_acts` knows those that depend on what stands on record."""

_FREES = frozenset({"send_back", "reopen", "report_handled", "unmerge"})
"""Moves after which nobody is at work: there is no deadline of handling until somebody is again."""

_WORDS = {
    "confirm": "核实中 / being confirmed",
    "send_back": "回退，待改派 / sent back, waiting to be sent again",
    "report_handled": "已反馈，待核查 / reported handled, waiting for verification",
    "grant": "挂账 / suspended",
    "confirmed": "核实完毕 / confirmed",
    "not_confirmed": "核实完毕 / confirmed",
    "rework": "返工 / to be done again",
    "resume": "恢复 / resumed",
    "redispatch": "改派 / sent again",
}


@dataclass(frozen=True, slots=True)
class Timed:
    """The clocks after a step with what follows from them, and what the line of history tells of them.

    `told` are those it stopped or paused; `runs`, whole, those that another of their kind takes the place of.
    """

    clocks: Mapping[str, Mapping[str, Any]]
    due_at: datetime | None
    yellow_at: datetime | None
    stage: str | None
    stage_due_at: datetime | None
    told: tuple[Mapping[str, Any], ...] = ()
    runs: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class _Step:
    """What happens to clocks at once: when, why, by which calendar; and what is to be told of it."""

    at: datetime
    why: str
    calendar: WorkingCalendar
    told: list[Mapping[str, Any]] = field(default_factory=list)
    runs: list[Mapping[str, Any]] = field(default_factory=list)


def timed(incident: Incident, row: HistoryRow, terms: Terms) -> Timed:
    """The clocks of an incident (as it was) after a line of its history. Only those the line touches are read."""
    acts = _acts(incident, row)
    if not acts and row.move not in _FREES:
        return Timed(
            incident.clocks,
            incident.due_at,
            incident.yellow_at,
            incident.stage,
            incident.stage_due_at,
        )
    touched = {str(stage) for _, stage in acts}
    kept = dict(incident.clocks)
    held = {kind: clocks.from_json(kept[kind]) for kind in touched if kind in kept}
    step = _Step(row.at, _WORDS.get(row.move, row.move), terms.calendar)
    for do, stage in acts:
        _do(held, (do, stage), step, _limit(stage, row, terms), area_of(incident))
    kept |= {kind: clocks.as_json(clock) for kind, clock in held.items()}
    due_at, yellow_at = incident.due_at, incident.yellow_at
    if Stage.HANDLING in touched or row.move in _FREES:
        due_at, yellow_at = _handling(held.get(Stage.HANDLING), incident, row, terms.calendar)
    told, runs = tuple(step.told), tuple(step.runs)
    return Timed(kept, due_at, yellow_at, *_stage(kept), told, runs)


def recomputed(incident: Incident, terms: Terms) -> Timed:
    """The same clocks by another edition of the calendar."""
    held = {kind: clocks.from_json(kept) for kind, kept in incident.clocks.items()}
    anew = {kind: clocks.recompute(clock, terms.calendar) for kind, clock in held.items()}
    handling = anew.get(Stage.HANDLING)
    due_at, yellow_at = incident.due_at, incident.yellow_at
    if handling is not None and handling.state is ClockState.RUNNING:
        due_at, yellow_at = handling.due_at, handling.yellow_at
    kept = {kind: clocks.as_json(clock) for kind, clock in anew.items()}
    return Timed(kept, due_at, yellow_at, *_stage(kept))


def provisional(incident: Incident) -> bool:
    """Whether a running clock ends beyond the confirmed calendar."""
    return any(
        c["provisional"] and c["state"] == ClockState.RUNNING for c in incident.clocks.values()
    )


def wake_at(incident: Incident, policy: Policy, at: datetime) -> datetime | None:
    """The earliest moment at which the system must look at the incident again; None: never."""
    if incident.state.ended:
        return None
    moments = []
    if incident.state is State.SUSPENDED and incident.suspended_until:
        moments.append(incident.suspended_until)
    if policy.auto_urge_overdue and incident.due_at and incident.urged_for != incident.due_at:
        moments.append(incident.due_at)
    if incident.urge_due_at and (incident.urge or {}).get("level", 0) < len(policy.urge_levels):
        moments.append(incident.urge_due_at)
    closing = policy.self_closing(incident.category)
    proposed = "proposed" in incident.explanation
    if closing is not None and incident.normal_since is not None and not proposed:
        moments.append(incident.normal_since + closing.after)
    if provisional(incident):
        moments.append(at + PROVISIONAL_AGAIN)
    return min(moments, default=None)


def area_of(incident: Incident) -> str | None:
    """The most precise code of where it lies."""
    return incident.cell_code or incident.community or incident.street or incident.district


def _acts(incident: Incident, row: HistoryRow) -> tuple[Act, ...]:
    if State(row.to_state).ended:
        running = incident.clocks.items()
        return tuple(
            (Do.STOP, Stage(kind)) for kind, c in running if c["state"] != ClockState.STOPPED
        )
    match row.move:
        case "grant" if row.data["granted"] == "extend":
            return ((Do.EXTEND, Stage.HANDLING),)
        case "grant":
            return ((Do.PAUSE, Stage.HANDLING),)
        case "unmerge":
            begun = Stage.ACCEPTANCE if row.to_state == State.REPORTED else Stage.DISPATCH
            return ((Do.BEGIN, begun),)
        case "redispatch" if row.data.get("resumes"):
            same = ((Do.RESUME, s) if s is Stage.HANDLING else (d, s) for d, s in ON_MOVE[row.move])
            return tuple(same)
        case _:
            return ON_MOVE.get(row.move, ())


def _limit(stage: Stage, row: HistoryRow, terms: Terms) -> TimeLimit | None:
    """Handling's limit stands in the line that dispatched it; a stage's is the calendar's."""
    if stage is Stage.HANDLING:
        given = row.data.get("limit")
        return None if given is None else TimeLimit.of(given)
    limit = terms.calendar.stages.get(stage)
    return None if limit is None else limit.limit


def _do(
    held: dict[str, Clock], act: Act, step: _Step, limit: TimeLimit | None, area: str | None
) -> None:
    """Do one thing to one clock, and note what the history is told of it."""
    do, stage = act
    clock = held.get(stage)
    if do is Do.BEGIN:
        _begin(held, stage, step, limit, area)
    elif clock is None or clock.state is ClockState.STOPPED:
        return
    elif do is Do.RESUME:
        held[stage] = clocks.resume(clock, step.at, step.why, step.calendar)
    elif do is Do.EXTEND:
        held[stage] = clocks.extend(clock, step.calendar)
    else:
        change = clocks.stop if do is Do.STOP else clocks.pause
        held[stage] = change(clock, step.at, step.why, step.calendar)
        step.told.append(_told(clock, step))


def _begin(
    held: dict[str, Clock], stage: Stage, step: _Step, limit: TimeLimit | None, area: str | None
) -> None:
    """A new clock where there is a limit; the one it takes the place of ends, and the history keeps it whole."""
    clock = held.get(stage)
    if clock is not None:
        if clock.state is ClockState.RUNNING:
            step.told.append(_told(clock, step))
        held[stage] = clocks.stop(clock, step.at, step.why, step.calendar)
    if limit is None:
        return
    if clock is not None:
        step.runs.append(clocks.as_json(held[stage]))
    held[stage] = clocks.begin(stage, limit, step.at, step.calendar, area)


def _told(clock: Clock, step: _Step) -> Mapping[str, Any]:
    return {
        "kind": clock.kind,
        "used_s": round(float(clocks.used(clock, step.at, step.calendar).seconds), 3),
        "limit": clock.limit.as_json(),
        "due_at": None if clock.due_at is None else clock.due_at.isoformat(),
        "overdue": clocks.overdue(clock, step.at),
    }


def _handling(
    clock: Clock | None, incident: Incident, row: HistoryRow, calendar: WorkingCalendar
) -> tuple[datetime | None, datetime | None]:
    """Deadline and yellow point of handling: none while paused, as they were judged by once it has ended."""
    if (
        clock is None
    ):  # begins anew, or is free for now; or an incident from before clocks were kept ends
        ends = State(row.to_state).ended
        return (incident.due_at, incident.yellow_at) if ends else (None, None)
    if clock.state is ClockState.STOPPED:
        if not State(row.to_state).ended:
            return None, None
        while not clock.spans[-1].running:
            clock = replace(clock, spans=clock.spans[:-1])
        clock = clocks.recompute(replace(clock, state=ClockState.PAUSED), calendar)
    return clock.due_at, clock.yellow_at


def _stage(kept: Mapping[str, Mapping[str, Any]]) -> tuple[str | None, datetime | None]:
    """The clock that runs beside handling; there is one at most."""
    for kind, clock in kept.items():
        if kind != Stage.HANDLING and clock["state"] == ClockState.RUNNING:
            due = clock["due_at"]
            return kind, None if due is None else datetime.fromisoformat(due)
    return None, None
