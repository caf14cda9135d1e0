"""One step of an incident: begun, joined, moved, merged. Checks the step, writes its line, applies it, tells its fact.

Frozen in, frozen out: nothing here saves, sends, logs or looks at a clock. Who owns an incident and what the city's
routes say is the desk's question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from incidents import appeals
from incidents.event import Event
from incidents.incident import SYSTEM, Actor, Beginning, HistoryRow, Incident, Kept, changed, told
from incidents.lifecycle import BESIDE, Move, State, check_move
from incidents.needs import check_needs, resumes
from incidents.policy import USUAL, Terms
from incidents.replaying import applied
from incidents.standing import Asking, appealing, check_standing, whose
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
    asking: Asking


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
    check_needs(incident, row, given, asking)
    data = {**(given.get("data") or {}), **_taken(name, given)}
    data |= _DECIDED[name](incident, _Step(given, at, terms, asking)) if name in _DECIDED else {}
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


def _sent(incident: Incident, step: _Step) -> dict[str, Any]:
    to = step.given["department"]
    return {"receiver": to, **_taken_from(incident, step, to)}


def _taken_from(incident: Incident, step: _Step, to: str | None = None) -> dict[str, Any]:
    """What stays held against whoever had it, where it goes to another or back to the desk."""
    held = appeals.leaving(incident, to, step.at, step.terms.policy.appeal_for)
    return {"held": held} if held is not None else {}


def _sent_again(incident: Incident, step: _Step) -> dict[str, Any]:
    data = _sent(incident, step)
    return {**data, "resumes": True} if resumes(incident, step.given) else data


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


def _appealed(incident: Incident, step: _Step) -> dict[str, Any]:
    """For which department, and against what: all that is held against it and is heard."""
    found = appealing(incident, step.asking)
    department = step.given.get("department") or next(iter(found))
    return {"for": department, "about": [str(mark) for mark in found[department]]}


def _reviewed(incident: Incident, step: _Step) -> dict[str, Any]:
    """Which department's; after two reviews it is decided: upheld if both say so."""
    department = step.given.get("department") or whose(incident, "review", step.asking)[0]
    earlier = appeals.heard(incident)[department]["reviews"]
    said = [r["upheld"] for r in earlier] + [step.given["upheld"]]
    outcome = None if len(said) < 2 else "upheld" if all(said) else "refused"
    return {"for": department, "outcome": outcome}


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
    "appeal": _appealed,
    "review": _reviewed,
    "reopen": _taken_from,
    "merge": _merged,
    "unmerge": _taken_from,
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
        row = row.telling({**row.data, **told_of_clocks})
    if explanation:
        after = changed(after, {"explanation": {**after.explanation, **explanation}})
    return told(before, after, row, fact or BESIDE[row.move][1])


def _event_named(event: Event) -> dict[str, Any]:
    """The event by its name, and the pictures it brought: so that the chain of hashes holds which they were."""
    at = event.at.isoformat()
    named: dict[str, Any] = {"event": {"source": event.source, "id": event.id, "at": at}}
    return named | {"media": list(event.media)} if event.media else named
