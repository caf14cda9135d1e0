"""The desk's queue as the database turns it: urgent first, then by the clock that ends soonest, nothing twice or left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from incidents.postgres import listing
from incidents.postgres.connection import Connection, connect
from incidents.postgres.listing import Wanted

pytestmark = pytest.mark.real

FILL = """
insert into incident (number, state, version, category, source, urgent, lon, lat, district, first_event_at, last_event_at,
                      reported_at, changed_at, due_at, stage_due_at, asked, returned)
select lpad(n::text, 19, '0'), (array['closed', 'open', 'dispatched', 'reported'])[1 + n %% 4], 1, 'a/matter/0', 's',
       n %% 10 = 0, 116.3 + n * 0.00001, 27.9, (array['990101', '990102'])[1 + n %% 2], now(), now(), now(), now(),
       case when n %% 3 = 0 then now() + (random() - 0.5) * interval '9 days' end,
       case when n %% 5 = 0 then now() + (random() - 0.5) * interval '2 days' end,
       case when n %% 50 = 2 then '{}'::jsonb end, case when n %% 70 = 1 then '{}'::jsonb end
  from generate_series(1, %(made)s) n
"""
NEVER = datetime(3000, 1, 1, tzinfo=UTC)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url, "lists") as opened:
        opened.execute(FILL, {"made": 1200})
        opened.execute("analyze incident")
        yield opened


def plain(connection: Connection, where: str = "true") -> list[str]:
    """The same read at once and sorted here."""
    asked = (
        "select number, urgent, due_at, stage_due_at, id from incident "
        f"where state not in ('closed', 'void') and {where}"
    )
    rows = connection.execute(asked).fetchall()
    rows.sort(key=lambda r: (not r[1], min(r[2] or NEVER, r[3] or NEVER), r[4]))
    return [row[0] for row in rows]


def turned(connection: Connection, **asked: Any) -> list[str]:
    """Every page to the end."""
    wanted, numbers = Wanted(sort="burning", limit=90, **asked), []
    while True:
        page = listing.as_rows(connection, wanted)
        numbers += [row[0] for row in page.rows]
        if page.after is None:
            return numbers
        wanted = replace(wanted, after=page.after)


def test_the_urgent_come_first_then_the_soonest_clock_and_those_without_one_last(
    connection: Connection,
) -> None:
    assert turned(connection) == plain(connection)


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"states": ("open", "reported")}, "state in ('open', 'reported')"),
        ({"district": "990102"}, "district = '990102'"),
        ({"box": (116.3, 27.8, 116.304, 28.0)}, "lon <= 116.304"),
        ({"asked": True}, "asked is not null"),
        ({"asked": False, "urgent": True}, "asked is null and urgent"),
        ({"returned": True}, "returned is not null"),
    ],
)
def test_filters_keep_that_order(connection: Connection, asked: dict[str, Any], where: str) -> None:
    found = turned(connection, **asked)
    assert found == plain(connection, where)
    assert found


def test_a_page_of_the_queue_is_read_from_its_index(connection: Connection) -> None:
    statement, values = listing.compose(Wanted(sort="burning"), listing._columns(False))
    connection.execute("set enable_sort = off")
    plan = connection.execute(b"explain " + statement.as_bytes(connection), values).fetchall()
    assert any("incident_burning" in line for (line,) in plan), plan
