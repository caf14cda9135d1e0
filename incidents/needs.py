"""What a move must bring with it: a reason, a department, until when, a photo; whose it is to say, and within which bounds.

Asked once what stands on record allows the move (`incidents.standing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from incidents.errors import MoveForbidden, MoveIncomplete
from incidents.incident import Incident
from incidents.lifecycle import Move, Need
from incidents.policy import Policy
from incidents.standing import ANSWERED_BY, Asking, whose

Given = Mapping[str, Any]


def _lacking(incident: Incident, row: Move, given: Given, policy: Policy) -> frozenset[Need]:
    """What a move needs and was not given; a photo where the city's policy asks for one."""
    missing = {need for need in row.needs if _is_missing(incident, need, given)}
    if not given.get("media") and policy.needs_photo(row.name, incident.category):
        missing.add(Need.PHOTO)
    if row.name == "redispatch" and not _text(given, "reason") and resumes(incident, given):
        missing.add(Need.REASON)
    return frozenset(missing)


def _is_missing(incident: Incident, need: Need, given: Given) -> bool:
    if need is Need.VERIFIED:
        return incident.verified_at is None
    if need is Need.UPHELD:
        return not isinstance(given.get("upheld"), bool)
    if need is Need.UNTIL:
        return given.get("until") is None
    return not _text(given, str(need))


def _text(given: Given, key: str) -> str:
    return str(given.get(key) or "").strip()


_WANTED: Mapping[Need, tuple[str, str]] = {
    Need.REASON: ("须写明理由（reason）", "needs a written reason"),
    Need.DEPARTMENT: ("须指定部门（department）", "needs a department"),
    Need.UNTIL: ("须写明挂账至何时（until）", "needs until when"),
    Need.INTO: ("须指明并入哪个案件（into）", "needs the incident to merge into"),
    Need.UPHELD: (
        "须写明是否成立（upheld: true/false）",
        "needs whether it is upheld, true or false",
    ),
    Need.PHOTO: ("须附照片（media）", "needs a photo (media)"),
    Need.VERIFIED: (
        "核查尚未通过；请先由核查人员办理“核查通过”",
        "not verified yet: an inspector makes the move 'verified' first",
    ),
}


def resumes(incident: Incident, given: Given) -> bool:
    """Whether it goes to the department that had it last: then the handling clock goes on."""
    had = incident.returned["from"] if incident.returned else incident.department
    return had is not None and had == given.get("department")


def check_needs(incident: Incident, row: Move, given: Given, asking: Asking) -> None:
    """MoveIncomplete when something is missing or unfit, MoveForbidden when it is another's to say."""
    missing = _lacking(incident, row, given, asking.policy)
    if missing:
        first = next(need for need in Need if need in missing)
        raise incomplete(row, str(first), _WANTED[first])
    if row.name == "ask_suspend":
        _check_until(row, given["until"], asking)
    if row.name in {"appeal", "review"}:
        _check_whose(incident, row, given, asking)
    _check_answer(row, given, asking)
    theirs = {asking.by.department, *asking.by.below} - {None}
    if given.get("handler") and row.name == "note" and incident.department not in theirs:
        raise MoveForbidden(
            zh="经办人由主办部门指定",
            en="who handles it is named by the department in charge",
            move=row.name,
            department=incident.department,
        )


def _check_answer(row: Move, given: Given, asking: Asking) -> None:
    """满意度: a citizen's answer is 1 to 5, and written down by nobody who is scored by it."""
    told = (given.get("data") or {}).get("given")
    if not isinstance(told, Mapping) or "satisfaction" not in told:
        return
    if asking.by.role not in ANSWERED_BY:
        raise MoveForbidden(
            zh="满意度由受理员、值班长登记",
            en="what a citizen answered is written down by the intake officer or the shift lead",
            move=row.name,
            role=str(asking.by.role),
        )
    if type(told["satisfaction"]) is not int or not 1 <= told["satisfaction"] <= 5:
        words = ("满意度须为 1 至 5 的整数", "takes a satisfaction of 1 to 5, a whole number")
        raise incomplete(row, "satisfaction", words)


def _check_whose(incident: Incident, row: Move, given: Given, asking: Asking) -> None:
    """Which department's appeal it is: whoever names one names one that may appeal, or whose appeal waits for him."""
    named = given.get("department")
    if not named:
        return
    fitting = whose(incident, row.name, asking)
    if named not in fitting:
        told = "、".join(fitting)
        words = (f"须为可办理的部门之一：{told}", f"is open for the department {told}")
        raise incomplete(row, "department", words)


def _check_until(row: Move, until: datetime, asking: Asking) -> None:
    most = asking.policy.max_suspension_days
    if not asking.at < until <= asking.at + timedelta(days=most):
        raise incomplete(
            row,
            "until",
            (
                f"挂账须晚于现在、不超过 {most} 天",
                f"needs an until that is later than now, {most} days at most",
            ),
        )


def incomplete(row: Move, needs: str, words: tuple[str, str]) -> MoveIncomplete:
    """The refusal of a move that lacks something; `words` follow its name, Chinese and English."""
    return MoveIncomplete(
        zh=f"“{row.zh}”：{words[0]}",
        en=f"{row.name!r} {words[1]}",
        move=row.name,
        needs=needs,
    )
