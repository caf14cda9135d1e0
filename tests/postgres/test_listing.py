"""Lists say what reading every incident would say, page after page: boxes by tiles, times of opening in two parts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import sql

from incidents.postgres import listing
from incidents.postgres.connection import Connection, connect
from incidents.postgres.listing import Wanted

pytestmark = pytest.mark.real

MADE = 3000
WEST, SOUTH = 116.3, 27.9
FILL = """
insert into incident (number, state, version, category, source, lon, lat, first_event_at, last_event_at, reported_at,
                      opened_at, changed_at, due_at)
select lpad(n::text, 19, '0'), (array['closed', 'open', 'dispatched', 'void'])[1 + n %% 4], 1, 'a/matter/' || n %% 3, 's',
       case when n %% 11 > 0 then %(west)s + random() * 0.2 end, case when n %% 11 > 0 then %(south)s + random() * 0.2 end,
       at, at, at,
       case when n %% 7 > 0 then at + case when n %% 5 = 0 then random() * interval '40 days' else interval '0' end end,
       at, case when n %% 4 = 2 then at + interval '60 days' end
  from (select n, now() - n * interval '3 hours' as at from generate_series(1, %(made)s) n) x
"""


@dataclass(frozen=True)
class Row:
    """An incident as the plain reading sees it."""

    id: int
    number: str
    state: str
    category: str
    lon: float | None
    lat: float | None
    opened_at: datetime | None
    reported_at: datetime
    due_at: datetime | None


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url, "lists") as opened:
        opened.execute("select setseed(0.5)")
        opened.execute(FILL, {"made": MADE, "west": WEST, "south": SOUTH})
        opened.execute("analyze incident")
        yield opened


def test_whatever_is_asked_the_pages_are_those_of_a_plain_reading(connection: Connection) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, Row.__dataclass_fields__))
    asked = sql.SQL("select {} from incident").format(names)
    rows = [Row(*row) for row in connection.execute(asked).fetchall()]
    dice = random.Random(7)
    found = 0
    for _ in range(150):
        wanted = drawn(dice)
        pages = turned(connection, wanted)
        key = (
            (lambda r: (r.due_at, r.id))
            if wanted.sort == "due_at"
            else (lambda r: (r.reported_at, r.id))
        )
        plain = sorted((r for r in rows if fits(r, wanted)), key=key)
        if wanted.sort == "-reported_at":
            plain.reverse()
        assert pages == [r.number for r in plain][: len(pages)], wanted
        assert len(pages) == min(len(plain), 4 * wanted.limit), wanted
        found += len(pages)
    assert found > 2000


def drawn(dice: random.Random) -> Wanted:
    now = datetime.now(UTC)
    given: dict[str, Any] = {}
    if dice.random() < 0.5:
        given["opened_after"] = now - timedelta(days=dice.uniform(0, 380))
    if dice.random() < 0.5:
        begin = given.get("opened_after", now - timedelta(days=380))
        given["opened_before"] = begin + timedelta(days=dice.choice([0.1, 1, 5, 60]))
    if dice.random() < 0.5:
        west, south = WEST + dice.uniform(-0.01, 0.2), SOUTH + dice.uniform(-0.01, 0.2)
        wide = dice.choice([0.003, 0.02, 0.06, 0.2])
        given["box"] = (west, south, west + wide, south + wide)
        given["wide_box"] = wide > 0.1
    if dice.random() < 0.4:
        given["overdue"] = dice.random() < 0.5
    if dice.random() < 0.3:
        given["states"] = tuple(dice.sample(["open", "closed", "dispatched"], dice.choice([1, 2])))
    if dice.random() < 0.2:
        given["categories"] = ("a/matter/0", "a/matter/2")
    sort = dice.choice(["-reported_at", "-reported_at", "reported_at", "due_at"])
    return Wanted(sort=sort, limit=dice.choice([3, 20]), **given)


def turned(connection: Connection, wanted: Wanted) -> list[str]:
    """The numbers of the first four pages."""
    numbers: list[str] = []
    after = None
    for _ in range(4):
        page = listing.as_rows(connection, replace(wanted, after=after))
        numbers += [row[0] for row in page.rows]
        after = page.after
        if after is None:
            break
    return numbers


def fits(row: Row, wanted: Wanted) -> bool:
    alive = row.state not in {"closed", "void"}
    overdue = alive and row.due_at is not None and row.due_at < datetime.now(UTC)
    return all(
        [
            not wanted.states or row.state in wanted.states,
            not wanted.categories or row.category in wanted.categories,
            wanted.overdue in {None, overdue},
            wanted.box is None or inside(row, wanted.box),
            wanted.sort != "due_at" or (alive and row.due_at is not None),
            wanted.opened_after is None
            or (row.opened_at is not None and row.opened_at >= wanted.opened_after),
            wanted.opened_before is None
            or (row.opened_at is not None and row.opened_at < wanted.opened_before),
        ]
    )


def inside(row: Row, box: tuple[float, float, float, float]) -> bool:
    if row.lon is None or row.lat is None:
        return False
    return box[0] <= row.lon <= box[2] and box[1] <= row.lat <= box[3]


@pytest.mark.parametrize("lon", [-0.0001, -180.0, 179.9999, 0.0])
def test_the_tiles_a_box_touches_are_the_databases_tiles(
    connection: Connection, lon: float
) -> None:
    at = (lon, -12.3456)
    mine = listing._tiles(Wanted(box=(*at, *at)))
    row = connection.execute("select incident_tile(%s, %s)", at).fetchone()
    assert row == (mine[0],)
