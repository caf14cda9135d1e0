"""待办 and 申诉 in lists say what the table and the rules say of each incident, page after page, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incidents import appeals
from incidents.incident import Incident
from incidents.lifecycle import Role
from incidents.policy import Mark, Policy
from incidents.postgres import listing, turns
from incidents.postgres.appeal_lists import Appeals
from incidents.postgres.connection import Connection, connect, pool
from incidents.postgres.ledger import PostgresLedger
from incidents.postgres.listing import Wanted
from incidents.postgres.numbers import Numbers
from incidents.postgres.turns import Whose
from incidents.standing import appealable
from incidents.to_do import to_do
from local.postgres import LocalPostgres
from tests.conftest import cloned_database

pytestmark = pytest.mark.real

MADE = 1500
PARTIES = ("A", "B", "C")
FILL = """
insert into incident (number, state, version, category, source, urgent, department, inspector, confirmed, first_event_at,
                      last_event_at, reported_at, opened_at, dispatched_at, handled_at, verified_at, closed_at, due_at,
                      changed_at, stage_due_at, reworks, send_backs, urges, asked, returned, urge, urge_due_at, appeal, clocks)
select lpad(n::text, 19, '0'), state, 1, 'a/matter/' || n %% 2, 's', n %% 9 = 0, department,
       case when d[4] < 0.6 then 'w' || (d[4] * 5)::int end, case when d[5] < 0.3 then d[5] < 0.15 end, at, at, at, at,
       at + d[6] * interval '2 days', case when d[7] < 0.7 then at + d[7] * interval '3 days' end,
       case when d[8] < 0.5 then at end, case when state = 'closed' then at + interval '3 days' end,
       case when d[9] < 0.7 then at + d[9] * interval '3 days' end, at, case when d[10] < 0.5 then now() end,
       (d[11] * 2)::int, (d[12] * 2)::int, (d[13] * 2)::int,
       case when d[14] < 0.3 then jsonb_build_object('kind', case when d[14] < 0.15 then 'extend' else 'suspend' end) end,
       case when d[15] < 0.2 then jsonb_build_object('from', chr(65 + (d[15] * 12)::int)) end,
       case when d[16] < 0.3 then jsonb_build_object('told', case when d[16] < 0.1 then '["department"]'::jsonb
                 when d[16] < 0.2 then '["department", "dispatcher"]' else '["inspector", "intake_officer", "shift_lead"]' end) end,
       case when d[16] < 0.3 then now() end, %(appeals)s::jsonb -> (d[17] * 12)::int, coalesce(%(clocks)s::jsonb -> (d[18] * 5)::int, '{}')
  from (select n, d, now() - n * interval '1 hour' as at, case when d[3] < 0.8 then chr(65 + (d[3] * 3)::int) end as department,
               (array['reported', 'confirming', 'open', 'dispatched', 'handling', 'suspended', 'handled', 'verifying', 'void',
                      'closed', 'closed', 'closed', 'closed'])[1 + (d[1] * 12)::int] as state
          from (select n, array(select random() from generate_series(1, 18 + n * 0)) as d from generate_series(1, %(made)s) n) x) y;
"""
WAITS: dict[str, Any] = {"by": "x", "about": [], "reviews": [], "outcome": None}
ONCE = {**WAITS, "reviews": [{"by": "y", "upheld": True}]}
DECIDED = {**WAITS, "outcome": "refused"}
KEPT: dict[str, Any] = {"marks": {}, "counted": {}, "heard": {}}
APPEALS: list[Any] = [
    WAITS,  # of the time before each department had its own
    DECIDED,
    {**KEPT, "heard": {"A": ONCE}},
    {**KEPT, "heard": {"A": ONCE, "C": {**WAITS, "by": "z"}}},
    {**KEPT, "heard": {"A": DECIDED, "B": WAITS}},
    {**KEPT, "heard": {"A": DECIDED}},
    {**KEPT, "marks": {"B": ["overdue"]}, "counted": {"rework": 1, "send_back": 0, "urge": 1}},
    {**KEPT, "marks": {"A": ["rework", "anything"], "C": ["urge"]}},
]
SPAN = {"from": "2026-01-01T00:00:00+00:00", "to": "2026-01-02T00:00:00+00:00", "running": True, "why": ""}  # fmt: skip
CLOCK: dict[str, Any] = {
    "kind": "handling", "limit": {"amount": 1, "unit": "natural_day"}, "area": None, "began_at": SPAN["from"],
    "spans": [SPAN], "due_at": SPAN["to"], "yellow_at": None, "provisional": False, "state": "stopped", "extended": 0,
    "late": True,
}  # fmt: skip
LATER = {**SPAN, "to": "2126-01-01T00:00:00+00:00"}
CLOCKS = [
    {"handling": {**CLOCK, "state": "paused"}},
    {"handling": CLOCK},  # stopped before whoever has it now was sent it
    {"handling": {**CLOCK, "spans": [LATER]}},
    {"handling": {**CLOCK, "late": False, "spans": [LATER]}},
]


@dataclass(frozen=True)
class City:
    """A connection, and everything in it as the ledger loads it."""

    connection: Connection
    all: tuple[Incident, ...]

    def turned(self, **asked: Any) -> list[str]:
        """The numbers of every page to the end."""
        wanted, numbers = Wanted(limit=40, **asked), []
        while True:
            page = listing.as_rows(self.connection, wanted)
            numbers += [row[0] for row in page.rows]
            if page.after is None:
                return numbers
            wanted = replace(wanted, after=page.after)


@pytest.fixture(scope="module")
def city(postgres_server: LocalPostgres) -> Iterator[City]:
    """Incidents of which anything may stand on record, possible or not."""
    with (
        cloned_database(postgres_server) as url,
        pool(url, "numbers", 1) as lent,
        connect(url, "turns") as opened,
    ):
        opened.execute("select setseed(0.25)")
        for code in PARTIES:
            opened.execute("insert into department (code, name) values (%s, '')", (code,))
        filled = {"made": MADE, "appeals": json.dumps(APPEALS), "clocks": json.dumps(CLOCKS)}
        opened.execute(FILL, filled)
        opened.execute("analyze incident")
        numbers = opened.execute("select number from incident order by id").fetchall()
        ledger = PostgresLedger(opened, Numbers(lent))
        yield City(opened, tuple(ledger.load(number) for (number,) in numbers))


def is_his(incident: Incident, whose: Whose) -> bool:
    """Whether it is somebody's turn, by the table."""
    own = {
        Role.DEPARTMENT: incident.department in whose.departments,
        Role.INSPECTOR: incident.inspector == whose.name,
    }
    return own.get(whose.role, True) and whose.role in to_do(incident)


@pytest.mark.parametrize("sort", ["burning", "-reported_at"])
@pytest.mark.parametrize("role", list(Role))
def test_the_list_of_what_is_somebodys_to_do_is_what_the_table_says(
    city: City, role: Role, sort: str
) -> None:
    for departments in (("A",), ("A", "C"), ()):
        whose = Whose(role, "w1", departments)
        found = city.turned(to_do=whose, sort=sort)
        assert len(found) == len(set(found))
        assert set(found) == {one.number for one in city.all if is_his(one, whose)}
        whole = city.turned(sort=sort)
        assert found == [number for number in whole if number in set(found)]


def test_it_may_be_narrowed_like_any_other_list(city: City) -> None:
    whose = Whose(Role.SHIFT_LEAD, "lead")
    mine = {one.number: one for one in city.all if is_his(one, whose)}
    some = city.turned(to_do=whose, departments=("A", "B"), sort="burning")
    assert set(some) == {n for n, one in mine.items() if one.department in {"A", "B"}}
    urgent = city.turned(to_do=whose, urgent=True, categories=("a/matter/1",))
    assert set(urgent) == {
        n for n, one in mine.items() if one.urgent and one.category == "a/matter/1"
    }
    assert some
    assert urgent


def test_each_row_tells_whom_it_waits_for_and_why(city: City) -> None:
    place = listing.COLUMNS.index("to_do")
    page = listing.as_rows(city.connection, Wanted(limit=MADE))
    told = {row[0]: row[place] for row in page.rows}
    assert told == {one.number: to_do(one) for one in city.all}
    assert len({json.dumps(one, sort_keys=True) for one in told.values()}) > 20


@pytest.mark.parametrize("departments", [None, ("A",), ("B", "C")])
def test_an_appeal_that_waits_is_found_however_old(
    city: City, departments: tuple[str, ...] | None
) -> None:
    found = city.turned(appeals=Appeals("waiting", departments), sort="reported_at")
    plain = [
        one
        for one in city.all
        if one.state == "closed" and appeals.waiting(one) and concerns(one, departments)
    ]
    assert found == [one.number for one in reversed(plain)]
    assert found


@pytest.mark.parametrize("reviewer", ["x", "y", "z", "nobody"])
def test_what_waits_for_a_reviewer_is_what_he_had_no_part_in(city: City, reviewer: str) -> None:
    waits = [one for one in city.all if one.state == "closed" and appeals.waiting(one)]
    his = {one.number for one in waits if appeals.waiting(one, reviewer)}
    assert set(city.turned(appeals=Appeals("review", None, reviewer))) == his
    others = city.turned(appeals=Appeals("second", None, reviewer))
    assert set(others) == {one.number for one in waits} - his
    assert his or reviewer == "x"
    assert bool(others) is (reviewer in {"x", "y"})


def concerns(incident: Incident, departments: tuple[str, ...] | None) -> bool:
    """Whether one of them appealed, or has it."""
    if departments is None:
        return True
    of = {*appeals.heard(incident), appeals.holder(incident)}
    return not of.isdisjoint(departments)


@pytest.mark.parametrize(
    "hears", [(), *((mark,) for mark in Mark), (Mark.OVERDUE, Mark.REWORK, Mark.SEND_BACK)]
)
@pytest.mark.parametrize("departments", [("A",), ("B", "C")])
def test_what_may_be_appealed_is_what_the_rules_say(
    city: City, hears: tuple[Mark, ...], departments: tuple[str, ...]
) -> None:
    policy, at = Policy(appeal_for=hears, appeal_within_days=40), datetime.now(UTC)
    since = at - timedelta(days=policy.appeal_within_days)
    found = city.turned(appeals=Appeals("open", departments, "", hears, since))
    plain = {one.number for one in city.all if may_appeal(one, departments, at, policy)}
    assert len(found) == len(set(found))
    assert set(found) == plain
    assert bool(plain) is bool(hears)


def may_appeal(
    incident: Incident, departments: tuple[str, ...], at: datetime, policy: Policy
) -> bool:
    """Whether one of them has something to appeal against, and time."""
    until = appealable(incident, at, policy)
    return any(one in until and at <= until[one] for one in departments)


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        (
            {"to_do": Whose(Role.DISPATCHER, "d"), "sort": "burning"},
            ("incident_waits",),
        ),
        ({"appeals": Appeals("waiting", None)}, ("incident_appeal_waits",)),
        (
            {
                "appeals": Appeals(
                    "open", ("A",), "", ("overdue",), datetime(2026, 1, 1, tzinfo=UTC)
                )
            },
            ("incident_held",),
        ),
    ],
)
def test_what_is_rare_has_an_index_that_leads_to_it(
    city: City, asked: dict[str, Any], index: tuple[str, ...]
) -> None:
    statement, values = listing.compose(Wanted(**asked), listing._columns(False))
    with city.connection.transaction(force_rollback=True):
        city.connection.execute("set local enable_seqscan = off")
        if "to_do" in asked:
            city.connection.execute(turns.IN_ORDER)
        plan = city.connection.execute(b"explain " + statement.as_bytes(city.connection), values)
        told = "\n".join(line for (line,) in plan)
    assert [name for name in index if name not in told] == [], told
