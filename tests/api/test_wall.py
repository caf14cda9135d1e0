"""What the big screen shows adds up, says how old it is, and is limited to whom it is shown."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.town import COVER, DISTRICT, Town, dispatched, move, report, token

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def busy(client: TestClient, town: Town) -> Town:
    """Three open in one cell, one dispatched and overdue, one void, one outside."""
    for _ in range(3):
        report(client, 0, 0, category=COVER)
    number = dispatched(client, town.departments[0], 5, 5, category=COVER)
    gone = report(client, 6, 6)
    report(client, position={"lon": 100, "lat": 20, "datum": "wgs84"})
    assert move(client, "intake_officer", gone, "void", reason="重复").status_code == 200
    with town.connect() as connection:
        connection.execute(
            "update incident set due_at = now() - interval '1 minute' where number = %s", (number,)
        )
    return town


def _wall(client: TestClient, what: str, who: str = "wall") -> Any:
    answer = client.get(f"/api/v1/wall/{what}", headers=token(who))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["lag_s"] >= 0
    assert datetime.fromisoformat(told["data_at"]).tzinfo is not None
    return told


def test_the_summary_adds_up(client: TestClient, busy: Town) -> None:
    told = _wall(client, "summary")
    assert (told["open"], told["overdue"], told["urgent"]) == (5, 1, 0)
    assert {s["state"]: s["count"] for s in told["by_state"]} == {"reported": 4, "dispatched": 1}
    assert told["today"]["reported"] == 6
    assert told["today"]["opened"] == 1
    assert told["today"]["closed"] == 0


def test_areas_name_what_lies_outside(client: TestClient, busy: Town) -> None:
    for level, length in (("district", 6), ("street", 9), ("community", 12)):
        told = _wall(client, f"areas?level={level}")
        counts = {area["code"]: area["open"] for area in told["areas"]}
        assert sum(counts.values()) == 5
        assert counts[None] == 1
        assert counts[f"{DISTRICT}001001"[:length]] >= 3


def test_a_trend_has_every_step_and_all_that_happened(client: TestClient, busy: Town) -> None:
    for step, length in (("hour", 25), ("day", 31)):
        told = _wall(client, f"trend?step={step}")
        assert len(told["at"]) == len(told["reported"]) == len(told["closed"]) == length
        assert sum(told["reported"]) == 6


def test_categories_and_departments_have_names(client: TestClient, busy: Town) -> None:
    categories = {c["category"]: c for c in _wall(client, "categories")["categories"]}
    assert categories[COVER]["open"] == 4
    assert categories[COVER]["zh"]
    departments = {d["code"]: d for d in _wall(client, "departments")["departments"]}
    assert departments[busy.departments[0]]["open"] == 1
    assert departments[busy.departments[0]]["overdue"] == 1
    assert departments[busy.departments[1]]["open"] == 0


def test_cells_are_packed_in_the_order_of_the_edition(client: TestClient, busy: Town) -> None:
    told = _wall(client, "cells")
    packed = base64.b64decode(told["counts"])
    assert (told["dtype"], told["cells"], len(packed)) == ("uint8", 100, 100)
    assert packed[0] == 3
    assert sum(packed) == 4
    bare = client.get(
        "/api/v1/wall/cells", headers={**token("wall"), "Accept": "application/octet-stream"}
    )
    assert bare.content == packed
    assert bare.headers["x-numbering"] == told["numbering"]
    assert bare.headers["x-dtype"] == "uint8"
    assert float(bare.headers["x-lag-s"]) >= 0


def test_a_department_and_a_street_see_their_own_figures(client: TestClient, busy: Town) -> None:
    assert _wall(client, "summary", "department")["open"] == 1
    assert _wall(client, "summary", "neighbour")["open"] == 0
    assert _wall(client, "summary", "street-2")["open"] == 1
    assert len(_wall(client, "departments", "department")["departments"]) == 1
