"""The body of a routes edition as routes and back; what is not sound is said row by row (docs/dispatching.md)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from incidents.dispatching import DAY_MINUTES, Days, Route, When
from incidents.rules_book import matches
from incidents.standards.rows import Faults, Row, only_once, rows_of

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)


def read_routes(body: Mapping[str, Any]) -> tuple[Route, ...]:
    """The routes in their order; DecisionRefused with every fault, row and reason."""
    faults = Faults()
    plain, windows = _apart(body)
    routes = [
        (row, _route(row, given))
        for row, given in zip(rows_of(plain, "routes", faults), windows, strict=False)
    ]
    only_once([(row, route.code) for row, route in routes], faults)
    faults.refuse("routes")
    return tuple(route for _, route in routes)


def write_routes(routes: Sequence[Route]) -> dict[str, Any]:
    """The body `read_routes` reads back to the same routes; members at their default are left out."""
    return {"routes": [_written(route) for route in routes]}


def check_routes(
    routes: Sequence[Route],
    departments: Collection[str],
    categories: Collection[str],
    faults: Faults,
) -> None:
    """That every route leads to departments there are, and none waits for a category there is not."""
    for n, route in enumerate(routes):
        row = f"routes[{n}] {route.code}"
        for code in (route.department, *route.assisting):
            if code not in departments:
                faults.add(row, f"没有部门 {code}", f"no department {code}")
        for pattern in route.categories:
            whole = pattern if "*" in pattern else f"{pattern}*"
            if not any(matches(whole, key) for key in categories):
                faults.add(row, f"没有类别符合 {pattern}", f"no category fits {pattern}")


def _apart(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[object]]:
    """The body without its rows' windows, and the windows of each row."""
    rows = body.get("routes")
    if not isinstance(rows, list):
        return body, []
    plain = [
        {member: value for member, value in row.items() if member != "when"}
        if isinstance(row, Mapping)
        else row
        for row in rows
    ]
    windows = [row.get("when") if isinstance(row, Mapping) else None for row in rows]
    return {**body, "routes": plain}, windows


def _route(row: Row, windows: object) -> Route:
    route = Route(
        code=row.text("code"),
        name=row.text("name", ""),
        categories=row.texts("categories"),
        areas=row.texts("areas"),
        sources=row.texts("sources"),
        when=_windows(row, windows),
        department=row.text("department"),
        assisting=row.texts("assisting"),
        automatic=row.flag("automatic"),
        limit_minutes=row.whole("limit_minutes", least=1) if row.has("limit_minutes") else None,
    )
    if len({route.department, *route.assisting}) <= len(route.assisting):
        row.wrong(
            "assisting 不得重复，也不得含主办部门",
            "assisting must name each department once, and not the one in charge",
        )
    row.end()
    return route


def _windows(row: Row, given: object) -> tuple[When, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        row.wrong("when 应为时段列表", "when should be a list of windows")
        return ()
    return tuple(_window(f"{row.name} when[{n}]", one, row.faults) for n, one in enumerate(given))


def _window(name: str, given: object, faults: Faults) -> When:
    months: object = None
    if isinstance(given, Mapping):
        months = given.get("months")
        given = {member: value for member, value in given.items() if member != "months"}
    row = Row(name, given, faults)
    begins, ends = _minutes(row, "from", "00:00"), _minutes(row, "to", "24:00")
    if begins in {ends, DAY_MINUTES}:
        row.wrong("from 与 to 不得相同，from 不得为 24:00", "from must differ from to and 24:00")
    window = When(begins, ends, _days(row), _months(row, months))
    row.end()
    return window


def _minutes(row: Row, member: str, default: str) -> int:
    text = row.text(member, default)
    found = _CLOCK.fullmatch(text)
    if found is None:
        row.wrong(f"{member} 应为 00:00 至 24:00", f"{member} should be 00:00 to 24:00")
        return 0
    return DAY_MINUTES if found[1] is None else int(found[1]) * 60 + int(found[2])


def _days(row: Row) -> Days:
    text = row.text("days", "any")
    if text not in tuple(Days):
        known = "、".join(Days)
        row.wrong(f"days 应为 {known} 之一", f"days should be one of {', '.join(Days)}")
        return Days.ANY
    return Days(text)


def _months(row: Row, given: object) -> frozenset[int]:
    months = given if isinstance(given, list) else [] if given is None else [given]
    if not all(type(month) is int and 1 <= month <= 12 for month in months):
        row.wrong("months 应为 1 至 12 的列表", "months should be a list of 1 to 12")
        return frozenset()
    return frozenset(months)


def _written(route: Route) -> dict[str, Any]:
    row = {
        "code": route.code,
        "name": route.name,
        "categories": list(route.categories),
        "areas": list(route.areas),
        "sources": list(route.sources),
        "when": [_written_window(window) for window in route.when],
        "department": route.department,
        "assisting": list(route.assisting),
        "automatic": route.automatic,
        "limit_minutes": route.limit_minutes,
    }
    return {member: value for member, value in row.items() if value not in (None, "", [], False)}


def _written_window(window: When) -> dict[str, Any]:
    row = {
        "from": _clock(window.begins),
        "to": _clock(window.ends),
        "days": str(window.days),
        "months": sorted(window.months),
    }
    return {member: value for member, value in row.items() if value != []}


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
