"""Moves at the desk 受理台: a person's or the system's step on an incident, checked, completed by what the city decided.

One load and one keep for a move, and for moves made together; what an automatic route or a roster adds is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from grid.errors import CityError
from incidents import moves
from incidents.calendar import TimeLimit, Unit
from incidents.decisions import Decisions
from incidents.dispatching import RouteQuestion, Routing, route
from incidents.duty import Choice, Roster, choose_inspector
from incidents.errors import MoveForbidden, MoveRefused, Stale
from incidents.incident import SYSTEM, Actor, Incident, Kept
from incidents.ledger import Ledger
from incidents.lifecycle import MOVES, Move, Need, Role, State, check_move
from incidents.merging import check_slot, merge, unmerge
from incidents.needs import incomplete
from incidents.policy import Terms
from incidents.rights import Basis, check_owner, owns, terms_of
from incidents.standing import Asking, open_moves

_ASKED = (
    *("reason", "department", "assisting", "handler", "inspector", "condition", "category"),
    *("media", "until", "into", "upheld", "data"),
)
"""What a caller may give with a move; limits and explanation are the desk's own."""
_ACROSS = {"merge": merge, "unmerge": unmerge}
_DISPATCHES = frozenset({"dispatch", "redispatch"})
_TASKS = {"confirm": "核实", "verify": "核查"}
_UNFILED = frozenset({State.REPORTED, State.CONFIRMING, State.OPEN})
_HOUR = timedelta(hours=1)


def move(  # noqa: PLR0913, PLR0917 - a use case: whose move, of what, on which version, with what
    ledger: Ledger,
    number: str,
    name: str,
    by: Actor,
    at: datetime,
    given: Mapping[str, Any],
    version: int,
    decisions: Decisions,
    roster: Roster | None = None,
) -> Incident:
    """Make a move of the lifecycle's table; the incident after it. 立案 is followed by 派遣 where a route says so.

    `given["then"]` are further moves by the same actor, made together with it or not at all. IncidentUnknown; Stale
    (its `current` fact is the incident now) when the version is not `version`; MoveRefused, MoveForbidden (role,
    department, area), MoveIncomplete.
    """
    basis = Basis(decisions, by, at, roster)
    if name in _ACROSS:
        before = _of_version(ledger.load(number), version)
        check_move(before.state, name, by.role)
        check_owner(before, by, name)
        return _ACROSS[name](ledger, before, known(given), basis)
    before = _of_version(ledger.at_version(number, version), version)
    try:
        kept = _together(before, name, given, basis)
    except CityError:
        _of_version(
            ledger.load(number), version
        )  # refused: unless somebody was quicker, which is told first
        raise
    if before.state.ended and not kept[-1][0].state.ended:
        check_slot(ledger, before)
    ledger.keep(before, kept)
    return kept[-1][0]


def _of_version(found: Incident, version: int) -> Incident:
    """The incident, if it is of the version that was seen; Stale if not."""
    if found.version != version:
        raise Stale(
            zh=f"案件 {found.number} 已被他人更新（现为第 {found.version} 版），请重新查看",
            en=f"incident {found.number} was changed meanwhile (now version {found.version}); look again",
            current=found,
        )
    return found


def _together(before: Incident, name: str, given: Mapping[str, Any], basis: Basis) -> list[Kept]:
    """A move and those asked to follow it."""
    kept = made(before, name, known(given), basis)
    for one in given.get("then") or ():
        kept += made(kept[-1][0], one["move"], known(one), basis)
    return kept


def moves_for(incident_: Incident, actor: Actor, at: datetime, decisions: Decisions) -> list[Move]:
    """The moves open to the caller now, in the table's order, each with what it needs of this incident."""
    asking = Asking(actor, at, decisions.policy)
    terms = terms_of(decisions)
    return [
        _with_photo(m, incident_, terms)
        for m in open_moves(incident_, asking)
        if owns(incident_, actor, m.name)
        and (Need.VERIFIED not in m.needs or incident_.verified_at is not None)
    ]


def made(incident_: Incident, name: str, given: Mapping[str, Any], basis: Basis) -> list[Kept]:
    """A move, and what follows of it by itself: 派遣 where a route is automatic, another inspector for one who refuses."""
    if name == "dispatch" and incident_.returned is not None:
        name = "redispatch"  # a return stands: sending it again is 改派, whatever it was called
    if name in _ACROSS:
        raise MoveRefused(
            zh=f"“{MOVES[name].zh}”不能与其他办理一并提交",
            en=f"{name!r} cannot be made together with others",
            state=str(incident_.state),
            move=name,
            allowed=(),
        )
    row = check_move(incident_.state, name, basis.by.role)
    check_owner(incident_, basis.by, name)
    full = _completed(incident_, row, given, basis)
    kept = [moves.move(incident_, name, basis.by, basis.at, full, basis.terms)]
    after = kept[0][0]
    if name == "open":
        kept += dispatched_at_once(after, basis)
    if name == "decline":
        kept += reassigned(after, basis)
    return kept


def known(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, without what is not the caller's to give."""
    found = {key: given[key] for key in _ASKED if given.get(key) is not None}
    if "data" in found:
        found["data"] = {"given": found["data"]}  # apart from what the history itself records
    return found


def dispatched_at_once(opened: Incident, basis: Basis) -> list[Kept]:
    """派遣 by the system, where the route of an incident just opened says so."""
    routing = routed(opened, basis)
    if not routing.automatic or routing.department is None:
        return []
    given = {
        "department": routing.department,
        "assisting": routing.assisting,
        "reason": routing.why,
        **_limited(opened.category, opened.condition, routing, basis),
        "explanation": {"dispatch": _explained(routing, routing.department, basis.decisions)},
    }
    return [moves.move(opened, "dispatch", SYSTEM, basis.at, _explain_limit(given), basis.terms)]


def reassigned(incident_: Incident, basis: Basis) -> list[Kept]:
    """The task to the next inspector on duty; nothing when there is none: it waits in the desk's queue, explained."""
    name = "confirm" if incident_.state is State.CONFIRMING else "verify"
    choice = _chosen(incident_, basis)
    given = {
        "inspector": choice.account,
        "reason": choice.why,
        "explanation": _task_explained(name, choice.account, choice.why),
    }
    if choice.account is None:
        note = {
            "reason": f"{_TASKS[name]}任务退回待派：{choice.why}",
            "explanation": given["explanation"],
        }
        return [moves.move(incident_, "note", SYSTEM, basis.at, note, basis.terms)]
    return [moves.move(incident_, name, SYSTEM, basis.at, given, basis.terms)]


def routed(incident_: Incident, basis: Basis) -> Routing:
    """Where the city's routes send it."""
    areas = (incident_.cell_code, incident_.community, incident_.street, incident_.district)
    asked = RouteQuestion(
        incident_.category, tuple(a for a in areas if a), incident_.source, basis.at
    )
    decisions = basis.decisions
    return route(asked, decisions.routes, decisions.calendar, decisions.categories)


def _completed(
    before: Incident, row: Move, given: Mapping[str, Any], basis: Basis
) -> dict[str, Any]:
    """What was given with what the desk knows; MoveIncomplete for a name nobody bears."""
    full = dict(given)
    _check_filed(before, row, full, basis)
    if row.name in _TASKS:
        full |= _assigned(before, row.name, full, basis)
    if row.name not in _DISPATCHES or not full.get("department"):
        return full
    _check_departments(row, full, basis.decisions)
    category = full.get("category", before.category)
    condition = full.get("condition", before.condition if category == before.category else None)
    sent = before if category == before.category else replace(before, category=category)
    routing = routed(sent, basis)
    full |= _limited(category, condition, routing, basis)
    full["explanation"] = {"dispatch": _explained(routing, full["department"], basis.decisions)}
    return _explain_limit(full)


def _check_filed(before: Incident, row: Move, given: dict[str, Any], basis: Basis) -> None:
    """A category or a filing condition that is given must exist, and only the desk files, before it is sent out."""
    if not {"category", "condition"} & given.keys():
        return
    if basis.by.role in {Role.DEPARTMENT, Role.INSPECTOR} or before.state not in _UNFILED:
        raise MoveForbidden(
            zh="类别与立案条件由受理员、派遣员在派遣前更正",
            en="category and condition are corrected by the desk, before the incident is sent out",
            move=row.name,
        )
    key = given.get("category")
    found = (
        basis.decisions.category(before.category)
        if key is None or key == before.category
        else basis.decisions.fileable(key, basis.at)
    )
    code = given.get("condition")
    if code is not None and found.condition(code) is None:
        words = (f"类别 {found.key} 没有立案条件 {code}", f"has no condition {code} of {found.key}")
        raise incomplete(row, "condition", words)


def _check_departments(row: Move, given: dict[str, Any], decisions: Decisions) -> None:
    main, helping = given["department"], tuple(given.get("assisting") or ())
    for code in (main, *helping):
        if decisions.departments and code not in decisions.departments:
            words = (f"没有代码为 {code} 的部门", f"no department has the code {code}")
            raise incomplete(row, "department", words)
    if helping:
        given["assisting"] = tuple(dict.fromkeys(code for code in helping if code != main))


def _limited(
    category: str, condition: str | None, routing: Routing, basis: Basis
) -> dict[str, Any]:
    """The handling limit: the filing condition's, else the route's, else none; and the condition it was taken from."""
    filed = basis.decisions.categories.get(category)
    found = filed.condition(condition) if filed else None
    if found is not None:
        return {"limit": found.limit.as_json(), "condition": found.code}
    if routing.due is not None and routing.due > timedelta(0):
        return {"limit": TimeLimit(routing.due / _HOUR, Unit.URGENT_HOUR).as_json()}
    return {}


def _explain_limit(given: dict[str, Any]) -> dict[str, Any]:
    limit = given.get("limit")
    told = {"limit": limit, "limit_zh": TimeLimit.of(limit).zh if limit else None}
    told["condition"] = given.get("condition")
    given["explanation"]["dispatch"] |= told
    return given


def _assigned(
    before: Incident, name: str, given: Mapping[str, Any], basis: Basis
) -> dict[str, Any]:
    """Who goes: whoever was named, else the roster's choice; nobody, with the reason, where there is none."""
    named = given.get("inspector")
    if named:
        return {"explanation": _task_explained(name, named, f"由 {basis.by.name} 指定 / named")}
    choice = _chosen(
        before
        if before.state in {State.CONFIRMING, State.VERIFYING}
        else replace(before, refused=()),
        basis,
    )
    explanation = _task_explained(name, choice.account, choice.why)
    return {"inspector": choice.account, "explanation": explanation}


def _chosen(incident_: Incident, basis: Basis) -> Choice:
    if basis.roster is None:
        return Choice(None, "未设值班表，任务在待派队列 / no roster: the task waits in the queue")
    people = basis.roster.on_duty(Role.INSPECTOR, basis.at, incident_.cell_code)
    return choose_inspector(
        people, incident_.cell_code, None, incident_.lon, incident_.lat, incident_.refused
    )


def _task_explained(name: str, inspector: str | None, why: str) -> dict[str, Any]:
    return {"task": {"kind": name, "inspector": inspector, "why": why}}


def _explained(routing: Routing, department: str, decisions: Decisions) -> dict[str, Any]:
    return {"department": department, **routing.explained(decisions.routes)}


def _with_photo(row: Move, incident_: Incident, terms: Terms) -> Move:
    if not terms.policy.needs_photo(row.name, incident_.category):
        return row
    return replace(row, needs=row.needs | {Need.PHOTO})
