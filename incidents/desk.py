"""The desk 受理台: what is done with an event and with an asked move, one transaction each, through the Ledger.

Decides by the city's decisions and the lifecycle's table; keeps through the door it is given. Sends nothing, looks
at no clock. Handling limits in working hours are the deadlines' question: `due_at` is opening plus the route's limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from incidents import duplicates, incident
from incidents.decisions import Decisions
from incidents.dispatching import Routing, route
from incidents.errors import MoveForbidden, MoveIncomplete, Stale, Unavailable
from incidents.event import Event, Origin, Outcome
from incidents.incident import SYSTEM, Actor, Incident, Kept
from incidents.lifecycle import Move, Need, Role, State, check_move, moves_from
from incidents.rules_book import CountEventsRule
from incidents.rules_events import EventVerdict, judge_event, why_filtered

_ATTEMPTS = 5
_ASKED = ("reason", "department", "inspector", "data")
"""What a caller may give with a move; due time and explanation are the desk's own."""


class Ledger(Protocol):
    """One transaction's door to incidents 台账; who opens the transaction also ends it."""

    def load(self, number: str) -> Incident:
        """The incident of that number; IncidentUnknown."""

    def open_on(self, subject: str) -> Incident | None:
        """The open incident of a subject, locked until the transaction ends."""

    def near(
        self, category: str, lon: float, lat: float, metres: float, since: datetime
    ) -> Sequence[Incident]:
        """Open incidents of a category within the metres with an event since then, locked, oldest first.

        Before it looks it locks the neighbourhood: nobody else opens one there until the transaction ends.
        """

    def next_number(self, region: str, day: date) -> str:
        """The next number of a region's day, never given twice; NumbersExhausted."""

    def open(self, kept: Sequence[Kept]) -> bool:
        """Keep a new incident with all that happened to it; False when its subject's slot was just taken."""

    def keep(self, before: Incident, kept: Sequence[Kept]) -> None:
        """Keep what became of an incident; Stale when its version moved on."""

    def seen(self, source: str, id: str) -> tuple[Outcome, str | None] | None:  # noqa: A002
        """What became of an event before, and the incident's number; None when it is new."""

    def heard(self, rule: CountEventsRule, event: Event) -> Sequence[Event]:
        """Events recorded before that may count with this one under the rule; no other counts them until the end."""

    def record(self, event: Event, outcome: Outcome, why: str, number: str | None) -> None:
        """Keep an event with what became of it."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an event. `incident` is the incident as it is now; None when filtered."""

    outcome: Outcome
    number: str | None
    incident: Incident | None
    why: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Arrival:
    """An event with its category and subject settled, judged, brought by somebody at a time."""

    event: Event
    verdict: EventVerdict
    by: Actor
    at: datetime


def receive(
    ledger: Ledger,
    event: Event,
    decisions: Decisions,
    at: datetime,
    verdict: EventVerdict | None = None,
    by: Actor | None = None,
) -> Receipt:
    """Take in an event: judged, joined to the open incident of the same trouble, or opened; each (source, id) once.

    `verdict` where it was judged already; `by` is the person who reports, else the event's source is named.
    CategoryUnknown when what would be opened is of a category that does not exist.
    """
    before = ledger.seen(event.source, event.id)
    if before is not None:
        return _again(ledger, before)
    if event.origin is Origin.RULE and event.kind == "cleared":
        return _cleared(ledger, event, at)
    verdict = verdict or judge_event(event, decisions.book, ledger.heard)
    if not verdict.opens:
        why = why_filtered(event, verdict.why, decisions.categories)
        return _recorded(ledger, event, Outcome.FILTERED, why)
    category = verdict.category or decisions.unsorted
    if event.origin is not Origin.RULE and event.category is not None:
        decisions.category(category)
    event = replace(
        event,
        category=category,
        rule=event.rule or verdict.rule,
        saw=event.saw or verdict.saw or None,
        subject=verdict.subject_of(event),
    )
    event = replace(event, subject=duplicates.subject_of(event, category))
    arrival = _Arrival(event, verdict, by or _teller(event), at)
    return _join_or_open(ledger, arrival, decisions)


def move(  # noqa: PLR0913, PLR0917 - a use case: whose move, of what, on which version, with what
    ledger: Ledger,
    number: str,
    name: str,
    by: Actor,
    at: datetime,
    given: Mapping[str, Any],
    version: int,
    decisions: Decisions,
) -> Incident:
    """Make a move of the lifecycle's table; the incident after it. 立案 is followed by 派遣 where a route says so.

    IncidentUnknown; Stale (its `current` fact is the incident now) when the version is not `version`; MoveRefused,
    MoveForbidden (role, department, area), MoveIncomplete.
    """
    before = ledger.load(number)
    if before.version != version:
        raise Stale(
            zh=f"案件 {number} 已被他人更新（现为第 {before.version} 版），请重新查看",
            en=f"incident {number} was changed meanwhile (now version {before.version}); look again",
            current=before,
        )
    check_move(before.state, name, by.role)
    check_owner(before, by)
    kept = [incident.move(before, name, by, at, _completed(before, name, given, decisions))]
    if name == "open":
        kept += _dispatched_at_once(kept[0][0], decisions, at)
    ledger.keep(before, kept)
    return kept[-1][0]


def moves_for(incident_: Incident, actor: Actor) -> list[Move]:
    """The moves open to the caller now, in the table's order."""
    if not owns(incident_, actor):
        return []
    return [
        m
        for m in moves_from(incident_.state, actor.role)
        if Need.VERIFIED not in m.needs or incident_.verified_at is not None
    ]


def owns(incident_: Incident, actor: Actor) -> bool:
    """Whether the incident is this actor's to move: a department only its own, an area only what lies in it."""
    if actor.role is Role.DEPARTMENT and incident_.department != actor.department:
        return False
    return actor.area is None or (_area_of(incident_) or "").startswith(actor.area)


def check_owner(incident_: Incident, actor: Actor) -> None:
    """MoveForbidden unless the incident is this actor's to move."""
    if owns(incident_, actor):
        return
    raise MoveForbidden(
        zh=f"案件 {incident_.number} 不属于您的部门或辖区",
        en=f"incident {incident_.number} is not of your department or area",
        number=incident_.number,
        department=incident_.department,
        area=actor.area,
    )


def _completed(
    before: Incident, name: str, given: Mapping[str, Any], decisions: Decisions
) -> dict[str, Any]:
    """What was given, without what is not the caller's to give, and with what the desk knows."""
    known = {key: given[key] for key in _ASKED if given.get(key) is not None}
    if "data" in known:
        known["data"] = {"given": known["data"]}  # apart from what the history itself records
    if name != "dispatch" or not known.get("department"):
        return known
    department = known["department"]
    if decisions.departments and department not in decisions.departments:
        raise MoveIncomplete(
            zh=f"没有代码为 {department} 的部门",
            en=f"no department has the code {department}",
            move=name,
            needs="department",
        )
    routing = route(before.category, before.cell_code, decisions.routes)
    return {
        **known,
        "due_at": _due(before, routing),
        "explanation": {"dispatch": _explained(routing, department, decisions)},
    }


def _join_or_open(ledger: Ledger, arrival: _Arrival, decisions: Decisions) -> Receipt:
    event, why = arrival.event, arrival.verdict.why
    for _ in range(_ATTEMPTS):
        same = _same_trouble(ledger, event, decisions, arrival.verdict.counted)
        if same is not None:
            return _joined(ledger, arrival, same)
        opened = _opened(ledger, arrival, decisions)
        if ledger.open(opened):
            number = opened[0][0].number
            ledger.record(event, Outcome.OPENED, why, number)
            return Receipt(Outcome.OPENED, number, opened[-1][0], why)
    raise Unavailable(
        zh=f"对象 {event.subject} 的案件正被反复立案与结案，请稍后再试",
        en=f"incidents of {event.subject} keep opening and closing; try again",
        subject=event.subject,
    )


def _same_trouble(
    ledger: Ledger, event: Event, decisions: Decisions, counted: CountEventsRule | None
) -> tuple[Incident, str] | None:
    if event.subject is not None:
        found = ledger.open_on(event.subject)
        if found is not None:
            return found, duplicates.same_subject(found)
    category, place = event.category, event.place
    nearby = decisions.nearby_of(category) if category else None
    if nearby is None and counted is not None and counted.metres is not None:
        nearby = duplicates.Nearby(counted.metres, counted.within)
    if nearby is None or category is None or place.lon is None or place.lat is None:
        return None
    since = event.at - nearby.within
    around = ledger.near(category, place.lon, place.lat, nearby.metres, since)
    return duplicates.choose(event, around, nearby)


def _joined(ledger: Ledger, arrival: _Arrival, same: tuple[Incident, str]) -> Receipt:
    found, why = same
    event = arrival.event
    kept = incident.join(found, event, arrival.at, why, urgent=arrival.verdict.urgent)
    ledger.keep(found, [kept])
    ledger.record(event, Outcome.JOINED, why, found.number)
    return Receipt(Outcome.JOINED, found.number, kept[0], why)


def _opened(ledger: Ledger, arrival: _Arrival, decisions: Decisions) -> list[Kept]:
    """The new incident, dispatched at once where a route says so; the history shows both, by the system."""
    event, verdict, at = arrival.event, arrival.verdict, arrival.at
    category = event.category or decisions.unsorted
    region = event.place.district or decisions.region
    why = _why_opened(event, verdict, decisions)
    begun = incident.begin(
        ledger.next_number(region, _day(at, decisions.time_zone)),
        event,
        incident.Beginning(category, verdict.state, verdict.urgent, why),
        at,
        arrival.by,
    )
    if verdict.state is not State.OPEN:
        return [begun]
    return [begun, *_dispatched_at_once(begun[0], decisions, at)]


def _dispatched_at_once(opened: Incident, decisions: Decisions, at: datetime) -> list[Kept]:
    """派遣 by the system, where the route of an incident just opened says so."""
    routing = route(opened.category, opened.cell_code, decisions.routes)
    if not routing.automatic or routing.department is None:
        return []
    given = {
        "department": routing.department,
        "reason": routing.why,
        "due_at": _due(opened, routing),
        "explanation": {"dispatch": _explained(routing, routing.department, decisions)},
    }
    return [incident.move(opened, "dispatch", SYSTEM, at, given)]


def _cleared(ledger: Ledger, event: Event, at: datetime) -> Receipt:
    """Back to normal: a note on the incident its verdict opened or joined, if that is still open."""
    found = _raised_incident(ledger, event)
    if found is None:
        why = "已恢复，但没有未结案件 / back to normal, and no incident is open"
        return _recorded(ledger, event, Outcome.FILTERED, why)
    why = event.text or "监测数据已恢复正常 / readings are back to normal"
    data = {"cleared": {"source": event.source, "id": event.id, "at": event.at.isoformat()}}
    kept = incident.move(found, "note", SYSTEM, at, {"reason": why, "data": data})
    ledger.keep(found, [kept])
    ledger.record(event, Outcome.JOINED, why, found.number)
    return Receipt(Outcome.JOINED, found.number, kept[0], why)


def _raised_incident(ledger: Ledger, event: Event) -> Incident | None:
    subject = duplicates.subject_of(event, event.category or "")
    found = ledger.open_on(subject) if subject else None
    if found is not None:
        return found
    raised = ledger.seen(event.source, str((event.saw or {}).get("raised_by", "")))
    if raised is None or raised[1] is None:
        return None
    other = ledger.load(raised[1])
    return None if other.state.ended else other


def _again(ledger: Ledger, before: tuple[Outcome, str | None]) -> Receipt:
    outcome, number = before
    why = "此上报信息已收到过 / this event was received before"
    return Receipt(outcome, number, ledger.load(number) if number else None, why, repeated=True)


def _recorded(ledger: Ledger, event: Event, outcome: Outcome, why: str) -> Receipt:
    ledger.record(event, outcome, why, None)
    return Receipt(outcome, None, None, why)


def _why_opened(event: Event, verdict: EventVerdict, decisions: Decisions) -> dict[str, Any]:
    place = event.place
    return {
        "opened": {"why": verdict.why, "rule": verdict.rule, "saw": dict(event.saw or {})},
        "cell": {"code": place.cell_code, "why": place.why},
        "category": {"key": event.category, "edition": decisions.editions.get("standards")},
    }


def _explained(routing: Routing, department: str, decisions: Decisions) -> dict[str, Any]:
    minutes = None if routing.due is None else int(routing.due / timedelta(minutes=1))
    return {
        "department": department,
        "route": routing.route,
        "route_department": routing.department,
        "why": routing.why,
        "tried": list(routing.tried),
        "limit_minutes": minutes,
        "edition": decisions.routes.edition,
    }


def _due(incident_: Incident, routing: Routing) -> datetime | None:
    begins = incident_.opened_at or incident_.reported_at
    return None if routing.due is None else begins + routing.due


def _teller(event: Event) -> Actor:
    if event.origin is not Origin.PERSON:
        return SYSTEM
    return Actor(event.source.removeprefix("person:"), Role.SYSTEM)


def _area_of(incident_: Incident) -> str | None:
    return incident_.cell_code or incident_.community or incident_.street or incident_.district


def _day(at: datetime, time_zone: str) -> date:
    return at.astimezone(ZoneInfo(time_zone)).date()
