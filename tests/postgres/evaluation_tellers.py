"""Tells made-up lives of incidents to the ledger, and reads evaluation back, for the tests of its store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from incidents.incident import Fact, HistoryRow, Incident, Kept
from incidents.lifecycle import State
from incidents.postgres import city
from incidents.postgres import evaluation_editions as editions
from incidents.postgres import evaluation_views as views
from incidents.postgres.connection import Connection
from incidents.postgres.ledger import PostgresLedger
from incidents.standards import evaluation_tables
from tests.incidents import evaluation_oracle as oracle
from tests.incidents.evaluation_stories import DEPARTMENTS, Story


def _no_numbers(region: str, day: date) -> str:
    raise AssertionError("these incidents bring their numbers")


def settle(conn: Connection) -> None:
    """The departments the stories name, in a city eight hours east."""
    city.put(conn, city.City("试城", "110101"))
    city.put_departments(conn, [city.Department(code, f"{code}局") for code in DEPARTMENTS])


@dataclass
class Teller:
    """Tells stories on one connection; remembers how much of each was told."""

    conn: Connection
    told: dict[int, Incident] = field(default_factory=dict)

    def tell(self, number: int, story: Story, lines: int | None = None) -> None:
        """The story's lines up to `lines` (None: all) that were not told yet."""
        before = self.told.get(number)
        begin = before.version if before else 0
        end = len(story.steps) if lines is None else lines
        if end <= begin:
            return
        kept = [self._kept(number, story, n) for n in range(begin, end)]
        ledger = PostgresLedger(self.conn, _no_numbers)
        with self.conn.transaction():
            if before is None:
                assert ledger.open(kept[:1])
                before, kept = kept[0][0], kept[1:]
            for one in kept:
                ledger.keep(before, [one])
                before = one[0]
        self.told[number] = before

    def _kept(self, number: int, story: Story, n: int) -> Kept:
        step = story.steps[n]
        last = n == len(story.steps) - 1
        after = self._incident(number, story, n, last)
        row = HistoryRow(
            n + 1, step.at, step.move, step.by, step.role, step.department,
            story.steps[n - 1].to_state if n else None, step.to_state, None, step.data,
        )  # fmt: skip
        fact = Fact(
            f"{after.number}/{n + 1}", "told", after.number, n + 1, step.at, step.role, None, {}
        )
        return after, row, fact

    def _incident(self, number: int, story: Story, n: int, last: bool) -> Incident:
        step = story.steps[n]
        district, street, community = (code or None for code in story.place)
        begun = story.steps[0].at
        incident = Incident(
            number=number_of(number), state=State(step.to_state), version=n + 1, category=story.category,
            source="test", first_event_at=begun, last_event_at=begun, reported_at=begun, changed_at=step.at,
            district=district, street=street, community=community,
            reporter={"name": "某"} if story.public else None,
        )  # fmt: skip
        if not last:
            return incident
        return replace(
            incident,
            department=story.department,
            due_at=story.due_at,
            appeal={"outcome": "upheld"} if story.upheld else None,
            merged_into=number_of(0) if story.merged else None,
        )


def number_of(number: int) -> str:
    """The number of the n-th story's incident."""
    return f"11010120260920{number:05}"


def tell_all(conn: Connection, stories: Sequence[Story]) -> Teller:
    """Every story, whole."""
    teller = Teller(conn)
    for number, story in enumerate(stories):
        teller.tell(number, story)
    return teller


NOW = datetime(2026, 11, 20, tzinfo=UTC)
"""When the stories are looked at: October is over, November is not."""

BOOK = evaluation_tables.read(evaluation_tables.seed())
EVERYWHERE = views.Within()
YEAR = editions.Asked(date(2026, 9, 1), date(2026, 12, 31))


def a_month(number: int, edition: int | None = None) -> editions.Asked:
    first = date(2026, number, 1)
    return editions.Asked(
        first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1), edition
    )


def everything(
    conn: Connection, asked: editions.Asked = YEAR
) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Every figure of every group with its sum."""
    parts, _ = editions.parts(conn, asked)
    return {
        (group, code, key): (one.n, one.total)
        for group in (*views.GROUPS, views.ALL)
        for code, row in views.table(conn, parts, group, EVERYWHERE).items()
        for key, one in row.items()
    }


def counted(
    conn: Connection, asked: editions.Asked, group: str, code: str | None, key: str, within: views.Within = EVERYWHERE
) -> list[views.Member]:  # fmt: skip
    parts, _ = editions.parts(conn, asked)
    rows = views.members(conn, parts, (group, code, key), within, (None, 100_000))
    return [member for _, member in rows]


def plainly(
    told: Sequence[Story], asked: editions.Asked, now: datetime = NOW
) -> dict[tuple[str, str, str], list[Any]]:
    found = defaultdict(list)
    for key, rows in oracle.counted(told, now).items():
        for row in rows:
            if asked.first <= row[1] <= asked.last:
                found[key].append(row)
    return dict(found)


def summed(
    plain: dict[tuple[str, str, str], list[Any]],
) -> dict[tuple[str, str, str], tuple[int, int]]:
    adding = {f.key for f in BOOK.figures if f.sums}
    return {
        key: (len(rows), sum(r[2] for r in rows) if key[2] in adding else 0)
        for key, rows in plain.items()
    }
