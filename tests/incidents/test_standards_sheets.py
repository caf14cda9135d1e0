"""The standards as sheets: out and in again exactly, the difference told row by row, every fault with its cell."""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents.errors import DecisionRefused
from incidents.standards import tables
from incidents.standards.category_tables import unclean
from incidents.standards.difference import Change, difference
from incidents.standards.grids import Grid, as_csv, as_workbook, read
from incidents.standards.revision import Terms, revise
from incidents.standards.sheets import CONDITIONS, FORMS, Cell, form, table

LAST_DAY = date(2026, 11, 30)
ROADS, DIRT, BINS = (f"gb47678.5-2026/matter/{code}" for code in ("06013", "06012", "06042"))


@dataclass(frozen=True)
class Told:
    """What is referred to, as a test says it."""

    keys: frozenset[str] = frozenset()
    pairs: frozenset[tuple[str, str]] = frozenset()
    codes: frozenset[str] = frozenset()

    def categories(self, keys: Collection[str]) -> Collection[str]:
        return self.keys.intersection(keys)

    def conditions(self, pairs: Collection[tuple[str, str]]) -> Collection[tuple[str, str]]:
        return self.pairs.intersection(pairs)

    def departments(self, codes: Collection[str]) -> Collection[str]:
        return self.codes.intersection(codes)


def a_condition(code: str = "1", amount: float = 4, unit: str = "work_hour") -> dict[str, Any]:
    return {
        "code": code,
        "zh": f"情形{code}",
        "limit": {"amount": amount, "unit": unit},
        "closing": "已修复",
        "basis": "本市",
    }


def a_body() -> dict[str, Any]:
    """A small city: three categories and an old one, two departments."""
    body = {
        "categories": [
            {"key": ROADS, "zh": "道路破损", "en": "damaged road", "responsible": "SZ"},
            {"key": DIRT, "zh": "道路不洁", "conditions": [a_condition()]},
            {
                "key": BINS,
                "zh": "垃圾满溢",
                "conditions": [a_condition("1"), a_condition("2", 0.5, "day")],
            },
            {"key": "old/matter/0113", "zh": "路面破损", "valid_to": "2026-06-30"},
        ],
        "correspondences": [{"from": "old/matter/0113", "to": ROADS, "likeness": "near_name"}],
        "nearby": [{"categories": ["*"], "metres": 50, "within_minutes": 60}],
        "departments": [
            {"code": "SZ", "zh": "市政处"},
            {"code": "HW", "zh": "环卫处", "parent": "SZ"},
        ],
        "unsorted": ROADS,
    }
    return tables.write("standards", tables.read("standards", body))


def a_grid(sheet: str, body: dict[str, Any] | None = None) -> list[list[Cell]]:
    """One sheet of the small city, to be changed."""
    return [list(row) for row in table(body or a_body(), form(sheet))]


def laid(
    rows: list[list[Cell]], *, partial: bool = False, told: Told | None = None
) -> dict[str, Any]:
    """The small city after a file of one sheet."""
    grid = Grid("表", tuple(tuple(row) for row in rows))
    return revise(a_body(), [grid], Terms(told or Told(), LAST_DAY, partial))


def faults(rows: list[list[Cell]], **how: Any) -> list[tuple[str, str]]:
    with pytest.raises(DecisionRefused) as refused:
        laid(rows, **how)
    return list(refused.value.facts["faults"])


def seed() -> dict[str, Any]:
    return tables.write("standards", tables.read("standards", tables.seed()["standards"]))


def test_the_whole_seed_goes_out_as_excel_and_comes_back_the_same() -> None:
    body = seed()
    data = as_workbook({one.zh: table(body, one) for one in FORMS})
    assert revise(body, read(data), Terms(Told(), LAST_DAY)) == body


@pytest.mark.parametrize("sheet", [one.code for one in FORMS])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_each_sheet_of_the_seed_goes_out_as_csv_and_comes_back_the_same(
    sheet: str, encoding: str
) -> None:
    body = seed()
    text = as_csv(table(body, form(sheet))).decode("utf-8-sig")
    assert revise(body, read(text.encode(encoding)), Terms(Told(), LAST_DAY)) == body


TEXTS = st.text(max_size=12).map(str.strip).filter(lambda text: unclean(text) is None)
WORDS = TEXTS.filter(bool)
NAMES = st.text("=+-@'\"，,;中A0", min_size=1, max_size=5)
ROW = st.fixed_dictionaries(
    {
        "code": NAMES,
        "zh": WORDS,
        "limit": st.fixed_dictionaries(
            {
                "amount": st.integers(1, 9999)
                | st.integers(1, 99_999_999).map(lambda n: n / 10_000),
                "unit": st.sampled_from(["urgent_hour", "work_hour", "work_day", "day"]),
            }
        ),
        "closing": WORDS,
        "en": TEXTS,
        "basis": TEXTS,
    }
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(st.lists(ROW, max_size=3, unique_by=lambda row: str(row["code"])), WORDS, TEXTS)
def test_whatever_a_city_writes_comes_back_from_excel_and_csv_as_it_was(
    conditions: list[dict[str, Any]], zh: str, major: str
) -> None:
    body = a_body()
    body["categories"][1] |= {"zh": zh, "major": major, "conditions": conditions}
    body = tables.write("standards", tables.read("standards", body))
    terms = Terms(Told(), LAST_DAY)
    book = as_workbook({one.zh: table(body, one) for one in FORMS})
    assert revise(body, read(book), terms) == body
    for one in FORMS:
        assert revise(body, read(as_csv(table(body, one))), terms) == body


def test_a_csv_cell_that_looks_like_a_formula_is_quoted_and_read_back() -> None:
    body = a_body()
    body["categories"][0]["en"] = '=HYPERLINK("http://x")'
    body["categories"][1]["en"] = "'tis"
    data = as_csv(table(body, form("categories")))
    assert "\"'=HYPERLINK" in data.decode("utf-8-sig")
    assert revise(body, read(data), Terms(Told(), LAST_DAY)) == body


def test_the_difference_tells_each_row_and_column() -> None:
    after = copy.deepcopy(a_body())
    after["categories"][0]["zh"] = "路面坏了"
    after["categories"][1]["conditions"][0]["limit"] = {"amount": 2, "unit": "work_day"}
    after["categories"][2]["valid_to"] = "2026-12-31"
    after["categories"].append({"key": "local/matter/1", "zh": "新类"})
    after["correspondences"] = []
    found = difference(a_body(), after)
    told = {(row.sheet, row.key, row.change): row.cells for row in found.rows}
    assert told == {
        ("categories", ROADS, Change.CHANGED): (("名称 zh", "道路破损", "路面坏了"),),
        ("categories", BINS, Change.CLOSED): (("停用日 valid_to", "", "2026-12-31"),),
        ("categories", "local/matter/1", Change.ADDED): (
            ("编码体系 code_set", "", "local"),
            ("部件/事项 kind", "", "事项"),
            ("编码 code", "", "1"),
            ("名称 zh", "", "新类"),
        ),
        ("conditions", f"{DIRT}/1", Change.CHANGED): (
            ("时限 amount", "4", "2"),
            ("单位 unit", "工作时", "工作日"),
        ),
        ("correspondences", "old/matter/0113/gb47678.5-2026", Change.REMOVED): (
            ("原编码体系 from_set", "old", ""),
            ("原部件/事项 from_kind", "事项", ""),
            ("原编码 from_code", "0113", ""),
            ("现编码体系 to_set", "gb47678.5-2026", ""),
            ("现部件/事项 to_kind", "事项", ""),
            ("现编码 to_code", "06013", ""),
            ("对应程度 likeness", "措辞不同，所指相同", ""),
        ),
    }
    counts = found.counted()
    assert counts["categories"] == {
        "added": 1, "changed": 1, "closed": 1, "removed": 0, "unchanged": 2,
    }  # fmt: skip
    assert counts["conditions"]["unchanged"] == 2
    assert found.others == ()


def test_what_is_no_sheet_is_named_when_it_differs_and_so_is_another_first_condition() -> None:
    after = copy.deepcopy(a_body())
    after["unsorted"] = DIRT
    after["categories"][2]["conditions"].reverse()
    found = difference(a_body(), after)
    assert (found.rows, found.others) == ((), ("unsorted", "order of conditions"))


def test_a_category_nothing_refers_to_is_removed_and_one_in_use_is_closed() -> None:
    rows = [row for row in a_grid("categories") if row[2] not in {"06012", "06042"}]
    after = laid(rows, told=Told(keys=frozenset({DIRT})))
    by_key = {row["key"]: row for row in after["categories"]}
    assert BINS not in by_key
    assert by_key[DIRT]["valid_to"] == "2026-11-30"
    assert by_key[DIRT]["conditions"] == a_body()["categories"][1]["conditions"]


def test_an_earlier_last_day_stays() -> None:
    rows = [row for row in a_grid("categories") if row[0] != "old"]
    after = laid(rows)
    assert {r["key"]: r.get("valid_to") for r in after["categories"]}[
        "old/matter/0113"
    ] == "2026-06-30"


def test_the_category_of_the_unsorted_is_never_removed() -> None:
    rows = [row for row in a_grid("categories") if row[2] != "06013"]
    assert ROADS in {row["key"] for row in laid(rows)["categories"]}


def test_a_part_leaves_alone_what_it_does_not_name() -> None:
    head, *rest = a_grid("conditions")
    row = next(row for row in rest if row[2] == "06012")
    new = [*row[:3], "2", "大片污物", 1, "工作日", "清扫干净", "", ""]
    after = laid([head, new], partial=True)
    by_key = {r["key"]: [c["code"] for c in r.get("conditions", ())] for r in after["categories"]}
    assert by_key == {ROADS: [], DIRT: ["1", "2"], BINS: ["1", "2"], "old/matter/0113": []}
    whole = laid([head, new])
    assert [len(r.get("conditions", ())) for r in whole["categories"]] == [0, 1, 0, 0]


def test_a_condition_incidents_were_filed_by_cannot_go_but_may_change() -> None:
    head, *rest = a_grid("conditions")
    told = Told(pairs=frozenset({(BINS, "2")}))
    [(where, why)] = faults([head, *(row for row in rest if row[3] != "2")], told=told)
    assert where == f"立案条件 {BINS} 2"
    assert "cannot go" in why
    for row in rest:
        row[5] = 9
    assert laid([head, *rest], told=told)["categories"][2]["conditions"][1]["limit"]["amount"] == 9


def test_a_department_somebody_belongs_to_cannot_go() -> None:
    rows = [row for row in a_grid("departments") if row[0] != "HW"]
    assert [d["code"] for d in laid(rows)["departments"]] == ["SZ"]
    [(where, _)] = faults(rows, told=Told(codes=frozenset({"HW"})))
    assert where == "部门 HW"


def test_members_no_sheet_knows_stay_with_their_row_and_with_the_edition() -> None:
    body = {**a_body(), "policy": {"max_extensions": 2}}
    body["departments"][0]["phone"] = "12319"
    rows = tuple(tuple(row) for row in a_grid("departments"))
    after = revise(body, [Grid("", rows)], Terms(Told(), LAST_DAY))
    assert after["policy"] == {"max_extensions": 2}
    assert after["departments"][0]["phone"] == "12319"


@pytest.mark.parametrize(
    ("sheet", "column", "cell", "where", "reason"),
    [
        ("conditions", 5, -4, "表!F2 时限 amount", "a limit is over 0"),
        ("conditions", 5, 0, "表!F2 时限 amount", "a limit is over 0"),
        ("conditions", 5, 10_001, "表!F2 时限 amount", "at most 10000"),
        ("conditions", 5, 0.00001, "表!F2 时限 amount", "at most 4 decimals"),
        ("conditions", 5, "四", "表!F2 时限 amount", "is not a number"),
        ("conditions", 5, "nan", "表!F2 时限 amount", "is not a number"),
        ("conditions", 5, True, "表!F2 时限 amount", "is not a number"),
        ("conditions", 5, None, "表!F2 时限 amount", "is empty"),
        ("conditions", 6, "小时", "表!G2 单位 unit", "none of urgent_hour"),
        ("conditions", 6, 3, "表!G2 单位 unit", "none of urgent_hour"),
        ("conditions", 4, "坏\x07了", "表!E2 立案条件 zh", "control character U+0007"),
        ("conditions", 4, "长" * 2001, "表!E2 立案条件 zh", "longer than 2000"),
        ("conditions", 4, 12.5, "表!E2 立案条件 zh", "should be a text"),
        ("conditions", 2, 6012.0, "表!C2 编码 code", "lost its leading zeros"),
        ("conditions", 2, "99999", "表!C2 编码 code", "there is no category"),
        ("conditions", 1, "案件", "表!B2 部件/事项 kind", "none of component"),
        ("categories", 6, "NASA", "表!G2 主管部门 responsible", "there is no department NASA"),
        ("categories", 7, "明年", "表!H2 启用日 valid_from", "is no day"),
        ("categories", 7, "2026-02-30", "表!H2 启用日 valid_from", "is no day"),
        ("categories", 3, "", "表!D2 名称 zh", "is empty"),
        ("categories", 2, "06 13", "表!C2 编码 code", "no blanks"),
        ("categories", 0, "gb/t", "表!A2 编码体系 code_set", "no blanks, / or *"),
        ("correspondences", 2, "0999", "表!C2 原编码 from_code", "there is no category"),
        ("correspondences", 5, "00000", "表!F2 现编码 to_code", "there is no category"),
        ("correspondences", 5, None, "表!E2 现部件/事项 to_kind", "go together"),
        ("correspondences", 6, "无对应", "表!G2 对应程度 likeness", "empty new code"),
        ("correspondences", 6, "差不多", "表!G2 对应程度 likeness", "none of same_name"),
        ("departments", 3, "X", "表!D2 上级部门 parent", "there is no department X"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_is_refused_with_its_place_and_reason(
    sheet: str, column: int, cell: Cell, where: str, reason: str
) -> None:
    rows = a_grid(sheet)
    rows[1][column] = cell
    found = faults(rows)
    assert [place for place, _ in found][:1] == [where]
    assert reason in found[0][1]


def test_the_last_day_before_the_first_is_refused() -> None:
    rows = a_grid("categories")
    rows[1][7:9] = [date(2026, 7, 1), "2026/6/30"]
    [(where, why)] = faults(rows)
    assert where == "表!I2 停用日 valid_to"
    assert "lies before" in why


def test_a_row_that_stands_twice_is_refused_naming_the_other() -> None:
    rows = a_grid("conditions")
    [(where, why)] = faults([*rows, rows[1]])
    assert where == "表!D5 条件编号 condition"
    assert "the same as row 2" in why


def test_all_faults_of_a_file_are_said_at_once() -> None:
    rows = a_grid("conditions")
    for row in rows[1:]:
        row[5], row[6] = -1, "年"
    assert len(faults(rows)) == 2 * 3


@pytest.mark.parametrize(
    ("change", "where", "reason"),
    [
        ({0: "体系"}, "表!A1", "unknown heading"),
        ({0: None}, "表!1", "heading code_set is missing"),
        ({9: "时限"}, "表!J1", "stands twice"),
        (dict.fromkeys(range(10), "x"), "表!1", "row 1 holds no headings"),
    ],
)
def test_headings_nobody_knows_are_refused(
    change: dict[int, Cell], where: str, reason: str
) -> None:
    rows = a_grid("conditions")
    for x, cell in change.items():
        rows[0][x] = cell
    found = faults(rows)
    assert (where, True) in [(place, reason in why) for place, why in found]


def test_something_outside_the_headings_is_refused_not_lost() -> None:
    rows = a_grid("departments")
    rows[1].append("备注")
    assert faults(rows)[0][0] == "表!E2"


def test_headings_are_known_in_either_language_and_any_order_and_empty_rows_are_passed_over() -> (
    None
):
    head, *rest = a_grid("conditions")
    order = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    names = [str(cell).split()[0 if x % 2 else 1] for x, cell in enumerate(head)]
    rows: list[list[Cell]] = [[names[x] for x in order], [None] * 10]
    rows += [[row[x] for x in order] for row in rest]
    assert laid([*rows, ["", " "]]) == a_body()


def test_two_sheets_of_one_sort_and_files_without_rows_are_refused() -> None:
    grid = Grid("一", tuple(tuple(row) for row in a_grid("departments")))
    terms = Terms(Told(), LAST_DAY)
    with pytest.raises(DecisionRefused, match="两张"):
        revise(a_body(), [grid, Grid("二", grid.rows)], terms)
    for empty in ([], [Grid("空", ())], [Grid("说明", (("随便写",),))]):
        with pytest.raises(DecisionRefused, match="没有一行"):
            revise(a_body(), empty, terms)


def test_the_base_is_left_as_it_was() -> None:
    body = a_body()
    before = copy.deepcopy(body)
    rows = tuple(tuple(row) for row in a_grid("conditions")[:1])
    after = revise(body, [Grid("", rows)], Terms(Told(), LAST_DAY))
    assert all("conditions" not in row for row in after["categories"])
    assert body == before


def test_numbers_and_days_of_a_csv_are_read_like_those_of_a_workbook() -> None:
    rows = a_grid("conditions")
    rows[1][5] = "0.25"
    after = laid(rows)
    assert after["categories"][1]["conditions"][0]["limit"] == {"amount": 0.25, "unit": "work_hour"}
    days = a_grid("categories")
    days[1][7:9] = ["2026/7/1", "2026年12月5日"]
    assert laid(days)["categories"][0]["valid_to"] == "2026-12-05"
    assert CONDITIONS.column("amount").heading == "时限 amount"
