"""Three code sets side by side, what took the place of which judged by name, validity, conditions, responsible bodies."""

from __future__ import annotations

import unicodedata
from collections import Counter
from datetime import UTC, date, datetime

import pytest

from incidents.calendar import Unit
from incidents.category import Category, CategoryKey, Kind
from incidents.decisions import Decisions
from incidents.equivalents import Correspondence, Likeness, Outcome, equivalent
from incidents.errors import CategoryUnknown
from incidents.standards import tables
from tests.incidents.builders import LITTER, the_decisions

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
NEW, OLD, OLDEST = "gb47678.5-2026", "gb30428.2-2013", "cjt214"
MAJORS = {"01": "06", "02": "07", "03": "08", "04": "09"}
"""The rule of thumb for matters: old major to new (domain facts; proved by name below)."""


def decisions() -> Decisions:
    return the_decisions()


def rows() -> list[Correspondence]:
    return [row for found in decisions().correspondences.values() for row in found]


def name(key: str) -> str:
    return unicodedata.normalize("NFKC", decisions().categories[key].name_zh)


def alike(one: str, other: str) -> float:
    """Share of the characters two names have in common, brackets and commas aside."""
    here, there = (Counter(c for c in text if c.isalnum()) for text in (one, other))
    return 2 * sum((here & there).values()) / (sum(here.values()) + sum(there.values()))


def by_rule(key: CategoryKey) -> str | None:
    """Where the rule of thumb would put a code of the older shape: BBSS -> BB0SS, matters by their major."""
    major = key.code[:2] if key.kind is Kind.COMPONENT else MAJORS.get(key.code[:2])
    return f"{NEW}/{key.kind}/{major}0{key.code[2:]}" if major else None


def test_three_code_sets_and_the_city_s_own_stand_side_by_side() -> None:
    counted = Counter((c.key.code_set, str(c.key.kind)) for c in decisions().categories.values())
    assert counted == {
        (NEW, "component"): 153,
        (NEW, "matter"): 250,
        (OLD, "component"): 92,
        (OLD, "matter"): 98,
        (OLDEST, "component"): 80,
        ("local", "matter"): 6,
    }


def test_one_code_means_different_things_in_different_sets_and_kinds() -> None:
    names = {name(f"{NEW}/{kind}/01001") for kind in Kind}
    assert names == {"供水井盖", "供水井盖异常"}
    assert (name(f"{OLD}/component/0114"), name(f"{OLDEST}/component/0114")) == (
        "园林井盖",
        "无主井盖",
    )


def test_an_older_set_ended_when_the_next_one_began() -> None:
    sets = {(c.key.code_set, c.valid_from, c.valid_to) for c in decisions().categories.values()}
    assert sets == {
        (NEW, date(2026, 7, 1), None),
        (OLD, None, date(2026, 6, 30)),
        (OLDEST, None, date(2013, 12, 31)),
        ("local", None, None),
    }


def test_what_is_called_the_same_is_the_same_name() -> None:
    same = [row for row in rows() if row.likeness is Likeness.SAME_NAME]
    assert [r for r in same if r.new is None or name(r.old) != name(r.new)] == []
    assert len(same) == 206


def test_what_is_called_nearly_the_same_shares_at_least_half_its_characters() -> None:
    near = [row for row in rows() if row.likeness is Likeness.NEAR_NAME]
    low = [
        (name(r.old), name(r.new or ""))
        for r in near
        if alike(name(r.old), name(r.new or "")) < 0.5
    ]
    assert low == []
    assert len(near) == 40


def test_what_became_part_of_a_wider_class_is_listed_one_by_one() -> None:
    wider = {(name(r.old), name(r.new or "")) for r in rows() if r.likeness is Likeness.WIDER}
    assert wider == {
        ("商业噪音", "噪声扰民"),
        ("无障碍坡道及盲道", "无障碍设施"),
        ("边绿地(人行道绿地)", "绿地"),
        ("民用水井", "水井"),
        ("交通标志牌", "交通标志牌及标线"),
    }


def test_no_equivalent_is_said_only_where_no_code_in_force_has_the_name() -> None:
    today = {
        (c.key.kind, name(key)) for key, c in decisions().categories.items() if c.holds(NOW.date())
    }
    none = [row for row in rows() if row.likeness is Likeness.NONE]
    kinds = {row.old: decisions().categories[row.old].key.kind for row in none}
    assert [row.old for row in none if (kinds[row.old], name(row.old)) in today] == []
    assert len(none) == 54


def test_a_correspondence_keeps_components_components_and_matters_matters() -> None:
    kinds = {(r.old.split("/")[1], r.new.split("/")[1]) for r in rows() if r.new}
    assert kinds == {("component", "component"), ("matter", "matter")}


def test_every_code_that_ended_is_judged() -> None:
    ended = {key for key, c in decisions().categories.items() if c.ended(NOW.date())}
    assert ended - decisions().correspondences.keys() == set()
    assert len(ended) == 92 + 98 + 80


def test_the_rule_of_thumb_holds_for_the_2013_shape_as_often_as_counted_and_not_for_cjt_214() -> (
    None
):
    """Sub-codes from 78 are a city's own, counted down: no rule speaks of them."""
    told: dict[str, Counter[str]] = {OLD: Counter(), OLDEST: Counter()}
    for key, found in decisions().correspondences.items():
        code = decisions().categories[key].key
        target = by_rule(code)
        if int(code.code[2:]) >= 78 or target is None:
            continue
        row = next((one for one in found if one.new and one.new.startswith(NEW)), None)
        if row is None:
            told[code.code_set]["no equivalent"] += 1
        elif row.new == target:
            told[code.code_set][str(row.likeness)] += 1
        else:
            told[code.code_set]["elsewhere"] += 1
    assert told[OLD] == {
        "same_name": 97,
        "near_name": 16,
        "wider": 1,
        "no equivalent": 5,
        "elsewhere": 3,
    }
    assert told[OLDEST]["elsewhere"] > told[OLDEST]["same_name"]


@pytest.mark.parametrize(
    ("key", "outcome", "today"),
    [
        (f"{OLD}/matter/0110", Outcome.MAPPED, LITTER),
        (f"{OLD}/matter/0506", Outcome.MAPPED, "local/matter/11001"),
        (f"{OLD}/matter/0505", Outcome.NO_MAPPING, None),
        (f"{OLDEST}/component/0118", Outcome.MAPPED, f"{NEW}/component/01037"),
        (f"{OLDEST}/component/0602", Outcome.NO_MAPPING, None),
        (LITTER, Outcome.ITSELF, LITTER),
        ("nowhere/matter/1", Outcome.UNKNOWN, None),
    ],
)
def test_a_code_is_known_by_what_it_is_called_today(
    key: str, outcome: Outcome, today: str | None
) -> None:
    found = decisions().equivalent(key, NOW)
    assert (found.outcome, found.key) == (outcome, today)
    assert found.zh
    assert found.en


def test_today_is_the_day_that_is_asked_about() -> None:
    key = f"{OLDEST}/component/0118"
    in_2012 = decisions().equivalent(key, datetime(2012, 1, 1, tzinfo=UTC))
    in_2015 = decisions().equivalent(key, datetime(2015, 1, 1, tzinfo=UTC))
    assert (in_2012.outcome, in_2012.key) == (Outcome.ITSELF, key)
    assert (in_2015.outcome, in_2015.key) == (Outcome.MAPPED, f"{OLD}/component/0137")


def test_the_last_day_is_the_city_s_day_and_belongs_to_it() -> None:
    key = f"{OLD}/matter/0110"
    late = datetime(2026, 6, 30, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    over = datetime(2026, 6, 30, 16, 0, tzinfo=UTC)
    assert decisions().fileable(key, late).name_zh == "暴露生活垃圾"
    with pytest.raises(CategoryUnknown) as refused:
        decisions().fileable(key, over)
    assert refused.value.facts["equivalent"] == LITTER
    assert "06010" in refused.value.zh
    with pytest.raises(CategoryUnknown, match="2026-07-01"):
        decisions().fileable(LITTER, late)
    assert decisions().fileable(LITTER, over).key.code == "06010"


def a_category(key: str, *, ends: date | None = None) -> Category:
    return Category(CategoryKey.parse(key), key, "", valid_to=ends)


def test_equivalents_are_followed_through_sets_and_a_circle_ends() -> None:
    past = date(2000, 1, 1)
    categories = {k: a_category(k, ends=past) for k in ("a/matter/1", "b/matter/1")}
    categories["c/matter/1"] = a_category("c/matter/1")
    there = Correspondence("a/matter/1", "b/matter/1", Likeness.SAME_NAME)
    back = Correspondence("b/matter/1", "a/matter/1", Likeness.SAME_NAME)
    on = Correspondence("b/matter/1", "c/matter/1", Likeness.WIDER)
    circle = {"a/matter/1": (there,), "b/matter/1": (back,)}
    assert equivalent("a/matter/1", NOW.date(), categories, circle).outcome is Outcome.UNDECIDED
    found = equivalent("a/matter/1", NOW.date(), categories, circle | {"b/matter/1": (back, on)})
    assert (found.key, found.through) == ("c/matter/1", (there, on))


def test_common_categories_have_filing_conditions_in_every_unit() -> None:
    with_conditions = [c for c in decisions().categories.values() if c.conditions]
    matters = [c for c in with_conditions if c.key.kind is Kind.MATTER]
    assert len(matters) >= 120
    assert {one.limit.unit for c in with_conditions for one in c.conditions} == set(Unit)
    several = [c for c in with_conditions if len(c.conditions) > 1]
    assert len(several) > len(with_conditions) / 2
    for category in with_conditions:
        assert len({one.code for one in category.conditions}) == len(category.conditions)
        assert all(one.basis and one.text_en and one.closing_zh for one in category.conditions)


def test_a_condition_is_found_by_its_code_and_the_first_holds_without_one() -> None:
    cover = decisions().category(f"{NEW}/matter/01001")
    first, second = cover.condition(None), cover.condition("2")
    assert first is cover.conditions[0]
    assert first is not None
    assert second is not None
    assert (first.limit.zh, second.limit.zh) == ("2 紧急工作时", "4 工作时")
    assert cover.condition("99") is None


def test_every_category_answers_to_a_department_of_the_city() -> None:
    departments = decisions().departments
    assert [k for k, c in decisions().categories.items() if c.responsible not in departments] == []


def test_an_older_code_answers_to_the_body_of_the_code_that_took_its_place() -> None:
    for row in rows():
        found = decisions().equivalent(row.old, NOW)
        if found.key is not None:
            old, new = (decisions().categories[key] for key in (row.old, found.key))
            assert old.responsible == new.responsible, row


def test_an_edition_from_before_conditions_and_correspondences_still_holds() -> None:
    body = tables.seed()["standards"]
    plain = {
        **{member: body[member] for member in ("nearby", "departments", "unsorted")},
        "categories": [
            {member: row[member] for member in ("key", "zh", "en", "major")}
            for row in body["categories"]
        ],
    }
    found = tables.decide({**tables.seed(), "standards": plain}, {})
    assert found.category(LITTER).conditions == ()
    assert found.equivalent(LITTER, NOW).outcome is Outcome.ITSELF
