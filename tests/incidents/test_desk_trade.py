"""The trade at the desk, rule by rule: tasks on site, returns, extensions, suspensions, urges, appeals (domain.md §2.3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from incidents.errors import MoveForbidden, MoveIncomplete, MoveRefused
from incidents.incident import Actor
from incidents.lifecycle import Role, State
from tests.incidents.builders import FLOOD, minutes
from tests.incidents.counter import (
    CREW,
    DAY,
    DISPATCHER,
    DRAINAGE,
    LEAD,
    OFFICER,
    QIAN,
    ZHAO,
    Bench,
    OnDutyNow,
)
from tests.incidents.trade import the_city


@pytest.fixture
def bench() -> Bench:
    return Bench()


# ── 核实 核查: tasks on site ──


def test_an_inspector_on_duty_is_chosen_and_the_reason_is_kept(bench: Bench) -> None:
    bench.roster = OnDutyNow(("zhao",))
    asked = bench.do(bench.report(), "confirm", OFFICER)
    assert (asked.state, asked.inspector) == (State.CONFIRMING, "zhao")
    assert "zhao" in asked.explanation["task"]["why"]
    assert bench.ledger.history[asked.number][-1].data["receiver"] == "zhao"


def test_without_anybody_on_duty_the_task_waits_in_the_queue_with_the_reason(bench: Bench) -> None:
    bench.roster = OnDutyNow(())
    asked = bench.do(bench.report(), "confirm", OFFICER)
    assert (asked.state, asked.inspector) == (State.CONFIRMING, None)
    assert "没有网格员值班" in asked.explanation["task"]["why"]
    assert "confirm" in bench.offered(asked, OFFICER)


def test_a_refused_task_goes_to_the_next_on_duty_and_then_to_the_queue(bench: Bench) -> None:
    bench.roster = OnDutyNow(("qian", "zhao"))
    asked = bench.do(bench.report(), "confirm", OFFICER)
    assert asked.inspector == "qian"
    next_ = bench.do(asked, "decline", QIAN, reason="正在他处")
    assert (next_.state, next_.inspector, next_.refused) == (State.CONFIRMING, "zhao", ("qian",))
    assert bench.moves(next_)[-2:] == ["decline", "confirm"]
    queued = bench.do(next_, "decline", ZHAO, reason="车坏了")
    assert queued.inspector is None
    assert queued.refused == ("qian", "zhao")
    assert "均已拒接" in queued.explanation["task"]["why"]


def test_only_the_inspector_who_has_the_task_gives_it_back(bench: Bench) -> None:
    asked = bench.do(bench.report(), "confirm", OFFICER, inspector="zhao")
    with pytest.raises(MoveForbidden):
        bench.do(asked, "decline", QIAN, reason="不去")
    assert "decline" not in bench.offered(asked, QIAN)
    assert "decline" in bench.offered(asked, ZHAO)


def test_what_was_found_untrue_is_voided_or_confirmed_again_but_not_opened(bench: Bench) -> None:
    asked = bench.do(bench.report(), "confirm", OFFICER)
    denied = bench.do(asked, "not_confirmed", ZHAO, reason="现场无垃圾")
    assert (denied.state, denied.confirmed) == (State.REPORTED, False)
    with pytest.raises(MoveRefused, match="不属实"):
        bench.do(denied, "open", OFFICER)
    assert {"void", "confirm"} <= set(bench.offered(denied, OFFICER))
    again = bench.do(denied, "confirm", OFFICER)
    true = bench.do(again, "confirmed", QIAN)
    assert (true.confirmed, true.inspector) == (True, "qian")
    assert bench.do(true, "open", OFFICER).state is State.OPEN


# ── 回退 改派 ──


def test_after_a_return_the_next_step_forward_is_not_offered(bench: Bench) -> None:
    back = bench.do(bench.dispatched(), "send_back", CREW, reason="不属我部门")
    assert back.returned is not None
    assert back.returned["from"] == "CG-HW"
    offered = bench.offered(back, DISPATCHER)
    assert "redispatch" in offered
    assert "dispatch" not in offered


def test_a_plain_dispatch_after_a_return_is_recorded_as_redispatch(bench: Bench) -> None:
    back = bench.do(bench.dispatched(), "send_back", CREW, reason="不属我部门")
    sent = bench.do(back, "dispatch", DISPATCHER, department="PS")
    assert (sent.state, sent.department, sent.returned) == (State.DISPATCHED, "PS", None)
    assert bench.moves(sent)[-1] == "redispatch"


def test_to_the_same_department_it_goes_only_with_a_reason(bench: Bench) -> None:
    back = bench.do(bench.dispatched(), "send_back", CREW, reason="不属我部门")
    with pytest.raises(MoveIncomplete) as refused:
        bench.do(back, "redispatch", DISPATCHER, department="CG-HW")
    assert refused.value.facts["needs"] == "reason"
    sent = bench.do(back, "redispatch", DISPATCHER, department="CG-HW", reason="职责清单写明")
    assert sent.send_backs == 1


def test_what_was_never_sent_out_is_dispatched_and_not_redispatched(bench: Bench) -> None:
    incident = bench.do(bench.report(), "open", OFFICER)
    with pytest.raises(MoveRefused):
        bench.do(incident, "redispatch", DISPATCHER, department="PS")


def test_a_department_takes_back_its_own_assignment_with_the_return(bench: Bench) -> None:
    handling = bench.handling()
    assert handling.handler == "老王"
    assert bench.do(handling, "send_back", CREW, reason="不属我部门").handler is None


def test_an_assisting_department_may_note_and_nothing_else(bench: Bench) -> None:
    incident = bench.do(bench.report(), "open", OFFICER)
    sent = bench.do(incident, "dispatch", DISPATCHER, department="CG-HW", assisting=("PS", "CG-HW"))
    assert sent.assisting == ("PS",)
    assert bench.offered(sent, DRAINAGE) == ["note"]
    bench.do(sent, "note", DRAINAGE, reason="已到场协助")


# ── 延期 挂账 ──


def test_who_handles_it_is_named_by_the_department_in_charge(bench: Bench) -> None:
    incident = bench.report()
    bench.do(incident, "open", OFFICER)
    bench.do(incident, "dispatch", DISPATCHER, department="CG-HW", assisting=["PS"])
    named = bench.do(incident, "note", CREW, reason="换人", handler="老李")
    assert named.handler == "老李"
    for by in (DRAINAGE, DISPATCHER, OFFICER):
        with pytest.raises(MoveForbidden, match="主办部门"):
            bench.do(incident, "note", by, reason="换人", handler="老赵")


def test_two_extensions_are_granted_and_no_third(bench: Bench) -> None:
    incident = bench.handling()
    for n in (1, 2):
        bench.do(incident, "ask_extend", CREW, reason="等配件")
        incident = bench.do(incident, "grant", DISPATCHER)
        assert incident.extensions == n
    with pytest.raises(MoveRefused, match="至多 2 次"):
        bench.do(incident, "ask_extend", CREW, reason="再等")


def test_a_refused_request_does_not_count(bench: Bench) -> None:
    incident = bench.handling()
    for _ in range(3):
        bench.do(incident, "ask_extend", CREW, reason="等配件")
        incident = bench.do(incident, "refuse", DISPATCHER, reason="不必")
    assert (incident.extensions, incident.asked) == (0, None)
    assert "ask_extend" in bench.offered(incident, CREW)


def test_an_extension_is_asked_for_before_the_deadline(bench: Bench) -> None:
    incident = bench.handling()
    assert incident.due_at is not None
    bench.now = incident.due_at + minutes(1)
    with pytest.raises(MoveRefused, match="已超期"):
        bench.do(incident, "ask_extend", CREW, reason="等配件")


def test_an_extension_adds_the_original_limit_to_the_deadline(bench: Bench) -> None:
    incident = bench.do(bench.report(category=FLOOD), "open", OFFICER)
    assert (incident.state, incident.department) == (State.DISPATCHED, "PS")
    assert incident.due_at is not None
    limit = timedelta(hours=incident.clocks["handling"]["limit"]["amount"])
    assert incident.clocks["handling"]["limit"]["unit"] == "urgent_hour"
    bench.do(incident, "ask_extend", DRAINAGE, reason="等泵")
    assert bench.do(incident, "grant", LEAD).due_at == incident.due_at + limit


def test_while_one_request_waits_there_is_no_other(bench: Bench) -> None:
    incident = bench.do(bench.handling(), "ask_extend", CREW, reason="等配件")
    until = bench.now + DAY
    with pytest.raises(MoveRefused, match="待批"):
        bench.do(incident, "ask_suspend", CREW, reason="等雨停", until=until)


def test_a_request_lapses_when_the_incident_moves_on(bench: Bench) -> None:
    incident = bench.do(bench.handling(), "ask_extend", CREW, reason="等配件")
    handled = bench.do(incident, "report_handled", CREW)
    assert handled.asked is None


def test_a_suspension_ends_by_itself_and_is_granted_once(bench: Bench) -> None:
    incident = bench.handling()
    until = bench.now + 3 * DAY
    bench.do(incident, "ask_suspend", CREW, reason="等雨停", until=until)
    suspended = bench.do(incident, "grant", DISPATCHER)
    assert (suspended.state, suspended.suspended_until) == (State.SUSPENDED, until)
    assert (suspended.due_at, suspended.wake_at) == (None, until)
    bench.now = until - minutes(1)
    assert bench.wake(suspended).state is State.SUSPENDED
    bench.now = until
    resumed = bench.wake(suspended)
    assert (resumed.state, resumed.suspended_until) == (State.HANDLING, None)
    assert resumed.due_at is not None
    with pytest.raises(MoveRefused, match="至多 1 次"):
        bench.do(resumed, "ask_suspend", CREW, reason="又下雨", until=bench.now + DAY)


@pytest.mark.parametrize("days", [-1, 0, 31])
def test_a_suspension_is_no_longer_than_the_city_allows(bench: Bench, days: int) -> None:
    incident = bench.handling()
    until = bench.now + days * DAY
    with pytest.raises(MoveIncomplete) as refused:
        bench.do(incident, "ask_suspend", CREW, reason="等雨停", until=until)
    assert refused.value.facts["needs"] == "until"


# ── 督办 ──


def test_the_lead_urges_and_the_department_answers(bench: Bench) -> None:
    urged = bench.do(bench.handling(), "urge", LEAD, reason="市民再次来电")
    assert urged.urge is not None
    assert (urged.urge["level"], urged.urge["told"], urged.urges) == (1, ["department"], 1)
    assert urged.urge_due_at == bench.now + timedelta(hours=4)
    answered = bench.do(urged, "answer_urge", CREW, reason="今日完成")
    assert (answered.urge, answered.urge_due_at) == (None, None)
    with pytest.raises(MoveRefused):
        bench.do(answered, "answer_urge", CREW, reason="又答")


def test_an_urge_that_nobody_answers_goes_up_level_by_level(bench: Bench) -> None:
    urged = bench.do(bench.handling(), "urge", LEAD, reason="市民再次来电")
    for level, told in ((2, 2), (3, 3)):
        assert urged.urge_due_at is not None
        bench.now = urged.urge_due_at + minutes(1)
        urged = bench.wake(urged)
        assert urged.urge is not None
        assert (urged.urge["level"], len(urged.urge["told"])) == (level, told)
    assert urged.urge_due_at is not None
    bench.now = urged.urge_due_at + minutes(1)
    assert bench.wake(urged).version == urged.version, "there is no level above the last"
    assert urged.urges == 1, "a higher level is the same urge"


def test_what_is_overdue_is_urged_by_the_system_once(bench: Bench) -> None:
    incident = bench.handling()
    assert incident.due_at is not None
    assert incident.wake_at == incident.due_at
    bench.now = incident.due_at + minutes(1)
    urged = bench.wake(incident)
    assert (urged.urges, urged.urged_for) == (1, incident.due_at)
    assert bench.ledger.history[urged.number][-1].by == "system"
    assert bench.wake(urged) == urged
    answered = bench.do(urged, "answer_urge", CREW, reason="在做")
    assert bench.wake(answered).urges == 1


def test_reporting_handled_ends_the_urge(bench: Bench) -> None:
    urged = bench.do(bench.handling(), "urge", LEAD, reason="快")
    handled = bench.do(urged, "report_handled", CREW)
    assert (handled.urge, handled.urge_due_at) == (None, None)


# ── 申诉 重开 强制结案 ──


@pytest.mark.parametrize(("name", "by", "days"), [("appeal", CREW, 5), ("reopen", OFFICER, 7)])
def test_after_the_citys_days_it_is_too_late(bench: Bench, name: str, by: Actor, days: int) -> None:
    closed = bench.reworked()
    bench.now += days * DAY + minutes(1)
    with pytest.raises(MoveRefused, match=f"{days} 天"):
        bench.do(closed, name, by, reason="因故")


def test_a_reopened_incident_is_dispatched_anew(bench: Bench) -> None:
    reopened = bench.do(bench.closed(), "reopen", OFFICER, reason="又堆上了")
    assert (reopened.state, reopened.reopened) == (State.OPEN, 1)
    assert (reopened.closed_at, reopened.verified_at, reopened.due_at) == (None, None, None)
    sent = bench.do(reopened, "dispatch", DISPATCHER, department="CG-HW")
    assert sent.due_at is not None


def test_what_was_reopened_meanwhile_under_another_number_is_not_reopened(bench: Bench) -> None:
    first = bench.closed(subject="component:1")
    again = bench.report("r2", subject="component:1")
    with pytest.raises(MoveRefused) as refused:
        bench.do(first, "reopen", OFFICER, reason="又堆上了")
    assert refused.value.facts["other"] == again.number


def test_only_the_lead_closes_by_order_and_says_why(bench: Bench) -> None:
    handling = bench.handling()
    with pytest.raises(MoveForbidden):
        bench.do(handling, "close_by_order", DISPATCHER, reason="上级要求")
    with pytest.raises(MoveIncomplete):
        bench.do(handling, "close_by_order", LEAD)
    assert bench.do(handling, "close_by_order", LEAD, reason="权属争议，移交").state is State.CLOSED


# ── 满意度 上级部门: what a citizen says afterwards; a department above ──


def test_after_closing_the_desk_writes_down_what_the_citizen_says(bench: Bench) -> None:
    closed = bench.closed()
    for by in (OFFICER, LEAD):
        said = bench.do(closed, "note", by, reason="电话回访", data={"satisfaction": 5})
        assert (said.state, said.closed_at, said.clocks) == (
            State.CLOSED, closed.closed_at, closed.clocks,
        )  # fmt: skip
        line = bench.ledger.history[closed.number][-1]
        assert line.data["given"] == {"satisfaction": 5}
    for by in (CREW, DISPATCHER, ZHAO):
        assert "note" not in bench.offered(closed, by)
        with pytest.raises(MoveRefused, match="已结案"):
            bench.do(closed, "note", by, reason="自评")


@pytest.mark.parametrize("by", [CREW, DISPATCHER])
def test_nobody_who_is_scored_by_it_says_how_satisfied_the_citizen_was(
    bench: Bench, by: Actor
) -> None:
    with pytest.raises(MoveForbidden, match="满意度"):
        bench.do(bench.handling(), "note", by, reason="自评", data={"satisfaction": 5})


@pytest.mark.parametrize("answer", [0, 6, True, "好", 4.5, None])
def test_an_answer_that_is_no_answer_is_refused(bench: Bench, answer: object) -> None:
    with pytest.raises(MoveIncomplete) as refused:
        bench.do(bench.closed(), "note", OFFICER, reason="回访", data={"satisfaction": answer})
    assert refused.value.facts["needs"] == "satisfaction"


def test_a_department_above_acts_for_those_below_it_where_it_may(bench: Bench) -> None:
    incident = bench.dispatched()
    above = Actor("局长", Role.DEPARTMENT, "CG")
    with pytest.raises(MoveForbidden):
        bench.do(incident, "accept", above)
    assert bench.offered(incident, above) == []
    may = replace(above, below=the_city().below["CG"])
    accepted = bench.do(incident, "accept", may)
    assert (accepted.state, accepted.department) == (State.HANDLING, "CG-HW")
    assert bench.ledger.history[incident.number][-1].department == "CG"
