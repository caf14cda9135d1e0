"""What the desk relies on, whichever ledger it is given: inherit, and give a fixture `ledger` that is empty.

Departments and cells are left out, so that a database needs no city for it. A ledger of a database is given on a
connection whose transaction the test's fixture ends.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from incidents.desk import Ledger
from incidents.errors import IncidentUnknown, Stale, Unavailable
from incidents.event import Event, Outcome
from incidents.incident import SYSTEM, Actor, Beginning, Incident, Kept
from incidents.lifecycle import Role, State
from incidents.moves import begin, join, move
from tests.incidents.builders import (
    LAT,
    LITTER,
    LON,
    NOISE,
    NOON,
    a_place,
    a_report,
    an_event,
    minutes,
)

DAY = date(2026, 5, 1)
REGION = "990102"
_OFFICER = Actor("li", Role.INTAKE_OFFICER)


class LedgerContract:
    """The contract of `incidents.desk.Ledger`."""

    def test_an_incident_is_loaded_as_it_was_opened(self, ledger: Ledger) -> None:
        reporter = {"name": "王某", "phone": "138****1234"}
        event = a_report(reporter=reporter, media=("a.jpg", "b.jpg"), subject="component:1/x")
        kept = _begun(ledger, event, explanation={"opened": {"why": "人工上报", "n": [1, 2.5]}})
        assert ledger.open([kept])
        assert ledger.load(kept[0].number) == kept[0]

    def test_an_incident_without_a_place_is_kept_without_one(self, ledger: Ledger) -> None:
        event = a_report(place=replace(a_place(), raw=None, lon=None, lat=None, cell_code=None))
        kept = _begun(ledger, event)
        assert ledger.open([kept])
        assert ledger.load(kept[0].number) == kept[0]

    def test_a_number_nobody_has_is_unknown(self, ledger: Ledger) -> None:
        with pytest.raises(IncidentUnknown):
            ledger.load("9901022026050199999")

    def test_a_subject_has_one_open_incident(self, ledger: Ledger) -> None:
        first = _open(ledger, an_event("1", subject="device:1/rule:r"))
        second = _begun(ledger, an_event("2", subject="device:1/rule:r"))
        assert not ledger.open([second])
        found = ledger.open_on("device:1/rule:r")
        assert found == first
        with pytest.raises(IncidentUnknown):
            ledger.load(second[0].number)

    def test_a_subject_is_free_again_when_its_incident_has_ended(self, ledger: Ledger) -> None:
        first = _open(ledger, an_event("1", subject="device:1/rule:r"))
        _void(ledger, first)
        assert ledger.open_on("device:1/rule:r") is None
        second = _open(ledger, an_event("2", subject="device:1/rule:r"))
        assert ledger.open_on("device:1/rule:r") == second

    def test_incidents_without_a_subject_do_not_exclude_each_other(self, ledger: Ledger) -> None:
        _open(ledger, an_event("1"))
        _open(ledger, an_event("2"))

    def test_an_incident_opened_and_moved_at_once_is_kept_as_it_ended_up(
        self, ledger: Ledger
    ) -> None:
        begun = _begun(ledger, an_event())
        noted = move(begun[0], "note", SYSTEM, NOON, {"reason": "自动"})
        assert ledger.open([begun, noted])
        assert ledger.load(begun[0].number) == noted[0]

    def test_near_finds_what_lies_within_the_metres(self, ledger: Ledger) -> None:
        near = _open(ledger, an_event("1", place=a_place(49.5)))
        _open(ledger, an_event("2", place=a_place(51)))
        assert self._near(ledger, 50) == [near]

    def test_near_answers_the_oldest_first(self, ledger: Ledger) -> None:
        both = [_open(ledger, an_event("1", place=a_place(20))), _open(ledger, an_event("2"))]
        assert self._near(ledger, 50) == both

    def test_near_leaves_out_other_categories(self, ledger: Ledger) -> None:
        _open(ledger, an_event("1", category=NOISE))
        assert self._near(ledger, 50) == []

    def test_near_leaves_out_what_has_ended(self, ledger: Ledger) -> None:
        _void(ledger, _open(ledger, an_event("1")))
        assert self._near(ledger, 50) == []

    def test_near_leaves_out_what_has_no_place(self, ledger: Ledger) -> None:
        _open(ledger, an_event("1", place=replace(a_place(), raw=None, lon=None, lat=None)))
        assert self._near(ledger, 50) == []

    def test_near_asks_for_the_last_event_and_not_for_the_first(self, ledger: Ledger) -> None:
        first = _open(ledger, an_event("1", at=NOON - minutes(90)))
        again = an_event("2", at=NOON - minutes(60))
        ledger.keep(first, [join(first, again, NOON, "同一处")])
        found = ledger.near(LITTER, LON, LAT, 50, NOON - minutes(60))
        assert [i.number for i in found] == [first.number]
        later = NOON - minutes(60) + timedelta(seconds=1)
        assert list(ledger.near(LITTER, LON, LAT, 50, later)) == []

    def test_the_second_of_two_writers_is_told_how_it_stands(self, ledger: Ledger) -> None:
        seen_by_both = _open(ledger, an_event())
        first = move(seen_by_both, "note", _OFFICER, NOON, {"reason": "先到"})
        ledger.keep(seen_by_both, [first])
        second = move(seen_by_both, "void", _OFFICER, NOON, {"reason": "后到"})
        with pytest.raises(Stale) as refused:
            ledger.keep(seen_by_both, [second])
        assert refused.value.facts["current"] == first[0]
        assert ledger.load(seen_by_both.number) == first[0]

    def test_several_steps_are_kept_together(self, ledger: Ledger) -> None:
        before = _open(ledger, an_event())
        one = move(before, "note", _OFFICER, NOON, {"reason": "一"})
        two = move(one[0], "note", _OFFICER, NOON, {"reason": "二"})
        ledger.keep(before, [one, two])
        assert ledger.load(before.number) == two[0]
        assert two[0].version == before.version + 2

    def test_everything_the_trade_remembers_is_kept_and_read_again(self, ledger: Ledger) -> None:
        before = _open(ledger, an_event())
        at = NOON + minutes(7)
        full = replace(
            before,
            version=2,
            condition="1",
            handler="老王",
            confirmed=False,
            extensions=1,
            suspensions=1,
            suspended_until=at,
            asked={"kind": "extend", "by": "crew", "at": at.isoformat(), "reason": "等"},
            urges=2,
            urge={"level": 2, "told": ["department"]},
            urge_due_at=at,
            urged_for=at,
            appeal={"reviews": [{"upheld": True}], "outcome": None},
            reworks=3,
            send_backs=4,
            reopened=5,
            returned={"from": "PS", "reason": "不属"},
            refused=("zhao", "qian"),
            normal_since=at,
            clocks={"handling": {"spans": [{"running": True}], "due_at": None}},
            yellow_at=at,
            stage="dispatch",
            stage_due_at=at,
            wake_at=at,
        )
        _, row, fact = move(before, "note", _OFFICER, NOON, {"reason": "备注"})
        ledger.keep(before, [(full, row, fact)])
        assert ledger.load(before.number) == full
        plain = replace(before, version=3)
        ledger.keep(full, [(plain, replace(row, seq=3), replace(fact, id=f"{before.number}/3"))])
        assert ledger.load(before.number) == plain

    def test_several_incidents_are_kept_together_or_not_at_all(self, ledger: Ledger) -> None:
        one, two = _open(ledger, an_event("1")), _open(ledger, an_event("2"))
        steps = [(i, [move(i, "note", _OFFICER, NOON, {"reason": "同"})]) for i in (one, two)]
        ledger.keep_all(steps)
        assert [ledger.load(i.number).version for i in (one, two)] == [2, 2]
        fresh = ledger.load(one.number)
        late = [
            (fresh, [move(fresh, "note", _OFFICER, NOON, {"reason": "新"})]),
            (two, [move(two, "note", _OFFICER, NOON, {"reason": "旧"})]),
        ]
        with pytest.raises(Stale) as refused:
            ledger.keep_all(late)
        assert refused.value.facts["current"].number == two.number
        assert [ledger.load(i.number).version for i in (one, two)] == [2, 2]

    def test_when_to_wake_changes_alone_and_only_on_the_version_meant(self, ledger: Ledger) -> None:
        incident = _open(ledger, an_event())
        later = NOON + minutes(60)
        ledger.sleep(incident, later)
        assert ledger.load(incident.number) == replace(incident, wake_at=later)
        ledger.sleep(replace(incident, version=9), None)
        assert ledger.load(incident.number).wake_at == later

    def test_what_was_merged_is_found_under_the_incident_it_was_merged_into(
        self, ledger: Ledger
    ) -> None:
        parent = _open(ledger, an_event("1"))
        middle = _open(ledger, an_event("2"))
        child = _open(ledger, an_event("3", subject="device:1/rule:r"))
        for gone, into in ((child, middle), (middle, parent)):
            into_ = {"into": into.number}
            ledger.keep(gone, [move(gone, "merge", _OFFICER, NOON, into_)])
        assert ledger.open_on("device:1/rule:r") == parent
        _void(ledger, parent)
        assert ledger.open_on("device:1/rule:r") is None

    def test_an_incident_is_not_open_again_beside_another_of_its_subject(
        self, ledger: Ledger
    ) -> None:
        child = _open(ledger, an_event("1", subject="device:1/rule:r"))
        gone = move(child, "merge", _OFFICER, NOON, {"into": "nobody"})
        ledger.keep(child, [gone])
        _open(ledger, an_event("2", subject="device:1/rule:r"))
        with pytest.raises(Unavailable):
            ledger.keep(gone[0], [move(gone[0], "unmerge", _OFFICER, NOON)])

    def test_numbers_rise_by_region_and_day(self, ledger: Ledger) -> None:
        first = ledger.next_number(REGION, DAY)
        second = ledger.next_number(REGION, DAY)
        assert first == "9901022026050100001"
        assert second == "9901022026050100002"
        assert ledger.next_number("990103", DAY) == "9901032026050100001"
        assert ledger.next_number(REGION, date(2026, 5, 2)) == "9901022026050200001"

    def test_an_event_is_remembered_with_what_became_of_it(self, ledger: Ledger) -> None:
        event = an_event(text="垃圾", zones=("人行道",), raw={"a": 1}, saw={"rule": "r"})
        assert ledger.seen(event.source, event.id) is None
        number = _open(ledger, event).number
        ledger.record(event, Outcome.OPENED, "命中", number)
        assert ledger.seen(event.source, event.id) == (Outcome.OPENED, number)
        assert ledger.seen("cam-02", event.id) is None

    def test_an_incident_is_opened_with_its_event_or_not_at_all(self, ledger: Ledger) -> None:
        event = an_event()
        kept = _begun(ledger, event)
        assert ledger.open([kept], event, "命中")
        number = kept[0].number
        assert ledger.seen(event.source, event.id) == (Outcome.OPENED, number)
        again = _begun(ledger, event)
        with pytest.raises(Stale):
            ledger.open([again], event, "命中")

    def test_an_event_is_not_recorded_where_the_slot_was_taken(self, ledger: Ledger) -> None:
        first = an_event(subject="dev-1/level")
        assert ledger.open([_begun(ledger, first)], first, "命中")
        second = an_event(id="e2", subject="dev-1/level")
        assert not ledger.open([_begun(ledger, second)], second, "命中")
        assert ledger.seen(second.source, second.id) is None

    def test_a_filtered_event_is_remembered_without_an_incident(self, ledger: Ledger) -> None:
        ledger.record(an_event(), Outcome.FILTERED, "没有规则", None)
        assert ledger.seen("cam-01", "e1") == (Outcome.FILTERED, None)

    def test_an_event_is_recorded_once(self, ledger: Ledger) -> None:
        ledger.record(an_event(), Outcome.FILTERED, "没有规则", None)
        with pytest.raises(Stale):
            ledger.record(an_event(), Outcome.FILTERED, "没有规则", None)

    def _near(self, ledger: Ledger, metres: float) -> list[Incident]:
        return list(ledger.near(LITTER, LON, LAT, metres, NOON - minutes(60)))


def _begun(ledger: Ledger, event: Event, explanation: dict[str, object] | None = None) -> Kept:
    number = ledger.next_number(REGION, DAY)
    category = event.category or LITTER
    return begin(
        number, event, Beginning(category, State.OPEN, explanation=explanation or {}), event.at
    )


def _open(ledger: Ledger, event: Event) -> Incident:
    kept = _begun(ledger, event)
    assert ledger.open([kept])
    return kept[0]


def _void(ledger: Ledger, incident: Incident) -> None:
    ledger.keep(incident, [move(incident, "void", _OFFICER, NOON, {"reason": "不属实"})])
