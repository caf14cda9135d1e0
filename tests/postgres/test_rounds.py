"""What a round keeps in one statement is what each would have kept by itself, and nobody's fault is another's."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta
from importlib.resources import files
from typing import Any

import pytest

from incidents.incident import Actor, HistoryRow, Incident, Kept, changed, told
from incidents.lifecycle import Role, State
from incidents.moves import move
from incidents.postgres import audit_store, city
from incidents.postgres.connection import Connection, connect
from incidents.postgres.ledger import PostgresLedger
from incidents.postgres.numbers import Numbers
from incidents.postgres.queries import BEGAN, named
from incidents.postgres.recent import Recent
from incidents.postgres.rounds import Round
from tests.contracts.ledger import _begun, _open
from tests.incidents.builders import NOON, a_report, the_decisions

pytestmark = pytest.mark.real

OFFICER = Actor("值班长", Role.SHIFT_LEAD)


@pytest.fixture
def ledger(connection: Connection, numbers: Numbers) -> PostgresLedger:
    rows = the_decisions().departments.values()
    city.put_departments(connection, [city.Department(d.code, d.name_zh, d.parent) for d in rows])
    return PostgresLedger(connection, numbers)


def a_round(connection: Connection, numbers: Numbers, expected: int = 0) -> Round:
    return Round(connection, numbers, Recent(), expected)


def all_changed(before: Incident) -> Kept:
    """A step that changes every column a step may change."""
    later = NOON + timedelta(hours=1)
    values: dict[str, Any] = {
        "state": State.HANDLING,
        "version": before.version + 1,
        "category": "scene/matter/changed",
        "subject": f"subject of {before.number}",
        "urgent": True,
        "lon": 116.5,
        "lat": 39.5,
        "cell": None,
        "department": next(iter(the_decisions().departments)),
        "reports": 3,
        "assisting": ("协办一", "b"),
        "handler": "h",
        "confirmed": True,
        "media": ("m1", "m2"),
        "explanation": {"dispatch": {"why": '引号" 与 \\ 与 {}'}},
        "refused": ("谁",),
        "clocks": {"handling": {"state": "running", "provisional": False}},
    }
    for one in fields(Incident):
        if one.name in BEGAN or one.name in values:
            continue
        kind = str(one.type)
        if "datetime" in kind:
            values[one.name] = later
        elif "Mapping" in kind:
            values[one.name] = {"is": one.name}
        elif kind.startswith("int"):
            values[one.name] = 7
        else:
            values[one.name] = f"new {one.name}"
    after = changed(before, values)
    row = HistoryRow(
        after.version,
        later,
        "note",
        "谁",
        "dispatcher",
        None,
        "open",
        "handling",
        "为何",
        {"a": [1]},
    )
    return told(before, after, row, "note_added")


def as_kept(connection: Connection, number: str) -> dict[str, Any]:
    """Everything the database holds of an incident, but for what names it."""
    row = connection.execute(
        "select to_jsonb(i) - array['id', 'number', 'subject', 'last_hash'], i.id, subject from incident i where number = %s",
        (number,),
    ).fetchone()
    assert row
    lines = connection.execute(
        "select to_jsonb(h) - array['incident_id', 'prev_hash', 'hash'] from history h where incident_id = %s order by seq",
        (row[1],),
    ).fetchall()
    facts = connection.execute(
        "select replace(body, %s, '') from outbox where key = %s order by id", (number, number)
    ).fetchall()
    due = connection.execute(
        "select count(*) from evaluation_due where incident_id = %s", (row[1],)
    ).fetchone()
    words = connection.execute(
        "select pairs from incident_words where incident_id = %s", (row[1],)
    ).fetchall()
    subject = (row[2] or "").replace(number, "")
    return {
        "row": row[0],
        "subject": subject,
        "lines": lines,
        "facts": facts,
        "due": due,
        "words": words,
    }


def chains_hold(connection: Connection, numbers: list[str]) -> bool:
    """Whether every hash follows from the one before. (These incidents are not the fold of their made-up histories.)"""
    found = audit_store.audit(connection, numbers)
    return not [fault for fault in found.faults if fault.what != "state"]


def test_each_column_is_kept_as_a_step_by_itself_keeps_it(
    ledger: PostgresLedger, connection: Connection, numbers: Numbers
) -> None:
    alone, one, other = (_open(ledger, a_report("r")) for _ in range(3))
    ledger.keep(alone, [all_changed(alone)])
    round_ = a_round(connection, numbers)
    for each in (one, other):
        round_.step(each, [all_changed(each)])
    assert round_.keep() == [True, True]
    wanted = as_kept(connection, alone.number)
    assert as_kept(connection, one.number) == wanted
    assert as_kept(connection, other.number) == wanted
    changed_ones = {n for n, v in wanted["row"].items() if v is not None}
    assert {f.name for f in fields(Incident)} - BEGAN - {
        "number",
        "subject",
        "cell",
    } <= changed_ones
    assert chains_hold(connection, [one.number, other.number])


def test_a_round_sets_the_columns_that_a_step_by_itself_sets() -> None:
    schema = (files("incidents.postgres") / "schema.sql").read_text(encoding="utf-8")
    step = schema.partition("create function incident_step")[2].partition("end $$")[0]
    alone = set(re.findall(r"\b(\w+) = n\.\1\b", step))
    assert alone == {f.name for f in fields(Incident)} - BEGAN
    together = set(re.findall(r"\b(\w+) = b\.\1\b", named("rounds.sql")["step"]))
    assert together - {"id"} == alone


def test_an_opening_is_kept_as_by_itself(
    ledger: PostgresLedger, connection: Connection, numbers: Numbers
) -> None:
    begun = [_begun(ledger, a_report(f"r{n}", text="路灯不亮")) for n in range(3)]
    assert ledger.open([begun[0]], a_report("r0", text="路灯不亮"), "why")
    round_ = a_round(connection, numbers, 2)
    for n, kept in enumerate(begun[1:], 1):
        round_.open([kept], a_report(f"r{n}", text="路灯不亮"), "why")
    assert round_.keep() == [True, True]
    wanted = as_kept(connection, begun[0][0].number)
    assert wanted["words"]
    for n, (incident, _, _) in enumerate(begun):
        found = as_kept(connection, incident.number)
        assert [f"r{n}" in str(line.pop("data")) for (line,) in found["lines"]] == [True]
        assert found["row"] == wanted["row"]
        assert (found["words"], found["due"]) == (wanted["words"], wanted["due"])
    events = connection.execute(
        "select e.id, i.number from event e join incident i on i.id = e.incident_id order by e.id"
    ).fetchall()
    assert events == [(f"r{n}", kept[0].number) for n, kept in enumerate(begun)]
    assert chains_hold(connection, [kept[0].number for kept in begun])


def test_of_two_openings_of_one_subject_the_first_is_kept_and_none_beside_an_open_one(
    ledger: PostgresLedger, connection: Connection, numbers: Numbers
) -> None:
    def about(name: str, subject: str) -> tuple[Any, Sequence[Kept]]:
        event = a_report(name, subject=subject)
        return event, [_begun(ledger, event)]

    _open(ledger, a_report("r0", subject="已有"))
    round_ = a_round(connection, numbers, 4)
    for name, subject in (("r1", "井盖"), ("r2", "已有"), ("r3", "井盖"), ("r4", "路灯")):
        event, kept = about(name, subject)
        round_.open(kept, event, "why")
    assert round_.keep() == [True, False, False, True]
    told_of = connection.execute("select id from event order by id").fetchall()
    assert told_of == [("r1",), ("r4",)]


def test_of_two_steps_on_one_incident_the_first_is_kept(
    ledger: PostgresLedger, connection: Connection, numbers: Numbers
) -> None:
    same, other = _open(ledger, a_report("r0")), _open(ledger, a_report("r1"))
    round_ = a_round(connection, numbers)
    for incident, why in ((same, "一"), (other, "二"), (same, "三")):
        round_.step(incident, [move(incident, "void", OFFICER, NOON, {"reason": why})])
    assert round_.keep() == [True, True, False]
    said = connection.execute(
        "select reason from history where move = 'void' order by reason collate \"C\""
    ).fetchall()
    assert {why for (why,) in said} == {"一", "二"}


def test_two_rounds_at_once_keep_each_step_once_though_rows_change_under_them(
    ledger: PostgresLedger, database_url: str, numbers: Numbers
) -> None:
    """Half of the rows are touched, without a new version, by who holds them while both rounds wait for them."""
    known = [_open(ledger, a_report(f"r{n}")) for n in range(8)]
    done: dict[str, list[bool]] = {}
    with connect(database_url, "holder") as holder:

        def keep(name: str) -> None:
            with connect(database_url, name) as own:
                round_ = a_round(own, numbers)
                for one in known:
                    round_.step(one, [move(one, "void", OFFICER, NOON, {"reason": name})])
                done[name] = round_.keep()

        with holder.transaction():
            holder.execute(
                "update incident set wake_at = now() where number = any(%s)",
                ([one.number for one in known[::2]],),
            )
            both = [threading.Thread(target=keep, args=(name,)) for name in ("甲", "乙")]
            for each in both:
                each.start()
            threading.Event().wait(0.4)
        for each in both:
            each.join()
        assert [a != b for a, b in zip(done["甲"], done["乙"], strict=True)] == [True] * 8
        lines = holder.execute(
            "select incident_id, count(*) from history where move = 'void' group by 1"
        ).fetchall()
        assert [n for _, n in lines] == [1] * 8
        assert chains_hold(holder, [one.number for one in known])
