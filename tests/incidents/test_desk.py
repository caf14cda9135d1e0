"""The desk over the ledger in memory: what becomes of events, and of asked moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incidents import desk
from incidents.errors import (
    CategoryUnknown,
    MoveForbidden,
    MoveIncomplete,
    MoveRefused,
    Stale,
    Unavailable,
)
from incidents.event import Origin, Outcome, Place
from incidents.incident import Actor, Incident
from incidents.lifecycle import Role, State
from incidents.rules_events import EventVerdict
from tests.incidents.builders import (
    CELL,
    FLOOD,
    LITTER,
    NOON,
    a_place,
    a_report,
    a_verdict,
    an_actor,
    an_event,
    minutes,
    the_decisions,
)
from tests.memory import MemoryLedger

OFFICER = an_actor(Role.INTAKE_OFFICER)
DISPATCHER = an_actor(Role.DISPATCHER)
SANITATION = an_actor(Role.DEPARTMENT, "CG-HW")
DRAINAGE = an_actor(Role.DEPARTMENT, "PS")
INSPECTOR = an_actor(Role.INSPECTOR)
AFTER_THE_HOLIDAYS = datetime(2026, 5, 6, 4, 0, tzinfo=UTC)
"""Four working hours 工作时 from noon on Labour Day: the first working morning, 08:00 to 12:00, of 6 May."""


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


def receive(ledger: MemoryLedger, event: Any, at: Any = NOON) -> desk.Receipt:
    return desk.receive(ledger, event, the_decisions(), at)


def move(ledger: MemoryLedger, incident: Incident, name: str, by: Actor, **given: Any) -> Incident:
    now = ledger.load(incident.number)
    at = now.changed_at + minutes(1)
    return desk.move(ledger, now.number, name, by, at, given, now.version, the_decisions())


def offered(incident: Incident, by: Actor, at: datetime = NOON) -> list[str]:
    return [m.name for m in desk.moves_for(incident, by, at, the_decisions())]


def of(receipt: desk.Receipt) -> Incident:
    assert receipt.incident is not None
    return receipt.incident


# ── events ──


def test_a_persons_report_waits_to_be_accepted(ledger: MemoryLedger) -> None:
    receipt = receive(ledger, a_report())
    assert receipt.outcome is Outcome.OPENED
    assert of(receipt).state is State.REPORTED
    assert of(receipt).number == "9901022026050100001"
    [row] = ledger.history[of(receipt).number]
    assert (row.move, row.by, row.to_state) == ("report", "wang", "reported")


def test_a_report_outside_every_cell_is_numbered_under_the_city(ledger: MemoryLedger) -> None:
    receipt = receive(ledger, a_report(place=a_place(cell_code=None)))
    assert of(receipt).number.startswith("990100")


def test_the_number_bears_the_citys_day_and_not_greenwichs(ledger: MemoryLedger) -> None:
    late = NOON.replace(hour=16, minute=30)  # half past midnight in Shanghai
    assert of(receive(ledger, a_report(), late)).number == "9901022026050200001"


def test_a_report_without_a_category_is_filed_as_unsorted(ledger: MemoryLedger) -> None:
    assert of(receive(ledger, a_report(category=None))).category == the_decisions().unsorted


def test_a_category_nobody_knows_is_refused(ledger: MemoryLedger) -> None:
    with pytest.raises(CategoryUnknown):
        receive(ledger, a_report(category="gb47678.5-2026/matter/77777"))
    assert not ledger.incidents
    assert not ledger.events


def test_a_machines_event_no_rule_asks_for_is_filtered_with_the_reason(
    ledger: MemoryLedger,
) -> None:
    receipt = receive(ledger, an_event(score=0.3))
    assert receipt.outcome is Outcome.FILTERED
    assert "0.3" in receipt.why
    assert receipt.number is None
    assert ledger.seen("cam-01", "e1") == (Outcome.FILTERED, None)


def test_a_machines_event_a_rule_asks_for_is_opened(ledger: MemoryLedger) -> None:
    incident = of(receive(ledger, an_event()))
    assert incident.state is State.OPEN
    assert incident.opened_at == NOON
    assert incident.explanation["opened"]["rule"] == "video-street"


def test_a_rules_verdict_is_opened_and_dispatched_at_once_where_the_route_says_so(
    ledger: MemoryLedger,
) -> None:
    incident = of(receive(ledger, a_verdict()))
    assert (incident.state, incident.department) == (State.DISPATCHED, "PS")
    assert incident.due_at == NOON + minutes(120)
    assert incident.urgent
    assert incident.subject == "device:d-7/rule:road-water-cut"
    moves = [(r.move, r.by, r.to_state) for r in ledger.history[incident.number]]
    assert moves == [("open", "system", "open"), ("dispatch", "system", "dispatched")]
    assert [f.kind for f in ledger.facts] == ["incident_opened", "incident_dispatched"]
    assert incident.explanation["dispatch"]["route"] == "water"


def test_the_same_event_again_changes_nothing(ledger: MemoryLedger) -> None:
    first = receive(ledger, an_event())
    again = receive(ledger, an_event(text="anything else"), NOON + minutes(5))
    assert (again.outcome, again.number, again.repeated) == (first.outcome, first.number, True)
    assert of(again) == of(first)
    assert len(ledger.facts) == 1


def test_a_filtered_event_again_is_not_judged_again(ledger: MemoryLedger) -> None:
    receive(ledger, an_event(score=0.1))
    again = receive(ledger, an_event(score=0.99))
    assert (again.outcome, again.repeated) == (Outcome.FILTERED, True)


def test_a_device_under_one_rule_has_one_open_incident(ledger: MemoryLedger) -> None:
    first = receive(ledger, a_verdict("7:1"))
    far = a_verdict("7:2", at=NOON + timedelta(days=3), place=a_place(5000))
    again = receive(ledger, far)
    assert (again.outcome, again.number) == (Outcome.JOINED, first.number)
    assert of(again).reports == 2
    assert of(again).state is State.DISPATCHED


def test_after_the_end_the_same_device_opens_a_new_incident(ledger: MemoryLedger) -> None:
    first = of(receive(ledger, an_event(category=LITTER, subject="component:1")))
    move(ledger, first, "void", OFFICER, reason="不属实")
    second = receive(ledger, an_event("e2", category=LITTER, subject="component:1"))
    assert second.outcome is Outcome.OPENED
    assert second.number != first.number


def test_a_component_may_have_incidents_of_different_categories(ledger: MemoryLedger) -> None:
    receive(ledger, an_event("1", subject="component:1"))
    other = an_event("2", subject="component:1", category="gb47678.5-2026/matter/09006")
    assert receive(ledger, other).outcome is Outcome.OPENED


def test_two_reports_of_one_litter_heap_are_one_incident(ledger: MemoryLedger) -> None:
    first = receive(ledger, a_report("1"))
    second = receive(ledger, a_report("2", place=a_place(40), at=NOON + minutes(90)))
    assert (second.outcome, second.number) == (Outcome.JOINED, first.number)
    assert "40 米" in second.why
    third = receive(ledger, a_report("3", place=a_place(60), at=NOON + minutes(90)))
    assert third.outcome is Outcome.OPENED


def test_an_urgent_verdict_makes_the_incident_it_joins_urgent(ledger: MemoryLedger) -> None:
    yellow = a_verdict("7:1", rule="road-water-yellow", source="rule:road-water-yellow")
    first = of(receive(ledger, yellow))
    assert not first.urgent
    joined = receive(ledger, a_verdict("7:9"))
    assert (joined.outcome, joined.number) == (Outcome.JOINED, first.number)
    assert of(joined).urgent


def test_back_to_normal_is_noted_on_the_open_incident(ledger: MemoryLedger) -> None:
    first = of(receive(ledger, a_verdict("7:1")))
    back = a_verdict("7:1:cleared", kind="cleared", saw={"raised_by": "7:1"}, text="已恢复")
    receipt = receive(ledger, back)
    assert (receipt.outcome, receipt.number) == (Outcome.JOINED, first.number)
    assert of(receipt).state is first.state
    assert of(receipt).reports == 1
    assert ledger.history[first.number][-1].move == "note"
    assert receive(ledger, back).repeated


def test_back_to_normal_finds_the_incident_its_verdict_had_joined(ledger: MemoryLedger) -> None:
    first = of(receive(ledger, a_verdict("7:1")))
    other = {"subject": "device:d-8", "place": a_place(30)}
    assert receive(ledger, a_verdict("8:1", **other)).outcome is Outcome.JOINED
    back = a_verdict("8:1:cleared", kind="cleared", saw={"raised_by": "8:1"}, **other)
    assert receive(ledger, back).number == first.number


def test_back_to_normal_after_the_end_is_filtered(ledger: MemoryLedger) -> None:
    back = a_verdict("7:1:cleared", kind="cleared", saw={"raised_by": "7:1"})
    receipt = receive(ledger, back)
    assert (receipt.outcome, receipt.number) == (Outcome.FILTERED, None)


def test_a_report_without_a_place_is_joined_to_nothing(ledger: MemoryLedger) -> None:
    receive(ledger, a_report("1"))
    assert receive(ledger, a_report("2", place=Place())).outcome is Outcome.OPENED


def test_the_given_verdict_holds_and_no_rule_is_asked(ledger: MemoryLedger) -> None:
    verdict = EventVerdict(False, LITTER, None, False, State.OPEN, "已另行处理")
    receipt = desk.receive(ledger, an_event(), the_decisions(), NOON, verdict)
    assert (receipt.outcome, receipt.why) == (Outcome.FILTERED, "已另行处理")


def test_the_reporting_person_is_named_when_known(ledger: MemoryLedger) -> None:
    who = an_actor(Role.INSPECTOR)
    receipt = desk.receive(ledger, a_report(), the_decisions(), NOON, by=who)
    [row] = ledger.history[of(receipt).number]
    assert (row.by, row.role) == ("inspector-1", "inspector")


class _AlwaysTaken(MemoryLedger):
    """A ledger in which somebody is always quicker, and the other incident ended when one looks."""

    def open(self, kept: Any, *more: Any) -> bool:
        return False


def test_a_slot_that_is_always_taken_is_an_outage_and_not_an_endless_loop() -> None:
    with pytest.raises(Unavailable):
        receive(_AlwaysTaken(), a_verdict())


class _JustTaken(MemoryLedger):
    """A ledger in which another worker opens the subject between the look and the opening."""

    raced = False

    def open(self, kept: Any, *more: Any) -> bool:
        if not self.raced:
            self.raced = True
            receive(self, a_verdict("7:0"))
        return super().open(kept, *more)


def test_who_loses_the_race_for_a_subject_joins_the_winner() -> None:
    ledger = _JustTaken()
    receipt = receive(ledger, a_verdict("7:1"))
    assert receipt.outcome is Outcome.JOINED
    [incident] = ledger.incidents.values()
    assert incident.reports == 2


# ── moves ──


def test_the_whole_path_from_report_to_closing(ledger: MemoryLedger) -> None:
    incident = of(receive(ledger, a_report()))
    move(ledger, incident, "open", OFFICER)
    sent = move(ledger, incident, "dispatch", DISPATCHER, department="CG-HW")
    assert sent.due_at == AFTER_THE_HOLIDAYS
    move(ledger, incident, "accept", SANITATION)
    move(ledger, incident, "report_handled", SANITATION)
    move(ledger, incident, "rework", INSPECTOR, reason="未清理干净")
    move(ledger, incident, "report_handled", SANITATION)
    move(ledger, incident, "verify", OFFICER, inspector="zhao")
    with pytest.raises(MoveIncomplete):
        move(ledger, incident, "close", OFFICER)
    move(ledger, incident, "verified", INSPECTOR)
    closed = move(ledger, incident, "close", OFFICER)
    assert closed.state is State.CLOSED
    assert [r.seq for r in ledger.history[closed.number]] == list(range(1, closed.version + 1))
    assert len({f.id for f in ledger.facts}) == len(ledger.facts) == closed.version


def test_opening_a_report_is_followed_by_the_automatic_dispatch(ledger: MemoryLedger) -> None:
    incident = of(receive(ledger, a_report(category=FLOOD)))
    assert incident.state is State.REPORTED
    after = move(ledger, incident, "open", OFFICER)
    assert (after.state, after.department) == (State.DISPATCHED, "PS")
    assert [r.move for r in ledger.history[after.number]] == ["report", "open", "dispatch"]


def test_an_incident_sent_back_is_not_dispatched_by_itself_again(ledger: MemoryLedger) -> None:
    incident = of(receive(ledger, a_verdict()))
    back = move(ledger, incident, "send_back", DRAINAGE, reason="不属本部门")
    assert (back.state, back.department, back.due_at) == (State.OPEN, None, None)


def test_a_department_moves_only_its_own(ledger: MemoryLedger) -> None:
    incident = of(receive(ledger, a_verdict()))
    with pytest.raises(MoveForbidden):
        move(ledger, incident, "accept", SANITATION)
    assert offered(incident, SANITATION) == []
    assert offered(incident, DRAINAGE) == ["accept", "send_back", "ask_extend", "note"]


@pytest.mark.parametrize(("area", "may"), [("990102", True), (CELL[:12], True), ("990103", False)])
def test_who_has_an_area_moves_only_what_lies_in_it(
    ledger: MemoryLedger, area: str, may: bool
) -> None:
    incident = of(receive(ledger, a_report()))
    by = an_actor(Role.INTAKE_OFFICER, area=area)
    assert bool(offered(incident, by)) == may
    if may:
        move(ledger, incident, "open", by)
    else:
        with pytest.raises(MoveForbidden):
            move(ledger, incident, "open", by)


def test_what_lies_outside_every_cell_is_not_of_any_area(ledger: MemoryLedger) -> None:
    incident = of(receive(ledger, a_report(place=a_place(cell_code=None))))
    assert not desk.owns(incident, an_actor(Role.INTAKE_OFFICER, area="990102"))


def test_a_move_on_an_older_version_is_told_how_it_stands(ledger: MemoryLedger) -> None:
    incident = of(receive(ledger, a_report()))
    now = move(ledger, incident, "note", OFFICER, reason="先到")
    with pytest.raises(Stale) as refused:
        desk.move(
            ledger, incident.number, "open", OFFICER, NOON, {}, incident.version, the_decisions()
        )
    assert refused.value.facts["current"] == now


def test_a_refused_dispatch_leaves_no_trace(ledger: MemoryLedger) -> None:
    incident = of(receive(ledger, a_report()))
    before = (dict(ledger.incidents), len(ledger.facts))
    with pytest.raises(MoveRefused):
        move(ledger, incident, "dispatch", DISPATCHER, department="CG")
    move_ = replace(incident)
    assert (dict(ledger.incidents), len(ledger.facts)) == before
    assert ledger.load(move_.number) == incident


@pytest.mark.parametrize("department", [None, "", "NOBODY"])
def test_a_dispatch_needs_a_department_that_exists(
    ledger: MemoryLedger, department: str | None
) -> None:
    incident = of(receive(ledger, an_event()))
    with pytest.raises(MoveIncomplete):
        move(ledger, incident, "dispatch", DISPATCHER, department=department)


def test_due_time_and_explanation_are_not_the_callers_to_give(ledger: MemoryLedger) -> None:
    incident = of(receive(ledger, an_event()))
    late = NOON + timedelta(days=99)
    after = move(
        ledger,
        incident,
        "dispatch",
        DISPATCHER,
        department="CG",
        due_at=late,
        explanation={"opened": "别的"},
    )
    assert after.due_at == AFTER_THE_HOLIDAYS
    assert after.explanation["opened"] == incident.explanation["opened"]
    assert after.explanation["dispatch"]["route_department"] == "CG-HW"


def test_closing_is_offered_only_after_verification(ledger: MemoryLedger) -> None:
    incident = replace(of(receive(ledger, an_event())), state=State.VERIFYING)
    assert "close" not in offered(incident, OFFICER)
    verified = replace(incident, verified_at=NOON)
    assert "close" in offered(verified, OFFICER)


def test_a_fact_never_carries_who_reported(ledger: MemoryLedger) -> None:
    receive(ledger, a_report(reporter={"name": "王某", "phone": "13800001234"}))
    assert all("reporter" not in f.incident for f in ledger.facts)
    assert "王某" not in repr(ledger.facts)


def test_events_of_each_origin_are_recorded_with_their_outcome(ledger: MemoryLedger) -> None:
    for event in (an_event("1"), a_report("2", place=a_place(500)), a_verdict("7:3")):
        receive(ledger, event)
    origins = {kept.event.origin for kept in ledger.events.values()}
    assert origins == {Origin.STREAM, Origin.PERSON, Origin.RULE}
    assert all(kept.number in ledger.incidents for kept in ledger.events.values())
