"""Receiving at the desk 受理台: what becomes of an event, one transaction, through the Ledger.

Judged, joined to the open incident of the same trouble, or opened; each (source, id) once. Decides by the city's
decisions; sends nothing, looks at no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from incidents import duplicates, moves
from incidents.decisions import Decisions
from incidents.errors import Unavailable
from incidents.event import Event, Origin, Outcome
from incidents.incident import SYSTEM, Actor, Beginning, Incident, Kept
from incidents.ledger import Ledger
from incidents.lifecycle import Role, State
from incidents.merging import merged
from incidents.moving import dispatched_at_once
from incidents.rights import Basis, terms_of
from incidents.rules_book import CountEventsRule
from incidents.rules_events import EventVerdict, judge_event, why_filtered

_ATTEMPTS = 5
_TWINS = frozenset({State.REPORTED, State.OPEN})
"""States in which an incident is merged by itself when it turns out to be the same trouble as an older one."""


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


def receive(  # noqa: PLR0913 - a use case: what is told, judged how, by whom
    ledger: Ledger,
    event: Event,
    decisions: Decisions,
    at: datetime,
    verdict: EventVerdict | None = None,
    by: Actor | None = None,
    *,
    fresh: bool = False,
) -> Receipt:
    """Take in an event: judged, joined to the open incident of the same trouble, or opened; each (source, id) once.

    `verdict` where it was judged already; `by` is the person who reports, else the event's source is named. `fresh`:
    the event got its name just now, so nobody can have told it before.
    CategoryUnknown when what would be opened is of a category that does not exist.
    """
    before = None if fresh else ledger.seen(event.source, event.id)
    if before is not None:
        return _again(ledger, before)
    if event.origin is Origin.RULE and event.kind == "cleared":
        return _cleared(ledger, event, at, decisions)
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


def _join_or_open(ledger: Ledger, arrival: _Arrival, decisions: Decisions) -> Receipt:
    event, why = arrival.event, arrival.verdict.why
    for _ in range(_ATTEMPTS):
        same = _same_trouble(ledger, event, decisions, arrival.verdict.counted)
        if same is not None:
            return _joined(ledger, arrival, same, decisions)
        opened = _opened(ledger, arrival, decisions)
        if ledger.open(opened, event, why):
            after = opened[-1][0]
            return Receipt(Outcome.OPENED, after.number, after, why)
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
    nearby = decisions.nearby_of(event.category) if event.category else None
    if nearby is None and counted is not None and counted.metres is not None:
        nearby = duplicates.Nearby(counted.metres, counted.within)
    if nearby is None:
        return None
    return duplicates.choose(event, _around(ledger, event, nearby), nearby)


def _around(ledger: Ledger, event: Event, nearby: duplicates.Nearby) -> Sequence[Incident]:
    """Open incidents of its category so near and so recent, locked."""
    category, place = event.category, event.place
    if category is None or place.lon is None or place.lat is None:
        return ()
    return ledger.near(category, place.lon, place.lat, nearby.metres, event.at - nearby.within)


def _joined(
    ledger: Ledger, arrival: _Arrival, same: tuple[Incident, str], decisions: Decisions
) -> Receipt:
    found, why = same
    event, at, terms = arrival.event, arrival.at, terms_of(decisions)
    twin = _twin(ledger, event, found, decisions)
    parent, child = found, None
    if twin is not None:
        parent, child = sorted((found, twin), key=lambda one: (one.reported_at, one.number))
    kept = [moves.join(parent, event, at, why, urgent=arrival.verdict.urgent, terms=terms)]
    if child is None:
        ledger.keep(parent, kept)
    else:
        basis = Basis(decisions, SYSTEM, at)
        gone, taken = merged(child, kept[0][0], {"reason": why}, basis)
        ledger.keep_all([(child, [gone]), (parent, [*kept, taken])])
        kept.append(taken)
    ledger.record(event, Outcome.JOINED, why, parent.number)
    return Receipt(Outcome.JOINED, parent.number, kept[-1][0], why)


def _twin(ledger: Ledger, event: Event, found: Incident, decisions: Decisions) -> Incident | None:
    """Another open incident that the event shows to be the same trouble; None unless the younger can still be merged."""
    if event.subject is None or found.subject != event.subject:
        return None  # found by nearness: there was but one choice
    nearby = decisions.nearby_of(event.category) if event.category else None
    if nearby is None:
        return None
    near = _around(ledger, event, nearby)
    others = [one for one in near if one.number != found.number and one.subject is None]
    chosen = duplicates.choose(event, others, nearby)
    if chosen is None:
        return None
    younger = max(found, chosen[0], key=lambda one: (one.reported_at, one.number))
    return chosen[0] if younger.state in _TWINS else None


def _opened(ledger: Ledger, arrival: _Arrival, decisions: Decisions) -> list[Kept]:
    """The new incident, dispatched at once where a route says so; the history shows both, by the system."""
    event, verdict, at = arrival.event, arrival.verdict, arrival.at
    category = event.category or decisions.unsorted
    region = event.place.district or decisions.region
    why = _why_opened(event, verdict, decisions)
    terms = terms_of(decisions)
    begun = moves.begin(
        ledger.next_number(region, decisions.day(at)),
        event,
        Beginning(category, verdict.state, verdict.urgent, why),
        at,
        arrival.by,
        terms,
    )
    if verdict.state is not State.OPEN:
        return [begun]
    return [begun, *dispatched_at_once(begun[0], Basis(decisions, SYSTEM, at))]


def _cleared(ledger: Ledger, event: Event, at: datetime, decisions: Decisions) -> Receipt:
    """Back to normal: a note on the incident its verdict opened or joined, if that is still open."""
    found = _raised_incident(ledger, event)
    if found is None:
        why = "已恢复，但没有未结案件 / back to normal, and no incident is open"
        return _recorded(ledger, event, Outcome.FILTERED, why)
    why = event.text or "监测数据已恢复正常 / readings are back to normal"
    data = {"cleared": {"source": event.source, "id": event.id, "at": event.at.isoformat()}}
    given = {"reason": why, "data": data}
    kept = moves.move(found, "note", SYSTEM, at, given, terms_of(decisions))
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
    while other.merged_into is not None:
        other = ledger.load(other.merged_into)
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


def _teller(event: Event) -> Actor:
    if event.origin is not Origin.PERSON:
        return SYSTEM
    return Actor(event.source.removeprefix("person:"), Role.SYSTEM)
