"""Lists of incidents: each filter finds what it says, pages miss and repeat nothing, in JSON, GeoJSON and CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.town import COVER, DISTRICT, OTHER, Town, dispatched, middle, move, report, token

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def numbers(client: TestClient, town: Town) -> dict[str, str]:
    """Some incidents of different kinds."""
    first, second = town.departments
    made = {
        "cover": report(client, 0, 0, category=COVER, text="井盖缺失 Cover gone"),
        "far": report(client, 9, 9, category=OTHER, text="污水外溢"),
        "outside": report(client, position={"lon": 100, "lat": 20, "datum": "wgs84"}),
        "open": report(client, 1, 0, category=COVER),
        "mine": dispatched(client, first, 2, 0, category=COVER),
        "theirs": dispatched(client, second, 3, 0, category=OTHER),
        "void": report(client, 4, 0),
        "formula": report(client, 5, 0, text='=HYPERLINK("http://x","y")', category=OTHER),
    }
    assert move(client, "intake_officer", made["open"], "open").status_code == 200
    assert move(client, "intake_officer", made["void"], "void", reason="重复").status_code == 200
    with town.connect() as connection:
        connection.execute(
            "update incident set due_at = now() - interval '1 hour', urgent = true where number = %s",
            (made["mine"],),
        )
    return made


def _listed(client: TestClient, query: str, who: str = "shift_lead", **headers: str) -> Any:
    answer = client.get(f"/api/v1/incidents?{query}", headers={**token(who), **headers})
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=reported", {"cover", "far", "outside", "formula"}),
        ("state=open,dispatched", {"open", "mine", "theirs"}),
        ("state=open&state=void", {"open", "void"}),
        (f"district={DISTRICT}&state=open", {"open"}),
        (f"street={DISTRICT}002", {"far", "formula"}),
        (f"community={DISTRICT}002002", {"far"}),
        ("cell=11010100100101", {"cover"}),
        (f"category={COVER}", {"cover", "open", "mine"}),
        (f"category={COVER},{OTHER}&state=reported", {"cover", "far", "formula"}),
        ("overdue=true", {"mine"}),
        ("urgent=true", {"mine"}),
        ("source=person:inspector&state=void", {"void"}),
        ("source=person:nobody", set()),
        ("opened_after=2020-01-01T00:00:00Z", {"open", "mine", "theirs"}),
        ("opened_before=2020-01-01T00:00:00Z", set()),
        ("bbox=116.30,39.90,116.309,39.909", {"cover"}),
        ("bbox=116.0,39.0,116.5,40.0&state=void", {"void"}),
        ("q=污水", {"far"}),
        ("q=cover gone", {"cover"}),
        ("q=没有这样的话", set()),
        ("mine=true&state=reported", set()),
    ],
)
def test_a_filter_finds_what_it_says(
    client: TestClient, numbers: dict[str, str], query: str, found: set[str]
) -> None:
    items = _listed(client, query).json()["items"]
    assert {row["number"] for row in items} == {numbers[name] for name in found}


def test_filters_that_say_no_find_the_rest(client: TestClient, numbers: dict[str, str]) -> None:
    for query in ("overdue=false", "urgent=false"):
        found = {row["number"] for row in _listed(client, query).json()["items"]}
        assert found == set(numbers.values()) - {numbers["mine"]}


def test_mine_is_what_i_reported_or_what_lies_before_my_department(
    client: TestClient, numbers: dict[str, str]
) -> None:
    reported = {row["number"] for row in _listed(client, "mine=true", "inspector").json()["items"]}
    assert reported == set(numbers.values())
    own = {row["number"] for row in _listed(client, "mine=true", "department").json()["items"]}
    assert own == {numbers["mine"]}


def test_a_department_above_sees_what_those_below_it_have(
    client: TestClient, town: Town, numbers: dict[str, str]
) -> None:
    def seen(query: str) -> set[str]:
        return {row["number"] for row in _listed(client, query, "bureau").json()["items"]}

    mine, theirs = town.departments
    assert seen("") == {numbers["mine"], numbers["theirs"]}
    assert seen(f"department={theirs}") == {numbers["theirs"]}
    assert seen("department=PS") == seen("mine=true") == set()
    one = f"/api/v1/incidents/{numbers['mine']}"
    assert client.get(one, headers=token("bureau")).json()["department"] == mine
    assert client.get(f"{one}/moves", headers=token("bureau")).json()["moves"] == []
    assert move(client, "bureau", numbers["mine"], "accept").status_code == 403


def test_a_department_is_found_by_its_code(
    client: TestClient, town: Town, numbers: dict[str, str]
) -> None:
    both = ",".join(town.departments)
    found = {row["number"] for row in _listed(client, f"department={both}").json()["items"]}
    assert found == {numbers["mine"], numbers["theirs"]}


def test_a_number_is_found_by_its_beginning(client: TestClient, numbers: dict[str, str]) -> None:
    whole = numbers["far"]
    assert [r["number"] for r in _listed(client, f"q={whole}").json()["items"]] == [whole]
    assert len(_listed(client, f"q={whole[:14]}").json()["items"]) == len(numbers)


@pytest.mark.parametrize("sort", ["-reported_at", "reported_at"])
@pytest.mark.parametrize(
    "more", ["", "&state=reported,open,dispatched,void", f"&category={COVER},{OTHER}"]
)
def test_pages_together_are_the_whole_list_in_order(
    client: TestClient, numbers: dict[str, str], sort: str, more: str
) -> None:
    query = f"sort={sort}{more}"
    whole = [row["number"] for row in _listed(client, f"{query}&limit=1000").json()["items"]]
    assert whole == sorted(whole, reverse=sort.startswith("-"))
    turned, cursor = [], ""
    while True:
        page = _listed(client, f"{query}&limit=3{cursor}").json()
        turned += [row["number"] for row in page["items"]]
        if page["next"] is None:
            break
        assert len(page["items"]) == 3
        cursor = f"&cursor={page['next']}"
    assert turned == whole


def test_the_link_leads_to_the_next_page(client: TestClient, numbers: dict[str, str]) -> None:
    first = _listed(client, "limit=2&state=reported,open")
    link = first.headers["link"]
    assert link.endswith('; rel="next"')
    second = client.get(link[1 : link.index(">")], headers=token("shift_lead")).json()
    seen = {row["number"] for row in first.json()["items"]}
    assert len(second["items"]) == 2
    assert not seen & {row["number"] for row in second["items"]}


def test_a_new_incident_between_two_pages_is_neither_missed_nor_doubled(client: TestClient) -> None:
    first = _listed(client, "limit=3").json()
    report(client, 8, 1)
    second = _listed(client, f"limit=1000&cursor={first['next']}").json()
    seen = [row["number"] for row in first["items"] + second["items"]]
    assert len(seen) == len(set(seen))


def test_a_cursor_fits_only_the_question_it_came_from(
    client: TestClient, numbers: dict[str, str]
) -> None:
    cursor = _listed(client, "limit=2").json()["next"]
    for query, who in (
        ("state=open", "shift_lead"),
        ("", "wall"),
        ("sort=reported_at", "shift_lead"),
    ):
        answer = client.get(f"/api/v1/incidents?{query}&cursor={cursor}", headers=token(who))
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")


def test_nearest_deadline_first_leaves_out_what_has_none(
    client: TestClient, numbers: dict[str, str]
) -> None:
    rows = _listed(client, "sort=due_at").json()["items"]
    assert rows[0]["number"] == numbers["mine"]
    assert rows[0]["overdue"] is True
    assert all(row["due_at"] for row in rows)


def test_geojson_has_places_and_null_for_none(client: TestClient, numbers: dict[str, str]) -> None:
    answer = _listed(client, "limit=1000", Accept="application/geo+json")
    assert answer.headers["content-type"] == "application/geo+json"
    features = {f["id"]: f for f in answer.json()["features"]}
    here = middle(0, 0)
    place = features[numbers["cover"]]["geometry"]
    assert place["type"] == "Point"
    assert place["coordinates"] == pytest.approx([here["lon"], here["lat"]])
    assert features[numbers["cover"]]["properties"]["number"] == numbers["cover"]


def test_csv_is_safe_in_a_spreadsheet(client: TestClient, numbers: dict[str, str]) -> None:
    answer = _listed(client, "limit=1000", Accept="text/csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = {row["number"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    assert set(numbers.values()) <= set(rows)
    assert rows[numbers["formula"]]["text"].startswith("'=")
    assert rows[numbers["mine"]]["overdue"] == "true"
    assert rows[numbers["cover"]]["opened_at"] == ""


def test_all_forms_and_the_incident_alone_agree(
    client: TestClient, numbers: dict[str, str]
) -> None:
    for number in numbers.values():
        alone = client.get(f"/api/v1/incidents/{number}", headers=token("auditor")).json()
        listed = _listed(client, f"q={number}", "auditor").json()["items"][0]
        for name, value in listed.items():
            if name.endswith("_at"):
                assert _instant(value) == _instant(alone[name]), name
            else:
                assert value == alone[name], name


def _instant(text: str | None) -> str | None:
    return None if text is None else text.replace("Z", "+00:00").split("+")[0].ljust(26, "0")


def test_all_reports_of_one_trouble_stand_on_one_line_of_time_and_on_a_map(
    client: TestClient,
) -> None:
    parent, child = report(client), report(client)
    answer = move(client, "intake_officer", child, "merge", into=parent, reason="同一处")
    assert answer.status_code == 200, answer.text
    told = client.get(f"/api/v1/incidents/{parent}/reports", headers=token("dispatcher")).json()
    assert told["total"] == 2
    assert [one["incident"] for one in told["items"]] == [parent, child]
    assert told["items"][0]["at"] <= told["items"][1]["at"]
    page = client.get(
        f"/api/v1/incidents/{parent}/reports?limit=1&offset=1", headers=token("dispatcher")
    ).json()
    assert page["items"] == told["items"][1:]
    drawn = client.get(
        f"/api/v1/incidents/{parent}/reports",
        headers={**token("dispatcher"), "Accept": "application/geo+json"},
    ).json()
    assert [f["properties"]["id"] for f in drawn["features"]] == [i["id"] for i in told["items"]]
    assert drawn["features"][0]["geometry"]["coordinates"] == [
        told["items"][0]["lon"], told["items"][0]["lat"]
    ]  # fmt: skip
