"""What the gateway makes of a request's body: envelopes for Kafka, and what is refused row by row, with reasons.

Pure: bytes in, envelopes and refusals out. The same checks as the intake's, so that what is accepted here is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from streams import columns, sightings, topics
from streams.columns import Refusal
from streams.topics import Topic
from streams.wire import (
    MAX_ENVELOPE_BYTES,
    DatumName,
    EventItem,
    Events,
    Readings,
    Unreadable,
    decode_events,
    decode_readings,
    encode,
)


class Refused(msgspec.Struct, frozen=True):
    """One row that is not taken: its index, the reason's code, and a sentence in both languages."""

    index: int
    reason: str
    detail: str


@dataclass(slots=True)
class Taken:
    """What goes to Kafka: values by topic and key, and how many rows are in them."""

    topic: Topic
    key: bytes = b""
    values: list[bytes] = field(default_factory=list)
    accepted: int = 0
    refused: list[Refused] = field(default_factory=list)
    pictures: list[tuple[int, str]] = field(default_factory=list)
    """Pictures that events name, each with the event's index."""


class Row(msgspec.Struct, frozen=True):
    """A reading by itself; `at` is milliseconds since 1970 UTC or RFC 3339."""

    device: str
    metric: str
    at: int | str
    value: float | None
    lon: float | None = None
    lat: float | None = None
    datum: DatumName | None = None
    quality: int = 0


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: the account's name is the source of rows without an envelope; `batch` names what has no name."""

    source: str
    batch: str
    now: datetime


_rows = msgspec.json.Decoder(list[msgspec.Raw])
_row = msgspec.json.Decoder(Row)
_items = msgspec.json.Decoder(list[msgspec.Raw])
_item = msgspec.json.Decoder(EventItem)


def readings(body: bytes, sender: Sender) -> Taken:
    """An envelope of readings, or an array of rows; Unreadable when it is neither."""
    if body.lstrip()[:1] == b"[":
        return _row_envelopes(body, sender)
    envelope = decode_readings(body)
    _check_named(envelope)
    taken = Taken(topics.READINGS, envelope.source.encode())
    return _checked(taken, envelope, list(range(len(envelope.device))), sender.now, body)


def events(body: bytes, sender: Sender) -> Taken:
    """An envelope of events, one event, or an array of them; Unreadable when it is none of these."""
    envelope, indices, refused = _event_envelope(body, sender)
    _check_named(envelope)
    taken = Taken(topics.REPORTS, envelope.source.encode(), refused=refused)
    good: list[EventItem] = []
    for index, item in zip(indices, envelope.events, strict=True):
        fault = sightings.fault(envelope.source, item, sender.now)
        if fault is None:
            good.append(item)
            taken.pictures += [(index, named) for named in item.media]
        else:
            taken.refused.append(Refused(index, *fault))
    taken.accepted = len(good)
    if good:
        taken.values.append(encode(msgspec.structs.replace(envelope, events=good)))
    _check_size(taken)
    return taken


def _event_envelope(body: bytes, sender: Sender) -> tuple[Events, list[int], list[Refused]]:
    """The envelope, the index of each of its events in what was sent, and items that are no events."""
    if body.lstrip()[:1] != b"[":
        if b'"events"' in body:
            envelope = decode_events(body)
            return envelope, list(range(len(envelope.events))), []
        body = b"[" + body + b"]"
    found: list[EventItem] = []
    indices: list[int] = []
    refused: list[Refused] = []
    for index, raw in enumerate(_listed(_items, body)):
        try:
            found.append(_item.decode(raw))
            indices.append(index)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            refused.append(Refused(index, "not_the_schema", f"不符合格式 / {fault}"))
    sent_at = sender.now.isoformat()
    return Events(sender.batch, sender.source, sent_at, found), indices, refused


def _row_envelopes(body: bytes, sender: Sender) -> Taken:
    """Rows by themselves, in one envelope per datum; the account is their source.

    The key is the source, not the device: one envelope then holds what one sender sent together, and a
    sender's readings stay in one partition and in order. A device heard through two senders is the intake's matter.
    """
    taken = Taken(topics.READINGS, sender.source.encode())
    by_datum: dict[DatumName | None, list[tuple[int, Row, int]]] = {}
    for index, raw in enumerate(_listed(_rows, body)):
        try:
            row = _row.decode(raw)
            if row.datum is None and (row.lon is not None or row.lat is not None):
                taken.refused.append(Refused(index, "datum_missing", _DATUM_MISSING))
                continue
            by_datum.setdefault(row.datum, []).append((index, row, _milliseconds(row.at)))
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            taken.refused.append(Refused(index, "not_the_schema", f"不符合格式 / {fault}"))
        except ValueError as fault:
            taken.refused.append(Refused(index, "at_unreadable", str(fault)))
    for number, (datum, rows) in enumerate(by_datum.items()):
        envelope = _columns(rows, datum, sender, number)
        _checked(taken, envelope, [index for index, _, _ in rows], sender.now, None)
    return taken


def _columns(
    rows: Sequence[tuple[int, Row, int]], datum: DatumName | None, sender: Sender, number: int
) -> Readings:
    return Readings(
        batch=f"{sender.batch}/{number}" if number else sender.batch,
        source=sender.source,
        sent_at=sender.now.isoformat(),
        device=[row.device for _, row, _ in rows],
        metric=[row.metric for _, row, _ in rows],
        at=[at for _, _, at in rows],
        value=[row.value for _, row, _ in rows],
        lon=[row.lon for _, row, _ in rows] if datum else None,
        lat=[row.lat for _, row, _ in rows] if datum else None,
        datum=datum,
        quality=[row.quality for _, row, _ in rows] if any(r.quality for _, r, _ in rows) else None,
    )


def _checked(
    taken: Taken, envelope: Readings, indices: Sequence[int], now: datetime, whole: bytes | None
) -> Taken:
    """The envelope without the rows that would be refused; untouched bytes when there are none."""
    gathered = columns.gather([envelope])
    why = gathered.refused(int(now.timestamp() * 1000))
    for refusal, codes in (
        (Refusal.DEVICE_UNFIT, envelope.device),
        (Refusal.METRIC_UNFIT, envelope.metric),
    ):
        listed = [codes] * len(gathered) if isinstance(codes, str) else codes
        unfit = {code for code in set(listed) if not columns.fit_code(code)}
        if unfit:
            why[[code in unfit for code in listed]] = refusal
    for row in np.flatnonzero(why).tolist():
        refusal = Refusal(int(why[row]))
        taken.refused.append(Refused(indices[row], refusal.reason, refusal.detail))
    good = np.flatnonzero(why == Refusal.NONE).tolist()
    taken.accepted += len(good)
    if good:
        all_good = len(good) == len(gathered)
        kept = whole if all_good and whole is not None else encode(_take(envelope, good))
        taken.values.append(kept)
    _check_size(taken)
    return taken


def _take(envelope: Readings, rows: Sequence[int]) -> Readings:
    names = ("device", "metric", "at", "value", "lon", "lat", "quality")
    chosen: dict[str, Any] = {
        name: [column[row] for row in rows]
        for name in names
        if isinstance(column := getattr(envelope, name), list)
    }
    return msgspec.structs.replace(envelope, **chosen)


def _check_named(envelope: Readings | Events) -> None:
    for name, text in (("source", envelope.source), ("batch", envelope.batch)):
        if not columns.fit_code(text):
            detail = f"{name} 为空、过长或含控制字符 / {name} is empty, too long or holds control characters"
            raise Unreadable(f"{name}_unfit", detail)


def _check_size(taken: Taken) -> None:
    for value in taken.values:
        if len(value) > MAX_ENVELOPE_BYTES:
            detail = f"信封超过 {MAX_ENVELOPE_BYTES} 字节 / the envelope is larger than {MAX_ENVELOPE_BYTES} bytes"
            raise Unreadable("too_large", detail)


def _listed(decoder: msgspec.json.Decoder[list[msgspec.Raw]], body: bytes) -> list[msgspec.Raw]:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise Unreadable("not_json", f"不是合法的 JSON 数组 / not a JSON array: {fault}") from fault
    except RecursionError as fault:
        raise Unreadable("too_deep", "JSON 嵌套过深 / the JSON is nested too deeply") from fault


def _milliseconds(at: int | str) -> int:
    if isinstance(at, int):
        return at
    try:
        found = msgspec.convert(at, datetime)
    except msgspec.ValidationError as fault:
        raise ValueError(_AT_UNREADABLE) from fault
    if found.tzinfo is None:
        raise ValueError(_AT_UNREADABLE)
    return int(found.astimezone(UTC).timestamp() * 1000)


_DATUM_MISSING = "给出坐标须声明坐标系 datum / coordinates need a declared datum"
_AT_UNREADABLE = (
    "at 应为毫秒数或带时区的 RFC 3339 时间 / at is milliseconds, or RFC 3339 with its zone"
)
