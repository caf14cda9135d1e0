"""Any sequence of events and moves: no state the table does not have, no history lost, no role beyond its rights.

The rights are read from the table by the test itself; the incident is rebuilt from its history by `folded`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from incidents import desk
from incidents.errors import MoveForbidden, MoveIncomplete, MoveRefused
from incidents.event import Outcome
from incidents.incident import Actor, HistoryRow, Incident
from incidents.lifecycle import MOVES, Role, State
from tests.incidents.builders import (
    FLOOD,
    LITTER,
    NOISE,
    NOON,
    a_place,
    a_report,
    a_verdict,
    an_event,
    the_decisions,
)
from tests.memory import MemoryLedger

ACTORS = st.builds(
    Actor,
    st.just("somebody"),
    st.sampled_from(list(Role)),
    st.sampled_from([None, "PS", "CG-HW"]),
    st.sampled_from([None, "990102", "990103"]),
)
GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "reason": st.sampled_from(["因故", " ", ""]),
        "department": st.sampled_from(["PS", "CG-HW", "NOBODY"]),
        "inspector": st.just("zhao"),
    },
)
_CLOCKS = {
    "open": {"opened_at"},
    "dispatch": {"dispatched_at"},
    "accept": {"accepted_at"},
    "report_handled": {"handled_at"},
    "verified": {"verified_at"},
    "close": {"closed_at"},
    "void": {"closed_at"},
}
_UNSET = {
    "dispatch": {"accepted_at", "due_at"},
    "send_back": {"department", "due_at", "accepted_at"},
    "rework": {"handled_at", "verified_at"},
}


def folded(rows: Sequence[HistoryRow]) -> dict[str, Any]:
    """What the history alone says of the incident now."""
    now: dict[str, Any] = dict.fromkeys(
        ("department", "inspector", "due_at", *(c for cs in _CLOCKS.values() for c in cs))
    )
    now["reports"] = 0
    for row in rows:
        assert row.from_state == now.get("state")
        now |= {"state": row.to_state, "version": row.seq, "changed_at": row.at}
        now |= dict.fromkeys(_UNSET.get(row.move, ()))
        now |= dict.fromkeys(_CLOCKS.get(row.move, ()), row.at)
        now |= {k: v for k, v in row.data.items() if k in ("department", "inspector")}
        if "due_at" in row.data:
            now["due_at"] = datetime.fromisoformat(row.data["due_at"])
        now["reports"] += "event" in row.data
    return now


class Desk(RuleBasedStateMachine):
    """People and machines at one desk."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = MemoryLedger()
        self.now = NOON
        self.told = 0
        self.history: dict[str, list[HistoryRow]] = {}

    def _tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    @rule(
        east=st.sampled_from([0, 20, 45, 400]),
        category=st.sampled_from([LITTER, NOISE, FLOOD, None]),
        who=st.sampled_from(["person", "machine", "device"]),
        again=st.booleans(),
    )
    def tell(self, east: float, category: str | None, who: str, again: bool) -> None:
        self.told += not again
        at, name = self._tick(), str(self.told)
        place = a_place(east)
        event = {
            "person": lambda: a_report(name, place=place, category=category, at=at),
            "machine": lambda: an_event(name, place=place, category=category or LITTER, at=at),
            "device": lambda: a_verdict(f"7:{name}", place=place, at=at),
        }[who]()
        before = self.ledger.seen(event.source, event.id)
        receipt = desk.receive(self.ledger, event, the_decisions(), at)
        assert receipt.repeated == (before is not None)
        assert (receipt.number is None) == (receipt.outcome is Outcome.FILTERED)

    @precondition(lambda self: self.ledger.incidents)
    @rule(data=st.data(), name=st.sampled_from(sorted(MOVES)), by=ACTORS, given=GIVEN)
    def ask(self, data: st.DataObject, name: str, by: Actor, given: Mapping[str, Any]) -> None:
        number = data.draw(st.sampled_from(sorted(self.ledger.incidents)))
        before = self.ledger.load(number)
        refusal = _expected(before, name, by, given)
        at = self._tick()
        offered = {m.name for m in desk.moves_for(before, by)}
        asked = (self.ledger, number, name, by, at, given, before.version, the_decisions())
        if refusal is not None:
            with pytest.raises(refusal):
                desk.move(*asked)
            assert self.ledger.load(number) == before
            assert refusal is MoveIncomplete or name not in offered
            return
        assert name in offered
        after = desk.move(*asked)
        assert after.state in {MOVES[name].target or before.state, *_by_system(name)}

    @precondition(lambda self: self.ledger.incidents)
    @rule(data=st.data())
    def walk_on(self, data: st.DataObject) -> None:
        """A sensible step, so that the far states are reached as well."""
        number = data.draw(st.sampled_from(sorted(self.ledger.incidents)))
        now = self.ledger.load(number)
        for role in (Role.SHIFT_LEAD, Role.DISPATCHER, Role.DEPARTMENT, Role.INSPECTOR):
            by = Actor("good", role, now.department if role is Role.DEPARTMENT else None)
            names = [m.name for m in desk.moves_for(now, by) if m.name not in ("note", "void")]
            if names:
                name = data.draw(st.sampled_from(names))
                given = {"reason": "因故", "department": "CG-HW"}
                at = self._tick()
                desk.move(self.ledger, number, name, by, at, given, now.version, the_decisions())
                return

    @invariant()
    def history_only_grows(self) -> None:
        for number, rows in self.history.items():
            assert self.ledger.history[number][: len(rows)] == rows
        self.history = {n: list(rows) for n, rows in self.ledger.history.items()}

    @invariant()
    def each_incident_is_the_fold_of_its_history(self) -> None:
        for number, incident in self.ledger.incidents.items():
            now = folded(self.ledger.history[number])
            assert {k: getattr(incident, k) for k in now} == now

    @invariant()
    def every_step_of_history_is_in_the_table(self) -> None:
        for row in (r for rows in self.ledger.history.values() for r in rows):
            if row.from_state is None:
                assert (row.move, row.to_state) in {("report", "reported"), ("open", "open")}
            elif row.move == "join":
                assert row.to_state == row.from_state
                assert not State(row.to_state).ended
            else:
                move = MOVES[row.move]
                assert State(row.from_state) in move.sources
                assert row.to_state == (move.target or row.from_state)
                assert Role(row.role) in move.roles

    @invariant()
    def every_version_has_one_fact(self) -> None:
        versions = [(f.number, f.version) for f in self.ledger.facts]
        assert len(versions) == len(set(versions))
        assert len(versions) == sum(i.version for i in self.ledger.incidents.values())

    @invariant()
    def reports_count_the_events(self) -> None:
        for incident in self.ledger.incidents.values():
            linked = [e for e in self.ledger.events.values() if e.number == incident.number]
            assert incident.reports == len(linked)

    @invariant()
    def a_subject_has_one_open_incident(self) -> None:
        alive = [i.subject for i in self.ledger.incidents.values() if not i.state.ended]
        named = [s for s in alive if s]
        assert len(named) == len(set(named))


def _by_system(name: str) -> set[State]:
    return {State.DISPATCHED} if name == "open" else set()


def _expected(
    before: Incident, name: str, by: Actor, given: Mapping[str, Any]
) -> type[Exception] | None:
    """The refusal the trade asks for, said apart from the desk."""
    move = MOVES[name]
    if before.state not in move.sources:
        return MoveRefused
    if by.role not in move.roles:
        return MoveForbidden
    if by.role is Role.DEPARTMENT and by.department != before.department:
        return MoveForbidden
    if by.area and not (before.cell_code or "").startswith(by.area):
        return MoveForbidden
    return MoveIncomplete if _lacking(before, name, given) else None


def _lacking(before: Incident, name: str, given: Mapping[str, Any]) -> bool:
    if name in ("void", "send_back", "rework", "note"):
        return not given.get("reason", "").strip()
    if name == "dispatch":
        return given.get("department") not in ("PS", "CG-HW")
    return name == "close" and before.verified_at is None


TestDesk = Desk.TestCase
TestDesk.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_the_fold_notices_a_lost_row() -> None:
    ledger = MemoryLedger()
    desk.receive(ledger, a_verdict(), the_decisions(), NOON)
    [rows] = ledger.history.values()
    with pytest.raises(AssertionError):
        folded([rows[0], replace(rows[1], from_state="handled")])
