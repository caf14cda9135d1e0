"""An incident is led from report to close by those whose move it is, each on the version they saw."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.town import Town, dispatched, move, report, token

pytestmark = pytest.mark.real


def _post(client: TestClient, who: str, number: str, body: dict[str, Any], **headers: str) -> Any:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(
        f"/api/v1/incidents/{number}/moves", json=body, headers={**token(who), **given}
    )


def test_from_report_to_close(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0])
    steps = [
        ("department", "accept", {}, "handling"),
        ("department", "report_handled", {}, "handled"),
        ("intake_officer", "verify", {"inspector": "inspector"}, "verifying"),
        ("inspector", "verified", {}, "verifying"),
        ("intake_officer", "close", {}, "closed"),
    ]
    for who, name, given, state in steps:
        answer = move(client, who, number, name, **given)
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == state
        assert answer.headers["etag"] == f'"v{answer.json()["version"]}"'
    rows = client.get(f"/api/v1/incidents/{number}/history", headers=token("auditor")).json()
    assert [row["move"] for row in rows] == [
        "report", "open", "dispatch", "accept", "report_handled", "verify", "verified", "close",
    ]  # fmt: skip
    assert [row["seq"] for row in rows] == list(range(1, 9))
    assert all(after["prev_hash"] == before["hash"] for before, after in itertools.pairwise(rows))


def test_without_if_match_it_is_asked_for(client: TestClient) -> None:
    answer = _post(client, "intake_officer", report(client), {"move": "open"})
    assert (answer.status_code, answer.json()["code"]) == (428, "precondition_required")


@pytest.mark.parametrize("etag", ['"v9"', '"7"', "nonsense", '"v99999999999999"'])
def test_another_version_than_the_newest_is_refused(client: TestClient, etag: str) -> None:
    answer = _post(client, "intake_officer", report(client), {"move": "open"}, If_Match=etag)
    assert (answer.status_code, answer.json()["code"]) == (412, "stale")


def test_the_one_who_came_second_gets_the_incident_as_it_is_now(client: TestClient) -> None:
    number = report(client)
    assert move(client, "intake_officer", number, "open").status_code == 200
    late = _post(client, "shift_lead", number, {"move": "void", "reason": "重复"}, If_Match='"v1"')
    assert late.status_code == 412
    assert late.json()["current"]["state"] == "open"
    assert late.json()["current"]["version"] == 2
    assert late.headers["etag"] == '"v2"'


def test_a_star_is_any_version(client: TestClient) -> None:
    answer = _post(client, "intake_officer", report(client), {"move": "open"}, If_Match="*")
    assert answer.status_code == 200


def test_a_move_of_another_state_is_answered_with_those_that_are_possible(
    client: TestClient, town: Town
) -> None:
    number = dispatched(client, town.departments[0])
    answer = move(client, "department", number, "report_handled")
    assert answer.status_code == 409
    body = answer.json()
    assert body["code"] == "move_refused"
    assert {"accept", "send_back"} <= set(body["allowed"])
    assert body["state"] == "dispatched"
    unknown = move(client, "department", number, "teleport")
    assert unknown.status_code == 409


def test_a_move_of_another_role_is_forbidden(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0])
    assert move(client, "dispatcher", number, "accept").status_code == 403
    assert move(client, "neighbour", number, "accept").status_code == 403
    assert move(client, "wall", number, "accept").status_code == 403


def test_a_move_that_lacks_its_reason_says_so(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0])
    answer = move(client, "department", number, "send_back")
    assert (answer.status_code, answer.json()["code"]) == (422, "move_incomplete")
    assert answer.json()["needs"] == "reason"


def test_a_department_nobody_knows_is_refused(client: TestClient) -> None:
    number = report(client)
    move(client, "intake_officer", number, "open")
    answer = move(client, "dispatcher", number, "dispatch", department="moon")
    assert answer.status_code == 422


def test_the_same_key_makes_a_move_once(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0])
    given = {"If_Match": '"v3"', "Idempotency_Key": f"accept {number}"}
    first = _post(client, "department", number, {"move": "accept"}, **given)
    again = _post(client, "department", number, {"move": "accept"}, **given)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content
    assert again.headers["etag"] == '"v4"'
    rows = client.get(f"/api/v1/incidents/{number}/history", headers=token("auditor")).json()
    assert [row["move"] for row in rows].count("accept") == 1


def test_a_refused_move_with_a_key_may_be_tried_again(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0])
    key = {"Idempotency_Key": f"again {number}"}
    early = _post(client, "department", number, {"move": "accept"}, If_Match='"v1"', **key)
    assert early.status_code == 412
    late = _post(client, "department", number, {"move": "accept"}, If_Match='"v3"', **key)
    assert late.status_code == 200


def test_the_moves_open_to_a_caller_are_those_that_succeed(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0])
    for who in ("department", "dispatcher", "intake_officer", "auditor"):
        told = client.get(f"/api/v1/incidents/{number}/moves", headers=token(who)).json()
        names = {one["move"] for one in told["moves"]}
        assert ("accept" in names) == (who == "department")
        assert told["version"] == 3
        for one in told["moves"]:
            assert one["zh"]


def test_why_it_is_as_it_is(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0], 4, 5)
    why = client.get(f"/api/v1/incidents/{number}/explanation", headers=token("auditor")).json()
    assert why["opened"]["why"]
    assert why["cell"]["code"] == "11010100100221"
    assert why["department"]["code"] == town.departments[0]
    assert why["department"]["why"]
    assert len(why["events"]) == 1
    assert why["events"][0]["source"] == "person:inspector"


def test_a_fact_of_every_move_waits_to_be_sent(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0])
    with town.connect() as connection:
        rows = connection.execute(
            "select body::json ->> 'fact' from outbox where key = %s order by id", (number,)
        ).fetchall()
    assert [row[0] for row in rows] == [
        "incident_reported",
        "incident_opened",
        "incident_dispatched",
    ]
