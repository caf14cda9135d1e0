"""Whole lives of incidents over HTTP in four calls, durable: report, dispatch, handled, close; beside the same SQL by pgbench.

A life is filed, opened, dispatched, accepted, handled, verified and closed: three calls make two moves each (`then`), and every
move is in the history. One API process, as `make run` starts it; clients, API and database share the two cores.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from incidents import desk
from incidents.decisions import Decisions
from incidents.incident import Actor
from incidents.lifecycle import Role
from incidents.postgres import decision_store
from incidents.postgres.connection import connect
from incidents.postgres.ledger import PostgresLedger
from incidents.postgres.recent import Recent
from local.ports import free_port
from tests.bench import listing, same_sql
from tests.bench.ground import Ground
from tests.bench.quick_client import QuickDoor
from tests.bench.result import Result, ratios
from tests.journey import scene
from tests.journey.machines import Door
from tests.journey.system import until

GROUP = "案件办理 / lives of incidents over HTTP"
CLIENTS, WORKERS = 48, 1
AIM, OF_PGBENCH = 300.0, 0.4
"""Lives a second at 10,000 and at a million incidents, and the share of what the same SQL does under pgbench."""

WALK: tuple[tuple[str, dict[str, Any]], ...] = (
    ("lead", {"move": "open", "then": [{"move": "dispatch", "department": "A"}]}),
    ("dept-a", {"move": "accept", "then": [{"move": "report_handled"}]}),
    ("lead", {"move": "verified", "then": [{"move": "close"}]}),
)


@dataclass
class City:
    """An API of its own on a database with so many incidents, and what pgbench plays there."""

    ground: Ground
    url: str
    port: int
    script: str
    lives: list[float] = field(default_factory=list)
    keyed: list[float] = field(default_factory=list)
    bound: list[float] = field(default_factory=list)

    def measure(self, seconds: float) -> None:
        """One round of each."""
        self.lives.append(_round(self.port, seconds))
        self.keyed.append(_round(self.port, seconds, keyed=True))
        pgbench = self.ground.postgres.program("pgbench")
        self.bound.append(
            same_sql.rate(pgbench, self.url, self.ground.home, self.script, CLIENTS, int(seconds))
        )


def run(ground: Ground, rounds: int, seconds: float, large: int) -> list[Result]:
    """Lives a second at both sizes in turn, each beside its bound."""
    results: list[Result] = []
    with ExitStack() as stack:
        cities = {n: _city(ground, n, stack) for n in (10_000, large)}
        for _ in range(rounds):
            for city in cities.values():
                city.measure(seconds)
        for wanted, city in cities.items():
            note = f"{CLIENTS} clients, {WORKERS} API process, 4 calls (7 moves) a life; incident, history, facts durable"
            results += [
                Result(GROUP, f"{wanted:,} 件 / incidents: 生命周期 / lives", "1/s", city.lives, AIM, note=note),
                Result(GROUP, f"{wanted:,} 件: 各带幂等键，如值班台与手机页 / each with a key, as the pages send", "1/s", city.keyed),
                Result(GROUP, f"{wanted:,} 件: 同样的 SQL / the same SQL by pgbench", "1/s", city.bound),
                Result(GROUP, f"{wanted:,} 件: 比值 / lives ÷ pgbench", "×", ratios(city.lives, city.bound), OF_PGBENCH),
            ]  # fmt: skip
    return results


def _city(ground: Ground, wanted: int, stack: ExitStack) -> City:
    url = stack.enter_context(listing.filled(ground, f"lives_{wanted}", wanted))
    port = free_port()
    process = ground.start(
        "api", "serve", YIWANG_API_PORT=str(port), YIWANG_API_WORKERS=str(WORKERS), YIWANG_DATABASE_URL=url
    )  # fmt: skip
    stack.callback(ground.end, process)
    door = Door(f"http://127.0.0.1:{port}")
    until(lambda: _answers(door), 60, ground.logs)
    _round(port, 2.0)  # warm
    return City(ground, url, port, _script(url))


def _answers(door: Door) -> bool:
    try:
        return door.ask("GET", "/livez").status == 200
    except OSError:
        return False


def _round(port: int, seconds: float, *, keyed: bool = False) -> float:
    key = secrets.token_hex(4) if keyed else ""
    ended = threading.Event()
    done = [0] * CLIENTS
    faults: list[BaseException] = []

    def live(which: int) -> None:
        doors = {
            name: QuickDoor("127.0.0.1", port, scene.token_of(name))
            for name in ("intake", *dict(WALK))
        }
        try:
            while not ended.is_set():
                _one(doors, which * 1_000_003 + done[which], key)
                done[which] += 1
        except BaseException as fault:  # noqa: BLE001 - told to the thread that waits
            faults.append(fault)

    threads = [threading.Thread(target=live, args=(n,)) for n in range(CLIENTS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    ended.set()
    for thread in threads:
        thread.join()
    assert not faults, repr(faults[0])
    return sum(done) / (time.perf_counter() - began)


CALLS = count()
BODIES = [(who, json.dumps(given).encode()) for who, given in WALK]


def _one(doors: dict[str, QuickDoor], number: int, key: str) -> None:
    report = json.dumps(_report(number)).encode()
    status, told = doors["intake"].post(b"/api/v1/reports", report, _key(key, number))
    assert status == 201, told
    answer = json.loads(told)
    path, version = f"/api/v1/incidents/{answer['number']}/moves".encode(), answer["version"]
    for who, body in BODIES:
        header = b'If-Match: "v%d"\r\n' % version + _key(key, number)
        status, told = doors[who].post(path, body, header)
        assert status == 200, told
        at = told.index(b'"version":') + 10
        version = int(told[at : told.index(b",", at)])


def _key(key: str, number: int) -> bytes:
    """The header of a call's own key: unlike any before it."""
    return f"Idempotency-Key: {key}-{number}-{next(CALLS)}\r\n".encode() if key else b""


def _report(number: int) -> dict[str, Any]:
    lon, lat = scene.middle(number % 10, number // 10 % 10)
    place = {"lon": lon, "lat": lat, "datum": "wgs84"}
    return {"text": f"bench {number}", "category": scene.UNSORTED, "position": place}


def _script(url: str) -> str:
    """One life led by the desk itself on a recording connection."""
    with connect(url, "bench") as plain, same_sql.recorded(url) as (connection, heard):
        decisions: Decisions = decision_store.in_force(plain)
        at = datetime.now(UTC)

        def number(region: str, day: date) -> str:
            row = connection.execute("select incident_number(%s, %s)", (region, day)).fetchone()
            assert row
            return str(row[0])

        ledger = PostgresLedger(connection, number, Recent())
        event = same_sql.report_event(plain, at)
        incident = desk.receive(ledger, event, decisions, at, fresh=True).incident
        assert incident is not None
        for who, given in WALK:
            role = Role.DEPARTMENT if who.startswith("dept") else Role.SHIFT_LEAD
            actor = Actor(who, role, "A" if role is Role.DEPARTMENT else None)
            incident = desk.move(
                ledger, incident.number, given["move"], actor, at, given, incident.version, decisions
            )  # fmt: skip
        return same_sql.script(url, heard, incident.number, event.id)
