"""Quarantine, accounts and the city's decisions are changed by those who may, whole or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.town import Town, token

pytestmark = pytest.mark.real
ADMIN = token("administrator")


def _set_aside(town: Town, offset: int) -> int:
    with town.connect() as connection:
        row = connection.execute(
            'insert into quarantine (topic, part, "offset", key, value, reason, detail) '
            "values ('city.readings.v1', 0, %s, 'gw', %s, 'not_json', '不是 JSON') returning id",
            (offset, b"\xff{bad"),
        ).fetchone()
        assert row is not None
        return int(row[0])


def test_what_was_set_aside_is_shown_with_its_bytes_and_reason(
    client: TestClient, town: Town
) -> None:
    number = _set_aside(town, 1)
    items = client.get("/api/v1/quarantine", headers=token("auditor")).json()["items"]
    found = next(item for item in items if item["id"] == number)
    assert (found["reason"], found["value"], found["bytes"]) == ("not_json", "/3tiYWQ=", 5)
    assert found["key"] == "gw"


def test_it_is_sent_again_once(client: TestClient, town: Town) -> None:
    number = _set_aside(town, 2)
    address = f"/api/v1/quarantine/{number}/redrive"
    assert client.post(address, headers=token("shift_lead")).status_code == 202
    again = client.post(address, headers=token("shift_lead"))
    assert (again.status_code, again.json()["state"]) == (409, "redriven")
    with town.connect() as connection:
        rows = connection.execute("select key from outbox where topic = 'city.redrive'").fetchall()
        assert rows == [(str(number),)]
        decided = connection.execute(
            "select decided_by from quarantine where id = %s", (number,)
        ).fetchone()
        assert decided == ("shift_lead",)


def test_what_was_dismissed_is_not_sent_again(client: TestClient, town: Town) -> None:
    number = _set_aside(town, 3)
    assert client.post(f"/api/v1/quarantine/{number}/dismiss", headers=ADMIN).status_code == 202
    assert client.post(f"/api/v1/quarantine/{number}/redrive", headers=ADMIN).status_code == 409
    assert client.post("/api/v1/quarantine/999999/redrive", headers=ADMIN).status_code == 404


def test_quarantine_is_turned_by_page(client: TestClient, town: Town) -> None:
    ids = {_set_aside(town, 100 + n) for n in range(5)}
    seen: list[int] = []
    before = ""
    while True:
        page = client.get(f"/api/v1/quarantine?limit=2{before}", headers=ADMIN).json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert ids <= set(seen)
    assert seen == sorted(set(seen), reverse=True)


def test_an_account_is_told_its_token_once(client: TestClient) -> None:
    given = {"name": "新派遣员", "role": "dispatcher", "area": "110101001"}
    made = client.post("/api/v1/accounts", json=given, headers=ADMIN)
    assert made.status_code == 201
    own = {"Authorization": f"Bearer {made.json()['token']}"}
    assert client.get("/api/v1/incidents", headers=own).status_code == 200
    listed = client.get("/api/v1/accounts", headers=ADMIN)
    assert made.json()["token"] not in listed.text
    assert "新派遣员" in {one["name"] for one in listed.json()}
    again = client.post("/api/v1/accounts", json=given, headers=ADMIN)
    assert (again.status_code, again.json()["code"]) == (422, "account_refused")


def test_an_account_that_makes_no_sense_is_refused(client: TestClient) -> None:
    for given in (
        {"name": "x", "role": "system"},
        {"name": "x", "role": "king"},
        {"name": "x", "role": "department"},
        {"name": "x", "role": "department", "department": "moon"},
        {"name": " x", "role": "wall"},
        {"name": "x", "role": "wall", "area": "%"},
    ):
        answer = client.post("/api/v1/accounts", json=given, headers=ADMIN)
        assert answer.status_code == 422, given


def test_the_last_administrator_cannot_be_withdrawn(client: TestClient) -> None:
    answer = client.delete("/api/v1/accounts/administrator", headers=ADMIN)
    assert answer.status_code == 422
    assert client.delete("/api/v1/accounts/nobody", headers=ADMIN).status_code == 422


@pytest.mark.parametrize("kind", ["rules", "routes", "standards", "calendar"])
def test_what_is_read_can_be_decided_again_and_holds_at_once(client: TestClient, kind: str) -> None:
    before = client.get(f"/api/v1/{kind}", headers=token("auditor")).json()
    assert (before["id"], before["author"]) == (0, "seed")
    made = client.put(f"/api/v1/{kind}", json={"body": before["body"]}, headers=ADMIN)
    assert made.status_code == 201, made.text
    after = client.get(f"/api/v1/{kind}", headers=token("auditor")).json()
    assert after["id"] == made.json()["id"]
    assert after["author"] == "person:administrator"
    assert after["body"] == before["body"]


def test_an_edition_that_is_not_sound_is_refused_whole_with_row_and_reason(
    client: TestClient,
) -> None:
    before = client.get("/api/v1/routes", headers=token("auditor")).json()
    body: dict[str, Any] = before["body"]
    rows = [*body["routes"], {**body["routes"][0], "code": "wrong", "department": "moon"}]
    answer = client.put("/api/v1/routes", json={"body": {"routes": rows}}, headers=ADMIN)
    assert (answer.status_code, answer.json()["code"]) == (422, "decision_refused")
    assert answer.json()["faults"], answer.text
    assert client.get("/api/v1/routes", headers=token("auditor")).json() == before
    wrong: list[dict[str, Any]] = [{}, {"routes": 1}, {"routes": [{}]}, {"colour": []}]
    for nonsense in wrong:
        refused = client.put("/api/v1/routes", json={"body": nonsense}, headers=ADMIN)
        assert refused.status_code == 422, nonsense
