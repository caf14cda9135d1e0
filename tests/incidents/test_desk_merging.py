"""Merging, filing, photos, moves made together, and what a device back to normal does, at the desk (issue 4 §3)."""

from __future__ import annotations

import pytest

from incidents import desk
from incidents.errors import MoveForbidden, MoveIncomplete
from incidents.incident import Incident
from incidents.lifecycle import State
from tests.incidents.builders import FLOOD, LITTER, NOISE, a_place, a_verdict, an_event, minutes
from tests.incidents.counter import CREW, DISPATCHER, LEAD, OFFICER, Bench, OnDutyNow
from tests.incidents.trade import the_city


@pytest.fixture
def bench() -> Bench:
    return Bench()


# ── 并案 拆案 ──


def two(bench: Bench) -> tuple[Incident, Incident]:
    return bench.report("r1"), bench.report("r2", place=a_place(500))


def test_a_merge_keeps_both_histories_and_counts_once(bench: Bench) -> None:
    parent, child = two(bench)
    gone = bench.do(child, "merge", OFFICER, into=parent.number, reason="同一堆垃圾")
    assert (gone.state, gone.merged_into) == (State.VOID, parent.number)
    assert bench.ledger.load(parent.number).reports == 2
    assert bench.moves(gone)[-1] == "merge"
    assert bench.moves(parent)[-1] == "absorb"
    assert bench.ledger.history[parent.number][-1].data["child"] == child.number


def test_an_unmerge_takes_it_back(bench: Bench) -> None:
    parent, child = two(bench)
    bench.do(child, "open", OFFICER)
    gone = bench.do(child, "merge", OFFICER, into=parent.number)
    back = bench.do(gone, "unmerge", OFFICER)
    assert (back.state, back.merged_into, back.closed_at) == (State.OPEN, None, None)
    assert bench.ledger.load(parent.number).reports == 1
    assert bench.moves(parent)[-2:] == ["absorb", "release"]


def test_a_child_taken_out_of_work_has_no_deadline_until_it_is_sent_again(bench: Bench) -> None:
    child = bench.dispatched()
    parent = bench.report("other", place=a_place(500))
    assert parent.number != child.number
    assert child.due_at is not None
    gone = bench.do(child, "merge", OFFICER, into=parent.number)
    back = bench.do(gone, "unmerge", OFFICER)
    assert (back.state, back.due_at, back.yellow_at) == (State.OPEN, None, None)


def test_a_child_that_was_never_opened_is_reported_again(bench: Bench) -> None:
    parent, child = two(bench)
    gone = bench.do(child, "merge", OFFICER, into=parent.number)
    assert bench.do(gone, "unmerge", OFFICER).state is State.REPORTED


def test_a_child_of_a_child_is_taken_from_all_above_it(bench: Bench) -> None:
    top, middle = two(bench)
    low = bench.report("r3", place=a_place(900))
    bench.do(low, "merge", OFFICER, into=middle.number)
    bench.do(middle, "merge", OFFICER, into=top.number)
    assert bench.ledger.load(top.number).reports == 3
    bench.do(low, "unmerge", OFFICER)
    assert bench.ledger.load(top.number).reports == 2
    assert bench.ledger.load(middle.number).reports == 1


def test_nothing_is_merged_into_itself_into_nothing_or_into_what_has_ended(bench: Bench) -> None:
    parent, child = two(bench)
    for into in (child.number, "9901022026050199999", None):
        with pytest.raises(MoveIncomplete):
            bench.do(child, "merge", OFFICER, into=into)
    bench.do(parent, "void", OFFICER, reason="不属实")
    with pytest.raises(MoveIncomplete, match="已结束"):
        bench.do(child, "merge", OFFICER, into=parent.number)


def test_an_event_about_a_merged_thing_joins_the_incident_it_was_merged_into(bench: Bench) -> None:
    parent = bench.report("r1")
    child = bench.report("r2", place=a_place(500), subject="component:9")
    bench.do(child, "merge", OFFICER, into=parent.number)
    again = bench.report("r3", place=a_place(500), subject="component:9")
    assert (again.number, again.reports) == (parent.number, 3)


def test_a_report_that_shows_two_incidents_to_be_one_merges_the_younger(bench: Bench) -> None:
    known = bench.report("r1", subject="component:9")
    bench.now += minutes(5)
    unknown = bench.report("r2", place=a_place(60))
    joined = bench.report("r3", place=a_place(30), subject="component:9")
    assert (joined.number, joined.reports) == (known.number, 3)
    gone = bench.ledger.load(unknown.number)
    assert (gone.state, gone.merged_into) == (State.VOID, known.number)
    assert bench.ledger.history[unknown.number][-1].by == "system"


# ── 类别 立案条件 照片 一并办理 ──


def test_a_filing_condition_gives_the_limit(bench: Bench) -> None:
    category = the_city().category(LITTER)
    other = category.conditions[-1]
    incident = bench.do(bench.report(), "open", OFFICER, condition=other.code)
    sent = bench.do(incident, "dispatch", DISPATCHER, department="CG-HW")
    assert sent.condition == other.code
    assert sent.clocks["handling"]["limit"] == other.limit.as_json()


def test_a_condition_of_no_category_is_refused(bench: Bench) -> None:
    with pytest.raises(MoveIncomplete) as refused:
        bench.do(bench.report(), "open", OFFICER, condition="nope")
    assert refused.value.facts["needs"] == "condition"


def test_the_desk_corrects_the_category_and_the_crew_does_not(bench: Bench) -> None:
    corrected = bench.do(bench.report(), "note", OFFICER, category=FLOOD, reason="是积水")
    assert corrected.category == FLOOD
    handling = bench.handling(id_="r2", place=a_place(700))
    with pytest.raises(MoveForbidden):
        bench.do(handling, "note", CREW, category=FLOOD, reason="是积水")


def test_a_photo_is_asked_for_where_the_city_says_so(bench: Bench) -> None:
    handling = bench.handling(category=NOISE)
    now = bench.ledger.load(handling.number)
    [row] = [
        m for m in desk.moves_for(now, CREW, bench.now, the_city()) if m.name == "report_handled"
    ]
    assert "photo" in row.needs
    with pytest.raises(MoveIncomplete) as refused:
        bench.do(handling, "report_handled", CREW)
    assert refused.value.facts["needs"] == "photo"
    done = bench.do(handling, "report_handled", CREW, media=["p1"])
    assert bench.ledger.history[done.number][-1].data["media"] == ["p1"]


def test_moves_asked_together_are_all_made_or_none(bench: Bench) -> None:
    incident = bench.report()
    send = {"move": "dispatch", "department": "CG-HW"}
    sent = bench.do(incident, "open", LEAD, then=[send])
    assert (sent.state, sent.version) == (State.DISPATCHED, 3)
    both = [{"move": "report_handled"}, {"move": "verified"}]
    with pytest.raises(MoveForbidden):
        bench.do(sent, "accept", CREW, then=both)
    assert bench.ledger.load(sent.number) == sent


# ── 设备恢复 ──


def device(bench: Bench, id_: str = "7:1") -> Incident:
    receipt = desk.receive(bench.ledger, a_verdict(id_, at=bench.now), the_city(), bench.now)
    assert receipt.incident is not None
    return receipt.incident


def normal(bench: Bench) -> Incident:
    back = a_verdict("7:1:cleared", kind="cleared", at=bench.now, saw={"raised_by": "7:1"})
    receipt = desk.receive(bench.ledger, back, the_city(), bench.now)
    assert receipt.incident is not None
    return receipt.incident


def test_a_device_back_to_normal_for_long_enough_closes_its_incident_with_the_evidence(
    bench: Bench,
) -> None:
    device(bench)
    bench.now += minutes(10)
    cleared = normal(bench)
    assert cleared.normal_since == bench.now
    assert cleared.wake_at == bench.now + minutes(30)
    bench.now += minutes(30)
    closed = bench.wake(cleared)
    assert closed.state is State.CLOSED
    last = bench.ledger.history[closed.number][-1]
    assert (last.move, last.by) == ("self_close", "system")
    assert last.data["normal_since"] == cleared.normal_since.isoformat()


def test_a_device_that_is_in_trouble_again_closes_nothing(bench: Bench) -> None:
    device(bench)
    cleared = normal(bench)
    bench.now += minutes(10)
    again = device(bench, "7:2")
    assert (again.number, again.normal_since) == (cleared.number, None)
    bench.now += minutes(60)
    assert bench.wake(again).state is State.DISPATCHED


def test_where_the_city_says_so_it_only_proposes_verification(bench: Bench) -> None:
    bench.roster = OnDutyNow(("zhao",))
    event = an_event("7:1", subject="device:x", at=bench.now)
    receipt = desk.receive(bench.ledger, event, the_city(), bench.now)
    assert receipt.incident is not None
    incident = bench.do(receipt.incident, "dispatch", DISPATCHER, department="CG-HW")
    bench.do(incident, "accept", CREW)
    bench.do(incident, "report_handled", CREW)
    back = a_verdict("8", kind="cleared", at=bench.now, source="cam-01", saw={"raised_by": "7:1"})
    desk.receive(bench.ledger, back, the_city(), bench.now)
    proposed = bench.wake(incident)
    assert (proposed.state, proposed.inspector) == (State.VERIFYING, "zhao")
    assert bench.moves(proposed)[-2:] == ["note", "verify"]
    assert bench.wake(proposed) == proposed
