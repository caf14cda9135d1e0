"""What a demo says: the same for the same number, something of everything, all of it understandable."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from demo import nyc, nyc_decisions
from demo.city import build
from demo.day import DAY_S, Day
from demo.plot import tell
from demo.script import NIGHT_S, SPEED, CityScript, NightScript
from grid.atlas import Atlas
from grid.coordinates import Datum
from incidents.category import CategoryKey
from incidents.decisions import Decisions
from incidents.dispatching import RouteQuestion, route
from incidents.rules_book import CountRule, Direction, ReportRule, ThresholdRule, matches
from incidents.standards import tables

Series = dict[tuple[str, str], list[tuple[int, float]]]


@pytest.fixture(scope="module")
def decisions() -> Decisions:
    return tables.decide(tables.seed(), {})


@pytest.fixture(scope="module")
def days() -> list[Day]:
    city = build()
    return [tell(city.devices, city.components, number) for number in range(5)]


@pytest.fixture(scope="module")
def series(days: list[Day]) -> Series:
    """Everything the machines tell on the first day."""
    told: Series = defaultdict(list)
    for second in range(DAY_S):
        for device, metric, value in days[0].readings(build().devices, second):
            told[device, metric].append((second, value))
    return told


def test_the_same_number_gives_the_same_day() -> None:
    one, other = CityScript(build()), CityScript(build())
    for second in (*range(120), DAY_S + 7, 3 * DAY_S + 500):
        assert one.at(second) == other.at(second)


def test_another_number_gives_another_day(days: list[Day]) -> None:
    assert all(a.episodes != b.episodes and a.calls != b.calls for a, b in pairwise(days))


def test_the_first_half_minute_has_trouble_from_a_machine_a_camera_and_a_person() -> None:
    script = CityScript(build())
    said = [script.at(second) for second in range(30)]
    tilts = [
        value
        for each in said
        for readings in each.readings.values()
        for _, metric, value in readings
        if metric == "manhole.tilt" and value is not None
    ]
    assert max(tilts) > 10
    assert any(event["score"] > 0.6 for each in said for event in each.events.get("video", []))
    assert any(each.reports for each in said)


def test_every_rule_over_readings_is_provoked_within_a_day(
    series: Series, decisions: Decisions
) -> None:
    for rule in decisions.rules:
        if isinstance(rule, ReportRule):
            continue
        runs = [
            _longest_run(told, rule)
            for (_, metric), told in series.items()
            if metric == rule.metric
        ]
        needed = rule.for_s + rule.settle_s if isinstance(rule, ThresholdRule) else 10
        assert max(runs) >= needed, rule.code


def test_most_devices_are_at_rest(series: Series, decisions: Decisions) -> None:
    troubled = {
        device
        for rule in decisions.rules
        if not isinstance(rule, ReportRule)
        for (device, metric), told in series.items()
        if metric == rule.metric and _longest_run(told, rule) >= max(1, _lasting(rule))
    }
    assert 15 <= len(troubled) <= 60


def test_people_and_cameras_name_places_within_the_city_in_gcj02(days: list[Day]) -> None:
    atlas = Atlas.of(build().edition)
    raw = [seen.place for day in days for seen in day.sightings]
    raw += [call.place for day in days for call in day.calls]
    assert {place.datum for place in raw} == {Datum.GCJ02}
    placed = [place.into(Datum.WGS84) for place in raw]
    found = atlas.locate(np.array([p.lon for p in placed]), np.array([p.lat for p in placed]))
    assert (found >= 0).mean() > 0.97


def test_what_people_and_cameras_tell_has_a_category_that_leads_to_a_department(
    days: list[Day], decisions: Decisions
) -> None:
    told = {seen.category for day in days for seen in day.sightings}
    told |= {call.category or decisions.unsorted for day in days for call in day.calls}
    for category in told:
        assert category in decisions.categories
        found = route(RouteQuestion(category), decisions.routes)
        assert found.department in decisions.departments


def test_what_cameras_tell_is_what_a_rule_listens_to(days: list[Day], decisions: Decisions) -> None:
    reports = [rule for rule in decisions.rules if isinstance(rule, ReportRule)]
    for seen in days[0].sightings:
        rules = [r for r in reports if any(matches(p, seen.category) for p in r.categories)]
        assert rules, seen
        assert any(not r.zones or set(seen.zones) <= r.zones for r in rules)


def test_events_and_reports_are_named_once(days: list[Day]) -> None:
    ids = [thing.id for day in days for thing in day.sightings]
    assert len(ids) == len(set(ids))
    keys = [call.id for day in days for call in day.calls]
    assert len(keys) == len(set(keys))


def test_the_night_tells_every_request_once_a_lap_and_never_two_by_one_name() -> None:
    script, lap = NightScript(), NIGHT_S // SPEED
    said = [
        event["id"]
        for second in range(2 * lap)
        for event in script.at(second).events.get("nyc311", [])
    ]
    assert len(said) == len(set(said)) == 2 * 924
    assert set(said[:924]) == {r.key for r in nyc.requests()}


def test_the_night_tells_an_hour_of_beijing_every_fifteen_seconds() -> None:
    script = NightScript()
    told = [
        value
        for second in range(15 * 100)
        for _, _, value in script.at(second).readings.get("beijing", [])
    ]
    assert told == [v for v in list(nyc.series())[24:124] if v is not None]


def test_new_yorks_decisions_send_every_request_to_its_agency() -> None:
    decisions = tables.decide(nyc_decisions.bodies(), {}, nyc.REGION, nyc.TIME_ZONE)
    led = [
        route(RouteQuestion(r.category), decisions.routes).department == r.agency
        for r in nyc.requests()
    ]
    assert led.count(False) == 1  # one encampment went to DHS, six to NYPD
    assert {CategoryKey.parse(key).code_set for key in decisions.categories} == {"nyc311"}


def _lasting(rule: ThresholdRule | CountRule) -> int:
    return rule.for_s if isinstance(rule, ThresholdRule) else 1


def _longest_run(told: list[tuple[int, float]], rule: ThresholdRule | CountRule) -> int:
    """Seconds for which a series stays beyond the rule's level."""
    longest, since = -1, None
    for second, value in told:
        above = rule.direction is Direction.ABOVE
        if value >= rule.raise_at if above else value <= rule.raise_at:
            since = second if since is None else since
            longest = max(longest, second - since)
        else:
            since = None
    return longest
