"""The city's decisions as bodies: read, written, seeded; and refused whole, with row and reason."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.decisions import Decisions
from incidents.errors import CategoryUnknown, DecisionRefused
from incidents.standards import tables
from tests.incidents.builders import FLOOD, LITTER, the_decisions

RULE = {
    "kind": "threshold",
    "code": "water",
    "name_zh": "积水",
    "name_en": "water",
    "category": FLOOD,
    "metric": "road.water",
    "direction": "above",
    "raise": 15.0,
    "clear": 10.0,
}
COUNT = {
    **{k: v for k, v in RULE.items() if k != "clear"},
    "kind": "count",
    "times": 2,
    "within_s": 60,
}
REPORT = {
    "kind": "report",
    "code": "litter",
    "name_zh": "垃圾",
    "name_en": "litter",
    "categories": [LITTER],
}
ROUTE = {"code": "r1", "categories": [LITTER], "department": "CG"}
CALENDAR: dict[str, Any] = {
    "hours": [{"weekdays": ["mon"], "spans": ["08:00-12:00"], "on_holidays": True}],
    "days": [{"date": "2026-10-01", "kind": "holiday", "name": "国庆节", "source": "x"}],
    "stages": [{"stage": "dispatch", "amount": 1, "unit": "work_hour", "yellow": 0.5}],
    "confirmed_until": "2026-12-31",
}


def faults_of(kind: str, body: object) -> list[tuple[str, str]]:
    with pytest.raises(DecisionRefused) as refused:
        tables.read(kind, body)
    assert refused.value.zh
    assert refused.value.en
    return list(refused.value.facts["faults"])


@pytest.mark.parametrize("kind", tables.KINDS)
def test_the_seed_is_sound_and_comes_back_from_its_objects(kind: str) -> None:
    body = tables.seed()[kind]
    read = tables.read(kind, body)
    written = tables.write(kind, read)
    assert tables.read(kind, json.loads(json.dumps(written, ensure_ascii=False))) == read


COUNTING = {**REPORT, "kind": "count_events", "times": 3, "within_s": 600}


@pytest.mark.parametrize(
    "row",
    [
        COUNTING,
        {**COUNTING, "same_cell": True, "urgent": True},
        {**COUNTING, "metres": 50.0, "least_score": 0.5, "zones": ["路口"]},
        {**RULE, "clear_for_s": 30},
    ],
)
def test_a_rule_comes_back_from_its_object(row: dict[str, Any]) -> None:
    [rule] = tables.read("rules", {"rules": [row]})
    assert tables.read("rules", tables.write("rules", (rule,))) == (rule,)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"times": 1}, "times must not be under 2"),
        ({"times": 101}, "times must not be over 100"),
        ({"times": None}, "times is missing"),
        ({"within_s": 604_801}, "seven days"),
        ({"metres": 0}, "metres: over 0"),
        ({"metres": 5001}, "at most 5000"),
        ({"metres": 50, "same_cell": True}, "same_cell or metres, not both"),
        ({"categories": [], "kinds": ["smoke"]}, "categories are needed"),
        ({"category": "gb47678.5-2026/matter/06010"}, "unknown member category"),
        ({"least_score": 2}, "least_score should lie between 0 and 1"),
    ],
)
def test_an_unsound_counting_of_events_is_refused_with_row_and_reason(
    change: dict[str, Any], reason: str
) -> None:
    [(row, why)] = faults_of("rules", {"rules": [{**COUNTING, **change}]})
    assert row.startswith("rules[0]")
    assert reason in why


def test_the_seed_has_the_whole_of_the_standards_codes() -> None:
    keys = list(the_decisions().categories)
    for kind, count in (("component", 153), ("matter", 250)):
        assert sum(k.startswith(f"gb47678.5-2026/{kind}/") for k in keys) == count
    assert the_decisions().category(LITTER).name_zh == "暴露垃圾"
    assert the_decisions().category(LITTER).major == "市容环境类"


def test_every_rule_of_the_seed_says_where_its_level_comes_from() -> None:
    assert all(rule.basis for rule in the_decisions().book.series_rules)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"clear": 15.0}, "clear must be under raise"),
        ({"clear": 20.0}, "clear must be under raise"),
        ({"direction": "below"}, "clear must be over raise"),
        ({"direction": "sideways"}, "direction should be above or below"),
        ({"raise": None}, "raise is missing"),
        ({"raise": "15"}, "raise should be a number"),
        ({"raise": float("nan")}, "raise should be a number"),
        ({"raise": True}, "raise should be a number"),
        ({"metric": " "}, "metric should be a text"),
        ({"for_s": -1}, "for_s must not be under 0"),
        ({"for_s": 1.5}, "for_s should be a whole number"),
        ({"settle_s": 4000, "gap_s": 9000}, "settle_s must not be over 3600"),
        ({"settle_s": 60, "gap_s": 30}, "gap_s must not be under settle_s"),
        ({"gap_s": 0}, "gap_s must not be under 1"),
        ({"category": "06010"}, "not of the form"),
        ({"thrshold": 3}, "unknown member thrshold"),
        ({"kind": "magic"}, "not one of threshold, count, report"),
        ({"devices": "JS-0001"}, "devices should be a list of texts"),
        ({"urgent": "yes"}, "urgent should be true or false"),
    ],
)
def test_an_unsound_threshold_is_refused_with_row_and_reason(
    change: dict[str, Any], reason: str
) -> None:
    [(row, why)] = faults_of("rules", {"rules": [REPORT, {**RULE, **change}]})
    assert row == "rules[1] water"
    assert reason in why


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({**COUNT, "times": 0}, "times must not be under 1"),
        ({**COUNT, "times": 5000}, "times must not be over 1000"),
        ({**COUNT, "within_s": 0}, "within_s must not be under 1"),
        ({**COUNT, "clear": 3.0}, "unknown member clear"),
        ({**REPORT, "categories": []}, "one of categories, kinds, sources"),
        ({**REPORT, "least_score": 70}, "between 0 and 1"),
    ],
)
def test_unsound_counts_and_reports_are_refused(rule: dict[str, Any], reason: str) -> None:
    [(_, why)] = faults_of("rules", {"rules": [rule]})
    assert reason in why


def test_all_faults_are_said_at_once() -> None:
    faults = faults_of("rules", {"rules": [{**RULE, "raise": None}, {**RULE, "clear": 99}, "x"]})
    assert [row for row, _ in faults[:1]] == ["rules[0] water"]
    assert any(row == "rules[2]" for row, _ in faults)
    assert any("same code" in why for _, why in faults) or len(faults) >= 3


@pytest.mark.parametrize("kind", tables.KINDS)
@pytest.mark.parametrize("body", [None, [], "x", 3, {}, {"rules": 3, "routes": {}}])
def test_what_is_no_table_at_all_is_refused(kind: str, body: object) -> None:
    with pytest.raises(DecisionRefused):
        tables.read(kind, body)


def test_a_kind_nobody_knows_is_refused() -> None:
    with pytest.raises(DecisionRefused):
        tables.read("horoscope", {})


def test_a_code_stands_once() -> None:
    [(row, why)] = faults_of("routes", {"routes": [ROUTE, ROUTE]})
    assert row == "routes[1] r1"
    assert "routes[0] r1" in why


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"department": None}, "department is missing"),
        ({"limit_minutes": 0}, "limit_minutes must not be under 1"),
        ({"automatic": 1}, "automatic should be true or false"),
    ],
)
def test_an_unsound_route_is_refused(change: dict[str, Any], reason: str) -> None:
    [(_, why)] = faults_of("routes", {"routes": [{**ROUTE, **change}]})
    assert reason in why


def standards(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "categories": [{"key": LITTER, "zh": "暴露垃圾"}],
        "nearby": [{"categories": ["*"], "metres": 50, "within_minutes": 60}],
        "departments": [{"code": "CG", "zh": "城管局"}],
        "unsorted": LITTER,
    }
    return {**body, **changes}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"unsorted": FLOOD}, "should be one of the categories"),
        ({"categories": [{"key": LITTER, "zh": "甲"}, {"key": LITTER, "zh": "乙"}]}, "same key"),
        ({"departments": [{"code": "CG", "zh": "城管局", "parent": "X"}]}, "no department X"),
        ({"nearby": [{"categories": ["*"], "metres": 5000, "within_minutes": 9}]}, "at most 1000"),
        ({"nearby": [{"categories": ["*"], "metres": 50}]}, "within_minutes is missing"),
    ],
)
def test_unsound_standards_are_refused(changes: dict[str, Any], reason: str) -> None:
    assert any(reason in why for _, why in faults_of("standards", standards(**changes)))


def test_decisions_must_fit_each_other() -> None:
    bodies = copy.deepcopy(tables.seed())
    bodies["routes"] = {"routes": [{**ROUTE, "department": "NASA"}]}
    bodies["rules"] = {
        "rules": [{**RULE, "category": "local/matter/00000"}, {**REPORT, "categories": ["x*"]}]
    }
    with pytest.raises(DecisionRefused) as refused:
        tables.decide(bodies, {}, "99", "Asia/Atlantis")
    rows = [row for row, _ in refused.value.facts["faults"]]
    assert rows == ["region", "time_zone", "rules[0] water", "rules[1] litter", "routes[0] r1"]


def test_nearness_is_the_first_row_that_fits() -> None:
    decisions = the_decisions()
    noise = decisions.nearby_of("gb47678.5-2026/matter/06028")
    assert noise is not None
    assert noise.metres == 100
    assert decisions.nearby_of("local/matter/11003") is None
    assert decisions.nearby_of("nowhere/matter/1") is None


def test_a_category_is_found_or_named_unknown() -> None:
    with pytest.raises(CategoryUnknown):
        the_decisions().category("gb47678.5-2026/matter/77777")
    with pytest.raises(CategoryUnknown):
        the_decisions().category("litter")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 99999) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.sampled_from(tables.KINDS), st.data())
def test_any_damage_to_a_sound_body_is_read_or_refused_but_never_a_crash(
    kind: str, data: st.DataObject
) -> None:
    body: dict[str, dict[str, Any]] = {
        "rules": {"rules": [RULE, COUNT, REPORT]},
        "routes": {"routes": [ROUTE]},
        "standards": standards(),
        "calendar": CALENDAR,
    }
    damaged: dict[str, Any] = copy.deepcopy(body[kind])
    member = data.draw(st.sampled_from(sorted(damaged)))
    rows = damaged[member]
    if isinstance(rows, list) and data.draw(st.booleans()):
        row = data.draw(st.sampled_from(rows))
        row[data.draw(st.sampled_from(sorted(row)))] = data.draw(JSON)
    else:
        damaged[member] = data.draw(JSON)
    read = _read_or_refused(kind, damaged)
    if read is not None:
        assert tables.read(kind, tables.write(kind, read)) == read


def _read_or_refused(kind: str, body: dict[str, Any]) -> Any:
    """None when refused; a refusal names its faults."""
    try:
        return tables.read(kind, body)
    except DecisionRefused as refused:
        if not refused.facts["faults"]:
            raise
        return None


def test_decisions_are_whole_objects() -> None:
    assert isinstance(the_decisions(), Decisions)
    assert the_decisions().editions == {"rules": 1, "routes": 1, "standards": 1}
