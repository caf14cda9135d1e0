"""What rules that count events rely on, whichever ledger answers: inherit, and give a fixture `ledger` that is empty."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from incidents.desk import Ledger
from incidents.event import Event, Outcome
from incidents.rules_book import CountEventsRule
from incidents.rules_events import counting_with
from tests.incidents.builders import LITTER, NOISE, NOON, a_place, a_report, a_verdict, an_event

THRICE = CountEventsRule(
    code="thrice",
    name_zh="三次",
    name_en="thrice",
    categories=(LITTER,),
    times=3,
    within_s=600,
)
AROUND = replace(THRICE, metres=50.0)


class HeardContract:
    """The contract of `incidents.desk.Ledger.heard`: no event that counts is missing, and none is made up."""

    def test_nothing_was_heard_before_the_first(self, ledger: Ledger) -> None:
        assert counted(ledger, THRICE, an_event()) == []

    def test_the_window_reaches_both_ways_its_ends_included(self, ledger: Ledger) -> None:
        for name, seconds in (("old", -601), ("first", -600), ("last", 600), ("late", 601)):
            filed(ledger, an_event(name, at=NOON + timedelta(seconds=seconds)))
        assert counted(ledger, THRICE, an_event()) == ["first", "last"]

    def test_people_count_as_machines_do_and_verdicts_of_rules_do_not(self, ledger: Ledger) -> None:
        filed(ledger, a_report("person"))
        filed(ledger, a_verdict("7:1", category=LITTER))
        assert counted(ledger, THRICE, an_event()) == ["person"]

    def test_another_category_does_not_count(self, ledger: Ledger) -> None:
        filed(ledger, an_event("noise", category=NOISE))
        filed(ledger, an_event("none", category=None))
        rule = replace(THRICE, categories=("*",))
        assert counted(ledger, rule, an_event()) == []

    def test_what_lies_within_the_metres_counts(self, ledger: Ledger) -> None:
        filed(ledger, an_event("near", place=a_place(49.5)))
        filed(ledger, an_event("far", place=a_place(51)))
        filed(ledger, an_event("nowhere", place=replace(a_place(), raw=None, lon=None, lat=None)))
        assert counted(ledger, AROUND, an_event()) == ["near"]
        assert counted(ledger, THRICE, an_event()) == ["far", "near", "nowhere"]

    def test_what_the_rule_would_not_take_does_not_count(self, ledger: Ledger) -> None:
        filed(ledger, an_event("unsure", score=0.5))
        filed(ledger, an_event("elsewhere", zones=("机动车道",)))
        filed(ledger, an_event("radar", source="radar-1", zones=("路口",)))
        filed(ledger, an_event("good", zones=("路口", "人行道")))
        rule = replace(THRICE, sources=("cam-*",), least_score=0.6, zones=frozenset({"路口"}))
        assert counted(ledger, rule, an_event(zones=("路口",))) == ["good"]


def filed(ledger: Ledger, event: Event) -> None:
    ledger.record(event, Outcome.FILTERED, "—", None)


def counted(ledger: Ledger, rule: CountEventsRule, event: Event) -> list[str]:
    heard = ledger.heard(rule, event)
    return sorted(other.id for other in heard if counting_with(rule, event, other))
