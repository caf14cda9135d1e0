"""The rights and rules of the trade said apart from the desk, so that a test can tell when the desk is wrong.

Plain sentences of contract.md, domain.md §2.3 and issue 4 §3 over an incident's public fields; nothing here asks the
lifecycle's table or `incidents.standing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from incidents.decisions import Decisions
from incidents.errors import MoveForbidden, MoveIncomplete, MoveRefused
from incidents.incident import Actor, Incident
from incidents.lifecycle import MOVES, Role, State
from incidents.policy import Mark, PhotoDuty, Policy, SelfCloseRow, SelfClosing
from tests.incidents.builders import FLOOD, LITTER, NOISE, the_decisions

POLICY = Policy(
    reopen_within_days=7,
    appeal_within_days=5,
    appeal_for=(Mark.OVERDUE, Mark.REWORK),
    max_suspension_days=30,
    self_close=(
        SelfCloseRow((FLOOD,), SelfClosing.CLOSE, 30),
        SelfCloseRow((LITTER,), SelfClosing.PROPOSE, 0),
    ),
    photos=(PhotoDuty((NOISE,), ("report_handled",)),),
)
DEPARTMENTS = ("PS", "CG-HW")
WITH_REASON = {
    "not_confirmed", "void", "send_back", "ask_extend", "ask_suspend", "refuse", "rework", "decline",
    "close_by_order", "reopen", "urge", "answer_urge", "appeal", "note",
}  # fmt: skip


@cache
def the_city() -> Decisions:
    """The demonstration city with a policy in which everything can happen."""
    return replace(the_decisions(), policy=POLICY)


def refusals(
    before: Incident,
    name: str,
    by: Actor,
    given: Mapping[str, Any],
    at: datetime,
    others: Mapping[str, Incident],
) -> set[type[Exception]]:
    """The refusals the trade allows for this move; empty: it must succeed."""
    if name == "dispatch" and before.returned is not None and name in MOVES:
        name = "redispatch"
    move = MOVES[name]
    if before.state not in move.sources:
        return {MoveRefused}
    if by.role not in move.roles:
        return {MoveForbidden}
    if not _his(before, name, by):
        return {MoveForbidden}
    return {
        *({MoveRefused} if _against_the_record(before, name, by, at) else ()),
        *({MoveForbidden} if _files_wrongly(before, name, by, given) else ()),
        *({MoveForbidden} if _scores_himself(by, given) else ()),
        *({MoveForbidden} if _names_anothers_handler(before, name, by, given) else ()),
        *({MoveIncomplete} if _lacking(before, name, given, at) else ()),
        *({MoveIncomplete} if _names_a_wrong_department(before, name, by, given) else ()),
        *(_merging(before, by, given, others) if name == "merge" else ()),
    }


def _his(before: Incident, name: str, by: Actor) -> bool:
    helps = name == "note" and by.department in before.assisting
    theirs = {by.department, *by.below}
    if name == "appeal":
        helps = bool(theirs & {*_marks_written(before), _last_holder(before)} - {None})
    if by.role is Role.DEPARTMENT and before.department not in theirs and not helps:
        return False
    if name == "decline" and before.inspector != by.name:
        return False
    return not by.area or (before.cell_code or "").startswith(by.area)


def _files_wrongly(before: Incident, name: str, by: Actor, given: Mapping[str, Any]) -> bool:
    if "category" not in given or name in {"merge", "unmerge"}:
        return False
    unfiled = before.state in {State.REPORTED, State.CONFIRMING, State.OPEN}
    return by.role in {Role.DEPARTMENT, Role.INSPECTOR} or not unfiled


def _names_anothers_handler(
    before: Incident, name: str, by: Actor, given: Mapping[str, Any]
) -> bool:
    """Who of a department handles it, that department says."""
    his = before.department is not None and before.department in {by.department, *by.below}
    return name == "note" and "handler" in given and not his


def _scores_himself(by: Actor, given: Mapping[str, Any]) -> bool:
    """What a citizen answers is written down by the intake officer or the lead."""
    answered = "satisfaction" in given.get("data", {})
    return answered and by.role not in {Role.INTAKE_OFFICER, Role.SHIFT_LEAD}


def _against_the_record(before: Incident, name: str, by: Actor, at: datetime) -> bool:
    closed_days = (at - before.closed_at) / timedelta(days=1) if before.closed_at else 0.0
    asked, verified = before.asked is not None, before.verified_at is not None
    return {
        "open": before.confirmed is False,
        "dispatch": before.returned is not None,
        "redispatch": before.state is State.OPEN and before.returned is None,
        "grant": not asked,
        "refuse": not asked,
        "ask_extend": asked or before.extensions >= 2 or not _in_time(before, at),
        "ask_suspend": asked or before.suspensions >= 1,
        "verify": before.state is State.VERIFYING and verified,
        "decline": before.state is State.VERIFYING and verified,
        "answer_urge": before.urge is None,
        "appeal": closed_days > POLICY.appeal_within_days or not _appellants(before, by),
        "note": before.state is State.CLOSED
        and by.role not in {Role.INTAKE_OFFICER, Role.SHIFT_LEAD},
        "review": not _to_review(before, by),
        "reopen": closed_days > POLICY.reopen_within_days,
        "unmerge": before.merged_into is None,
        "self_close": _not_normal_long_enough(before, at),
    }.get(name, False)


def _last_holder(before: Incident) -> str | None:
    return before.department or (before.returned or {}).get("from")


def _marks_written(before: Incident) -> Mapping[str, Any]:
    """What stands against departments it was taken from."""
    found: Mapping[str, Any] = (before.appeal or {}).get("marks", {})
    return found


def _appellants(before: Incident, by: Actor) -> set[str]:
    """Those of his departments that were too late or had to do it again, and have not appealed yet."""
    heard = (before.appeal or {}).get("heard", {})
    found = set()
    for one in {d for d in (by.department, *by.below) if d} - heard.keys():
        marks = set(_marks_written(before).get(one, ()))
        if one == _last_holder(before):
            marks |= _marks_now(before)
        if marks & {"overdue", "rework"}:
            found.add(one)
    return found


def _marks_now(before: Incident) -> set[str]:
    """Done too late, or to be done again, by who has it."""
    handling = before.clocks.get("handling")
    earlier = (before.appeal or {}).get("counted", {}).get("rework", 0)
    late = handling is not None and handling["late"]
    if late and handling["state"] == "stopped" and before.dispatched_at:  # type: ignore[index]
        ended = datetime.fromisoformat(handling["spans"][-1]["to"])  # type: ignore[index]
        late = ended > before.dispatched_at  # else it was another's, and this one has no limit
    return ({"overdue"} if late else set()) | ({"rework"} if before.reworks > earlier else set())


def _in_time(before: Incident, at: datetime) -> bool:
    handling = before.clocks.get("handling")
    running = handling is not None and handling["state"] == "running"
    return running and at <= datetime.fromisoformat(handling["due_at"])  # type: ignore[index]


def _to_review(before: Incident, by: Actor) -> set[str]:
    """Departments whose appeal waits for somebody who had no part in it yet."""
    heard = (before.appeal or {}).get("heard", {})
    return {
        department
        for department, one in heard.items()
        if len(one["reviews"]) < 2
        and by.name not in {one["by"], *(r["by"] for r in one["reviews"])}
    }


def _not_normal_long_enough(before: Incident, at: datetime) -> bool:
    if before.category != FLOOD or before.normal_since is None:
        return True
    return at < before.normal_since + timedelta(minutes=30)


def _names_a_wrong_department(
    before: Incident, name: str, by: Actor, given: Mapping[str, Any]
) -> bool:
    """One that has nothing to appeal, or no appeal that waits."""
    named = given.get("department")
    fitting = {"appeal": _appellants, "review": _to_review}.get(name)
    return bool(named) and fitting is not None and named not in fitting(before, by)


def _lacking(before: Incident, name: str, given: Mapping[str, Any], at: datetime) -> bool:
    reason = str(given.get("reason") or "").strip()
    if (name in WITH_REASON or name == "self_close") and not reason:
        return True
    if given.get("data", {}).get("satisfaction", 1) not in range(1, 6):
        return True
    if name == "report_handled" and before.category == NOISE:
        return not given.get("media")
    if name in {"dispatch", "redispatch"}:
        had = before.returned["from"] if before.returned else before.department
        same = name == "redispatch" and given.get("department") == had
        return given.get("department") not in DEPARTMENTS or (same and not reason)
    if name == "ask_suspend":
        until = given.get("until")
        return until is None or not at < until <= at + timedelta(days=30)
    if name == "review":
        return not isinstance(given.get("upheld"), bool)
    return name == "close" and before.verified_at is None


def _merging(
    child: Incident, by: Actor, given: Mapping[str, Any], others: Mapping[str, Incident]
) -> set[type[Exception]]:
    into = given.get("into")
    if not into or into == child.number or into not in others or others[into].state.ended:
        return {MoveIncomplete}
    parent = others[into]
    if by.area and not (parent.cell_code or "").startswith(by.area):
        return {MoveForbidden}
    return set()
