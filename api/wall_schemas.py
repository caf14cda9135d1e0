"""What the wall's figures look like, as pydantic models for the OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from incidents.lifecycle import State


class Dated(BaseModel):
    """`data_at` is the time of the newest data, `lag_s` how long that is ago; null before any."""

    data_at: datetime | None
    lag_s: float | None


class WallState(BaseModel):
    """Incidents of one state."""

    state: State
    zh: str
    count: int


class WallToday(BaseModel):
    """Since the city's midnight."""

    reported: int
    opened: int
    closed: int
    closed_in_time: int


class WallSummary(Dated):
    """What the head of a wall shows."""

    open: int
    overdue: int
    urgent: int
    by_state: list[WallState]
    today: WallToday
    devices: int
    readings_last_hour: int
    quarantined: int


class WallArea(BaseModel):
    """Open incidents of an area."""

    code: str | None
    name: str | None
    open: int
    overdue: int
    urgent: int


class WallAreas(Dated):
    """Open incidents by area, most first."""

    level: str
    areas: list[WallArea]


class WallTrend(Dated):
    """Columns: `at` is the beginning of each step."""

    step_s: int
    at: list[datetime]
    reported: list[int]
    closed: list[int]


class WallCategory(BaseModel):
    """Incidents of a category."""

    category: str
    zh: str
    en: str
    open: int
    reported: int


class WallCategories(Dated):
    """By category, most open first; `reported` is today's."""

    categories: list[WallCategory]


class WallDepartment(BaseModel):
    """What a department has before it, and what it finished today."""

    code: str
    name: str
    open: int
    overdue: int
    handled: int
    handled_in_time: int


class WallDepartments(Dated):
    """By department, most open first."""

    departments: list[WallDepartment]


class WallCells(Dated):
    """`counts` is base64 of `cells` numbers of `dtype`, in the order of codes of the edition `numbering` names."""

    numbering: str
    dtype: Literal["uint8", "uint16"]
    cells: int
    counts: str
