"""大屏: the figures a wall shows, each answer with the time of its newest data, so that no screen pretends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.figures import Focus, midnight
from api.parts import Parts, now
from api.shapes import states
from api.wall_schemas import (
    WallAreas,
    WallCategories,
    WallDepartments,
    WallFlow,
    WallResponse,
    WallSummary,
    WallTrend,
)
from incidents.postgres import wall
from incidents.postgres.connection import Connection

router = APIRouter(prefix="/api/v1/wall", tags=["wall 大屏"])

_TREND = {"hour": (3600, timedelta(hours=24)), "day": (86400, timedelta(days=30))}
_WEEK = timedelta(days=7)


@router.get("/summary", response_model=WallSummary, summary="总览 Summary")
def summary(focus: Focus) -> Response:
    """Open incidents by state, what happened today (the city's day), devices and readings.

    `GET /wall/behind` lists the incidents that any of these figures counts.
    """

    def make(connection: Connection, who: wall.Whose) -> dict[str, Any]:
        counts = {c.state: c for c in wall.open_by_state(connection, who)}
        today = wall.since(connection, who, midnight(focus.parts))
        names = states()
        return {
            "open": sum(c.open for c in counts.values()),
            "overdue": sum(c.overdue for c in counts.values()),
            "urgent": sum(c.urgent for c in counts.values()),
            "by_state": [
                {"state": s, "zh": names[s], "count": counts[s].open} for s in names if s in counts
            ],
            "today": today._asdict(),
            **wall.machines(connection)._asdict(),
        }

    return focus.answer(("summary",), make)


@router.get("/areas", response_model=WallAreas, summary="按区域 By area")
def areas(focus: Focus, level: Literal["district", "street", "community"] = "street") -> Response:
    """Open incidents by district, street or community; `code` null is outside every cell."""

    def make(connection: Connection, who: wall.Whose) -> dict[str, Any]:
        rows = wall.areas(connection, who, level)
        return {"level": level, "areas": [row._asdict() for row in rows]}

    return focus.answer(("areas", level), make)


@router.get("/trend", response_model=WallTrend, summary="趋势 Trend")
def trend(focus: Focus, step: Annotated[Literal["hour", "day"], Query()] = "hour") -> Response:
    """Reported and closed: the last 24 hours by hour beside the same hours a week before, or 30 days by day."""

    def make(connection: Connection, who: wall.Whose) -> dict[str, Any]:
        seconds, length = _TREND[step]
        end = now()
        begin = _full_step(focus.parts, end - length, step)
        found = {row.at: row for row in wall.trend(connection, who, (begin, end), seconds)}
        times = [
            begin + n * timedelta(seconds=seconds)
            for n in range(int((end - begin).total_seconds() // seconds) + 1)
        ]
        before = None
        if step == "hour":
            span = (begin - _WEEK, times[-1] - _WEEK + timedelta(seconds=seconds))
            week = {row.at + _WEEK: row for row in wall.trend(connection, who, span, seconds)}
            before = [week[t].reported if t in week else 0 for t in times]
        return {
            "step_s": seconds,
            "at": times,
            "reported": [found[t].reported if t in found else 0 for t in times],
            "closed": [found[t].closed if t in found else 0 for t in times],
            "reported_week_before": before,
        }

    return focus.answer(("trend", step), make)


@router.get("/categories", response_model=WallCategories, summary="按类别 By category")
def categories(focus: Focus) -> Response:
    """Open now and reported today, by category with its names."""

    def make(connection: Connection, who: wall.Whose) -> dict[str, Any]:
        known = focus.parts.in_force.decisions.categories
        rows = []
        for row in wall.categories(connection, who, midnight(focus.parts)):
            category = known.get(row.category)
            names = (category.name_zh, category.name_en) if category else (row.category, "")
            rows.append(row._asdict() | {"zh": names[0], "en": names[1]})
        return {"categories": rows}

    return focus.answer(("categories",), make)


@router.get("/departments", response_model=WallDepartments, summary="按部门 By department")
def departments(focus: Focus) -> Response:
    """What each department has before it and what it finished today."""

    def make(connection: Connection, who: wall.Whose) -> dict[str, Any]:
        rows = wall.departments(connection, who, midnight(focus.parts))
        return {"departments": [row._asdict() for row in rows]}

    return focus.answer(("departments",), make)


@router.get("/response", response_model=WallResponse, summary="响应时间 Response times")
def response(focus: Focus) -> Response:
    """How long each step of an incident's life took today: how many, median and ninth tenth, in minutes."""

    def make(connection: Connection, who: wall.Whose) -> dict[str, Any]:
        rows = wall.response(connection, who, midnight(focus.parts))
        return {"steps": [row._asdict() for row in rows]}

    return focus.answer(("response",), make)


@router.get("/flow", response_model=WallFlow, summary="数据流 What comes in")
def flow(focus: Focus) -> Response:
    """Readings counted since the books began, events and incidents of five minutes: the whole city's, whoever asks.

    A rate of readings is the difference of two answers over the difference of their `at`.
    """

    def make(connection: Connection, _: wall.Whose) -> dict[str, Any]:
        return wall.flow(connection)._asdict()

    return focus.answer(("flow",), make)


def _full_step(parts: Parts, at: datetime, step: str) -> datetime:
    local = at.astimezone(parts.in_force.zone).replace(minute=0, second=0, microsecond=0)
    return (local.replace(hour=0) if step == "day" else local).astimezone(now().tzinfo)
