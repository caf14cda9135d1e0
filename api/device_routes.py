"""设备: registration with a place, and series of readings, downsampled for a screen."""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query
from numpy.typing import NDArray
from pydantic import AwareDatetime
from starlette.responses import Response

from api import answers
from api.access import READERS, Caller, R, allow
from api.given import Code, DeviceGiven
from api.map_schemas import DeviceEvents
from api.parts import Opened, Parts, now
from api.problems import Problem
from api.schemas import DevicePage, DeviceShown, Series
from grid.coordinates import Position
from incidents.postgres import devices as kept
from incidents.postgres import media_store, views
from incidents.postgres.connection import Connection
from incidents.postgres.ledger import PostgresLedger

router = APIRouter(prefix="/api/v1/devices", tags=["devices 设备"])

Id = Annotated[str, Path(min_length=1, max_length=128, pattern=r"^[^\x00]+$", examples=["wl-0001"])]
Reader = Annotated[Caller, allow(READERS)]
_EVERY = re.compile(r"(\d{1,7})(s|m|h|d)?", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, None: 1}
_STEPS = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21600, 86400, 604800)
POINTS = 500
"""Points of a series when nothing else is asked: about what a screen can show."""
MOST_POINTS = 10_000
LONGEST = timedelta(days=400)
_LATE = timedelta(days=1)


@router.get("", response_model=DevicePage, summary="设备列表 Devices")
def devices(
    caller: Reader,
    parts: Opened,
    kind: Annotated[Code | None, Query()] = None,
    registered: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> Response:
    """In order of their codes; those merely heard of have `registered` false."""
    filters: dict[str, str | bool | None] = {
        "kind": kind,
        "registered": registered,
        "area": caller.area,
    }
    with parts.connection() as connection:
        rows = views.devices(connection, _turned(cursor), limit + 1, filters)
    more = len(rows) > limit
    items = [_shown(row._asdict()) for row in rows[:limit]]
    next_ = _cursor(rows[limit - 1].code) if more else None
    return answers.json({"items": items, "next": next_})


@router.get("/{device}", response_model=DeviceShown, summary="一台设备 One device")
def device(device: Id, _: Reader, parts: Opened) -> Response:
    """The device with its newest values."""
    with parts.connection() as connection:
        found = _found(kept.find(connection, device), device)
        latest = views.latest_of(connection, found.id)
    names = ("metric", "unit", "at", "value")
    body = _known(found) | {"latest": [dict(zip(names, row, strict=True)) for row in latest]}
    return answers.json(body)


@router.put(
    "/{device}",
    response_model=DeviceShown,
    summary="登记设备 Register a device",
    responses={201: {"model": DeviceShown, "description": "新登记 registered now"}},
)
def register(
    device: Id,
    given: DeviceGiven,
    _: Annotated[Caller, allow(R.ADMINISTRATOR, R.SHIFT_LEAD)],
    parts: Opened,
) -> Response:
    """Keep what is said of a device, whole; a place is located at once in the edition in force."""
    place = given.position
    position = None if place is None else Position(place.lon, place.lat, place.datum)
    if position is not None:  # refuses exchanged coordinates with their name
        parts.in_force.place(position.lon, position.lat, position.datum)
    registration = kept.Registration(device, given.name, given.kind, given.component, position)
    with parts.connection() as connection:
        before = kept.find(connection, device)
        after = kept.register(connection, registration, _locate(parts))
    new = before is None or not before.registered
    return answers.json(_known(after), 201 if new else 200)


@router.get("/{device}/readings", response_model=Series, summary="监测数据 A series")
def readings(
    device: Id,
    metric: Annotated[Code, Query(examples=["water_level"])],
    _: Reader,
    parts: Opened,
    from_: Annotated[AwareDatetime | None, Query(alias="from", description="默认一天前")] = None,
    to: Annotated[AwareDatetime | None, Query(description="默认现在，不含 exclusive")] = None,
    every: Annotated[
        str | None, Query(max_length=10, description="步长 30s 5m 1h 1d，或 raw；默认约 500 点")
    ] = None,
) -> Response:
    """[from, to) in steps of `every` (count, mean, lowest, highest), or `raw` as the values came, 10,000 at most."""
    span = _span(from_, to)
    with parts.connection() as connection:
        found = _found(kept.find(connection, device), device)
        number = views.metric(connection, metric)
        if number is None:
            raise Problem(404, "unknown", (f"没有指标 {metric}", f"no metric is called {metric}"))
        head = {"device": device, "metric": metric, "from": span[0], "to": span[1]}
        which = (found.id, number)
        if every == "raw":
            rows = views.raw_series(connection, which, span, MOST_POINTS + 1)
            body = head | {"every_s": None, "truncated": len(rows) > MOST_POINTS}
            return answers.json(body | _columns(("at", "value", "flags"), rows[:MOST_POINTS]))
        step = _step(every, span)
        rows = views.series(connection, which, span, step)
    columns = _columns(("at", "count", "mean", "low", "high"), rows)
    return answers.json(head | {"every_s": step, "truncated": False} | columns)


def _columns(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {name: [row[n] for row in rows] for n, name in enumerate(names)}


@router.get(
    "/{device}/events", response_model=DeviceEvents, summary="设备近况 What a device told of late"
)
def events(
    device: Id, caller: Reader, parts: Opened, limit: Annotated[int, Query(ge=1, le=20)] = 5
) -> Response:
    """Its events of a day, the newest first: incidents and pictures only of those the caller may see.

    `pictures` are addresses of photos kept here that an event named and that belong to its incident.
    """
    with parts.connection() as connection:
        _found(kept.find(connection, device), device)
        ledger = parts.ledger(connection, caller)
        told = kept.events_of(connection, device, now() - _LATE, limit)
        items = [_told(connection, ledger, one) for one in told]
    return answers.json({"items": items}, headers={"Cache-Control": "no-store"})


def _told(connection: Connection, ledger: PostgresLedger, one: kept.Told) -> dict[str, Any]:
    """An event; of an incident the caller may not see, not even the number."""
    shown = one._asdict()
    named = set(shown.pop("media"))
    shown["pictures"] = []
    if one.incident is None:
        return shown
    try:
        ledger.load(one.incident)
    except Problem:
        return shown | {"incident": None}
    photos = media_store.of_incident(connection, one.incident) if named else []
    shown["pictures"] = [f"/api/v1/media/{each.id}" for each in photos if each.id in named]
    return shown


def _span(from_: datetime | None, to: datetime | None) -> tuple[datetime, datetime]:
    end = to or now()
    begin = from_ or end - timedelta(days=1)
    earliest, latest = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
    if not earliest <= begin < end <= latest or end - begin > LONGEST:
        raise _invalid(
            "/from",
            f"from 须早于 to，且相隔不超过 {LONGEST.days} 天",
            f"from lies before to, at most {LONGEST.days} days apart",
        )
    return begin, end


def _step(every: str | None, span: tuple[datetime, datetime]) -> int:
    length = (span[1] - span[0]).total_seconds()
    if every is None:
        least = length / POINTS
        return next((s for s in _STEPS if s >= least), math.ceil(least))
    found = _EVERY.fullmatch(every)
    step = int(found[1]) * _SECONDS[found[2]] if found else 0
    if step <= 0:
        raise _invalid("/every", "every 形如 30s、5m、1h、1d", "every looks like 30s, 5m, 1h, 1d")
    if length / step > MOST_POINTS:
        raise _invalid(
            "/every",
            f"步长过细：{length / step:.0f} 点，最多 {MOST_POINTS}",
            f"{length / step:.0f} points are too many, {MOST_POINTS} at most",
        )
    return step


def _invalid(pointer: str, zh: str, en: str) -> Problem:
    errors = [{"in": "query", "pointer": pointer, "code": "out_of_range", "detail": en}]
    return Problem(422, "invalid", (zh, en), errors=errors)


def _locate(parts: Parts) -> kept.Locate | None:
    ground = parts.in_force.ground
    if ground is None:
        return None

    def locate(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int32]:
        found = ground.atlas.locate(lon, lat)
        return np.where(found >= 0, found + ground.first_cell, -1).astype(np.int32)

    return locate


def _found(device: kept.Device | None, code: str) -> kept.Device:
    if device is None:
        raise Problem(404, "unknown", (f"没有设备 {code}", f"no device has the code {code}"))
    return device


def _known(device: kept.Device) -> dict[str, Any]:
    names = (
        "code", "name", "kind", "registered", "component", "raw_lon", "raw_lat", "datum", "lon", "lat", "changed_at",
    )  # fmt: skip
    return _shown({n: getattr(device, n) for n in names} | {"cell": device.cell_code})


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A device under the API's names: `id` is its code, `position` the place as given."""
    lon, lat, datum = (row.pop(name) for name in ("raw_lon", "raw_lat", "datum"))
    place = None if lon is None else {"lon": lon, "lat": lat, "datum": datum}
    return {"id": row.pop("code"), **row, "position": place}


def _cursor(code: str) -> str:
    return base64.urlsafe_b64encode(code.encode()).decode().rstrip("=")


def _turned(cursor: str | None) -> str:
    if cursor is None:
        return ""
    try:
        code = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError) as fault:
        raise Problem(422, "cursor_invalid", ("翻页标记已损坏", "the cursor is damaged")) from fault
    return code.replace("\0", "")
