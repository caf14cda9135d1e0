"""The keeper of time: what is due is woken once, alone, in small steps; another calendar has deadlines reckoned anew."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from incidents import clocks
from incidents.calendar import TimeLimit, Unit
from incidents.decisions import Decisions
from incidents.errors import Stale
from incidents.postgres import decision_store, wakes
from incidents.postgres.connection import Connection, connect
from incidents.standards import seeds
from streams.timekeeping import AFTER_A_FAULT, ASK_AGAIN, TOGETHER, Timekeeper
from tests.incidents.calendars import SHANGHAI

pytestmark = pytest.mark.real

LITTER = "gb47678.5-2026/matter/06010"
NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url, "watch") as opened:
        yield opened


def an_incident(
    connection: Connection, n: int, wake_at: datetime | None, held: dict[str, Any] | None = None
) -> str:
    number = f"99010220261124{n:05}"
    connection.execute(
        "insert into incident (number, state, version, category, source, first_event_at, last_event_at,"
        " reported_at, changed_at, clocks, wake_at)"
        " values (%s, 'handling', 1, %s, 'x', %s, %s, %s, %s, %s, %s)",
        (number, LITTER, NOW, NOW, NOW, NOW, json.dumps(held or {}), wake_at),
    )
    return number


def wake_of(connection: Connection, number: str) -> datetime | None:
    row = connection.execute("select wake_at from incident where number = %s", (number,)).fetchone()
    assert row is not None
    found: datetime | None = row[0]
    return found


class Desk:
    """Wakes as the desk does: what was due is done and due no more; notes whom it woke."""

    def __init__(self, then: datetime | None = None) -> None:
        self.woken: list[str] = []
        self.then = then

    def wake(self, connection: Connection, number: str, now: datetime, _: Decisions) -> None:
        self.woken.append(number)
        connection.execute(
            "update incident set wake_at = %s, version = version + 1 where number = %s",
            (self.then, number),
        )


def handling(at: datetime, limit: TimeLimit, decisions: Decisions) -> dict[str, Any]:
    clock = clocks.begin("handling", limit, at, decisions.calendar)
    return {"handling": clocks.as_json(clock)}


def test_what_is_due_is_woken_once_and_what_is_not_sleeps_on(connection: Connection) -> None:
    desk = Desk()
    due = [an_incident(connection, n, NOW - n * MINUTE) for n in range(2 * TOGETHER + 3)]
    an_incident(connection, 900, NOW + MINUTE)
    an_incident(connection, 901, None)
    keeper = Timekeeper(desk.wake)
    assert keeper.look(connection, NOW)[-1].startswith(f"wake: {len(due)} ")
    assert desk.woken == due[::-1]  # the longest waiting first
    assert keeper.look(connection, NOW) == []
    assert len(desk.woken) == len(due)


def test_two_keepers_at_once_wake_every_incident_exactly_once(
    connection: Connection, database_url: str
) -> None:
    due = {an_incident(connection, n, NOW) for n in range(60)}
    desks = [Desk(), Desk()]
    start = threading.Barrier(2)

    def keep(desk: Desk) -> None:
        with connect(database_url, "watch") as own:
            start.wait()
            Timekeeper(desk.wake).look(own, NOW)

    threads = [threading.Thread(target=keep, args=(desk,)) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    woken = desks[0].woken + desks[1].woken
    assert sorted(woken) == sorted(due)


def test_an_incident_somebody_is_moving_is_passed_over_and_woken_the_next_time(
    connection: Connection, database_url: str
) -> None:
    held, free = (an_incident(connection, n, NOW) for n in (1, 2))
    desk = Desk()
    keeper = Timekeeper(desk.wake)
    with connect(database_url, "api") as other, other.transaction():
        other.execute("select 1 from incident where number = %s for update", (held,))
        keeper.look(connection, NOW)
        assert desk.woken == [free]
    keeper.look(connection, NOW)
    assert desk.woken == [free, held]


def test_one_that_cannot_be_woken_is_said_rests_and_keeps_nobody_else_from_waking(
    connection: Connection,
) -> None:
    bad, good = an_incident(connection, 1, NOW - MINUTE), an_incident(connection, 2, NOW)
    desk = Desk()

    def wake(conn: Connection, number: str, now: datetime, decisions: Decisions) -> None:
        desk.wake(conn, number, now, decisions)
        if number == bad:
            raise Stale(zh="坏了", en="broken")

    keeper = Timekeeper(wake)
    with capture_logs() as logs:
        keeper.look(connection, NOW)
    assert desk.woken == [bad, good]
    assert [one["number"] for one in logs if one["log_level"] == "error"] == [bad]
    assert wake_of(connection, bad) == NOW + AFTER_A_FAULT
    assert wake_of(connection, good) is None
    version = connection.execute("select version from incident where number = %s", (bad,))
    assert version.fetchone() == (1,)  # what it had begun is undone
    keeper.look(connection, NOW + AFTER_A_FAULT)
    assert desk.woken == [bad, good, bad]


def test_one_that_stays_due_is_not_asked_again_and_again(connection: Connection) -> None:
    number = an_incident(connection, 1, NOW - MINUTE)
    desk = Desk(then=NOW - MINUTE)
    Timekeeper(desk.wake).look(connection, NOW)
    assert desk.woken == [number]
    assert wake_of(connection, number) == NOW + ASK_AGAIN


def test_a_confirmed_calendar_has_every_deadline_in_working_time_reckoned_anew_at_once(
    connection: Connection,
) -> None:
    decision_store.seed(connection)
    decisions = decision_store.in_force(connection)
    began = datetime(2026, 12, 30, 16, 0, tzinfo=SHANGHAI)
    provisional = handling(began, TimeLimit(5, Unit.WORK_DAY), decisions)
    assert provisional["handling"]["provisional"]
    always = handling(began, TimeLimit(300, Unit.URGENT_HOUR), decisions)
    numbers = [
        an_incident(connection, 1, NOW + 99 * MINUTE, provisional),
        an_incident(connection, 2, None, provisional),
        an_incident(connection, 3, NOW + 99 * MINUTE, always),
    ]
    ended = an_incident(connection, 4, None, provisional)
    connection.execute("update incident set state = 'closed' where number = %s", (ended,))
    assert wakes.provisional(connection) == 2

    desk = Desk()
    keeper = Timekeeper(desk.wake)
    assert keeper.look(connection, NOW) == []

    body = copy.deepcopy(seeds.calendar())
    body["confirmed_until"] = "2027-12-31"
    decision_store.keep(connection, "calendar", body, "王某")
    said = keeper.look(connection, NOW)
    assert [line for line in said if line.startswith("calendar:") and "，2 个案件" in line], said
    assert desk.woken == numbers[:2]
    assert keeper.look(connection, NOW) == []


def test_a_calendar_that_came_while_nobody_watched_is_made_up_for(connection: Connection) -> None:
    decision_store.seed(connection)
    decisions = decision_store.in_force(connection)
    held = handling(NOW, TimeLimit(5, Unit.WORK_DAY), decisions)
    number = an_incident(connection, 1, None, held)
    decision_store.keep(connection, "calendar", seeds.calendar(), "王某")
    row = connection.execute("select max(holds_from) from decision").fetchone()
    assert row is not None
    begun: datetime = row[0]
    late = Desk()
    Timekeeper(late.wake).look(connection, begun + timedelta(days=2))
    assert late.woken == []
    soon = Desk()
    Timekeeper(soon.wake).look(connection, begun + timedelta(hours=2))
    assert soon.woken == [number]


def test_the_reminder_comes_once_a_day_from_november_and_stops_with_the_confirmation(
    connection: Connection,
) -> None:
    keeper = Timekeeper(Desk().wake)

    def warned(at: datetime) -> list[str]:
        with capture_logs() as logs:
            keeper.look(connection, at)
        return [one["event"] for one in logs if one["log_level"] == "warning"]

    assert warned(datetime(2026, 10, 31, 12, tzinfo=SHANGHAI)) == []
    [first] = warned(datetime(2026, 11, 1, 0, tzinfo=SHANGHAI))
    assert "缺 2027 年" in first
    assert "2027 missing" in first
    assert warned(datetime(2026, 11, 1, 23, tzinfo=SHANGHAI)) == []
    assert len(warned(datetime(2026, 11, 2, 0, tzinfo=SHANGHAI))) == 1
    body = {**seeds.calendar(), "confirmed_until": "2027-12-31"}
    decision_store.keep(connection, "calendar", body, "王某")
    assert warned(datetime(2026, 11, 3, 0, tzinfo=SHANGHAI)) == []


def test_decisions_that_cannot_be_read_leave_the_old_ones_in_force(connection: Connection) -> None:
    desk = Desk()
    keeper = Timekeeper(desk.wake)
    keeper.look(connection, NOW)
    connection.execute(
        "insert into decision (kind, holds_from, author, body) values ('calendar', now(), 'x', '{}')"
    )
    number = an_incident(connection, 1, NOW)
    with capture_logs() as logs:
        keeper.look(connection, NOW)
    assert desk.woken == [number]
    assert any("decisions unreadable" in one["event"] for one in logs)
