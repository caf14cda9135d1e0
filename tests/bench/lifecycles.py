"""Whole lives of incidents over HTTP: report, open, dispatch, accept, handled, verified, close; durable."""

from __future__ import annotations

import threading
import time

from local.ports import free_port
from tests.bench.ground import Ground
from tests.bench.result import Result
from tests.bench.throughput import Stage
from tests.chaos.people import ACTORS, GIVEN
from tests.journey import scene
from tests.journey.machines import Door
from tests.journey.system import until

GROUP = "案件办理 / lives of incidents over HTTP"
CLIENTS = 8


def run(here: Stage, rounds: int, seconds: float) -> list[Result]:
    """Lives and calls a second through one API process, eight clients."""
    ground: Ground = here.ground
    port = free_port()
    process = ground.start("api", "serve", YIWANG_API_PORT=str(port))
    url = f"http://127.0.0.1:{port}"
    until(lambda: _answers(url), 60, ground.logs)
    rates = [_round(here, url, seconds) for _ in range(rounds)]
    ground.end(process)
    calls = len(ACTORS) + 1
    note = f"{CLIENTS} clients, one API process, {calls} calls a life; incident, history and outbox durable"
    return [
        Result(GROUP, "生命周期 / lives", "1/s", rates, note=note),
        Result(GROUP, "调用 / calls", "1/s", [rate * calls for rate in rates]),
    ]


def _answers(url: str) -> bool:
    try:
        return Door(url).ask("GET", "/livez").status == 200
    except OSError:
        return False


def _round(here: Stage, url: str, seconds: float) -> float:
    ended = threading.Event()
    done = [0] * CLIENTS
    faults: list[BaseException] = []

    def live(which: int) -> None:
        doors = {name: Door(url, scene.token_of(name)) for name in set(ACTORS.values())}
        try:
            while not ended.is_set():
                _one(doors, here, which * 1_000_003 + done[which])
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


def _one(doors: dict[str, Door], here: Stage, number: int) -> None:
    device = number % len(here.fleet.codes)
    place = {
        "lon": float(here.fleet.lon[device]),
        "lat": float(here.fleet.lat[device]),
        "datum": "wgs84",
    }
    body = {"text": "bench", "category": scene.UNSORTED, "position": place}
    answer = doors["intake"].ask("POST", "/api/v1/reports", body)
    assert answer.status == 201, answer.body
    path, version = f"/api/v1/incidents/{answer.json['number']}/moves", 1
    for move, who in ACTORS.items():
        given = {"move": move, **GIVEN.get(move, {})}
        told = doors[who].ask("POST", path, given, {"If-Match": f'"v{version}"'})
        assert told.status == 200, told.body
        version = told.json["version"]
