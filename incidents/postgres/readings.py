"""Readings 监测数据 into the store: binary COPY, the duplicate path, newest values, minute sums. One transaction's parts.

Every function works inside the transaction of the connection it is given and commits nothing. Times are milliseconds
since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray

from incidents.postgres import packed
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

MINUTE_MS = 60_000
_MOST_DAYS = 500
NO_CELL = -1

QUALITY = 0x00FF
"""Bits of `flags`: what the source says of the value, 0 is good."""
OWN_PLACE = 0x0100
"""The reading came with its own place (a mobile device)."""
OUTSIDE = 0x0200
"""Its own place lies in no cell of the city."""
SWAPPED = 0x0400
"""Its own place lies in the city only with longitude and latitude exchanged."""

_SQL = named("readings.sql")
_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"
_FIELDS = ((">i8", "at"), (">i4", "device"), (">i2", "metric"), (">f8", "value"), (">i4", "area"))
_RECORD = np.dtype(
    [("count", ">i2")]
    + [(f"{name}{part}", form) for kind, name in (*_FIELDS, (">i2", "flags"), (">i4", "cell"))
       for part, form in (("_size", ">i4"), ("", kind))]
)  # fmt: skip
_CELL_BYTES = 4  # `cell` stands last, so a null is the record without its last four bytes


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings as columns of one length: what is stored of them."""

    at: NDArray[np.int64]
    device: NDArray[np.int32]
    metric: NDArray[np.int16]
    value: NDArray[np.float64]
    area: NDArray[np.int32]
    flags: NDArray[np.int16]
    cell: NDArray[np.int32]
    """unit_grid.id, NO_CELL for none."""

    @classmethod
    def none(cls) -> Self:
        """No rows at all."""
        int32, int16 = np.empty(0, np.int32), np.empty(0, np.int16)
        at, value = np.empty(0, np.int64), np.empty(0, np.float64)
        return cls(at, int32, int16, value, int32, int16, int32)

    def __len__(self) -> int:
        return len(self.at)

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """The chosen rows, in the order chosen."""
        return type(self)(*(getattr(self, f.name)[which] for f in fields(self)))

    def in_key_order(self) -> NDArray[np.intp]:
        """Positions in the order of the store's key (time, device, metric); equal keys keep theirs.

        All writers insert in this order, so that two of them never wait for each other in a circle.
        """
        return np.lexsort((self.metric, self.device, self.at))


def first_of_each(rows: Rows, order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of `order` (key order), the positions whose key did not come before: one per reading."""
    if len(order) == 0:
        return order
    at, device, metric = rows.at[order], rows.device[order], rows.metric[order]
    new = np.empty(len(order), np.bool_)
    new[0] = True
    new[1:] = (at[1:] != at[:-1]) | (device[1:] != device[:-1]) | (metric[1:] != metric[:-1])
    return order[new]


def copy_new(connection: Connection, rows: Rows) -> None:
    """COPY rows in their order; psycopg.errors.UniqueViolation if any is already stored."""
    with connection.cursor().copy(_SQL["copy_readings"]) as copy:
        copy.write(_COPY_HEAD + _records(rows) + _COPY_END)


def _records(rows: Rows) -> bytes:
    n = len(rows)
    record = np.empty(n, _RECORD)
    record["count"] = 7
    for kind, name in (*_FIELDS, (">i2", "flags"), (">i4", "cell")):
        record[f"{name}_size"] = np.dtype(kind).itemsize
        record[name] = packed.to_pg_us(rows.at) if name == "at" else getattr(rows, name)
    nowhere = rows.cell == NO_CELL
    if not nowhere.any():
        return record.tobytes()
    record["cell_size"][nowhere] = -1
    octets = record.view(np.uint8).reshape(n, _RECORD.itemsize)
    kept = np.ones(octets.shape, np.bool_)
    kept[nowhere, -_CELL_BYTES:] = False
    return octets[kept].tobytes()


def insert_new(connection: Connection, rows: Rows) -> NDArray[np.intp]:
    """Store the rows that are not there yet; their positions in `rows`, ascending."""
    found = connection.execute(
        _SQL["insert_new"],
        {
            "at": packed.times(rows.at),
            "device": packed.ints(rows.device),
            "metric": packed.shorts(rows.metric),
            "value": packed.floats(rows.value),
            "area": packed.ints(rows.area),
            "flags": packed.shorts(rows.flags),
            "cell": packed.ints(rows.cell),
        },
    ).fetchone()
    places = np.sort(np.asarray(found[0] if found else [], np.intp))
    return places - 1


def remember_last(connection: Connection, rows: Rows) -> None:
    """Take the newest of each series in `rows` into reading_last, locking each series until the end."""
    if len(rows) == 0:
        return
    order = np.lexsort((rows.at, rows.metric, rows.device))
    device, metric = rows.device[order], rows.metric[order]
    last = np.ones(len(order), np.bool_)
    last[:-1] = (device[1:] != device[:-1]) | (metric[1:] != metric[:-1])
    newest = order[last]
    connection.execute(
        _SQL["remember_last"],
        {
            "device": packed.ints(rows.device[newest]),
            "metric": packed.shorts(rows.metric[newest]),
            "at": packed.times(rows.at[newest]),
            "value": packed.floats(rows.value[newest]),
        },
    )


def newest_before(
    connection: Connection, series: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], int | None]:
    """For series locked by remember_last: the newest time known before this transaction, None = none."""
    keys = sorted(series)
    rows = connection.execute(
        _SQL["newest_before"], {"device": [d for d, _ in keys], "metric": [m for _, m in keys]}
    )
    return {(device, metric): at for device, metric, at in rows}


def add_rollup(connection: Connection, rows: Rows, slot: int) -> None:
    """Add new rows to the minute sums by metric and area.

    `slot` must be one that no other transaction writes now: the partition whose offset row is locked.
    """
    if len(rows) == 0:
        return
    bucket = rows.at - rows.at % MINUTE_MS
    order = np.lexsort((rows.area, rows.metric, bucket))
    bucket, metric, area = bucket[order], rows.metric[order], rows.area[order]
    begins = np.empty(len(order), np.bool_)
    begins[0] = True
    begins[1:] = (bucket[1:] != bucket[:-1]) | (metric[1:] != metric[:-1]) | (area[1:] != area[:-1])
    starts = np.flatnonzero(begins)
    value = rows.value[order]
    connection.execute(
        _SQL["add_rollup"],
        {
            "slot": slot,
            "bucket": packed.times(bucket[starts]),
            "metric": packed.shorts(metric[starts]),
            "area": packed.ints(area[starts]),
            "n": packed.longs(np.diff(np.append(starts, len(order)))),
            "total": packed.floats(np.add.reduceat(value, starts)),
            "low": packed.floats(np.minimum.reduceat(value, starts)),
            "high": packed.floats(np.maximum.reduceat(value, starts)),
        },
    )


def series_between(
    connection: Connection, series: tuple[int, int], from_ms: int, to_ms: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Times and values of one stored series, both ends included, this transaction's rows too."""
    device, metric = series
    rows = connection.execute(
        _SQL["series_between"],
        {"device": device, "metric": metric, "from_ms": from_ms, "to_ms": to_ms},
    ).fetchall()
    at = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    return at, np.fromiter((row[1] for row in rows), np.float64, len(rows))


def metrics(connection: Connection, also: Sequence[str] = ()) -> dict[str, int]:
    """Every metric's id by code, after making those of `also` that are not known."""
    if also:
        connection.execute(_SQL["metrics_ensure"], {"codes": sorted(also)})
    return dict(connection.execute(_SQL["metrics_all"]).fetchall())


def ensure_days(connection: Connection, days: Sequence[int]) -> None:
    """Make the partitions of these days (counted from 1970-01-01 UTC) where the store needs them.

    In a transaction of its own, or before any row of reading_last is locked.
    """
    first = date(1970, 1, 1)
    for begin in range(0, len(days), _MOST_DAYS):
        some = [first + timedelta(days=day) for day in days[begin : begin + _MOST_DAYS]]
        connection.execute(_SQL["ensure_days"], {"days": some})
