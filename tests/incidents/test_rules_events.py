"""Judging single events: the first rule that speaks and is satisfied, scores and zones, people, verdicts as events."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grid.coordinates import Datum, Position
from incidents.event import Event, Place
from incidents.lifecycle import State
from incidents.rules import RuleBook, judge_event
from incidents.rules_book import ReportRule
from incidents.rules_events import why_filtered
from tests.incidents.builders import (
    LAT,
    LITTER,
    LON,
    NOISE,
    a_place,
    a_report,
    a_verdict,
    an_event,
    the_decisions,
)

ZONED = ReportRule(
    code="zoned",
    name_zh="分区",
    name_en="zoned",
    categories=(LITTER,),
    least_score=0.7,
    zones=frozenset({"人行道", "路口"}),
    urgent=True,
)
ANY = ReportRule(
    code="any", name_zh="任何", name_en="any", categories=("gb47678.5-2026/matter/06*",)
)


def judged(event: Event, *rules: ReportRule) -> tuple[bool, str | None]:
    verdict = judge_event(event, RuleBook.of(3, rules, {}))
    return verdict.opens, verdict.rule


@pytest.mark.parametrize(
    ("score", "zones", "opens"),
    [
        (0.7, ("路口",), True),
        (0.69, ("路口",), False),
        (None, ("路口",), False),
        (0.9, ("机动车道", "人行道"), True),
        (0.9, ("机动车道",), False),
        (0.9, (), False),
    ],
)
def test_video_needs_its_score_and_one_of_the_zones(
    score: float | None, zones: tuple[str, ...], opens: bool
) -> None:
    assert judged(an_event(score=score, zones=zones), ZONED)[0] is opens


def test_the_first_satisfied_rule_decides() -> None:
    sure = an_event(score=0.9, zones=("路口",))
    assert judged(sure, ZONED, ANY) == (True, "zoned")
    assert judged(an_event(score=0.1), ZONED, ANY) == (True, "any")


def test_of_unsatisfied_rules_each_says_why() -> None:
    verdict = judge_event(an_event(score=0.5), RuleBook.of(3, [ZONED], {}))
    assert not verdict.opens
    assert "zoned" in verdict.why
    assert "0.5" in verdict.why


def test_where_no_rule_speaks_that_is_said() -> None:
    verdict = judge_event(an_event(category=NOISE), RuleBook.of(3, [ZONED], {}))
    assert NOISE in verdict.why
    assert "no rule asks" in verdict.why


def test_a_category_no_code_set_has_is_the_first_reason_said() -> None:
    event = an_event(category="gb47678.5-2026/matter/99999")
    why = why_filtered(event, "没有规则 / no rule asks", the_decisions().categories)
    assert why.startswith("编码体系中没有类别 gb47678.5-2026/matter/99999")
    assert "correct the source's code" in why
    assert "no rule asks" in why


def test_exchanged_longitude_and_latitude_are_the_first_reason_said() -> None:
    swapped = Place(Position(LAT, LON, Datum.WGS84), swapped=True)
    why = why_filtered(an_event(place=swapped), "没有规则", the_decisions().categories)
    assert why.startswith("经纬度似乎颠倒")
    assert "send it again" in why


def test_a_sound_event_is_filtered_for_what_the_rules_say_alone() -> None:
    assert why_filtered(an_event(), "没有规则", the_decisions().categories) == "没有规则"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (a_place(), "上报位置"),
        (replace(a_place(), device="d-7"), "固定设备登记位置 d-7"),
        (a_place(cell_code=None), "outside every cell"),
        (Place(), "未给出位置"),
        (Place(device="d-7"), "没有登记位置"),
        (Place(Position(LAT, LON, Datum.WGS84), swapped=True), "经纬度似乎颠倒"),
    ],
)
def test_a_place_says_why_it_has_its_cell_or_none(place: Place, said: str) -> None:
    assert said in place.why
    assert " / " in place.why


def test_kind_source_and_area_narrow_a_rule() -> None:
    rule = ReportRule(
        "r",
        "规则",
        "rule",
        category=LITTER,
        kinds=("exposed_*",),
        sources=("cam-*",),
        areas=("990102",),
    )
    assert judged(an_event(category=None), rule) == (True, "r")
    assert not judged(an_event(kind="vendor"), rule)[0]
    assert not judged(an_event(source="radar-1"), rule)[0]
    assert not judged(an_event(place=a_place(cell_code="99010300100101")), rule)[0]
    assert not judged(an_event(place=a_place(cell_code=None)), rule)[0]


def test_the_rules_category_serves_where_the_event_has_none() -> None:
    rule = ReportRule("r", "规则", "rule", category=NOISE, kinds=("exposed_litter",))
    assert judge_event(an_event(category=None), RuleBook.of(1, [rule], {})).category == NOISE
    assert judge_event(an_event(), RuleBook.of(1, [rule], {})).category == LITTER


def test_without_any_category_nothing_can_be_opened() -> None:
    rule = ReportRule("r", "规则", "rule", kinds=("exposed_litter",))
    verdict = judge_event(an_event(category=None), RuleBook.of(1, [rule], {}))
    assert not verdict.opens
    assert "类别" in verdict.why


def test_a_person_is_always_heard_and_a_rule_may_make_it_urgent() -> None:
    verdict = judge_event(a_report(category=NOISE), RuleBook.of(1, [], {}))
    assert (verdict.opens, verdict.state, verdict.urgent) == (True, State.REPORTED, False)
    fire = a_report(category="gb47678.5-2026/matter/09012")
    rule = ReportRule("f", "占用", "blocked", categories=("*/09012",), urgent=True)
    assert judge_event(fire, RuleBook.of(1, [rule], {})).urgent


def test_a_verdict_that_travels_as_an_event_keeps_its_rules_urgency() -> None:
    book = the_decisions().book
    raised = judge_event(a_verdict(), book)
    assert (raised.opens, raised.state, raised.urgent) == (True, State.OPEN, True)
    assert not judge_event(a_verdict(kind="cleared"), book).opens


def test_what_the_rule_saw_of_an_event_is_kept() -> None:
    verdict = judge_event(an_event(score=0.9, zones=("路口",)), RuleBook.of(3, [ZONED], {}))
    assert verdict.saw["edition"] == 3
    assert verdict.saw["parameters"]["least_score"] == 0.7
    assert (verdict.saw["score"], verdict.saw["zones"]) == (0.9, ["路口"])
