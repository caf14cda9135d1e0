"""What each move does to the clocks of an incident, counted by hand (domain.md §2.3, §2.4; issue 4 §2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from incidents import clocks, desk
from incidents.calendar import TimeLimit, Unit
from incidents.incident import Incident
from incidents.lifecycle import MOVES
from incidents.timing import ON_MOVE
from incidents.working_time import DayKind, SpecialDay
from tests.incidents.builders import LITTER, minutes
from tests.incidents.counter import CREW, DISPATCHER, DRAINAGE, LEAD, OFFICER, ZHAO, Bench
from tests.incidents.trade import the_city

HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 5, 11, 0, 0, tzinfo=UTC)
"""08:00 in Shanghai on a working Monday: 4 working hours later it is 12:00."""
NOON = MONDAY + 4 * HOUR


@pytest.fixture
def bench() -> Bench:
    """A minute passes with every move: litter reported at 07:58 is dispatched at 08:00."""
    return Bench(now=MONDAY - minutes(2))


def told(bench: Bench, incident: Incident) -> dict[str, Any]:
    """The clocks that the last line of the history tells of, by kind."""
    return {c["kind"]: c for c in bench.ledger.history[incident.number][-1].data.get("clocks", [])}


def sent_back(bench: Bench) -> Incident:
    """Dispatched at 08:00, sent back at 10:00."""
    incident = bench.dispatched()
    bench.now = MONDAY + 2 * HOUR - minutes(1)
    return bench.do(incident, "send_back", CREW, reason="不属我部门")


def test_handling_runs_from_the_dispatch(bench: Bench) -> None:
    incident = bench.dispatched()
    assert bench.now == MONDAY
    assert incident.due_at == NOON
    assert incident.yellow_at == MONDAY + 0.8 * 4 * HOUR


def test_a_return_pauses_and_the_same_department_goes_on_with_what_was_left(bench: Bench) -> None:
    back = sent_back(bench)
    assert (back.due_at, back.yellow_at) == (None, None)
    handling = told(bench, back)["handling"]
    assert handling["used_s"] == 2 * 3600
    assert (handling["due_at"], handling["overdue"]) == (NOON.isoformat(), False)
    bench.now = MONDAY + 24 * HOUR - minutes(1)  # Tuesday 08:00
    again = bench.do(back, "redispatch", DISPATCHER, department="CG-HW", reason="职责清单写明")
    assert again.due_at == MONDAY + 26 * HOUR, "two of four hours were left"


def test_another_department_begins_anew(bench: Bench) -> None:
    back = sent_back(bench)
    bench.now = MONDAY + 24 * HOUR - minutes(1)
    other = bench.do(back, "redispatch", DISPATCHER, department="PS")
    assert other.due_at == MONDAY + 28 * HOUR
    assert other.clocks["handling"]["began_at"] == (MONDAY + 24 * HOUR).isoformat()
    assert "handling" not in told(bench, other), (
        "what the first had used was told when it gave it back"
    )


def test_taken_from_one_department_and_given_to_another_the_first_clock_is_told(
    bench: Bench,
) -> None:
    incident = bench.handling()
    bench.now = MONDAY + HOUR - minutes(1)
    other = bench.do(incident, "redispatch", DISPATCHER, department="PS")
    assert told(bench, other)["handling"]["used_s"] == 3600
    assert other.due_at == MONDAY + HOUR + 4 * HOUR + 2 * HOUR, "lunch does not count"


def test_a_clock_that_begins_anew_leaves_its_first_run_whole_in_the_history(bench: Bench) -> None:
    incident = bench.handling()
    bench.now = MONDAY + HOUR - minutes(1)
    other = bench.do(incident, "redispatch", DISPATCHER, department="PS")
    runs = {c["kind"]: c for c in bench.ledger.history[other.number][-1].data["runs"]}
    assert set(runs) == {"handling", "department_acceptance"}
    first = clocks.from_json(runs["handling"])
    segments = clocks.explain(first, bench.now, the_city().calendar)
    assert sum(s.used.seconds for s in segments if s.counted) == 3600
    assert (first.began_at, first.spans[-1].end) == (MONDAY, MONDAY + HOUR)
    assert first.due_at == NOON


def test_a_suspension_does_not_count(bench: Bench) -> None:
    incident = bench.handling()
    bench.now = MONDAY + HOUR - minutes(2)
    until = MONDAY + 48 * HOUR
    bench.do(incident, "ask_suspend", CREW, reason="等雨停", until=until)
    assert told(bench, bench.do(incident, "grant", DISPATCHER))["handling"]["used_s"] == 3600
    bench.now = until
    assert bench.wake(incident).due_at == until + 3 * HOUR


def test_handing_back_stops_the_count_and_rework_goes_on_with_what_was_left(bench: Bench) -> None:
    incident = bench.handling()
    bench.now = MONDAY + 3 * HOUR - minutes(1)
    handled = bench.do(incident, "report_handled", CREW)
    assert told(bench, handled)["handling"]["used_s"] == 3 * 3600
    assert (handled.due_at, handled.wake_at) == (None, None)
    bench.now = MONDAY + 24 * HOUR - minutes(1)
    again = bench.do(handled, "rework", ZHAO, reason="未净")
    assert (again.due_at, again.reworks) == (MONDAY + 25 * HOUR, 1)


def test_what_was_late_is_told_as_late_and_stays_so(bench: Bench) -> None:
    incident = bench.handling()
    bench.now = MONDAY + 7 * HOUR  # 15:00
    handled = bench.do(incident, "report_handled", CREW)
    handling = told(bench, handled)["handling"]
    assert handling["overdue"]
    assert handling["used_s"] == 5 * 3600 + 60
    bench.do(handled, "verified", ZHAO)
    closed = bench.do(handled, "close", OFFICER)
    assert told(bench, closed)["handling"]["overdue"]
    assert (closed.due_at, closed.wake_at, closed.stage) == (NOON, None, None)
    assert {c["state"] for c in closed.clocks.values()} == {"stopped"}


def test_the_stages_follow_each_other_each_with_its_own_limit(bench: Bench) -> None:
    incident = bench.report()
    seen = [incident.stage]
    steps = [
        ("confirm", OFFICER, {}),
        ("confirmed", ZHAO, {}),
        ("open", OFFICER, {}),
        ("dispatch", DISPATCHER, {"department": "CG-HW"}),
        ("accept", CREW, {}),
        ("report_handled", CREW, {}),
        ("verify", OFFICER, {}),
        ("verified", ZHAO, {}),
    ]
    for name, by, given in steps:
        incident = bench.do(incident, name, by, **given)
        seen.append(incident.stage)
        if incident.stage is not None:
            limit = the_city().calendar.stages[incident.stage].limit
            assert limit is not None
            assert incident.clocks[incident.stage]["limit"] == limit.as_json()
    assert seen == [
        "acceptance", "confirmation", "acceptance", "dispatch", "department_acceptance", None, None,
        "verification", None,
    ]  # fmt: skip


def test_acceptance_stands_still_while_the_report_is_confirmed(bench: Bench) -> None:
    incident = bench.do(bench.report(), "confirm", OFFICER)
    assert told(bench, incident)["acceptance"]["used_s"] == 60
    bench.now += 5 * HOUR
    incident = bench.do(incident, "confirmed", ZHAO)
    assert incident.stage_due_at == bench.now + minutes(14)
    assert told(bench, bench.do(incident, "open", OFFICER))["acceptance"]["used_s"] == 120


def test_a_task_given_out_again_has_its_own_half_hour(bench: Bench) -> None:
    incident = bench.do(bench.report(), "confirm", OFFICER, inspector="zhao")
    bench.do(incident, "decline", ZHAO, reason="不在附近")
    again = bench.do(incident, "confirm", OFFICER, inspector="qian")
    assert again.stage_due_at == bench.now + minutes(30)


def test_every_stretch_of_a_clock_adds_up_to_what_was_used_and_gives_the_deadline(
    bench: Bench,
) -> None:
    back = sent_back(bench)
    bench.now = MONDAY + 24 * HOUR - minutes(1)
    again = bench.do(back, "redispatch", DISPATCHER, department="CG-HW", reason="职责清单写明")
    assert again.due_at is not None
    clock = clocks.from_json(again.clocks["handling"])
    calendar = the_city().calendar
    stretches = clocks.explain(clock, again.due_at, calendar)
    assert stretches[0].begin == clock.began_at
    assert stretches[-1].end == again.due_at
    assert all(a.end == b.begin for a, b in pairwise(stretches))
    counted = sum(((s.end - s.begin) for s in stretches if s.counted), timedelta(0))
    assert counted == 4 * HOUR, "the deadline is where the counted stretches reach the limit"
    [waiting] = [s for s in stretches if "回退" in s.why]
    assert (waiting.begin, waiting.end) == (MONDAY + 2 * HOUR, MONDAY + 24 * HOUR)


def test_a_route_without_a_filing_condition_gives_its_own_limit_running_always(
    bench: Bench,
) -> None:
    city = the_city()
    plain = replace(city.category(LITTER), conditions=())
    city = replace(city, categories={**city.categories, LITTER: plain})
    incident = bench.do(bench.report(), "open", OFFICER)
    given = {"department": "CG-HW"}
    at = bench.now + minutes(1)
    sent = desk.move(
        bench.ledger, incident.number, "dispatch", DISPATCHER, at, given, incident.version, city
    )
    assert sent.clocks["handling"]["limit"] == TimeLimit(4, Unit.URGENT_HOUR).as_json()
    assert sent.due_at == at + 4 * HOUR


def test_without_any_limit_there_is_no_handling_clock_and_nothing_to_extend(bench: Bench) -> None:
    incident = bench.do(bench.report(category=None), "open", OFFICER)
    sent = bench.do(incident, "dispatch", DISPATCHER, department="CG-HW")
    assert (sent.due_at, sent.wake_at) == (None, None)
    assert "ask_extend" not in bench.offered(sent, CREW)


def test_a_deadline_beyond_the_confirmed_calendar_is_recomputed_when_that_is_known(
    bench: Bench,
) -> None:
    city = the_city()
    unsure = replace(city.calendar, confirmed_until=date(2026, 4, 30))
    before = replace(city, calendar=unsure)
    incident = bench.do(bench.report(), "open", OFFICER)
    at, given = bench.now + minutes(1), {"department": "CG-HW"}
    sent = desk.move(
        bench.ledger, incident.number, "dispatch", DISPATCHER, at, given, incident.version, before
    )
    assert sent.clocks["handling"]["provisional"]
    assert sent.wake_at is not None
    same = desk.wake(bench.ledger, sent.number, at + HOUR, before)
    assert same.version == sent.version
    days_off = replace(
        city.calendar, days=tuple(d for d in city.calendar.days if d.date.month != 5)
    )
    known = replace(before, calendar=days_off, editions={**city.editions, "calendar": 2})
    sure = desk.wake(bench.ledger, sent.number, at + HOUR, known)
    last = bench.ledger.history[sent.number][-1]
    assert (last.move, last.by) == ("retime", "system")
    assert "2" in str(last.reason)
    assert not sure.clocks["handling"]["provisional"]
    assert desk.wake(bench.ledger, sent.number, at + HOUR, known) == sure


def test_a_firm_deadline_follows_a_day_that_was_corrected_in_the_calendar(bench: Bench) -> None:
    city = the_city()
    incident = bench.do(bench.report(), "open", OFFICER)
    at, given = bench.now + minutes(1), {"department": "CG-HW"}
    sent = desk.move(
        bench.ledger, incident.number, "dispatch", DISPATCHER, at, given, incident.version, city
    )
    assert sent.due_at is not None
    assert not sent.clocks["handling"]["provisional"]
    day = sent.due_at.astimezone(city.calendar.zone).date()
    closed = SpecialDay(day, DayKind.HOLIDAY, "台风停工 typhoon", "test")
    others = tuple(d for d in city.calendar.days if d.date != closed.date)
    storm = replace(city.calendar, days=(*others, closed))
    known = replace(city, calendar=storm, editions={**city.editions, "calendar": 2})
    after = desk.wake(bench.ledger, sent.number, at + minutes(1), known)
    assert after.due_at is not None
    assert after.due_at > sent.due_at
    assert bench.ledger.history[sent.number][-1].move == "retime"
    assert desk.wake(bench.ledger, sent.number, at + minutes(1), known) == after


def test_every_move_with_clocks_is_a_move_of_the_table() -> None:
    assert set(ON_MOVE) - set(MOVES) == {"report"}


def test_an_incident_from_before_clocks_were_kept_is_led_to_its_end(bench: Bench) -> None:
    incident = bench.dispatched()
    old = replace(incident, clocks={}, stage=None, stage_due_at=None, yellow_at=None)
    bench.ledger.incidents[incident.number] = old
    accepted = bench.do(old, "accept", CREW)
    assert accepted.due_at == NOON
    handled = bench.do(accepted, "report_handled", CREW)
    bench.do(handled, "verified", ZHAO)
    assert bench.do(handled, "close", OFFICER).closed_at is not None


def test_the_lead_who_takes_it_from_a_department_ends_the_request_it_had(bench: Bench) -> None:
    incident = bench.do(bench.handling(), "ask_extend", CREW, reason="等配件")
    other = bench.do(incident, "redispatch", LEAD, department="PS")
    assert other.asked is None
    assert "ask_extend" in bench.offered(other, DRAINAGE)
