"""Incidents, history, facts and events as the store's columns and JSON have them, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import msgspec

from incidents.event import Event
from incidents.incident import Fact, Incident, Kept, changes
from incidents.lifecycle import State

_FIELDS = tuple(f.name for f in fields(Incident))
_STATE = _FIELDS.index("state")
_TUPLES = tuple(_FIELDS.index(name) for name in ("media", "assisting", "refused"))


class _FactBody(msgspec.Struct, frozen=True, tag_field="schema", tag="incident_fact.v1"):
    """A fact as `city.incidents.v1` carries it; streams.wire.IncidentFact reads it (a test proves it)."""

    fact_id: str
    fact: str
    number: str
    version: int
    at: datetime
    by_role: str
    from_state: str | None
    incident: Mapping[str, Any]


class OutboxRow(msgspec.Struct, frozen=True):
    """A fact on its way: what it is about, and itself as the text that is sent."""

    key: str
    body: str


def as_incident(row: tuple[Any, ...]) -> Incident:
    """A row of the ledger's columns, in the order of the class's fields, as an incident."""
    values = list(row)
    values[_STATE] = State(values[_STATE])
    for place in _TUPLES:
        values[place] = tuple(values[place])
    return Incident(*values)


def fact_body(fact: Fact) -> str:
    """The fact as JSON text for the outbox, schema `incident_fact.v1`."""
    body = _FactBody(
        fact_id=fact.id,
        fact=fact.kind,
        number=fact.number,
        version=fact.version,
        at=fact.at,
        by_role=fact.by_role,
        from_state=fact.from_state,
        incident=fact.incident,
    )
    return as_json(body)


def outbox_rows(kept: Sequence[Kept]) -> list[OutboxRow]:
    """The facts of what happened, in order."""
    return [OutboxRow(fact.number, fact_body(fact)) for _, _, fact in kept]


def step_changes(before: Incident, after: Incident) -> dict[str, Any]:
    """The members that moves changed. `sleep` moves `wake_at` without another version, so that is always said."""
    return {**changes(before, after), "wake_at": after.wake_at}


def as_json(value: Any) -> str:
    """JSON that jsonb takes: PostgreSQL keeps no NUL, so one inside a text becomes U+FFFD."""
    data = msgspec.json.encode(value)
    if b"\\u0000" in data:
        data = msgspec.json.encode(without_nul(msgspec.json.decode(data)))
    return data.decode()


def without_nul(value: Any) -> Any:
    """The same without NUL."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, list):
        return [without_nul(v) for v in value]
    if isinstance(value, dict):
        return {without_nul(k): without_nul(v) for k, v in value.items()}
    return value


def event_json(event: Event) -> dict[str, Any]:
    """The event's columns as members of JSON; what became of it is not among them."""
    place, raw = event.place, event.place.raw
    return {
        "source": event.source,
        "id": event.id,
        "origin": str(event.origin),
        "kind": event.kind,
        "category": event.category,
        "at": event.at,
        "raw_lon": raw.lon if raw else None,
        "raw_lat": raw.lat if raw else None,
        "datum": str(raw.datum) if raw else None,
        "lon": place.lon,
        "lat": place.lat,
        "cell": place.cell,
        "subject": event.subject,
        "score": event.score,
        "zones": event.zones,
        "text": event.text,
        "media": event.media,
        "raw": event.raw,
        "rule": event.rule,
        "saw": event.saw,
    }


def event_row(event: Event) -> dict[str, Any]:
    """The event's columns as the driver takes them."""
    row = event_json(event)
    row |= {name: without_nul(row[name]) for name in ("kind", "text")}
    row["zones"] = without_nul(list(event.zones))
    row |= {n: None if row[n] is None else as_json(row[n]) for n in ("media", "raw", "saw")}
    return row
