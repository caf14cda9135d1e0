"""Scores and sums in a real database: kept up by batches, rebuilt, frozen, and each number opened to its incidents."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents.evaluation import EvaluationRefused, Moment, fell, packed
from incidents.postgres import evaluation_editions as editions
from incidents.postgres import evaluation_store as store
from incidents.postgres import evaluation_views as views
from incidents.postgres.connection import Connection, connect
from tests.incidents.evaluation_stories import merge, stories
from tests.postgres.evaluation_tellers import (
    EVERYWHERE,
    NOW,
    YEAR,
    Teller,
    a_month,
    counted,
    everything,
    number_of,
    plainly,
    settle,
    summed,
    tell_all,
)

pytestmark = pytest.mark.real

SPANS = (
    editions.Asked(date(2026, 10, 5), date(2026, 10, 9)),
    editions.Asked(date(2026, 10, 2), date(2026, 10, 30)),
    editions.Asked(date(2026, 9, 25), date(2026, 10, 9)),
)
"""Few days, nearly the whole month, and days of two."""


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    with connect(database_url, "test") as opened:
        settle(opened)
        yield opened


def _live(conn: Connection) -> tuple[list[Any], list[Any]]:
    """What stands now, by names, for comparing two ways of getting there."""
    scores = conn.execute(
        "select s.incident_id, s.axis, coalesce(m.code, ''), s.month, a.code, c.code, s.days, s.flags, s.handling_s,"
        " s.acceptance_s, s.satisfaction from evaluation_score s left join evaluation_name m on m.id = s.subject"
        " join evaluation_name a on a.id = s.area join evaluation_name c on c.id = s.category"
        " where s.died = 2147483647 order by 1, 2, 3, 4"
    ).fetchall()
    sums = conn.execute(
        "select r.month, r.kind, m.code, r.sums from evaluation_rollup r"
        " left join evaluation_name m on m.id = r.subject where r.edition = 0 and 0 <> any(r.sums)"
        " order by 1, 2, 3"
    ).fetchall()
    sums += conn.execute(
        "select r.day, r.kind, m.code, r.sums from evaluation_day r"
        " left join evaluation_name m on m.id = r.subject where r.edition = 0 and 0 <> any(r.sums)"
        " order by 1, 2, 3"
    ).fetchall()
    return scores, sums


def test_every_figure_of_every_group_is_what_counting_the_plain_way_gives(conn: Connection) -> None:
    told = stories(7, 200)
    tell_all(conn, told)
    assert store.roll_up(conn, NOW) == 200
    for asked in (YEAR, a_month(10), *SPANS):
        assert everything(conn, asked) == summed(plainly(told, asked))


def test_days_that_have_no_sums_yet_are_counted_from_the_scores_until_they_have(
    conn: Connection,
) -> None:
    """After a process of the release before scored a batch, or closed a month."""
    told = stories(7, 60)
    tell_all(conn, told)
    store.roll_up(conn, NOW)
    editions.close(conn, date(2026, 10, 1), "kaoping", NOW)
    span = SPANS[1]
    live = replace(span, edition=0)
    plain = summed(plainly(told, span))
    assert everything(conn, span) == everything(conn, live) == plain
    conn.execute("alter table evaluation_edition disable trigger all")
    conn.execute("update evaluation_edition set daily = false")
    conn.execute("delete from evaluation_day")
    conn.execute("update evaluation_state set daily = -1")
    assert everything(conn, span) == everything(conn, live) == plain
    store.roll_up(conn, NOW)
    assert store.read_state(conn).daily
    assert conn.execute("select count(*) > 0 from evaluation_day").fetchone() == (True,)
    assert everything(conn, live) == plain


def test_a_span_of_months_is_turned_page_by_page(conn: Connection) -> None:
    told = stories(7, 100)
    tell_all(conn, told)
    store.roll_up(conn, NOW)
    parts, _ = editions.parts(conn, SPANS[2])
    whole = views.table(conn, parts, "person", EVERYWHERE)
    turned: views.Table = {}
    while page := views.table(conn, parts, "person", EVERYWHERE, (max(turned, default=None), 2)):
        turned |= page
    assert turned == whole
    assert len(whole) > 6


def test_every_number_opens_to_exactly_the_incidents_it_counts(conn: Connection) -> None:
    told = stories(8, 150)
    tell_all(conn, told)
    store.roll_up(conn, NOW)
    opened = 0
    for asked in (a_month(10), SPANS[2]):
        plain = plainly(told, asked)
        for (group, code, key), (n, total) in everything(conn, asked).items():
            rows = counted(conn, asked, group, None if group == views.ALL else code, key)
            assert len(rows) == n
            assert len({row.number for row in rows}) == n
            assert {row.number for row in rows} == {
                number_of(r[0]) for r in plain[group, code, key]
            }
            assert {row.day for row in rows} == {r[1] for r in plain[group, code, key]}
            if total:
                assert sum(row.value or 0 for row in rows) == total
            opened += 1
    assert opened > 1500


def test_a_list_is_turned_page_by_page_without_loss(conn: Connection) -> None:
    told = stories(9, 80)
    tell_all(conn, told)
    store.roll_up(conn, NOW)
    parts, _ = editions.parts(conn, YEAR)
    whole = [row.number for row in counted(conn, YEAR, "all", None, "reported")]
    turned: list[str] = []
    after = None
    while True:
        page = views.members(conn, parts, ("all", None, "reported"), EVERYWHERE, (after, 7))
        if not page:
            break
        turned += [member.number for _, member in page]
        after = views.Place(page[-1][0], page[-1][1].incident_id)
    assert turned == whole
    assert len(whole) == len([s for s in told if not s.merged])


def test_merged_incidents_count_nowhere_and_once_again_when_taken_apart(conn: Connection) -> None:
    told = stories(10, 20)
    teller = tell_all(conn, told)
    store.roll_up(conn, NOW)
    victim = next(
        n for n, s in enumerate(told) if not s.merged and s.state not in {"void", "closed"}
    )
    before = everything(conn)
    alone = deepcopy(told[victim])
    merge(told[victim])
    teller.tell(victim, told[victim])
    store.roll_up(conn, NOW)
    assert number_of(victim) not in {m.number for m in counted(conn, YEAR, "all", None, "reported")}
    assert everything(conn) == summed(plainly(told, YEAR))
    told[victim].merged = False
    told[victim].state, told[victim].due_at = alone.state, alone.due_at
    step = told[victim].steps[-1]
    told[victim].steps.append(replace(step, move="unmerge", to_state=alone.state))
    teller.tell(victim, told[victim])
    store.roll_up(conn, NOW)
    assert everything(conn) == before


@given(st.integers(0, 2**32))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_batches_and_a_rebuild_from_nothing_give_the_same(
    database_url: str, seed: int
) -> None:
    dice = Random(seed)
    told = stories(seed, 12)
    with connect(database_url, "test") as conn:
        _empty(conn)
        settle(conn)
        teller = Teller(conn)
        while any(
            n not in teller.told or teller.told[n].version < len(s.steps)
            for n, s in enumerate(told)
        ):
            number = dice.randrange(len(told))
            there = teller.told[number].version if number in teller.told else 0
            teller.tell(
                number, told[number], min(len(told[number].steps), there + dice.randrange(1, 6))
            )
            if dice.random() < 0.3:
                store.roll_up(
                    conn, NOW - timedelta(days=dice.randrange(40)), most=dice.randrange(1, 5)
                )
            if dice.random() < 0.05:
                store.rebuild(conn, NOW - timedelta(days=dice.randrange(40)), most=5)
        store.roll_up(conn, NOW)
        assert everything(conn) == summed(plainly(told, YEAR))
        step_by_step = _live(conn)
        store.rebuild(conn, NOW)
        assert _live(conn) == step_by_step


def _empty(conn: Connection) -> None:
    conn.execute("set session_replication_role = replica")
    conn.execute(
        "truncate history, incident, evaluation_due, evaluation_score, evaluation_rollup, evaluation_day, evaluation_name, outbox,"
        " evaluation_edition, event cascade"
    )
    conn.execute("update evaluation_state set batch = 0, looked_at = '-infinity', book = null")
    conn.execute("set session_replication_role = origin")


def test_a_deadline_that_passes_is_noticed_though_nobody_touches_the_incident(
    conn: Connection,
) -> None:
    told = [s for s in stories(11, 200) if s.state == "handling" and s.due_at is not None][:5]
    told = [replace(s, due_at=NOW + timedelta(days=n)) for n, s in enumerate(told)]
    tell_all(conn, told)
    for day in range(7):
        store.roll_up(conn, NOW + timedelta(days=day, minutes=1))
        rows = counted(conn, YEAR, "all", None, "due_unhandled")
        assert len(rows) == min(day + 1, len(told))


def test_a_clock_that_is_behind_takes_nothing_back(conn: Connection) -> None:
    story = next(s for s in stories(11, 200) if s.state == "handling" and s.due_at is not None)
    store.roll_up(conn, NOW + timedelta(days=2))
    tell_all(conn, [replace(story, due_at=NOW + timedelta(days=1))])
    store.roll_up(conn, NOW)
    assert len(counted(conn, YEAR, "all", None, "due_unhandled")) == 1


def test_two_who_roll_up_at_once_count_everything_once(database_url: str, conn: Connection) -> None:
    told = stories(14, 60)

    def roll(_: int) -> None:
        with connect(database_url, "other") as own:
            for _ in range(6):
                store.roll_up(own, NOW, most=3)

    with ThreadPoolExecutor(4) as others:
        busy = [others.submit(roll, n) for n in range(3)]
        tell_all(conn, told)
        for one in busy:
            one.result()
    store.roll_up(conn, NOW)
    assert everything(conn) == summed(plainly(told, YEAR))
    assert conn.execute("select count(*) from evaluation_due").fetchone() == (0,)


def test_part_of_the_city_is_counted_from_the_scores_and_agrees_with_the_whole(
    conn: Connection,
) -> None:
    told = stories(17, 150)
    tell_all(conn, told)
    store.roll_up(conn, NOW)
    parts, _ = editions.parts(conn, a_month(10))
    for level, code in (
        ("district", "110101"),
        ("street", "110101001"),
        ("community", "110101001002"),
    ):
        mine = [
            s for s in told if s.place[("district", "street", "community").index(level)] == code
        ]
        within = views.Within(**{level: code})
        for group in ("class", "department", "person", "all"):
            got = views.table(conn, parts, group, within)
            plain = {k: v for k, v in summed(plainly(mine, a_month(10))).items() if k[0] == group}
            assert {
                (group, c, f): (t.n, t.total) for c, row in got.items() for f, t in row.items()
            } == plain
            for _, c, f in plain:
                rows = counted(conn, a_month(10), group, None if group == "all" else c, f, within)
                assert len(rows) == plain[group, c, f][0]


def test_a_department_s_own_is_counted_by_category_and_area_too(conn: Connection) -> None:
    tell_all(conn, stories(18, 100))
    store.roll_up(conn, NOW)
    parts, _ = editions.parts(conn, a_month(10))
    whole = views.table(conn, parts, "department", EVERYWHERE)["D2"]
    within = views.Within(department="D2")
    for group in ("class", "street"):
        table = views.table(conn, parts, group, within)
        for key, one in whole.items():
            assert sum(row[key].n for row in table.values() if key in row) == one.n
        for code, row in table.items():
            for key, one in row.items():
                assert len(counted(conn, a_month(10), group, code, key, within)) == one.n
    with pytest.raises(EvaluationRefused, match="岗位或人员"):
        views.table(conn, parts, "person", within)


def test_a_move_is_noted_once_in_its_own_transaction(conn: Connection) -> None:
    story = next(s for s in stories(19, 50) if len(s.steps) >= 4)
    teller = Teller(conn)
    teller.tell(0, story, 1)
    assert conn.execute("select count(*) from evaluation_due").fetchone() == (1,)
    teller.tell(0, story, 2)
    assert conn.execute("select count(*) from evaluation_due").fetchone() == (2,)
    conn.execute("update incident set text = 'x'")
    assert conn.execute("select count(*) from evaluation_due").fetchone() == (2,)


def test_the_database_and_python_agree_on_which_moments_fell(conn: Connection) -> None:
    dice = Random(3)
    for _ in range(200):
        days = packed({moment: dice.randrange(32) for moment in Moment})
        first = dice.randrange(1, 32)
        last = dice.randrange(first, 32)
        row = conn.execute("select evaluation_fell(%s, %s, %s)", (days, first, last)).fetchone()
        assert row == (fell(days, first, last),)
