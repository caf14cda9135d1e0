"""Counting events: how many of a category, how near, how soon; one incident, whatever the order, the batches, the kills."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents import desk
from incidents.decisions import Decisions
from incidents.event import Event, Outcome
from incidents.lifecycle import State
from incidents.rules_book import CountEventsRule, ReportRule
from incidents.rules_events import most_at_once
from tests.contracts.heard import AROUND, THRICE, HeardContract
from tests.incidents.builders import (
    CELL,
    LITTER,
    NOON,
    a_place,
    a_report,
    an_event,
    the_decisions,
)
from tests.memory import MemoryLedger

OTHER_CELL = "99010200100102"
IN_CELL = replace(THRICE, same_cell=True)
ANY = ReportRule("any", "任何", "any", categories=(LITTER,))


class TestMemoryHears(HeardContract):
    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        return MemoryLedger()


def decisions(*rules: CountEventsRule | ReportRule) -> Decisions:
    """The demonstration city with these rules only, and nothing joined by nearness."""
    return replace(the_decisions(), rules=rules, nearby={"*": None})


def told(ledger: MemoryLedger, city: Decisions, *events: Event) -> list[Outcome]:
    return [desk.receive(ledger, event, city, event.at).outcome for event in events]


def later(n: int, seconds: float, cell: str | None = CELL, east_m: float = 0) -> Event:
    at = NOON + timedelta(seconds=seconds)
    return an_event(f"e{n}", at=at, place=a_place(east_m, cell_code=cell))


def test_the_nth_within_the_window_opens_and_the_next_ones_join() -> None:
    ledger = MemoryLedger()
    events = [later(n, 100 * n) for n in range(5)]
    filtered, opened, joined = Outcome.FILTERED, Outcome.OPENED, Outcome.JOINED
    assert told(ledger, decisions(IN_CELL), *events) == [filtered, filtered, opened, joined, joined]
    [incident] = ledger.incidents.values()
    assert (incident.rule, incident.reports) == ("thrice", 3)
    assert incident.subject == f"cell:{CELL}/{LITTER}"


def test_a_window_is_as_long_as_it_says_its_ends_included() -> None:
    for last, outcome in ((600, Outcome.OPENED), (601, Outcome.FILTERED)):
        events = [later(0, 0), later(1, 300), later(2, last)]
        assert told(MemoryLedger(), decisions(IN_CELL), *events)[-1] is outcome


def test_another_cell_is_counted_by_itself() -> None:
    events = [later(n, n, CELL if n % 2 else OTHER_CELL) for n in range(4)]
    assert set(told(MemoryLedger(), decisions(IN_CELL), *events)) == {Outcome.FILTERED}
    assert told(MemoryLedger(), decisions(THRICE), *events).count(Outcome.OPENED) == 1


def test_within_metres_one_incident_is_opened_also_where_the_city_joins_nothing_by_nearness() -> (
    None
):
    ledger = MemoryLedger()
    events = [later(n, n, None, 10 * n) for n in range(5)]
    outcomes = told(ledger, decisions(AROUND), *events)
    assert outcomes[2:] == [Outcome.OPENED, Outcome.JOINED, Outcome.JOINED]
    assert len(ledger.incidents) == 1


def test_what_was_counted_is_said_and_kept() -> None:
    ledger = MemoryLedger()
    told(ledger, decisions(IN_CELL), *(later(n, n) for n in range(3)))
    second, third = ledger.events["cam-01", "e1"], ledger.events["cam-01", "e2"]
    assert "第 2 次，满 3 次才立案" in second.why
    assert "2 of 3 within 600 s in the same cell" in second.why
    assert "600 秒内 3 次" in third.why
    assert third.event.saw is not None
    assert third.event.saw["count"] == 3
    assert [name for _, name, _ in third.event.saw["counted"]] == ["e0", "e1"]
    assert third.event.saw["parameters"]["kind"] == "count_events"


def test_where_nothing_can_be_counted_around_that_is_said() -> None:
    ledger = MemoryLedger()
    nowhere = replace(a_place(cell_code=None), raw=None, lon=None, lat=None)
    told(ledger, decisions(IN_CELL, AROUND), an_event(place=nowhere))
    why = ledger.events["cam-01", "e1"].why
    assert "未给出位置" in why
    assert "no place to count around" in why


def test_before_a_rule_that_opens_at_once_it_makes_the_nth_urgent() -> None:
    ledger = MemoryLedger()
    city = decisions(replace(IN_CELL, urgent=True), ANY)
    city = replace(city, nearby=the_decisions().nearby)
    outcomes = told(ledger, city, later(0, 0), later(1, 1))
    assert outcomes == [Outcome.OPENED, Outcome.JOINED]
    [incident] = ledger.incidents.values()
    assert not incident.urgent
    told(ledger, city, later(2, 2))
    [incident] = ledger.incidents.values()
    assert (incident.urgent, incident.reports) == (True, 3)


def test_people_are_heard_at_once_and_the_nth_is_urgent() -> None:
    ledger = MemoryLedger()
    city = decisions(replace(IN_CELL, urgent=True))
    told(ledger, city, *(a_report(f"r{n}", at=NOON + timedelta(seconds=n)) for n in range(3)))
    assert [i.state for i in ledger.incidents.values()] == [State.REPORTED] * 3
    assert [i.urgent for i in ledger.incidents.values()] == [False, False, True]


# ── by property ──


def crowded(events: Sequence[Event], rule: CountEventsRule, cell: str) -> bool:
    """Whether any window holds enough: said plainly, every event tried as the first."""
    times = [event.at for event in events if event.place.cell_code == cell]
    span = timedelta(seconds=rule.within_s)
    return any(sum(0 <= (t - first) / span <= 1 for t in times) >= rule.times for first in times)


@st.composite
def streams(draw: st.DrawFn) -> tuple[CountEventsRule, list[Event]]:
    rule = replace(
        IN_CELL,
        times=draw(st.integers(2, 4)),
        within_s=draw(st.sampled_from([10, 30, 60])),
        urgent=draw(st.booleans()),
    )
    seconds = draw(st.lists(st.integers(0, 200), max_size=14))
    cells = st.sampled_from([CELL, OTHER_CELL])
    return rule, [later(n, s, draw(cells)) for n, s in enumerate(seconds)]


def begun(ledger: MemoryLedger) -> MemoryLedger:
    """A transaction on the ledger: what is changed in it leaves the ledger as it was. What is kept never changes."""
    history = {number: list(rows) for number, rows in ledger.history.items()}
    return MemoryLedger(
        dict(ledger.incidents),
        history,
        list(ledger.facts),
        dict(ledger.events),
        dict(ledger.counters),
    )


def incidents_of(ledger: MemoryLedger) -> list[tuple[str | None, str, bool, str | None]]:
    return sorted((i.subject, i.category, i.urgent, i.rule) for i in ledger.incidents.values())


@settings(max_examples=150)
@given(streams(), st.randoms(use_true_random=False))
def test_batches_kills_and_order_do_not_change_which_incidents_there_are(
    stream: tuple[CountEventsRule, list[Event]], dice: random.Random
) -> None:
    rule, events = stream
    city = decisions(rule)
    plain = MemoryLedger()
    told(plain, city, *events)
    assert len(plain.incidents) == sum(crowded(events, rule, c) for c in (CELL, OTHER_CELL))

    ledger, left = MemoryLedger(), list(events)
    while left:
        size = dice.randint(1, 5)
        tried = begun(ledger)
        told(tried, city, *sorted(left[:size], key=lambda e: (e.at, e.id)))
        if dice.random() < 0.3:
            continue  # killed before it committed: once more, cut another way
        ledger, left = tried, left[size:]
    assert incidents_of(ledger) == incidents_of(plain)

    dice.shuffle(events)
    shuffled = MemoryLedger()
    told(shuffled, city, *events)
    assert incidents_of(shuffled) == incidents_of(plain)


@settings(max_examples=300)
@given(st.lists(st.integers(-40, 40), max_size=12), st.sampled_from([1, 10, 30]))
def test_the_most_of_any_window_is_what_trying_them_all_finds(
    seconds: list[int], within: int
) -> None:
    others = [NOON + timedelta(seconds=s) for s in seconds]
    windows = range(-within, 1)
    must = max(1 + sum(first <= s <= first + within for s in seconds) for first in windows)
    assert most_at_once(NOON, others, timedelta(seconds=within)) == must
