"""What a big screen shows, counted in the database; every figure has its list (`behind`), of the same incidents."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

_SQL = named("wall.sql")
Row = tuple[Any, ...]


class Whose(NamedTuple):
    """Whose figures: cells under a code prefix, some departments', categories that begin so; None for no such limit."""

    area: str | None = None
    departments: tuple[str, ...] | None = None
    theme: tuple[str, ...] | None = None

    def values(self) -> dict[str, Any]:
        """As the statements ask for them."""
        return {
            "area": self.area,
            "departments": None if self.departments is None else list(self.departments),
            "theme": None if self.theme is None else list(self.theme),
        }


class StateCount(NamedTuple):
    """Incidents of one state that has not ended."""

    state: str
    open: int
    overdue: int
    urgent: int


class Since(NamedTuple):
    """What happened since an instant; `overdue` came overdue then, whether finished since or not."""

    reported: int
    opened: int
    handled: int
    closed: int
    closed_in_time: int
    overdue: int


class Machines(NamedTuple):
    """Devices known, readings stored in the last hour, messages waiting in quarantine."""

    devices: int
    readings_last_hour: int
    quarantined: int


class Area(NamedTuple):
    """Open incidents of an area; code None is outside every cell."""

    code: str | None
    name: str | None
    open: int
    overdue: int
    urgent: int


class Step(NamedTuple):
    """One step of a trend, from `at` on."""

    at: datetime
    reported: int
    closed: int


class CategoryCount(NamedTuple):
    """Incidents of a category: open now, reported since the instant asked."""

    category: str
    open: int
    reported: int


class DepartmentCount(NamedTuple):
    """What a department has before it, and what it finished since the instant asked."""

    code: str
    name: str
    open: int
    overdue: int
    handled: int
    handled_in_time: int


class Took(NamedTuple):
    """How long a step of life took: how often, median and ninth tenth in minutes."""

    step: str
    done: int
    median_min: float
    p90_min: float


class MachineKind(NamedTuple):
    """Devices of a kind: all, heard lately, silent now, never heard."""

    kind: str
    devices: int
    heard: int
    silent: int
    never: int


class MachinePlace(NamedTuple):
    """Where a device stands, WGS-84 degrees, and when it was last heard."""

    code: str
    name: str | None
    kind: str
    lon: float
    lat: float
    heard_at: datetime | None


class Flow(NamedTuple):
    """Readings since the books began; events and incidents of the last five minutes; the server's time."""

    readings_in: int
    readings_stored: int
    events_5min: int
    incidents_5min: int
    at: datetime


class Moment(NamedTuple):
    """One thing that happened to an incident: no names, no words."""

    at: datetime
    move: str
    from_state: str | None
    to_state: str
    role: str
    department: str | None


class Counted(NamedTuple):
    """An incident behind a figure."""

    number: str
    state: str
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


class Behind(NamedTuple):
    """Which figure, and which part of it; `nowhere` is what lies outside every cell."""

    figure: str
    since: datetime
    begin: datetime | None = None
    end: datetime | None = None
    state: str | None = None
    category: str | None = None
    department: str | None = None
    within: str | None = None
    nowhere: bool = False


def open_by_state(conn: Connection, who: Whose) -> list[StateCount]:
    """Incidents that have not ended, by state."""
    return [StateCount(*row) for row in _all(conn, "open_by_state", who)]


def since(conn: Connection, who: Whose, instant: datetime) -> Since:
    """What happened since an instant."""
    return Since(*_all(conn, "since", who, since=instant)[0])


def machines(conn: Connection) -> Machines:
    """Devices, readings of the last hour, quarantine."""
    return Machines(*conn.execute(_SQL["machines"]).fetchall()[0])


def areas(conn: Connection, who: Whose, level: str) -> list[Area]:
    """Open incidents by `district`, `street` or `community`, most first."""
    return [Area(*row) for row in _all(conn, "areas", who, level=level)]


def trend(conn: Connection, who: Whose, span: tuple[datetime, datetime], step_s: int) -> list[Step]:
    """Reported and closed in [from, to) by step of time from its beginning on; steps without any are missing."""
    values = {"from": span[0], "to": span[1], "step": step_s}
    return [Step(*row) for row in _all(conn, "trend", who, **values)]


def categories(conn: Connection, who: Whose, instant: datetime) -> list[CategoryCount]:
    """Incidents by category, most open first."""
    return [CategoryCount(*row) for row in _all(conn, "categories", who, since=instant)]


def departments(conn: Connection, who: Whose, instant: datetime) -> list[DepartmentCount]:
    """What each department has before it, most open first."""
    return [DepartmentCount(*row) for row in _all(conn, "departments", who, since=instant)]


def cells(conn: Connection, who: Whose, first_cell: int, count: int) -> NDArray[np.int64]:
    """Open incidents of each cell of an edition, in the order of its codes."""
    packed = np.zeros(count, dtype=np.int64)
    rows = np.asarray(_all(conn, "cells", who), dtype=np.int64).reshape(-1, 2)
    index = rows[:, 0] - first_cell
    inside = (index >= 0) & (index < count)
    packed[index[inside]] = rows[inside, 1]
    return packed


def heat(conn: Connection, who: Whose, span: tuple[datetime, datetime]) -> NDArray[np.int64]:
    """Rows (unit_grid.id, hour from the beginning, incidents reported) of [from, to)."""
    rows = _all(conn, "heat", who, **{"from": span[0], "to": span[1]})
    return np.asarray(rows, dtype=np.int64).reshape(-1, 3)


def response(conn: Connection, who: Whose, instant: datetime) -> list[Took]:
    """How long the steps took that were done since an instant; a step nobody did is missing."""
    return [Took(*row) for row in _all(conn, "response", who, since=instant)]


def machine_kinds(conn: Connection, area: str | None, within_s: float) -> list[MachineKind]:
    """Devices by kind, most first; heard within so many seconds counts as well."""
    rows = conn.execute(_SQL["machine_kinds"], {"area": area, "within": within_s}).fetchall()
    return [MachineKind(*row) for row in rows]


def machine_places(conn: Connection, area: str | None, at_most: int) -> list[MachinePlace]:
    """Devices that have a place."""
    rows = conn.execute(_SQL["machine_places"], {"area": area, "at_most": at_most}).fetchall()
    return [MachinePlace(*row) for row in rows]


def flow(conn: Connection) -> Flow:
    """How much comes in."""
    return Flow(*conn.execute(_SQL["flow"]).fetchall()[0])


def life(conn: Connection, who: Whose, number: str) -> list[Moment]:
    """What happened to an incident, oldest first; empty when there is none or it is not theirs."""
    return [Moment(*row) for row in _all(conn, "life", who, number=number)]


def behind(
    conn: Connection, who: Whose, asked: Behind, at_most: int = 100
) -> tuple[int, list[Counted]]:
    """How many incidents a figure counts, and the newest of them."""
    values = {
        "figure": asked.figure,
        "since": asked.since,
        "from": asked.begin,
        "to": asked.end,
        "state": asked.state,
        "category": asked.category,
        "of": asked.department,
        "within": asked.within,
        "nowhere": asked.nowhere,
        "at_most": at_most,
    }
    rows = _all(conn, "behind", who, **values)
    return (int(rows[0][-1]) if rows else 0), [Counted(*row[:-1]) for row in rows]


def _all(conn: Connection, name: str, who: Whose, **values: Any) -> list[Row]:
    """Planned for the values each time: a district and the whole city want different plans."""
    return conn.execute(_SQL[name], {**who.values(), **values}, prepare=False).fetchall()
