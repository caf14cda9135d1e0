"""大屏: the figures a wall shows, each answer with the time of its newest data, so that no screen pretends."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request
from numpy.typing import NDArray
from starlette.responses import Response

from api import answers
from api.access import SCREENS, Caller, allow
from api.in_force import Ground
from api.negotiation import preferred
from api.parts import Opened, Parts, now
from api.problems import Problem
from api.shapes import states
from api.wall_schemas import (
    WallAreas,
    WallCategories,
    WallCells,
    WallDepartments,
    WallSummary,
    WallTrend,
)
from incidents.postgres import views
from incidents.postgres.connection import Connection

router = APIRouter(prefix="/api/v1/wall", tags=["wall 大屏"])
Screen = Annotated[Caller, allow(SCREENS)]

_OCTETS = "application/octet-stream"
_TREND = {"hour": (3600, timedelta(hours=24)), "day": (86400, timedelta(days=30))}


@router.get("/summary", response_model=WallSummary, summary="总览 Summary")
def summary(caller: Screen, parts: Opened) -> Response:
    """Open incidents by state, what happened today (the city's day), devices and readings."""

    def make(connection: Connection, who: views.Within) -> dict[str, Any]:
        counts = {c.state: c for c in views.open_by_state(connection, who)}
        today = views.since(connection, who, midnight(parts))
        names = states()
        return {
            "open": sum(c.open for c in counts.values()),
            "overdue": sum(c.overdue for c in counts.values()),
            "urgent": sum(c.urgent for c in counts.values()),
            "by_state": [
                {"state": s, "zh": names[s], "count": counts[s].open} for s in names if s in counts
            ],
            "today": today._asdict(),
            **views.machines(connection)._asdict(),
        }

    return _figures(parts, caller, ("summary",), make)


@router.get("/areas", response_model=WallAreas, summary="按区域 By area")
def areas(
    caller: Screen, parts: Opened, level: Literal["district", "street", "community"] = "street"
) -> Response:
    """Open incidents by district, street or community; `code` null is outside every cell."""

    def make(connection: Connection, who: views.Within) -> dict[str, Any]:
        rows = views.areas(connection, who, level)
        return {"level": level, "areas": [row._asdict() for row in rows]}

    return _figures(parts, caller, ("areas", level), make)


@router.get("/trend", response_model=WallTrend, summary="趋势 Trend")
def trend(
    caller: Screen, parts: Opened, step: Annotated[Literal["hour", "day"], Query()] = "hour"
) -> Response:
    """Reported and closed: the last 24 hours by hour, or the last 30 days by day of the city."""

    def make(connection: Connection, who: views.Within) -> dict[str, Any]:
        seconds, length = _TREND[step]
        end = now()
        begin = _full_step(parts, end - length, step)
        found = {row.at: row for row in views.trend(connection, who, (begin, end), seconds)}
        times = [
            begin + n * timedelta(seconds=seconds)
            for n in range(int((end - begin).total_seconds() // seconds) + 1)
        ]
        return {
            "step_s": seconds,
            "at": times,
            "reported": [found[t].reported if t in found else 0 for t in times],
            "closed": [found[t].closed if t in found else 0 for t in times],
        }

    return _figures(parts, caller, ("trend", step), make)


@router.get("/categories", response_model=WallCategories, summary="按类别 By category")
def categories(caller: Screen, parts: Opened) -> Response:
    """Open now and reported today, by category with its names."""

    def make(connection: Connection, who: views.Within) -> dict[str, Any]:
        known = parts.in_force.decisions.categories
        rows = []
        for row in views.categories(connection, who, midnight(parts)):
            category = known.get(row.category)
            names = (category.name_zh, category.name_en) if category else (row.category, "")
            rows.append(row._asdict() | {"zh": names[0], "en": names[1]})
        return {"categories": rows}

    return _figures(parts, caller, ("categories",), make)


@router.get("/departments", response_model=WallDepartments, summary="按部门 By department")
def departments(caller: Screen, parts: Opened) -> Response:
    """What each department has before it and what it finished today."""

    def make(connection: Connection, who: views.Within) -> dict[str, Any]:
        rows = views.departments(connection, who, midnight(parts))
        return {"departments": [row._asdict() for row in rows]}

    return _figures(parts, caller, ("departments",), make)


@router.get(
    "/cells",
    response_model=WallCells,
    summary="按单元网格 By cell, packed",
    responses={200: {"content": {_OCTETS: {}}}},
)
def cells(request: Request, caller: Screen, parts: Opened) -> Response:
    """Open incidents of every cell in the order of codes of the edition `numbering` names, one byte each (or two).

    JSON carries the bytes as base64; `Accept: application/octet-stream` gives them bare, little-endian, with
    `X-Numbering`, `X-Dtype`, `X-Data-At` and `X-Lag-S`.
    """
    form = preferred(request.headers.get("accept"), ("application/json", _OCTETS))
    ground = parts.in_force.ground
    if ground is None:
        raise Problem(404, "no_grid", ("尚未装载单元网格", "no grid edition is loaded"))
    value, data_at = _made(
        parts, caller, ("cells", ground.numbering), lambda c, who: _packed(c, who, ground)
    )
    packed: NDArray[Any] = value["packed"]
    head = {"numbering": ground.numbering, "dtype": str(packed.dtype), "cells": len(packed)}
    body = answers.dated(head, data_at)
    if form == _OCTETS:
        headers = {
            "X-Numbering": ground.numbering,
            "X-Dtype": str(packed.dtype),
            "X-Data-At": "" if data_at is None else data_at.isoformat(),
            "X-Lag-S": "" if body["lag_s"] is None else str(body["lag_s"]),
            "Cache-Control": "no-store",
        }
        return Response(packed.tobytes(), headers=headers, media_type=_OCTETS)
    body["counts"] = base64.b64encode(packed.tobytes()).decode()
    return answers.json(body, headers={"Cache-Control": "no-store"})


def midnight(parts: Parts) -> datetime:
    """When the city's day began."""
    return now().astimezone(parts.in_force.zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _full_step(parts: Parts, at: datetime, step: str) -> datetime:
    local = at.astimezone(parts.in_force.zone).replace(minute=0, second=0, microsecond=0)
    return (local.replace(hour=0) if step == "day" else local).astimezone(now().tzinfo)


def _packed(connection: Connection, who: views.Within, ground: Ground) -> dict[str, Any]:
    counts = views.cells(connection, who, ground.first_cell, len(ground.atlas))
    narrow = counts.max(initial=0) <= np.iinfo(np.uint8).max
    most = np.iinfo(np.uint16).max
    packed = counts.astype("u1") if narrow else np.minimum(counts, most).astype("<u2")
    return {"packed": packed}


def _figures(
    parts: Parts,
    caller: Caller,
    key: tuple[str, ...],
    make: Callable[[Connection, views.Within], dict[str, Any]],
) -> Response:
    value, data_at = _made(parts, caller, key, make)
    return answers.json(answers.dated(value, data_at), headers={"Cache-Control": "no-store"})


def _made(
    parts: Parts,
    caller: Caller,
    key: tuple[str, ...],
    make: Callable[[Connection, views.Within], dict[str, Any]],
) -> tuple[dict[str, Any], datetime | None]:
    """The figures of this scope, made at most once a second for however many screens; with the data's time."""
    scope = caller.scope
    who = views.Within(scope.area, scope.department)

    def ask() -> tuple[dict[str, Any], datetime | None]:
        with parts.connection() as connection:
            data_at = views.data_at(connection)
            return make(connection, who), data_at

    made: tuple[dict[str, Any], datetime | None] = parts.shortly((*key, who), ask)
    return made
