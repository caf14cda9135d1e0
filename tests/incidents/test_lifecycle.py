"""The lifecycle's table, walked whole: every state, every move, every role; and the page drawn from it."""

from dataclasses import fields
from pathlib import Path

import pytest

from incidents.errors import MoveForbidden, MoveRefused
from incidents.lifecycle import BESIDE, ENDED, MOVES, Role, State, check_move, moves_from
from incidents.lifecycle_drawing import markdown
from incidents.policy import Policy

PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"

OF_THE_CONTRACT = {
    "confirm", "confirmed", "not_confirmed", "open", "void", "dispatch", "redispatch", "accept",
    "send_back", "report_handled", "ask_extend", "ask_suspend", "grant", "refuse", "resume",
    "verify", "verified", "rework", "close", "close_by_order", "reopen", "urge", "answer_urge",
    "appeal", "review", "merge", "unmerge", "note",
}  # fmt: skip
"""The moves of the outer surface."""

OURS = {"decline", "self_close"}
"""A task given back, and closing by itself: what issue 4 asks for beyond the outer surface."""

ANYTIME = {"note", "urge", "answer_urge"}

THE_PATH = {
    State.REPORTED: {"confirm", "open", "void", "merge"},
    State.CONFIRMING: {"confirm", "confirmed", "not_confirmed", "decline", "merge"},
    State.OPEN: {"dispatch", "redispatch", "void", "merge", "close_by_order", "self_close"},
    State.DISPATCHED: {
        "accept", "send_back", "redispatch", "ask_extend", "grant", "refuse", "merge",
        "close_by_order", "self_close",
    },
    State.HANDLING: {
        "report_handled", "send_back", "redispatch", "ask_extend", "ask_suspend", "grant", "refuse",
        "merge", "close_by_order", "self_close",
    },
    State.SUSPENDED: {"resume", "close_by_order"},
    State.HANDLED: {"verify", "verified", "rework", "close_by_order", "self_close"},
    State.VERIFYING: {
        "verify", "verified", "rework", "decline", "close", "close_by_order", "self_close",
    },
    State.CLOSED: {"reopen", "appeal", "review", "note"},
    State.VOID: {"unmerge"},
}  # fmt: skip
"""What the trade asks for (domain.md §2.3, issue 4 §3), said apart from the table."""

BY_SYSTEM = {
    "confirm", "verify", "dispatch", "resume", "urge", "self_close", "merge", "note",
}  # fmt: skip
"""What the system does by itself: tasks to the next on duty, automatic routes, clocks, devices, duplicates."""


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("name", sorted(MOVES))
def test_every_move_from_every_state_by_every_role_is_allowed_or_named(
    state: State, name: str
) -> None:
    for role in Role:
        _allowed_or_named(state, name, role)


def _allowed_or_named(state: State, name: str, role: Role) -> None:
    move = MOVES[name]
    if state not in move.sources:
        with pytest.raises(MoveRefused) as refused:
            check_move(state, name, role)
        assert refused.value.facts["allowed"] == tuple(m.name for m in moves_from(state))
    elif role not in move.roles:
        with pytest.raises(MoveForbidden):
            check_move(state, name, role)
        assert move not in moves_from(state, role)
    else:
        assert check_move(state, name, role) is move
        assert move in moves_from(state, role)


def test_a_move_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(MoveRefused) as refused:
        check_move(State.OPEN, "teleport", Role.SHIFT_LEAD)
    assert {"void", "dispatch", "note"} <= set(refused.value.facts["allowed"])


@pytest.mark.parametrize("state", list(THE_PATH))
def test_the_table_allows_what_the_trade_asks_for_and_nothing_else(state: State) -> None:
    anytime = set() if state.ended else ANYTIME
    assert {m.name for m in moves_from(state)} == THE_PATH[state] | anytime


def test_the_table_has_the_moves_of_the_outer_surface_and_two_of_ours() -> None:
    assert set(MOVES) == OF_THE_CONTRACT | OURS


def test_every_state_is_reached_from_the_beginning() -> None:
    assert _reached({State.REPORTED}) == set(State)


@pytest.mark.parametrize("state", [s for s in THE_PATH if s not in ENDED])
def test_from_every_open_state_closing_is_reached(state: State) -> None:
    assert State.CLOSED in _reached({state})


@pytest.mark.parametrize("name", sorted(MOVES))
def test_the_system_itself_does_what_clocks_routes_and_devices_ask_for(name: str) -> None:
    assert (Role.SYSTEM in MOVES[name].roles) == (name in BY_SYSTEM)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.WALL, Role.INGEST, Role.ADMINISTRATOR])
def test_who_only_looks_moves_nothing(role: Role) -> None:
    assert all(role not in move.roles for move in MOVES.values())


def test_the_evaluator_reviews_appeals_and_moves_nothing_else() -> None:
    assert {m.name for m in MOVES.values() if Role.EVALUATOR in m.roles} == {"review"}


@pytest.mark.parametrize("name", ["close_by_order", "urge"])
def test_of_people_only_the_lead_closes_by_order_and_urges(name: str) -> None:
    assert MOVES[name].roles - {Role.SYSTEM} == {Role.SHIFT_LEAD}


def test_nothing_is_told_to_the_world_under_two_names() -> None:
    facts = [m.fact for m in MOVES.values()] + [fact for _, fact in BESIDE.values()]
    assert len(facts) == len(set(facts))


def test_the_page_is_what_the_table_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), (
        "docs/lifecycle.md 已过期 is stale: write it anew from incidents.lifecycle_drawing.markdown()"
    )


def test_the_drawing_shows_every_move_that_leads_somewhere() -> None:
    page = markdown()
    for move in MOVES.values():
        for source in move.sources:
            for end in move.also | ({move.target} if move.target else set()):
                assert f"{source} --> {end}: {move.zh} {move.name}" in page


def test_the_page_tells_every_member_of_the_policy() -> None:
    page = markdown()
    for member in fields(Policy):
        assert f"| `{member.name}` |" in page


def _reached(begin: set[State]) -> set[State]:
    reached, waiting = set(begin), list(begin)
    while waiting:
        state = waiting.pop()
        for move in moves_from(state):
            new = move.targets(state) - reached
            reached |= new
            waiting += new
    return reached
