"""Rehearsing rules: over history that a book really judged it gives exactly what was really opened; others differ as they must."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents import desk
from incidents.decisions import Decisions
from incidents.event import Event, Origin
from incidents.lifecycle import State
from incidents.rehearsal import LONGEST, RehearsalRefused, Rejudging, Window, warm_up
from incidents.rehearsal_events import Real, told_subject
from incidents.rehearsal_openings import Line, Openings, summary
from incidents.rules import RuleBook, Verdict
from incidents.rules_book import (
    CountEventsRule,
    CountRule,
    Direction,
    ReportRule,
    Rule,
    ThresholdRule,
)
from tests.incidents.builders import (
    FLOOD,
    LITTER,
    NOISE,
    NOON,
    a_place,
    a_report,
    a_verdict,
    an_event,
    minutes,
    the_decisions,
)
from tests.incidents.oracle import Reading
from tests.incidents.station import Row, Station, columns
from tests.incidents.test_rules_properties import METRIC, rules, series
from tests.memory import MemoryLedger

ALWAYS = Window(datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 20, tzinfo=UTC))
"""The property's series begin in the first minutes of 1970."""
TODAY = Window(NOON - timedelta(hours=12), NOON + timedelta(hours=12))


def deciding(*some: Rule) -> Decisions:
    """The demonstration city with these rules."""
    return replace(the_decisions(), rules=tuple(some))


def book_of(*some: Rule) -> RuleBook:
    return RuleBook.of(0, some, {"m": METRIC})


def as_event(verdict: Verdict) -> Event:
    """The verdict as a worker brings it to the desk."""
    return a_verdict(
        verdict.event_id,
        source=f"rule:{verdict.rule}",
        kind=verdict.kind,
        subject=f"device:d-{verdict.device}",
        rule=verdict.rule,
        saw=verdict.saw,
        place=a_place(500.0 * verdict.device),
        at=datetime.fromtimestamp(verdict.at / 1000, UTC),
        category=verdict.category,
    )


def reals(ledger: MemoryLedger) -> list[Real]:
    """What the desk heard, as the store gives it back."""
    found = []
    for n, one in enumerate(ledger.events.values()):
        event, number = one.event, one.number
        until = ledger.incidents[number].closed_at if number else None
        told = replace(
            event,
            subject=told_subject(event.subject, event.category, event.rule),
            rule=event.rule if event.origin is Origin.RULE else None,
        )
        received = NOON + timedelta(hours=1, milliseconds=n)
        found.append(Real(told, one.outcome, number, until, event.rule, event.subject, received))
    return sorted(found, key=lambda r: (r.event.at, r.event.source, r.event.id))


@dataclass
class Rehearsed:
    """What came out."""

    counts: dict[str, Any]
    lines: list[Line] = field(default_factory=list)

    def of(self, name: str) -> list[dict[str, Any]]:
        return [body for of, body in self.lines if of == name]


def rehearse(
    some: Sequence[Rule],
    told: Sequence[Real],
    readings: Iterable[Row] = (),
    window: Window = TODAY,
) -> Rehearsed:
    """The rules over what was stored, a few readings at a time."""
    decisions, book = deciding(*some), book_of(*some)
    openings, judging = Openings(decisions, book, window), Rejudging(book)
    rows = sorted(readings, key=lambda r: (r[2], r[0], r[1]))
    said: list[Event] = []
    for first in range(0, len(rows), 7):
        said += map(as_event, judging.take(columns(rows[first : first + 7])))
    ahead = [(real.event.at, 0, real) for real in told] + [(event.at, 1, event) for event in said]
    lines: list[Line] = []
    for at, _, one in sorted(ahead, key=lambda a: a[:2]):
        openings.told(one) if isinstance(one, Real) else openings.said(one)
        lines += openings.passed(at)
    lines += openings.ended()
    return Rehearsed(summary(openings), lines)


@pytest.mark.slow
@settings(max_examples=100)
@given(rules(st.sampled_from([0, 2, 6])), series(), series(), st.randoms(use_true_random=False))
def test_rules_over_what_they_really_judged_open_exactly_what_was_really_opened(
    rule: ThresholdRule | CountRule,
    one: list[Reading],
    other: list[Reading],
    dice: random.Random,
) -> None:
    store, ledger = Station(book_of(rule)), MemoryLedger()
    rows = sorted([(7, METRIC, *r) for r in one] + [(8, METRIC, *r) for r in other],
                  key=lambda r: (r[2], r[0]))  # fmt: skip
    left = list(rows)
    while left:
        size = dice.randint(1, 6)
        batch, left = left[:size], left[size:]
        dice.shuffle(batch)
        for verdict in store.take(batch):
            event = as_event(verdict)
            desk.receive(ledger, event, deciding(rule), event.at)
        if dice.random() < 0.3:
            somebody_closes(ledger, datetime.fromtimestamp(batch[-1][2] / 1000, UTC))

    found = rehearse([rule], reals(ledger), rows, ALWAYS)

    assert {line["number"] for line in found.of("same")} == set(ledger.incidents)
    assert all(line["shift_s"] == 0 for line in found.of("same"))
    assert found.of("new") == []
    assert found.of("gone") == []
    assert found.counts["would_open"] == found.counts["really_opened"] == len(ledger.incidents)


def somebody_closes(ledger: MemoryLedger, at: datetime) -> None:
    """All that is open, as if people had been quick."""
    for number, incident in ledger.incidents.items():
        if not incident.state.ended:
            ledger.incidents[number] = replace(incident, state=State.CLOSED, closed_at=at)


LOUD = ThresholdRule("r", "规则", "rule", FLOOD, "m", Direction.ABOVE, raise_at=10.0, clear_at=5.0)


def minute(values: Sequence[float], device: int = 7) -> list[Row]:
    """A reading a minute from noon on."""
    ms = round(NOON.timestamp() * 1000)
    return [(device, METRIC, ms + 60_000 * n, value) for n, value in enumerate(values)]


def judged(rule: ThresholdRule, rows: Sequence[Row]) -> list[Real]:
    """What really came of the readings under a rule."""
    store, ledger = Station(book_of(rule)), MemoryLedger()
    for row in rows:
        for verdict in store.take([row]):
            event = as_event(verdict)
            desk.receive(ledger, event, deciding(rule), event.at)
            if verdict.kind == "cleared":
                somebody_closes(ledger, event.at)
    return reals(ledger)


TWICE = [1, 8, 12, 8, 1, 1, 1, 8, 8, 1]
"""Once over ten, twice over seven."""


def test_a_lower_level_opens_what_was_not_and_what_was_a_little_earlier() -> None:
    rows = minute(TWICE)
    lower = replace(LOUD, raise_at=7.0)
    found = rehearse([lower], judged(LOUD, rows), rows)
    (same,) = found.of("same")
    assert same["shift_s"] == -60
    (new,) = found.of("new")
    assert new["at"] == NOON + minutes(7)
    assert new["device"] is None or new["device"]
    assert new["saw"]["peak"][1] == 8
    assert found.counts["by_rule"] == {"r": {"new": 1, "same": 1, "gone": 0}}


def test_a_higher_level_opens_less_and_says_which_and_why() -> None:
    rows = minute(TWICE)
    found = rehearse([LOUD], judged(replace(LOUD, raise_at=7.0), rows), rows)
    (gone,) = found.of("gone")
    assert gone["opened_at"] == NOON + minutes(7)
    assert "未达到" in gone["why"]
    (same,) = found.of("same")
    assert same["shift_s"] == 60
    assert found.of("new") == []


def test_a_rule_that_is_no_more_opens_nothing() -> None:
    rows = minute(TWICE)
    (gone,) = rehearse([], judged(LOUD, rows), rows).of("gone")
    assert "没有规则 r" in gone["why"]


def test_another_rule_that_sees_the_same_trouble_opens_the_same_incident() -> None:
    rows = minute(TWICE)
    found = rehearse([replace(LOUD, code="other")], judged(LOUD, rows), rows)
    assert [line["by_rule"] for line in found.of("same")] == ["other"]
    assert found.of("new") == found.of("gone") == []


def test_one_long_trouble_in_place_of_two_asks_for_both_that_were_opened() -> None:
    rows = minute([12, 1, 12, 1, 12, 0, 0])
    found = rehearse([replace(LOUD, clear_at=0.5)], judged(LOUD, rows), rows)
    assert len(found.of("same")) == 3
    assert found.of("new") == []


def test_what_lies_outside_the_span_is_walked_and_not_counted() -> None:
    rows = minute(TWICE)
    late = Window(NOON + minutes(5), NOON + minutes(60))
    found = rehearse([replace(LOUD, raise_at=7.0)], judged(LOUD, rows), rows, late)
    assert [line["at"] for line in found.of("new")] == [NOON + minutes(7)]
    assert found.of("same") == found.of("gone") == []


ANY = ReportRule("any", "凡有", "any", categories=(LITTER,))


def heard(some: Sequence[Rule], told: Sequence[Event]) -> list[Real]:
    """What the desk made of events under these rules."""
    ledger = MemoryLedger()
    for event in told:
        desk.receive(ledger, event, deciding(*some), event.at)
    return reals(ledger)


def test_events_are_judged_again_and_a_person_is_heard_under_any_book() -> None:
    told = [
        an_event("sure", score=0.9, place=a_place(0)),
        an_event("unsure", score=0.4, place=a_place(900), at=NOON + minutes(1)),
        a_report("person", place=a_place(1800), at=NOON + minutes(2)),
    ]
    stricter = replace(ANY, least_score=0.8)
    found = rehearse([stricter], heard([ANY], told))
    assert len(found.of("same")) == 1
    (gone,) = found.of("gone")
    assert "置信度" in gone["why"]
    back = rehearse([ANY], heard([stricter], told))
    assert len(back.of("same")) == 1
    assert [line["at"] for line in back.of("new")] == [NOON + minutes(1)]


def test_an_incident_that_another_event_of_it_would_have_opened_is_still_opened() -> None:
    told = [
        an_event("unsure", score=0.4),
        an_event("sure", score=0.9, at=NOON + minutes(1)),
    ]
    found = rehearse([replace(ANY, least_score=0.8)], heard([ANY], told))
    (same,) = found.of("same")
    assert same["shift_s"] == 60
    assert found.of("new") == found.of("gone") == []


def test_events_that_would_be_one_trouble_would_be_one_incident() -> None:
    told = [an_event(f"e{n}", score=0.4, at=NOON + minutes(n)) for n in range(3)]
    found = rehearse([ANY], heard([replace(ANY, least_score=0.8)], told))
    (new,) = found.of("new")
    assert new["joined"] == 2


def test_events_that_count_together_are_counted_over_stored_ones() -> None:
    third = CountEventsRule(
        "third", "三次", "three", categories=(LITTER,), times=3, within_s=600, same_cell=True
    )
    told = [an_event(f"e{n}", at=NOON + minutes(n)) for n in range(4)]
    found = rehearse([third], heard([], told))
    (new,) = found.of("new")
    assert (new["at"], new["joined"]) == (NOON + minutes(2), 1)
    assert new["saw"]["count"] == 3
    again = rehearse([third], heard([third], told))
    assert len(again.of("same")) == 1
    assert again.of("new") == again.of("gone") == []


TWO_OF_A_CELL = CountEventsRule(
    "two", "两次", "two", categories=(NOISE,), times=2, within_s=600, same_cell=True
)
THREE_AROUND = replace(TWO_OF_A_CELL, code="three", times=3, same_cell=False, metres=60.0)
SEEN: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    minute=st.integers(0, 40),
    east=st.sampled_from([0, 20, 45, 400, 430]),
    category=st.sampled_from([LITTER, NOISE, FLOOD, None]),
    score=st.sampled_from([0.3, 0.6, 0.9]),
    person=st.booleans(),
    subject=st.sampled_from([None, None, "component:1"]),
)


@pytest.mark.slow
@settings(max_examples=100)
@given(
    st.lists(SEEN, max_size=14),
    st.sampled_from([TWO_OF_A_CELL, THREE_AROUND]),
    st.randoms(use_true_random=False),
)
def test_events_in_whatever_order_they_came_give_what_they_opened(
    seen: list[dict[str, Any]], counting: CountEventsRule, dice: random.Random
) -> None:
    book = [counting, replace(ANY, least_score=0.5)]
    ledger = MemoryLedger()
    arrivals = list(enumerate(seen))
    dice.shuffle(arrivals)
    for n, one in arrivals:
        tell = a_report if one["person"] else an_event
        event = tell(
            f"e{n}",
            place=a_place(one["east"]),
            category=one["category"],
            subject=one["subject"],
            score=None if one["person"] else one["score"],
            at=NOON + minutes(one["minute"]),
        )
        desk.receive(ledger, event, deciding(*book), NOON + minutes(60))
        if dice.random() < 0.2:
            somebody_closes(ledger, event.at)
    found = rehearse(book, reals(ledger))
    assert found.of("new") == []
    assert found.of("gone") == []


def test_a_span_is_in_order_at_most_a_month_and_in_the_past() -> None:
    for begins, ends in ((NOON, NOON), (NOON, NOON + LONGEST + minutes(1))):
        with pytest.raises(RehearsalRefused):
            Window(begins, ends)
    with pytest.raises(RehearsalRefused, match="晚于现在"):
        Window(NOON, NOON + minutes(2)).past(NOON)
    whole = Window(NOON, NOON + LONGEST)
    assert whole.past(NOON + LONGEST) == whole
    assert whole.past(whole.ends - minutes(1)) == Window(NOON, whole.ends - minutes(1))


def test_rules_begin_to_walk_as_far_before_as_any_of_them_looks_back() -> None:
    week = CountEventsRule("w", "周", "week", categories=(LITTER,), times=2, within_s=7 * 86_400)
    assert warm_up([LOUD]) == timedelta(days=1)
    assert warm_up([LOUD, replace(LOUD, for_s=2 * 86_400)]) >= timedelta(days=2)
    assert warm_up([LOUD, week]) == timedelta(days=7)
