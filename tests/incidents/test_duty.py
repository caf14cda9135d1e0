"""Who is on duty, and which inspector gets a task: always the same answer, always with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.decisions import Department
from incidents.department_tree import above, tree
from incidents.duty import (
    LONGEST,
    Choice,
    Duty,
    DutyRefused,
    Held,
    Known,
    OnDuty,
    choose_inspector,
    planned,
    who_is_on,
)
from incidents.lifecycle import Role
from tests.incidents.builders import CELL, LAT, LON, NOON, the_decisions

SHANGHAI = ZoneInfo("Asia/Shanghai")
EAST_M = 98_420.0
GRID = "990102001001-1"


def on(account: str, metres: float | None = None, **more: Any) -> OnDuty:
    """Somebody so many metres east of the trouble, or nobody knows where."""
    lon = None if metres is None else LON + metres / EAST_M
    return OnDuty(account, Role.INSPECTOR, lon=lon, lat=None if lon is None else LAT, **more)


def choose(people: Sequence[OnDuty], *refused: str, grid: str | None = GRID) -> Choice:
    return choose_inspector(people, CELL, grid, LON, LAT, set(refused))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def a_duty(account: str = "a", begins: str = "", ends: str = "", **more: Any) -> Duty:
    begin, end = at(begins or "2026-11-24T08:00"), at(ends or "2026-11-24T20:00")
    return Duty(account, Role.INSPECTOR, begin, end, **more)


# ── who gets the task ──


def test_the_responsible_grid_comes_before_the_distance() -> None:
    far, near = on("far", 900, responsible=(GRID,)), on("near", 10)
    found = choose([near, far])
    assert found.account == "far"
    assert "责任网格内" in found.why
    assert "其次 near" in found.why


def test_the_nearest_comes_first_among_equals() -> None:
    found = choose([on("c", 300), on("b", 120), on("a", 2000)])
    assert found.account == "b"
    assert "相距 120 米" in found.why


def test_whose_place_is_unknown_comes_after_those_who_are_seen() -> None:
    assert choose([on("a"), on("b", 5000)]).account == "b"
    assert "位置未知" in choose([on("a")]).why


def test_the_fewest_open_tasks_break_a_tie() -> None:
    found = choose([on("a", 101, tasks=3), on("b", 104, tasks=1), on("c", 108, tasks=2)])
    assert found.account == "b"
    assert "在手任务 1" in found.why


def test_who_refused_is_never_asked_again() -> None:
    found = choose([on("a", 10, responsible=(GRID,)), on("b", 500)], "a")
    assert found.account == "b"
    assert "已拒接：a" in found.why


def test_nobody_on_duty_is_an_answer_with_a_reason() -> None:
    found = choose([])
    assert found.account is None
    assert "没有网格员值班" in found.why


def test_when_all_refused_that_is_the_reason() -> None:
    found = choose([on("a", 10), on("b", 20)], "a", "b")
    assert found.account is None
    assert "a、b" in found.why


def test_the_store_may_say_that_the_cell_is_his() -> None:
    assert choose([on("near", 1), on("his", 800, here=True)], grid=None).account == "his"


def test_a_place_without_coordinates_is_decided_by_grid_and_tasks() -> None:
    people = [on("a", 5, tasks=2), on("b", 500, tasks=1)]
    assert choose_inspector(people, None, None, None, None).account == "b"


_PEOPLE = st.lists(
    st.builds(
        OnDuty,
        st.sampled_from("abcdef"),
        st.just(Role.INSPECTOR),
        responsible=st.lists(st.sampled_from([GRID, "g2"]), max_size=2).map(tuple),
        lon=st.none() | st.floats(allow_nan=True, allow_infinity=True),
        lat=st.none() | st.floats(-90, 90) | st.just(float("nan")),
        tasks=st.integers(0, 3),
        here=st.booleans(),
    ),
    max_size=6,
)


@given(
    _PEOPLE,
    st.sampled_from([CELL, None]),
    st.sampled_from([GRID, "g2", None]),
    st.none() | st.floats(-180, 180),
    st.frozensets(st.sampled_from("abcdefx")),
    st.randoms(use_true_random=False),
)
def test_the_choice_is_total_and_the_same_however_people_are_listed(
    people: list[OnDuty],
    cell: str | None,
    grid: str | None,
    lon: float | None,
    refused: frozenset[str],
    dice: Any,
) -> None:
    people = list({who.account: who for who in people}.values())
    found = choose_inspector(people, cell, grid, lon, LAT, refused)
    able = {who.account for who in people} - refused
    assert found.account in able if able else found.account is None
    assert " / " in found.why
    mixed = dice.sample(people, len(people))
    assert choose_inspector(mixed, cell, grid, lon, LAT, refused) == found


@given(_PEOPLE, st.frozensets(st.sampled_from("abcdef")))
def test_nobody_outside_his_grid_is_sent_while_somebody_inside_his_is_free(
    people: list[OnDuty], refused: frozenset[str]
) -> None:
    once = list({who.account: who for who in people}.values())
    his = {w.account for w in once if w.here or GRID in w.responsible} - refused
    found = choose_inspector(once, CELL, GRID, LON, LAT, refused)
    assert not his or found.account in his


# ── who is on duty ──


def test_a_duty_over_midnight_holds_on_both_sides_of_it() -> None:
    night = a_duty(begins="2026-12-31T20:00", ends="2027-01-01T08:00")
    inside = ["2026-12-31T20:00", "2026-12-31T23:59", "2027-01-01T00:00", "2027-01-01T07:59"]
    assert all(who_is_on([night], Role.INSPECTOR, at(t), CELL) for t in inside)
    outside = ["2026-12-31T19:59", "2027-01-01T08:00"]
    assert not any(who_is_on([night], Role.INSPECTOR, at(t), CELL) for t in outside)


def test_the_one_who_comes_takes_over_at_the_instant_the_other_goes() -> None:
    day, night = a_duty("day"), a_duty("night", "2026-11-24T20:00", "2026-11-25T08:00")
    noon = who_is_on([day, night], Role.INSPECTOR, at("2026-11-24T12:00"), CELL)
    turn = who_is_on([day, night], Role.INSPECTOR, at("2026-11-24T20:00"), CELL)
    assert ([w.account for w in noon], [w.account for w in turn]) == (["day"], ["night"])


def test_overlapping_duties_are_one_person_s() -> None:
    duties = [
        a_duty(area="990102001", responsible=(GRID,)),
        a_duty(area="990102", responsible=("g2",), begins="2026-11-24T10:00"),
    ]
    [found] = who_is_on(duties, Role.INSPECTOR, at("2026-11-24T12:00"), CELL)
    assert (found.area, found.responsible) == ("990102", (GRID, "g2"))


@pytest.mark.parametrize(
    ("area", "cell", "covered"),
    [
        (None, CELL, True),
        (None, None, True),
        ("990102", CELL, True),
        ("990102001001", CELL, True),
        (CELL, CELL, True),
        ("990103", CELL, False),
        ("990102", None, False),
    ],
)
def test_an_area_is_a_prefix_of_the_cell_s_code(
    area: str | None, cell: str | None, covered: bool
) -> None:
    assert a_duty(area=area).covers(cell) is covered


# ── what may be planned ──

KNOWN = Known(
    people={
        "a": (Held(Role.INSPECTOR, None, "990102"), Held(Role.DISPATCHER)),
        "crew": (Held(Role.DEPARTMENT, "PS"),),
        "both": (Held(Role.INSPECTOR, None, "990102"), Held(Role.INSPECTOR, None, "990103001")),
        "boss": (Held(Role.ADMINISTRATOR),),
    },
    grids={GRID},
    posts={"D1": Role.DISPATCHER},
)


def test_what_is_left_out_is_filled_in_from_the_role_held() -> None:
    [plain] = planned([a_duty()], KNOWN)
    assert plain.area == "990102"
    [crew] = planned([replace(a_duty("crew"), role=Role.DEPARTMENT)], KNOWN)
    assert crew.department == "PS"
    [other] = planned([a_duty("both", area="990103001005")], KNOWN)
    assert other.area == "990103001005"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"account": "nobody"}, "no such active account"),
        ({"account": "crew"}, "does not hold the role inspector"),
        ({"account": "boss", "role": Role.ADMINISTRATOR}, "has no shifts"),
        ({"area": "990103"}, "beyond his own, 990102"),
        ({"department": "PS"}, "not of the department PS"),
        ({"ends": at("2026-11-24T08:00")}, "must end after it begins"),
        ({"ends": at("2026-11-24T08:00") + LONGEST + timedelta(seconds=1)}, "longer than 31 days"),
        ({"responsible": (GRID, "g9")}, "no responsible grid g9"),
        ({"post": "D1"}, "no post D1 of that role"),
        ({"post": "D9", "role": Role.DISPATCHER}, "no post D9 of that role"),
    ],
)
def test_a_duty_that_cannot_be_is_refused_with_row_and_reason(
    change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DutyRefused) as refused:
        planned([a_duty(), replace(a_duty(), **change)], KNOWN)
    [(row, why)] = refused.value.facts["faults"]
    assert row.startswith("duties[1] ")
    assert reason in why


def test_nobody_plans_beyond_his_own_area() -> None:
    assert planned([a_duty(area="990102001")], KNOWN, "990102001")
    with pytest.raises(DutyRefused, match="990102001"):
        planned([a_duty(area="990102002")], KNOWN, "990102001")
    with pytest.raises(DutyRefused, match="990102001"):
        planned([replace(a_duty(), role=Role.DISPATCHER)], KNOWN, "990102001")


def test_every_fault_is_said_at_once() -> None:
    wrong = replace(a_duty(area="990103", responsible=("g9",)), ends=NOON - timedelta(days=365))
    with pytest.raises(DutyRefused) as refused:
        planned([wrong, a_duty("nobody")], KNOWN)
    assert len(refused.value.facts["faults"]) == 4


_TIMES = st.integers(0, 96).map(lambda h: datetime(2026, 11, 24, tzinfo=UTC) + timedelta(hours=h))
_DUTIES = st.lists(
    st.builds(
        lambda account, begins, hours, area, grids: Duty(
            account, Role.INSPECTOR, begins, begins + timedelta(hours=hours), area, grids
        ),
        st.sampled_from("ab"),
        _TIMES,
        st.integers(1, 48),
        st.sampled_from([None, "990102", "990102001", "990103"]),
        st.sampled_from([(), (GRID,), (GRID, "g2")]),
    ),
    max_size=6,
)


@given(_DUTIES, _TIMES, st.sampled_from([CELL, "99010300100101", None]))
def test_whoever_is_named_has_a_duty_there_then_and_nobody_else_is(
    duties: list[Duty], moment: datetime, cell: str | None
) -> None:
    found = who_is_on(duties, Role.INSPECTOR, moment, cell)
    names = [who.account for who in found]
    assert names == sorted(set(names))
    for account in "ab":
        theirs = [d for d in duties if d.account == account and d.begins <= moment < d.ends]
        there = [d for d in theirs if not d.area or (cell or "").startswith(d.area)]
        assert (account in names) is bool(there)
    assert who_is_on(duties, Role.DISPATCHER, moment, cell) == ()


# ── departments ──


def test_departments_stand_below_those_above_them() -> None:
    rows = {"B": None, "B-2": "B", "B-1": "B", "B-1-1": "B-1", "A": None}
    departments = {code: Department(code, code, "", parent) for code, parent in rows.items()}
    nodes = tree(departments)
    assert [(n.department.code, n.level) for n in nodes] == [
        ("A", 0),
        ("B", 0),
        ("B-1", 1),
        ("B-1-1", 2),
        ("B-2", 1),
    ]
    assert nodes[1].below == ("B-1", "B-2")
    assert above("B-1-1", departments) == ("B", "B-1")


@given(
    st.dictionaries(
        st.sampled_from("ABCDE"), st.none() | st.sampled_from("ABCDEX"), min_size=1, max_size=5
    )
)
def test_no_circle_hangs_the_tree_and_nobody_is_lost(parents: dict[str, str | None]) -> None:
    departments = {code: Department(code, code, "", up) for code, up in parents.items()}
    nodes = tree(departments)
    assert sorted(node.department.code for node in nodes) == sorted(parents)
    assert all(node.department.code not in node.above for node in nodes)
    below = replace(the_decisions(), departments=departments).below
    for node in nodes:
        code = node.department.code
        assert all(code in below[one] for one in node.above)
        assert all(code in above(one, departments) for one in below[code])
