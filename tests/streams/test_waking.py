"""The watch and the desk together, on a real database: a provisional deadline confirmed, an overdue incident urged by itself."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from incidents import desk
from incidents.incident import Actor, Incident
from incidents.lifecycle import Role
from incidents.postgres import city, decision_store
from incidents.postgres.connection import Connection, connect, pool
from incidents.postgres.ledger import PostgresLedger
from incidents.postgres.numbers import Numbers
from incidents.standards import seeds
from streams.timekeeping import Timekeeper
from streams.watch import wake
from tests.incidents.builders import LITTER, a_report
from tests.incidents.calendars import here

pytestmark = pytest.mark.real

REPORTED = here("2026-12-31 16:00")
INTAKE, DISPATCHER = Actor("李", Role.INTAKE_OFFICER), Actor("王", Role.DISPATCHER)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url, "watch") as opened:
        city.put(opened, city.City("试城", "990102"))
        decision_store.seed(opened)
        yield opened


def dispatched(connection: Connection, url: str, condition: str) -> Incident:
    """An incident a person reported on the last day of 2026 at four, dispatched ten minutes later."""
    decisions = decision_store.in_force(connection)
    with pool(url, "numbers", 1) as numbers, connection.transaction():
        ledger = PostgresLedger(connection, Numbers(numbers))
        event = a_report(at=REPORTED, place=a_report().place, category=LITTER)
        receipt = desk.receive(ledger, event, decisions, REPORTED)
        number = receipt.number
        assert number is not None
        at = REPORTED + timedelta(minutes=10)
        before = ledger.load(number)
        given = {"condition": condition}
        after = desk.move(ledger, number, "open", INTAKE, at, given, before.version, decisions)
        if after.department is None:
            to = {"department": "CG-HW"}
            after = desk.move(
                ledger, number, "dispatch", DISPATCHER, at, to, after.version, decisions
            )
    assert after.due_at is not None
    return after


def now_of(connection: Connection, number: str) -> Incident:
    return PostgresLedger(connection, _none).load(number)


def _none(region: str, day: object) -> str:
    raise AssertionError(f"{region} {day}")


def moves_of(connection: Connection, number: str) -> list[str]:
    rows = connection.execute(
        "select h.move from history h join incident i on i.id = h.incident_id where i.number = %s order by seq",
        (number,),
    )
    return [row[0] for row in rows]


def with_notice() -> dict[str, Any]:
    """As if a notice for 2027 had come: Monday 4 January off as well. Invented."""
    body = copy.deepcopy(seeds.calendar())
    body["confirmed_until"] = "2027-12-31"
    body["days"].append(
        {"date": "2027-01-04", "kind": "holiday", "name": "元旦", "source": "试验 / a test"}
    )
    return body


def test_a_provisional_deadline_moves_when_the_calendar_is_confirmed_and_the_history_says_so(
    connection: Connection, database_url: str
) -> None:
    incident = dispatched(connection, database_url, "1")
    assert incident.due_at == here(
        "2027-01-04 10:10"
    )  # four working hours: two today, two on Monday
    assert incident.clocks["handling"]["provisional"]
    keeper = Timekeeper(wake)
    now = REPORTED + timedelta(minutes=20)
    keeper.look(connection, now)
    assert now_of(connection, incident.number).due_at == incident.due_at

    decision_store.keep(connection, "calendar", with_notice(), "王某")
    keeper.look(connection, now)
    after = now_of(connection, incident.number)
    assert after.due_at == here("2027-01-05 10:10")
    assert not after.clocks["handling"]["provisional"]
    assert moves_of(connection, incident.number)[-1] == "retime"
    count = len(moves_of(connection, incident.number))
    keeper.look(connection, now + timedelta(minutes=1))
    assert len(moves_of(connection, incident.number)) == count


def test_an_overdue_incident_is_urged_by_itself_once_at_its_moment(
    connection: Connection, database_url: str
) -> None:
    incident = dispatched(connection, database_url, "1")
    due: datetime | None = incident.due_at
    assert due is not None
    keeper = Timekeeper(wake)
    keeper.look(connection, due)
    assert "urge" not in moves_of(connection, incident.number)
    keeper.look(connection, due + timedelta(hours=25))
    assert moves_of(connection, incident.number).count("urge") >= 1
    count = len(moves_of(connection, incident.number))
    keeper.look(connection, due + timedelta(hours=25))
    assert len(moves_of(connection, incident.number)) == count
