"""A day of a city: six hundred incidents and what becomes of them over two weeks with a holiday, on a clock of our own.

Reports of one day are led on by the desk on a real database: returns, reworks, extensions, suspensions, urging, appeals,
merging, reopening; the system wakes every hour. Then every figure and every list of the evaluation is counted again by a
plain script over the whole history (`tests.incidents.evaluation_oracle`), and every incident is the fold of its history.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
from psycopg.rows import class_row

from incidents import desk
from incidents.decisions import Decisions
from incidents.errors import IncidentError
from incidents.evaluation_course import Step
from incidents.incident import Actor, HistoryRow
from incidents.lifecycle import Role, State
from incidents.postgres import decision_store, evaluation_store
from incidents.postgres import evaluation_editions as editions
from incidents.postgres.connection import Connection, connect
from incidents.postgres.ledger import PostgresLedger
from incidents.postgres.numbers import take
from incidents.replaying import fold
from local.postgres import LocalPostgres
from tests.conftest import cloned_database
from tests.incidents.builders import LITTER, NOISE, a_place, a_report
from tests.incidents.evaluation_stories import Story
from tests.postgres.evaluation_tellers import counted, everything, plainly, summed

pytestmark = pytest.mark.real

MORNING = datetime(2026, 9, 28, 0, 0, tzinfo=UTC)
"""Eight o'clock in Shanghai on the Monday before the National Day holiday (1 to 7 October; 10 October is worked)."""
END = MORNING + timedelta(days=16)
INCIDENTS = 600
DEPARTMENTS = ("CG-HW", "CG-ZF", "SZ", "PS")
CELLS = ("99010200100101", "99010200100102", "99010200200101", "99010300100101", None)
CATEGORIES = (LITTER, NOISE, "gb47678.5-2026/matter/01002", "gb47678.5-2026/matter/06037")

Plan = Generator[tuple[float, str, Actor, dict[str, Any]], None, None]
"""What people mean to do next: after so many minutes, which move, who, with what."""


def _somebody(dice: Random, role: Role, department: str | None = None) -> Actor:
    return Actor(f"{role}-{dice.randint(1, 3)}", role, department)


def plan(dice: Random, others: list[str]) -> Plan:
    """One incident's way, some of it crooked. Whoever comes too late or may not is refused, as in life."""
    officer, lead = _somebody(dice, Role.INTAKE_OFFICER), _somebody(dice, Role.SHIFT_LEAD)
    dispatcher, inspector = _somebody(dice, Role.DISPATCHER), _somebody(dice, Role.INSPECTOR)
    if dice.random() < 0.15:
        yield dice.expovariate(1 / 10), "confirm", officer, {"inspector": inspector.name}
        if dice.random() < 0.2:
            yield dice.expovariate(1 / 20), "not_confirmed", inspector, {"reason": "现场未见"}
            yield 5, "void", officer, {"reason": "不属实"}
            return
        yield dice.expovariate(1 / 20), "confirmed", inspector, {}
    if dice.random() < 0.05 and others:
        yield 3, "merge", officer, {"into": dice.choice(others)}
        if dice.random() < 0.7:
            return
        yield 60, "unmerge", officer, {}
    yield dice.expovariate(1 / 12), "open", officer, {}
    department = dice.choice(DEPARTMENTS)
    yield dice.expovariate(1 / 12), "dispatch", dispatcher, {"department": department}
    while dice.random() < 0.15:
        crew = _somebody(dice, Role.DEPARTMENT, department)
        yield dice.expovariate(1 / 60), "send_back", crew, {"reason": "不属本部门职责"}
        before, department = department, dice.choice(DEPARTMENTS)
        given = {
            "department": department,
            **({"reason": "仍属你部门"} if department == before else {}),
        }
        yield dice.expovariate(1 / 30), "redispatch", dispatcher, given
    yield from _handled(dice, department, dispatcher, lead)
    yield dice.expovariate(1 / 30), "verify", officer, {"inspector": inspector.name}
    while dice.random() < 0.2:
        yield dice.expovariate(1 / 60), "rework", inspector, {"reason": "未清理干净"}
        yield from _handled(dice, department, dispatcher, lead)
        yield 10, "verify", officer, {"inspector": inspector.name}
    yield dice.expovariate(1 / 60), "verified", inspector, {}
    answer = {"data": {"satisfaction": dice.randint(1, 5)}} if dice.random() < 0.3 else {}
    yield dice.expovariate(1 / 20), "close", officer, answer
    yield from _afterwards(dice, department, lead, officer)


def _handled(dice: Random, department: str, dispatcher: Actor, lead: Actor) -> Plan:
    crew = _somebody(dice, Role.DEPARTMENT, department)
    yield dice.expovariate(1 / 40), "accept", crew, {}
    if dice.random() < 0.08:
        yield 20, "urge", lead, {"reason": "群众再次反映"}
        yield dice.expovariate(1 / 300), "answer_urge", crew, {"reason": "正在处置"}
    if dice.random() < 0.2:
        yield 15, "ask_extend", crew, {"reason": "需调运材料"}
        yield 30, dice.choice(("grant", "refuse")), dispatcher, {"reason": "已核"}
    if dice.random() < 0.08:
        yield 15, "ask_suspend", crew, {"reason": "季节性施工", "days": dice.randint(1, 6)}
        yield 30, dice.choice(("grant", "grant", "refuse")), lead, {"reason": "已核"}
        yield dice.choice((600, 12_000)), "resume", dispatcher, {}
    if dice.random() < 0.04:
        yield 30, "close_by_order", lead, {"reason": "上级指示"}
    yield dice.choice((20, 90, 400, 2000, 9000)) * dice.random(), "report_handled", crew, {}


def _afterwards(dice: Random, department: str, lead: Actor, officer: Actor) -> Plan:
    if dice.random() < 0.15:
        crew = _somebody(dice, Role.DEPARTMENT, department)
        yield 200, "appeal", crew, {"reason": "节假日不计入"}
        yield 300, "review", _somebody(dice, Role.EVALUATOR), {"upheld": dice.random() < 0.8}
        yield 300, "review", lead, {"upheld": dice.random() < 0.8}
    if dice.random() < 0.05:
        yield 1500, "reopen", officer, {"reason": "问题复现"}
        dispatcher = _somebody(dice, Role.DISPATCHER)
        yield 10, "dispatch", dispatcher, {"department": department, "reason": "再次处置"}
        yield from _handled(dice, department, dispatcher, lead)


@dataclass
class City:
    """The desk, its clock, and what people mean to do, in order of time."""

    conn: Connection
    numbers: Connection
    decisions: Decisions
    dice: Random
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    begun: list[str] = field(default_factory=list)
    order: Iterator[int] = field(default_factory=count)
    ahead: list[tuple[datetime, int, str, Plan, tuple[str, Actor, dict[str, Any]]]] = field(
        default_factory=list
    )

    @property
    def ledger(self) -> PostgresLedger:
        return PostgresLedger(self.conn, lambda region, day: take(self.numbers, region, day))

    def live(self) -> None:
        """The whole time, hour by hour: reports of the first day, moves as they come, the system's waking."""
        reports = sorted(
            MORNING + timedelta(minutes=self.dice.uniform(0, 720)) for _ in range(INCIDENTS)
        )
        hour = MORNING
        while hour < END:
            hour += timedelta(hours=1)
            while reports and reports[0] <= hour:
                self._report(reports.pop(0))
            while self.ahead and self.ahead[0][0] <= hour:
                self._act(*heapq.heappop(self.ahead))
            self._wake(hour)

    def _report(self, at: datetime) -> None:
        n = len(self.begun)
        event = a_report(
            f"r{n}",
            place=a_place(
                0, cell_code=self.dice.choice(CELLS), lat=27.0 + n / 100
            ),  # each apart from all
            category=self.dice.choice(CATEGORIES),
            at=at,
            reporter={"name": "某"} if self.dice.random() < 0.3 else None,
        )
        with self.conn.transaction():
            receipt = desk.receive(self.ledger, event, self.decisions, at)
        assert receipt.number is not None
        self._next(at, receipt.number, plan(self.dice, self.begun[-50:]))
        self.begun.append(receipt.number)

    def _next(self, at: datetime, number: str, way: Plan) -> None:
        step = next(way, None)
        if step is not None:
            minutes, name, by, given = step
            due = at + timedelta(minutes=minutes)
            heapq.heappush(self.ahead, (due, next(self.order), number, way, (name, by, given)))

    def _act(
        self, at: datetime, _: int, number: str, way: Plan, what: tuple[str, Actor, dict[str, Any]]
    ) -> None:
        name, by, given = what
        if "days" in given:
            given = {**given, "until": at + timedelta(days=given["days"])}
        try:
            with self.conn.transaction():
                version = self.ledger.load(number).version
                desk.move(self.ledger, number, name, by, at, given, version, self.decisions)
            self.done[name] += 1
        except IncidentError as refusal:
            self.refused[refusal.code] += 1
        self._next(at, number, way)

    def _wake(self, at: datetime) -> None:
        due = self.conn.execute(
            "select number from incident where wake_at <= %s order by wake_at, id", (at,)
        ).fetchall()
        for (number,) in due:
            with self.conn.transaction():
                desk.wake(self.ledger, number, at, self.decisions)
            self.done["wake"] += 1


@pytest.fixture(scope="module")
def city(postgres_server: LocalPostgres) -> Iterator[City]:
    """The city after its two weeks."""
    with (
        cloned_database(postgres_server) as url,
        connect(url, "test") as conn,
        connect(url, "numbers") as numbers,
    ):
        decision_store.seed(conn)
        made = City(conn, numbers, decision_store.in_force(conn), Random(20260928))
        made.live()
        evaluation_store.roll_up(conn, END)
        yield made


def test_everything_happened_that_may_happen(city: City) -> None:
    assert len(city.begun) == INCIDENTS
    for move in (
        "confirm", "confirmed", "not_confirmed", "open", "void", "dispatch", "redispatch", "accept", "send_back",
        "report_handled", "ask_extend", "ask_suspend", "grant", "refuse", "resume", "verify", "verified", "rework",
        "close", "close_by_order", "reopen", "urge", "answer_urge", "appeal", "review", "merge", "unmerge", "wake",
    ):  # fmt: skip
        assert city.done[move] > 0, (move, city.done, city.refused)
    told: dict[str, int] = dict(
        city.conn.execute("select state, count(*) from incident group by 1").fetchall()
    )
    assert sum(told.values()) == INCIDENTS
    assert told[State.CLOSED] > INCIDENTS / 2


ASKED = (
    editions.Asked(date(2026, 9, 1), date(2026, 9, 30)),
    editions.Asked(date(2026, 10, 1), date(2026, 10, 31)),
    editions.Asked(date(2026, 9, 29), date(2026, 10, 9)),
)


def test_every_figure_is_what_a_plain_count_over_the_history_gives(city: City) -> None:
    stories = _stories(city.conn)
    for asked in ASKED:
        assert everything(city.conn, asked) == summed(plainly(stories, asked, END))


def test_every_number_opens_to_the_incidents_it_counts(city: City) -> None:
    for (group, code, key), (n, _) in everything(city.conn, ASKED[0]).items():
        rows = counted(city.conn, ASKED[0], group, None if group == "all" else code, key)
        assert len({row.number for row in rows}) == n, (group, code, key)


def test_an_incident_is_the_fold_of_its_history(city: City) -> None:
    for number in city.begun:
        incident = city.ledger.load(number)
        rows = city.conn.execute(_HISTORY, (number,)).fetchall()
        again = fold(
            incident, [HistoryRow(*row) for row in rows], lambda _: desk.terms_of(city.decisions)
        )
        assert replace(again, explanation=incident.explanation) == incident


_HISTORY = (
    f"select {', '.join('h.' + f.name for f in fields(HistoryRow))} from history h"
    " join incident i on i.id = h.incident_id where i.number = %s order by h.seq"
).encode()


def _stories(conn: Connection) -> list[Story]:
    with conn.cursor(row_factory=class_row(_Row)) as cursor:
        rows = cursor.execute(
            "select id, category, district, street, community, reporter, state, department, due_at, appeal, merged_into"
            " from incident order by id"
        ).fetchall()
    return [
        Story(
            category=row.category,
            place=(row.district or "", row.street or "", row.community or ""),
            public=bool(row.reporter),
            clocks=True,
            steps=[
                Step(*line)
                for line in conn.execute(
                    "select at, move, by, role, department, to_state, data from history where incident_id = %s"
                    " order by seq",
                    (row.id,),
                )
            ],
            state=row.state,
            department=row.department,
            due_at=row.due_at,
            upheld=(row.appeal or {}).get("outcome") == "upheld",
            merged=row.merged_into is not None,
        )
        for row in rows
    ]


@dataclass
class _Row:
    id: int
    category: str
    district: str | None
    street: str | None
    community: str | None
    reporter: Any
    state: str
    department: str | None
    due_at: datetime | None
    appeal: Any
    merged_into: str | None
