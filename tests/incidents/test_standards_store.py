"""An operator changes the standards: the difference first, one transaction, and nothing incidents refer to is lost."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from incidents.errors import DecisionRefused
from incidents.lifecycle import Role
from incidents.postgres import accounts, city, decision_store, standards_store
from incidents.postgres.connection import Connection, connect
from incidents.postgres.standards_store import Asked
from incidents.standards.grids import as_csv
from incidents.standards.sheets import form, table
from tests import commands
from tests.incidents.builders import LITTER

pytestmark = pytest.mark.real
NOW = Asked()
KEY = "gb47678.5-2026/matter/06009"
OLD = "gb30428.2-2013/matter/0110"


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    """A city that holds the seed."""
    with connect(database_url, "test") as connection:
        city.put(connection, city.City("试城", "990100"))
        decision_store.seed(connection)
        yield connection


def rows_of(conn: Connection, sheet: str) -> list[list[Any]]:
    return table(standards_store.in_force(conn)[1], form(sheet))


def without(conn: Connection, sheet: str, key: str) -> bytes:
    """The sheet as CSV without the rows of one category."""
    parts = key.split("/")
    parts[1] = {"matter": "事项", "component": "部件"}[parts[1]]
    return as_csv([row for row in rows_of(conn, sheet) if row[:3] != parts])


def an_incident(conn: Connection, category: str, department: str | None = None) -> None:
    now = datetime.now(UTC)
    row: dict[str, Any] = {
        "number": "9901002026110100001",
        "state": "open",
        "category": category,
        "source": "test",
        "department": department,
        **dict.fromkeys(("first_event_at", "last_event_at", "reported_at", "changed_at"), now),
    }
    names, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    conn.execute(f"insert into incident ({names}) values ({places})".encode(), row)


def test_the_built_in_standards_hold_before_anybody_decided(database_url: str) -> None:
    with connect(database_url, "test") as connection:
        number, body = standards_store.in_force(connection)
        export = standards_store.export(body)
        assert standards_store.propose(connection, export, NOW).difference.nothing
    assert number == 0


def test_an_export_read_again_changes_nothing_and_makes_no_edition(conn: Connection) -> None:
    number, body = standards_store.in_force(conn)
    for data in (standards_store.export(body), standards_store.export(body, form("conditions"))):
        made, proposal = standards_store.adopt(conn, data, "a", NOW)
        assert (made, proposal.base, proposal.difference.nothing) == (None, number, True)
    assert len(decision_store.editions(conn, "standards")) == 1


def test_a_change_is_shown_first_and_adopted_as_an_edition_with_author_and_day(
    conn: Connection,
) -> None:
    rows = rows_of(conn, "conditions")
    row = next(row for row in rows if row[2] == "06010")
    row[5], row[6] = 1, "工作日"
    before = standards_store.propose(conn, as_csv(rows), NOW)
    assert len(decision_store.editions(conn, "standards")) == 1
    [changed] = before.difference.rows
    assert changed.cells == (("时限 amount", "4", "1"), ("单位 unit", "工作时", "工作日"))
    number, _ = standards_store.adopt(conn, as_csv(rows), "person:王某", NOW)
    newest = decision_store.editions(conn, "standards")[0]
    assert (newest.id, newest.author) == (number, "person:王某")
    limit = decision_store.in_force(conn).category(LITTER).conditions[0].limit
    assert limit.zh == "1 工作日"


def test_an_edition_for_later_holds_from_its_day(conn: Connection) -> None:
    later = datetime.now(UTC) + timedelta(days=30)
    standards_store.adopt(conn, without(conn, "categories", LITTER), "a", Asked(later))
    assert LITTER in decision_store.in_force(conn).categories
    [row] = [r for r in _categories(conn, later) if r["key"] == LITTER]
    in_shanghai = later.astimezone(ZoneInfo("Asia/Shanghai")).date()
    assert row["valid_to"] == f"{in_shanghai - timedelta(days=1)}"


def _categories(conn: Connection, at: datetime | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = standards_store.in_force(conn, at)[1]["categories"]
    return found


def test_a_category_incidents_stand_in_is_closed_and_still_named(conn: Connection) -> None:
    an_incident(conn, KEY)
    _, proposal = standards_store.adopt(conn, without(conn, "categories", KEY), "a", NOW)
    assert [(r.key, str(r.change)) for r in proposal.difference.rows] == [(KEY, "closed")]
    decisions = decision_store.in_force(conn)
    assert decisions.category(KEY).name_zh == "空调室外机低挂"
    assert decisions.category(KEY).ended(decisions.day(datetime.now(UTC)))


def test_a_category_components_are_of_is_closed_too(conn: Connection) -> None:
    key = "gb47678.5-2026/component/01063"
    conn.execute(
        "insert into component (code, category, lon, lat) values ('c-1', %s, 116, 27)", (key,)
    )
    proposal = standards_store.propose(conn, without(conn, "categories", key), NOW)
    assert [(r.key, str(r.change)) for r in proposal.difference.rows] == [(key, "closed")]


def test_a_category_nothing_stands_in_is_removed(conn: Connection) -> None:
    _, proposal = standards_store.adopt(conn, without(conn, "categories", KEY), "a", NOW)
    assert [str(row.change) for row in proposal.difference.rows] == ["removed"]
    assert KEY not in decision_store.in_force(conn).categories


def test_a_category_that_a_rule_opens_cannot_go_unnoticed(conn: Connection) -> None:
    file = without(conn, "categories", "local/matter/11002")
    with pytest.raises(DecisionRefused, match="11002"):
        standards_store.propose(conn, file, NOW)
    with pytest.raises(DecisionRefused, match="11002"):
        standards_store.adopt(conn, file, "a", NOW)
    assert len(decision_store.editions(conn, "standards")) == 1


def test_a_whole_body_may_not_lose_what_is_referred_to_either(conn: Connection) -> None:
    an_incident(conn, KEY, "CG-HW")
    accounts.add(conn, accounts.Applicant("绿化", Role.DEPARTMENT, "YL"))
    body = copy.deepcopy(standards_store.in_force(conn)[1])
    kept = [row for row in body["categories"] if row["key"] == KEY]
    body["categories"] = [row for row in body["categories"] if row["key"] != KEY]
    with pytest.raises(DecisionRefused) as refused:
        decision_store.keep(conn, "standards", body, "a")
    [(row, why)] = refused.value.facts["faults"]
    assert row == f"categories {KEY}"
    assert "valid_to" in why
    body["categories"] += kept
    body["departments"] = [row for row in body["departments"] if row["code"] not in {"CG-HW", "YL"}]
    for row in body["categories"]:
        if row.get("responsible") in {"CG-HW", "YL"}:
            row["responsible"] = "CG"
    with pytest.raises(DecisionRefused) as refused:
        decision_store.keep(conn, "standards", body, "a")
    assert [row for row, _ in refused.value.facts["faults"]] == [
        "departments CG-HW",
        "departments YL",
    ]


def test_a_condition_an_incident_was_filed_by_cannot_go(conn: Connection) -> None:
    key = "gb47678.5-2026/matter/01001"
    an_incident(conn, key)
    conn.execute("update incident set condition = '2'")
    head, *rows = rows_of(conn, "conditions")
    less = as_csv([head, *(row for row in rows if row[2:4] != ["01001", "2"])])
    with pytest.raises(DecisionRefused) as refused:
        standards_store.propose(conn, less, NOW)
    assert [row for row, _ in refused.value.facts["faults"]] == [f"立案条件 {key} 2"]
    more = as_csv([head, *(row for row in rows if row[2:4] != ["01001", "3"])])
    assert len(standards_store.propose(conn, more, NOW).difference.rows) == 2


def test_a_refused_file_leaves_nothing(conn: Connection) -> None:
    rows = rows_of(conn, "conditions")
    rows[1][5] = -1
    with pytest.raises(DecisionRefused) as refused:
        standards_store.adopt(conn, as_csv(rows), "a", NOW)
    assert refused.value.facts["faults"][0][0] == "立案条件!F2 时限 amount"
    assert len(decision_store.editions(conn, "standards")) == 1


def test_what_was_decided_on_an_edition_that_holds_no_more_is_refused(conn: Connection) -> None:
    base, body = standards_store.in_force(conn)
    made = standards_store.put(conn, body, "first", Asked(base=base))
    for attempt in (standards_store.put, standards_store.adopt):
        with pytest.raises(DecisionRefused, match=f"版本 {base} 已被版本 {made} 取代"):
            attempt(conn, body, "second", Asked(base=base))


def test_of_two_who_import_at_once_one_wins_and_one_is_told(
    conn: Connection, database_url: str
) -> None:
    base = standards_store.in_force(conn)[0]
    file = without(conn, "categories", KEY)
    said: list[str] = []
    start = threading.Barrier(2)

    def attempt() -> None:
        with connect(database_url, "test") as own:
            start.wait()
            try:
                standards_store.adopt(own, file, "x", Asked(base=base))
                said.append("adopted")
            except DecisionRefused:
                said.append("refused")

    both = [threading.Thread(target=attempt) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(said) == ["adopted", "refused"]
    assert len(decision_store.editions(conn, "standards")) == 2


def run(url: str, *words: str) -> commands.Done:
    """`python -m incidents standards …`, as an operator runs it."""
    settings = {"YIWANG_DATABASE_URL": url, "COLUMNS": "200"}
    return commands.run("incidents", "standards", *words, settings=settings)


def test_the_commands_lead_from_export_to_a_new_edition(
    conn: Connection, database_url: str, tmp_path: Path
) -> None:
    book, sheet = tmp_path / "标准.xlsx", tmp_path / "条件.csv"
    assert run(database_url, "export", str(book)).returncode == 0
    assert run(database_url, "export", str(sheet), "--sheet", "conditions").returncode == 0
    same = run(database_url, "diff", str(book))
    assert (same.returncode, "nothing changes" in same.stdout) == (0, True), same.stderr
    text = sheet.read_text("utf-8-sig").replace("公共场地有动物尸体", "路边有动物尸体")
    sheet.write_bytes(text.encode("gb18030"))
    shown = run(database_url, "diff", str(sheet))
    assert "立案条件 zh：公共场地有动物尸体 → 路边有动物尸体" in shown.stdout
    unasked = run(database_url, "import", str(sheet), "--author", "王某")
    assert (unasked.returncode, "--yes" in unasked.stderr) == (1, True)
    assert len(decision_store.editions(conn, "standards")) == 1
    done = run(database_url, "import", str(sheet), "--author", "王某", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    newest = decision_store.editions(conn, "standards")[0]
    assert (json.loads(done.stdout)["id"], newest.author) == (newest.id, "王某")
    one = run(database_url, "show", "gb47678.5-2026/matter/06037")
    assert "路边有动物尸体" in one.stdout
    old = run(database_url, "show", OLD, "--json")
    assert json.loads(old.stdout)["today"]["key"] == LITTER
    assert json.loads(run(database_url, "show").stdout)["id"] == newest.id


def test_the_commands_say_what_is_wrong_with_a_file_and_where(
    conn: Connection, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "条件.csv"
    rows = rows_of(conn, "conditions")
    rows[1][5], rows[2][6] = "两", "年"
    file.write_bytes(as_csv(rows))
    refused = run(database_url, "import", str(file), "--author", "a", "--yes")
    assert refused.returncode == 1
    assert "立案条件!F2 时限 amount" in refused.stderr
    assert "立案条件!G3 单位 unit" in refused.stderr
    assert run(database_url, "diff", str(tmp_path / "none.xlsx")).returncode == 1
    assert run(database_url, "export", str(tmp_path / "x.pdf")).returncode == 2
    wrong = run(database_url, "export", str(tmp_path / "x.csv"), "--sheet", "colours")
    assert (wrong.returncode, "categories" in wrong.stderr) == (2, True)


def test_a_city_puts_its_own_departments_in_place_in_the_order_its_page_says(
    conn: Connection,
) -> None:
    """docs/city.md: add, change what refers to the old ones, drop them; any other order is refused with the reason."""
    head = rows_of(conn, "departments")[0]
    own = as_csv([head, ["QS-CG", "青山市城管局", "", ""], ["QS-HW", "环卫中心", "", "QS-CG"]])
    with pytest.raises(DecisionRefused, match="没有主管部门"):
        standards_store.propose(conn, own, NOW)
    standards_store.adopt(conn, own, "张局", Asked(None, True))
    rows = rows_of(conn, "categories")
    column = next(n for n, name in enumerate(rows[0]) if "主管部门" in str(name))
    theirs = [[*row[:column], "QS-HW", *row[column + 1 :]] for row in rows[1:]]
    standards_store.adopt(conn, as_csv([rows[0], *theirs]), "张局", NOW)
    with pytest.raises(DecisionRefused, match="没有部门") as refused:
        standards_store.adopt(conn, own, "张局", NOW)
    assert any(row.startswith("routes[") for row, _ in refused.value.facts["faults"])
    routes = decision_store.editions_in_force(conn)["routes"].body["routes"]
    sent = [{**one, "department": "QS-HW", "assisting": []} for one in routes]
    decision_store.keep(conn, "routes", {"routes": sent}, "张局")
    standards_store.adopt(conn, own, "张局", NOW)
    assert set(decision_store.in_force(conn).departments) == {"QS-CG", "QS-HW"}


def test_the_whole_as_shown_can_be_compared_and_put_again(
    conn: Connection, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "standards.json"
    file.write_text(run(database_url, "show").stdout, "utf-8")
    assert "nothing changes" in run(database_url, "diff", str(file)).stdout
    assert run(database_url, "put", str(file), "--author", "a").returncode == 0
