"""待办: whose turn an incident is, said of each state and of what stands on record (docs/lifecycle.md, contract.md)."""

from __future__ import annotations

from typing import Any

import pytest

from incidents.incident import public_view
from incidents.lifecycle import MOVES, Role, State
from incidents.to_do import TURNS, Why, to_do
from tests.incidents.builders import NOON, an_incident, minutes

EXTEND = {"kind": "extend", "by": "li", "at": NOON.isoformat(), "reason": "下雨"}


def urged(*told: str) -> dict[str, Any]:
    return {
        "urge": {"by": "system", "level": 1, "told": list(told)},
        "urge_due_at": NOON + minutes(240),
    }


@pytest.mark.parametrize(
    ("state", "more", "found"),
    [
        (State.REPORTED, {}, "intake_officer=file shift_lead=file"),
        (State.REPORTED, {"confirmed": False}, "intake_officer=void shift_lead=void"),
        (State.CONFIRMING, {"inspector": "wang"}, "inspector=confirm"),
        (State.CONFIRMING, {}, "intake_officer=ask_confirm shift_lead=ask_confirm"),
        (State.OPEN, {}, "dispatcher=dispatch shift_lead=dispatch"),
        (
            State.OPEN,
            {"returned": {"from": "PS"}},
            "dispatcher=redispatch shift_lead=redispatch",
        ),
        (State.DISPATCHED, {"department": "PS"}, "department=accept"),
        (State.HANDLING, {"department": "PS"}, "department=handle"),
        (
            State.HANDLING,
            {"department": "PS", "asked": EXTEND},
            "department=handle dispatcher=extension shift_lead=extension",
        ),
        (
            State.HANDLING,
            {"department": "PS", "asked": {**EXTEND, "kind": "suspend"}},
            "department=handle dispatcher=suspension shift_lead=suspension",
        ),
        (State.SUSPENDED, {"department": "PS"}, ""),
        (State.SUSPENDED, {"department": "PS", **urged("department")}, "department=answer"),
        (
            State.HANDLED,
            {"department": "PS"},
            "dispatcher=ask_verify intake_officer=ask_verify shift_lead=ask_verify",
        ),
        (
            State.VERIFYING,
            {"department": "PS"},
            "dispatcher=ask_verify intake_officer=ask_verify shift_lead=ask_verify",
        ),
        (State.VERIFYING, {"department": "PS", "inspector": "wang"}, "inspector=verify"),
        (
            State.VERIFYING,
            {"department": "PS", "inspector": "wang", "verified_at": NOON},
            "intake_officer=close shift_lead=close",
        ),
        (
            State.HANDLING,
            {"department": "PS", **urged("department", "dispatcher", "shift_lead")},
            "department=handle,answer dispatcher=answer shift_lead=urged",
        ),
        (State.OPEN, urged("department"), "dispatcher=dispatch,answer shift_lead=dispatch"),
        (State.CLOSED, {"department": "PS", "verified_at": NOON}, ""),
        (State.VOID, {}, ""),
    ],
)
def test_whose_turn_it_is_and_for_what(state: State, more: dict[str, Any], found: str) -> None:
    told = to_do(an_incident(state=state, **more))
    assert " ".join(sorted(f"{role}={','.join(whys)}" for role, whys in told.items())) == found


def test_every_turn_is_at_a_move_of_the_table_that_role_may_make_from_there() -> None:
    for turn in TURNS:
        move = MOVES[turn.move]
        assert set(turn.roles) <= move.roles, turn
        assert set(turn.states) <= move.sources, turn


def test_every_reason_has_its_words_and_stands_in_the_table() -> None:
    assert {turn.why for turn in TURNS} == set(Why)
    assert len({why.zh for why in Why}) == len(Why)


def test_a_fact_tells_whom_its_incident_waits_for() -> None:
    told = public_view(an_incident(state=State.OPEN))
    assert told["to_do"] == {str(r): ["dispatch"] for r in (Role.DISPATCHER, Role.SHIFT_LEAD)}
