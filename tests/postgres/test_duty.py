"""The roster in a real database: one question, the same answer as a plain reading, and nothing kept too long."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grid.edition import Edition
from grid.unit_grid import ResponsibleGrid, UnitGridCode
from incidents.duty import Duty, DutyRefused, DutyUnknown, Held, NotOnDuty, who_is_on
from incidents.errors import AccountRefused
from incidents.lifecycle import Role
from incidents.postgres import accounts, city, duty_store, grid_store, handover_store
from incidents.postgres.connection import Connection, connect
from incidents.postgres.duty_store import PostgresRoster, Window
from local.postgres import LocalPostgres
from tests.conftest import cloned_database

pytestmark = pytest.mark.real

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CELL, NEXT, FAR = "99010200100101", "99010200100102", "99010300100101"
GRID, OTHER = "990102001001-1", "990102001001-2"
INSPECTOR = Role.INSPECTOR


@pytest.fixture(scope="module")
def url(postgres_server: LocalPostgres) -> Iterator[str]:
    """A town of three cells in three responsible grids, with its people."""
    with cloned_database(postgres_server) as made:
        with connect(made, "test") as conn:
            _settle(conn)
        yield made


@pytest.fixture
def conn(url: str) -> Iterator[Connection]:
    """The town, as it was after the test too."""
    with connect(url, "test") as connection, connection.transaction(force_rollback=True):
        yield connection


def _settle(conn: Connection) -> None:
    city.put(conn, city.City("试城", "990100"))
    city.put_departments(conn, [city.Department("PS", "排水处")])
    codes = [CELL, NEXT, FAR]
    squares = [shapely.box(116 + n, 27, 116.01 + n, 27.01) for n in range(3)]
    grids = {
        name: ResponsibleGrid(name, name, (UnitGridCode(code),))
        for name, code in ((GRID, CELL), (OTHER, NEXT), ("990103001001-1", FAR))
    }
    edition = Edition.of("试城", date(2020, 1, 1), (codes, squares), responsible=grids)
    grid_store.keep_edition(conn, edition)
    for name in ("一号网格岗", "二号网格岗", "三号网格岗"):
        accounts.add(conn, accounts.Applicant(name, INSPECTOR, area="990102"))
    accounts.add(conn, accounts.Applicant("派遣席", Role.DISPATCHER))
    accounts.add(conn, accounts.Applicant("接班席", Role.DISPATCHER))
    accounts.add(conn, accounts.Applicant("值班长席", Role.SHIFT_LEAD))
    accounts.add(conn, accounts.Applicant("抢修班", Role.DEPARTMENT, "PS"))
    duty_store.put_post(conn, duty_store.Post("D1", "一号派遣席", Role.DISPATCHER))


def a_duty(account: str = "一号网格岗", hours: float = 8, **more: Any) -> Duty:
    given = {"role": INSPECTOR, "begins": NOW - HOUR, **more}
    return Duty(account=account, ends=given["begins"] + hours * HOUR, **given)


def plan(conn: Connection, *duties: Duty, within: str | None = None) -> list[int]:
    return duty_store.plan(conn, duties, "person:lead", NOW, within)


def on(conn: Connection, cell: str | None = CELL, at: datetime = NOW) -> list[str]:
    return [who.account for who in PostgresRoster(conn).on_duty(INSPECTOR, at, cell)]


def where(at: datetime = NOW, lon: float = 116.0) -> duty_store.Position:
    return duty_store.Position(lon, 27.0, at, 8.0)


def tell(conn: Connection, account: str, place: duty_store.Position, now: datetime = NOW) -> None:
    duty_store.tell_position(conn, account, INSPECTOR, place, now)


def test_who_is_on_duty_there_now_is_told_with_grids_place_and_tasks(conn: Connection) -> None:
    plan(conn, a_duty(responsible=(GRID,)), a_duty("二号网格岗", area="990102001"))
    tell(conn, "一号网格岗", where())
    _an_incident(conn, "9901002026112400001", "verifying", inspector="二号网格岗")
    _an_incident(conn, "9901002026112400002", "closed", inspector="二号网格岗")
    first, second = PostgresRoster(conn).on_duty(INSPECTOR, NOW, CELL)
    assert (first.account, first.area, first.responsible, first.here) == (
        "一号网格岗",
        "990102",
        (GRID,),
        True,
    )
    assert (first.lon, first.lat, first.tasks) == (116.0, 27.0, 0)
    assert (second.account, second.here, second.lon, second.tasks) == ("二号网格岗", False, None, 1)


def test_nobody_on_duty_is_nobody(conn: Connection) -> None:
    assert on(conn) == []
    plan(conn, a_duty())
    assert on(conn, FAR) == []
    assert on(conn, None) == []
    assert on(conn, at=NOW + 7 * HOUR) == []
    assert PostgresRoster(conn).on_duty(Role.DISPATCHER, NOW, CELL) == []


def test_a_withdrawn_account_is_on_duty_no_more(conn: Connection) -> None:
    plan(conn, a_duty())
    accounts.deactivate(conn, "一号网格岗")
    assert on(conn) == []


def test_a_duty_over_midnight_holds_on_both_sides(conn: Connection) -> None:
    evening = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # 20:00 in the city, until 08:00
    plan(conn, a_duty(begins=evening, hours=12))
    midnight = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
    assert all(on(conn, at=midnight + n * HOUR) for n in (-4, -1, 0, 1, 7))
    assert not any(on(conn, at=midnight + n * HOUR) for n in (-5, 8))


_STARTS = st.integers(-24, 24).map(lambda n: NOW + n * HOUR)
_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["一号网格岗", "二号网格岗"]),
        _STARTS,
        st.integers(1, 30),
        st.sampled_from(["990102", "990102001", CELL]),
        st.sampled_from([(), (GRID,), (GRID, OTHER)]),
    ),
    max_size=5,
    unique_by=lambda row: (row[0], row[1], row[3]),
)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=_ROWS, moment=_STARTS, cell=st.sampled_from([CELL, NEXT, FAR, None]))
def test_the_one_statement_says_what_a_plain_reading_says(
    conn: Connection, rows: list[Any], moment: datetime, cell: str | None
) -> None:
    duties = [
        Duty(who, INSPECTOR, begins, begins + n * HOUR, area, grids)
        for who, begins, n, area, grids in rows
    ]
    with conn.transaction(force_rollback=True):
        plan(conn, *duties)
        found = PostgresRoster(conn).on_duty(INSPECTOR, moment, cell)
    plain = who_is_on(duties, INSPECTOR, moment, cell)
    assert {(w.account, w.area, w.responsible) for w in found} == {
        (w.account, w.area, w.responsible) for w in plain
    }
    mine = {CELL: GRID, NEXT: OTHER}.get(cell or "")
    assert [w.here for w in found] == [mine in w.responsible for w in found]


# ── planning ──


def test_a_roster_is_kept_whole_or_not_at_all(conn: Connection) -> None:
    with pytest.raises(DutyRefused) as refused:
        plan(conn, a_duty(), a_duty("派遣席"))
    assert refused.value.facts["faults"][0][0] == "duties[1] 派遣席"
    assert on(conn) == []


def test_the_same_again_is_kept_once_and_another_at_the_same_instant_is_refused(
    conn: Connection,
) -> None:
    assert plan(conn, a_duty()) == plan(conn, a_duty())
    with pytest.raises(DutyRefused, match="一号网格岗"):
        plan(conn, a_duty(hours=9))
    rows = duty_store.listed(conn, Window(NOW, NOW + HOUR), NOW)
    assert [row.ends for row in rows] == [NOW + 7 * HOUR]


def test_a_further_role_lets_its_holder_be_planned(conn: Connection) -> None:
    duty = a_duty("派遣席", area="990102001")
    with pytest.raises(DutyRefused):
        plan(conn, duty)
    duty_store.give_roles(conn, "派遣席", [Held(INSPECTOR, None, "990102")], "person:admin")
    plan(conn, duty)
    assert on(conn) == ["派遣席"]
    [person] = duty_store.people(conn, NOW, "派遣席")
    assert person.roles == (Held(Role.DISPATCHER), Held(INSPECTOR, None, "990102"))
    assert person.on_duty


@pytest.mark.parametrize(
    ("name", "roles", "reason"),
    [
        ("nobody", [], "no such active account"),
        ("派遣席", [Held(Role.WALL)], "no person is wall"),
        ("派遣席", [Held(Role.DEPARTMENT)], "needs its department"),
        ("派遣席", [Held(Role.DEPARTMENT, "XX")], "no department XX"),
        ("派遣席", [Held(INSPECTOR), Held(INSPECTOR)], "stands twice"),
    ],
)
def test_roles_that_cannot_be_are_refused_and_the_old_ones_stay(
    conn: Connection, name: str, roles: list[Held], reason: str
) -> None:
    duty_store.give_roles(conn, "派遣席", [Held(Role.AUDITOR)], "person:admin")
    with pytest.raises(AccountRefused, match=reason):
        duty_store.give_roles(conn, name, roles, "person:admin")
    assert duty_store.people(conn, NOW, "派遣席")[0].further == (Held(Role.AUDITOR),)


def test_a_window_planned_anew_leaves_what_has_begun(conn: Connection) -> None:
    running, later = a_duty(), a_duty("二号网格岗", begins=NOW + HOUR)
    elsewhere = a_duty("派遣席", role=Role.DISPATCHER, begins=NOW + HOUR)
    plan(conn, running, later, elsewhere)
    window = Window(NOW - 24 * HOUR, NOW + 24 * HOUR, INSPECTOR)
    duty_store.plan_anew(conn, window, [a_duty("三号网格岗", begins=NOW + 2 * HOUR)], "p", NOW)
    rows = duty_store.listed(conn, Window(window.since, window.until), NOW)
    assert [row.account for row in rows] == ["一号网格岗", "派遣席", "三号网格岗"]


def test_what_lies_outside_the_window_is_refused_and_nothing_is_lost(conn: Connection) -> None:
    plan(conn, a_duty(begins=NOW + HOUR))
    window = Window(NOW, NOW + 24 * HOUR, INSPECTOR)
    with pytest.raises(DutyRefused, match="outside what is replaced"):
        duty_store.plan_anew(conn, window, [a_duty(begins=NOW + 25 * HOUR)], "p", NOW)
    assert on(conn, at=NOW + 2 * HOUR) == ["一号网格岗"]


def test_a_lead_of_a_street_replaces_only_his_street(conn: Connection) -> None:
    begins = NOW + HOUR
    plan(conn, a_duty(begins=begins), a_duty("二号网格岗", area="990102001", begins=begins))
    window = Window(NOW, NOW + 24 * HOUR, None, "990102001")
    duty_store.plan_anew(conn, window, [], "p", NOW)
    assert on(conn, at=begins) == ["一号网格岗"]


def test_a_running_duty_ends_now_a_coming_one_is_cancelled_a_past_one_stays(
    conn: Connection,
) -> None:
    [running] = plan(conn, a_duty())
    [coming] = plan(conn, a_duty("二号网格岗", begins=NOW + HOUR))
    [past] = plan(conn, a_duty("三号网格岗", begins=NOW - 9 * HOUR))
    assert duty_store.end(conn, running, NOW) == "ended"
    assert duty_store.end(conn, coming, NOW) == "cancelled"
    with pytest.raises(DutyRefused, match="stays on record"):
        duty_store.end(conn, past, NOW)
    with pytest.raises(DutyUnknown):
        duty_store.end(conn, coming, NOW)
    rows = duty_store.listed(conn, Window(NOW - 24 * HOUR, NOW + 24 * HOUR), NOW)
    assert [(row.account, row.ends) for row in rows] == [
        ("三号网格岗", NOW - HOUR),
        ("一号网格岗", NOW),
    ]


def test_nobody_ends_a_duty_beyond_his_area(conn: Connection) -> None:
    [number] = plan(conn, a_duty())
    with pytest.raises(DutyRefused, match="990103"):
        duty_store.end(conn, number, NOW, "990103")


def test_a_post_of_the_duty_is_shown_by_name(conn: Connection) -> None:
    plan(conn, a_duty("派遣席", role=Role.DISPATCHER, post="D1"))
    [row] = duty_store.listed(conn, Window(NOW, NOW + HOUR, Role.DISPATCHER), NOW)
    assert (row.post, row.post_name) == ("D1", "一号派遣席")
    with pytest.raises(DutyRefused, match="has no posts"):
        duty_store.put_post(conn, duty_store.Post("A1", "审计席", Role.AUDITOR))
    with pytest.raises(DutyRefused, match="no department XX"):
        duty_store.put_post(conn, duty_store.Post("A1", "席", Role.DEPARTMENT, "XX"))


def test_the_people_are_listed_without_machines(conn: Connection) -> None:
    accounts.add(conn, accounts.Applicant("大屏", Role.WALL))
    accounts.add(conn, accounts.Applicant("网关", Role.INGEST))
    names = [one.name for one in duty_store.people(conn, NOW)]
    assert "派遣席" in names
    assert not {"大屏", "网关"} & set(names)


# ── positions ──


def test_a_position_is_told_on_duty_only(conn: Connection) -> None:
    plan(conn, a_duty(begins=NOW + HOUR))
    with pytest.raises(NotOnDuty):
        tell(conn, "一号网格岗", where())
    with pytest.raises(NotOnDuty):
        tell(conn, "nobody", where())
    assert _positions(conn) == []


def test_only_the_newest_position_is_kept(conn: Connection) -> None:
    plan(conn, a_duty())
    tell(conn, "一号网格岗", where(NOW, 116.1))
    tell(conn, "一号网格岗", where(NOW - timedelta(minutes=5), 116.2))  # came late
    assert [row[:2] for row in _positions(conn)] == [("一号网格岗", 116.1)]
    tell(conn, "一号网格岗", where(NOW + timedelta(minutes=1), 116.3), NOW + HOUR)
    assert [row[1] for row in _positions(conn)] == [116.3]


def test_a_position_of_before_this_duty_is_not_shown_and_is_forgotten_after_it(
    conn: Connection,
) -> None:
    plan(conn, a_duty(), a_duty(begins=NOW + 8 * HOUR))
    tell(conn, "一号网格岗", where())
    [before] = PostgresRoster(conn).on_duty(INSPECTOR, NOW, CELL)
    [after] = PostgresRoster(conn).on_duty(INSPECTOR, NOW + 9 * HOUR, CELL)
    assert (before.lon, after.lon) == (116.0, None)
    assert duty_store.forget_positions(conn, NOW + HOUR) == 0
    assert duty_store.forget_positions(conn, NOW + 7.5 * HOUR) == 1
    assert _positions(conn) == []


def test_whose_duty_ends_early_is_forgotten_at_once(conn: Connection) -> None:
    [number] = plan(conn, a_duty())
    tell(conn, "一号网格岗", where())
    duty_store.end(conn, number, NOW)
    assert _positions(conn) == []


def _positions(conn: Connection) -> list[Any]:
    return conn.execute(
        "select a.name, p.lon, p.at from duty_position p join account a on a.id = p.account"
    ).fetchall()


# ── the hand-over ──


def _an_incident(conn: Connection, number: str, state: str, **more: Any) -> None:
    row = {
        "number": number,
        "state": state,
        "category": "local/matter/11001",
        "source": "test",
        "cell_code": CELL,
        **dict.fromkeys(("first_event_at", "last_event_at", "reported_at", "changed_at"), NOW),
        **more,
    }
    names, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    conn.execute(f"insert into incident ({names}) values ({places})".encode(), row)


LEAVING = handover_store.Leaving("派遣席", Role.DISPATCHER, None, "D1")


def test_what_is_left_is_frozen_as_it_stands(conn: Connection) -> None:
    past, future = NOW - HOUR, NOW + HOUR
    number = "99010020261124{:05}".format
    _an_incident(conn, number(1), "open")
    _an_incident(conn, number(2), "handling", due_at=past, department="PS")
    waits = {"urge": "{}", "asked": "{}", "yellow_at": past, "stage_due_at": past}
    _an_incident(conn, number(3), "handling", due_at=future, urgent=True, **waits)
    _an_incident(conn, number(4), "verifying", due_at=past, handled_at=past - HOUR)  # in time
    _an_incident(conn, number(5), "verifying", due_at=past, handled_at=past + HOUR / 2)  # late
    _an_incident(conn, number(6), "closed", due_at=past)
    _an_incident(conn, number(7), "dispatched", cell_code=FAR, due_at=past, urgent=True)
    left = handover_store.leave(conn, LEAVING, "注意积水", NOW)
    states = {"open": 1, "handling": 2, "verifying": 2, "dispatched": 1}
    once = dict.fromkeys(("near", "stage_overdue", "urged", "asked"), 1)
    assert left.counts == {"open": 6, "urgent": 2, "overdue": 3, **once, "by_state": states}
    told = next(row for row in left.incidents if row["number"] == number(3))
    assert all(told[flag] for flag in ("urgent", *once))
    order = [row["number"] for row in left.incidents]
    assert order == [number(n) for n in (7, 2, 5, 3, 4, 1)]
    assert [row["overdue"] for row in left.incidents] == [True, True, True, False, False, False]
    conn.execute("update incident set state = 'closed'")
    assert handover_store.one(conn, left.id) == left

    street = handover_store.Leaving("值班长席", Role.SHIFT_LEAD, "990103")
    assert handover_store.leave(conn, street, "无", NOW).counts["open"] == 0


def test_nothing_open_is_a_hand_over_too(conn: Connection) -> None:
    left = handover_store.leave(conn, LEAVING, "无", NOW)
    assert left.counts.pop("by_state") == {}
    assert set(left.counts.values()) == {0}
    assert left.incidents == []


def test_the_signature_of_another_person_is_kept_once(conn: Connection) -> None:
    left = handover_store.leave(conn, LEAVING, "无", NOW)
    with pytest.raises(handover_store.HandoverRefused, match="cannot sign"):
        handover_store.sign(conn, left.id, "派遣席", None, NOW)
    signed = handover_store.sign(conn, left.id, "接班席", "知悉", NOW + HOUR)
    assert (signed.left_by, signed.left_at) == ("派遣席", NOW)
    assert (signed.received_by, signed.received_at, signed.received_note) == (
        "接班席",
        NOW + HOUR,
        "知悉",
    )
    with pytest.raises(handover_store.HandoverRefused, match="signed it already"):
        handover_store.sign(conn, left.id, "值班长席", None, NOW + 2 * HOUR)
    with pytest.raises(handover_store.HandoverUnknown):
        handover_store.sign(conn, left.id + 1, "接班席", None, NOW)


@pytest.mark.parametrize(
    "statement",
    [
        "update handover set note = 'x'",
        "update handover set counts = '{}'",
        "update handover set received_by = 'x', received_at = now(), left_by = 'y'",
        "update handover set left_at = now()",
        "delete from handover",
        "truncate handover",
    ],
)
@pytest.mark.parametrize("signed", [False, True])
def test_the_record_is_never_changed(conn: Connection, statement: str, signed: bool) -> None:
    left = handover_store.leave(conn, LEAVING, "无", NOW)
    if signed:
        handover_store.sign(conn, left.id, "接班席", None, NOW)
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed")
    with refused, conn.transaction():
        conn.execute(statement.encode())


def test_a_signature_is_not_taken_back(conn: Connection) -> None:
    left = handover_store.leave(conn, LEAVING, "无", NOW)
    handover_store.sign(conn, left.id, "接班席", None, NOW)
    for words in ("received_by = null, received_at = null", "received_by = 'z'"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
            conn.execute(f"update handover set {words}".encode())


def test_of_two_who_sign_at_once_one_is_told_that_it_was_signed(url: str) -> None:
    with connect(url, "test") as conn:
        left = handover_store.leave(conn, LEAVING, "无", NOW)

    def sign(who: str) -> str:
        with connect(url, "test") as mine:
            try:
                return str(handover_store.sign(mine, left.id, who, None, NOW).received_by)
            except handover_store.HandoverRefused:
                return "refused"

    with ThreadPoolExecutor(4) as many:
        said = list(many.map(sign, ["接班席", "值班长席"] * 2))
    assert sorted(word == "refused" for word in said) == [False, True, True, True]


def test_hand_overs_are_listed_newest_first_by_area_and_by_those_that_wait(
    conn: Connection,
) -> None:
    street = handover_store.Leaving("值班长席", Role.SHIFT_LEAD, "990102001")
    first = handover_store.leave(conn, LEAVING, "一", NOW)
    second = handover_store.leave(conn, street, "二", NOW)
    third = handover_store.leave(conn, LEAVING, "三", NOW)
    handover_store.sign(conn, third.id, "接班席", None, NOW)

    def notes(**asked: Any) -> list[str]:
        return [row.note for row in handover_store.several(conn, **asked) if row.id >= first.id]

    assert notes() == ["三", "二", "一"]
    assert notes(waiting=True) == ["二", "一"]
    assert notes(area="990102") == ["二"]
    assert notes(before=second.id) == ["一"]
    assert len(handover_store.several(conn, most=2)) == 2
