"""Is this the same trouble 查重: first by subject, else by category, distance and time. Decides; asks no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from grid.coordinates import metres_between
from incidents.event import Event
from incidents.incident import Incident


@dataclass(frozen=True, slots=True)
class Nearby:
    """How near and how soon two reports of one category are one trouble: metres, and time since the last report."""

    metres: float
    within: timedelta


def subject_of(event: Event, category: str) -> str | None:
    """What may have one open incident at most: device + rule, component + category; None when nothing is named."""
    if not event.subject:
        return None
    if event.rule and event.subject.startswith("device:"):
        return f"{event.subject}/rule:{event.rule}"
    return f"{event.subject}/{category}"


def same_subject(incident: Incident) -> str:
    """The sentence for an event that joined by its subject."""
    return (
        f"与案件 {incident.number} 同一对象（{incident.subject}），并入 / "
        f"same subject as incident {incident.number}, joined"
    )


def choose(
    event: Event, candidates: Sequence[Incident], nearby: Nearby
) -> tuple[Incident, str] | None:
    """The incident the event belongs to, with a sentence why: the nearest, of equally near ones the oldest number.

    A candidate counts when it is not ended, lies within the metres, and the event is within the time of the span
    from the incident's first event to its last. Categories are the caller's to compare.
    """
    if event.place.lon is None or event.place.lat is None:
        return None
    ranked = sorted(
        (metres, incident.number, incident)
        for incident in candidates
        if not incident.state.ended
        and (metres := _metres(event, incident)) <= nearby.metres
        and apart(event.at, incident) <= nearby.within
    )
    if not ranked:
        return None
    metres, number, incident = ranked[0]
    minutes = int(apart(event.at, incident).total_seconds() // 60)
    limit = int(nearby.within.total_seconds() // 60)
    return incident, (
        f"与案件 {number} 同类别，相距 {metres:.0f} 米（≤ {nearby.metres:g}），相隔 {minutes} 分钟（≤ {limit}），并入 / "
        f"same category as incident {number}, {metres:.0f} m away (≤ {nearby.metres:g}), "
        f"{minutes} min apart (≤ {limit}), joined"
    )


def apart(moment: datetime, incident: Incident) -> timedelta:
    """How long before the incident's first event or after its last; nothing in between."""
    return max(incident.first_event_at - moment, moment - incident.last_event_at, timedelta(0))


def _metres(event: Event, incident: Incident) -> float:
    if incident.lon is None or incident.lat is None:
        return float("inf")
    assert event.place.lon is not None
    assert event.place.lat is not None
    return float(metres_between(event.place.lon, event.place.lat, incident.lon, incident.lat))
