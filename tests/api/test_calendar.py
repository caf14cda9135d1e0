"""The working calendar through the API: decided whole, and where an operator sees that somebody has to confirm it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents.standards import seeds
from tests.api.town import token

pytestmark = pytest.mark.real

ADMIN = token("administrator")
FAR = {"date": "2199-10-01", "kind": "holiday", "name": "国庆节", "source": "试验 / a test"}


@pytest.fixture
def decide(client: TestClient) -> Iterator[Any]:
    """Puts a calendar; the seed's holds again afterwards."""

    def put(**changes: Any) -> Any:
        body = {**seeds.calendar(), **changes}
        body = {name: value for name, value in body.items() if value is not None}
        return client.put("/api/v1/calendar", json={"body": body}, headers=ADMIN)

    yield put
    assert put().status_code == 201


def calendar_check(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/readyz").json()["checks"]["calendar"]
    return found


def gauge(client: TestClient, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    assert found
    return float(found[1])


def test_an_unconfirmed_calendar_is_a_warning_everywhere_an_operator_looks(
    client: TestClient, decide: Any
) -> None:
    assert decide(confirmed_until=None).status_code == 201
    check = calendar_check(client)
    assert (check["ok"], check["warning"]) == (True, "over")
    assert "尚未确认" in check["detail"]
    assert "confirmed for no day" in check["detail"]
    assert gauge(client, "yiwang_calendar_confirmed_until_seconds") == 0
    assert gauge(client, "yiwang_calendar_missing_years") >= 1


def test_a_calendar_confirmed_for_years_warns_nobody(client: TestClient, decide: Any) -> None:
    days = [*seeds.calendar()["days"], FAR]
    assert decide(days=days, confirmed_until="2199-12-31").status_code == 201
    check = calendar_check(client)
    assert "warning" not in check
    assert "2199-12-31" in check["detail"]
    assert gauge(client, "yiwang_calendar_missing_years") == 0
    # 2200-01-01 00:00 in Shanghai
    assert gauge(client, "yiwang_calendar_confirmed_until_seconds") == 7_258_089_600


def test_an_unsound_calendar_is_refused_whole_with_row_and_reason(
    client: TestClient, decide: Any
) -> None:
    before = client.get("/api/v1/calendar", headers=ADMIN).json()
    answer = decide(hours=[{"spans": ["08:00-12:00", "11:00-18:00"]}])
    assert (answer.status_code, answer.json()["code"]) == (422, "decision_refused")
    assert answer.json()["faults"][0][0] == "hours[0]"
    assert client.get("/api/v1/calendar", headers=ADMIN).json() == before
