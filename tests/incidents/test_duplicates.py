"""Which incident an event belongs to: by subject, by nearness; and a real night's requests, counted twice."""

from __future__ import annotations

import csv
import gzip
import math
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from grid.coordinates import Datum, Position
from incidents import desk, duplicates
from incidents.category import Category, CategoryKey
from incidents.decisions import Decisions
from incidents.dispatching import RouteBook
from incidents.duplicates import Nearby
from incidents.event import Event, Origin, Outcome, Place
from incidents.incident import Incident
from incidents.lifecycle import State
from tests.incidents.builders import NOON, a_place, a_verdict, an_event, an_incident, minutes
from tests.memory import MemoryLedger

NEARBY = Nearby(50, timedelta(hours=24))
NIGHT = Path(__file__).parents[1] / "data" / "nyc311_924_2022-05-01.csv.gz"


def at_metres(east: float, number: str = "9901022026050100001", **changes: object) -> Incident:
    place = a_place(east)
    return an_incident(number, lon=place.lon, lat=place.lat, **changes)


def test_the_nearest_is_chosen() -> None:
    far, near = at_metres(40, "1"), at_metres(10, "2")
    chosen = duplicates.choose(an_event(), [far, near], NEARBY)
    assert chosen is not None
    assert chosen[0] is near
    assert "10 米" in chosen[1]
    assert "10 m away" in chosen[1]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_equally_near_ones_the_oldest_number_is_chosen(order: tuple[int, int]) -> None:
    both = [at_metres(0, "9901022026050100007"), at_metres(0, "9901022026050100003")]
    chosen = duplicates.choose(an_event(), [both[i] for i in order], NEARBY)
    assert chosen is not None
    assert chosen[0].number == "9901022026050100003"


@pytest.mark.parametrize(("east", "joined"), [(49.9, True), (50.1, False)])
def test_beyond_the_metres_nothing_is_chosen(east: float, joined: bool) -> None:
    found = duplicates.choose(an_event(), [at_metres(east)], NEARBY)
    assert (found is not None) == joined


@pytest.mark.parametrize(
    ("after", "joined"),
    [
        (timedelta(hours=24), True),
        (timedelta(hours=24, seconds=1), False),
        (-timedelta(hours=24), True),
        (-timedelta(hours=24, seconds=1), False),
    ],
)
def test_time_counts_from_the_incidents_last_event_on_and_before_its_first(
    after: timedelta, joined: bool
) -> None:
    incident = at_metres(0, first_event_at=NOON - minutes(600), last_event_at=NOON)
    begins = incident.last_event_at if after > timedelta(0) else incident.first_event_at
    found = duplicates.choose(an_event(at=begins + after), [incident], NEARBY)
    assert (found is not None) == joined


def test_between_first_and_last_event_no_time_lies_between() -> None:
    old = at_metres(0, first_event_at=NOON - timedelta(days=9), last_event_at=NOON)
    assert duplicates.apart(NOON - timedelta(days=4), old) == timedelta(0)


@pytest.mark.parametrize("state", [State.CLOSED, State.VOID])
def test_what_has_ended_is_not_chosen(state: State) -> None:
    assert duplicates.choose(an_event(), [at_metres(0, state=state)], NEARBY) is None


def test_without_a_place_on_either_side_nothing_is_chosen() -> None:
    assert duplicates.choose(an_event(place=Place()), [at_metres(0)], NEARBY) is None
    nowhere = an_incident(lon=None, lat=None)
    assert duplicates.choose(an_event(), [nowhere], NEARBY) is None


def test_subjects_are_device_and_rule_or_component_and_category() -> None:
    assert duplicates.subject_of(a_verdict(), "c") == "device:d-7/rule:road-water-cut"
    assert duplicates.subject_of(an_event(subject="component:9"), "c") == "component:9/c"
    assert duplicates.subject_of(an_event(subject="device:9"), "c") == "device:9/c"
    assert duplicates.subject_of(an_event(), "c") is None


# ── a real night ──


def _night() -> list[Event]:
    """The requests in order of time, as people's reports; those without coordinates without a place."""
    with gzip.open(NIGHT, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    events = [_request(row) for row in rows]
    return sorted(events, key=lambda e: (e.at, e.id))


def _request(row: dict[str, str]) -> Event:
    made = datetime.strptime(row["Created Date"] + " -0400", "%m/%d/%Y %I:%M:%S %p %z")
    place = Place()
    if row["Latitude"]:
        lon, lat = float(row["Longitude"]), float(row["Latitude"])
        place = Place(Position(lon, lat, Datum.WGS84), lon, lat)
    return Event(
        source="person:311",
        id=row["Unique Key"],
        origin=Origin.PERSON,
        kind="report",
        at=made,
        place=place,
        category=f"nyc311/matter/{row['Complaint Type'].replace('/', '-')}",
    )


def _repeats(events: list[Event]) -> int:
    """By brute force and the haversine: how many lie ≤ 50 m and < 24 h from an earlier one of their type."""
    return sum(
        any(_same(event, earlier) for earlier in events[:n]) for n, event in enumerate(events)
    )


def _same(one: Event, other: Event) -> bool:
    if one.category != other.category or one.place.lat is None or other.place.lat is None:
        return False
    if one.at - other.at >= timedelta(hours=24):
        return False
    lon1, lat1, lon2, lat2 = (
        math.radians(degrees or 0.0)
        for degrees in (one.place.lon, one.place.lat, other.place.lon, other.place.lat)
    )
    h = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * 6_371_008.8 * math.asin(math.sqrt(h)) <= 50


def _decisions_for(events: list[Event]) -> Decisions:
    keys = {e.category for e in events if e.category}
    return Decisions(
        rules=(),
        routes=RouteBook(1, ()),
        categories={k: Category(CategoryKey.parse(k), k, k) for k in keys},
        nearby=dict.fromkeys(keys, NEARBY),
        region="993600",
        time_zone="America/New_York",
        unsorted=min(keys),
    )


def test_a_real_nights_repeats_are_joined_and_no_others() -> None:
    """188 of 924 repeat an earlier one, and 188 are joined.

    The two could differ: a report may repeat a *report* that had joined an incident opened more than 50 m away,
    and would then open its own. In this night none does.
    """
    events = _night()
    assert (len(events), sum(e.place.lat is not None for e in events)) == (924, 913)
    ledger, decisions = MemoryLedger(), _decisions_for(events)
    receipts = [desk.receive(ledger, e, decisions, e.at) for e in events]
    joined = sum(r.outcome is Outcome.JOINED for r in receipts)
    assert joined == _repeats(events) == 188
    assert len(ledger.incidents) == 924 - 188
    assert sum(i.reports for i in ledger.incidents.values()) == 924


def test_a_report_near_a_joined_report_but_far_from_the_incident_opens_its_own() -> None:
    events = [an_event(str(n), place=a_place(40.0 * n)) for n in range(3)]
    people = [replace(e, origin=Origin.PERSON, category="nyc311/matter/x") for e in events]
    ledger, decisions = MemoryLedger(), _decisions_for(people)
    outcomes = [desk.receive(ledger, e, decisions, NOON).outcome for e in people]
    assert outcomes == [Outcome.OPENED, Outcome.JOINED, Outcome.OPENED]
