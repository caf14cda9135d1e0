"""What a rule says and remembers, case by case: levels, durations, gaps, lateness, scopes, editions."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from incidents.rules import Columns, RuleBook, candidates, judge
from incidents.rules_book import CountRule, Direction, Rule, Scope, ThresholdRule, Traits
from incidents.rules_walk import Verdict
from tests.incidents.builders import FLOOD
from tests.incidents.station import Station, columns

METRIC = 3
START = 1_000_000_000

DEEP = ThresholdRule(
    code="deep",
    name_zh="积水",
    name_en="standing water",
    category=FLOOD,
    metric="road.water",
    direction=Direction.ABOVE,
    raise_at=15.0,
    clear_at=10.0,
    for_s=60,
    gap_s=100,
)
AT_ONCE = replace(DEEP, for_s=0)
TWICE = CountRule(
    code="twice",
    name_zh="烟感",
    name_en="smoke",
    category=FLOOD,
    metric="road.water",
    direction=Direction.ABOVE,
    raise_at=15.0,
    times=2,
    within_s=60,
)


def station(*rules: Rule, **given: Any) -> Station:
    return Station(RuleBook.of(5, rules, {"road.water": METRIC}, **given))


def told(store: Station, *readings: tuple[float, float]) -> list[tuple[str, int]]:
    """Readings (seconds, value) of device 7 in one batch; what was said: (kind, seconds)."""
    rows = [(7, METRIC, START + int(1000 * s), v) for s, v in readings]
    return [(v.kind, (v.at - START) // 1000) for v in store.take(rows)]


def one_by_one(store: Station, *readings: tuple[float, float]) -> list[tuple[str, int]]:
    return [word for reading in readings for word in told(store, reading)]


def test_the_raising_level_itself_raises_and_the_clearing_level_itself_clears() -> None:
    store = station(AT_ONCE)
    assert told(store, (0, 14.99)) == []
    assert told(store, (1, 15.0)) == [("raised", 1)]
    assert told(store, (2, 10.01)) == []
    assert told(store, (3, 10.0)) == [("cleared", 3)]
    assert store.states == {}


def test_below_is_the_mirror_of_above() -> None:
    store = station(replace(AT_ONCE, direction=Direction.BELOW, raise_at=0.14, clear_at=0.16))
    assert told(store, (0, 0.15), (1, 0.14), (2, 0.15), (3, 0.16)) == [
        ("raised", 1),
        ("cleared", 3),
    ]


def test_the_duration_is_reached_at_exactly_its_seconds() -> None:
    assert told(station(DEEP), (0, 20), (59.999, 20)) == []
    assert told(station(DEEP), (0, 20), (60, 20)) == [("raised", 60)]


def test_a_value_in_the_band_continues_a_run_and_begins_none() -> None:
    assert told(station(DEEP), (0, 12), (30, 12), (90, 12)) == []
    assert told(station(DEEP), (0, 20), (30, 12), (60, 12)) == [("raised", 60)]


def test_a_return_before_the_duration_ends_the_run() -> None:
    store = station(DEEP)
    assert one_by_one(store, (0, 20), (30, 9), (40, 20), (70, 20), (99, 20)) == []
    assert told(store, (100, 20)) == [("raised", 100)]


def test_after_a_silence_an_unraised_run_begins_anew() -> None:
    store = station(DEEP)
    assert one_by_one(store, (0, 20), (101, 20), (160, 20)) == []
    assert told(store, (161, 20)) == [("raised", 161)]
    assert one_by_one(station(DEEP), (0, 20), (100, 20)) == [("raised", 100)]


def test_silence_does_not_end_a_raised_run() -> None:
    store = station(AT_ONCE)
    assert one_by_one(store, (0, 20), (9000, 20), (9001, 5)) == [("raised", 0), ("cleared", 9001)]


CALMING = replace(AT_ONCE, clear_for_s=30)


def test_a_return_is_said_once_it_has_lasted_exactly_its_seconds() -> None:
    store = station(CALMING)
    assert one_by_one(store, (0, 20), (10, 9), (39.999, 8)) == [("raised", 0)]
    assert told(store, (40, 9)) == [("cleared", 40)]
    assert store.states == {}


def test_a_value_over_the_level_breaks_the_calm_and_one_in_the_band_does_not() -> None:
    store = station(CALMING)
    assert one_by_one(store, (0, 20), (10, 9), (20, 16), (30, 9), (59, 12)) == [("raised", 0)]
    assert told(store, (60, 12)) == [("cleared", 60)]


def test_a_value_in_the_band_begins_no_calm() -> None:
    store = station(CALMING)
    assert one_by_one(store, (0, 20), (10, 12), (50, 12), (60, 12)) == [("raised", 0)]


def test_after_a_silence_the_calm_begins_anew() -> None:
    store = station(CALMING)
    assert one_by_one(store, (0, 20), (10, 9), (111, 9), (140, 9)) == [("raised", 0)]
    assert told(store, (141, 9)) == [("cleared", 141)]


def test_the_return_keeps_when_the_calm_began_and_says_how_long_it_lasted() -> None:
    store = station(CALMING)
    one_by_one(store, (0, 20), (10, 9), (25, 11), (40, 8))
    cleared = store.verdicts[-1]
    assert cleared.saw["back"] == [START + 10_000, 9.0]
    assert cleared.saw["at"] == START + 40_000
    assert cleared.saw["count"] == 1
    assert "已恢复至 9并保持 30 秒" in cleared.why
    assert "back at 9 and stayed for 30 s" in cleared.why


def test_without_a_gap_of_its_own_a_rule_bears_a_quarter_of_an_hour_or_its_duration() -> None:
    assert replace(DEEP, gap_s=None).gap_ms == 900_000
    assert replace(DEEP, gap_s=None, for_s=7200).gap_ms == 7_200_000


def test_nothing_is_decided_before_it_has_settled() -> None:
    store = station(replace(AT_ONCE, settle_s=10))
    assert told(store, (0, 20)) == []
    assert told(store, (10, 5)) == []
    assert told(store, (10.001, 5)) == [("raised", 0)]
    assert told(store, (30, 5)) == [("cleared", 10)]
    assert store.states == {}


def test_calm_readings_before_a_late_one_are_not_forgotten() -> None:
    """At rest nothing is kept: the stored series is looked at when a reading comes for a time already walked."""
    store = station(replace(DEEP, for_s=5, settle_s=10))
    assert one_by_one(store, (97, 5), (101, 20), (95, 20)) == []
    assert store.looked_again == 1
    # 95 over, 97 back, 101 over: a run of two seconds, then one from 101 on.
    assert one_by_one(store, (104, 20), (108, 20), (120, 20)) == [("raised", 108)]
    assert store.verdicts[0].saw["since"] == START + 101_000


def test_after_looking_again_what_lies_before_is_looked_at_again_too() -> None:
    store = station(replace(DEEP, for_s=5, settle_s=10))
    assert one_by_one(store, (94, 5), (97, 5), (100, 5), (98, 20), (93, 20)) == []
    assert store.looked_again == 2
    assert one_by_one(store, (105, 5), (120, 5)) == []


def test_a_late_return_in_the_midst_of_an_unraised_run_breaks_it() -> None:
    store = station(DEEP)
    assert one_by_one(store, (0, 20), (40, 20), (30, 5)) == []
    assert store.looked_again == 1
    assert one_by_one(store, (60, 20), (99, 20)) == []
    assert told(store, (100, 20)) == [("raised", 100)]


def test_a_late_beginning_lengthens_an_unraised_run() -> None:
    store = station(DEEP)
    assert one_by_one(store, (30, 20), (50, 20), (0, 20)) == []
    assert told(store, (60, 20)) == [("raised", 60)]
    assert store.verdicts[0].saw["since"] == START


def test_a_late_reading_may_complete_a_run_at_once() -> None:
    store = station(DEEP)
    assert one_by_one(store, (30, 20), (70, 20), (0, 20)) == [("raised", 70)]
    assert store.verdicts[0].saw["late"] is True
    assert "迟到" in store.verdicts[0].why


def test_a_verdict_is_not_taken_back_by_a_late_return() -> None:
    store = station(DEEP)
    assert one_by_one(store, (0, 20), (60, 20), (30, 5), (61, 20)) == [("raised", 60)]
    assert told(store, (70, 5)) == [("cleared", 70)]
    assert store.looked_again == 0


def test_a_late_peak_inside_a_run_already_said_says_nothing_more() -> None:
    store = station(AT_ONCE)
    assert one_by_one(store, (0, 20), (10, 20), (20, 5)) == [("raised", 0), ("cleared", 20)]
    assert told(store, (5, 25)) == []
    assert store.looked_again == 1


def test_a_run_that_came_late_as_a_whole_is_said_late_and_cleared() -> None:
    store = station(AT_ONCE)
    assert one_by_one(store, (0, 5), (100, 5)) == []
    assert told(store, (40, 20), (50, 5)) == [("raised", 40), ("cleared", 50)]
    assert all(v.saw["late"] for v in store.verdicts)
    assert store.states == {}


def test_a_late_calm_reading_is_not_even_looked_at() -> None:
    store = station(AT_ONCE)
    assert one_by_one(store, (100, 5), (50, 5), (60, 12)) == []
    assert store.looked_again == 0


# ── counting ──


def test_the_nth_reading_over_the_level_within_the_window_raises() -> None:
    assert one_by_one(station(TWICE), (0, 20), (30, 5), (60, 20)) == [("raised", 60)]
    assert one_by_one(station(TWICE), (0, 20), (60.001, 20)) == []


def test_counting_clears_when_the_window_is_empty_again() -> None:
    store = station(TWICE)
    assert told(store, (0, 20), (30, 20)) == [("raised", 30)]
    assert one_by_one(store, (50, 5), (90, 5)) == []
    assert told(store, (90.001, 5)) == [("cleared", 90)]
    assert store.states == {}


def test_a_late_reading_over_the_level_counts() -> None:
    store = station(TWICE)
    assert one_by_one(store, (0, 20), (50, 5), (30, 20)) == [("raised", 30)]


# ── what is kept ──


def test_what_the_rule_saw_is_kept_so_that_a_person_can_follow() -> None:
    store = station(replace(DEEP, urgent=True))
    told(store, (0, 16), (20, 31), (40, 12), (60, 22))
    [verdict] = store.verdicts
    assert verdict.saw == {
        "rule": "deep",
        "edition": 5,
        "parameters": {
            "kind": "threshold",
            "metric": "road.water",
            "direction": "above",
            "raise": 15.0,
            "clear": 10.0,
            "for_s": 60,
            "clear_for_s": 0,
            "settle_s": 0,
            "gap_s": 100,
        },
        "at": START + 60_000,
        "since": START,
        "first": [START, 16.0],
        "last": [START + 60_000, 22.0],
        "peak": [START + 20_000, 31.0],
        "count": 4,
    }
    assert (verdict.urgent, verdict.category, verdict.metric) == (True, FLOOD, METRIC)
    assert verdict.event_id == f"7:{START}"
    assert "31" in verdict.why
    assert "standing water" in verdict.why


def test_the_return_names_the_verdict_it_ends() -> None:
    store = station(AT_ONCE)
    told(store, (0, 20), (5, 4))
    back = store.verdicts[-1]
    assert (back.kind, back.event_id) == ("cleared", f"7:{START}:cleared")
    assert back.saw["raised_by"] == f"7:{START}"
    assert back.saw["back"] == [START + 5000, 4.0]


def test_what_is_remembered_is_plain_json() -> None:
    store = station(replace(DEEP, settle_s=5), TWICE)
    told(store, (0, 20), (3, 12))
    assert set(store.states) == {("deep", 7), ("twice", 7)}
    for text in store.states.values():
        assert json.loads(text)["edition"] == 5


def test_not_a_number_is_no_reading() -> None:
    store = station(AT_ONCE)
    assert told(store, (0, float("nan")), (1, 20), (2, float("nan"))) == [("raised", 1)]
    assert told(store, (3, float("nan"))) == []


# ── books, scopes, editions ──


def test_a_book_says_which_metrics_it_needs_and_watches() -> None:
    book = station(DEEP, TWICE).book
    assert book.metrics_needed == {"road.water"}
    assert book.watches(METRIC)
    assert not book.watches(4)
    unknown = RuleBook.of(1, [DEEP], {})
    assert not unknown.watches(METRIC)


def test_a_metric_no_rule_speaks_of_concerns_nobody() -> None:
    book = station(AT_ONCE).book
    rows = columns([(7, 4, START, 99.0), (7, 32_767, START, float("inf"))])
    assert candidates(rows, book, {}) == set()


def test_candidates_are_the_series_over_a_level_and_the_remembered_ones() -> None:
    book = station(AT_ONCE).book
    rows = columns([(1, METRIC, START, 20.0), (2, METRIC, START, 5.0), (3, METRIC, START, 12.0)])
    assert candidates(rows, book, {}) == {(1, METRIC)}
    assert candidates(rows, book, {("deep", 2): {}}) == {(1, METRIC), (2, METRIC)}
    assert candidates(rows, book, {("gone", 3): {}}) == {(1, METRIC)}


def test_of_many_calm_readings_none_is_a_candidate() -> None:
    n = 50_000
    dice = np.random.default_rng(1)
    calm = Columns(
        device=dice.integers(1, 300, n, np.int32),
        metric=np.full(n, METRIC, np.int16),
        at=START + np.arange(n, dtype=np.int64),
        value=dice.uniform(0, 14.9, n),
        cell=np.zeros(n, np.int32),
    )
    book = station(AT_ONCE, replace(DEEP, code="other", raise_at=30.0)).book
    assert candidates(calm, book, {}) == set()
    assert judge(calm, book, {}, {}).verdicts == ()


@pytest.mark.parametrize(
    ("scope", "raised"),
    [
        (Scope(), True),
        (Scope(devices=frozenset({"JS-0007"})), True),
        (Scope(devices=frozenset({"JS-0008"})), False),
        (Scope(kinds=frozenset({"road_water"})), True),
        (Scope(kinds=frozenset({"well"})), False),
        (Scope(areas=("990103", "99010200")), True),
        (Scope(areas=("990103",)), False),
        (Scope(kinds=frozenset({"road_water"}), areas=("990103",)), False),
    ],
)
def test_a_rule_holds_where_its_scope_says(scope: Scope, raised: bool) -> None:
    def traits(device: int, cell: int) -> Traits:
        assert (device, cell) == (7, 1)
        return Traits("JS-0007", "road_water", "99010200100101")

    store = station(replace(AT_ONCE, scope=scope), traits=traits)
    assert bool(told(store, (0, 20))) == raised
    if not raised:
        rows = columns([(7, METRIC, START, 20.0)])
        assert candidates(rows, store.book, {}) == set()


def test_a_scope_nobody_can_answer_for_holds_nowhere() -> None:
    store = station(replace(AT_ONCE, scope=Scope(kinds=frozenset({"road_water"}))))
    assert told(store, (0, 20)) == []


def test_a_device_that_left_the_scope_is_forgotten() -> None:
    scoped = replace(DEEP, scope=Scope(kinds=frozenset({"road_water"})))
    store = station(scoped, traits=lambda *_: Traits("a", "road_water"))
    told(store, (0, 20))
    assert store.states
    store.book = RuleBook.of(6, [scoped], {"road.water": METRIC}, lambda *_: Traits("a", "well"))
    assert told(store, (60, 20)) == []
    assert store.states == {}


def test_a_new_edition_carries_a_run_on_with_its_own_levels() -> None:
    store = station(DEEP)
    assert one_by_one(store, (0, 20), (30, 20)) == []
    store.book = RuleBook.of(6, [replace(DEEP, for_s=40)], {"road.water": METRIC})
    assert told(store, (40, 20)) == [("raised", 40)]
    assert store.verdicts[0].edition == 6


def test_a_rule_that_became_another_kind_begins_at_rest() -> None:
    store = station(DEEP)
    told(store, (0, 20))
    store.book = RuleBook.of(6, [replace(TWICE, code="deep")], {"road.water": METRIC})
    assert one_by_one(store, (10, 20), (20, 20)) == [("raised", 20)]


def test_what_a_vanished_rule_remembered_is_forgotten_when_its_device_is_judged() -> None:
    book = station(AT_ONCE).book
    rows = columns([(7, METRIC, START, 20.0)])
    said = judge(rows, book, {("gone", 7): {"kind": "threshold"}}, {(7, METRIC): None})
    assert said.states["gone", 7] is None


def test_verdicts_come_in_order_of_time() -> None:
    store = station(AT_ONCE, replace(AT_ONCE, code="higher", raise_at=30.0, clear_at=20.0))
    rows = [(d, METRIC, START + 1000 * s, v) for d in (9, 7) for s, v in ((2, 35.0), (1, 16.0))]
    said: list[Verdict] = store.take(rows)
    assert [(v.at - START, v.device, v.rule) for v in said] == [
        (1000, 7, "deep"),
        (1000, 9, "deep"),
        (2000, 7, "higher"),
        (2000, 9, "higher"),
    ]
