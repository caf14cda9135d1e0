"""The city's decisions: dated editions with an author, refused whole, fitting each other on every day to come."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incidents.calendar import Unit
from incidents.errors import DecisionRefused
from incidents.postgres import city, decision_store
from incidents.postgres.connection import connect
from incidents.standards import tables

pytestmark = pytest.mark.real

SOON = datetime.now(UTC) + timedelta(days=30)


def seed_of(kind: str) -> dict[str, Any]:
    return copy.deepcopy(tables.seed()[kind])


def test_before_anybody_decided_the_seed_holds(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        decisions = decision_store.in_force(conn)
    assert decisions.rules
    assert decisions.editions == {}


def test_seeding_keeps_an_edition_of_each_kind_once_and_its_departments(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        assert set(decision_store.seed(conn)) == set(tables.KINDS)
        assert decision_store.seed(conn) == ()
        decisions = decision_store.in_force(conn)
        known = {one.code for one in city.departments(conn)}
    assert set(decisions.editions) == set(tables.KINDS)
    assert known == set(decisions.departments)


def test_a_new_edition_holds_from_its_day_and_the_old_one_until_then(database_url: str) -> None:
    body = seed_of("rules")
    body["rules"] = body["rules"][:1]
    with connect(database_url, "test") as conn:
        decision_store.seed(conn)
        number = decision_store.keep(conn, "rules", body, "王某", SOON)
        before = decision_store.in_force(conn)
        after = decision_store.in_force(conn, SOON)
        newest = decision_store.editions(conn, "rules")[0]
    assert len(before.rules) == len(seed_of("rules")["rules"])
    assert (len(after.rules), after.editions["rules"]) == (1, number)
    assert (newest.id, newest.author, newest.holds_from) == (number, "王某", SOON)


def test_the_calendar_of_then_is_asked_for_by_the_instant(database_url: str) -> None:
    """A clock that stopped is explained by what it was judged by, though the calendar was corrected since."""
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    body = seed_of("calendar")
    typhoon = {"date": "2026-11-23", "kind": "holiday", "name": "台风停工", "source": "市政府通告"}
    body["days"] = [*body["days"], typhoon]
    with connect(database_url, "test") as conn:
        decision_store.seed(conn)
        before = datetime.now(UTC)
        decision_store.keep(conn, "calendar", body, "王某")
        now = decision_store.in_force(conn)
        then = decision_store.calendar_at(conn, before, now)
        today = decision_store.calendar_at(conn, datetime.now(UTC), now)
    assert today is now.calendar
    day = (monday, monday + timedelta(days=1), Unit.WORK_HOUR)
    assert [c.used(*day, None).amount for c in (then, today)] == [8, 0]


def test_the_later_of_two_editions_for_the_same_moment_holds(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        decision_store.keep(conn, "routes", seed_of("routes"), "a", SOON)
        second = decision_store.keep(conn, "routes", seed_of("routes"), "b", SOON)
        assert decision_store.editions_in_force(conn, SOON)["routes"].id == second


def test_an_unsound_edition_is_refused_with_its_rows_and_leaves_nothing(database_url: str) -> None:
    body = seed_of("rules")
    body["rules"][0].pop("code")
    with connect(database_url, "test") as conn:
        with pytest.raises(DecisionRefused) as refusal:
            decision_store.keep(conn, "rules", body, "a")
        assert decision_store.editions(conn, "rules") == []
    assert refusal.value.facts["faults"][0][0].startswith("rules[0]")


def test_a_route_to_a_department_nobody_knows_is_refused(database_url: str) -> None:
    body = seed_of("routes")
    body["routes"][0]["department"] = "NOWHERE"
    with connect(database_url, "test") as conn:
        decision_store.seed(conn)
        with pytest.raises(DecisionRefused, match="NOWHERE"):
            decision_store.keep(conn, "routes", body, "a")
        assert len(decision_store.editions(conn, "routes")) == 1


def test_a_decision_that_would_break_one_already_made_for_later_is_refused(
    database_url: str,
) -> None:
    later, now = seed_of("standards"), seed_of("routes")
    unused = {"code": "NEW", "zh": "新部门"}
    later["departments"].append(unused)
    with connect(database_url, "test") as conn:
        decision_store.seed(conn)
        decision_store.keep(conn, "standards", {**seed_of("standards"), **later}, "a")
        decision_store.keep(conn, "standards", seed_of("standards"), "a", SOON)
        now["routes"].append({"code": "to-new", "categories": [], "department": "NEW"})
        with pytest.raises(DecisionRefused, match="NEW"):
            decision_store.keep(conn, "routes", now, "a")


def test_a_kind_nobody_knows_is_refused(database_url: str) -> None:
    with connect(database_url, "test") as conn, pytest.raises(DecisionRefused, match="weather"):
        decision_store.keep(conn, "weather", {}, "a")


def test_the_stamp_changes_with_a_decision_and_with_the_city_and_not_otherwise(
    database_url: str,
) -> None:
    with connect(database_url, "test") as conn:
        stamps = [decision_store.stamp(conn)]
        decision_store.seed(conn)
        stamps.append(decision_store.stamp(conn))
        assert decision_store.stamp(conn) == stamps[-1]
        decision_store.keep(conn, "rules", seed_of("rules"), "a", SOON)
        assert decision_store.stamp(conn) == stamps[-1]
        decision_store.keep(conn, "rules", seed_of("rules"), "a")
        stamps.append(decision_store.stamp(conn))
        city.put(conn, city.City("城", "110101"))
        stamps.append(decision_store.stamp(conn))
    assert len(set(stamps)) == 4


def test_the_city_s_region_and_time_zone_are_in_its_decisions(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        city.put(conn, city.City("乌鲁木齐", "650100", "Asia/Urumqi"))
        decisions = decision_store.in_force(conn)
    assert (decisions.region, decisions.time_zone) == ("650100", "Asia/Urumqi")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (city.City("x", "1101"), "6 位"),
        (city.City("x", "110101", "Asia/Nowhere"), "时区"),
        (city.City("x", "110101", "../etc/passwd"), "时区"),
    ],
)
def test_a_city_that_cannot_be_is_refused(database_url: str, bad: city.City, why: str) -> None:
    with connect(database_url, "test") as conn:
        with pytest.raises(DecisionRefused, match=why):
            city.put(conn, bad)
        assert city.get(conn) is None


def test_departments_above_each_other_in_a_circle_are_refused(database_url: str) -> None:
    circle = [city.Department("a", "甲", "b"), city.Department("b", "乙", "a")]
    with connect(database_url, "test") as conn:
        with pytest.raises(DecisionRefused, match="互为上级"):
            city.put_departments(conn, circle)
        assert city.departments(conn) == []
