"""The standards through the API: looked at, compared, adopted; as JSON, Excel and CSV; and today's code of an incident."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents.standards.grids import as_csv, as_workbook, read
from incidents.standards.sheets import FORMS, form, table
from tests.api.town import Town, report, token

pytestmark = pytest.mark.real
ADMIN = token("administrator")
PREVIEW, EXPORT = "/api/v1/standards/preview", "/api/v1/standards/export"


def standards(client: TestClient) -> dict[str, Any]:
    answer = client.get("/api/v1/standards", headers=token("auditor"))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def conditions(client: TestClient) -> list[list[Any]]:
    return table(standards(client)["body"], form("conditions"))


def preview(client: TestClient, data: bytes, kind: str = "text/csv", **asked: Any) -> Any:
    headers = {**ADMIN, "Content-Type": kind}
    return client.post(PREVIEW, content=data, headers=headers, params=asked)


def test_only_the_administrator_compares_and_adopts_and_readers_export(client: TestClient) -> None:
    assert client.post(PREVIEW, content=b"x").status_code == 401
    assert client.post(PREVIEW, content=b"x", headers=token("shift_lead")).status_code == 403
    assert client.get(EXPORT).status_code == 401
    assert client.get(EXPORT, headers=token("wall")).status_code == 403
    assert client.get(EXPORT, headers=token("dispatcher")).status_code == 200


def test_an_export_compared_changes_nothing(client: TestClient) -> None:
    book = client.get(EXPORT, headers=ADMIN)
    assert book.headers["content-type"].startswith("application/vnd.openxmlformats")
    assert "attachment" in book.headers["content-disposition"]
    assert [grid.name for grid in read(book.content)] == [one.zh for one in FORMS]
    sheet = client.get(f"{EXPORT}?format=csv&sheet=categories", headers=ADMIN)
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    for data in (book.content, sheet.content):
        answer = preview(client, data)
        assert answer.status_code == 200, answer.text
        assert answer.json()["difference"]["rows"] == []
        assert answer.json()["difference"]["counts"]["categories"]["unchanged"] == 679


def test_a_preview_changes_nothing_and_what_it_answers_can_be_adopted(client: TestClient) -> None:
    before = standards(client)
    rows = conditions(client)
    row = next(row for row in rows if row[2] == "06037")
    row[5] = 8
    seen = preview(client, as_csv(rows)).json()
    [changed] = seen["difference"]["rows"]
    assert changed["key"] == "gb47678.5-2026/matter/06037/1"
    assert changed["cells"] == [{"column": "时限 amount", "before": "4", "after": "8"}]
    assert standards(client) == before
    put = {"body": seen["body"], "base": seen["base"]}
    made = client.put("/api/v1/standards", json=put, headers=ADMIN)
    assert made.status_code == 201, made.text
    after = standards(client)
    assert (after["id"], after["author"]) == (made.json()["id"], "person:administrator")
    late = client.put("/api/v1/standards", json=put, headers=ADMIN)
    assert (late.status_code, late.json()["code"]) == (422, "decision_refused")
    whole = client.post(PREVIEW, json={"body": after["body"]}, headers=ADMIN).json()
    assert (whole["base"], whole["difference"]["rows"]) == (after["id"], [])


def test_an_edition_that_was_read_already_is_not_sent_again(client: TestClient) -> None:
    body = standards(client)["body"]
    assert client.put("/api/v1/standards", json={"body": body}, headers=ADMIN).status_code == 201
    first = client.get("/api/v1/standards", headers=token("wall"))
    asked = {**token("wall"), "If-None-Match": first.headers["etag"]}
    again = client.get("/api/v1/standards", headers=asked)
    assert (again.status_code, again.content) == (304, b"")
    assert client.put("/api/v1/standards", json={"body": body}, headers=ADMIN).status_code == 201
    assert client.get("/api/v1/standards", headers=asked).status_code == 200


def test_a_part_of_the_rows_is_laid_over_the_rest(client: TestClient) -> None:
    head, *rows = conditions(client)
    row = next(row for row in rows if row[2] == "06012")
    row[5] = 3
    assert len(preview(client, as_csv([head, row])).json()["difference"]["rows"]) > 600
    part = preview(client, as_csv([head, row]), partial=True).json()
    assert [one["change"] for one in part["difference"]["rows"]] == ["changed"]


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 422, "decision_refused"),
        (b"PK\x03\x04 no workbook", 422, "decision_refused"),
        (b"\xd0\xcf\x11\xe0 old", 422, "decision_refused"),
        (b"{not json", 400, "not_json"),
        (b"{}", 422, "invalid"),
        (b'{"body": {}}', 422, "decision_refused"),
        ("编码,名称\nA,甲\n".encode(), 422, "decision_refused"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(
    client: TestClient, data: bytes, status: int, code: str
) -> None:
    answer = preview(client, data, "application/octet-stream")
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["detail"]


def test_a_refused_row_names_sheet_cell_and_heading(client: TestClient) -> None:
    rows = conditions(client)
    rows[3][6] = "年"
    answer = preview(client, as_workbook({"立案条件": rows}))
    assert answer.json()["faults"][0][0] == "立案条件!G4 单位 unit"


def test_an_incident_keeps_its_code_and_shows_what_it_is_called_today(
    client: TestClient, town: Town
) -> None:
    old = "gb30428.2-2013/matter/0110"
    number = report(client, 3, 3, category="gb47678.5-2026/matter/06010")
    address = f"/api/v1/incidents/{number}/explanation"
    shown = client.get(address, headers=ADMIN).json()["category"]
    assert (shown["today"]["outcome"], shown["today"]["key"]) == ("itself", shown["key"])
    with town.connect() as connection:
        connection.execute(
            "update incident set category = %s, explanation = '{}' where number = %s", (old, number)
        )
    shown = client.get(address, headers=ADMIN).json()["category"]
    assert shown["key"] == old
    assert shown["today"]["key"] == "gb47678.5-2026/matter/06010"
    assert "暴露垃圾" in shown["today"]["zh"]
