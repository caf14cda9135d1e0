"""Events of envelopes as the trade knows them: named, timed, placed; those that cannot be are refused one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from grid.coordinates import Datum, Position
from incidents.event import Event, Origin, Place
from incidents.postgres.intake import SetAside
from streams import columns
from streams.message import Message
from streams.wire import EventItem, Events

LONGEST_TEXT = 10_000
"""Characters of an event's text; more is no description."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """An event and where it came from: `place` is the message's position in the batch, `item` its index there.

    `device` is the code of the device whose place it takes when it brings none.
    """

    place: int
    item: int
    event: Event
    position: Position | None
    device: str | None


class _Refused(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def read(
    envelopes: Mapping[int, Events], messages: Sequence[Message], now: datetime
) -> tuple[list[Sighting], dict[int, list[SetAside]]]:
    """The events of several envelopes, by the position of their message, and those refused."""
    found: list[Sighting] = []
    refused: dict[int, list[SetAside]] = {}
    for place, envelope in envelopes.items():
        for item, one in enumerate(envelope.events):
            try:
                found.append(_sighting(place, item, envelope.source, one, now))
            except _Refused as no:
                why = no.reason, no.detail
                refused.setdefault(place, []).append(aside(messages[place], envelope, item, why))
    return found, refused


def fault(source: str, one: EventItem, now: datetime) -> tuple[str, str] | None:
    """Why an event would be refused (reason, detail), None when it would not."""
    try:
        _sighting(0, 0, source, one, now)
    except _Refused as why:
        return why.reason, why.detail
    return None


def _sighting(place: int, item: int, source: str, one: EventItem, now: datetime) -> Sighting:
    for name, text in (("source", source), ("id", one.id), ("kind", one.kind)):
        if not columns.fit_code(text):
            raise _Refused(
                f"{name}_unfit",
                f"{name} 为空、过长或含控制字符 / {name} is empty, longer than 128 characters or holds "
                f"control characters",
            )
    if len(one.text) > LONGEST_TEXT:
        raise _Refused("text_too_long", f"text 超过 {LONGEST_TEXT} 字 / text is too long")
    for name, given in (("subject", one.subject), ("category", one.category)):
        if given is not None and not columns.fit_code(given):
            raise _Refused(f"{name}_unfit", f"{name} 为空、过长或含控制字符 / {name} is not fit")
    position = _position(one)
    event = Event(
        source=source,
        id=one.id,
        origin=Origin.STREAM,
        kind=one.kind,
        at=_at(one.at, now),
        place=Place(raw=position),
        category=one.category,
        subject=one.subject,
        score=one.score,
        zones=tuple(one.zones),
        text=one.text,
        media=tuple(one.media),
        raw=one.raw,
    )
    device = (one.subject or "").removeprefix("device:")
    of_device = device if position is None and device != (one.subject or "") else None
    return Sighting(place, item, event, position, of_device)


def _position(one: EventItem) -> Position | None:
    if one.lon is None and one.lat is None:
        return None
    if one.lon is None or one.lat is None:
        raise _Refused("half_a_place", "lon 与 lat 须同时给出 / lon and lat come together")
    if one.datum is None:
        raise _Refused(
            "datum_missing", "给出坐标须声明坐标系 datum / coordinates need a declared datum"
        )
    return Position(one.lon, one.lat, Datum(one.datum))


def _at(given: int | str, now: datetime) -> datetime:
    at = _instant(given)
    if not columns.EARLIEST <= at <= now + timedelta(milliseconds=columns.AHEAD_MS):
        raise _Refused("at_out_of_range", columns.Refusal.AT_OUT_OF_RANGE.detail)
    return at


def _instant(given: int | str) -> datetime:
    try:
        if isinstance(given, int):
            return datetime.fromtimestamp(given / 1000, UTC)
        at = msgspec.convert(given, datetime)
    except (ValueError, OverflowError, OSError, msgspec.ValidationError) as no:
        raise _Refused(
            "at_unreadable",
            f"at 应为毫秒数或带时区的 RFC 3339 时间 / at is milliseconds or RFC 3339: {no}",
        ) from no
    if at.tzinfo is None:
        raise _Refused("at_unreadable", "at 须带时区 / at needs its time zone")
    return at


def aside(message: Message, envelope: Events, item: int, why: tuple[str, str]) -> SetAside:
    """One event as the gateway would take it, for quarantine; `why` is reason and detail."""
    told = msgspec.to_builtins(envelope.events[item])
    told |= {"source": envelope.source, "batch": envelope.batch}
    return SetAside(
        topic=message.topic,
        part=message.part,
        offset=message.offset,
        item=item,
        key=message.key,
        value=msgspec.json.encode(told),
        headers=message.headers,
        reason=why[0],
        detail=why[1],
    )


def devices_named(sightings: Iterable[Sighting]) -> list[str]:
    """Codes of devices whose place is asked for."""
    return sorted({s.device for s in sightings if s.device is not None})
