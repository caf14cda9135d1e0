"""Any sequence of events, moves and wakings by anybody: no state the table does not have, no history lost, no right exceeded.

The rights are said by `tests.incidents.trade`, apart from the desk. Each incident is rebuilt from its history as JSON.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from grid.errors import CityError
from incidents import appeals, clocks, desk
from incidents.evaluation import Flag
from incidents.evaluation_course import Case, Step, folded
from incidents.event import Outcome
from incidents.incident import Actor, HistoryRow, Incident
from incidents.lifecycle import BESIDE, MOVES, Role, State
from incidents.policy import Mark
from incidents.replaying import fold
from incidents.to_do import TURNS, to_do
from tests.incidents.builders import (
    FLOOD,
    LITTER,
    NOISE,
    NOON,
    a_place,
    a_report,
    a_verdict,
    an_event,
)
from tests.incidents.trade import refusals, the_city
from tests.memory import MemoryLedger

NAMES = ("zhao", "qian", "sun")
ACTORS = st.builds(
    Actor,
    st.sampled_from(NAMES),
    st.sampled_from(list(Role)),
    st.sampled_from([None, "PS", "CG-HW"]),
    st.sampled_from([None, None, None, "990102", "990103"]),
    st.sampled_from([(), (), ("PS",)]),
)
GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "reason": st.sampled_from(["因故", " ", ""]),
        "department": st.sampled_from(["PS", "CG-HW", "NOBODY"]),
        "assisting": st.sampled_from([("PS",), ("PS", "CG-HW")]),
        "handler": st.just("老王"),
        "inspector": st.sampled_from(NAMES),
        "media": st.just(("p1",)),
        "days": st.sampled_from([-1, 3, 29, 40]),
        "upheld": st.booleans(),
        "category": st.just(FLOOD),
        "data": st.sampled_from([{}, {"satisfaction": 4}, {"satisfaction": 9}]),
    },
)
STEPS = st.sampled_from([timedelta(minutes=7), timedelta(hours=3), timedelta(days=1, hours=5)])


def through_json(rows: list[HistoryRow]) -> list[HistoryRow]:
    """The lines as a database gives them back."""
    return msgspec.json.decode(msgspec.json.encode(rows), type=list[HistoryRow])


class Desk(RuleBasedStateMachine):
    """People, machines and the clock at one desk."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = MemoryLedger()
        self.now = NOON
        self.told = 0
        self.made: Counter[str] = Counter()
        self.history: dict[str, list[HistoryRow]] = {}
        self.weighed: set[tuple[str, int]] = set()
        self.used: dict[tuple[str, str, datetime], Fraction] = {}

    def _tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    @precondition(lambda self: self.told < 12)
    @rule(
        east=st.sampled_from([0, 20, 45, 400]),
        category=st.sampled_from([LITTER, NOISE, FLOOD, None]),
        who=st.sampled_from(["person", "machine", "device", "normal again"]),
        again=st.booleans(),
    )
    def tell(self, east: float, category: str | None, who: str, again: bool) -> None:
        self.told += not again
        at, name = self._tick(), str(self.told)
        place = a_place(east)
        back = {"kind": "cleared", "saw": {"raised_by": f"7:{self.told - 1}"}}
        event = {
            "person": lambda: a_report(name, place=place, category=category, at=at),
            "machine": lambda: an_event(name, place=place, category=category or LITTER, at=at),
            "device": lambda: a_verdict(f"7:{name}", place=place, at=at),
            "normal again": lambda: a_verdict(f"7:{name}:cleared", place=place, at=at, **back),
        }[who]()
        before = self.ledger.seen(event.source, event.id)
        receipt = desk.receive(self.ledger, event, the_city(), at)
        assert receipt.repeated == (before is not None)
        assert (receipt.number is None) == (receipt.outcome is Outcome.FILTERED)

    @rule(step=STEPS)
    def time_passes(self, step: timedelta) -> None:
        self.now += step

    @rule()
    def the_system_wakes(self) -> None:
        """Everything that is due is done, once; nothing is due any more."""
        for number, incident in sorted(self.ledger.incidents.items()):
            if incident.wake_at is None or incident.wake_at > self.now:
                continue
            after = desk.wake(self.ledger, number, self.now, the_city())
            assert after == self.ledger.load(number)
            assert after.wake_at is None or after.wake_at >= self.now
            assert desk.wake(self.ledger, number, self.now, the_city()) == after

    @precondition(lambda self: self.ledger.incidents)
    @rule(data=st.data(), name=st.sampled_from(sorted(MOVES)), by=ACTORS, given=GIVEN)
    def ask(self, data: st.DataObject, name: str, by: Actor, given: dict[str, Any]) -> None:
        numbers = sorted(self.ledger.incidents)
        before = self.ledger.load(data.draw(st.sampled_from(numbers)))
        at = self._tick()
        given = dict(given)
        if "days" in given:
            given["until"] = at + timedelta(days=given.pop("days"))
        if name == "merge":
            given["into"] = data.draw(st.sampled_from([*numbers, None, "nobody"]))
        allowed = refusals(before, name, by, given, at, self.ledger.incidents)
        offered = {m.name for m in desk.moves_for(before, by, at, the_city())}
        asked = (self.ledger, before.number, name, by, at, given, before.version, the_city())
        kept = dict(self.ledger.incidents), len(self.ledger.facts)
        if allowed:
            with pytest.raises(tuple(allowed)):
                desk.move(*asked)
            assert (self.ledger.incidents, len(self.ledger.facts)) == kept
            return
        called = "redispatch" if name == "dispatch" and before.returned else name
        assert called in offered
        try:
            after = desk.move(*asked)
        except CityError:
            assert name in {"reopen", "unmerge"}, "only a subject taken meanwhile is in the way"
            assert self._taken(before)
            return
        assert after.state in {*MOVES[called].targets(before.state), *_by_system(name)}

    def _taken(self, before: Incident) -> bool:
        """Whether another open incident is about the same thing."""
        others = self.ledger.incidents.values()
        return any(o.subject == before.subject and not o.state.ended for o in others)

    @precondition(lambda self: self.ledger.incidents)
    @rule(data=st.data(), steps=st.integers(3, 12), early_end=st.booleans())
    def walk_on(self, data: st.DataObject, steps: int, early_end: bool) -> None:
        """Sensible steps, those that were made least so far first, so that every corner is reached."""
        number = data.draw(st.sampled_from(sorted(self.ledger.incidents)))
        for _ in range(steps):
            open_now = self._open_to_somebody(number)
            if not early_end:
                open_now = [(name, by) for name, by in open_now if name not in EARLY_END]
            if not open_now:
                return
            open_now.sort(key=lambda one: (self.made[one[0]], one[0], one[1].name))
            name, by = open_now[data.draw(st.integers(0, min(2, len(open_now) - 1)))]
            self._walk(number, name, by)

    def _open_to_somebody(self, number: str) -> list[tuple[str, Actor]]:
        now = self.ledger.load(number)
        department = now.department or "PS"
        found = []
        for n, role in enumerate(WALKERS):
            task = now.inspector if role is Role.INSPECTOR else None
            by = Actor(task or NAMES[n % 3], role, department)
            found += [(m.name, by) for m in desk.moves_for(now, by, self.now, the_city())]
        blocked = {"reopen", "unmerge"} if self._taken(now) else set()
        return [(name, by) for name, by in found if name not in blocked]

    def _walk(self, number: str, name: str, by: Actor) -> None:
        now, at = self.ledger.load(number), self._tick()
        others = [i.number for i in self.ledger.incidents.values() if not i.state.ended]
        into = next((other for other in others if other != number), None)
        given = {
            "reason": "因故",
            "department": "CG-HW" if now.version % 3 else "PS",
            "upheld": True,
            "until": at + timedelta(days=2),
            "media": ("p1",),
            "into": into,
            "inspector": NAMES[now.version % 3],
        }
        if name in {"appeal", "review"}:
            del given["department"]  # whichever waits
        self.made[name] += 1
        if name != "merge" or into is not None:
            desk.move(self.ledger, number, name, by, at, given, now.version, the_city())

    @invariant()
    def history_only_grows(self) -> None:
        for number, rows in self.history.items():
            assert self.ledger.history[number][: len(rows)] == rows
        self.history = {n: list(rows) for n, rows in self.ledger.history.items()}

    @invariant()
    def each_incident_is_the_fold_of_its_history(self) -> None:
        for number, incident in self.ledger.incidents.items():
            rows = through_json(self.ledger.history[number])
            again = fold(_as_first_told(incident), rows, lambda _: desk.terms_of(the_city()))
            assert replace(again, explanation=incident.explanation) == incident

    @invariant()
    def every_step_of_history_is_in_the_table(self) -> None:
        for row in (r for rows in self.ledger.history.values() for r in rows):
            if row.from_state is None:
                assert (row.move, row.to_state) in {("report", "reported"), ("open", "open")}
            elif row.move in BESIDE:
                assert row.to_state == row.from_state
            else:
                move = MOVES[row.move]
                assert State(row.from_state) in move.sources
                assert State(row.to_state) in move.targets(State(row.from_state))
                assert Role(row.role) in move.roles

    @invariant()
    def whoever_is_waited_for_may_do_it_and_nothing_open_waits_for_nobody(self) -> None:
        for incident in self.ledger.incidents.values():
            waits = to_do(incident)
            held = incident.state is State.SUSPENDED  # its time wakes it
            assert waits or held or incident.state.ended, incident
            for turn in TURNS:
                for role in (r for r in turn.roles if turn.why in waits.get(r, ())):
                    name = (incident.inspector if role is Role.INSPECTOR else None) or "zhao"
                    his = incident.department if role is Role.DEPARTMENT else None
                    may = desk.moves_for(incident, Actor(name, role, his), self.now, the_city())
                    if incident.state in turn.states:
                        assert turn.move in {move.name for move in may}, (turn, incident)

    @invariant()
    def what_evaluation_holds_against_a_department_is_what_it_may_appeal(self) -> None:
        """Of whatever ended: late by the history, late by the incident, for each department that ever had it."""
        for number, incident in self.ledger.incidents.items():
            if not incident.state.ended or (number, incident.version) in self.weighed:
                continue
            self.weighed.add((number, incident.version))
            rows = through_json(self.ledger.history[number])
            case = Case(str(incident.state), incident.due_at)
            spells = folded(case, [_step(row) for row in rows], self.now).spells
            late = {s.department: bool(s.flags & Flag.OVERDUE) for s in spells}  # the last says it
            again = {s.department for s in spells if s.flags & Flag.REWORKED}
            for department, was_late in late.items():
                held = appeals.marks(incident, department, self.now)
                assert (Mark.OVERDUE in held) == was_late
                assert (Mark.REWORK in held) == (department in again)
            assert set(appeals.parties(incident)) <= late.keys()

    @invariant()
    def clocks_never_run_backwards(self) -> None:
        calendar = the_city().calendar
        for number, incident in self.ledger.incidents.items():
            for kind, kept in incident.clocks.items():
                clock = clocks.from_json(kept)
                used = clocks.used(clock, self.now, calendar).seconds
                assert used >= self.used.get((number, kind, clock.began_at), Fraction(0))
                self.used[number, kind, clock.began_at] = used

    @invariant()
    def every_run_of_a_clock_stays_on_record(self) -> None:
        """Those an incident has and those its history keeps are all that ever began, each once."""
        for number, incident in self.ledger.incidents.items():
            rows = self.ledger.history[number]
            ended = [clock for row in rows for clock in row.data.get("runs", ())]
            runs = [
                (number, c["kind"], datetime.fromisoformat(c["began_at"]))
                for c in (*ended, *incident.clocks.values())
            ]
            assert len(runs) == len(set(runs))
            assert {run for run in self.used if run[0] == number} <= set(runs)
            assert all(c["state"] == "stopped" for c in ended)

    @invariant()
    def one_clock_runs_beside_handling_and_none_when_all_is_over(self) -> None:
        for incident in self.ledger.incidents.values():
            running = {k for k, c in incident.clocks.items() if c["state"] == "running"}
            assert len(running - {"handling"}) <= 1
            assert not (incident.state.ended and running)
            assert incident.stage == next(iter(running - {"handling"}), None)
            if "handling" in running:
                due = incident.clocks["handling"]["due_at"]
                assert incident.due_at == datetime.fromisoformat(due)

    @invariant()
    def a_deadline_stands_only_where_somebody_is_at_work(self) -> None:
        at_work = {State.DISPATCHED, State.HANDLING}
        for incident in self.ledger.incidents.values():
            if not incident.state.ended:
                assert incident.due_at is None or incident.state in at_work

    @invariant()
    def every_version_has_one_fact(self) -> None:
        versions = [(f.number, f.version) for f in self.ledger.facts]
        assert len(versions) == len(set(versions))
        assert len(versions) == sum(i.version for i in self.ledger.incidents.values())

    @invariant()
    def reports_count_the_events_once_whatever_was_merged(self) -> None:
        for incident in self.ledger.incidents.values():
            family = self._with_children(incident.number)
            linked = [e for e in self.ledger.events.values() if e.number in family]
            normal = [e for e in linked if e.event.kind == "cleared"]
            assert incident.reports == len(linked) - len(normal)

    def _with_children(self, number: str) -> set[str]:
        children = [i.number for i in self.ledger.incidents.values() if i.merged_into == number]
        return {number}.union(*(self._with_children(child) for child in children))

    @invariant()
    def a_subject_has_one_open_incident(self) -> None:
        alive = [i.subject for i in self.ledger.incidents.values() if not i.state.ended]
        named = [s for s in alive if s]
        assert len(named) == len(set(named))


WALKERS = (
    Role.SHIFT_LEAD,
    Role.DISPATCHER,
    Role.INTAKE_OFFICER,
    Role.DEPARTMENT,
    Role.INSPECTOR,
    Role.EVALUATOR,
)
EARLY_END = frozenset({"void", "merge", "close_by_order"})


def _step(row: HistoryRow) -> Step:
    return Step(row.at, row.move, row.by, row.role, row.department, row.to_state, row.data)


def _by_system(name: str) -> set[State]:
    return {State.DISPATCHED} if name == "open" else set()


def _as_first_told(incident: Incident) -> Incident:
    """What no history tells, and nothing else."""
    return Incident(
        number=incident.number,
        state=State.VOID,
        version=-1,
        category="",
        source=incident.source,
        first_event_at=incident.first_event_at,
        last_event_at=NOON,
        reported_at=NOON,
        changed_at=NOON,
        **{name: getattr(incident, name) for name in UNTOLD},
    )


UNTOLD = (
    "subject", "text", "rule", "raw_lon", "raw_lat", "datum", "lon", "lat", "cell", "cell_code", "community",
    "street", "district", "reporter", "media",
)  # fmt: skip

TestDesk = Desk.TestCase
TestDesk.settings = settings(max_examples=60, stateful_step_count=30)


def test_the_fold_notices_a_lost_row() -> None:
    ledger = MemoryLedger()
    desk.receive(ledger, a_verdict(), the_city(), NOON)
    [(number, rows)] = ledger.history.items()
    first = _as_first_told(ledger.load(number))
    with pytest.raises(ValueError, match="gap"):
        fold(first, [rows[0], replace(rows[1], from_state="handled")], _usual)
    with pytest.raises(ValueError, match="gap"):
        fold(first, [rows[0], replace(rows[1], seq=3)], _usual)


def _usual(_: HistoryRow) -> Any:
    return desk.terms_of(the_city())
