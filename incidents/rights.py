"""Whose incident it is 权属: who asks at the desk, on what terms, and whether the incident is theirs to move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from incidents import appeals
from incidents.decisions import Decisions
from incidents.duty import Roster
from incidents.errors import MoveForbidden
from incidents.incident import Actor, Incident
from incidents.lifecycle import Role
from incidents.policy import Terms
from incidents.timing import area_of


@dataclass(frozen=True, slots=True)
class Basis:
    """By what a step is decided: the city's decisions, who is on duty, who asks, when."""

    decisions: Decisions
    by: Actor
    at: datetime
    roster: Roster | None = None

    @property
    def terms(self) -> Terms:
        """Calendar and policy."""
        return terms_of(self.decisions)


def terms_of(decisions: Decisions) -> Terms:
    """The calendar and the policy in force."""
    return Terms(decisions.calendar, decisions.policy)


def owns(incident_: Incident, actor: Actor, name: str | None = None) -> bool:
    """Whether the incident is this actor's to move: a department only its own, an area only what lies in it.

    A department that assists 联动 may note; one above may act for those below it where the city says so; a task is given
    back by the inspector who has it; what is held against a department it may appeal, whoever has the incident now.
    """
    if actor.role is Role.DEPARTMENT and not _of_department(incident_, actor, name):
        return False
    if name == "decline" and incident_.inspector != actor.name:
        return False
    return actor.area is None or (area_of(incident_) or "").startswith(actor.area)


def _of_department(incident_: Incident, actor: Actor, name: str | None) -> bool:
    theirs = (actor.department, *actor.below)
    if incident_.department in theirs:
        return True
    if name == "appeal":
        return not set(appeals.parties(incident_)).isdisjoint(theirs)
    return name == "note" and actor.department in incident_.assisting


def check_owner(incident_: Incident, actor: Actor, name: str | None = None) -> None:
    """MoveForbidden unless the incident is this actor's to move."""
    if owns(incident_, actor, name):
        return
    if name == "decline":
        zh, en = "不在您名下，不能拒接", "is not your task to give back"
    else:
        zh, en = "不属于您的部门或辖区", "is not of your department or area"
    raise MoveForbidden(
        zh=f"案件 {incident_.number} {zh}",
        en=f"incident {incident_.number} {en}",
        number=incident_.number,
        department=incident_.department,
        area=actor.area,
    )
