"""The path of a message in the store: the strict offset fence with its books, quarantine, what rules remember.

Works inside the transaction of the connection it is given and commits nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from grid.coordinates import Datum, Position
from incidents.event import Place
from incidents.postgres import packed
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

Partition = tuple[str, int]
"""Topic (its name in the table of topics, without a prefix) and partition."""

WHOLE_MESSAGE = -1
_SQL = named("intake.sql")


@dataclass(slots=True)
class Books:
    """What became of the messages of one partition in one transaction; added to its row in stream_offset.

    Always: readings_in = stored + duplicates + refused + readings_quarantined, and
    events_in = opened + joined + filtered + events_quarantined + events_repeated.
    """

    messages: int = 0
    quarantined: int = 0
    readings_in: int = 0
    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    readings_quarantined: int = 0
    events_in: int = 0
    events_repeated: int = 0
    opened: int = 0
    joined: int = 0
    filtered: int = 0
    events_quarantined: int = 0


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message, or one row of it, for quarantine 隔离: original bytes, origin and reason."""

    topic: str
    part: int
    offset: int
    item: int
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    reason: str
    detail: str


def lock_fence(connection: Connection, partitions: Iterable[Partition]) -> dict[Partition, int]:
    """The next offset of each partition that has books, locked until the transaction ends."""
    wanted = sorted(set(partitions))
    rows = connection.execute(
        _SQL["fence_lock"], {"topics": [t for t, _ in wanted], "parts": [p for _, p in wanted]}
    )
    return {(topic, part): offset for topic, part, offset in rows}


def open_books(connection: Connection, partition: Partition, offset: int) -> None:
    """Open the books of a partition at its first offset, if they are not open."""
    topic, part = partition
    connection.execute(_SQL["fence_begin"], {"topic": topic, "part": part, "offset": offset})


def offsets(connection: Connection, topics: Iterable[str]) -> dict[Partition, int]:
    """Where each partition of these topics stands."""
    rows = connection.execute(_SQL["fence_all"], {"topics": sorted(topics)})
    return {(topic, part): offset for topic, part, offset in rows}


def move_fence(connection: Connection, partition: Partition, offset: int) -> int | None:
    """Set the fence by a person's decision; how many messages were skipped in all, None without books."""
    topic, part = partition
    row = connection.execute(
        _SQL["fence_move"], {"topic": topic, "part": part, "offset": offset}
    ).fetchone()
    return None if row is None else int(row[0])


def add_to_books(
    connection: Connection, partition: Partition, next_offset: int, books: Books
) -> None:
    """Move the fence of a locked partition and add to its books."""
    topic, part = partition
    values = {"topic": topic, "part": part, "next_offset": next_offset, **asdict(books)}
    connection.execute(_SQL["books_add"], values)


def set_aside(connection: Connection, rows: Sequence[SetAside]) -> None:
    """Keep messages or rows in quarantine; one already there stays as it is."""
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.executemany(_SQL["quarantine_add"], [_aside(row) for row in rows])


def _aside(row: SetAside) -> dict[str, Any]:
    readable = [[name, value.decode(errors="replace")] for name, value in row.headers]
    return {
        "topic": row.topic,
        "part": row.part,
        "offset": row.offset,
        "item": row.item,
        "key": row.key,
        "value": row.value,
        "headers": msgspec.json.encode(readable).decode().replace("\\u0000", "\ufffd"),
        "reason": row.reason,
        "detail": row.detail.replace("\x00", "\ufffd")[:2000],
    }


def rule_states(
    connection: Connection, devices: NDArray[np.int32]
) -> dict[tuple[str, int], dict[str, Any]]:
    """What rules remember of these devices, by (rule, device)."""
    rows = connection.execute(_SQL["rule_states"], {"devices": packed.ints(devices)})
    return {(rule, device): state for rule, device, state in rows}


def keep_rule_states(
    connection: Connection, states: Mapping[tuple[str, int], Mapping[str, Any] | None]
) -> None:
    """What rules remember from now on; None means at rest again."""
    with connection.cursor() as cursor:
        for (rule, device), state in sorted(states.items(), key=lambda item: item[0]):
            if state is None:
                cursor.execute(_SQL["rule_state_rest"], {"rule": rule, "device": device})
            else:
                body = msgspec.json.encode(state).decode()
                values = {"rule": rule, "device": device, "state": body}
                cursor.execute(_SQL["rule_state_keep"], values)


@dataclass(frozen=True, slots=True)
class HeardDevice:
    """What a worker keeps of a device: its code and id, the cell it stands in, its kind."""

    code: str
    id: int
    cell: int | None
    kind: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a device stands."""

    code: str
    place: Place


def devices_of(connection: Connection, codes: Sequence[str]) -> list[HeardDevice]:
    """The devices we know among these codes."""
    rows = connection.execute(_SQL["devices_of"], {"codes": sorted(set(codes))})
    return [HeardDevice(*row) for row in rows]


def devices_changed(
    connection: Connection, since: datetime
) -> tuple[list[HeardDevice], datetime | None]:
    """Registered devices changed after an instant, and the instant of the newest change."""
    rows = connection.execute(_SQL["devices_changed"], {"since": since}).fetchall()
    return [HeardDevice(*row[:4]) for row in rows], rows[-1][4] if rows else None


def device_places(
    connection: Connection, ids: Sequence[int] = (), codes: Sequence[str] = ()
) -> dict[int, Standing]:
    """Where devices stand, by id; asked for by id or by code."""
    rows = connection.execute(_SQL["device_places"], {"ids": list(ids), "codes": list(codes)})
    return {row[0]: Standing(row[1], replace(_place(*row[2:]), device=row[1])) for row in rows}


def _place(  # noqa: PLR0913, PLR0917 - the columns of one row
    raw_lon: float | None,
    raw_lat: float | None,
    datum: str | None,
    lon: float | None,
    lat: float | None,
    cell: int | None,
    cell_code: str | None,
    community: str | None,
    street: str | None,
    district: str | None,
) -> Place:
    raw = None
    if raw_lon is not None and raw_lat is not None and datum is not None:
        raw = Position(raw_lon, raw_lat, Datum(datum))
    return Place(raw, lon, lat, cell, cell_code, community, street, district)


def now(connection: Connection) -> datetime:
    """The database's clock."""
    row = connection.execute(_SQL["now"]).fetchone()
    assert row is not None
    at: datetime = row[0]
    return at


def say_seen(connection: Connection, name: str, kind: str, detail: Mapping[str, Any]) -> None:
    """A running part says that it lives and how far it is; started_at is kept from its first word."""
    body = msgspec.json.encode(detail).decode()
    connection.execute(_SQL["part_seen"], {"name": name, "kind": kind, "detail": body})


def say_started(connection: Connection, name: str, kind: str) -> None:
    """A part says that it has just started."""
    connection.execute(_SQL["part_started"], {"name": name, "kind": kind})


def hold_name(connection: Connection, name: str) -> bool:
    """Hold a name for as long as the connection lives; False when another process holds it."""
    row = connection.execute(_SQL["hold_name"], {"name": name}).fetchone()
    return bool(row and row[0])
