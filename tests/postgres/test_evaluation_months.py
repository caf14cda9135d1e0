"""Months closed and run again, and other figures decided: what was counted stays as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random

import psycopg
import pytest

from incidents.errors import DecisionRefused
from incidents.evaluation import EvaluationRefused
from incidents.postgres import evaluation_editions as editions
from incidents.postgres import evaluation_store as store
from incidents.postgres.connection import Connection, connect
from incidents.standards import evaluation_tables
from tests.incidents.evaluation_stories import go_on, merge, stories
from tests.postgres.evaluation_tellers import (
    BOOK,
    NOW,
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

OCTOBER = date(2026, 10, 1)


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    with connect(database_url, "test") as opened:
        settle(opened)
        yield opened


def test_a_closed_month_stays_as_it_was_figure_by_figure_and_incident_by_incident(
    conn: Connection,
) -> None:
    told = stories(12, 120)
    teller = tell_all(conn, told)
    first = editions.close(conn, OCTOBER, "kaoping", NOW)
    closed = everything(conn, a_month(10))
    assert closed == summed(plainly(told, a_month(10)))
    lists = {key: [m.number for m in counted(conn, a_month(10), key[0], None if key[0] == "all" else key[1], key[2])]
             for key in closed}  # fmt: skip
    dice = Random(5)
    for number, story in enumerate(told):
        go_on(story, dice, 3)
        if number % 9 == 0 and not story.merged:
            merge(story)
        teller.tell(number, story)
    store.roll_up(conn, NOW)
    assert everything(conn, a_month(10)) == closed
    for key, numbers in lists.items():
        rows = counted(conn, a_month(10), key[0], None if key[0] == "all" else key[1], key[2])
        assert [m.number for m in rows] == numbers
    part = editions.Asked(date(2026, 10, 3), date(2026, 10, 20))
    assert everything(conn, part) != everything(conn, replace(part, edition=0))
    now = summed(plainly(told, a_month(10)))
    assert everything(conn, a_month(10, 0)) == now != closed

    second = editions.rerun(conn, OCTOBER, "kaoping", NOW, "申诉复核后重算")
    assert (first.number, second.number, second.author, second.reason) == (
        1,
        2,
        "kaoping",
        "申诉复核后重算",
    )
    assert everything(conn, a_month(10)) == now
    assert everything(conn, a_month(10, 1)) == closed
    store.rebuild(conn, NOW)
    assert everything(conn, a_month(10)) == now
    assert everything(conn, a_month(10, 1)) == closed
    for key, numbers in lists.items():
        rows = counted(conn, a_month(10, 1), key[0], None if key[0] == "all" else key[1], key[2])
        assert [m.number for m in rows] == numbers


def test_a_month_is_closed_once_when_it_is_over_and_run_again_with_a_reason(
    conn: Connection,
) -> None:
    tell_all(conn, stories(13, 5))
    for month, why in ((date(2026, 11, 1), "尚未结束"), (date(2026, 10, 2), "尚未结束")):
        with pytest.raises(EvaluationRefused, match=why):
            editions.close(conn, month, "kaoping", NOW)
    with pytest.raises(EvaluationRefused, match="尚未关账"):
        editions.rerun(conn, OCTOBER, "kaoping", NOW, "再算")
    editions.close(conn, OCTOBER, "kaoping", NOW)
    with pytest.raises(EvaluationRefused, match="已关账"):
        editions.close(conn, OCTOBER, "kaoping", NOW)
    with pytest.raises(EvaluationRefused, match="理由"):
        editions.rerun(conn, OCTOBER, "kaoping", NOW, "  ")
    with pytest.raises(EvaluationRefused, match="没有第 3 版"):
        editions.parts(conn, a_month(10, 3))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("update evaluation_edition set reason = '改'")


def test_a_month_ends_at_the_city_s_midnight(conn: Connection) -> None:
    with pytest.raises(EvaluationRefused):
        editions.close(conn, OCTOBER, "kaoping", datetime(2026, 10, 31, 15, 59, tzinfo=UTC))
    assert (
        editions.close(conn, OCTOBER, "kaoping", datetime(2026, 10, 31, 16, 0, tzinfo=UTC)).number
        == 1
    )


def test_two_who_close_at_once_make_one_edition(database_url: str, conn: Connection) -> None:
    tell_all(conn, stories(15, 20))

    def close(n: int) -> str:
        with connect(database_url, "other") as own:
            try:
                return str(editions.close(own, OCTOBER, f"kaoping-{n}", NOW).number)
            except EvaluationRefused:
                return "refused"

    with ThreadPoolExecutor(3) as others:
        assert sorted(others.map(close, range(3))) == ["1", "refused", "refused"]
    assert len(editions.editions(conn, OCTOBER)) == 1


def test_other_figures_hold_from_the_next_batch_and_closed_months_keep_theirs(
    conn: Connection,
) -> None:
    told = stories(22, 120)
    tell_all(conn, told)
    editions.close(conn, OCTOBER, "kaoping", NOW)
    closed = everything(conn, a_month(10))
    body = deepcopy(evaluation_tables.seed())
    body["exclude"] = [row for row in body["exclude"] if row["flag"] != "upheld"]
    body["figures"] = [row for row in body["figures"] if row["key"] != "verified"]
    body["rates"] = [row for row in body["rates"] if "verified" not in (row["of"], row.get("over"))]
    store.decide(conn, body, "kaoping")
    store.roll_up(conn, NOW)
    assert everything(conn, a_month(10)) == closed
    live = everything(conn, a_month(10, 0))
    assert not any(key[2] == "verified" for key in live)
    upheld = counted(conn, a_month(10, 0), "all", None, "overdue")
    plain = plainly(told, a_month(10))
    assert {m.number for m in upheld} > {number_of(r[0]) for r in plain["all", "", "overdue"]}
    store.rebuild(conn, NOW)
    assert everything(conn, a_month(10, 0)) == live


def test_figures_that_make_no_sense_are_refused_with_every_reason(conn: Connection) -> None:
    body = deepcopy(evaluation_tables.seed())
    body["figures"][0]["at"] = "yesterday"
    body["figures"][1]["having"] = ["brave"]
    body["rates"][0]["of"] = "nothing"
    body["exclude"].append({"flag": "handled", "figures": ["due_handled"]})
    body["rates"][1]["colour"] = "red"
    with pytest.raises(DecisionRefused) as refusal:
        store.decide(conn, body, "kaoping")
    reasons = " ".join(reason for _, reason in refusal.value.facts["faults"])
    for word in (
        "at is one of",
        "no flag is called brave",
        "no figure is called nothing",
        "very flag",
        "colour",
    ):
        assert word in reasons
    assert conn.execute("select count(*) from decision where kind = 'evaluation'").fetchone() == (
        0,
    )


def test_the_seed_is_kept_as_json_and_read_again() -> None:
    body = json.loads(json.dumps(evaluation_tables.seed()))
    assert evaluation_tables.read(body) == BOOK
