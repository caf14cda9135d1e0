"""What the big screen shows adds up, says how old it is, and is limited to whom it is shown."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.town import COVER, DISTRICT, OTHER, Town, dispatched, move, report, token

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
    assert _wall(client, "summary", "bureau")["open"] == 1, "a department above sees theirs"
    assert _wall(client, "summary", "street-2")["open"] == 1
    assert len(_wall(client, "departments", "department")["departments"]) == 1


FIGURES = {
    "open": ("open",), "overdue": ("overdue",), "urgent": ("urgent",),
    "reported_today": ("today", "reported"), "opened_today": ("today", "opened"),
    "handled_today": ("today", "handled"), "closed_today": ("today", "closed"),
    "closed_in_time_today": ("today", "closed_in_time"), "overdue_today": ("today", "overdue"),
}  # fmt: skip


@pytest.fixture(scope="module")
def lively(client: TestClient, busy: Town) -> Town:
    """Also one handled in time, one closed late, and one of another category."""
    department = busy.departments[0]
    for column, late in ((8, False), (9, True)):
        number = dispatched(client, department, column, 9, category=OTHER)
        if late:
            with busy.connect() as connection:
                connection.execute(
                    "update incident set due_at = now() - interval '1 minute' where number = %s",
                    (number,),
                )
        assert move(client, "department", number, "accept").status_code == 200
        handled = move(client, "department", number, "report_handled", reason="已修复")
        assert handled.status_code == 200, handled.text
        if late:
            assert move(client, "inspector", number, "verified").status_code == 200
            answer = move(client, "shift_lead", number, "close")
            assert answer.status_code == 200, answer.text
    client.app.state.parts._answers.clear()  # type: ignore[attr-defined]  # answers live for a second
    return busy


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(
    "part", ["", f"&area={DISTRICT}001", f"&theme={OTHER}", f"&area={DISTRICT}002&theme={COVER}"]
)
def test_no_figure_of_the_summary_says_more_or_less_than_its_list(
    client: TestClient, lively: Town, figure: str, part: str
) -> None:
    told = _wall(client, f"summary?{part}")
    for step in FIGURES[figure]:
        told = told[step]
    listed = _wall(client, f"behind?figure={figure}{part}")
    assert listed["total"] == told
    assert len(listed["items"]) == told


def test_every_row_of_every_ranking_has_its_list(client: TestClient, lively: Town) -> None:
    for row in _wall(client, "areas?level=street")["areas"]:
        narrow = "nowhere=true" if row["code"] is None else f"within={row['code']}"
        assert _wall(client, f"behind?figure=open&{narrow}")["total"] == row["open"]
        assert _wall(client, f"behind?figure=overdue&{narrow}")["total"] == row["overdue"]
    for row in _wall(client, "categories")["categories"]:
        narrow = f"category={row['category']}"
        assert _wall(client, f"behind?figure=open&{narrow}")["total"] == row["open"]
        assert _wall(client, f"behind?figure=reported_today&{narrow}")["total"] == row["reported"]
    for row in _wall(client, "departments")["departments"]:
        narrow = f"department={row['code']}"
        assert _wall(client, f"behind?figure=open&{narrow}")["total"] == row["open"]
        assert _wall(client, f"behind?figure=closed_today&{narrow}")["total"] == row["handled"]
    for row in _wall(client, "summary")["by_state"]:
        assert _wall(client, f"behind?figure=open&state={row['state']}")["total"] == row["count"]


def test_a_trend_stands_beside_the_same_hours_a_week_before(
    client: TestClient, lively: Town
) -> None:
    with lively.connect() as connection:
        connection.execute(
            "insert into incident (number, state, category, source, first_event_at, last_event_at, reported_at,"
            " closed_at, changed_at) select '9999990001', 'void', %s, 'x', t, t, t, t, t"
            " from (select now() - interval '7 days 2 hours' as t) moment",
            (COVER,),
        )
    told = _wall(client, f"trend?step=hour&theme={COVER}")
    assert len(told["reported_week_before"]) == len(told["at"]) == 25
    assert told["reported_week_before"][22] == 1
    assert sum(told["reported_week_before"]) == 1
    assert _wall(client, "trend?step=day")["reported_week_before"] is None


def test_heat_adds_up_to_what_was_reported_in_cells(client: TestClient, lively: Town) -> None:
    told = _wall(client, "heat")
    assert len(told["at"]) == 24
    assert told["hour"]
    assert max(told["hour"]) <= 23
    by_cell: dict[int, int] = {}
    for cell, count in zip(told["cell"], told["count"], strict=True):
        by_cell[cell] = by_cell.get(cell, 0) + count
    assert by_cell[0] == 3
    inside = _wall(client, "behind?figure=reported_today&nowhere=true")["total"]
    assert sum(by_cell.values()) == _wall(client, "summary")["today"]["reported"] - inside


def test_response_times_say_how_many_and_how_long(client: TestClient, lively: Town) -> None:
    steps = {s["step"]: s for s in _wall(client, "response")["steps"]}
    assert steps["open"]["done"] == steps["dispatch"]["done"] == 3
    assert steps["accept"]["done"] == steps["handle"]["done"] == 2
    for step in steps.values():
        assert 0 <= step["median_min"] <= step["p90_min"] < 5


def test_an_incident_s_life_is_told_without_people_or_words(
    client: TestClient, lively: Town
) -> None:
    number = _wall(client, f"behind?figure=handled_today&theme={OTHER}")["items"][0]["number"]
    told = _wall(client, f"incidents/{number}")
    assert [m["move"] for m in told["moments"]][:4] == ["report", "open", "dispatch", "accept"]
    assert set(told["moments"][0]) == {"at", "move", "from_state", "to_state", "role", "department"}
    gone = client.get("/api/v1/wall/incidents/9999", headers=token("wall"))
    assert gone.status_code == 404
    hidden = client.get(f"/api/v1/wall/incidents/{number}", headers=token("neighbour"))
    assert hidden.status_code == 404


def test_machines_are_healthy_silent_or_were_never_heard(client: TestClient, lively: Town) -> None:
    with lively.connect() as connection:
        connection.execute(
            "insert into device (code, kind, lon, lat) values ('w-1', 'wall-test', 116.3, 39.9),"
            " ('w-2', 'wall-test', 116.3, 39.9), ('w-3', 'wall-test', null, null)"
        )
        connection.execute(
            "insert into reading_last (device_id, metric, at, value)"
            " select id, 1, now() - case code when 'w-1' then interval '1 minute' else interval '1 hour' end, 1"
            " from device where code in ('w-1', 'w-2')"
        )
    told = _wall(client, "machines")
    kind = next(k for k in told["kinds"] if k["kind"] == "wall-test")
    assert (kind["devices"], kind["heard"], kind["silent"], kind["never"]) == (3, 1, 1, 1)
    health = {p["code"]: p["health"] for p in told["places"]}
    assert (health["w-1"], health["w-2"]) == ("heard", "silent")
    assert "w-3" not in health


def test_what_comes_in_is_counted_for_the_whole_city(client: TestClient, lively: Town) -> None:
    told = _wall(client, "flow")
    assert told["incidents_5min"] == _wall(client, "summary")["today"]["reported"]
    assert told["readings_in"] >= told["readings_stored"] >= 0


def test_a_street_s_screen_may_narrow_but_not_widen_what_it_sees(
    client: TestClient, lively: Town
) -> None:
    own = _wall(client, "summary", "street-2")["open"]
    assert _wall(client, f"summary?area={DISTRICT}", "street-2")["open"] == own
    assert _wall(client, f"summary?area={DISTRICT}002001", "street-2")["open"] <= own
    other = client.get(f"/api/v1/wall/summary?area={DISTRICT}001", headers=token("street-2"))
    assert other.status_code == 403
    assert "不在您的辖区" in other.json()["detail"]


def test_the_city_s_own_layouts_are_given_and_broken_ones_are_named(
    client: TestClient, lively: Town
) -> None:
    folder = client.app.state.parts.settings.home / "wall"  # type: ignore[attr-defined]
    folder.mkdir(parents=True)
    (folder / "port.json").write_text('{"name": "port"}', encoding="utf-8")
    (folder / "broken.json").write_text("{", encoding="utf-8")
    told = client.get("/api/v1/wall/layouts", headers=token("wall")).json()
    assert told["layouts"] == [{"name": "port"}]
    assert [one["file"] for one in told["refused"]] == ["broken.json"]
