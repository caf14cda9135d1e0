"""Which department gets an incident 派遣: ordered routes over category and area, the first match wins, explained."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from incidents.rules_book import matches


@dataclass(frozen=True, slots=True)
class Route:
    """One row: category patterns (`*` for anything; without it a prefix), area code prefixes; empty is every one.

    `automatic` lets the system dispatch by itself; `limit_minutes` is the time from opening to due, None without.
    """

    code: str
    categories: tuple[str, ...]
    areas: tuple[str, ...]
    department: str
    automatic: bool = False
    limit_minutes: int | None = None

    def misfit(self, category: str, cell_code: str | None) -> str | None:
        """Why the route is not this incident's, or None when it is."""
        if self.categories and not any(_of(p, category) for p in self.categories):
            return f"{self.code}：类别不符 / category differs"
        if self.areas and cell_code is None:
            return f"{self.code}：不在任何单元网格内 / outside every cell"
        if self.areas and not (cell_code or "").startswith(self.areas):
            return f"{self.code}：区域不符 / area differs"
        return None


@dataclass(frozen=True, slots=True)
class RouteBook:
    """The routes of one edition in their order."""

    edition: int
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Routing:
    """Where an incident goes: `department` None is the dispatcher's queue; `tried` the routes before, and why not."""

    department: str | None
    automatic: bool
    route: str | None
    due: timedelta | None
    why: str
    tried: tuple[str, ...] = ()


def route(category: str, cell_code: str | None, book: RouteBook) -> Routing:
    """The first route that fits; never a dead end: without one it is the dispatcher's to decide."""
    tried: list[str] = []
    for n, row in enumerate(book.routes):
        misfit = row.misfit(category, cell_code)
        if misfit is None:
            return _won(row, _next(book.routes[n + 1 :], category, cell_code), tuple(tried))
        tried.append(misfit)
    why = (
        f"{len(book.routes)} 条派遣路由均不符，由派遣员指定部门 / "
        f"none of {len(book.routes)} routes fits, the dispatcher decides"
    )
    return Routing(None, False, None, None, why, tuple(tried))


def _won(row: Route, following: Route | None, tried: tuple[str, ...]) -> Routing:
    then_zh = (
        f"其次为 {following.code}（{following.department}）" if following else "其后无其他路由"
    )
    then_en = (
        f"next would be {following.code} ({following.department})" if following else "no other fits"
    )
    why = (
        f"路由 {row.code} 派往 {row.department}；{then_zh} / "
        f"route {row.code} sends it to {row.department}; {then_en}"
    )
    due = timedelta(minutes=row.limit_minutes) if row.limit_minutes is not None else None
    return Routing(row.department, row.automatic, row.code, due, why, tried)


def _next(rest: tuple[Route, ...], category: str, cell_code: str | None) -> Route | None:
    return next((r for r in rest if r.misfit(category, cell_code) is None), None)


def _of(pattern: str, category: str) -> bool:
    return matches(pattern, category) if "*" in pattern else category.startswith(pattern)
