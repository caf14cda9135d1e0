"""What people report is answered at once with a number, once for one key, and never half kept."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents.postgres import views
from tests.api.town import Town, a_report, middle, report, token

pytestmark = pytest.mark.real


def _tell(client: TestClient, body: dict[str, Any], key: str | None = None) -> Any:
    headers = token("intake_officer") | ({} if key is None else {"Idempotency-Key": key})
    return client.post("/api/v1/reports", json=body, headers=headers)


def _books(town: Town) -> tuple[int, ...]:
    with town.connect() as connection:
        row = connection.execute(
            "select (select count(*) from incident), (select count(*) from event), "
            "(select count(*) from history), (select count(*) from outbox)"
        ).fetchone()
        assert row is not None
        return row


def test_a_report_is_answered_with_number_state_and_cell(client: TestClient) -> None:
    answer = _tell(client, a_report(2, 3))
    assert answer.status_code == 201
    body = answer.json()
    assert (body["state"], body["cell"], body["outcome"]) == (
        "reported",
        "11010100100114",
        "opened",
    )
    assert answer.headers["etag"] == '"v1"'
    one = client.get(answer.headers["location"], headers=token("auditor")).json()
    assert one["number"] == body["number"]
    assert one["source"] == "person:intake_officer"


def test_a_place_in_another_datum_is_converted_and_kept_as_given(client: TestClient) -> None:
    given = {"lon": 116.311, "lat": 39.911, "datum": "gcj02"}
    number = _tell(client, a_report(position=given)).json()["number"]
    one = client.get(f"/api/v1/incidents/{number}", headers=token("shift_lead")).json()
    assert one["position"] == given
    assert abs(one["lon"] - given["lon"]) > 0.004
    assert one["cell"] == "11010100100101"


def test_exchanged_coordinates_are_refused_by_name(client: TestClient, town: Town) -> None:
    before = _books(town)
    place = middle(0, 0)
    place["lon"], place["lat"] = place["lat"], place["lon"]
    # 116 is no latitude: the schema says so; a city nearer the equator needs the atlas to tell.
    answer = _tell(client, a_report(position=place))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/position/lat"
    assert _books(town) == before


def test_a_place_outside_the_city_is_kept_without_a_cell(client: TestClient) -> None:
    body = _tell(client, a_report(position={"lon": 100, "lat": 20, "datum": "wgs84"})).json()
    assert body["cell"] is None
    assert body["number"].startswith("110101")


def test_the_same_key_is_answered_the_same_and_done_once(client: TestClient, town: Town) -> None:
    first = _tell(client, a_report(5, 5), "k-1")
    before = _books(town)
    again = _tell(client, a_report(5, 5), "k-1")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert _books(town) == before


def test_the_same_key_for_another_request_is_refused(client: TestClient, town: Town) -> None:
    _tell(client, a_report(5, 6), "k-2")
    before = _books(town)
    other = _tell(client, a_report(5, 6, text="另一件事"), "k-2")
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert _books(town) == before


def test_a_key_belongs_to_its_account(client: TestClient) -> None:
    mine = _tell(client, a_report(5, 7), "k-3")
    headers = token("inspector") | {"Idempotency-Key": "k-3"}
    theirs = client.post("/api/v1/reports", json=a_report(5, 8), headers=headers)
    assert theirs.status_code == 201
    assert theirs.json()["number"] != mine.json()["number"]


def test_a_key_that_is_being_handled_asks_to_wait(client: TestClient, town: Town) -> None:
    with town.connect() as connection, connection.transaction():
        assert views.claim_key(connection, "intake_officer", "k-4")
        answer = _tell(client, a_report(), "k-4")
    assert (answer.status_code, answer.json()["code"]) == (409, "key_in_flight")
    assert _tell(client, a_report(), "k-4").status_code == 201


def test_one_key_sent_many_times_at_once_makes_one_incident(client: TestClient, town: Town) -> None:
    before = _books(town)
    answers: list[Any] = []
    crowd = [
        threading.Thread(target=lambda: answers.append(_tell(client, a_report(6, 6), "k-5")))
        for _ in range(6)
    ]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert {a.status_code for a in answers} <= {201, 409}
    assert len({a.content for a in answers if a.status_code == 201}) == 1
    assert _books(town)[0] == before[0] + 1


def test_a_second_voice_for_the_same_trouble_joins_it(client: TestClient) -> None:
    litter = "gb47678.5-2026/matter/06010"
    first = _tell(client, a_report(8, 8, category=litter)).json()
    second = _tell(client, a_report(8, 8, category=litter)).json()
    assert second["number"] == first["number"]
    assert (first["outcome"], second["outcome"]) == ("opened", "joined")
    one = client.get(f"/api/v1/incidents/{first['number']}", headers=token("wall")).json()
    assert one["reports"] == 2


@pytest.mark.parametrize(
    "at", [datetime.now(UTC) + timedelta(hours=1), datetime(1999, 1, 1, tzinfo=UTC)]
)
def test_a_time_that_cannot_be_is_refused(client: TestClient, at: datetime) -> None:
    answer = _tell(client, a_report(at=at.isoformat()))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/at"


def test_a_category_nobody_knows_is_refused_and_leaves_nothing(
    client: TestClient, town: Town
) -> None:
    before = _books(town)
    for category in ("nonsense", "gb47678.5-2026/matter/00000"):
        answer = _tell(client, a_report(category=category), "k-6")
        assert (answer.status_code, answer.json()["code"]) == (422, "category_unknown")
    assert _books(town) == before


def test_a_nul_in_a_text_is_refused_and_not_a_crash(client: TestClient) -> None:
    assert _tell(client, a_report(text="a\x00b")).status_code == 422


def test_two_reports_have_two_rising_numbers(client: TestClient) -> None:
    assert report(client, 9, 0) < report(client, 9, 9)


def test_a_code_out_of_use_is_refused_with_what_took_its_place(client: TestClient) -> None:
    answer = _tell(client, a_report(category="gb30428.2-2013/matter/0110"))
    assert answer.status_code == 422, answer.text
    told = answer.json()
    assert told["code"] == "category_unknown"
    assert "停用" in told["detail"]
    assert told["equivalent"] == "gb47678.5-2026/matter/06010"
