"""Which department gets an incident 派遣: ordered routes over category, area, source and time; the first match wins, explained.

Where no route fits, the category's responsible body is proposed; where there is none, it is the dispatcher's to
decide. There is no dead end and no answer without a reason. Creates nothing and looks at no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from incidents.rules_book import matches

DAY_MINUTES = 1440


class Days(StrEnum):
    """What a window asks of the calendar: hours (工作时间) are asked of the instant, days (工作日) of its date."""

    ANY = "any"
    WORK_TIME = "work_time"
    OFF_TIME = "off_time"
    WORK_DAY = "work_day"
    DAY_OFF = "day_off"

    @property
    def zh(self) -> str:
        """The words of a screen."""
        return _DAYS_ZH[self]


_DAYS_ZH = {
    Days.ANY: "任何日子",
    Days.WORK_TIME: "工作时间",
    Days.OFF_TIME: "非工作时间",
    Days.WORK_DAY: "工作日",
    Days.DAY_OFF: "休息日",
}


class Calendar(Protocol):
    """What a route asks of the city's working calendar; `area` is a code prefix, None the whole city."""

    def is_work_time(self, at: datetime, area: str | None = None) -> bool:
        """Whether the instant lies in working hours."""

    def is_work_day(self, day: date, area: str | None = None) -> bool:
        """Whether the city's date is a working day."""


class Filed(Protocol):
    """What a route asks of a category: the department that answers for it, None without."""

    @property
    def responsible(self) -> str | None:
        """Its responsible body's department code."""


@dataclass(frozen=True, slots=True)
class When:
    """A window of the day in the city's minutes, from `begins` to before `ends`, on such days, in these months.

    `ends` before `begins` goes over midnight: the hours after it belong to the day and month it began in.
    """

    begins: int = 0
    ends: int = DAY_MINUTES
    days: Days = Days.ANY
    months: frozenset[int] = frozenset()

    def day_of(self, local: datetime) -> date | None:
        """The day whose window the local instant lies in, None when it lies in none."""
        minute = local.hour * 60 + local.minute
        if self.begins < self.ends:
            return local.date() if self.begins <= minute < self.ends else None
        if minute >= self.begins:
            return local.date()
        return local.date() - timedelta(days=1) if minute < self.ends else None


@dataclass(frozen=True, slots=True)
class RouteQuestion:
    """What is to be routed: `areas` are all codes of the place, the cell's first, none outside the city."""

    category: str
    areas: tuple[str, ...] = ()
    source: str = ""
    at: datetime | None = None

    @property
    def area(self) -> str | None:
        """The most precise code of the place."""
        return max(self.areas, key=len, default=None)


@dataclass(frozen=True, slots=True)
class Route:
    """One row: patterns of category and source (`*` for anything; without it a prefix), area prefixes, windows.

    What is empty asks nothing. `assisting` helps 联动; `automatic` lets the system dispatch by itself;
    `limit_minutes` is the limit where the category has no filing condition.
    """

    code: str
    categories: tuple[str, ...]
    areas: tuple[str, ...]
    department: str
    automatic: bool = False
    limit_minutes: int | None = None
    sources: tuple[str, ...] = ()
    when: tuple[When, ...] = ()
    assisting: tuple[str, ...] = ()
    name: str = ""

    @property
    def title(self) -> str:
        """Its code, and its name beside it."""
        return f"{self.code}“{self.name}”" if self.name else self.code


@dataclass(frozen=True, slots=True)
class RouteBook:
    """The routes of one edition in their order; names of departments and the city's time zone for the words."""

    edition: int
    routes: tuple[Route, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    time_zone: str = "Asia/Shanghai"
    names_en: Mapping[str, str] = field(default_factory=dict)

    def called(self, department: str) -> str:
        """A department in words: name and code, the code alone where no name is known."""
        name = self.names.get(department)
        return f"{name} {department}" if name else department

    def called_en(self, department: str) -> str:
        """The same in English, the Chinese name where there is no other."""
        name = self.names_en.get(department)
        return f"{name} {department}" if name else self.called(department)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where it would have gone next; `route` None is the category's responsible body."""

    route: str | None
    department: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Routing:
    """Where an incident goes: `department` None is the dispatcher's queue; `tried` the routes before, and why not.

    `route` None beside a department is the default, the category's responsible body. `due` is the route's own limit.
    """

    department: str | None
    automatic: bool
    route: str | None
    due: timedelta | None
    why: str
    tried: tuple[str, ...] = ()
    assisting: tuple[str, ...] = ()
    next: Destination | None = None

    def explained(self, book: RouteBook) -> dict[str, Any]:
        """What stands in an incident's explanation and in the answer of a dry run."""
        following = self.next
        return {
            "route": self.route,
            "route_department": self.department,
            "route_department_name": book.names.get(self.department or ""),
            "assisting": list(self.assisting),
            "automatic": self.automatic,
            "why": self.why,
            "tried": list(self.tried),
            "next": following
            and {
                "route": following.route,
                "department": following.department,
                "name": book.names.get(following.department, following.department),
            },
            "limit_minutes": None if self.due is None else int(self.due / timedelta(minutes=1)),
            "edition": book.edition,
        }


def route(
    asked: RouteQuestion,
    book: RouteBook,
    calendar: Calendar | None = None,
    categories: Mapping[str, Filed] | None = None,
) -> Routing:
    """The first route that fits, else the category's responsible body, else the dispatcher's queue; always with a reason.

    Without a calendar a window that asks for working days or hours fits nothing, and says so.
    """
    default = _responsible(asked, book, categories or {})
    tried: list[str] = []
    for n, row in enumerate(book.routes):
        misfit = why_not(row, asked, book, calendar)
        if misfit is None:
            rest = book.routes[n + 1 :]
            following = _next(rest, lambda r: why_not(r, asked, book, calendar) is None, book)
            if following is None and default and default.department != row.department:
                following = default
            return _won(row, book, tuple(tried), following)
        tried.append(misfit)
    return _unrouted(book, tuple(tried), default)


def why_not(
    row: Route, asked: RouteQuestion, book: RouteBook, calendar: Calendar | None
) -> str | None:
    """Why a route is not this incident's, or None when it is."""
    if row.categories and not _any_of(row.categories, asked.category):
        return f"{row.title}：类别不符 / category differs"
    if row.areas and not asked.areas:
        return f"{row.title}：不在任何单元网格内 / outside every cell"
    if row.areas and not any(code.startswith(row.areas) for code in asked.areas):
        return f"{row.title}：区域不符 / area differs"
    if row.sources and not _any_of(row.sources, asked.source):
        return f"{row.title}：来源不符 / source differs"
    if row.when:
        return _untimely(row, asked, book, calendar)
    return None


def _untimely(
    row: Route, asked: RouteQuestion, book: RouteBook, calendar: Calendar | None
) -> str | None:
    if asked.at is None:
        return f"{row.title}：未给出时间 / no time was given"
    if calendar is None and all(window.days is not Days.ANY for window in row.when):
        return f"{row.title}：没有工作日历，无法判断 / there is no working calendar to judge by"
    local = asked.at.astimezone(ZoneInfo(book.time_zone))
    if any(_holds(window, local, asked.area, calendar) for window in row.when):
        return None
    return f"{row.title}：时段不符 / not in its hours ({local:%Y-%m-%d %H:%M})"


def _holds(window: When, local: datetime, area: str | None, calendar: Calendar | None) -> bool:
    day = window.day_of(local)
    if day is None or (window.months and day.month not in window.months):
        return False
    if window.days is Days.ANY:
        return True
    if calendar is None:
        return False
    if window.days in {Days.WORK_TIME, Days.OFF_TIME}:
        return calendar.is_work_time(local, area) is (window.days is Days.WORK_TIME)
    return calendar.is_work_day(day, area) is (window.days is Days.WORK_DAY)


def _won(
    row: Route, book: RouteBook, tried: tuple[str, ...], following: Destination | None
) -> Routing:
    to_zh, to_en = book.called(row.department), book.called_en(row.department)
    helped_zh = helped_en = ""
    if row.assisting:
        helped_zh = "，协办：" + "、".join(book.called(code) for code in row.assisting)
        helped_en = ", assisted by " + ", ".join(book.called_en(code) for code in row.assisting)
    how_zh = "自动派遣" if row.automatic else "由派遣员确认"
    how_en = "dispatched automatically" if row.automatic else "the dispatcher confirms"
    then_zh, then_en = _then(following)
    why = (
        f"路由 {row.title} 派往 {to_zh}{helped_zh}（{how_zh}）；{then_zh} / "
        f"route {row.code} sends it to {to_en}{helped_en} ({how_en}); {then_en}"
    )
    due = timedelta(minutes=row.limit_minutes) if row.limit_minutes is not None else None
    return Routing(
        row.department, row.automatic, row.code, due, why, tried, row.assisting, following
    )


def _then(following: Destination | None) -> tuple[str, str]:
    if following is None:
        return "其后无其他路由", "no other fits"
    if following.route is None:
        return (
            f"其次为该类别的责任单位 {following.name}",
            f"next would be the category's responsible body, {following.name_en}",
        )
    return (
        f"其次为 {following.route}（{following.name}）",
        f"next would be {following.route} ({following.name_en})",
    )


def _unrouted(book: RouteBook, tried: tuple[str, ...], default: Destination | None) -> Routing:
    none_zh = f"{len(book.routes)} 条派遣路由均不符"
    none_en = f"none of {len(book.routes)} routes fits"
    if default is None:
        why = (
            f"{none_zh}，该类别也没有可派的责任单位，由派遣员指定部门 / "
            f"{none_en} and the category has no responsible body to go to, the dispatcher decides"
        )
        return Routing(None, False, None, None, why, tried)
    why = (
        f"{none_zh}，建议该类别的责任单位 {default.name}，由派遣员确认 / "
        f"{none_en}; the category's responsible body, {default.name_en}, is proposed, the dispatcher confirms"
    )
    return Routing(default.department, False, None, None, why, tried)


def _responsible(
    asked: RouteQuestion, book: RouteBook, categories: Mapping[str, Filed]
) -> Destination | None:
    """The department that answers for the category; None for none, and for one the city no longer has."""
    filed = categories.get(asked.category)
    code = filed.responsible if filed else None
    if not code or (book.names and code not in book.names):
        return None
    return Destination(None, code, book.called(code), book.called_en(code))


def _next(
    rest: Sequence[Route], fits: Callable[[Route], bool], book: RouteBook
) -> Destination | None:
    row = next(filter(fits, rest), None)
    if row is None:
        return None
    code = row.department
    return Destination(row.code, code, book.called(code), book.called_en(code))


def _any_of(patterns: tuple[str, ...], text: str) -> bool:
    return any(matches(p, text) if "*" in p else text.startswith(p) for p in patterns)
