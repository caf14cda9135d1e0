"""Messages as they travel through Kafka, versioned msgspec structs: bytes in, columns and events out.

Strict about meaning, relaxed about additions: unknown members pass, a wrong type, an unknown datum or columns of
different lengths do not. Breaking changes get a new topic (.v2), never a new meaning (contract.md, Kafka).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

DatumName = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]
MAX_ENVELOPE_BYTES = 900_000


class Unreadable(Exception):
    """The bytes are not a message of this topic; `reason` is the quarantine's stable code."""

    def __init__(self, reason: str, detail: str, rows: int = 0) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.rows = rows  # readings or events inside, where they can be counted


class Readings(msgspec.Struct, frozen=True, tag_field="schema", tag="readings.v1"):
    """An envelope of readings, columnar: row i is device[i], metric[i] (or the one metric), at[i], value[i].

    `at` is milliseconds since 1970 UTC; `lon`/`lat` are degrees in `datum`; `quality` 0 is good.
    """

    batch: str
    source: str
    sent_at: str
    device: list[str]
    metric: list[str] | str
    at: list[int]
    value: list[float | None]
    lon: list[float | None] | None = None
    lat: list[float | None] | None = None
    datum: DatumName | None = None
    quality: list[int] | None = None


class EventItem(msgspec.Struct, frozen=True):
    """One event inside an envelope; (source, id) names it for ever. `at` is milliseconds or an RFC 3339 text.

    `media` are ids that `POST /api/v1/media` gave for pictures sent before; `camera` in `raw` is the code of the device that
    took them, unless `subject` is `device:` and its code.
    """

    id: str
    kind: str
    at: int | str
    lon: float | None = None
    lat: float | None = None
    datum: DatumName | None = None
    category: str | None = None
    subject: str | None = None
    score: float | None = None
    zones: list[str] = []
    text: str = ""
    media: list[str] = []
    raw: dict[str, Any] | None = None


class Events(msgspec.Struct, frozen=True, tag_field="schema", tag="events.v1"):
    """An envelope of events from one source."""

    batch: str
    source: str
    sent_at: str
    events: list[EventItem]


class IncidentFact(msgspec.Struct, frozen=True, tag_field="schema", tag="incident_fact.v1"):
    """What `city.incidents.v1` carries: a fact of one incident and its public fields after it."""

    fact_id: str
    fact: str
    number: str
    version: int
    at: str
    by_role: str
    from_state: str | None
    incident: dict[str, Any]


_readings = msgspec.json.Decoder(Readings)
_events = msgspec.json.Decoder(Events)
_facts = msgspec.json.Decoder(IncidentFact)
encode = msgspec.json.encode


def decode_readings(data: bytes) -> Readings:
    """The envelope; Unreadable when it is not one or its columns differ in length."""
    envelope: Readings = _decode(_readings, data)
    n = len(envelope.device)
    columns = {
        "metric": envelope.metric if isinstance(envelope.metric, list) else None,
        "at": envelope.at,
        "value": envelope.value,
        "lon": envelope.lon,
        "lat": envelope.lat,
        "quality": envelope.quality,
    }
    for name, column in columns.items():
        if column is not None and len(column) != n:
            raise Unreadable(
                "columns_differ",
                f"各列行数不一 device 有 {n} 行，{name} 有 {len(column)} 行 / "
                f"device has {n} rows, {name} has {len(column)}",
                n,
            )
    if (envelope.lon is None) != (envelope.lat is None):
        raise Unreadable("half_a_place", "lon 与 lat 须同时给出 / lon and lat come together", n)
    if envelope.lon is not None and envelope.datum is None:
        raise Unreadable(
            "datum_missing", "给出坐标须声明坐标系 datum / coordinates need a declared datum", n
        )
    return envelope


def decode_events(data: bytes) -> Events:
    """The envelope of events; Unreadable when it is not one."""
    envelope: Events = _decode(_events, data)
    return envelope


def decode_fact(data: bytes) -> IncidentFact:
    """A fact from `city.incidents.v1`."""
    fact: IncidentFact = _decode(_facts, data)
    return fact


def _decode(decoder: msgspec.json.Decoder[Any], data: bytes) -> Any:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as fault:
        raise Unreadable("not_the_schema", f"不符合消息格式 / {fault}") from fault
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise Unreadable("not_json", f"不是合法的 JSON / {fault}") from fault
    except RecursionError as fault:  # a few kilobytes of "[" are enough
        raise Unreadable("too_deep", "JSON 嵌套过深 / the JSON is nested too deeply") from fault
