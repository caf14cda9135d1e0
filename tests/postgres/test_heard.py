"""Events that may count together, asked of a real database: none missing, and none counted by two at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from incidents import desk
from incidents.decisions import Decisions
from incidents.event import Event, Outcome
from incidents.postgres import heard
from incidents.postgres.connection import Connection, connect
from incidents.postgres.ledger import PostgresLedger
from incidents.postgres.numbers import Numbers
from incidents.rules_book import CountEventsRule
from tests.contracts.heard import AROUND, THRICE, HeardContract, filed
from tests.incidents.builders import NOON, a_place, an_event, the_decisions

pytestmark = pytest.mark.real


class TestPostgresHears(HeardContract):
    """The contract, on a real database."""

    @pytest.fixture
    def ledger(self, connection: Connection, numbers: Numbers) -> Iterator[PostgresLedger]:
        with connection.transaction(force_rollback=True):
            yield PostgresLedger(connection, numbers)


def test_of_very_many_the_nearest_in_time_are_looked_at(
    connection: Connection, numbers: Numbers
) -> None:
    with connection.transaction(force_rollback=True):
        ledger = PostgresLedger(connection, numbers)
        filed(ledger, an_event("e0", at=NOON - timedelta(seconds=2)))
        connection.execute(
            "insert into event (source, id, origin, kind, category, at, outcome, why) select 'cam-02', n::text, "
            "'stream', 'x', (select category from event limit 1), %s, 'filtered', '' from generate_series(1, %s) n",
            (NOON - timedelta(seconds=1), heard.MOST),
        )
        found = ledger.heard(THRICE, an_event())
        assert len(found) == heard.MOST
        assert {event.source for event in found} == {"cam-02"}


def the_nth(rule: CountEventsRule) -> Decisions:
    return replace(the_decisions(), rules=(rule,), nearby={"*": None}, departments={})


@pytest.mark.parametrize("rule", [THRICE, AROUND], ids=["in the city", "within metres"])
def test_told_at_once_by_many_the_nth_is_never_overlooked(
    database_url: str, numbers: Numbers, rule: CountEventsRule
) -> None:
    """Without the lock each of three would see none of the others, and nobody would open anything."""
    together = threading.Barrier(3)
    outcomes: list[Outcome] = []
    city = the_nth(rule)
    city = replace(city, routes=replace(city.routes, routes=()))

    def tell(event: Event) -> None:
        with connect(database_url, event.id) as mine:
            together.wait()
            with mine.transaction():
                receipt = desk.receive(PostgresLedger(mine, numbers), event, city, NOON)
            outcomes.append(receipt.outcome)

    place = replace(a_place(), cell=None)
    threads = [
        threading.Thread(target=tell, args=(an_event(f"e{n}", place=place),)) for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [Outcome.FILTERED, Outcome.FILTERED, Outcome.OPENED]
