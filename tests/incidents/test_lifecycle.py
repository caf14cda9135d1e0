"""The lifecycle's table, walked whole: every state, every move, every role; and the page drawn from it."""

from pathlib import Path

import pytest

from incidents.errors import MoveForbidden, MoveRefused
from incidents.lifecycle import ENDED, MOVES, Role, State, check_move, moves_from
from incidents.lifecycle_drawing import markdown

PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"

OF_THE_CONTRACT = {
    "confirm", "confirmed", "not_confirmed", "open", "void", "dispatch", "redispatch", "accept",
    "send_back", "report_handled", "ask_extend", "ask_suspend", "grant", "refuse", "resume",
    "verify", "verified", "rework", "close", "close_by_order", "reopen", "urge", "answer_urge",
    "appeal", "review", "merge", "unmerge", "note",
}  # fmt: skip
"""The moves of the outer surface; this table has those of the first path."""

THE_PATH = {
    State.REPORTED: {"open", "void"},
    State.OPEN: {"dispatch", "void"},
    State.DISPATCHED: {"accept", "send_back"},
    State.HANDLING: {"report_handled", "send_back"},
    State.HANDLED: {"verify", "verified", "rework"},
    State.VERIFYING: {"verified", "rework", "close"},
    State.CLOSED: set(),
    State.VOID: set(),
}
"""What the first path asks for, said apart from the table; a note may be made in any state not ended."""


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
    assert refused.value.facts["allowed"] == ("void", "dispatch", "note")


@pytest.mark.parametrize("state", list(THE_PATH))
def test_the_table_allows_what_the_first_path_asks_for_and_nothing_else(state: State) -> None:
    assert {m.name for m in moves_from(state)} - {"note"} == THE_PATH[state]


def test_the_table_uses_the_names_of_the_outer_surface() -> None:
    assert set(MOVES) <= OF_THE_CONTRACT


def test_every_state_of_the_path_is_reached_from_the_beginning() -> None:
    assert _reached({State.REPORTED}) == set(THE_PATH)


@pytest.mark.parametrize("state", [s for s in THE_PATH if s not in ENDED])
def test_from_every_open_state_both_an_end_and_closing_are_reached(state: State) -> None:
    assert State.CLOSED in _reached({state})


@pytest.mark.parametrize("state", sorted(ENDED))
def test_an_ended_incident_is_left_by_nothing(state: State) -> None:
    assert moves_from(state) == ()


@pytest.mark.parametrize("name", sorted(MOVES))
def test_the_system_itself_only_dispatches_and_notes(name: str) -> None:
    assert (Role.SYSTEM in MOVES[name].roles) == (name in {"dispatch", "note"})


@pytest.mark.parametrize("role", [Role.EVALUATOR, Role.AUDITOR, Role.WALL, Role.INGEST])
def test_who_only_looks_moves_nothing(role: Role) -> None:
    assert all(role not in move.roles for move in MOVES.values())


def test_the_page_is_what_the_table_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), (
        "docs/lifecycle.md 已过期 is stale: write it anew from incidents.lifecycle_drawing.markdown()"
    )


def test_the_drawing_shows_every_move_that_leads_somewhere() -> None:
    page = markdown()
    for move in MOVES.values():
        for source in move.sources if move.target else ():
            assert f"{source} --> {move.target}: {move.zh} {move.name}" in page


def _reached(begin: set[State]) -> set[State]:
    reached, waiting = set(begin), list(begin)
    while waiting:
        state = waiting.pop()
        for move in moves_from(state):
            if move.target is not None and move.target not in reached:
                reached.add(move.target)
                waiting.append(move.target)
    return reached
