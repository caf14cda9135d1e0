"""`GET /incidents`: the first page and filtered pages with 10,000 incidents and with a million, over HTTP, interleaved.

Both are spread over one year, so that the same day and the same cell hold a hundred times as many.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from local.ports import free_port
from local.postgres import LocalPostgres
from tests.bench import city
from tests.bench.ground import Ground
from tests.bench.result import Result, ratios
from tests.journey import scene
from tests.journey.machines import Door
from tests.journey.system import until

GROUP = "案件列表 / list of incidents"
PAGES = {
    "首页 / first page": "",
    "按状态 / by state": "state=open&",
    "按部门与状态 / by department and state": "department=A&state=handling&",
    "按区 / by district": "district={district}&",
    "按类别 / by category": "category=bench/matter/level&",
    "按区与状态 / by district and state": "district={district}&state=dispatched&",
    "超期 / overdue": "overdue=true&",
    "一格大小的框 / a box of one cell": "bbox={box}&",
    "过去一日 / one past day": "opened_after={day}&opened_before={next_day}&",
}
LOOSER = {"一格大小的框 / a box of one cell": 2.0, "过去一日 / one past day": 2.0}
"""Of ten thousand in a year a cell has five and a day 28, of a million a page of 50: there is more to write."""
FILL = """
insert into incident (number, state, version, category, text, source, lon, lat, cell, cell_code, community, street,
                      district, department, reports, first_event_at, last_event_at, reported_at, opened_at, changed_at,
                      due_at)
select g.district || to_char(at, 'YYYYMMDD') || lpad((n %% 99999 + 1)::text, 5, '0') , state, 1,
       case when n %% 3 = 0 then 'bench/matter/level' else 'scene/matter/unsorted' end, '案件 ' || n, 'bench', g.lon, g.lat,
       g.id, g.code, g.community, g.street, g.district, case when n %% 2 = 0 then 'A' else 'B' end, 1, at, at, at, at, at,
       case when state in ('dispatched', 'handling') then at + interval '30 days' end
  from (select n, date_trunc('hour', now()) - n * (interval '359 days' / %(wanted)s) as at,
               (array['closed','closed','closed','closed','closed','closed','closed','open','dispatched','handling'])[1 + n %% 10] as state,
               1 + n %% %(cells)s as nth
          from generate_series(1, %(wanted)s) n) x
  join (select *, row_number() over (order by id) nth from unit_grid) g using (nth)
    on conflict do nothing"""


@dataclass
class Office:
    """An API on a database with so many incidents."""

    door: Door
    incidents: int


@contextlib.contextmanager
def office(ground: Ground, wanted: int) -> Iterator[Office]:
    """A database of its own with `wanted` incidents, and an API on it."""
    with filled(ground, f"listing_{wanted}", wanted) as url:
        port = free_port()
        process = ground.start("api", "serve", YIWANG_API_PORT=str(port), YIWANG_DATABASE_URL=url)
        door = Door(f"http://127.0.0.1:{port}", scene.token_of("lead"))
        until(lambda: _answers(door), 60, ground.logs)
        yield Office(door, wanted)
        door.hang_up()
        ground.end(process)


@contextlib.contextmanager
def filled(ground: Ground, name: str, wanted: int) -> Iterator[str]:
    """The address of a database of its own, settled and with `wanted` incidents; dropped afterwards."""
    with ground.connect() as connection:
        connection.execute(f"create database {name}")
    server: LocalPostgres = ground.postgres
    url = server.url(name)
    ground.once("incidents", "migrate", YIWANG_DATABASE_URL=url)
    city.settle(url)
    with psycopg.connect(url, autocommit=True, options="-c TimeZone=UTC") as connection:
        cells = connection.execute("select count(*) from unit_grid").fetchone()
        assert cells
        connection.execute(FILL, {"wanted": wanted, "cells": cells[0]})
        connection.execute(
            "insert into incident_counter (region, day, last) select distinct district, d::date, 5000"
            " from unit_grid, generate_series(now() - interval '1 day', now() + interval '1 day', '1 day') d"
        )  # the days' first numbers are taken
        connection.execute("vacuum analyze incident")
        there = connection.execute("select count(*) from incident").fetchone()
        assert there == (wanted,)
    yield url
    with ground.connect() as connection:
        connection.execute(f"drop database {name} with (force)")


def _answers(door: Door) -> bool:
    try:
        return door.ask("GET", "/readyz").status in {200, 503} and _ask(door, "") > 0
    except OSError:
        return False


def _ask(door: Door, query: str) -> float:
    """Milliseconds of one page of 50."""
    began = time.perf_counter()
    answer = door.ask("GET", f"/api/v1/incidents?{query}limit=50")
    assert answer.status == 200, answer.body
    return 1000 * (time.perf_counter() - began)


def run(ground: Ground, rounds: int, large: int) -> list[Result]:
    """Each page at both sizes in turn: median of the milliseconds, and their ratio."""
    with office(ground, 10_000) as small, office(ground, large) as big:
        small.door.hang_up()  # an idle line was closed while the million was made
        example = small.door.ask("GET", "/api/v1/incidents?state=dispatched&limit=1").json["items"][
            0
        ]
        results: list[Result] = []
        for name, query in PAGES.items():
            asked = query.format(**example, **_asked(example))
            few, many = _timed(small, big, asked, rounds)
            both = f"{small.incidents:,} → {big.incidents:,} incidents; page of 50 over HTTP"
            results += [
                Result(GROUP, f"{name}: 1 万件 / 10k", "ms", few, note=both),
                Result(GROUP, f"{name}: {large:,} 件 / large", "ms", many),
                Result(GROUP, f"{name}: 大 ÷ 小 / large ÷ small", "×", ratios(many, few), LOOSER.get(name, 1.3), at_most=True),
            ]  # fmt: skip
    return results


def _asked(example: dict[str, Any]) -> dict[str, str]:
    """A box as large as a cell about an incident, and a day of a hundred days ago."""
    lon, lat, half = example["lon"], example["lat"], 0.0015
    box = (lon - half, lat - half, lon + half, lat + half)
    day = datetime.now(UTC).date() - timedelta(days=100)
    return {
        "box": ",".join(f"{x:.6f}" for x in box),
        "day": f"{day}T00:00:00Z",
        "next_day": f"{day + timedelta(days=1)}T00:00:00Z",
    }


def _timed(small: Office, big: Office, query: str, rounds: int) -> tuple[list[float], list[float]]:
    """Medians of 30 questions a round, small and large in turn."""
    few: list[float] = []
    many: list[float] = []
    for _ in range(rounds + 1):
        pairs = [(_ask(small.door, query), _ask(big.door, query)) for _ in range(30)]
        few.append(statistics.median(a for a, _ in pairs))
        many.append(statistics.median(b for _, b in pairs))
    return few[1:], many[1:]  # the first round warms both
