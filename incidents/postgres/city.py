"""The city itself: its name, the region its outside incidents are numbered under, its time zone, its departments."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psycopg.rows import class_row

from incidents.errors import DecisionRefused
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

_SQL = named("city.sql")
_REGION = re.compile(r"[0-9A-Z]{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class City:
    """`region`: six characters, the first of every incident number outside all cells; `time_zone`: IANA name."""

    name: str
    region: str
    time_zone: str = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Department:
    """A department 专业部门 that handles incidents; `parent` is the code of the one above it."""

    code: str
    name: str
    parent: str | None = None


def get(conn: Connection) -> City | None:
    """The city, or None before anybody said which it is."""
    with conn.cursor(row_factory=class_row(City)) as cursor:
        return cursor.execute(_SQL["get"]).fetchone()


def put(conn: Connection, city: City) -> None:
    """Say which city this is; DecisionRefused for a region or a time zone that cannot be."""
    if not _REGION.fullmatch(city.region):
        raise DecisionRefused(
            zh=f"区划代码 {city.region!r} 须为 6 位数字或大写字母",
            en=f"region {city.region!r}: six characters 0-9 A-Z are needed",
        )
    try:
        ZoneInfo(city.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as fault:
        raise DecisionRefused(
            zh=f"没有名为 {city.time_zone!r} 的时区",
            en=f"no time zone is called {city.time_zone!r}",
        ) from fault
    conn.execute(_SQL["put"], asdict(city))


def departments(conn: Connection) -> list[Department]:
    """All departments in order of their codes."""
    with conn.cursor(row_factory=class_row(Department)) as cursor:
        return cursor.execute(_SQL["departments"]).fetchall()


def put_departments(conn: Connection, given: Iterable[Department]) -> None:
    """Keep departments, those above before those below, all or none."""
    waiting = list(given)
    with conn.transaction():
        placed = {there.code for there in departments(conn)}
        while waiting:
            ready = [one for one in waiting if one.parent is None or one.parent in placed]
            if not ready:
                raise DecisionRefused(
                    zh=f"上级部门不存在或互为上级：{'、'.join(one.code for one in waiting)}",
                    en="no such parent, or parents in a circle: "
                    + ", ".join(one.code for one in waiting),
                )
            for one in ready:
                conn.execute(_SQL["put_department"], asdict(one))
            placed |= {one.code for one in ready}
            waiting = [one for one in waiting if one.code not in placed]
