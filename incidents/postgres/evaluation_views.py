"""Evaluation as screens read it: a table of figures by group, and the very incidents that any one of its numbers counts.

Months and days of the whole city come from the sums; a part of the city from the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import add, sub
from typing import Any, NamedTuple

from psycopg.rows import class_row

from incidents.evaluation import Adding, Axis, Book, EvaluationRefused, Figure, Tally
from incidents.postgres.connection import Connection, one_moment
from incidents.postgres.evaluation_sums import KINDS
from incidents.postgres.queries import named

_SQL = named("evaluation_views.sql")

GROUPS: Mapping[str, Axis] = {
    "district": Axis.INCIDENT,
    "street": Axis.INCIDENT,
    "community": Axis.INCIDENT,
    "major": Axis.INCIDENT,
    "class": Axis.INCIDENT,
    "department": Axis.DEPARTMENT,
    "post": Axis.POST,
    "person": Axis.PERSON,
}
"""How figures may be grouped, and before whom an incident counts once then."""

ALL = "all"
"""The group of everything: its one code is empty, and it counts incidents."""


@dataclass(frozen=True, slots=True)
class Part:
    """Days `first` to `last` of a month, as an edition counted them; `edition` 0 is as things stand now.

    `daily`: days have sums; else what is less than a month is counted from the scores.
    """

    month: date
    first: int
    last: int
    edition: int
    batch: int
    book: Book
    daily: bool = False

    @property
    def whole(self) -> bool:
        """Whether no day of the month is left out."""
        return self.first == 1 and self.last == 31


@dataclass(frozen=True, slots=True)
class Within:
    """What part of the city is asked for; None: no such limit. `scope` is a prefix of area codes."""

    district: str | None = None
    street: str | None = None
    community: str | None = None
    category: str | None = None
    major: str | None = None
    department: str | None = None
    scope: str | None = None

    @property
    def everything(self) -> bool:
        """Whether it is the whole city."""
        return self == Within()


@dataclass(frozen=True, slots=True)
class Member:
    """An incident a figure counts: on which day, with which value; the rest is as it is now, place and category as counted."""

    incident_id: int
    day: date
    value: int | None
    number: str
    state: str
    category: str
    urgent: bool
    district: str
    street: str
    community: str
    department: str | None
    reported_at: datetime
    opened_at: datetime | None
    dispatched_at: datetime | None
    handled_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None


class Place(NamedTuple):
    """Where a list goes on: after this incident of this month."""

    month: date
    incident_id: int


Table = dict[str, dict[str, Tally]]
"""Figures by code of the group, in order of codes; the empty code is what lies in none."""


def table(
    conn: Connection,
    parts: Sequence[Part],
    group: str,
    within: Within,
    page: tuple[str | None, int] = (None, 1_000_000),
) -> Table:
    """Every figure of every group over the parts; `group` one of GROUPS, or ALL; `page` is after which code, and how many."""
    after, most = page
    found: Table = {}
    for part in parts:  # the first codes of all are among the first of each
        for code, figures in _of_part(conn, part, group, within, page):
            row = found.setdefault(code, {})
            for key, more in figures.items():
                before = row.get(key, Tally())
                row[key] = Tally(before.n + more.n, before.total + more.total)
    codes = sorted(code for code in found if after is None or code > after)
    return {code: found[code] for code in codes[:most]}


def members(
    conn: Connection,
    parts: Sequence[Part],
    asked: tuple[str, str | None, str],
    within: Within,
    page: tuple[Place | None, int],
) -> list[tuple[date, Member]]:
    """The incidents a figure counts, each with the month it counts in; `asked` is group, code and figure's key.

    `page` is where to go on and how many at most. EvaluationRefused when a month's book has no such figure.
    """
    group, code, key = asked
    after, most = page
    found: list[tuple[date, Member]] = []
    for part in parts:
        if after is not None and part.month < after.month:
            continue
        begin = after.incident_id if after is not None and part.month == after.month else 0
        figure = part.book.figures[part.book.number(key)]
        values = _asked(conn, part, group, within, code)
        if values is None:
            continue
        values |= _one(figure) | {"after": begin, "most": most - len(found)}
        found += [(part.month, row) for row in _members(conn, values)]
        if len(found) >= most:
            break
    return found


def _members(conn: Connection, values: Mapping[str, Any]) -> list[Member]:
    with conn.transaction(), conn.cursor(row_factory=class_row(Member)) as cursor:
        if values["areas"] is None and values["categories"] is None:
            conn.execute(_SQL["in_order"])
        return cursor.execute(_SQL["members"], values, prepare=False).fetchall()


def names(conn: Connection, group: str, codes: Sequence[str]) -> dict[str, str]:
    """What areas, departments and seats are called; other codes have no name in the store."""
    if group in {"district", "street", "community"}:
        return dict(conn.execute(_SQL["area_names"], {"codes": list(codes)}).fetchall())
    if group == "department":
        return dict(conn.execute(_SQL["department_names"], {"codes": list(codes)}).fetchall())
    if group == "post":
        return dict(conn.execute(_SQL["post_names"], {"codes": list(codes)}).fetchall())
    return {}


def _of_part(
    conn: Connection, part: Part, group: str, within: Within, page: tuple[str | None, int]
) -> Iterator[tuple[str, dict[str, Tally]]]:
    adding = Adding(part.book)
    if within.everything and (part.whole or part.daily):
        read = _of_month if part.whole else _of_days
        for code, sums in read(conn, part, group, page):
            yield code, adding.tallies(sums)
        return
    asked = _asked(conn, part, group, within, None)
    if asked is not None:
        rows = conn.execute(_SQL["patterns"], asked | {"group": group}, prepare=False)
        for code, flags, moments, n, *sums in rows:
            adding.add([code or ""], (flags, moments), sums, n)
    for code, row in adding.rows.items():
        figures = adding.tallies(row)
        if figures:
            yield code, figures


def _of_month(
    conn: Connection, part: Part, group: str, page: tuple[str | None, int]
) -> Iterator[tuple[str, list[int]]]:
    values = {"edition": part.edition, "month": part.month, "kind": KINDS[group]}
    values |= {"after": page[0], "most": page[1]}
    yield from conn.execute(_SQL["sums"], values, prepare=False)


def _of_days(
    conn: Connection, part: Part, group: str, page: tuple[str | None, int]
) -> list[tuple[str, list[int]]]:
    """The sums of the days; where those left out are fewer, of the month without them. All as of one moment."""
    end = (part.month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    first = part.month.replace(day=part.first)
    last = part.month.replace(day=min(part.last, end.day))
    values: dict[str, Any] = {"edition": part.edition, "kind": KINDS[group], "month": part.month}
    asked = values | {"first": first, "last": last, "after": page[0], "most": page[1]}
    found: dict[int, list[int]] = {}
    day = timedelta(days=1)
    with one_moment(conn):
        codes: dict[int, str] = dict(
            conn.execute(_SQL["day_page"], asked, prepare=False).fetchall()
        )
        values["subjects"] = list(codes)
        if 2 * ((last - first).days + 1) <= end.day:
            _gather(conn, "day_sums", values | {"begin": first, "end": last}, (found, add))
        else:
            _gather(conn, "month_sums", values, (found, add))
            for begin, until in ((part.month, first - day), (last + day, end)):
                _gather(conn, "day_sums", values | {"begin": begin, "end": until}, (found, sub))
    return [(code, found[subject]) for subject, code in codes.items()]


def _gather(
    conn: Connection,
    statement: str,
    values: Mapping[str, Any],
    into: tuple[dict[int, list[int]], Callable[[int, int], int]],
) -> None:
    """Rows of sums added to what was found by subject, or taken from it."""
    found, how = into
    with conn.cursor(binary=True) as cursor:
        for subject, row in cursor.execute(_SQL[statement], values, prepare=False):
            before = found.get(subject)
            found[subject] = row if before is None else list(map(how, before, row))


def _asked(
    conn: Connection, part: Part, group: str, within: Within, code: str | None
) -> dict[str, Any] | None:
    """The values a statement over scores takes; None when nothing can be counted."""
    axis = GROUPS[group] if group != ALL else Axis.INCIDENT
    subject = 0 if axis is Axis.INCIDENT else None
    if within.department is not None:
        if axis in {Axis.POST, Axis.PERSON}:
            raise EvaluationRefused(
                zh="按岗位或人员评价时不能再按部门筛选",
                en="posts and persons cannot be narrowed to a department",
            )
        if group == "department" and code not in {None, within.department}:
            return None
        axis, subject = Axis.DEPARTMENT, _subject(conn, "department", within.department)
    elif code is not None and axis is not Axis.INCIDENT:
        subject = _subject(conn, group, code)
    if subject == _NOBODY:
        return None
    return {
        "axis": int(axis),
        "subject": subject,
        "month": part.month,
        "first": part.first,
        "last": part.last,
        "batch": part.batch,
        "areas": _areas(conn, group, within, code),
        "categories": _categories(conn, group, within, code),
    }


_NOBODY = -1


def _subject(conn: Connection, kind: str, code: str) -> int:
    row = conn.execute(_SQL["subject"], {"kind": kind, "code": code}).fetchone()
    return int(row[0]) if row else _NOBODY


def _areas(conn: Connection, group: str, within: Within, code: str | None) -> list[int] | None:
    asked = {level: getattr(within, level) for level in ("district", "street", "community")}
    asked["within"] = within.scope
    own = group if group in asked and code is not None else None
    if own is None and not any(v is not None for v in asked.values()):
        return None
    found = _ids(conn, "areas", asked)
    if own is None:
        return sorted(found)
    nothing = dict.fromkeys(asked)
    return sorted(found & _ids(conn, "areas", {**nothing, own: code}))


def _categories(conn: Connection, group: str, within: Within, code: str | None) -> list[int] | None:
    asked = {"class": within.category, "major": within.major}
    own = group if group in asked and code is not None else None
    if own is None and not any(v is not None for v in asked.values()):
        return None
    found = _ids(conn, "categories", asked)
    if own is None:
        return sorted(found)
    return sorted(found & _ids(conn, "categories", {**dict.fromkeys(asked), own: code}))


def _ids(conn: Connection, statement: str, values: Mapping[str, Any]) -> set[int]:
    row = conn.execute(_SQL[statement], values).fetchone()
    return set(row[0]) if row else set()


def _one(figure: Figure) -> dict[str, Any]:
    return {
        "at": int(figure.at),
        "needs": int(figure.having),
        "bars": int(figure.without),
        "sums": figure.sums or "",
    }
