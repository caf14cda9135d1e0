"""Puts scores in the place of others and moves the sums by the difference: what changes together, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from operator import add, itemgetter
from typing import Any

from incidents.evaluation import Adding, Axis, Book, Score, by_day
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

_SQL = named("evaluation_store.sql")

KINDS: Mapping[str, int] = {
    kind: number
    for number, kind in enumerate(
        ("all", "district", "street", "community", "major", "class", "department", "post", "person")
    )
}
"""Groups that have sums, by name; the number is evaluation_rollup.kind."""

_OF_AXIS = {Axis.DEPARTMENT: "department", Axis.POST: "post", Axis.PERSON: "person"}
Row = tuple[int, int, int, date, int, int, int, int, int, int, int]
"""incident, axis, subject, month, area, class, days, flags, and what SUMS names."""
Key = tuple[int, int | None]
"""Kind and subject."""
_AT_ONCE = 20_000
"""Sums of one statement."""
Place = tuple[int | None, ...]
"""Of an area: district, street, community; of a class, in the fourth place: major."""


class Names:
    """The numbers of names, made where they are missing."""

    def __init__(self, conn: Connection, wanted: Iterable[tuple[str, str]]) -> None:
        self._conn = conn
        asked = sorted({deeper for name in wanted for deeper in _with_above(name)})
        self._known = self._ask(asked)
        missing = [name for name in asked if name not in self._known]
        if missing:
            conn.execute(_SQL["name"], _columns(missing))
            self._known = self._ask(asked)

    def of(self, kind: str, code: str) -> int:
        """The number; KeyError for what was not wanted."""
        return self._known[kind, code]

    def row(self, incident: int, where: tuple[str, str], score: Score) -> Row:
        """A score as the store keeps it; `where` is area and class."""
        axis = score.axis
        subject = 0 if axis is Axis.INCIDENT else self._known[_OF_AXIS[axis], score.subject]
        return (
            incident, int(axis), subject, score.month, self._known["area", where[0]], self._known["class", where[1]],
            score.days, int(score.flags), score.handling_s, score.acceptance_s, score.satisfaction,
        )  # fmt: skip

    def _ask(self, asked: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
        given = {"kinds": [kind for kind, _ in asked], "codes": [code for _, code in asked]}
        rows = self._conn.execute(_SQL["names"], given)
        return {(kind, code): number for kind, code, number in rows}


def wanted(where: tuple[str, str], scores: Sequence[Score]) -> set[tuple[str, str]]:
    """What has to have a number for these scores of an incident."""
    subjects = {(_OF_AXIS[s.axis], s.subject) for s in scores if s.axis is not Axis.INCIDENT}
    return {("area", where[0]), ("class", where[1]), *subjects} if scores else set()


def replace(
    conn: Connection, ids: Sequence[int], rows: Sequence[Row], batch: int, book: Book
) -> None:
    """The rows in the place of what these incidents have; what a closed month counted stays, marked as taken back."""
    standing = {row[:-1]: row[-1] for row in conn.execute(_SQL["standing"], {"ids": list(ids)})}
    given = dict.fromkeys(rows)
    gone = [(row, born) for row, born in standing.items() if row not in given]
    fresh = [row for row in given if row not in standing]
    if gone:
        _take_back(conn, gone, batch)
    if fresh:
        with conn.cursor().copy(_SQL["put"]) as copy:
            for row in fresh:
                copy.write_row((*row, batch))
    adding = Adding(book)
    places = _places(conn, [*(row for row, _ in gone), *fresh])
    for row, _ in gone:
        _add(adding, places, row, -1)
    for row in fresh:
        _add(adding, places, row, 1)
    _move(conn, adding)


def forget(conn: Connection) -> None:
    """No sums as things stand now, of months and of days."""
    conn.execute(_SQL["forget_sums"])
    conn.execute(_SQL["forget_days"])


def sum_again(conn: Connection, book: Book) -> None:
    """All sums as things stand now made anew from the scores, by this book; a month at a time."""
    forget(conn)
    places = _lies_in(conn, [row[0] for row in conn.execute(_SQL["places"])])
    with conn.cursor(name="patterns") as cursor:
        cursor.itersize = 20_000
        cursor.execute(_SQL["patterns"])
        for _, rows in groupby(cursor, itemgetter(2)):
            adding = Adding(book)
            for axis, subject, month, area, category, flags, days, n, *values in rows:
                keys = _keys(places, axis, subject, (area, category))
                _add_days(adding, keys, (month, days, flags), values, n)
            _move(conn, adding)


def _take_back(conn: Connection, gone: Sequence[tuple[Row, int]], batch: int) -> None:
    values = {
        "ids": [row[0] for row, _ in gone],
        "axes": [row[1] for row, _ in gone],
        "subjects": [row[2] for row, _ in gone],
        "months": [row[3] for row, _ in gone],
        "borns": [born for _, born in gone],
    }
    conn.execute(_SQL["keep_gone"], {**values, "batch": batch})
    conn.execute(_SQL["drop_gone"], values)


def _add(adding: Adding, places: Mapping[int, Place], row: Row, times: int) -> None:
    _, axis, subject, month, area, category, days, flags, *values = row
    keys = _keys(places, axis, subject, (area, category))
    _add_days(adding, keys, (month, days, flags), [times * value for value in values], times)


def _add_days(
    adding: Adding,
    keys: Sequence[Key],
    score: tuple[date, int, int],
    values: Sequence[int],
    times: int,
) -> None:
    """To the sums of each day on which something fell; `score` is month, days and flags. Months follow from their days."""
    month, days, flags = score
    for day, moments in by_day(days).items():
        on = month.replace(day=day)
        adding.add([(on, *key) for key in keys], (flags, moments), values, times)


def _keys(
    places: Mapping[int, Place], axis: int, subject: int, where: tuple[int, int]
) -> list[Key]:
    """Kind and subject of every sum that the score is part of."""
    if axis != Axis.INCIDENT:
        return [(KINDS["department"] - 1 + axis, subject)]
    area, category = where
    district, street, community, _ = places[area]
    return [
        (0, 0), (1, district), (2, street), (3, community), (4, places[category][3]), (5, category),
    ]  # fmt: skip


def _places(conn: Connection, rows: Sequence[Row]) -> dict[int, Place]:
    return _lies_in(conn, sorted({row[4] for row in rows} | {row[5] for row in rows}))


def _lies_in(conn: Connection, numbers: list[int]) -> dict[int, Place]:
    return {
        number: tuple(place) for number, place in conn.execute(_SQL["lies_in"], {"ids": numbers})
    }


def _move(conn: Connection, adding: Adding) -> None:
    """The sums of days moved by what was added, and those of their months by as much."""
    months: dict[tuple[date, int, int | None], list[int]] = {}
    for (day, *key), row in adding.rows.items():
        name = (day.replace(day=1), *key)
        before = months.get(name)
        months[name] = row if before is None else list(map(add, before, row))
    _write(conn, "move_sums", "months", months)
    _write(conn, "move_days", "days", adding.rows)


def _write(conn: Connection, statement: str, when: str, rows: Mapping[Any, Sequence[int]]) -> None:
    moved = [(key, row) for key, row in rows.items() if any(row)]
    for begin in range(0, len(moved), _AT_ONCE):
        some = moved[begin : begin + _AT_ONCE]
        values = {
            when: [key[0] for key, _ in some],
            "kinds": [key[1] for key, _ in some],
            "subjects": [key[2] for key, _ in some],
            "sums": ["{" + ",".join(map(str, row)) + "}" for _, row in some],
        }
        conn.execute(_SQL[statement], values)


def _with_above(name: tuple[str, str]) -> list[tuple[str, str]]:
    """A name and what it lies in."""
    kind, code = name
    if kind == "area":
        return [name, *zip(("district", "street", "community"), code.split("/", 2), strict=True)]
    return [name, ("major", major_of(code))] if kind == "class" else [name]


def major_of(category: str) -> str:
    """The major class 大类 of a category's key: its code set, its kind and the first two digits of its code."""
    head, _, code = category.rpartition("/")
    return f"{head}/{code[:2]}"


def _columns(missing: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    places = [code.split("/", 2) if kind == "area" else ("", "", "") for kind, code in missing]
    return {
        "kinds": [kind for kind, _ in missing],
        "codes": [code for _, code in missing],
        "districts": [place[0] for place in places],
        "streets": [place[1] for place in places],
        "communities": [place[2] for place in places],
        "majors": [major_of(code) if kind == "class" else "" for kind, code in missing],
    }
