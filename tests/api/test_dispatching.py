"""Where would this go? Asked of the API and by command, and what becomes of an incident when routes change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import commands
from tests.api.town import DISTRICT, Town, middle, move, report, token

pytestmark = pytest.mark.real

TRY = "/api/v1/routes/try"
SMOKE = "local/matter/11005"
LITTER = "gb47678.5-2026/matter/06010"
AREA = f"{DISTRICT}001001"


def ask(client: TestClient, who: str = "dispatcher", **asked: Any) -> Any:
    return client.post(TRY, json=asked, headers=token(who))


def decide(client: TestClient, *routes: dict[str, Any], **more: Any) -> int:
    body = {"body": {"routes": list(routes)}, **more}
    answer = client.put("/api/v1/routes", json=body, headers=token("administrator"))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def test_a_stranger_and_a_wall_are_not_answered(client: TestClient) -> None:
    assert client.post(TRY, json={}).status_code == 401
    assert ask(client, "wall").status_code == 403
    assert ask(client, "ingest").status_code == 403


def test_the_answer_names_the_winner_the_next_and_those_passed_over(client: TestClient) -> None:
    answer = ask(client, category=SMOKE, position=middle(0, 0), source="smoke-7")
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["department"], said["department_name"]) == ("XF", "消防救援支队")
    assert (said["route"], said["automatic"], said["limit_minutes"]) == ("smoke", True, 60)
    assert said["areas"] == [f"{DISTRICT}00100101"]
    assert "消防救援支队 XF" in said["why"]
    assert said["tried"] == ["gas“燃气”：类别不符 / category differs"]
    assert not said["queue"]


def test_trying_creates_nothing(client: TestClient, town: Town) -> None:
    def counted() -> list[Any]:
        with town.connect() as connection:
            return [
                connection.execute(f"select count(*) from {t}").fetchone()
                for t in ("incident", "event", "outbox", "decision", "incident_counter")
            ]

    before = counted()
    for category in (SMOKE, LITTER, None):
        assert ask(client, category=category, position=middle(3, 3)).status_code == 200
    assert counted() == before


def test_what_no_route_takes_is_the_responsible_bodys_when_the_dispatcher_says_so(
    client: TestClient,
) -> None:
    said = ask(client, position=middle(0, 0)).json()
    assert (said["route"], said["department"], said["automatic"]) == (None, "CG", False)
    assert "责任单位 城市管理局 CG，由派遣员确认" in said["why"]
    assert len(said["tried"]) > 10


def test_a_place_outside_the_city_is_asked_too(client: TestClient) -> None:
    far = {"lon": 100.0, "lat": 30.0, "datum": "wgs84"}
    assert ask(client, category=SMOKE, position=far).json()["areas"] == []


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"category": "local/matter/98765"}, "no category"),
        ({"category": "smoke"}, "not of the form"),
        ({"area": "999999"}, "no cell's code begins with 999999"),
        ({"area": AREA, "position": middle(0, 0)}, "not both"),
        ({"at": "9999-12-31T23:59:59Z"}, "before 2000 or after 2099"),
        ({"at": "2026-11-24T10:00:00"}, "errors"),
        ({"when": "now"}, "errors"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    client: TestClient, asked: dict[str, Any], reason: str
) -> None:
    answer = ask(client, **asked)
    assert answer.status_code == 422, answer.text
    assert reason in answer.json()["detail_en"]


def test_new_routes_hold_from_their_day_and_are_tried_before(client: TestClient) -> None:
    tomorrow = {"code": "new", "department": "SZ", "assisting": ["JJ"]}
    edition = decide(client, tomorrow, holds_from="2090-01-01T00:00:00+08:00")
    now = ask(client, category=SMOKE, area=AREA).json()
    later = ask(client, category=SMOKE, area=AREA, at="2090-01-02T00:00:00Z").json()
    assert now["route"] == "smoke"
    assert (later["route"], later["edition"]) == ("new", edition)
    assert later["assisting"] == [{"department": "JJ", "name": "交警支队"}]


def test_an_incident_in_flight_keeps_its_edition_until_dispatched_again(client: TestClient) -> None:
    whole = client.get("/api/v1/routes", headers=token("dispatcher")).json()["body"]["routes"]
    first = decide(client, {"code": "one", "department": "CG"})
    number = report(client, 5, 5, category=LITTER)
    assert move(client, "intake_officer", number, "open").status_code == 200
    assert move(client, "dispatcher", number, "dispatch", department="CG").status_code == 200
    second = decide(client, {"code": "two", "department": "SZ"})
    try:
        why = _why(client, number)
        assert (why["code"], why["route"], why["edition"]) == ("CG", "one", first)
        back = move(client, "bureau", number, "send_back", reason="不属本单位")
        assert back.status_code == 200, back.text
        again = {"department": "SZ", "reason": "改派"}
        name = "dispatch" if "redispatch" not in _open(client, number) else "redispatch"
        assert move(client, "dispatcher", number, name, **again).status_code == 200
        why = _why(client, number)
        assert (why["code"], why["route"], why["edition"]) == ("SZ", "two", second)
    finally:
        decide(client, *whole)


def _why(client: TestClient, number: str) -> Any:
    address = f"/api/v1/incidents/{number}/explanation"
    return client.get(address, headers=token("dispatcher")).json()["department"]


def _open(client: TestClient, number: str) -> set[str]:
    address = f"/api/v1/incidents/{number}/moves"
    moves = client.get(address, headers=token("dispatcher")).json()["moves"]
    return {row["move"] for row in moves}


def test_the_edition_in_force_is_listed_with_author_and_date(client: TestClient) -> None:
    whole = client.get("/api/v1/routes", headers=token("dispatcher")).json()["body"]["routes"]
    number = decide(client, *whole)
    found = client.get("/api/v1/routes", headers=token("dispatcher")).json()
    assert (found["id"], found["author"]) == (number, "person:administrator")
    assert found["holds_from"] is not None
    assert [row["code"] for row in found["body"]["routes"]][:2] == ["gas", "smoke"]


def test_the_same_is_asked_by_command(town: Town) -> None:
    def run(*words: str) -> commands.Done:
        settings = {"YIWANG_DATABASE_URL": town.url}
        return commands.run("incidents", "routes", "try", *words, settings=settings)

    place = middle(0, 0)
    at = ["--lon", str(place["lon"]), "--lat", str(place["lat"])]
    told = run("--category", SMOKE, *at, "--json")
    assert told.returncode == 0, told.stderr
    said = json.loads(told.stdout)
    assert (said["department"], said["areas"]) == ("XF", [f"{DISTRICT}00100101"])
    in_words = run("--category", SMOKE, "--area", AREA)
    assert "消防救援支队 XF" in in_words.stdout
    assert "× gas" in in_words.stdout
    refused = run("--category", "local/matter/98765")
    assert refused.returncode == 1
    assert "98765" in refused.stderr
    assert run("--lon", "116").returncode == 2
