"""大屏: what stands on its map, cell by cell and machine by machine, and the incidents behind any of its figures."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Request
from numpy.typing import NDArray
from pydantic import AwareDatetime
from starlette.responses import Response

from api import answers
from api.access import SCREENS, allow
from api.caller import Caller
from api.figures import Figures, Focus, midnight
from api.in_force import Ground
from api.negotiation import preferred
from api.parts import Opened, now
from api.problems import Problem
from api.wall_schemas import WallBehind, WallCells, WallHeat, WallLayouts, WallLife, WallMachines
from incidents.lifecycle import State
from incidents.postgres import wall
from incidents.postgres.connection import Connection

router = APIRouter(prefix="/api/v1/wall", tags=["wall 大屏"])

_OCTETS = "application/octet-stream"
_HOUR = timedelta(hours=1)
_HOURS = 24
SILENT_S = 900.0
"""A device unheard for a quarter of an hour counts as silent; most report every minute."""
_MACHINES_AT_MOST = 20_000
_LAYOUTS_AT_MOST = 50
_LAYOUT_BYTES = 256 * 1024

Figure = Literal[
    "open", "overdue", "urgent", "reported_today", "opened_today", "handled_today", "closed_today",
    "closed_in_time_today", "overdue_today", "reported_between", "closed_between",
]  # fmt: skip


@router.get(
    "/cells",
    response_model=WallCells,
    summary="按单元网格 By cell, packed",
    responses={200: {"content": {_OCTETS: {}}}},
)
def cells(request: Request, focus: Focus) -> Response:
    """Open incidents of every cell in the order of codes of the edition `numbering` names, one byte each (or two).

    JSON carries the bytes as base64; `Accept: application/octet-stream` gives them bare, little-endian, with
    `X-Numbering`, `X-Dtype`, `X-Data-At` and `X-Lag-S`.
    """
    form = preferred(request.headers.get("accept"), ("application/json", _OCTETS))
    ground = _ground(focus)
    value, data_at = focus.of(
        ("cells", ground.numbering), lambda connection, who: _packed(connection, who, ground)
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


@router.get("/heat", response_model=WallHeat, summary="24 小时热度 Heat by cell and hour")
def heat(focus: Focus) -> Response:
    """Incidents reported by cell and hour of the last 24 hours, as columns of what is not zero.

    `cell` is the place in the order of codes of the edition `numbering` names, `hour` the place in `at`.
    """
    ground = _ground(focus)

    def make(connection: Connection, who: wall.Whose) -> dict[str, Any]:
        last = now().replace(minute=0, second=0, microsecond=0)
        begin = last - (_HOURS - 1) * _HOUR
        rows = wall.heat(connection, who, (begin, last + _HOUR))
        index = rows[:, 0] - ground.first_cell
        rows = rows[(index >= 0) & (index < len(ground.atlas))]
        return {
            "numbering": ground.numbering,
            "at": [begin + n * _HOUR for n in range(_HOURS)],
            "cell": (rows[:, 0] - ground.first_cell).tolist(),
            "hour": rows[:, 1].tolist(),
            "count": rows[:, 2].tolist(),
        }

    return focus.answer(("heat", ground.numbering), make)


@router.get("/machines", response_model=WallMachines, summary="设备健康 Machines")
def machines(focus: Focus) -> Response:
    """Devices by kind and place, and whether each was heard of late; their readings are not told here."""

    def make(connection: Connection, who: wall.Whose) -> dict[str, Any]:
        kinds = wall.machine_kinds(connection, who.area, SILENT_S)
        places = wall.machine_places(connection, who.area, _MACHINES_AT_MOST)
        since = now() - timedelta(seconds=SILENT_S)
        return {
            "silent_after_s": SILENT_S,
            "kinds": [kind._asdict() for kind in kinds],
            "places": [
                {
                    "code": p.code,
                    "name": p.name,
                    "kind": p.kind,
                    "lon": p.lon,
                    "lat": p.lat,
                    "health": _health(p.heard_at, since),
                }
                for p in places
            ],
        }

    return focus.answer(("machines",), make)


@router.get("/incidents/{number}", response_model=WallLife, summary="案件经过 An incident's life")
def life(
    number: Annotated[str, Path(max_length=19, pattern=r"^[0-9A-Z]+$")], focus: Focus
) -> Response:
    """What happened to an incident, step by step; neither who did it nor what anybody wrote."""

    def make(connection: Connection, who: wall.Whose) -> dict[str, Any]:
        rows = wall.life(connection, who, number)
        return {"number": number, "moments": [row._asdict() for row in rows]}

    value, data_at = focus.of(("life", number), make)
    if not value["moments"]:
        raise Problem(404, "not_found", (f"没有案件 {number}", f"there is no incident {number}"))
    return answers.json(answers.dated(value, data_at), headers={"Cache-Control": "no-store"})


@router.get("/behind", response_model=WallBehind, summary="数字背后的案件 The list behind a figure")
def behind(  # noqa: PLR0913, PLR0917 - the address is the signature
    focus: Focus,
    figure: Figure,
    state: State | None = None,
    category: Annotated[str | None, Query(max_length=128, pattern=r"^[^\x00]+$")] = None,
    department: Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]+$")] = None,
    within: Annotated[str | None, Query(max_length=15, pattern=r"^[0-9A-Z]+$")] = None,
    nowhere: bool = False,
    begin: AwareDatetime | None = None,
    end: AwareDatetime | None = None,
) -> Response:
    """The incidents that a figure of this wall counts: `total` is that figure, `items` the newest hundred.

    `reported_between` and `closed_between` need `begin` and `end`; the rest narrows a figure to one of its rows.
    """
    if figure.endswith("_between") and (begin is None or end is None):
        raise Problem(422, "invalid", ("须给出 begin 与 end", "begin and end are needed"))

    def make(connection: Connection, who: wall.Whose) -> dict[str, Any]:
        asked = wall.Behind(
            figure,
            midnight(focus.parts),
            begin,
            end,
            None if state is None else str(state),
            category,
            department,
            within,
            nowhere,
        )
        total, rows = wall.behind(connection, who, asked)
        return {"figure": figure, "total": total, "items": [row._asdict() for row in rows]}

    key = ("behind", figure, state, category, department, within, nowhere, begin, end)
    return focus.answer(key, make)


@router.get(
    "/layouts", response_model=WallLayouts, summary="本市的大屏布局 Layouts of this city's own"
)
def layouts(_: Annotated[Caller, allow(SCREENS)], parts: Opened) -> Response:
    """Layouts the city keeps in `wall/` of its home, one JSON file each; what cannot be read is named with why."""
    good: list[Any] = []
    refused: list[dict[str, str]] = []
    for file in sorted((parts.settings.home / "wall").glob("*.json"))[:_LAYOUTS_AT_MOST]:
        try:
            if file.stat().st_size > _LAYOUT_BYTES:
                raise ValueError(f"larger than {_LAYOUT_BYTES} bytes")
            good.append(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError) as why:
            refused.append({"file": file.name, "why": str(why)})
    return answers.json(
        {"layouts": good, "refused": refused}, headers={"Cache-Control": "no-store"}
    )


def _ground(focus: Figures) -> Ground:
    ground = focus.parts.in_force.ground
    if ground is None:
        raise Problem(404, "no_grid", ("尚未装载单元网格", "no grid edition is loaded"))
    return ground


def _packed(connection: Connection, who: wall.Whose, ground: Ground) -> dict[str, Any]:
    counts = wall.cells(connection, who, ground.first_cell, len(ground.atlas))
    narrow = counts.max(initial=0) <= np.iinfo(np.uint8).max
    most = np.iinfo(np.uint16).max
    packed = counts.astype("u1") if narrow else np.minimum(counts, most).astype("<u2")
    return {"packed": packed}


def _health(heard_at: datetime | None, since: datetime) -> str:
    if heard_at is None:
        return "never"
    return "heard" if heard_at >= since else "silent"
