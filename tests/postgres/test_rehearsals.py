"""Rehearsals over a real store: what a book really judged comes out as it was opened; routes, limits, interruption, one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from incidents import __main__ as incidents_command
from incidents import rehearsal_commands
from incidents.errors import DecisionRefused
from incidents.incident import Actor
from incidents.lifecycle import Role
from incidents.postgres import decision_store, rehearsal_past, rehearsal_run, rehearsal_store
from incidents.postgres.connection import Connection, connect
from incidents.postgres.ledger import PostgresLedger
from incidents.rehearsal import RehearsalRefused, Window
from incidents.standards import tables
from local.postgres import LocalPostgres
from tests.conftest import cloned_database
from tests.journey import scene
from tests.journey.oracle import Level
from tests.streams.builders import NOON, NOW, REPORTS, Bench, envelope, events, messages
from tests.streams.test_judging import heard, series_of

pytestmark = pytest.mark.real

NOISE, SMOKE = "scene/matter/noise", "scene/matter/smoke"
LEVEL = Level("loud", "level", 70, 60, for_s=5, gap_s=900, settle_s=300)
SPAN = Window(
    datetime.fromtimestamp(NOON / 1000, UTC) - timedelta(hours=1),
    datetime.fromtimestamp(NOON / 1000, UTC) + timedelta(hours=2),
)
DEVICES = [f"d{n}" for n in range(6)]
ZONE = ZoneInfo("Asia/Shanghai")
QUIET = 1000 * (120 + 400)


def rules(level: Level = LEVEL, score: float | None = None) -> dict[str, Any]:
    smoke = scene.reported("smoke", [SMOKE])
    if score is not None:
        smoke["least_score"] = score
    return {"rules": [scene.threshold(level, NOISE), smoke]}


def bodies() -> dict[str, dict[str, Any]]:
    return {
        "rules": rules(),
        "routes": {"routes": [scene.automatic_route("r", [NOISE], "A")]},
        "standards": scene.standards([NOISE, SMOKE], {SMOKE: (50.0, 60)}),
    }


def judge(bench: Bench) -> None:
    """A stream as it comes: two gateways, shuffled, and machine's events; the desk closes some of what is opened."""
    series = {device: series_of(device) for device in DEVICES}
    one, other = heard(0, series), heard(1, series)
    for n, pair in enumerate(zip(one, other, strict=True)):
        for part, body in enumerate(pair):
            bench.apply(messages(body, part=part, first=n))
        if n % 4 == 3:
            close_all(bench.connection)
    bench.apply(messages(envelope([(device, QUIET, 35.0) for device in DEVICES]), part=2))
    seen = []
    for n in range(6):
        lon, lat = scene.middle(n, 8)
        place = {"lon": lon, "lat": lat, "datum": "wgs84", "category": SMOKE}
        seen.append({**place, "id": f"s{n}", "at": NOON + 1000 * n, "score": 0.5 + 0.05 * n})
        seen.append({**place, "id": f"t{n}", "at": NOON + 1500 * n, "score": 0.9 - 0.1 * n})
    bench.apply(messages(events(*seen), topic=REPORTS))


def close_all(conn: Connection) -> None:
    """By order of a lead: what is open is closed."""
    from incidents import desk

    ledger = PostgresLedger(conn, lambda _region, _day: "")
    lead = Actor("lead", Role.SHIFT_LEAD)
    numbers = conn.execute("select number from incident where state not in ('closed', 'void')")
    for (number,) in numbers.fetchall():
        found = ledger.load(number)
        given = {"reason": "现场已处理"}
        decisions = decision_store.in_force(conn)
        desk.move(ledger, number, "close_by_order", lead, NOW, given, found.version, decisions)


@pytest.fixture(scope="module")
def judged(
    postgres_server: LocalPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A store with a past, which no test changes."""
    folder: Path = tmp_path_factory.mktemp("judged")
    with cloned_database(postgres_server) as url:
        scene.settle(url, bodies(), {d: (n % 10, n // 10) for n, d in enumerate(DEVICES)})
        bench = Bench(url, folder)
        judge(bench)
        bench.close()
        yield url


@pytest.fixture
def conn(judged: str) -> Iterator[Connection]:
    with connect(judged, "test") as opened:
        yield opened


def held(
    conn: Connection, kind: str, body: Mapping[str, Any], window: Window = SPAN
) -> rehearsal_store.Rehearsal:
    """A rehearsal from being asked to its end, without rests."""
    number = rehearsal_store.ask(conn, kind, body, window, "test")
    assert rehearsal_run.hold_all(conn, rest=lambda _: None) == 1
    found = rehearsal_store.one(conn, number)
    assert found is not None
    assert (found.state, found.fault) == ("done", None)
    return found


def listed(conn: Connection, found: rehearsal_store.Rehearsal, name: str) -> list[dict[str, Any]]:
    return [body for _, body in rehearsal_store.lines(conn, found.id, name, 0, 1000)]


def opened(conn: Connection) -> set[str]:
    return {row[0] for row in conn.execute("select number from incident")}


def everything(conn: Connection) -> list[Any]:
    """What a rehearsal must leave alone."""
    tables = (
        "incident",
        "history",
        "event",
        "reading",
        "rule_state",
        "outbox",
        "decision",
        "stream_offset",
    )
    return [
        conn.execute(f"select md5(coalesce(string_agg(t::text, '' order by t::text), '')) from {name} t".encode()).fetchone()
        for name in tables
    ]  # fmt: skip


def test_the_rules_in_force_over_what_they_judged_give_the_incidents_that_were_opened(
    conn: Connection,
) -> None:
    before = everything(conn)

    found = held(conn, "rules", rules())

    same = listed(conn, found, "same")
    assert {line["number"] for line in same} == opened(conn)
    assert len(same) > 10
    assert {line["shift_s"] for line in same} == {0}
    assert found.result is not None
    assert (found.result["new"], found.result["gone"]) == (0, 0)
    assert found.result["readings"] == len(DEVICES) * 121
    assert found.editions["rules"] > 0
    assert everything(conn) == before


def test_history_in_small_pieces_is_the_same_history(conn: Connection) -> None:
    metrics = [row[0] for row in conn.execute("select id from metric")]

    def readings(most: int) -> list[tuple[int, ...]]:
        parts = rehearsal_past.readings(conn, metrics, (SPAN.begins, SPAN.ends), most)
        return [
            row
            for part in parts
            for row in zip(
                part.at.tolist(),
                part.device.tolist(),
                part.value.tolist(),
                part.cell.tolist(),
                strict=True,
            )
        ]

    whole = readings(50_000)
    assert len(whole) == len(DEVICES) * 121
    assert readings(97) == readings(121) == whole == sorted(whole)
    some = [list(rehearsal_past.events(conn, (SPAN.begins, SPAN.ends), most)) for most in (5, 2000)]
    assert some[0] == some[1]
    assert len(some[0]) > 12


def test_other_rules_say_what_would_be_new_and_what_would_be_gone(conn: Connection) -> None:
    lower = Level("loud", "level", 66, 60, for_s=2, gap_s=900, settle_s=300)
    found = held(conn, "rules", rules(lower, score=0.8))
    new, gone = listed(conn, found, "new"), listed(conn, found, "gone")
    assert new
    assert {line["rule"] for line in new} == {"loud"}
    for line in new:
        assert line["device"] in DEVICES
        assert line["cell"] == scene.cell_code(DEVICES.index(line["device"]), 0)
        assert line["saw"]["peak"][1] >= 66
    assert {line["rule"] for line in gone} == {"smoke"}
    assert all("置信度" in line["why"] for line in gone)
    assert {line["number"] for line in [*gone, *listed(conn, found, "same")]} == opened(conn)
    assert held(conn, "rules", {"rules": []}).result["gone"] == len(opened(conn))  # type: ignore[index]


def test_other_routes_say_where_each_would_go_and_the_sums(conn: Connection) -> None:
    present = held(conn, "routes", bodies()["routes"])
    assert present.result is not None
    sent = present.result["sent"]
    assert (sent > 5, present.result["changed"], present.result["as_happened"]) == (True, 0, sent)
    route = scene.automatic_route("r", [NOISE], "B") | {"automatic": False, "limit_minutes": 60}
    found = held(conn, "routes", {"routes": [route]})
    changed = listed(conn, found, "changed")
    assert len(changed) == sent
    assert changed[0]["changes"] == ["department", "automatic", "limit"]
    assert changed[0]["proposed"]["department"] == "B"
    assert changed[0]["happened"] | {"limit": None} == {
        "department": "A", "by": "system", "assisting": [], "limit": None,
    }  # fmt: skip
    assert found.result is not None
    assert found.result["by_department"] == {
        "A": {"proposed": 0, "present": sent, "happened": sent},
        "B": {"proposed": sent, "present": 0, "happened": 0},
    }
    assert held(conn, "routes", {"routes": []}).result["by_department"][""]["proposed"] == sent  # type: ignore[index]


def test_other_limits_say_what_would_have_been_overdue(conn: Connection) -> None:
    shorter = decision_store.editions_in_force(conn)["standards"].body
    condition = {
        "code": "1",
        "zh": "条件",
        "closing": "完成",
        "limit": {"amount": 0.001, "unit": "urgent_hour"},
    }
    for category in shorter["categories"]:
        if category["key"] == NOISE:
            category["conditions"] = [condition]
    found = held(conn, "limits", shorter)
    assert found.result is not None
    counts = found.result["by_clock"]["handling"]
    assert counts["clocks"] == found.result["incidents"] > 5
    over = listed(conn, found, "newly_overdue")
    assert len(over) == counts["newly_overdue"]
    assert all(line["was"]["amount"] == 2 and line["would_be"]["amount"] == 0.001 for line in over)


def test_an_unsound_proposal_is_refused_as_taking_it_would_be(conn: Connection) -> None:
    for kind, body in (
        ("rules", {"rules": [{"kind": "threshold"}]}),
        ("routes", {"routes": [scene.automatic_route("r", [NOISE], "NOBODY")]}),
        ("standards", scene.standards([SMOKE])),
    ):
        with pytest.raises(DecisionRefused) as put:
            decision_store.keep(conn, kind, body, "test")
        with pytest.raises(DecisionRefused) as asked:
            rehearsal_store.ask(conn, "limits" if kind == "standards" else kind, body, SPAN, "test")
        assert asked.value.facts["faults"] == put.value.facts["faults"]
        assert str(asked.value) == str(put.value)
    with pytest.raises(RehearsalRefused, match="晚于现在"):
        rehearsal_store.ask(conn, "rules", rules(), Window(datetime.now(UTC), datetime.now(UTC) + timedelta(days=1)), "t")  # fmt: skip


def test_one_at_a_time_and_one_that_was_cut_off_may_be_held_again(
    judged: str, conn: Connection
) -> None:
    number = rehearsal_store.ask(conn, "routes", {"routes": []}, SPAN, "test")
    with connect(judged, "other") as other:
        assert rehearsal_store.hold(other)
        claimed = rehearsal_store.claim(other)
        assert claimed is not None
        assert claimed.id == number
        assert rehearsal_run.hold_all(conn) == 0
        assert not rehearsal_store.idle(conn)
        assert state(conn, number) == "running"
        other.execute("select pg_advisory_unlock_all()")  # as when its process ends
    assert state(conn, number) == "interrupted"
    assert rehearsal_store.again(conn, number)
    assert not rehearsal_store.again(conn, number)
    assert rehearsal_store.idle(conn)
    assert rehearsal_run.hold_all(conn, rest=lambda _: None) == 1
    assert state(conn, number) == "done"
    assert not rehearsal_store.again(conn, number)
    assert rehearsal_store.newest(conn, 1)[0].id == number


def test_by_command_it_is_asked_held_and_told_at_once(judged: str, tmp_path: Path) -> None:
    def command(*words: str) -> Result:
        reader = incidents_command._body
        return CliRunner().invoke(
            rehearsal_commands.commands(lambda: connect(judged, "command"), reader), words
        )

    file = tmp_path / "rules.json"
    file.write_text(json.dumps(rules()), encoding="utf-8")
    begins, ends = (f"{at.astimezone(ZONE):%Y-%m-%dT%H:%M:%S}" for at in (SPAN.begins, SPAN.ends))
    told = command("rules", str(file), "--from", begins, "--to", ends, "--json")
    assert told.exit_code == 0, told.output
    whole = json.loads(told.stdout)
    assert whole["result"]["same"] == len(whole["lists"]["same"]) > 10
    assert whole["asked_by"] == "operator"
    file.write_text(
        json.dumps({"kind": "calendar", "body": tables.seed()["calendar"]}), encoding="utf-8"
    )
    words = command("limits", str(file), "--from", begins, "--to", ends)
    assert "incidents" in words.stdout
    assert command("routes", str(file)).exit_code == 1
    assert command("routes").exit_code == 2


def state(conn: Connection, number: int) -> str:
    found = rehearsal_store.one(conn, number)
    assert found is not None
    return found.state
