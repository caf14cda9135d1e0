"""Waking at the desk 受理台: what the system itself must do with an incident by now, and when to look at it again.

Resuming from 挂账, 督办 of what is overdue, its escalation, self-closing, deadlines by a calendar confirmed since. A sweep
finds incidents by `wake_at` and calls `wake`; to do so twice does nothing twice.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from incidents import moves
from incidents.decisions import Decisions
from incidents.duty import Roster
from incidents.errors import MoveRefused
from incidents.incident import SYSTEM, Incident, Kept
from incidents.ledger import Ledger
from incidents.lifecycle import State, check_move
from incidents.moving import made
from incidents.policy import SelfClosing
from incidents.rights import Basis
from incidents.timing import recomputed, wake_at

_MOST = 20
"""Steps of one incident at one waking: far more than can be due at once, so that a fault of ours ends."""


def wake(
    ledger: Ledger,
    number: str,
    at: datetime,
    decisions: Decisions,
    roster: Roster | None = None,
) -> Incident:
    """Make every move of the system that is due on the incident; the incident after them.

    IncidentUnknown; Stale when somebody moved it meanwhile: then it is woken again by its new `wake_at`.
    """
    before = ledger.load(number)
    basis = Basis(decisions, SYSTEM, at, roster)
    kept: list[Kept] = []
    now = before
    for _ in range(_MOST):
        steps = _due(now, basis)
        if not steps:
            break
        kept += steps
        now = kept[-1][0]
    if kept:
        ledger.keep(before, kept)
        return now
    again = wake_at(before, decisions.policy, at)
    if again != before.wake_at:
        ledger.sleep(before, again)
        return replace(before, wake_at=again)
    return before


def _due(incident: Incident, basis: Basis) -> list[Kept]:
    """The next step that is due; none when nothing is."""
    if incident.state.ended:
        return []
    for step in (_retimed, _resumed, _closed_by_itself, _urged):
        kept = step(incident, basis)
        if kept:
            return kept
    return []


def _retimed(incident: Incident, basis: Basis) -> list[Kept]:
    """Deadlines that the calendar in force says otherwise: one beyond what was confirmed, or a day that was corrected since.

    A deadline that its own explanation contradicts would be nobody's to defend; the history tells the edition.
    """
    if recomputed(incident, basis.terms).clocks == incident.clocks:
        return []
    edition = basis.decisions.editions.get("calendar", 0)
    why = f"工作日历第 {edition} 版 / edition {edition} of the working calendar"
    return [moves.retime(incident, basis.at, why, basis.terms)]


def _resumed(incident: Incident, basis: Basis) -> list[Kept]:
    until = incident.suspended_until
    if incident.state is not State.SUSPENDED or until is None or until > basis.at:
        return []
    reason = "挂账到期，自动恢复 / the suspension is over"
    return [moves.move(incident, "resume", SYSTEM, basis.at, {"reason": reason}, basis.terms)]


def _urged(incident: Incident, basis: Basis) -> list[Kept]:
    """督办 of what is overdue, once for each deadline; one level up when nobody answered."""
    policy, due = basis.decisions.policy, incident.due_at
    if (
        policy.auto_urge_overdue
        and due is not None
        and due < basis.at
        and incident.urged_for != due
    ):
        data: dict[str, object] = {"deadline": due.isoformat()}
        if incident.urge is not None:
            data["escalated"] = True
        reason = f"处置超期（时限 {_local(due, basis)}） / handling is overdue"
        return _urge(incident, reason, data, basis)
    answer_by, level = incident.urge_due_at, (incident.urge or {}).get("level", 0)
    if answer_by is None or answer_by >= basis.at or level >= len(policy.urge_levels):
        return []
    reason = f"督办逾期未答复，升级为 {level + 1} 级 / nobody answered: one level up"
    return _urge(incident, reason, {"escalated": True}, basis)


def _urge(incident: Incident, reason: str, data: dict[str, object], basis: Basis) -> list[Kept]:
    given = {"reason": reason, "data": data}
    return [moves.move(incident, "urge", SYSTEM, basis.at, given, basis.terms)]


def _closed_by_itself(incident: Incident, basis: Basis) -> list[Kept]:
    """自动结案, or a word that it could be verified, when the device has been normal for long enough."""
    row = basis.decisions.policy.self_closing(incident.category)
    since = incident.normal_since
    if row is None or since is None or basis.at < since + row.after:
        return []
    if "proposed" in incident.explanation:
        return []
    evidence = f"设备自 {_local(since, basis)} 起恢复正常 / the device is back to normal since then"
    if row.action is SelfClosing.CLOSE and _may(incident, "self_close"):
        given = {"reason": evidence, "data": {"normal_since": since.isoformat()}}
        return [moves.move(incident, "self_close", SYSTEM, basis.at, given, basis.terms)]
    note = {
        "reason": f"建议核查：{evidence}",
        "data": {"proposal": "verify", "normal_since": since.isoformat()},
    }
    said = [moves.move(incident, "note", SYSTEM, basis.at, note, basis.terms)]
    if incident.state is State.HANDLED:
        said += made(said[0][0], "verify", {"reason": evidence}, basis)
    return said


def _may(incident: Incident, name: str) -> bool:
    try:
        check_move(incident.state, name, SYSTEM.role)
    except MoveRefused:
        return False
    return True


def _local(at: datetime, basis: Basis) -> str:
    return f"{at.astimezone(basis.terms.calendar.zone):%Y-%m-%d %H:%M}"
