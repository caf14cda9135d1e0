"""The spine: from a device's reading to a closed incident, on a system started as `make run` starts it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journey import books, scene
from tests.journey.machines import Answer, Door
from tests.journey.oracle import Level
from tests.journey.system import ADMIN_TOKEN, WholeSystem, until, whole_system
from tests.journey.watching import Screen, screen

pytestmark = [pytest.mark.real, pytest.mark.slow]

LEVEL = Level("flood", "road.water", raise_at=27, clear_at=20, for_s=0, gap_s=900)
CATEGORY = "scene/matter/flood"
DEVICE = "W-001"


@pytest.fixture(scope="module")
def system() -> Iterator[WholeSystem]:
    with whole_system() as found:
        found.start()
        bodies: dict[str, dict[str, Any]] = {
            "rules": {"rules": [scene.threshold(LEVEL, CATEGORY, urgent=True)]},
            "routes": {"routes": [scene.automatic_route("water", [CATEGORY], "A")]},
            "standards": scene.standards([CATEGORY]),
        }
        scene.settle(found.database_url, bodies)
        found.wait_grid()
        yield found


def door(system: WholeSystem, name: str, which: str = "api") -> Door:
    return Door(system.url(which), scene.token_of(name))


def ask(
    system: WholeSystem, name: str, method: str, path: str, body: object = None, **headers: str
) -> Answer:
    given = {key.replace("_", "-"): value for key, value in headers.items()}
    return door(system, name).ask(method, f"/api/v1{path}", body, given)


def register(system: WholeSystem) -> None:
    lon, lat = scene.middle(4, 6)
    body = {
        "name": "下穿桥积水",
        "kind": "water",
        "position": {"lon": lon, "lat": lat, "datum": "wgs84"},
    }
    answer = ask(system, "lead", "PUT", f"/devices/{DEVICE}", body)
    if answer.status == 403:  # only the administrator registers devices
        answer = Door(system.url("api"), ADMIN_TOKEN).ask("PUT", f"/api/v1/devices/{DEVICE}", body)
    assert answer.status in {200, 201}, answer.body


def hear(system: WholeSystem, value: float) -> None:
    body = [
        {"device": DEVICE, "metric": LEVEL.metric, "at": int(time.time() * 1000), "value": value}
    ]
    answer = door(system, "machines", "gateway").ask("POST", "/ingest/v1/readings", body)
    assert answer.status == 202, answer.body
    assert answer.json == {"accepted": 1, "refused": []}


def the_incident(system: WholeSystem) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = ask(system, "lead", "GET", f"/incidents?category={CATEGORY}").json["items"]
        return bool(found)

    until(there, 20, lambda: f"no incident\n{system.explain()}")
    assert len(found) == 1, found
    return found[0]


def move(system: WholeSystem, who: str, number: str, name: str, **more: object) -> Answer:
    etag = ask(system, who, "GET", f"/incidents/{number}").headers["etag"]
    return ask(
        system, who, "POST", f"/incidents/{number}/moves", {"move": name, **more}, If_Match=etag
    )


def may(system: WholeSystem, who: str, number: str) -> set[str]:
    answer = ask(system, who, "GET", f"/incidents/{number}/moves")
    assert answer.status == 200, answer.body
    return {m["move"] if "move" in m else m["name"] for m in answer.json["moves"]}


def test_a_reading_over_the_level_becomes_one_incident_that_is_handled_verified_and_closed(
    system: WholeSystem,
) -> None:
    register(system)
    with screen(system.url("api"), scene.token_of("wall")) as wall:
        hear(system, 12.0)
        hear(system, 31.5)
        incident = the_incident(system)
        number = incident["number"]
        check_opened(system, incident)
        check_strangers(system, number)
        walk(system, number)
        check_ended(system, number, wall)


def check_opened(system: WholeSystem, incident: dict[str, Any]) -> None:
    """Opened in its cell and dispatched to the department of the route, and why."""
    assert incident["state"] == "dispatched"
    assert incident["department"] == "A"
    assert incident["urgent"] is True
    assert incident["cell"] == scene.cell_code(4, 6)
    assert incident["number"].startswith(scene.REGION)
    assert incident["due_at"]
    why = ask(system, "dispatcher", "GET", f"/incidents/{incident['number']}/explanation").json
    assert why["opened"]["rule"] == LEVEL.code
    assert why["opened"]["saw"]["peak"][1] == 31.5
    assert why["department"]["route"] == "water"
    assert why["cell"]["code"] == scene.cell_code(4, 6)
    assert len(why["events"]) == 1


def check_strangers(system: WholeSystem, number: str) -> None:
    """Nobody, the wrong role, the wrong department, the wrong move, no version, an old version: each with its word."""
    path = f"/incidents/{number}/moves"
    accept = {"move": "accept"}
    nobody = Door(system.url("api")).ask("POST", f"/api/v1{path}", accept, {"If-Match": '"v2"'})
    assert nobody.status == 401
    for who, status in {"wall": 403, "inspector": 403, "dept-b": 403, "dispatcher": 403}.items():
        answer = ask(system, who, "POST", path, accept, If_Match='"v2"')
        assert answer.status in {status, 404} if who == "dept-b" else answer.status == status, (
            who,
            answer.body,
        )
    assert ask(system, "dept-a", "POST", path, accept).status == 428
    old = ask(system, "dept-a", "POST", path, accept, If_Match='"v1"')
    assert old.status == 412
    assert number in old.body.decode()
    early = move(system, "dept-a", number, "report_handled")
    assert early.status == 409
    assert "accept" in early.body.decode()
    assert may(system, "dept-a", number) >= {"accept", "send_back"}
    assert "accept" not in may(system, "dispatcher", number)
    assert ask(system, "lead", "GET", "/incidents/9999012020010100001").status == 404


def walk(system: WholeSystem, number: str) -> None:
    """Back and forth once, then to the end."""
    steps: list[tuple[str, str, dict[str, object], str]] = [
        ("dept-a", "accept", {}, "handling"),
        ("dept-a", "send_back", {"reason": "不属我部门"}, "open"),
        ("dispatcher", "redispatch", {"department": "A", "reason": "属你部门"}, "dispatched"),
        ("dept-a", "accept", {}, "handling"),
        ("dept-a", "report_handled", {}, "handled"),
        ("intake", "verify", {"inspector": "inspector"}, "verifying"),
        ("inspector", "rework", {"reason": "仍有积水"}, "handling"),
        ("dept-a", "report_handled", {}, "handled"),
        ("inspector", "verified", {}, "verifying"),
        ("intake", "close", {}, "closed"),
    ]
    for who, name, given, state in steps:
        assert name in may(system, who, number), name
        answer = move(system, who, number, name, **given)
        assert answer.status == 200, (name, answer.body)
        assert answer.json["state"] == state
    assert may(system, "lead", number) == {"reopen", "note"}


def check_ended(system: WholeSystem, number: str, wall: Screen) -> None:
    """The history, and that the screen saw all of it in order, once."""
    history = ask(system, "auditor", "GET", f"/incidents/{number}/history").json
    moves = [row["move"] for row in history]
    assert moves == ["open", "dispatch", "accept", "send_back", "redispatch", "accept", "report_handled",
                     "verify", "rework", "report_handled", "verified", "close"]  # fmt: skip
    wall.wait_for(number, "incident_closed")
    versions = [
        s.data["version"] for s in wall.seen if s.event == "incident" and s.data["number"] == number
    ]
    assert versions == list(range(1, len(moves) + 1))


def test_after_it_is_closed_the_next_reading_over_the_level_opens_another(
    system: WholeSystem,
) -> None:
    before = ask(system, "lead", "GET", f"/incidents?category={CATEGORY}").json["items"]
    assert [i["state"] for i in before] == ["closed"]
    hear(system, 3.0)
    hear(system, 40.0)

    def two() -> bool:
        found = ask(system, "lead", "GET", f"/incidents?category={CATEGORY}").json["items"]
        return {i["state"] for i in found} == {"closed", "dispatched"} and len(found) == 2

    until(two, 20, lambda: f"no second incident\n{system.explain()}")


def test_a_report_by_a_person_is_answered_with_its_number_and_only_once_for_one_key(
    system: WholeSystem,
) -> None:
    lon, lat = scene.middle(2, 2)
    body = {"text": "树倒了", "position": {"lon": lon, "lat": lat, "datum": "wgs84"}}
    first = ask(system, "intake", "POST", "/reports", body, Idempotency_Key="journey-1")
    again = ask(system, "intake", "POST", "/reports", body, Idempotency_Key="journey-1")
    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert first.json["state"] == "reported"
    assert first.json["cell"] == scene.cell_code(2, 2)
    other = ask(
        system,
        "intake",
        "POST",
        "/reports",
        {**body, "text": "另一件"},
        Idempotency_Key="journey-1",
    )
    assert other.status in {409, 422}


def test_at_rest_the_books_of_the_spine_balance(system: WholeSystem) -> None:
    with system.connect() as connection:
        unsent = "select count(*) from outbox where sent_at is null"
        until(lambda: books.number(connection, unsent) == 0, 20, system.explain)
        lines = [*books.inner_lines(connection), *books.topic_lines(connection, system.bootstrap)]
    assert [line for line in lines if not line.sound] == []
    system.run("incidents", "balance")


def test_it_stops_in_order_leaves_no_process_and_keeps_its_data(system: WholeSystem) -> None:
    pids = [pid for _, pid in system.programs().values()]
    assert system.stop() == 0
    assert all(not _alive(pid) for pid in pids)
    system.start()
    found = ask(system, "lead", "GET", f"/incidents?category={CATEGORY}").json["items"]
    assert len(found) == 2


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
