"""One step of an incident: begun, joined, moved, merged. Checks the step, writes its line, applies it, tells its fact.

Frozen in, frozen out: nothing here saves, sends, logs or looks at a clock. Who owns an incident and what the city's
routes say is the desk's question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from incidents.errors import MoveForbidden, MoveIncomplete
from incidents.event import Event
from incidents.incident import SYSTEM, Actor, Beginning, HistoryRow, Incident, Kept, changed, told
from incidents.lifecycle import BESIDE, Move, Need, State, check_move
from incidents.policy import USUAL, Policy, Terms
from incidents.replaying import applied
from incidents.standing import ANSWERED_BY, Asking, check_standing
from incidents.timing import area_of

Given = Mapping[str, Any]
_CORRECTS = ("category", "condition")
_SENT = (*_CORRECTS, "department", "assisting", "limit")
_TAKES: Mapping[str, tuple[str, ...]] = {
    "open": _CORRECTS,
    "note": (*_CORRECTS, "handler"),
    "dispatch": _SENT,
    "redispatch": _SENT,
    "accept": ("handler",),
    "confirm": ("inspector",),
    "verify": ("inspector",),
    "ask_suspend": ("until",),
    "review": ("upheld",),
    "merge": ("into",),
}
"""Of what was given, what a move takes into its line, so that the history alone gives the incident again."""

TAKEN = frozenset({"reason", "media", "data"} | {key for keys in _TAKES.values() for key in keys})


@dataclass(frozen=True, slots=True)
class _Step:
    """What was given with a step, when, on which terms."""

    given: Given
    at: datetime
    terms: Terms


def begin(
    number: str,
    event: Event,
    beginning: Beginning,
    at: datetime,
    by: Actor = SYSTEM,
    terms: Terms = USUAL,
) -> Kept:
    """A new incident from its first event."""
    place = event.place
    incident = Incident(
        number=number,
        state=beginning.state,
        version=0,
        category=beginning.category,
        source=event.source,
        first_event_at=event.at,
        last_event_at=event.at,
        reported_at=at,
        changed_at=at,
        subject=event.subject,
        text=event.text,
        urgent=beginning.urgent,
        rule=event.rule,
        raw_lon=place.raw.lon if place.raw else None,
        raw_lat=place.raw.lat if place.raw else None,
        datum=str(place.raw.datum) if place.raw else None,
        lon=place.lon,
        lat=place.lat,
        cell=place.cell,
        cell_code=place.cell_code,
        community=place.community,
        street=place.street,
        district=place.district,
        reporter=event.reporter,
        media=event.media,
        explanation=dict(beginning.explanation),
    )
    name = "report" if beginning.state is State.REPORTED else "open"
    fact = "incident_opened" if name == "open" else BESIDE[name][1]
    data = {**_event_named(event), "category": beginning.category}
    if beginning.urgent:
        data["urgent"] = True
    row = replace(_line(incident, name, by, at, data), from_state=None)
    after, _ = applied(incident, row, terms)
    return told(None, after, row, fact)


def join(
    incident: Incident,
    event: Event,
    at: datetime,
    why: str,
    *,
    urgent: bool = False,
    terms: Terms = USUAL,
) -> Kept:
    """One more event of the same trouble 并入: counted, linked; it may make the incident urgent, and nothing else."""
    data = _event_named(event)
    if urgent and not incident.urgent:
        data["urgent"] = True
    return _kept(incident, _line(incident, "join", SYSTEM, at, data, why), terms)


def move(
    incident: Incident,
    name: str,
    by: Actor,
    at: datetime,
    given: Given | None = None,
    terms: Terms = USUAL,
) -> Kept:
    """The incident after a move of the table; MoveRefused, MoveForbidden or MoveIncomplete if not.

    `given` may hold what the move takes (`_TAKES`), `reason`, `media`, `data`, and `explanation`, which is merged.
    """
    given = given or {}
    row = check_move(incident.state, name, by.role)
    asking = Asking(by, at, terms.policy)
    check_standing(incident, row, asking)
    _check_needs(incident, row, given, asking)
    data = {**(given.get("data") or {}), **_taken(name, given)}
    data |= _DECIDED[name](incident, _Step(given, at, terms)) if name in _DECIDED else {}
    line = _line(incident, name, by, at, data, given.get("reason"), _target(incident, row))
    return _kept(incident, line, terms, given.get("explanation"), row.fact)


def absorb(parent: Incident, child: Incident, by: Actor, at: datetime, terms: Terms) -> Kept:
    """What a merge means to the incident merged into: it has the child's reports as well."""
    data = {"child": child.number, "reports": child.reports}
    return _kept(parent, _line(parent, "absorb", by, at, data), terms)


def release(
    parent: Incident, child: tuple[str, int], by: Actor, at: datetime, terms: Terms
) -> Kept:
    """What an unmerge means to it: the child (number, reports) counts for itself again."""
    data = {"child": child[0], "reports": child[1]}
    return _kept(parent, _line(parent, "release", by, at, data), terms)


def retime(incident: Incident, at: datetime, why: str, terms: Terms) -> Kept:
    """Deadlines by another edition of the calendar; clocks that ended stay as they were judged."""
    return _kept(incident, _line(incident, "retime", SYSTEM, at, {}, why), terms)


def _lacking(incident: Incident, row: Move, given: Given, policy: Policy) -> frozenset[Need]:
    """What a move needs and was not given; a photo where the city's policy asks for one."""
    missing = {need for need in row.needs if _is_missing(incident, need, given)}
    if not given.get("media") and policy.needs_photo(row.name, incident.category):
        missing.add(Need.PHOTO)
    if row.name == "redispatch" and not _text(given, "reason") and _resumes(incident, given):
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


def _check_needs(incident: Incident, row: Move, given: Given, asking: Asking) -> None:
    missing = _lacking(incident, row, given, asking.policy)
    for need in Need:
        if need in missing:
            raise incomplete(row, str(need), _WANTED[need])
    if row.name == "ask_suspend":
        _check_until(row, given["until"], asking)
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


def _taken(name: str, given: Given) -> dict[str, Any]:
    keys = ("media", *_TAKES.get(name, ()))
    data = {key: given[key] for key in keys if given.get(key) not in (None, (), [])}
    if "until" in data:
        data["until"] = data["until"].isoformat()
    for key in ("media", "assisting"):
        if key in data:
            data[key] = list(data[key])
    return data


def _target(incident: Incident, row: Move) -> State:
    """Where it leads; of the moves that may lead to two states, by what stands on record."""
    if row.name == "grant" and incident.asked and incident.asked["kind"] == "suspend":
        return State.SUSPENDED
    if row.name == "unmerge" and incident.opened_at is None:
        return State.REPORTED
    return row.target or incident.state


def _resumes(incident: Incident, given: Given) -> bool:
    """Whether it goes to the department that had it last: then the handling clock goes on."""
    had = incident.returned["from"] if incident.returned else incident.department
    return had is not None and had == given.get("department")


def _sent(_: Incident, step: _Step) -> dict[str, Any]:
    return {"receiver": step.given["department"]}


def _sent_again(incident: Incident, step: _Step) -> dict[str, Any]:
    data = _sent(incident, step)
    return {**data, "resumes": True} if _resumes(incident, step.given) else data


def _given_out(_: Incident, step: _Step) -> dict[str, Any]:
    return {"receiver": step.given["inspector"]} if step.given.get("inspector") else {}


def _granted(incident: Incident, _: _Step) -> dict[str, Any]:
    asked = incident.asked or {}
    data = {"granted": asked["kind"]}
    return {**data, "until": asked["until"]} if "until" in asked else data


def _refused(incident: Incident, _: _Step) -> dict[str, Any]:
    return {"refused": (incident.asked or {})["kind"]}


def _urged(incident: Incident, step: _Step) -> dict[str, Any]:
    levels = step.terms.policy.urge_levels
    level = min((incident.urge or {}).get("level", 0) + 1, len(levels))
    due = step.terms.calendar.add(step.at, step.terms.policy.urge_answer, area_of(incident))
    return {"level": level, "told": list(levels[level - 1]), "answer_by": due.at.isoformat()}


def _reviewed(incident: Incident, step: _Step) -> dict[str, Any]:
    """After two reviews it is decided: upheld if both say so."""
    said = [r["upheld"] for r in (incident.appeal or {})["reviews"]] + [step.given["upheld"]]
    outcome = None if len(said) < 2 else "upheld" if all(said) else "refused"
    return {"outcome": outcome}


def _merged(incident: Incident, _: _Step) -> dict[str, Any]:
    return {"reports": incident.reports}


_DECIDED: Mapping[str, Callable[[Incident, _Step], dict[str, Any]]] = {
    "dispatch": _sent,
    "redispatch": _sent_again,
    "confirm": _given_out,
    "verify": _given_out,
    "grant": _granted,
    "refuse": _refused,
    "urge": _urged,
    "review": _reviewed,
    "merge": _merged,
}
"""What a line says beyond what was given: what the record and the terms make of it."""


def _line(  # noqa: PLR0913, PLR0917 - a line of history is that wide
    incident: Incident,
    name: str,
    by: Actor,
    at: datetime,
    data: Mapping[str, Any],
    reason: str | None = None,
    target: State | None = None,
) -> HistoryRow:
    return HistoryRow(
        seq=incident.version + 1,
        at=at,
        move=name,
        by=by.name,
        role=str(by.role),
        department=by.department,
        from_state=str(incident.state),
        to_state=str(target or incident.state),
        reason=reason,
        data=data,
    )


def _kept(
    before: Incident,
    row: HistoryRow,
    terms: Terms,
    explanation: Mapping[str, Any] | None = None,
    fact: str | None = None,
) -> Kept:
    after, told_of_clocks = applied(before, row, terms)
    if told_of_clocks:
        row = replace(row, data={**row.data, **told_of_clocks})
    if explanation:
        after = changed(after, {"explanation": {**after.explanation, **explanation}})
    return told(before, after, row, fact or BESIDE[row.move][1])


def _event_named(event: Event) -> dict[str, Any]:
    """The event by its name, and the pictures it brought: so that the chain of hashes holds which they were."""
    at = event.at.isoformat()
    named: dict[str, Any] = {"event": {"source": event.source, "id": event.id, "at": at}}
    return named | {"media": list(event.media)} if event.media else named
