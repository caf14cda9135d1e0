"""An event of the past as a rehearsal takes it: as it was told, with what became of it; and so much of an incident as
finding the same trouble asks for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from incidents import duplicates
from incidents.event import Event, Outcome
from incidents.incident import Incident
from incidents.lifecycle import State
from incidents.rules_events import EventVerdict

SINCE_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Real:
    """An event as it was told, and what became of it: the incident, until when it was open (None: still is), and the
    rule and the subject it was received under, and when it was received.
    """

    event: Event
    outcome: Outcome
    number: str | None = None
    until: datetime | None = None
    rule: str | None = None
    subject: str | None = None
    received: datetime = SINCE_EVER


def told_subject(subject: str | None, category: str | None, rule: str | None) -> str | None:
    """What an event named as its subject, out of what it was received under (`duplicates.subject_of`); None for what the
    rule named itself.
    """
    if subject is None:
        return None
    told = subject.removesuffix(f"/rule:{rule}").removesuffix(f"/{category}")
    return None if told.startswith(("cell:", "rule:")) else told


def as_received(event: Event, verdict: EventVerdict, category: str) -> Event:
    """The event as the desk would have it before it looks for the same trouble (`incidents.receiving`)."""
    full = replace(
        event,
        category=category,
        rule=event.rule or verdict.rule,
        saw=event.saw or verdict.saw or None,
        subject=verdict.subject_of(event),
    )
    return replace(full, subject=duplicates.subject_of(full, category))


def incident_of(number: str, event: Event) -> Incident:
    """So much of an incident as finding the same trouble asks for."""
    return Incident(
        number=number,
        state=State.OPEN,
        version=1,
        category=event.category or "",
        source=event.source,
        first_event_at=event.at,
        last_event_at=event.at,
        reported_at=event.at,
        changed_at=event.at,
        subject=event.subject,
        lon=event.place.lon,
        lat=event.place.lat,
    )


def facts_of(event: Event) -> dict[str, Any]:
    """What a line of a list says of the event it is about."""
    return {
        "category": event.category,
        "source": event.source,
        "subject": event.subject,
        "cell": event.place.cell_code,
        "device": event.place.device,
    }
