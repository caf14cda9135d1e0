"""Appeals 申诉: whose they are, against what, how they are decided; each department's own (issue 4 §3, domain.md §1.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from incidents import appeals, moves
from incidents.errors import MoveForbidden, MoveIncomplete, MoveRefused
from incidents.incident import Actor, Incident
from incidents.lifecycle import Role, State
from incidents.policy import Mark, Policy, Terms
from tests.incidents.builders import NOON, an_actor, an_incident, minutes
from tests.incidents.counter import (
    CREW,
    DAY,
    DISPATCHER,
    DRAINAGE,
    FIRST_REVIEW,
    LEAD,
    OFFICER,
    ZHAO,
    Bench,
)
from tests.incidents.trade import the_city


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_an_appeal_is_decided_by_two_different_persons(bench: Bench) -> None:
    closed = bench.reworked()
    appealed = bench.do(closed, "appeal", CREW, reason="配件停产")
    assert appealed.state is State.CLOSED
    once = bench.do(appealed, "review", FIRST_REVIEW, upheld=True)
    assert appeals.heard(once)["CG-HW"]["outcome"] is None
    with pytest.raises(MoveRefused, match="另一人"):
        bench.do(once, "review", FIRST_REVIEW, upheld=True)
    twice = bench.do(once, "review", LEAD, upheld=True)
    assert appeals.heard(twice)["CG-HW"]["outcome"] == "upheld"
    with pytest.raises(MoveRefused):
        bench.do(twice, "appeal", CREW, reason="再诉")


@pytest.mark.parametrize("said", [(True, False), (False, True), (False, False)])
def test_an_appeal_is_refused_unless_both_uphold_it(bench: Bench, said: tuple[bool, bool]) -> None:
    closed = bench.do(bench.reworked(), "appeal", CREW, reason="配件停产")
    bench.do(closed, "review", FIRST_REVIEW, upheld=said[0])
    decided = bench.do(closed, "review", LEAD, upheld=said[1])
    assert appeals.heard(decided)["CG-HW"]["outcome"] == "refused"


def test_an_upheld_appeal_leaves_the_raw_facts_as_they_were(bench: Bench) -> None:
    closed = bench.reworked()
    before = list(bench.ledger.history[closed.number])
    bench.do(closed, "appeal", CREW, reason="配件停产")
    bench.do(closed, "review", FIRST_REVIEW, upheld=True)
    after = bench.do(closed, "review", LEAD, upheld=True)
    assert bench.ledger.history[closed.number][: len(before)] == before
    assert (after.clocks, after.due_at) == (closed.clocks, closed.due_at)


@pytest.mark.parametrize(
    ("held", "mark"),
    [
        (Mark.OVERDUE, {"due_at": NOON, "handled_at": NOON + minutes(1)}),
        (Mark.REWORK, {"reworks": 1}),
        (Mark.SEND_BACK, {"send_backs": 1}),
        (Mark.URGE, {"urges": 1}),
        (Mark.ANYTHING, {}),
    ],
)
def test_what_may_be_appealed_is_the_citys_word(held: Mark, mark: dict[str, Any]) -> None:
    closed = an_incident(state=State.CLOSED, closed_at=NOON + minutes(2), department="CG-HW")
    marked = replace(closed, **mark)

    def appeal(incident: Incident, *heard: Mark) -> Incident:
        terms = Terms(the_city().calendar, Policy(appeal_for=heard))
        return moves.move(incident, "appeal", CREW, NOON + minutes(3), {"reason": "因故"}, terms)[0]

    assert appeal(marked, held).appeal is not None
    with pytest.raises(MoveRefused, match="没有可申诉的"):
        appeal(marked)
    if held is not Mark.ANYTHING:
        with pytest.raises(MoveRefused, match=held.zh):
            appeal(closed, held)


def test_a_department_that_was_in_time_has_nothing_to_appeal_against(bench: Bench) -> None:
    closed = bench.closed()
    assert "appeal" not in bench.offered(closed, CREW)
    with pytest.raises(MoveRefused, match="没有可申诉的"):
        bench.do(closed, "appeal", CREW, reason="因故")


def test_a_department_that_was_late_appeals_against_that(bench: Bench) -> None:
    handling = bench.handling()
    bench.now += DAY * 10
    for name, by in (("report_handled", CREW), ("verified", ZHAO), ("close", OFFICER)):
        bench.do(handling, name, by)
    assert "appeal" in bench.offered(handling, CREW)


def taken_while_overdue(bench: Bench) -> Incident:
    """CG-HW had it for too long; PS got it and was in time, after it had to do it again."""
    handling = bench.handling()
    bench.now += DAY * 10
    bench.do(handling, "redispatch", DISPATCHER, department="PS")
    bench.do(handling, "accept", DRAINAGE)
    bench.do(handling, "report_handled", DRAINAGE)
    bench.do(handling, "rework", ZHAO, reason="未净")
    bench.do(handling, "report_handled", DRAINAGE)
    bench.do(handling, "verified", ZHAO)
    return bench.do(handling, "close", OFFICER)


def test_a_department_it_was_taken_from_while_overdue_appeals_and_so_does_who_had_it_last(
    bench: Bench,
) -> None:
    closed = taken_while_overdue(bench)
    assert appeals.parties(closed) == ("PS", "CG-HW")
    assert appeals.marks(closed, "CG-HW", bench.now) == (Mark.OVERDUE,)
    assert appeals.marks(closed, "PS", bench.now) == (Mark.REWORK,)
    assert bench.offered(closed, CREW) == ["appeal"]
    bench.do(closed, "appeal", CREW, reason="派错了部门")
    assert bench.offered(closed, CREW) == []
    both = bench.do(closed, "appeal", DRAINAGE, reason="雨又冲来了")
    assert appeals.heard(both)["CG-HW"]["about"] == ["overdue"]
    assert appeals.heard(both)["PS"]["about"] == ["rework"]
    with pytest.raises(MoveRefused, match="只能申诉一次"):
        bench.do(closed, "appeal", DRAINAGE, reason="再诉")


def test_each_department_s_appeal_has_its_own_two_reviews(bench: Bench) -> None:
    closed = taken_while_overdue(bench)
    bench.do(closed, "appeal", CREW, reason="派错了部门")
    bench.do(closed, "appeal", DRAINAGE, reason="雨又冲来了")
    for by in (FIRST_REVIEW, LEAD):
        bench.do(closed, "review", by, upheld=True, department="PS")
        with pytest.raises(MoveIncomplete, match="部门之一"):
            bench.do(closed, "review", by, upheld=True, department="PS")
    bench.do(closed, "review", FIRST_REVIEW, upheld=False)  # the one that waits
    after = bench.do(closed, "review", LEAD, upheld=False)
    assert appeals.heard(after)["PS"]["outcome"] == "upheld"
    assert appeals.heard(after)["CG-HW"]["outcome"] == "refused"
    assert "review" not in bench.offered(after, LEAD)


def test_what_a_department_did_with_it_again_is_what_counts(bench: Bench) -> None:
    """Late, taken away, given back to it and in time: nothing is held against it any more."""
    handling = bench.handling()
    bench.now += DAY * 10
    taken = bench.do(handling, "redispatch", DISPATCHER, department="PS")
    assert appeals.marks(taken, "CG-HW", bench.now) == (Mark.OVERDUE,)
    sent = bench.do(handling, "redispatch", DISPATCHER, department="CG-HW")
    assert appeals.marks(sent, "CG-HW", bench.now) == ()


def test_one_above_names_the_department_it_appeals_for(bench: Bench) -> None:
    closed = taken_while_overdue(bench)
    bureau = Actor("ju", Role.DEPARTMENT, "CG", below=("PS", "CG-HW"))
    said = bench.do(closed, "appeal", bureau, reason="代下属申诉", department="CG-HW")
    assert list(appeals.heard(said)) == ["CG-HW"]
    said = bench.do(closed, "appeal", bureau, reason="代下属申诉")
    assert list(appeals.heard(said)) == ["CG-HW", "PS"]
    with pytest.raises(MoveRefused, match="只能申诉一次"):
        bench.do(closed, "appeal", bureau, reason="代下属申诉")


def test_a_department_that_never_had_it_has_no_say(bench: Bench) -> None:
    closed = taken_while_overdue(bench)
    with pytest.raises(MoveForbidden):
        bench.do(closed, "appeal", an_actor(Role.DEPARTMENT, "YL"), reason="因故")


def test_an_appeal_from_before_each_department_had_its_own_goes_on_as_it_began(
    bench: Bench,
) -> None:
    said: dict[str, Any] = {
        "by": "crew",
        "at": NOON.isoformat(),
        "reason": "因故",
        "reviews": [],
        "outcome": None,
    }
    old = replace(bench.reworked(), appeal=said)
    bench.ledger.incidents[old.number] = old
    assert "appeal" not in bench.offered(old, CREW)
    bench.do(old, "review", FIRST_REVIEW, upheld=True)
    decided = bench.do(old, "review", LEAD, upheld=True)
    assert decided.appeal is not None
    assert decided.appeal["outcome"] == "upheld"
    assert [r["by"] for r in appeals.heard(decided)["CG-HW"]["reviews"]] == ["kao", LEAD.name]
