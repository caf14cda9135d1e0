"""Devices 设备: registered by a person with a declared datum and located once, or merely heard of by a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row

from grid.coordinates import Datum, Position, to_wgs84
from incidents.errors import DeviceRefused
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

Locate = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.int32]]
"""WGS-84 degrees to unit_grid ids of the edition in force, -1 outside the city."""

LONGEST_CODE = 128
"""Characters; longer codes are a sign of something else in the column."""

_SQL = named("devices.sql")


class Told(NamedTuple):
    """An event a device told; `incident` is the number of the one it belongs to, `media` what came with it."""

    source: str
    id: str
    kind: str
    category: str | None
    at: datetime
    score: float | None
    outcome: str
    incident: str | None
    media: list[str]


@dataclass(frozen=True, slots=True)
class Device:
    """One device as the store knows it; `lon`, `lat` in WGS-84 degrees beside the raw place and its datum."""

    id: int
    code: str
    name: str | None
    kind: str | None
    registered: bool
    component: str | None
    raw_lon: float | None
    raw_lat: float | None
    datum: str | None
    lon: float | None
    lat: float | None
    cell: int | None
    cell_code: str | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Registration:
    """What a person says of a device; without a position it stands nowhere (its readings may carry places)."""

    code: str
    name: str | None = None
    kind: str | None = None
    component: str | None = None
    position: Position | None = None


def ensure(conn: Connection, codes: Iterable[str]) -> dict[str, int]:
    """The ids of devices by code, those never heard of before made now as not registered.

    Call it on a connection that is in no transaction: a new code locks other workers that hear it until
    the end of the transaction. Burns ids only when two workers hear of the same device at once.
    """
    wanted = sorted(set(codes))
    known = _known(conn, wanted)
    missing = [code for code in wanted if code not in known]
    if missing:
        conn.execute(_SQL["hear_of"], {"codes": missing})
        known |= _known(conn, missing)
    return known


def register(conn: Connection, device: Registration, locate: Locate | None) -> Device:
    """Keep what a person says of a device and locate it; DeviceRefused when it makes no sense.

    `locate` None means that no grid is in force: the device gets its cell with the first edition (`relocate`).
    """
    faults = list(_faults(device))
    if faults:
        raise DeviceRefused(
            zh=f"设备 {device.code!r} 未登记：{'；'.join(zh for zh, _ in faults)}",
            en=f"device {device.code!r} is not registered: {'; '.join(en for _, en in faults)}",
            device=device.code,
        )
    try:
        conn.execute(_SQL["register"], _row(device, locate))
    except ForeignKeyViolation as fault:
        raise DeviceRefused(
            zh=f"设备 {device.code!r} 未登记：没有标识码为 {device.component} 的部件",
            en=f"device {device.code!r} is not registered: no component has the code {device.component}",
            device=device.code,
        ) from fault
    found = find(conn, device.code)
    assert found is not None
    return found


def find(conn: Connection, code: str) -> Device | None:
    """The device of that code, or None."""
    with conn.cursor(row_factory=class_row(Device)) as cursor:
        return cursor.execute(_SQL["find"], {"code": code}).fetchone()


def changed_since(conn: Connection, since: datetime) -> list[Device]:
    """Devices new or changed at or after an instant, in that order: how a worker keeps its own table fresh."""
    with conn.cursor(row_factory=class_row(Device)) as cursor:
        return cursor.execute(_SQL["changed_since"], {"since": since}).fetchall()


def relocate(conn: Connection, locate: Locate) -> int:
    """Give every placed device its cell in the edition in force; returns how many changed."""
    rows = conn.execute(_SQL["placed"]).fetchall()
    if not rows:
        return 0
    ids, lon, lat, _ = zip(*rows, strict=True)
    cells = [_cell(at) for at in locate(np.asarray(lon, float), np.asarray(lat, float)).tolist()]
    return conn.execute(_SQL["move_cells"], {"ids": list(ids), "cells": cells}).rowcount


def _known(conn: Connection, codes: list[str]) -> dict[str, int]:
    return dict(conn.execute(_SQL["known"], {"codes": codes}).fetchall())


def _faults(device: Registration) -> Iterable[tuple[str, str]]:
    if not device.code.strip() or device.code != device.code.strip():
        yield "标识码为空或前后有空格", "its code is empty or has blanks around it"
    if len(device.code) > LONGEST_CODE or "\0" in device.code:
        yield (
            f"标识码不得超过 {LONGEST_CODE} 个字符",
            f"its code has at most {LONGEST_CODE} characters",
        )
    place = device.position
    if place is not None and not (abs(place.lon) <= 180 and abs(place.lat) <= 90):
        yield (
            f"坐标 ({place.lon}, {place.lat}) 不在地球上，应为经度、纬度",
            f"({place.lon}, {place.lat}) is no longitude and latitude",
        )


def events_of(conn: Connection, code: str, since: datetime, at_most: int) -> list[Told]:
    """What a device told since an instant, the newest first."""
    values = {"code": code, "since": since, "at_most": at_most}
    return [Told(*row) for row in conn.execute(_SQL["events_of"], values)]


def _row(device: Registration, locate: Locate | None) -> dict[str, object]:
    row: dict[str, object] = {
        "code": device.code,
        "name": device.name,
        "kind": device.kind,
        "component": device.component,
        **dict.fromkeys(("raw_lon", "raw_lat", "datum", "lon", "lat", "cell")),
    }
    place = device.position
    if place is not None:
        lon, lat = to_wgs84(place.lon, place.lat, Datum(place.datum))
        row |= {"raw_lon": place.lon, "raw_lat": place.lat, "datum": str(place.datum)}
        row |= {"lon": lon, "lat": lat}
        if locate is not None:
            row["cell"] = _cell(int(locate(np.array([lon]), np.array([lat]))[0]))
    return row


def _cell(number: int) -> int | None:
    return None if number < 0 else number
