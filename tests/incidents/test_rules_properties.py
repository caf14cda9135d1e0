"""Batches, restarts, two gateways: whatever the way a series comes, the rules say what the plain oracle says."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from incidents import desk
from incidents.event import Event
from incidents.rules import RuleBook, Verdict
from incidents.rules_book import CountRule, Direction, ThresholdRule
from tests.incidents.builders import FLOOD, NOON, a_verdict, the_decisions
from tests.incidents.oracle import Reading, Said, said
from tests.incidents.station import Station
from tests.memory import MemoryLedger

METRIC = 3
VALUES = (0.0, 4.0, 5.0, 6.0, 9.9, 10.0, 14.0)
"""For `above` 10 / 5: returned, in the band, over; each limit itself."""
_VALUES = st.sampled_from(VALUES)
_STEPS = st.lists(st.sampled_from([500, 1000, 1500, 3000, 10_000]), max_size=30)
_SIZES = st.sampled_from([1, 1, 2, 5])


@st.composite
def threshold_rules(draw: st.DrawFn, settle: st.SearchStrategy[int]) -> ThresholdRule:
    settle_s = draw(settle)
    above = draw(st.booleans())
    return ThresholdRule(
        code="r",
        name_zh="规则",
        name_en="rule",
        category=FLOOD,
        metric="m",
        direction=Direction.ABOVE if above else Direction.BELOW,
        raise_at=10.0 if above else 5.0,
        clear_at=5.0 if above else 10.0,
        for_s=draw(st.sampled_from([0, 1, 5, 20])),
        clear_for_s=draw(st.sampled_from([0, 0, 1, 4, 12])),
        settle_s=settle_s,
        gap_s=max(settle_s, draw(st.sampled_from([1, 4, 8, 60]))),
    )


@st.composite
def count_rules(draw: st.DrawFn, settle: st.SearchStrategy[int]) -> CountRule:
    above = draw(st.booleans())
    return CountRule(
        code="r",
        name_zh="规则",
        name_en="rule",
        category=FLOOD,
        metric="m",
        direction=Direction.ABOVE if above else Direction.BELOW,
        raise_at=10.0 if above else 5.0,
        times=draw(st.integers(1, 4)),
        within_s=draw(st.sampled_from([1, 5, 15])),
        settle_s=draw(settle),
    )


def rules(settle: st.SearchStrategy[int]) -> st.SearchStrategy[ThresholdRule | CountRule]:
    return st.one_of(threshold_rules(settle), count_rules(settle))


@st.composite
def series(draw: st.DrawFn) -> list[Reading]:
    """Readings in order of time, steps of half a second to ten seconds."""
    at, readings = 1_000_000, []
    for step in draw(_STEPS):
        at += step
        readings.append((at, draw(_VALUES)))
    return readings


def said_by(verdicts: Sequence[Verdict]) -> list[Said]:
    words = [Said(v.kind, v.saw["since"], v.at, v.saw["peak"][1], v.saw["count"]) for v in verdicts]
    return sorted(words, key=lambda w: (w.at, w.since, w.kind))


def as_event(verdict: Verdict) -> Event:
    """The verdict as the worker brings it to the desk."""
    event = a_verdict(verdict.event_id, source=f"rule:{verdict.rule}")
    return replace(event, kind=verdict.kind, rule="r", saw=verdict.saw)


def station(rule: ThresholdRule | CountRule) -> Station:
    return Station(RuleBook.of(1, [rule], {"m": METRIC}))


@settings(max_examples=150)
@given(rules(st.sampled_from([0, 2, 6])), series(), st.randoms(use_true_random=False))
def test_any_batching_of_a_series_says_the_same(
    rule: ThresholdRule | CountRule, readings: list[Reading], dice: random.Random
) -> None:
    store = station(rule)
    left = list(readings)
    while left:
        size = dice.randint(1, 6)
        batch, left = left[:size], left[size:]
        dice.shuffle(batch)
        store.take((7, METRIC, t, v) for t, v in batch)
    assert said_by(store.verdicts) == said(rule, readings)
    assert store.looked_again == 0


@settings(max_examples=200)
@given(rules(st.sampled_from([1, 3, 6, 12])), series(), st.randoms(use_true_random=False))
def test_two_gateways_apart_by_no_more_than_the_settle_time_say_the_same(
    rule: ThresholdRule | CountRule, readings: list[Reading], dice: random.Random
) -> None:
    store = station(rule)
    for batch in two_gateways(readings, 1000 * rule.settle_s, dice):
        store.take((7, METRIC, t, v) for t, v in batch)
    assert said_by(store.verdicts) == said(rule, readings)
    assert len({v.event_id for v in store.verdicts}) == len(store.verdicts)


@settings(max_examples=400)
@given(rules(st.sampled_from([3, 6, 12])), series(), st.data())
def test_every_reading_late_by_up_to_the_settle_time_says_the_same(
    rule: ThresholdRule | CountRule, readings: list[Reading], data: st.DataObject
) -> None:
    store = station(rule)
    late = st.sampled_from([0, 0, 500, 1000 * rule.settle_s // 2, 1000 * rule.settle_s])
    arriving = sorted((t + data.draw(late), t, v) for t, v in readings)
    while arriving:
        size = data.draw(_SIZES)
        store.take((7, METRIC, t, v) for _, t, v in arriving[:size])
        arriving = arriving[size:]
    assert said_by(store.verdicts) == said(rule, readings)


def two_gateways(
    readings: Sequence[Reading], skew: int, dice: random.Random
) -> list[list[Reading]]:
    """The series heard by one gateway, the other or both; no reading arrives `skew` ms after a newer one."""
    queues: list[list[Reading]] = [[], []]
    for reading in readings:
        for which in dice.choice(((0,), (1,), (0, 1))):
            queues[which].append(reading)
    batches: list[list[Reading]] = []
    newest = 0
    while queues[0] or queues[1]:
        able = [q for q in queues if q]
        behind = min(able, key=lambda q: q[0][0])
        queue = dice.choice(able)
        taken = queue[: dice.randint(1, 4)]
        others = [q for q in able if q is not queue]
        if others and taken[-1][0] - others[0][0][0] > skew:
            queue, taken = behind, behind[:1]
        del queue[: len(taken)]
        newest = max(newest, taken[-1][0])
        batches.append(taken)
    return batches


@settings(max_examples=200)
@given(rules(st.sampled_from([0, 3])), series(), st.randoms(use_true_random=False))
def test_a_batch_delivered_again_says_nothing(
    rule: ThresholdRule | CountRule, readings: list[Reading], dice: random.Random
) -> None:
    store = station(rule)
    batches = [readings[i : i + 4] for i in range(0, len(readings), 4)]
    for n, batch in enumerate(batches):
        store.take((7, METRIC, t, v) for t, v in batch)
        for earlier in dice.sample(batches[: n + 1], min(2, n + 1)):
            assert store.take((7, METRIC, t, v) for t, v in earlier) == []
    assert said_by(store.verdicts) == said(rule, readings)


@settings(max_examples=300)
@given(rules(st.sampled_from([0, 2])), series(), st.randoms(use_true_random=False))
def test_however_late_readings_come_the_desk_takes_each_run_once(
    rule: ThresholdRule | CountRule, readings: list[Reading], dice: random.Random
) -> None:
    """A late reading may make a rule say of a run again what it said before (a series does not remember what was
    said of it, docs/rules.md), under the same name: the promise is the desk's, which takes every name once.
    """
    store = station(rule)
    shuffled = list(readings)
    dice.shuffle(shuffled)
    for reading in shuffled:
        store.take([(7, METRIC, *reading)])
    ledger = MemoryLedger()
    for verdict in store.verdicts:
        desk.receive(ledger, as_event(verdict), the_decisions(), NOON)
    raised = {v.event_id for v in store.verdicts if v.kind == "raised"}
    cleared = {v.event_id for v in store.verdicts if v.kind == "cleared"}
    assert {name for _, name in ledger.events} == raised | cleared
    told = [row for rows in ledger.history.values() for row in rows if row.move != "dispatch"]
    beginnings = [row.data["event"]["id"] for row in told if row.move in {"open", "join"}]
    returns = [row.data["cleared"]["id"] for row in told if "cleared" in row.data]
    assert sorted(beginnings) == sorted(raised)
    assert len(returns) == len(set(returns))
    assert set(returns) <= cleared


@settings(max_examples=150)
@given(
    st.lists(st.tuples(rules(st.sampled_from([0, 3])), series()), min_size=2, max_size=4),
    st.randoms(use_true_random=False),
)
def test_devices_and_rules_do_not_disturb_each_other(
    parts: list[tuple[ThresholdRule | CountRule, list[Reading]]], dice: random.Random
) -> None:
    each = [replace(rule, code=f"r{n}", metric=f"m{n}") for n, (rule, _) in enumerate(parts)]
    store = Station(RuleBook.of(1, each, {f"m{n}": n + 1 for n in range(len(each))}))
    rows = [(n + 1, n + 1, t, v) for n, (_, readings) in enumerate(parts) for t, v in readings]
    rows.sort(key=lambda r: r[2])
    while rows:
        size = dice.randint(1, 12)
        store.take(rows[:size])
        rows = rows[size:]
    for n, (_, readings) in enumerate(parts):
        mine = [v for v in store.verdicts if v.rule == f"r{n}"]
        assert said_by(mine) == said(each[n], readings)
