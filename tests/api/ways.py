"""For every move of the table, the way to an incident on which it may be made over HTTP, and what it then brings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from starlette.testclient import TestClient

from tests.api.town import COVER, Town, move, report

_places = count()

Step = tuple[str, str, dict[str, Any]]
"""Who, which move, with what."""

WHY = {"reason": "因故"}


@dataclass(frozen=True)
class Way:
    """The steps before, and the last one: who makes it, with what; `rival` is another account that may make it too."""

    before: tuple[Step, ...]
    who: str
    given: dict[str, Any] = field(default_factory=dict)
    merges: bool = False
    rival: str | None = None


def ways(town: Town) -> dict[str, Way]:
    """By the move's name; what only the system does is not asked for over HTTP."""
    until = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    to = {"department": town.departments[0]}
    opened: tuple[Step, ...] = (("intake_officer", "open", {}),)
    sent: tuple[Step, ...] = (*opened, ("dispatcher", "dispatch", to))
    handling: tuple[Step, ...] = (*sent, ("department", "accept", {}))
    suspended: tuple[Step, ...] = (
        *handling,
        ("department", "ask_suspend", {**WHY, "until": until}),
        ("dispatcher", "grant", {}),
    )
    asked: tuple[Step, ...] = (*handling, ("department", "ask_extend", WHY))
    handled: tuple[Step, ...] = (*handling, ("department", "report_handled", {}))
    verified: tuple[Step, ...] = (*handled, ("inspector", "verified", {}))
    closed: tuple[Step, ...] = (*verified, ("intake_officer", "close", {}))
    marked: tuple[Step, ...] = (  # 返工: something to appeal against
        *handled,
        ("inspector", "rework", WHY),
        ("department", "report_handled", {}),
        ("inspector", "verified", {}),
        ("intake_officer", "close", {}),
    )
    appealed: tuple[Step, ...] = (*marked, ("department", "appeal", WHY))
    confirming: tuple[Step, ...] = (("intake_officer", "confirm", {"inspector": "inspector"}),)
    return {
        "confirm": Way((), "intake_officer", rival="shift_lead"),
        "confirmed": Way(confirming, "inspector", rival="shift_lead"),
        "not_confirmed": Way(confirming, "inspector", WHY, rival="shift_lead"),
        "decline": Way(confirming, "inspector", WHY),
        "open": Way((), "intake_officer", rival="shift_lead"),
        "void": Way((), "intake_officer", WHY, rival="shift_lead"),
        "dispatch": Way(opened, "dispatcher", to, rival="shift_lead"),
        "redispatch": Way(sent, "dispatcher", {"department": town.departments[1]}, rival="shift_lead"),
        "accept": Way(sent, "department"),
        "send_back": Way(sent, "department", WHY),
        "report_handled": Way(handling, "department"),
        "ask_extend": Way(handling, "department", WHY),
        "ask_suspend": Way(handling, "department", {**WHY, "until": until}),
        "grant": Way(asked, "dispatcher", rival="shift_lead"),
        "refuse": Way(asked, "dispatcher", WHY, rival="shift_lead"),
        "resume": Way(suspended, "dispatcher", rival="department"),
        "verify": Way(handled, "intake_officer", rival="dispatcher"),
        "verified": Way(handled, "inspector", rival="shift_lead"),
        "rework": Way(handled, "inspector", WHY, rival="shift_lead"),
        "close": Way(verified, "intake_officer", rival="shift_lead"),
        "close_by_order": Way(handling, "shift_lead", WHY),
        "reopen": Way(closed, "intake_officer", WHY, rival="shift_lead"),
        "urge": Way(handling, "shift_lead", WHY),
        "answer_urge": Way((*handling, ("shift_lead", "urge", WHY)), "department", WHY, rival="dispatcher"),
        "appeal": Way(marked, "department", WHY),
        "review": Way(appealed, "evaluator", {"upheld": True}, rival="shift_lead"),
        "merge": Way((), "intake_officer", merges=True, rival="dispatcher"),
        "unmerge": Way((), "intake_officer", merges=True, rival="dispatcher"),
        "note": Way((), "intake_officer", WHY, rival="dispatcher"),
    }  # fmt: skip


def walked(client: TestClient, way: Way, name: str) -> tuple[str, dict[str, Any]]:
    """An incident on which the move may be made, and what to bring."""
    number = _reported(client)
    for who, step, given in way.before:
        answer = move(client, who, number, step, **given)
        assert answer.status_code == 200, (step, answer.text)
    given = dict(way.given)
    if way.merges:
        given["into"] = _reported(client)
    if name == "unmerge":
        answer = move(client, way.who, number, "merge", **given)
        assert answer.status_code == 200, answer.text
        given = {}
    return number, given


def _reported(client: TestClient) -> str:
    place = next(_places)
    return report(client, place // 10 % 10, place % 10, category=COVER)
