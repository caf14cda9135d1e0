"""Evaluation through the API: every figure's own list has exactly that many rows, by every grouping; closing; the workbook."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from starlette.testclient import TestClient

from incidents.lifecycle import Role
from incidents.postgres import accounts, evaluation_store
from tests.api.town import ROLES, Town, dispatched, move, token
from tests.incidents.evaluation_stories import DEPARTMENTS, stories
from tests.postgres.evaluation_tellers import NOW, settle, tell_all

pytestmark = pytest.mark.real

GROUPS = (
    "by=area", "by=area&level=street", "by=area&level=community", "by=category", "by=category&level=major",
    "by=department", "by=post", "by=person",
)  # fmt: skip
BASE = "/api/v1/evaluation"
SHEET = {"Accept": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


@pytest.fixture(scope="module")
def scored(client: TestClient, town: Town) -> Iterator[Town]:
    """The town with two hundred incidents, scored; an evaluator of one district and an account of each department."""
    with town.connect() as conn:
        settle(conn)
        tell_all(conn, stories(21, 200))
        evaluation_store.roll_up(conn, NOW)
        for name, role, department, area in (
            ("evaluator-1", Role.EVALUATOR, None, "110101001"),
            ("d1", Role.DEPARTMENT, DEPARTMENTS[0], None),
        ):
            who = accounts.Applicant(name, role, department, area, token=f"token-{name}")
            accounts.add(conn, who)
        yield town


def _ask(client: TestClient, address: str, who: str = "evaluator", status: int = 200) -> Any:
    answer = client.get(address, headers=token(who))
    assert answer.status_code == status, answer.text
    return answer.json()


def _rows(client: TestClient, address: str, who: str = "evaluator") -> list[Any]:
    found = []
    next_: str | None = address
    while next_:
        page = _ask(client, next_, who)
        found += page["items"]
        next_ = page["next"]
    return found


@pytest.mark.parametrize("group", GROUPS)
def test_every_figure_opens_to_as_many_incidents_as_it_says(
    client: TestClient, scored: Town, group: str
) -> None:
    told = _ask(client, f"{BASE}?{group}&period=2026-10")
    opened = 0
    for row in (told["total"], *told["rows"]):
        for key, figure in row["figures"].items():
            if figure["n"] or row is told["total"]:
                numbers = [one["number"] for one in _rows(client, figure["list"] + "&limit=37")]
                assert len(numbers) == len(set(numbers)) == figure["n"], (row["code"], key)
                opened += 1
    assert opened > 60


@pytest.mark.parametrize("group", GROUPS)
def test_every_rate_is_one_list_s_length_over_another_s(
    client: TestClient, scored: Town, group: str
) -> None:
    told = _ask(client, f"{BASE}?{group}&from=2026-09-25&to=2026-11-15")
    seen = set()
    for row in (told["total"], *told["rows"]):
        lengths: dict[str, list[Any]] = {}
        for rate in told["rates"]:
            for key in {rate["of"], rate["over"]} - {None, *lengths}:
                lengths[key] = _rows(client, row["figures"][key]["list"] + "&limit=1000")
            of, over = lengths[rate["of"]], lengths.get(rate["over"] or "")
            if rate["over"] is None:
                expected = sum(o["value"] for o in of) / len(of) if of else None
            else:
                expected = len(of) / len(over) if over else None
            assert row["rates"][rate["key"]] == (
                pytest.approx(expected) if expected is not None else None
            )
            if rate["unit"] == "ratio" and expected is not None:
                assert 0 <= expected <= 1
                seen.add(rate["key"])
    assert len(seen) >= 17


def test_groups_add_up_to_the_whole_where_each_incident_lies_in_one(
    client: TestClient, scored: Town
) -> None:
    for group in GROUPS[:5]:
        told = _ask(client, f"{BASE}?{group}&period=2026-10")
        for key, whole in told["total"]["figures"].items():
            assert sum(row["figures"][key]["n"] for row in told["rows"]) == whole["n"]


def test_a_table_is_turned_page_by_page(client: TestClient, scored: Town) -> None:
    whole = _ask(client, f"{BASE}?by=person&period=2026-10")
    turned: list[Any] = []
    address: str | None = f"{BASE}?by=person&period=2026-10&limit=3"
    while address:
        page = _ask(client, address)
        assert len(page["rows"]) <= 3
        turned += page["rows"]
        address = page["next"]
    assert [r["code"] for r in turned] == [r["code"] for r in whole["rows"]]
    assert len(turned) > 6


def test_rows_bear_names_and_what_lies_outside_is_said(client: TestClient, scored: Town) -> None:
    areas = _ask(client, f"{BASE}?by=area&period=2026-10")["rows"]
    assert any(row["code"] is None and "区外" in row["zh"] for row in areas)
    assert {r["zh"] for r in _ask(client, f"{BASE}?by=department&period=2026-10")["rows"]} == {
        "D1局",
        "D2局",
        "D3局",
    }
    assert any(r["zh"] == "派遣员" for r in _ask(client, f"{BASE}?by=post&period=2026-10")["rows"])


def test_a_list_as_csv_holds_the_same_incidents(client: TestClient, scored: Town) -> None:
    figure = _ask(client, f"{BASE}?by=area&period=2026-10")["total"]["figures"]["reported"]
    answer = client.get(
        figure["list"] + "&limit=1000", headers={**token("evaluator"), "Accept": "text/csv"}
    )
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == figure["n"]
    assert {r["number"] for r in rows} == {one["number"] for one in _rows(client, figure["list"])}


def test_the_workbook_says_who_took_it_out_and_holds_no_formula(
    client: TestClient, scored: Town
) -> None:
    told = _ask(client, f"{BASE}?by=department&period=2026-10")
    answer = client.get(
        f"{BASE}?by=department&period=2026-10", headers={**token("evaluator"), **SHEET}
    )
    assert answer.status_code == 200
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert book.sheet_names == ["指标", "比率", "含义"]
    for name in book.sheet_names:
        mark = str(book.get_sheet_by_name(name).to_python()[0][0])
        assert "导出人 evaluator" in mark
        assert "UTC" in mark
    figures = book.get_sheet_by_name("指标").to_python()
    heads = [str(head).partition("\n")[0] for head in figures[1][2:]]
    assert heads == [figure["zh"] for figure in told["figures"]]
    for row, shown in zip(figures[2:], (told["total"], *told["rows"]), strict=True):
        assert [int(float(str(n))) for n in row[2:]] == [f["n"] for f in shown["figures"].values()]


def test_text_that_looks_like_a_formula_stays_text(client: TestClient, scored: Town) -> None:
    import zipfile

    with scored.connect() as conn:
        conn.execute("update department set name = '=1+1' where code = 'D1'")
        try:
            answer = client.get(
                f"{BASE}?by=department&period=2026-10", headers={**token("evaluator"), **SHEET}
            )
        finally:
            conn.execute("update department set name = 'D1局' where code = 'D1'")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as parts:
        sheets = [parts.read(n).decode() for n in parts.namelist() if "worksheets/" in n]
        assert sheets
        assert not any("<f>" in sheet for sheet in sheets)
        assert "=1+1" in parts.read("xl/sharedStrings.xml").decode()


def test_an_account_with_an_area_counts_what_lies_in_it(client: TestClient, scored: Town) -> None:
    whole = _ask(client, f"{BASE}?by=area&level=street&period=2026-10")
    mine = _ask(client, f"{BASE}?by=area&level=street&period=2026-10", "evaluator-1")
    assert [row["code"] for row in mine["rows"]] == ["110101001"]
    theirs = next(row for row in whole["rows"] if row["code"] == "110101001")
    for key, one in mine["rows"][0]["figures"].items():
        assert one["n"] == theirs["figures"][key]["n"]
    figure = mine["total"]["figures"]["reported"]
    assert len(_rows(client, figure["list"], "evaluator-1")) == figure["n"]
    foreign = f"{BASE}/incidents?by=area&level=street&code=110101002&figure=reported&period=2026-10"
    assert _rows(client, foreign)
    assert _rows(client, foreign, "evaluator-1") == []


def test_a_department_sees_its_own_evaluation_only(client: TestClient, scored: Town) -> None:
    told = _ask(client, f"{BASE}?by=department&period=2026-10", "d1")
    assert [row["code"] for row in told["rows"]] == ["D1"]
    whole = _ask(client, f"{BASE}?by=department&period=2026-10")
    theirs = next(row for row in whole["rows"] if row["code"] == "D1")
    assert {k: f["n"] for k, f in told["rows"][0]["figures"].items()} == {
        k: f["n"] for k, f in theirs["figures"].items()
    }
    for key, figure in told["total"]["figures"].items():
        assert len(_rows(client, figure["list"] + "&limit=1000", "d1")) == figure["n"], key
    for question in ("by=person", "by=post", "by=department&department=D2"):
        _ask(client, f"{BASE}?{question}&period=2026-10", "d1", 403)
    assert (
        _rows(
            client, f"{BASE}/incidents?by=department&code=D2&figure=dispatched&period=2026-10", "d1"
        )
        == []
    )


@pytest.mark.parametrize(
    "question",
    [
        "by=area", "by=area&period=2026-13", "by=moon&period=2026-10", "by=area&level=class&period=2026-10",
        "by=area&period=2026-10&from=2026-10-01", "by=area&from=2026-10-01", "by=area&period=2026-10&colour=red",
        "by=area&from=2026-10-09&to=2026-10-01", "by=area&from=2020-01-01&to=2026-10-01",
        "by=area&from=2026-10-01&to=2026-10-09&edition=1", "by=area&period=2026-10&edition=77",
        "by=person&department=D1&period=2026-10",
    ],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_refused_with_a_reason(
    client: TestClient, scored: Town, question: str
) -> None:
    told = _ask(client, f"{BASE}?{question}", status=422)
    assert told["code"] in {"invalid", "evaluation_refused"}
    assert told["detail"]


def test_an_unknown_figure_is_refused_and_an_unknown_code_counts_nothing(
    client: TestClient, scored: Town
) -> None:
    told = _ask(client, f"{BASE}/incidents?by=area&figure=colour&period=2026-10", status=422)
    assert "reported" in told["detail"]
    assert (
        _rows(client, f"{BASE}/incidents?by=person&code=nobody&figure=reported&period=2026-10")
        == []
    )


def test_a_month_is_closed_and_run_again_through_the_api(client: TestClient, scored: Town) -> None:
    def make(who: str, **body: str) -> Any:
        return client.post(
            f"{BASE}/editions", json={"month": "2026-09", **body}, headers=token(who)
        )

    for who in (*map(str, ROLES), "evaluator-1"):
        if who not in {"evaluator", "administrator"}:
            assert make(who).status_code == 403, who
    first = make("evaluator")
    assert (first.status_code, first.json()["number"]) == (201, 1)
    assert make("evaluator").json()["code"] == "evaluation_refused"
    assert make("evaluator", action="rerun").status_code == 422
    again = make("administrator", action="rerun", reason="复核后重算")
    assert (again.json()["number"], again.json()["author"]) == (2, "person:administrator")
    told = _ask(client, f"{BASE}?by=area&period=2026-09")
    assert [one["number"] for one in told["editions"]] == [2]
    assert "edition=2" in told["total"]["figures"]["reported"]["list"]
    assert _ask(client, f"{BASE}?by=area&period=2026-09&edition=1")["editions"][0]["number"] == 1
    assert _ask(client, f"{BASE}?by=area&period=2026-09&edition=0")["editions"] == []
    listed = _ask(client, f"{BASE}/editions?month=2026-09")
    assert [one["number"] for one in listed] == [2, 1]
    assert (
        client.post(
            f"{BASE}/editions", json={"month": "2099-01"}, headers=token("evaluator")
        ).status_code
        == 422
    )


def test_what_the_desk_does_is_counted_as_it_was_done(client: TestClient, scored: Town) -> None:
    mine, other = scored.departments
    period = f"from={datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}&to={datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"

    def figures() -> dict[str, int]:
        with scored.connect() as conn:
            evaluation_store.roll_up(conn, datetime.now(UTC))
        told = _ask(client, f"{BASE}?by=department&{period}")
        row = next((r for r in told["rows"] if r["code"] == mine), told["total"])
        return {key: figure["n"] if row["code"] else 0 for key, figure in row["figures"].items()}

    before = figures()
    returned = dispatched(client, mine, 8, 8)
    assert move(client, "department", returned, "send_back", reason="不归我们管").status_code == 200
    answer = move(client, "dispatcher", returned, "redispatch", department=other)
    assert answer.status_code == 200, answer.text
    done = dispatched(client, mine, 8, 9, category="gb47678.5-2026/matter/06010")
    for who, name in (
        ("department", "accept"), ("department", "report_handled"), ("inspector", "verified"), ("intake_officer", "close"),
    ):  # fmt: skip
        answer = move(client, who, done, name)
        assert answer.status_code == 200, (name, answer.text)
    after = figures()
    more = {key: after[key] - before[key] for key in after if after[key] != before[key]}
    assert more["dispatched"] == 2
    assert more["dispatched_accurately"] == 1
    assert more["sent_back"] == more["dispatched_sent_back"] == more["dispatched_redispatched"] == 1
    assert more["handled"] == more["verified"] == more["closed"] == more["due_on_time"] == 1
    assert more["due_closed_on_time"] == 1
    assert "overdue_all" not in more


def test_a_department_opens_whatever_its_evaluation_counts(
    client: TestClient, scored: Town
) -> None:
    """Also what was soon sent to another, with nothing held against it; and nothing it never had."""
    mine, other = scored.departments
    gone, theirs = dispatched(client, mine, 7, 8), dispatched(client, other, 7, 9)
    assert move(client, "dispatcher", gone, "redispatch", department=other).status_code == 200
    with scored.connect() as conn:
        evaluation_store.roll_up(conn, datetime.now(UTC))
    days = (datetime.now(UTC) + timedelta(days=n) for n in (-1, 1))
    first, last = (f"{day:%Y-%m-%d}" for day in days)
    own = f"{BASE}/incidents?by=department&code={mine}&from={first}&to={last}&limit=1000"
    counted = {row["number"] for row in _rows(client, f"{own}&figure=dispatched", "department")}
    assert gone in counted
    assert theirs not in counted
    for number in counted:
        _ask(client, f"/api/v1/incidents/{number}", "department")
    _ask(client, f"/api/v1/incidents/{theirs}", "department", 403)


def test_a_seat_is_evaluated_whoever_sits_there(client: TestClient, scored: Town) -> None:
    seat = {"name": "一号派遣席", "role": "dispatcher"}
    made = client.put("/api/v1/posts/D-1", json=seat, headers=token("administrator"))
    assert made.status_code == 200, made.text
    begins = datetime.now(UTC) - timedelta(hours=1)
    duty = {
        "account": "dispatcher", "role": "dispatcher", "post": "D-1",
        "from": begins.isoformat(), "to": (begins + timedelta(hours=8)).isoformat(),
    }  # fmt: skip
    planned = client.post("/api/v1/duty", json={"duties": [duty]}, headers=token("shift_lead"))
    assert planned.status_code == 201, planned.text
    number = dispatched(client, scored.departments[0], 9, 8)
    with scored.connect() as conn:
        evaluation_store.roll_up(conn, datetime.now(UTC))
    today = datetime.now(UTC)
    period = f"from={today - timedelta(days=1):%Y-%m-%d}&to={today + timedelta(days=1):%Y-%m-%d}"
    rows = {row["code"]: row for row in _ask(client, f"{BASE}?by=post&{period}")["rows"]}
    figure = rows["post:D-1"]["figures"]["dispatched"]
    assert (rows["post:D-1"]["zh"], figure["n"]) == ("一号派遣席", 1)
    assert [row["number"] for row in _rows(client, figure["list"])] == [number]
    assert rows["dispatcher"]["figures"]["dispatched"]["n"] >= 1


def test_a_department_above_asks_for_those_below_it_and_no_other(
    client: TestClient, scored: Town
) -> None:
    question = f"{BASE}?by=category&period=2026-10&department="
    for one in (scored.bureau, *scored.departments):
        assert _ask(client, question + one, "bureau")["total"] is not None
    _ask(client, question + "D1", "bureau", 403)
    _ask(client, question + scored.bureau, "department", 403)
