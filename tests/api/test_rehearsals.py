"""Rehearsals over the API: asked for, held by a process of their own, looked at page by page; who may not."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents.lifecycle import Role
from incidents.postgres import rehearsal_store
from incidents.postgres.connection import connect
from incidents.rehearsal import Window
from tests.api.town import ROLES, Town, dispatched, token

pytestmark = pytest.mark.real

PLACE = "/api/v1/rehearsals"
NOBODY = {"code": "r", "categories": ["*"], "department": "NOBODY"}


def span() -> dict[str, str]:
    """The last hour."""
    now = datetime.now(UTC)
    return {"from": (now - timedelta(hours=1)).isoformat(), "to": now.isoformat()}


def ask(client: TestClient, who: str = "administrator", **more: Any) -> Any:
    body = {"kind": "routes", "body": {"routes": []}, **span(), **more}
    return client.post(PLACE, json=body, headers=token(who))


def look(client: TestClient, number: int, who: str = "shift_lead") -> Any:
    answer = client.get(f"{PLACE}/{number}", headers=token(who))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_rehearsal_is_held_in_the_background_and_tells_what_would_change(
    client: TestClient, town: Town
) -> None:
    numbers = {dispatched(client, town.departments[0], 2, n) for n in range(3)}
    before = client.get("/api/v1/routes", headers=token("administrator")).json()
    route = {"code": "all", "categories": ["*"], "department": town.departments[1]}
    asked = ask(client, body={"routes": [route | {"automatic": True}]})
    assert asked.status_code == 202, asked.text
    number = asked.json()["id"]
    assert asked.headers["location"] == f"{PLACE}/{number}"
    ends = time.monotonic() + 30
    while (found := look(client, number))["state"] in {"waiting", "running"}:
        assert time.monotonic() < ends, found
        time.sleep(0.1)
    assert (found["state"], found["progress"], found["asked_by"]) == (
        "done",
        1.0,
        "person:administrator",
    )
    assert found["result"]["sent"] >= 3
    assert found["lists"]["changed"] == found["result"]["changed"]
    there: set[str] = set()
    after: int | None = 0
    while after is not None:
        query = f"list=changed&limit=2&after={after}"
        page = client.get(f"{PLACE}/{number}/lines?{query}", headers=token("shift_lead")).json()
        there |= {line["number"] for line in page["items"]}
        after = page["next"]
    assert numbers <= there
    assert len(there) == found["result"]["changed"]
    newest = client.get(PLACE, headers=token("shift_lead")).json()
    assert newest[0]["id"] == number
    assert client.get("/api/v1/routes", headers=token("administrator")).json() == before
    again = client.post(f"{PLACE}/{number}/again", headers=token("shift_lead"))
    assert (again.status_code, again.json()["state"]) == (409, "done")


def test_an_unsound_proposal_is_refused_with_the_rows_that_its_put_gives(
    client: TestClient,
) -> None:
    for kind, address, body in (
        ("routes", "routes", {"routes": [NOBODY]}),
        ("rules", "rules", {"rules": [{"code": "x"}]}),
        ("limits", "calendar", {"days": "none"}),
    ):
        put = client.put(f"/api/v1/{address}", json={"body": body}, headers=token("administrator"))
        asked = ask(client, kind=kind, body=body)
        assert put.status_code == asked.status_code == 422
        assert asked.json() == put.json()


@pytest.mark.parametrize(
    "more",
    [
        {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
        {"from": "2026-01-01T00:00:00Z", "to": "2026-02-28T00:00:00Z"},
        {"to": "2199-01-01T00:00:00Z", "from": "2198-12-31T00:00:00Z"},
        {"from": "yesterday"},
        {"kind": "weather"},
    ],
)
def test_a_span_or_a_kind_that_makes_no_sense_is_refused(
    client: TestClient, more: dict[str, Any]
) -> None:
    answer = ask(client, **more)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]


def test_administrators_and_shift_leads_may_and_nobody_else(client: TestClient) -> None:
    may = {Role.ADMINISTRATOR, Role.SHIFT_LEAD}
    for role in ROLES:
        asked = [
            client.post(PLACE, json={}, headers=token(role)).status_code,
            *(client.get(f"{PLACE}{path}", headers=token(role)).status_code for path in ("", "/1")),
        ]
        assert all((status != 403) == (role in may) for status in asked), (role, asked)


def test_it_tells_of_the_whole_city_and_so_not_to_an_account_of_an_area(client: TestClient) -> None:
    assert ask(client, "street-2").status_code == 403
    assert client.get(PLACE, headers=token("street-2")).status_code == 403


def test_one_that_was_cut_off_is_shown_so_and_held_when_asked_once_more(
    client: TestClient, town: Town
) -> None:
    now = datetime.now(UTC)
    with connect(town.url, "gone") as conn:
        assert rehearsal_store.hold(conn)
        window = Window(now - timedelta(hours=1), now)
        number = rehearsal_store.ask(conn, "routes", {"routes": []}, window, "test")
        rehearsal_store.claim(conn, number)
        conn.execute("select pg_advisory_unlock_all()")  # as when its process ends
    assert look(client, number)["state"] == "interrupted"
    again = client.post(f"{PLACE}/{number}/again", headers=token("administrator"))
    assert again.status_code == 202
    ends = time.monotonic() + 30
    while look(client, number)["state"] != "done":
        assert time.monotonic() < ends
        time.sleep(0.1)
