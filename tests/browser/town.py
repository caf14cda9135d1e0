"""The town the screens' tests look at: the journey's hundred cells, one sensor for each kind of trouble, its people."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.journey import scene
from tests.journey.machines import Answer, Door
from tests.journey.oracle import Level
from tests.journey.system import ADMIN_TOKEN, WholeSystem, until

LEVEL = Level("flood", "road.water", raise_at=27, clear_at=20, for_s=0, gap_s=900)
FLOOD, LITTER = "scene/matter/flood", "scene/matter/litter"


def settle(system: WholeSystem) -> None:
    """Put city, rules, routes and people there."""
    bodies: dict[str, dict[str, Any]] = {
        "rules": {"rules": [scene.threshold(LEVEL, FLOOD, urgent=True)]},
        "routes": {"routes": [scene.automatic_route("water", [FLOOD], "A")]},
        "standards": scene.standards([FLOOD, LITTER]),
    }
    scene.settle(system.database_url, bodies)


@contextmanager
def policy(system: WholeSystem, **wanted: Any) -> Iterator[None]:
    """Another policy for a while; the rest of the standards stays as others left it."""
    admin = Door(system.url("api"), ADMIN_TOKEN)

    def put(policy: dict[str, Any]) -> None:
        body = {**admin.ask("GET", "/api/v1/standards").json["body"], "policy": policy}
        answer = admin.ask("PUT", "/api/v1/standards", {"body": body})
        assert answer.status == 201, answer.body

    before = admin.ask("GET", "/api/v1/standards").json["body"].get("policy", {})
    put({**before, **wanted})
    try:
        yield
    finally:
        put(before)


def door(system: WholeSystem, name: str, which: str = "api") -> Door:
    """A door, knocked at by a person of the scene."""
    return Door(system.url(which), scene.token_of(name))


def ask(system: WholeSystem, name: str, method: str, path: str, body: object = None) -> Answer:
    """A call of the API by somebody."""
    return door(system, name).ask(method, f"/api/v1{path}", body)


def register(system: WholeSystem, code: str, column: int, row: int) -> None:
    """A water gauge in the middle of a cell."""
    lon, lat = scene.middle(column, row)
    place = {"lon": lon, "lat": lat, "datum": "wgs84"}
    body = {"name": f"积水监测 {code}", "kind": "water", "position": place}
    answer = Door(system.url("api"), ADMIN_TOKEN).ask("PUT", f"/api/v1/devices/{code}", body)
    assert answer.status in {200, 201}, answer.body


def propose(system: WholeSystem, code: str, category: str, column: int, row: int) -> None:
    """A route of a file's own before all others, for a community's cells: it names department A and leaves the sending to people."""
    mine = {
        "code": code,
        "categories": [category],
        "areas": [scene.cell_code(column, row)[:12]],
        "department": "A",
        "automatic": False,
        "limit_minutes": 90,
    }
    admin = Door(system.url("api"), ADMIN_TOKEN)
    body = admin.ask("GET", "/api/v1/routes").json["body"]
    kept = [one for one in body["routes"] if one["code"] != code]
    answer = admin.ask("PUT", "/api/v1/routes", {"body": {"routes": [mine, *kept]}})
    assert answer.status == 201, answer.body


def hear(system: WholeSystem, device: str, value: float) -> None:
    """A reading through the machines' door."""
    row = {"device": device, "metric": LEVEL.metric, "at": int(time.time() * 1000), "value": value}
    answer = door(system, "machines", "gateway").ask("POST", "/ingest/v1/readings", [row])
    assert answer.status == 202, answer.body


def flood(system: WholeSystem, device: str, column: int, row: int) -> str:
    """A gauge that was dry and is over its level: the number of the incident it opened, whatever else was in the cell."""
    cell = scene.cell_code(column, row)
    before = floods(system, cell)
    register(system, device, column, row)
    hear(system, device, 12.0)
    hear(system, device, 31.5)
    new: set[str] = set()

    def there() -> bool:
        new.update(floods(system, cell) - before)
        return bool(new)

    until(there, 30, lambda: f"no flood in {cell}\n{system.explain()}")
    (number,) = new
    return number


def floods(system: WholeSystem, cell: str) -> set[str]:
    """The numbers of all incidents of a cell that are floods."""
    items = ask(system, "lead", "GET", f"/incidents?cell={cell}&category={FLOOD}").json["items"]
    return {one["number"] for one in items}


def report(system: WholeSystem, column: int, row: int, text: str = "路面有垃圾") -> str:
    """A person's report in the middle of a cell: its number."""
    lon, lat = scene.middle(column, row)
    body = {
        "text": text,
        "category": LITTER,
        "position": {"lon": lon, "lat": lat, "datum": "wgs84"},
        "reporter": {"name": "张三丰", "phone": "13812345678"},
    }
    answer = ask(system, "intake", "POST", "/reports", body)
    assert answer.status == 201, answer.body
    return str(answer.json["number"])
