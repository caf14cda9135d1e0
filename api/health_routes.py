"""Whether we live, whether the whole path works, which version this is, and the figures for Prometheus."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg import Error as DatabaseError
from psycopg_pool import PoolTimeout
from starlette.responses import Response

from api import answers
from api.access import anyone
from api.gauges import REGISTRY, tell_calendar
from api.parts import Opened, Parts
from api.version import version
from grid.errors import CityError
from incidents.calendar_outlook import Urgency, outlook
from incidents.postgres import migrate, views
from incidents.postgres.connection import Connection

router = APIRouter(tags=["health 运行状态"], dependencies=[anyone])

SILENT_S = 30.0
"""A part unseen for so long is taken for dead; each says that it lives every few seconds."""
FORGOTTEN_S = 3600.0
"""A part unseen for so long is no part any more."""


@router.get("/livez", summary="进程在运行 This process lives")
async def livez() -> Response:
    """200 as long as the process answers; asks nothing else."""
    return answers.json({"alive": True})


@router.get(
    "/readyz",
    summary="整条路径可用 The whole path works",
    responses={503: {"description": "有一项不可用；body 与 200 相同 something is down"}},
)
def readyz(parts: Opened) -> Response:
    """Database, migrations, decisions, Kafka, and workers that live: 200 when all hold, else 503 saying which.

    A calendar somebody has to confirm is a `warning` of its check; the path works without.
    """
    checks: dict[str, dict[str, Any]] = {}
    running: list[views.Part] = []
    try:
        with parts.pool.connection(timeout=2) as connection:
            checks["database"] = _good("可用 reachable")
            checks["migrations"] = _migrations(connection)
            running = [p for p in views.parts(connection) if p.age_s < FORGOTTEN_S]
    except (DatabaseError, PoolTimeout):
        checks.setdefault("database", _bad("数据库无法连接 the database cannot be reached"))
    checks["decisions"] = _decisions(parts)
    checks["kafka"] = (
        _good("可用 reachable")
        if parts.follower.connected
        else _bad("Kafka 无法连接 the broker cannot be reached")
    )
    checks["workers"] = _workers(running)
    checks["calendar"] = _calendar(parts)
    ready = all(check["ok"] for check in checks.values())
    body = {
        "ready": ready,
        "checks": checks,
        "demo": parts.settings.demonstration,
        "parts": [
            {"name": p.name, "kind": p.kind, "age_s": round(p.age_s, 1), "ok": p.age_s < SILENT_S}
            for p in running
        ],
    }
    return answers.json(body, 200 if ready else 503, {"Cache-Control": "no-store"})


@router.get("/version", summary="版本 Version")
async def version_() -> Response:
    """The version of this program and of its address."""
    return answers.json({"name": "yiwang", "version": version(), "api": "v1"})


@router.get("/metrics", summary="Prometheus 指标 Metrics", response_class=Response)
async def metrics(parts: Opened) -> Response:
    """Requests by route template, status and time taken, open live streams; until when the calendar is confirmed."""
    if parts.in_force.ready:
        tell_calendar(parts.in_force.decisions.calendar, datetime.now(UTC))
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


def _good(detail: str) -> dict[str, Any]:
    return {"ok": True, "detail": detail}


def _bad(detail: str) -> dict[str, Any]:
    return {"ok": False, "detail": detail}


def _migrations(connection: Connection) -> dict[str, Any]:
    try:
        if migrate.pending(connection):
            return _bad("数据库结构待升级：python -m incidents migrate")
    except CityError as fault:
        return _bad(str(fault))
    return _good("已是最新 at head")


def _decisions(parts: Parts) -> dict[str, Any]:
    if not parts.in_force.ready:
        return _bad("规则尚未读入 the city's decisions are not read")
    if parts.in_force.ground is None:
        return _good("规则已读入，未装载网格 decisions are read, no grid edition is loaded")
    return _good(f"网格版本 grid edition {parts.in_force.ground.numbering}")


def _calendar(parts: Parts) -> dict[str, Any]:
    """Never down: a calendar that is not confirmed makes deadlines provisional, not the path broken."""
    if not parts.in_force.ready:
        return _good("尚未读入 not read yet")
    found = outlook(parts.in_force.decisions.calendar, datetime.now(UTC))
    told = _good(f"{found.zh} {found.en}")
    return told if found.urgency is Urgency.GOOD else {**told, "warning": str(found.urgency)}


def _workers(running: list[views.Part]) -> dict[str, Any]:
    workers = [p for p in running if p.kind == "worker"]
    if not workers:
        return _bad("没有运行中的处理进程 no worker runs")
    silent = [p.name for p in workers if p.age_s >= SILENT_S]
    if len(silent) == len(workers):
        return _bad(f"处理进程无响应 silent workers: {', '.join(silent)}")
    stuck = [p.name for p in workers if p.detail.get("stuck")]
    if stuck:
        return _bad(f"处理进程停滞 stuck workers: {', '.join(stuck)}")
    return _good(f"{len(workers) - len(silent)} 个处理进程 workers")
