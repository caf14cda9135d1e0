"""What the wall's figures and its map look like, as pydantic models for the OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

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
    handled: int
    closed: int
    closed_in_time: int
    overdue: int


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
    reported_week_before: list[int] | None


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


class WallStep(BaseModel):
    """How long a step took, in minutes; `p90_min` is what nine of ten kept within."""

    step: Literal["open", "dispatch", "accept", "handle", "close"]
    done: int
    median_min: float
    p90_min: float


class WallResponse(Dated):
    """Steps done today; one that nobody did is missing."""

    steps: list[WallStep]


class WallFlow(Dated):
    """`readings_in` and `readings_stored` only grow; `at` is the server's time."""

    at: datetime
    readings_in: int
    readings_stored: int
    events_5min: int
    incidents_5min: int


class WallHeat(Dated):
    """Columns: `count` incidents reported in cell number `cell` within the hour `at[hour]`."""

    numbering: str
    at: list[datetime]
    cell: list[int]
    hour: list[int]
    count: list[int]


class WallMachineKind(BaseModel):
    """Devices of a kind."""

    kind: str
    devices: int
    heard: int
    silent: int
    never: int


class WallMachine(BaseModel):
    """A device on the map."""

    code: str
    name: str | None
    kind: str
    lon: float
    lat: float
    health: Literal["heard", "silent", "never"]


class WallMachines(Dated):
    """Devices by kind, and where they stand."""

    silent_after_s: float
    kinds: list[WallMachineKind]
    places: list[WallMachine]


class WallMoment(BaseModel):
    """One thing that happened."""

    at: datetime
    move: str
    from_state: State | None
    to_state: State
    role: str
    department: str | None


class WallLife(Dated):
    """An incident's life, oldest first."""

    number: str
    moments: list[WallMoment]


class WallCounted(BaseModel):
    """An incident behind a figure."""

    number: str
    state: State
    category: str
    urgent: bool
    overdue: bool
    cell: str | None
    street: str | None
    department: str | None
    reported_at: datetime
    due_at: datetime | None
    lon: float | None
    lat: float | None


class WallBehind(Dated):
    """The list behind a figure: `total` is the figure."""

    figure: str
    total: int
    items: list[WallCounted]


class LayoutRefused(BaseModel):
    """A file that is no layout."""

    file: str
    why: str


class WallLayouts(BaseModel):
    """Layouts as they stand in the city's files; the screen says what is wrong with one."""

    layouts: list[Any]
    refused: list[LayoutRefused]


class GridTiles(BaseModel):
    """Vector tiles of the edition in force: `GET /grid/tiles/{digest}/{z}/{x}/{y}` from zoom `lowest` to `highest`."""

    ready: bool
    numbering: str
    digest: str
    cells: int
    lowest: int
    highest: int
    bounds: tuple[float, float, float, float]
