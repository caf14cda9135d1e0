"""Where places lie, by array and one by one, each outcome named; devices are registered, located and read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from incidents.postgres import devices
from tests.api.town import DISTRICT, Town, middle, token

pytestmark = pytest.mark.real

GRID = "/api/v1/grid"
START = datetime(2026, 11, 24, 8, tzinfo=UTC)


def test_columns_of_places_are_answered_in_columns(client: TestClient) -> None:
    here = middle(0, 0)
    body = {
        "lon": [here["lon"], None, 100, here["lat"]],
        "lat": [here["lat"], 39.9, 20, here["lon"]],
        "datum": "wgs84",
    }
    told = client.post(f"{GRID}/locate", json=body, headers=token("ingest")).json()
    assert told["outcome"] == ["found", "not_a_number", "outside", "swapped"]
    assert told["cell"] == ["11010100100101", None, None, None]
    assert told["district"] == [DISTRICT, None, None, None]
    assert told["street"][0] == f"{DISTRICT}001"
    assert told["community"][0] == f"{DISTRICT}001001"


def test_one_place_is_answered_by_itself_whichever_way_it_is_asked(client: TestClient) -> None:
    here = middle(9, 9)
    posted = client.post(f"{GRID}/locate", json=here, headers=token("wall")).json()
    got = client.get(f"{GRID}/locate", params=here, headers=token("wall")).json()
    assert posted == got
    assert posted["cell"] == "11010100200225"


def test_no_places_are_no_answer_and_no_crash(client: TestClient) -> None:
    body = {"lon": [], "lat": [], "datum": "gcj02"}
    assert client.post(f"{GRID}/locate", json=body, headers=token("wall")).json()["cell"] == []


@pytest.mark.parametrize("lon", ["nan", "inf", "1e308"])
def test_numbers_that_are_none_are_named(client: TestClient, lon: str) -> None:
    for datum in ("wgs84", "gcj02", "bd09", "cgcs2000"):
        params = {"lon": lon, "lat": "39.9", "datum": datum}
        told = client.get(f"{GRID}/locate", params=params, headers=token("wall")).json()
        assert told["outcome"] in {"not_a_number", "outside"}


def test_the_datum_must_be_declared_and_columns_be_even(client: TestClient) -> None:
    for body in (
        {"lon": 116.3, "lat": 39.9},
        {"lon": 116.3, "lat": 39.9, "datum": "mars"},
        {"lon": [116.3], "lat": 39.9, "datum": "wgs84"},
        {"lon": [116.3], "lat": [39.9, 40], "datum": "wgs84"},
    ):
        assert client.post(f"{GRID}/locate", json=body, headers=token("wall")).status_code == 422


def test_a_cell_is_shown_with_its_parents_and_its_polygon(client: TestClient) -> None:
    cell = client.get(f"{GRID}/cells/11010100100101", headers=token("inspector")).json()
    assert cell["street"] == f"{DISTRICT}001"
    assert cell["polygon"]["type"] == "Polygon"
    assert 0.8e6 < cell["area_m2"] < 1.1e6


def test_the_edition_in_force_is_marked(client: TestClient) -> None:
    editions = client.get(f"{GRID}/editions", headers=token("wall")).json()
    assert [e["in_force"] for e in editions] == [True]


def test_a_device_is_registered_once_and_located(client: TestClient) -> None:
    body = {"name": "积水监测", "kind": "water", "position": middle(4, 4)}
    first = client.put("/api/v1/devices/wl-1", json=body, headers=token("shift_lead"))
    again = client.put("/api/v1/devices/wl-1", json=body, headers=token("administrator"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["cell"] == "11010100100125"
    assert first.json()["position"] == body["position"]
    alone = client.get("/api/v1/devices/wl-1", headers=token("auditor")).json()
    assert alone["id"] == "wl-1"
    assert alone["latest"] == []


def test_a_device_that_was_only_heard_of_becomes_registered(client: TestClient, town: Town) -> None:
    with town.connect() as connection:
        devices.ensure(connection, ["heard-1"])
    heard = client.get("/api/v1/devices?registered=false", headers=token("auditor")).json()["items"]
    assert "heard-1" in {one["id"] for one in heard}
    answer = client.put("/api/v1/devices/heard-1", json={}, headers=token("shift_lead"))
    assert answer.status_code == 201


def test_a_registration_that_makes_no_sense_is_refused(client: TestClient) -> None:
    for name, body in (
        ("wl-2", {"component": "nobody"}),
        ("wl-2", {"position": {"lon": 116.3, "lat": 39.9}}),
        (" wl-2", {}),
    ):
        answer = client.put(f"/api/v1/devices/{name}", json=body, headers=token("shift_lead"))
        assert answer.status_code == 422, answer.text
    assert client.get("/api/v1/devices/wl-2", headers=token("auditor")).status_code == 404


def test_devices_are_turned_by_page(client: TestClient, town: Town) -> None:
    with town.connect() as connection:
        devices.ensure(connection, [f"page-{n:02}" for n in range(7)])
    whole = client.get("/api/v1/devices?limit=1000", headers=token("auditor")).json()["items"]
    turned, cursor = [], ""
    while True:
        page = client.get(f"/api/v1/devices?limit=3{cursor}", headers=token("auditor")).json()
        turned += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert turned == whole


@pytest.fixture(scope="module")
def heard(client: TestClient, town: Town) -> str:
    """A device with a reading every ten seconds for an hour, value = its number."""
    with town.connect() as connection:
        number = devices.ensure(connection, ["series-1"])["series-1"]
        connection.execute("insert into metric (code, unit) values ('level', 'cm')")
        connection.execute("select store_ensure(%s, %s)", (START, START + timedelta(hours=1)))
        connection.execute(
            "insert into reading (observed_at, value, device_id, metric) "
            "select %s + n * interval '10 s', n, %s, (select id from metric where code = 'level') "
            "from generate_series(0, 359) n",
            (START, number),
        )
    return "/api/v1/devices/series-1/readings?metric=level&from=2026-11-24T08:00:00Z&to=2026-11-24T09:00:00Z"


def test_a_series_is_downsampled_exactly(client: TestClient, heard: str) -> None:
    told = client.get(f"{heard}&every=10m", headers=token("auditor")).json()
    assert told["every_s"] == 600
    assert told["count"] == [60] * 6
    assert told["low"] == [0, 60, 120, 180, 240, 300]
    assert told["high"] == [59, 119, 179, 239, 299, 359]
    assert told["mean"] == [29.5, 89.5, 149.5, 209.5, 269.5, 329.5]


def test_a_series_as_it_came(client: TestClient, heard: str) -> None:
    told = client.get(f"{heard}&every=raw", headers=token("auditor")).json()
    assert told["value"] == list(range(360))
    assert told["truncated"] is False


def test_a_series_chooses_its_own_step(client: TestClient, heard: str) -> None:
    told = client.get(heard, headers=token("auditor")).json()
    assert told["every_s"] == 10
    assert len(told["at"]) == 360


@pytest.mark.parametrize(
    "more",
    ["every=0s", "every=x", "every=1s&from=2026-01-01T00:00:00Z", "from=2027-01-01T00:00:00Z"],
)
def test_a_step_or_a_span_that_cannot_be_is_refused(
    client: TestClient, heard: str, more: str
) -> None:
    base = heard if "from" not in more else heard.replace("&from=2026-11-24T08:00:00Z", "")
    answer = client.get(f"{base}&{more}", headers=token("auditor"))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
