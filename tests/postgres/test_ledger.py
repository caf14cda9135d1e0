"""The ledger in PostgreSQL keeps what the desk relies on, and what only a real database can show."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from incidents import desk
from incidents.desk import Ledger
from incidents.errors import Stale
from incidents.event import Outcome
from incidents.incident import Actor, HistoryRow
from incidents.lifecycle import Role, State
from incidents.postgres import city
from incidents.postgres.connection import Connection, connect
from incidents.postgres.ledger import PostgresLedger
from incidents.postgres.ledger_rows import fact_body
from incidents.postgres.numbers import Numbers
from incidents.replaying import fold
from streams import wire
from tests.contracts.ledger import LedgerContract, _begun, _open, _void
from tests.incidents.builders import (
    LAT,
    LITTER,
    LON,
    NOON,
    a_place,
    a_report,
    a_verdict,
    an_event,
    the_decisions,
)

pytestmark = pytest.mark.real


@pytest.fixture
def ledger(connection: Connection, numbers: Numbers) -> Iterator[PostgresLedger]:
    with connection.transaction(force_rollback=True):
        yield PostgresLedger(connection, numbers)


class TestPostgresLedger(LedgerContract):
    """The contract, on a real database."""


def test_a_fact_is_read_by_who_follows_the_topic(ledger: Ledger) -> None:
    incident, _, fact = _begun(ledger, a_report(reporter={"name": "王某", "phone": "13800001234"}))
    read = wire.decode_fact(fact_body(fact).encode())
    assert (read.fact_id, read.fact, read.number) == (fact.id, fact.kind, incident.number)
    assert read.version == 1
    assert datetime.fromisoformat(read.at) == fact.at
    assert read.incident["state"] == "open"
    assert read.incident["cell_code"] == incident.cell_code
    assert "reporter" not in read.incident
    assert "13800001234" not in fact_body(fact)


def test_each_line_of_the_history_holds_the_hash_of_the_one_before(
    ledger: Ledger, connection: Connection
) -> None:
    number = _open(ledger, an_event()).number
    _void(ledger, ledger.load(number))
    rows = connection.execute(
        "select h.prev_hash, h.hash, i.last_hash from history h join incident i on i.id = h.incident_id "
        "where i.number = %s order by h.seq",
        (number,),
    ).fetchall()
    assert rows[0][0] is None
    assert rows[1][0] == rows[0][1]
    assert rows[1][2] == rows[1][1]
    assert rows[0][1] != rows[1][1]


def test_what_happened_stands_in_the_outbox_once_and_in_order(
    ledger: Ledger, connection: Connection
) -> None:
    number = _open(ledger, an_event()).number
    _void(ledger, ledger.load(number))
    bodies = [
        json.loads(row[0])
        for row in connection.execute(
            "select body from outbox where key = %s order by id", (number,)
        ).fetchall()
    ]
    assert [b["fact_id"] for b in bodies] == [f"{number}/1", f"{number}/2"]
    assert {b["schema"] for b in bodies} == {"incident_fact.v1"}


def test_a_refused_change_leaves_neither_history_nor_fact(
    ledger: Ledger, connection: Connection
) -> None:
    before = _open(ledger, an_event())
    _void(ledger, before)
    with pytest.raises(Stale):
        _void(ledger, before)
    counts = connection.execute(
        "select (select count(*) from history), (select count(*) from outbox)"
    ).fetchone()
    assert counts == (2, 2)


def test_a_nul_in_a_text_becomes_a_replacement_mark_and_no_crash(ledger: Ledger) -> None:
    event = an_event(text="坏\x00字", kind="a\x00b", raw={"a\x00": ["\x00"]}, zones=("z\x00",))
    incident = _open(ledger, event)
    ledger.record(event, Outcome.OPENED, "命中", incident.number)
    assert ledger.load(incident.number).text == "坏\ufffd字"


def test_a_text_that_only_looks_like_an_escaped_nul_stays(ledger: Ledger) -> None:
    assert ledger.load(_open(ledger, an_event(text="\\u0000")).number).text == "\\u0000"


def test_two_reports_of_one_trouble_at_the_same_moment_make_one_incident(
    database_url: str, numbers: Numbers
) -> None:
    city, start = the_decisions(), threading.Barrier(6)
    outcomes: list[Outcome] = []

    def report(n: int) -> None:
        event = a_report(f"r{n}", place=a_place(n * 2.0), category=LITTER)
        with connect(database_url, "desk") as own:
            start.wait()
            with own.transaction():
                receipt = desk.receive(PostgresLedger(own, numbers), event, city, NOON)
            outcomes.append(receipt.outcome)

    crowd = [threading.Thread(target=report, args=(n,)) for n in range(6)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert sorted(outcomes) == [Outcome.JOINED] * 5 + [Outcome.OPENED]
    with connect(database_url, "look") as own:
        assert own.execute("select count(*), max(reports) from incident").fetchone() == (1, 6)


def test_only_one_of_many_movers_at_once_succeeds_and_the_others_are_told(
    database_url: str, numbers: Numbers
) -> None:
    with connect(database_url, "desk") as own:
        before = _open(PostgresLedger(own, numbers), an_event())
    start, told = threading.Barrier(5), []

    def void() -> None:
        with connect(database_url, "desk") as own:
            start.wait()
            try:
                _void(PostgresLedger(own, numbers), before)
                told.append("kept")
            except Stale as stale:
                told.append(str(stale.facts["current"].state))

    crowd = [threading.Thread(target=void) for _ in range(5)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert sorted(told) == ["kept"] + ["void"] * 4


def test_near_the_pole_and_the_date_line_is_a_place_like_any_other(ledger: Ledger) -> None:
    for lon, lat in ((LON, LAT), (179.9999, 0.0), (0.0, 89.9)):
        place = replace(a_place(), lon=lon, lat=lat)
        incident = _open(ledger, an_event(f"at {lon}", place=place))
        found = ledger.near(LITTER, lon, lat, 30, datetime(2020, 1, 1, tzinfo=UTC))
        assert [i.number for i in found] == [incident.number]
        assert incident.state is State.OPEN


def test_an_event_long_ago_is_not_near_in_time(ledger: Ledger) -> None:
    _open(ledger, an_event())
    assert not ledger.near(LITTER, LON, LAT, 50, NOON + timedelta(seconds=1))


def test_of_two_wakings_at_once_the_system_acts_once(database_url: str, numbers: Numbers) -> None:
    with connect(database_url, "waking") as own:
        _settle_departments(own)
        ledger = PostgresLedger(own, numbers)
        opened = desk.receive(ledger, a_verdict(), the_decisions(), NOON).incident
    assert opened is not None
    assert opened.due_at is not None
    late = opened.due_at + timedelta(minutes=1)
    start, told = threading.Barrier(2), []

    def wake() -> None:
        with connect(database_url, "waking") as own:
            start.wait()
            try:
                told.append(
                    desk.wake(
                        PostgresLedger(own, numbers), opened.number, late, the_decisions()
                    ).urges
                )
            except Stale as stale:
                told.append(stale.facts["current"].urges)

    threads = [threading.Thread(target=wake) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [1, 1]


def test_an_incident_is_the_fold_of_the_history_the_database_gives_back(
    connection: Connection, ledger: PostgresLedger
) -> None:
    _settle_departments(connection)
    opened = desk.receive(ledger, a_verdict(), the_decisions(), NOON).incident
    assert opened is not None
    crew = Actor("crew", Role.DEPARTMENT, opened.department)
    lead = Actor("lead", Role.SHIFT_LEAD)
    steps: list[tuple[str, Actor, dict[str, object]]] = [
        ("accept", crew, {"handler": "老王"}),
        ("ask_suspend", crew, {"reason": "等雨停", "until": NOON + timedelta(days=2)}),
        ("grant", lead, {}),
        ("resume", lead, {}),
        ("urge", lead, {"reason": "快"}),
        ("report_handled", crew, {}),
        ("rework", lead, {"reason": "未净"}),
        ("send_back", crew, {"reason": "非我"}),
        ("dispatch", lead, {"department": "CG-HW"}),
    ]
    now = opened
    for n, (name, by, given) in enumerate(steps):
        at = NOON + timedelta(minutes=n)
        now = desk.move(ledger, now.number, name, by, at, given, now.version, the_decisions())
    columns = ", ".join(f.name for f in fields(HistoryRow))
    rows = [
        HistoryRow(*row)
        for row in connection.execute(
            f"select {columns} from history order by seq".encode()
        ).fetchall()
    ]
    again = fold(now, rows, lambda _: desk.terms_of(the_decisions()))
    assert replace(again, explanation=now.explanation) == ledger.load(now.number)


def _settle_departments(own: Connection) -> None:
    rows = the_decisions().departments.values()
    city.put_departments(own, [city.Department(d.code, d.name_zh, d.parent) for d in rows])
