"""The people of the demo at their desks: who may do what next, how long they take, and how they decide.

They work through the API like everybody else, each with their own account. A decision depends on the
incident's number and nothing else, so that the same incident is always treated the same way.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """What is done with an incident: the move, by whom (a role), with what."""

    move: str
    role: str
    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds an incident rests in a state before somebody takes it up: at least, at most."""

    least: float
    most: float


PACES = {
    "reported": Pace(3, 10),
    "open": Pace(2, 6),
    "dispatched": Pace(3, 9),
    "handling": Pace(6, 45),
    "handled": Pace(3, 8),
    "verifying": Pace(3, 9),
}

_QUICK = Pace(1, 3)
_QUICKLY = 3
"""How many of a day's first incidents of each district are taken up at once, so that whoever has just opened the page
sees the whole path end; what a machine told of keeps its pace."""

_DEVICE_HANDLING = Pace(80, 210)
"""What a machine told of takes longer: whoever repairs it waits until the machine is quiet again."""

_VOID, _SEND_BACK, _REWORK = 0.06, 0.07, 0.08

_NOT_HERE = "经核对不属本系统受理范围，已告知上报人转相关渠道"
_NOT_OURS = "现场核实后不属本部门职责，请改派"
_STILL_YOURS = "核对职责清单，仍由你部门办理"
_NOT_DONE = "现场核查仍未恢复原状，请返工"


def step_for(incident: Mapping[str, Any], department: Callable[[], str]) -> Step | None:
    """What is to be done next with an incident as the API shows it; None: nothing.

    `department` answers which department a dispatcher would choose when no route named one.
    """
    return _STEPS[incident["state"]](incident, department) if incident["state"] in _STEPS else None


def chance(number: str, question: str) -> float:
    """0..1, always the same for one incident and one question."""
    return random.Random(f"{number}/{question}").random()


def rest_s(incident: Mapping[str, Any]) -> float:
    """How many seconds the incident waits in its state before somebody takes it up."""
    machine = (incident.get("subject") or "").startswith("device:")
    slow = machine and incident["state"] == "handling"
    pace = _DEVICE_HANDLING if slow else PACES[incident["state"]]
    if _first(incident) and not machine:
        pace = _QUICK
    part = chance(incident["number"], f"{incident['state']}/{incident['version']}")
    return pace.least + part * (pace.most - pace.least)


def _first(incident: Mapping[str, Any]) -> bool:
    """Whether it is among the first of its district and day, by its number."""
    return incident["number"][-5:].lstrip("0") in {str(n + 1) for n in range(_QUICKLY)}


def _reported(incident: Mapping[str, Any], _: Callable[[], str]) -> Step:
    if chance(incident["number"], "void") < _VOID and not _first(incident):
        return Step("void", "intake_officer", {"reason": _NOT_HERE})
    return Step("open", "intake_officer", {})


def _open(incident: Mapping[str, Any], department: Callable[[], str]) -> Step:
    given = {"department": department()}
    if incident.get("send_backs"):  # back to the one that gave it back: only with a reason
        given["reason"] = _STILL_YOURS
    return Step("dispatch", "dispatcher", given)


def _dispatched(incident: Mapping[str, Any], _: Callable[[], str]) -> Step:
    back = chance(incident["number"], f"send_back/{incident['version']}") < _SEND_BACK
    if back and not _first(incident):
        return Step("send_back", "department", {"reason": _NOT_OURS})
    return Step("accept", "department", {})


def _handling(_: Mapping[str, Any], __: Callable[[], str]) -> Step:
    return Step("report_handled", "department", {})


def _handled(_: Mapping[str, Any], __: Callable[[], str]) -> Step:
    return Step("verify", "dispatcher", {})


def _verifying(incident: Mapping[str, Any], _: Callable[[], str]) -> Step:
    if incident.get("verified_at"):
        return Step("close", "intake_officer", {})
    again = chance(incident["number"], f"rework/{incident['version']}") < _REWORK
    if again and not _first(incident):
        return Step("rework", "inspector", {"reason": _NOT_DONE})
    return Step("verified", "inspector", {})


_STEPS: dict[str, Callable[[Mapping[str, Any], Callable[[], str]], Step]] = {
    "reported": _reported,
    "open": _open,
    "dispatched": _dispatched,
    "handling": _handling,
    "handled": _handled,
    "verifying": _verifying,
}
