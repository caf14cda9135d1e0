"""A small made-up city for journeys: a hundred square cells, two departments, few and simple decisions, its people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from shapely.geometry import box

from grid.atlas import Atlas
from grid.coordinates import Datum, Position
from grid.edition import Edition
from incidents.lifecycle import Role
from incidents.postgres import accounts, city, decision_store, devices, grid_store
from incidents.postgres.connection import connect
from tests.journey.oracle import Level

REGION = "999901"
WEST, SOUTH, STEP = 123.4, 30.6, 0.001
"""Degrees: the south-western corner, in the open sea, and the side of a cell (about 100 m)."""
SIDE = 10

PEOPLE = {
    "lead": (Role.SHIFT_LEAD, None),
    "intake": (Role.INTAKE_OFFICER, None),
    "dispatcher": (Role.DISPATCHER, None),
    "inspector": (Role.INSPECTOR, None),
    "dept-a": (Role.DEPARTMENT, "A"),
    "dept-b": (Role.DEPARTMENT, "B"),
    "auditor": (Role.AUDITOR, None),
    "wall": (Role.WALL, None),
    "machines": (Role.INGEST, None),
}
"""Account → role and department; its token is `token-of-<name>`."""
UNSORTED = "scene/matter/unsorted"


def token_of(name: str) -> str:
    """The token of a person of the scene."""
    return f"token-of-{name}"


def cell_code(column: int, row: int) -> str:
    """The code of a cell, columns from the west, rows from the south: a community is a row."""
    return f"{REGION}{1 + row // 5:03}{1 + row:03}{1 + column:02}"


def middle(column: int, row: int) -> tuple[float, float]:
    """WGS-84 degrees of the middle of a cell."""
    return WEST + (column + 0.5) * STEP, SOUTH + (row + 0.5) * STEP


def edition() -> Edition:
    """The hundred cells."""
    places = [(c, r) for r in range(SIDE) for c in range(SIDE)]
    polygons = [
        box(WEST + c * STEP, SOUTH + r * STEP, WEST + (c + 1) * STEP, SOUTH + (r + 1) * STEP)
        for c, r in places
    ]
    return Edition.of("scene", date(2020, 1, 1), ([cell_code(c, r) for c, r in places], polygons))


def threshold(level: Level, category: str, **more: object) -> dict[str, Any]:
    """A rule's row from the oracle's words."""
    return {
        "kind": "threshold",
        "code": level.code,
        "name_zh": level.code,
        "name_en": level.code,
        "category": category,
        "metric": level.metric,
        "direction": "above",
        "raise": level.raise_at,
        "clear": level.clear_at,
        "for_s": level.for_s,
        "settle_s": level.settle_s,
        "gap_s": level.gap_s,
        **more,
    }


def reported(code: str, categories: Sequence[str]) -> dict[str, Any]:
    """A rule that opens an incident for any event of these categories."""
    return {
        "kind": "report",
        "code": code,
        "name_zh": code,
        "name_en": code,
        "categories": list(categories),
    }


def automatic_route(code: str, categories: Sequence[str], department: str) -> dict[str, Any]:
    """A route that dispatches by itself, due in two hours."""
    return {
        "code": code,
        "categories": list(categories),
        "department": department,
        "automatic": True,
        "limit_minutes": 120,
    }


def standards(
    categories: Sequence[str], near: Mapping[str, tuple[float, int]] | None = None
) -> dict[str, Any]:
    """Categories, and for some of them metres and minutes within which two events are one trouble."""
    return {
        "categories": [{"key": key, "zh": key, "en": key} for key in (*categories, UNSORTED)],
        "nearby": [
            {"categories": [key], "metres": metres, "within_minutes": minutes}
            for key, (metres, minutes) in (near or {}).items()
        ],
        "departments": [
            {"code": "A", "zh": "甲部门", "en": "A"},
            {"code": "B", "zh": "乙部门", "en": "B"},
        ],
        "unsorted": UNSORTED,
    }


def settle(
    database_url: str,
    bodies: Mapping[str, dict[str, Any]],
    devices_at: Mapping[str, tuple[int, int]] | None = None,
    ground: Edition | None = None,
    people: bool = True,
) -> None:
    """Put city, grid, decisions ("rules", "routes", "standards"), devices (code → column, row) and people there."""
    with connect(database_url, "scene") as conn:
        city.put(conn, city.City("journey", REGION, "Asia/Shanghai"))
        grid_store.keep_edition(conn, ground or edition())
        with conn.transaction():
            decision_store.keep(conn, "rules", {"rules": []}, "scene")
            decision_store.keep(conn, "routes", {"routes": []}, "scene")
            for kind in ("standards", "rules", "routes"):
                decision_store.keep(conn, kind, bodies[kind], "scene")
        for code, (column, row) in (devices_at or {}).items():
            _register(conn, code, middle(column, row))
        for name, (role, department) in PEOPLE.items() if people else ():
            accounts.add(
                conn, accounts.Applicant(name, role, department=department, token=token_of(name))
            )


def _register(conn: psycopg.Connection[Any], code: str, place: tuple[float, float]) -> None:
    _, first_cell, found = grid_store.load_edition(conn)
    atlas = Atlas.of(found)

    def locate(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int32]:
        cells = atlas.locate(lon, lat)
        return np.where(cells >= 0, cells + first_cell, -1).astype(np.int32)

    devices.register(
        conn, devices.Registration(code, position=Position(*place, Datum.WGS84)), locate
    )
