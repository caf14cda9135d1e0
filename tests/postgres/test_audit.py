"""The audit of a real store: whole histories are sound, and whatever somebody changes with the triggers off is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from incidents import audit_commands, auditing, desk
from incidents.errors import IncidentUnknown
from incidents.event import Place
from incidents.incident import Actor
from incidents.lifecycle import Role
from incidents.postgres import audit_store, decision_store
from incidents.postgres.connection import Connection, connect
from incidents.postgres.ledger import PostgresLedger
from incidents.postgres.numbers import take
from local.postgres import LocalPostgres
from tests.conftest import cloned_database
from tests.incidents.builders import a_report
from tests.journey import scene
from tests.postgres.test_store_commands import run

pytestmark = pytest.mark.real

OFF, ON = "alter table history disable trigger user", "alter table history enable trigger user"


NOISE = "scene/matter/noise"
LEAD = Actor("lead", Role.SHIFT_LEAD)
CREW = Actor("dept-a", Role.DEPARTMENT, "A")
STEPS: list[tuple[str, Actor, dict[str, Any]]] = [
    ("open", LEAD, {}),  # and dispatched by the route
    ("accept", CREW, {"handler": "老王"}),
    ("ask_suspend", CREW, {"reason": '等雨停 "暂缓"\n', "days": 2}),
    ("grant", LEAD, {}),
    ("resume", LEAD, {}),
    ("urge", LEAD, {"reason": "快"}),
    ("report_handled", CREW, {"media": ("p1",)}),
    ("rework", LEAD, {"reason": "未净"}),
    ("send_back", CREW, {"reason": "非我"}),
    ("dispatch", LEAD, {"department": "B"}),
    ("close_by_order", LEAD, {"reason": "现场已清"}),
]


def live(url: str, n: int) -> None:
    """Incidents with whole lives, each a step further than the one before."""
    bodies: dict[str, dict[str, Any]] = {
        "rules": {"rules": []},
        "routes": {"routes": [scene.automatic_route("r", [NOISE], "A")]},
        "standards": scene.standards([NOISE]),
    }
    scene.settle(url, bodies, people=False)
    with connect(url, "test") as conn, connect(url, "numbers") as other:
        ledger = PostgresLedger(conn, lambda region, day: take(other, region, day))
        decisions = decision_store.in_force(conn)
        begun = datetime.now(UTC)
        for k in range(n):
            event = a_report(f"r{k}", category=NOISE, place=Place(), at=begun)
            wang = Actor("wang", Role.INSPECTOR)
            now = desk.receive(ledger, event, decisions, begun, by=wang).incident
            assert now is not None
            for m, (name, by, given) in enumerate(STEPS[:k]):
                at = begun + timedelta(minutes=m, microseconds=120 * m)
                told = {key: value for key, value in given.items() if key != "days"}
                if "days" in given:
                    told["until"] = at + timedelta(days=given["days"])
                now = desk.move(ledger, now.number, name, by, at, told, now.version, decisions)


@pytest.fixture(scope="module")
def lived(postgres_server: LocalPostgres) -> Iterator[str]:
    """A store with a past, which no test changes; nobody is connected between the tests."""
    with cloned_database(postgres_server) as url:
        live(url, 1 + len(STEPS))
        yield url


@pytest.fixture
def copy(lived: str, postgres_server: LocalPostgres) -> Iterator[str]:
    """The same store, to be tampered with."""
    with cloned_database(postgres_server, lived.rsplit("/", 1)[1]) as url:
        yield url


def numbers_of(conn: Connection) -> list[str]:
    return [row[0] for row in conn.execute("select number from incident order by id")]


def command(url: str, *words: str) -> Result:
    """`audit …` as an operator types it, in this process."""
    return CliRunner().invoke(commands_of(url), words)


def commands_of(url: str) -> typer.Typer:
    return audit_commands.commands(lambda: connect(url, "audit"))


def of(conn: Connection, number: str) -> int:
    row = conn.execute("select id from incident where number = %s", (number,)).fetchone()
    assert row is not None
    return int(row[0])


_LAST = "(select max(seq) from history h where h.incident_id = history.incident_id)"
TAMPERINGS: dict[str, tuple[str, str]] = {
    "reason": ("update history set reason = '另一个理由' where incident_id = %s and seq = 2", "changed"),
    "data": ("""update history set data = data || '{"x": 1}' where incident_id = %s and seq = 1""", "changed"),
    "time": ("update history set at = at + interval '1 second' where incident_id = %s and seq = 2", "changed"),
    "middle": ("delete from history where incident_id = %s and seq = 2", "gap"),
    "end": (f"delete from history where incident_id = %s and seq = {_LAST}", "head"),
    "row": ("update incident set department = null, reports = reports + 1 where id = %s", "state"),
    "deadline": ("update incident set due_at = due_at + interval '1 day', reworks = 1 + reworks where id = %s", "state"),
    "counter": ("update incident set version = version + 1 where id = %s", "version"),
}  # fmt: skip


def test_whole_lives_are_sound_and_every_tampering_is_found_and_nothing_else(copy: str) -> None:
    with connect(copy, "test") as conn:
        numbers = numbers_of(conn)
        sound = audit_store.audit(conn)
        assert sound.faults == []
        assert (sound.incidents, sound.numbers_unused) == (len(numbers), 0)
        assert sound.lines > 70
        assert len(sound.seal or "") == 64
        conn.execute(OFF)
        tampered: dict[str, str] = {}
        for number, (statement, what) in zip(numbers[3:], TAMPERINGS.values(), strict=False):
            conn.execute(statement.encode(), (of(conn, number),))
            tampered[number] = what
        conn.execute(ON)
        found = audit_store.audit(conn)
        assert {f.number for f in found.faults} == set(tampered)
        for number, what in tampered.items():
            assert what in {f.what for f in found.faults if f.number == number}, (number, what)
        assert all(f.zh and f.en for f in found.faults)
        assert found.seal is None
        only = audit_store.audit(conn, numbers[:2])
        assert (only.incidents, only.faults, only.seal) == (2, [], None)
    with pytest.raises(IncidentUnknown):
        CliRunner().invoke(commands_of(copy), ["9901022026050100009"], catch_exceptions=False)
    told = command(copy, numbers[3], numbers[0])
    assert told.exit_code == 1
    assert f"✘ {numbers[3]} #2 [changed]" in told.stdout


def test_a_chain_that_was_written_anew_and_an_incident_that_was_removed_leave_a_trace(
    copy: str,
) -> None:
    with connect(copy, "test") as conn:
        numbers = numbers_of(conn)
        before = audit_store.audit(conn).seal
        conn.execute(OFF)
        conn.execute(
            "with gone as (delete from history where incident_id = %(id)s returning *)"
            " update incident set last_hash = history_append(id, null, (select jsonb_agg(jsonb_build_object("
            " 'seq', seq, 'at', to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.USZ'), 'by', 'wang', 'move',"
            " move, 'role', role, 'reason', reason, 'department', department, 'from_state', from_state, 'to_state',"
            " to_state, 'data', data) order by seq) from gone)) where id = %(id)s".replace(
                "USZ", 'US"Z"'
            ),
            {"id": of(conn, numbers[5])},
        )
        anew = audit_store.audit(conn)
        assert anew.faults == []
        assert anew.seal not in {None, before}
        conn.execute("set session_replication_role = replica")
        gone = of(conn, numbers[1])
        for table, column in (("history", "incident_id"), ("incident", "id")):
            conn.execute(f"delete from {table} where {column} = %s".encode(), (gone,))
        conn.execute("set session_replication_role = origin")
        found = audit_store.audit(conn)
    assert {f.what for f in found.faults} == {"removed"}
    assert numbers[1] in {f.number for f in found.faults}
    assert found.numbers_unused == 1


def test_what_is_exported_proves_itself_without_the_database(copy: str, tmp_path: Path) -> None:
    picture = b"pixels"
    photo: dict[str, Any] = {"id": "a" * 32, "sha": hashlib.sha256(picture).digest()}
    with connect(copy, "test") as conn:
        number = numbers_of(conn)[6]
        conn.execute(
            "insert into media (id, account, kind, received_sha256, sha256, size, width, height, attached)"
            " values (%(id)s, 'w', 'scene', %(sha)s, %(sha)s, 6, 1, 1, true)",
            photo,
        )
        conn.execute(
            "insert into media_use (media, incident, stage, move, by, at)"
            " values (%(id)s, %(number)s, 'open', 'add', 'w', now())",
            photo | {"number": number},
        )
        with pytest.raises(IncidentUnknown):
            audit_store.export(conn, "nobody")
    jpeg, file = tmp_path / f"{photo['id']}.jpg", tmp_path / "file.json"
    jpeg.write_bytes(picture)
    assert command(copy, "export", number, "--out", str(file)).exit_code == 0
    told = json.loads(file.read_text(encoding="utf-8"))
    assert auditing.check_file(told) == []
    assert "reporter" not in told["incident"]
    assert told["media"][0]["sha256"] == hashlib.sha256(picture).hexdigest()
    nowhere = "postgresql://127.0.0.1:1/nowhere"
    checked = command(nowhere, "check", str(file), "--media", str(tmp_path), "--json")
    assert checked.exit_code == 0, checked.stdout
    assert json.loads(checked.stdout)["head"] == told["head"]
    jpeg.write_bytes(b"others")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('\\"move\\"', '\\"mood\\"', 1), encoding="utf-8")
    again = command(nowhere, "check", str(file), "--media", str(tmp_path))
    assert again.exit_code == 1
    assert "[changed]" in again.stdout
    assert "[photo]" in again.stdout


def test_the_audit_by_command_ends_as_it_found(lived: str) -> None:
    whole = run(lived, "audit", "--json")
    assert whole.returncode == 0, whole.stderr
    assert json.loads(whole.stdout)["incidents"] == 1 + len(STEPS)
