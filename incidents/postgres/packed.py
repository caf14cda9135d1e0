"""Numpy columns as PostgreSQL's own binary: arrays for unnest() and rows for COPY, without a Python object per value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.pq import Format

EPOCH_MS = 946_684_800_000
"""2000-01-01 UTC in milliseconds since 1970: PostgreSQL counts its microseconds from there."""

# element oid, array oid, the big-endian form on the wire
_TIMESTAMPTZ = (1184, 1185, ">i8")
_FLOAT8 = (701, 1022, ">f8")
_INT8 = (20, 1016, ">i8")
_INT4 = (23, 1007, ">i4")
_INT2 = (21, 1005, ">i2")


@dataclass(frozen=True, slots=True)
class Packed:
    """A one-dimensional PostgreSQL array without nulls, already in binary."""

    data: bytes
    oid: int


class _PackedDumper(Dumper):
    """Hands a Packed to PostgreSQL as it is."""

    format = Format.BINARY

    def __init__(self, cls: type, context: AdaptContext | None = None) -> None:
        super().__init__(cls, context)

    def dump(self, obj: Packed) -> bytes:
        return obj.data

    def get_key(self, obj: Packed, format: Any) -> Any:  # noqa: A002, ARG002 - psycopg's name
        return (self.cls, obj.oid)

    def upgrade(self, obj: Packed, format: Any) -> Dumper:  # noqa: A002, ARG002 - psycopg's names
        dumper = _PackedDumper(self.cls)
        dumper.oid = obj.oid
        return dumper


def teach(connection: Any) -> None:
    """Let a connection take Packed parameters."""
    connection.adapters.register_dumper(Packed, _PackedDumper)


def times(at_ms: NDArray[np.int64]) -> Packed:
    """timestamptz[] from milliseconds since 1970 UTC."""
    return _pack(to_pg_us(at_ms), _TIMESTAMPTZ)


def floats(values: NDArray[np.float64]) -> Packed:
    """float8[]."""
    return _pack(values, _FLOAT8)


def longs(values: NDArray[Any]) -> Packed:
    """int8[]."""
    return _pack(values, _INT8)


def ints(values: NDArray[Any]) -> Packed:
    """int4[]."""
    return _pack(values, _INT4)


def shorts(values: NDArray[Any]) -> Packed:
    """int2[]."""
    return _pack(values, _INT2)


def to_pg_us(at_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Milliseconds since 1970 as PostgreSQL's microseconds since 2000."""
    pg_us: NDArray[np.int64] = (at_ms - EPOCH_MS) * 1000
    return pg_us


def _pack(values: NDArray[Any], kind: tuple[int, int, str]) -> Packed:
    element, array, form = kind
    n = len(values)
    if n == 0:
        return Packed(np.array([0, 0, element], ">i4").tobytes(), array)
    head = np.array([1, 0, element, n, 1], ">i4").tobytes()  # dimensions, nulls, type, size, lower
    cells = np.empty(n, np.dtype([("size", ">i4"), ("value", form)]))
    cells["size"] = np.dtype(form).itemsize
    cells["value"] = values
    return Packed(head + cells.tobytes(), array)
