"""What a replay plays: recorded envelopes or rows of a CSV, as timed records. Reads files, sends nothing."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from streams import topics
from streams.topics import Topic
from streams.trouble import Trouble
from streams.wire import EventItem, Events, Readings, encode

ROWS = 500
"""Readings put into one envelope when rows of a CSV are played."""
_COLUMN = re.compile(r"\{([^{}]+)\}")
_READING = ("device", "metric", "at", "value", "lon", "lat", "quality")
_EVENT = ("id", "kind", "at", "category", "lon", "lat", "subject", "score", "text")
_NUMBERS = {"value", "lon", "lat", "score"}


@dataclass(frozen=True, slots=True)
class Record:
    """One message of the play: `at_ms` is the event time that paces it."""

    topic: Topic
    key: bytes
    value: bytes
    at_ms: int
    rows: int


@dataclass(frozen=True, slots=True)
class Reading:
    """How a CSV is read: each field a template of its columns ("{station}", "{year}-{month}-{day} {hour}"), or a text.

    `at` is milliseconds or RFC 3339, or what `at_format` (strptime) says in the time zone `zone`.
    `shift_ms` is added to every time; rows whose value is not a number are left out and counted.
    """

    kind: str
    source: str
    fields: Mapping[str, str] = field(default_factory=dict)
    at_format: str | None = None
    zone: str = "UTC"
    datum: str | None = None
    shift_ms: int = 0


def envelopes(lines: Iterable[str], shift_ms: int = 0) -> Iterator[Record]:
    """Recorded envelopes, one a line; Trouble with the line's number when one is not."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            envelope = msgspec.json.decode(line, type=Readings | Events)
        except msgspec.DecodeError as fault:
            raise Trouble(
                f"第 {number} 行不是信封：{fault}", f"line {number} is no envelope: {fault}"
            ) from fault
        yield _record(_shifted(envelope, shift_ms))


def rows(table: csv.DictReader[str], how: Reading) -> Iterator[Record]:
    """Rows of a CSV as envelopes of at most ROWS readings, or of one event each."""
    missing = {c for t in how.fields.values() for c in _COLUMN.findall(t)} - set(
        table.fieldnames or ()
    )
    if missing:
        raise Trouble(
            f"CSV 没有这些列：{'、'.join(sorted(missing))}",
            f"the CSV has no columns {', '.join(sorted(missing))}; it has {', '.join(table.fieldnames or ())}",
        )
    made = (_fields(row, how) for row in table)
    good = (one for one in made if one is not None)
    yield from _of_readings(good, how) if how.kind == "readings" else _of_events(good, how)


def open_text(path: Path) -> io.TextIOBase:
    """A file's text, gzipped or not."""
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path, "rb"), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def first_and_rest(records: Iterator[Record]) -> tuple[Record | None, Iterator[Record]]:
    """The first record, and all of them."""
    first = next(records, None)
    return first, iter(()) if first is None else chain([first], records)


def _fields(row: Mapping[str, str], how: Reading) -> dict[str, Any] | None:
    """One row's fields; None when its number or its time cannot be read, as for a gap in a series."""
    found: dict[str, Any] = {}
    for name, template in how.fields.items():
        text = _COLUMN.sub(lambda m: row.get(m[1]) or "", template).strip()
        if name in _NUMBERS:
            try:
                found[name] = float(text)
            except ValueError:
                if name == "value":
                    return None
                found[name] = None
        else:
            found[name] = text
    try:
        found["at"] = _milliseconds(found["at"], how) + how.shift_ms
    except ValueError:
        return None
    return found


def _milliseconds(text: str, how: Reading) -> int:
    if how.at_format is not None:
        at = datetime.strptime(text, how.at_format).replace(tzinfo=ZoneInfo(how.zone))
    elif text.lstrip("-").isdigit():
        return int(text)
    else:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            at = at.replace(tzinfo=ZoneInfo(how.zone))
    return int(at.astimezone(UTC).timestamp() * 1000)


def _of_readings(made: Iterator[dict[str, Any]], how: Reading) -> Iterator[Record]:
    number = 0
    while group := [one for _, one in zip(range(ROWS), made, strict=False)]:
        columns = {n: [one[n] for one in group] for n in _READING if n in group[0]}
        envelope = Readings(
            batch=f"replay/{how.source}/{number}",
            source=how.source,
            sent_at=_text(group[-1]["at"]),
            datum=how.datum,  # type: ignore[arg-type]  # the wire's decoder has the last word
            **columns,
        )
        yield _record(envelope)
        number += 1


def _of_events(made: Iterator[dict[str, Any]], how: Reading) -> Iterator[Record]:
    for number, one in enumerate(made):
        chosen = {n: one[n] for n in _EVENT if one.get(n) not in {None, ""}}
        chosen.setdefault("id", f"{how.source}-{number}")
        item = EventItem(datum=how.datum, **chosen)  # type: ignore[arg-type]  # as above
        envelope = Events(f"replay/{how.source}/{number}", how.source, _text(one["at"]), [item])
        yield _record(envelope)


def _record(envelope: Readings | Events) -> Record:
    key = envelope.source.encode()
    if isinstance(envelope, Readings):
        at = max(envelope.at, default=0)
        return Record(topics.READINGS, key, encode(envelope), at, len(envelope.at))
    times = [_event_ms(one.at) for one in envelope.events]
    return Record(topics.REPORTS, key, encode(envelope), max(times, default=0), len(times))


def _event_ms(at: int | str) -> int:
    if isinstance(at, int):
        return at
    return int(datetime.fromisoformat(at).timestamp() * 1000)


def _shifted(envelope: Readings | Events, shift_ms: int) -> Readings | Events:
    if not shift_ms:
        return envelope
    if isinstance(envelope, Readings):
        return msgspec.structs.replace(envelope, at=[at + shift_ms for at in envelope.at])
    events = [
        msgspec.structs.replace(one, at=_event_ms(one.at) + shift_ms) for one in envelope.events
    ]
    return msgspec.structs.replace(envelope, events=events)


def _text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
