"""Lists of incidents for people and screens: filters composed into one statement that stays on the indexes.

A list is read newest first (or by deadline) and turned by a key, never by an offset. The one filter with several
values leads: each of its values is read by its own index, then merged; a box leads by the tiles it touches. A time of
opening is read in two parts, first what was also reported within it, so that both stay short in a long history.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from psycopg import sql

from incidents.postgres import appeal_lists, turns
from incidents.postgres.connection import Connection

COLUMNS = (
    "number", "state", "version", "category", "text", "urgent", "source", "rule", "subject", "lon", "lat", "cell",
    "community", "street", "district", "department", "inspector", "reports", "first_event_at", "last_event_at",
    "reported_at", "opened_at", "dispatched_at", "accepted_at", "handled_at", "verified_at", "closed_at", "due_at",
    "changed_at", "overdue", "media", "condition", "assisting", "confirmed", "merged_into", "extensions", "suspensions",
    "suspended_until", "urges", "urge_due_at", "reworks", "send_backs", "reopened", "normal_since", "yellow_at", "stage",
    "stage_due_at", "stage_yellow_at", "to_do",
)  # fmt: skip
"""What an incident in a list shows, in this order; `cell` is the cell's code."""

SORTS = ("-reported_at", "reported_at", "due_at", "burning")
"""Newest first, oldest first, nearest deadline first (only incidents that have one and have not ended), and what burns
first: of all that have not ended the urgent before the others, by the clock that ends soonest, those without one last."""

MOST = 1000
"""Incidents of one page at most."""

_ALIVE = "i.state not in ('closed', 'void')"
_OVERDUE = f"{_ALIVE} and i.due_at is not null and i.due_at < now()"
_SPELLED = {
    "cell": "i.cell_code as cell",
    "overdue": f"coalesce(i.due_at < now() and {_ALIVE}, false) as overdue",
    "stage_yellow_at": "(i.clocks -> i.stage ->> 'yellow_at')::timestamptz as stage_yellow_at",
    "to_do": f"{turns.TOLD} as to_do",
}
_UNSIGNED = {  # for a screen that anyone may look at: no words of people, no names
    "text": "'' as text",
    "source": "case when i.source like 'person:%%' then 'person' else i.source end as source",
    "inspector": "null::text as inspector",
    "media": "'[]'::jsonb as media",
}
_SEVERAL = {
    "states": "state",
    "departments": "department",
    "categories": "category",
    "sources": "source",
}
_PLAIN = {
    "district": "i.district = %(district)s",
    "street": "i.street = %(street)s",
    "community": "i.community = %(community)s and i.street = left(%(community)s::text, 9)",
    "cell": "i.cell_code = %(cell)s",
    "opened_after": "i.opened_at >= %(opened_after)s",
    # What was opened before then was reported before then, give or take two clocks: where the times' index begins.
    "opened_before": "i.opened_at < %(opened_before)s "
    "and i.reported_at < %(opened_before)s::timestamptz + interval '1 hour'",
    "number_prefix": "i.number >= %(number_prefix)s and i.number < %(number_prefix)s::text || ':'",
    "words": "strpos(lower(i.text), lower(%(words)s::text)) > 0",
    "mine": "(i.inspector = %(mine)s or i.source = 'person:' || %(mine)s::text)",
    "only_department": "i.department = %(only_department)s",
    "assisting": f"i.assisting @> array[%(assisting)s::text] and {_ALIVE}",  # few are open, their index leads
}
_WALKED = {
    # Walked by the time of report. Said so that no index of opened_at fits and the two count as two: the planner takes
    # the times of report and of opening for unrelated, expects next to nothing of both, and would sort the whole day.
    "opened_after": "i.opened_at + interval '0 s' >= %(opened_after)s",
    "opened_before": "i.opened_at - interval '0 s' < %(opened_before)s "
    "and i.reported_at < %(opened_before)s::timestamptz + interval '1 hour'",
}
_IN_WORDS = "i.id in (select w.incident_id from incident_words w where w.pairs @> text_pairs(%(words)s::text))"
_IN_BOX = "i.lon between %(west)s and %(east)s and i.lat between %(south)s and %(north)s"
_IN_TILE = "i.lon is not null and i.lat is not null and incident_tile(i.lon, i.lat) = lead.value"
_TILES_OF_A_DEGREE = 200
"""As `incident_tile` in schema.sql has it: half a kilometre."""
_MOST_TILES = 100
"""A box of more is found sooner by walking from the newest."""
_BEGUN = {
    "within": "i.reported_at >= %(opened_after)s",
    "before": "i.reported_at < %(opened_after)s and i.id = any(array(select o.id from incident o where "
    "o.reported_at < %(opened_after)s and o.opened_at >= %(opened_after)s{until}))",
}
"""Reported within the asked time of opening, or before it; the latter are few, and their own index knows them."""


@dataclass(frozen=True, slots=True)
class _Order:
    """What a list is sorted by before the id: an expression over columns of a table named before them."""

    expression: str
    columns: tuple[str, ...]
    direction: Literal["asc", "desc"] = "asc"

    def of(self, table: str) -> str:
        return self.expression.format(*(table + column for column in self.columns))


_ORDERS = {
    "-reported_at": _Order("{}", ("reported_at",), "desc"),
    "reported_at": _Order("{}", ("reported_at",)),
    "due_at": _Order("{}", ("due_at",)),
    "burning": _Order("incident_burns({}, {}, {})", ("urgent", "due_at", "stage_due_at")),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which incidents, in which order; empty means no such filter. Codes are compared whole.

    `asked` and `returned` take those with a request that waits, and those a department gave back; `to_do` those whose turn
    is somebody's (`incidents.to_do`), `appeals` those an appeal is of, or may be.
    `assisting` is a department: those it helps with 联动 that have not ended.
    `area` is a code prefix and `only_department` a department beyond which the caller may not look.
    `box` is west, south, east, north in WGS-84 degrees; `wide_box` says that it covers much of the city.
    `after` is the key of the last incident of the page before: its sort time and id. `begun` takes the part of a
    time of opening that was reported within it or before it.
    """

    states: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    district: str | None = None
    street: str | None = None
    community: str | None = None
    cell: str | None = None
    overdue: bool | None = None
    urgent: bool | None = None
    asked: bool | None = None
    returned: bool | None = None
    to_do: turns.Whose | None = None
    appeals: appeal_lists.Appeals | None = None
    opened_after: datetime | None = None
    opened_before: datetime | None = None
    box: tuple[float, float, float, float] | None = None
    wide_box: bool = False
    number_prefix: str | None = None
    words: str | None = None
    mine: str | None = None
    only_department: str | None = None
    assisting: str | None = None
    area: str | None = None
    sort: str = "-reported_at"
    limit: int = 50
    after: tuple[datetime, int] | None = None
    unsigned: bool = False
    begun: Literal["within", "before"] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page and, when there may be more, the key to go on from."""

    rows: list[tuple[Any, ...]]
    after: tuple[datetime, int] | None


def as_json(connection: Connection, wanted: Wanted) -> Page:
    """The page as rows of (JSON text of the incident, number, lon, lat)."""
    shown = sql.SQL(
        "row_to_json((select r from (select {columns}) r))::text, i.number, i.lon, i.lat"
    ).format(columns=_columns(wanted.unsigned))
    return _page(connection, wanted, shown)


def as_rows(connection: Connection, wanted: Wanted) -> Page:
    """The page as rows of `COLUMNS`."""
    return _page(connection, wanted, _columns(wanted.unsigned))


def _columns(unsigned: bool) -> sql.Composable:
    spelled = {**_SPELLED, **(_UNSIGNED if unsigned else {})}
    return sql.SQL(", ").join(sql.SQL(spelled.get(c, f"i.{c}")) for c in COLUMNS)


def _page(connection: Connection, wanted: Wanted, shown: sql.Composable) -> Page:
    if wanted.to_do is None or not turns.walked(wanted.to_do):
        return _read(connection, wanted, shown)
    with connection.transaction():
        connection.execute(turns.IN_ORDER)
        return _read(connection, wanted, shown)


def _read(connection: Connection, wanted: Wanted, shown: sql.Composable) -> Page:
    rows: list[tuple[Any, ...]] = []
    for part in _parts(wanted):
        rest = replace(part, limit=wanted.limit - len(rows))
        statement, values = compose(rest, shown)
        # Never prepared: the plan must fit these values, not the average of all values.
        rows += connection.execute(statement, values, prepare=False).fetchall()
        if len(rows) > wanted.limit:
            break
    more = len(rows) > wanted.limit
    rows = rows[: wanted.limit]
    after = (rows[-1][-2], rows[-1][-1]) if more else None
    return Page([row[:-2] for row in rows], after)


def _parts(wanted: Wanted) -> Sequence[Wanted]:
    """The question in parts, each wholly before the next in the list's order."""
    if wanted.opened_after is None or wanted.sort in {"due_at", "burning"}:
        return [wanted]
    within, before = replace(wanted, begun="within"), replace(wanted, begun="before")
    return [within, before] if wanted.sort == "-reported_at" else [before, within]


def _tiles(wanted: Wanted) -> list[int]:
    """The tiles a box touches; none without a box, or when they are too many to lead."""
    if wanted.box is None or wanted.wide_box:
        return []
    west, south, east, north = (math.floor(x * _TILES_OF_A_DEGREE) for x in wanted.box)
    if (east - west + 1) * (north - south + 1) > _MOST_TILES:
        return []
    return [x * 1_000_000 + y for x in range(west, east + 1) for y in range(south, north + 1)]


def compose(wanted: Wanted, shown: sql.Composable) -> tuple[sql.Composed, dict[str, Any]]:
    """The statement and its values; each row ends with the key (sort time, id). Asks for one row more than a page."""
    tiles = _tiles(wanted)
    several = (name for name in _SEVERAL if len(getattr(wanted, name)) > 1)
    lead = None if tiles else next(several, None)
    conditions, values = _conditions(wanted, lead)
    values |= {} if wanted.appeals is None else appeal_lists.values(wanted.appeals)
    if tiles:
        conditions.append(sql.SQL(_IN_TILE))
    by = _ORDERS[wanted.sort]
    order = sql.SQL(f"{by.of('')} {by.direction}, id {by.direction}")
    what = sql.SQL(", ".join(["i.id", *(f"i.{c}" for c in by.columns)]) if tiles else "*")
    chosen = [
        sql.SQL("select {what} from incident i {where} order by {order} limit {n}").format(
            what=what,
            where=sql.SQL("where ") + sql.SQL(" and ").join(some) if some else sql.SQL(""),
            order=order,
            n=sql.Literal(wanted.limit + 1),
        )
        for some in _branched(wanted, conditions, alone=not tiles and lead is None)
    ]
    inner = chosen[0]
    if len(chosen) > 1:
        inner = sql.SQL("select * from (({each})) each order by {order} limit {n}").format(
            each=sql.SQL(") union all (").join(chosen),
            order=order,
            n=sql.Literal(wanted.limit + 1),
        )
    if tiles or lead is not None:
        values["lead"] = tiles or list(getattr(wanted, lead or ""))
        inner = sql.SQL(
            "select j.* from unnest(%(lead)s::{kind}[]) lead(value) cross join lateral ({inner}) j "
            "order by {order} limit {n}"
        ).format(
            kind=sql.SQL("bigint" if tiles else "text"),
            inner=inner,
            order=order,
            n=sql.Literal(wanted.limit + 1),
        )
    if tiles:  # only now the rows themselves: the tiles' index alone told which
        inner = sql.SQL("select i.* from ({inner}) j join incident i using (id)").format(
            inner=inner
        )
    statement = sql.SQL("select {shown}, {key}, i.id from ({inner}) i order by {order}").format(
        shown=shown, key=sql.SQL(by.of("i.")), inner=inner, order=order
    )
    return statement, values


def _branched(wanted: Wanted, conditions: list[sql.SQL], *, alone: bool) -> list[list[sql.SQL]]:
    """The conditions with each branch of a question that has several; all in one, where something else leads."""
    if wanted.appeals is None:
        return [conditions]
    each = appeal_lists.branches(wanted.appeals)
    return [
        [*conditions, sql.SQL(one)] for one in (each if alone else [f"(({') or ('.join(each)}))"])
    ]


def _conditions(wanted: Wanted, lead: str | None) -> tuple[list[sql.SQL], dict[str, Any]]:
    given: list[sql.SQL] = []
    values: dict[str, Any] = {}

    def ask(condition: str, **with_: Any) -> None:
        given.append(sql.SQL(condition))
        values.update(with_)

    _ask_several(wanted, lead, ask)
    for name, condition in _PLAIN.items():
        value = getattr(wanted, name)
        if value is not None:
            walked = _WALKED.get(name, condition) if wanted.begun == "within" else condition
            ask(walked, **{name: value})
    if wanted.urgent is not None:
        ask("i.urgent" if wanted.urgent else "not i.urgent")
    for name in ("asked", "returned"):
        if (there := getattr(wanted, name)) is not None:
            ask(f"i.{name} is {'not ' if there else ''}null")
    if len(wanted.words or "") > 1:  # of a single character there is no pair
        ask(_IN_WORDS)
    _ask_whose(wanted, ask)
    _ask_where(wanted, ask)
    _ask_when(wanted, ask)
    return given, values


def _ask_whose(wanted: Wanted, ask: Callable[..., None]) -> None:
    if wanted.to_do is not None:
        ask(turns.condition(wanted.to_do), **turns.values(wanted.to_do))


def _ask_several(wanted: Wanted, lead: str | None, ask: Callable[..., None]) -> None:
    for name, column in _SEVERAL.items():
        several = getattr(wanted, name)
        if name == lead:
            ask(f"i.{column} = lead.value")
        elif len(several) == 1:  # `= any` of one would lose the index's order
            ask(f"i.{column} = %({name})s", **{name: several[0]})
        elif several:
            ask(f"i.{column} = any(%({name})s)", **{name: list(several)})


def _ask_where(wanted: Wanted, ask: Callable[..., None]) -> None:
    if wanted.area is not None:
        ask("starts_with(i.cell_code, %(area)s)", area=wanted.area)
        if len(wanted.area) >= 9:  # the same again in words an index knows
            ask("i.street = %(area_street)s", area_street=wanted.area[:9])
        elif len(wanted.area) >= 6:
            ask("i.district = %(area_district)s", area_district=wanted.area[:6])
    if wanted.box is not None:
        west, south, east, north = wanted.box
        ask(_IN_BOX, west=west, south=south, east=east, north=north)


def _ask_when(wanted: Wanted, ask: Callable[..., None]) -> None:
    if wanted.overdue is not None:
        ask(_OVERDUE if wanted.overdue else f"not coalesce({_OVERDUE}, false)")
    if wanted.begun is not None:
        until = "" if wanted.opened_before is None else " and o.opened_at < %(opened_before)s"
        ask(_BEGUN[wanted.begun].format(until=until))
    if wanted.sort == "due_at":
        ask(f"{_ALIVE} and i.due_at is not null")
    if wanted.sort == "burning":
        ask(_ALIVE)
    if wanted.after:
        by = _ORDERS[wanted.sort]
        sign = "<" if by.direction == "desc" else ">"
        ask(
            f"({by.of('i.')}, i.id) {sign} (%(after_time)s, %(after_id)s)",
            after_time=wanted.after[0],
            after_id=wanted.after[1],
        )
