"""Rules and desk inside the intake's transaction: judged once, in whatever order and by however many workers."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from incidents.postgres import balance, connection
from incidents.postgres.numbers import take
from streams.intake import Intake
from streams.judging import StreamDesk
from streams.known import Known
from streams.message import Message
from tests.journey import scene
from tests.journey.oracle import Level, Reading, episodes
from tests.streams.builders import NOON, NOW, READINGS, REPORTS, Bench, envelope, events, messages

pytestmark = pytest.mark.real

NOISE = "scene/matter/noise"
SMOKE = "scene/matter/smoke"
AT_ONCE = Level("loud", "level", 70, 60, for_s=0, gap_s=900)
SETTLED = Level("loud", "level", 70, 60, for_s=5, gap_s=900, settle_s=300)


def settle(bench_url: str, level: Level, devices: list[str]) -> None:
    rules: list[dict[str, Any]] = [
        scene.threshold(level, NOISE),
        scene.reported("smoke", [SMOKE]),
    ]
    bodies = {
        "rules": {"rules": rules},
        "routes": {"routes": [scene.automatic_route("r", [NOISE], "A")]},
        "standards": scene.standards([NOISE, SMOKE], {SMOKE: (50.0, 60)}),
    }
    scene.settle(bench_url, bodies, {d: (n % 10, n // 10) for n, d in enumerate(devices)})


def balanced(bench: Bench, but: tuple[str, ...] = ()) -> None:
    wrong = [line for line in balance.read(bench.connection).lines if not line.exact]
    assert [line for line in wrong if line.name not in but] == []


RETURNS = ("events_told", "reports")
"""These lines count a return to normal as one more report, which it is not: `cleared` is a note on the incident."""


def test_a_reading_over_the_level_opens_one_incident_where_the_device_stands(
    bench: Bench, database_url: str
) -> None:
    settle(database_url, AT_ONCE, ["d1"])

    bench.apply(messages(envelope([("d1", 0, 80.0), ("d1", 1000, 85.0), ("d2", 0, 20.0)])))

    (found,) = bench.all(
        "select state, category, subject, department, cell_code, rule from incident"
    )
    assert found == ("dispatched", NOISE, "device:d1/rule:loud", "A", scene.cell_code(0, 0), "loud")
    assert bench.one("select count(*) from outbox where topic = 'city.incidents.v1'") == 2
    assert bench.one("select count(*) from reading where cell is not null and area > 0") == 2
    balanced(bench)


def test_given_again_or_published_again_readings_are_not_judged_again(
    bench: Bench, database_url: str
) -> None:
    settle(database_url, AT_ONCE, ["d1"])
    body = envelope([("d1", 0, 80.0)])

    bench.apply(messages(body))
    bench.apply(messages(body))
    bench.apply(messages(body, body, first=1))

    assert bench.one("select count(*) from incident") == 1
    assert bench.one("select reports from incident") == 1
    balanced(bench)


def test_a_return_to_normal_is_noted_and_the_rule_is_at_rest(
    bench: Bench, database_url: str
) -> None:
    settle(database_url, AT_ONCE, ["d1"])

    bench.apply(messages(envelope([("d1", 0, 80.0)])))
    assert bench.one("select count(*) from rule_state") == 1
    bench.apply(messages(envelope([("d1", 5000, 20.0)]), first=1))

    assert bench.one("select count(*) from rule_state") == 0
    assert bench.one("select count(*) from history where move = 'note'") == 1
    balanced(bench, but=RETURNS)


def test_what_a_rule_remembers_outlives_the_worker(
    bench: Bench, database_url: str, tmp_path: Path
) -> None:
    settle(database_url, Level("loud", "level", 70, 60, for_s=10, gap_s=900), ["d1"])

    bench.apply(messages(envelope([("d1", 0, 80.0), ("d1", 5000, 80.0)])))
    assert bench.one("select count(*) from incident") == 0
    another = bench.another(tmp_path)
    another.apply(bench.connection, messages(envelope([("d1", 10_000, 80.0)]), first=1))

    assert bench.one("select count(*) from incident") == 1


def test_a_reading_with_its_own_place_is_filed_there_and_one_outside_says_so(
    bench: Bench, database_url: str
) -> None:
    settle(database_url, AT_ONCE, [])
    lon, lat = scene.middle(3, 2)
    rows = [("car", 0, 1.0), ("car", 1000, 1.0), ("car", 2000, 1.0), ("car", 3000, 1.0)]
    place = {"lon": [lon, 0.0, lat, None], "lat": [lat, 0.0, lon, None], "datum": "wgs84"}

    bench.apply(messages(envelope(rows, **place)))

    found = bench.all(
        "select g.code, r.flags from reading r left join unit_grid g on g.id = r.cell order by observed_at"
    )
    assert found == [
        (scene.cell_code(3, 2), 0x100),
        (None, 0x300),
        (None, 0x700),
        (None, 0),
    ]


def test_two_events_of_one_trouble_in_one_envelope_are_one_incident(
    bench: Bench, database_url: str
) -> None:
    settle(database_url, AT_ONCE, [])
    lon, lat = scene.middle(1, 1)
    place = {"lon": lon, "lat": lat, "datum": "wgs84", "category": SMOKE}

    outcome = bench.apply(
        messages(events(place, {**place, "at": NOON + 5}, {"kind": "x"}), topic=REPORTS)
    )

    assert [outcome.total(n) for n in ("opened", "joined", "filtered")] == [1, 1, 1]
    assert bench.all("select reports, cell_code from incident") == [(2, scene.cell_code(1, 1))]
    balanced(bench)


def test_the_third_event_of_a_cell_opens_one_incident_also_after_a_restart(
    bench: Bench, database_url: str, tmp_path: Path
) -> None:
    often = scene.reported("often", [SMOKE])
    often |= {"kind": "count_events", "times": 3, "within_s": 600, "same_cell": True}
    bodies: dict[str, dict[str, Any]] = {
        "rules": {"rules": [often]},
        "routes": {"routes": []},
        "standards": scene.standards([SMOKE]),
    }
    scene.settle(database_url, bodies)

    def seen(n: int, column: int) -> bytes:
        lon, lat = scene.middle(column, 1)
        place = {"lon": lon, "lat": lat, "datum": "wgs84", "category": SMOKE}
        return events({**place, "id": f"e{n}", "at": NOON + 1000 * n})

    bodies_seen = [seen(0, 1), seen(1, 2), seen(2, 1), seen(3, 1), seen(4, 2), seen(5, 1)]
    batch = messages(*bodies_seen, topic=REPORTS)
    bench.apply(batch[:3])
    another = bench.another(tmp_path)
    outcome = another.apply(bench.connection, batch)

    assert outcome.skipped == 3
    assert bench.all("select cell_code, rule, reports from incident") == [
        (scene.cell_code(1, 1), "often", 2)
    ]
    told = bench.all("select id, outcome from event order by id")
    assert [o for _, o in told] == ["filtered"] * 3 + ["opened", "filtered", "joined"]
    balanced(bench)


def test_what_is_wrong_with_an_event_is_said_with_it(bench: Bench, database_url: str) -> None:
    settle(database_url, AT_ONCE, [])
    lon, lat = scene.middle(1, 1)
    exchanged = {"id": "exchanged", "lon": lat, "lat": lon, "datum": "wgs84"}
    unknown = {"id": "unknown", "category": "scene/matter/nothing"}

    bench.apply(messages(events(exchanged, unknown), topic=REPORTS))

    why = dict(bench.all("select id, why from event"))
    assert why["exchanged"].startswith("经纬度似乎颠倒")
    assert why["unknown"].startswith("编码体系中没有类别 scene/matter/nothing")
    assert bench.all("select lon, raw_lat from event where id = 'exchanged'") == [(None, lon)]


def test_an_incident_says_why_it_lies_in_its_cell(bench: Bench, database_url: str) -> None:
    settle(database_url, AT_ONCE, ["d1"])

    bench.apply(messages(envelope([("d1", 0, 80.0)])))

    why = bench.one("select explanation -> 'cell' ->> 'why' from incident")
    assert why.startswith("固定设备登记位置 d1")
    assert "within this cell" in why


def test_an_event_of_a_device_without_a_place_happens_where_the_device_stands(
    bench: Bench, database_url: str
) -> None:
    settle(database_url, AT_ONCE, ["cam-1"])

    bench.apply(messages(events({"subject": "device:cam-1", "category": SMOKE}), topic=REPORTS))

    assert bench.one("select cell_code from incident") == scene.cell_code(0, 0)


def test_a_new_edition_of_the_rules_holds_for_the_next_batches_without_a_restart(
    bench: Bench, database_url: str
) -> None:
    settle(database_url, AT_ONCE, ["d1"])
    bench.apply(messages(envelope([("d1", 0, 65.0)])))
    from incidents.postgres import decision_store

    body = {"rules": [scene.threshold(Level("lower", "level", 50, 40, for_s=0, gap_s=900), NOISE)]}
    decision_store.keep(bench.connection, "rules", body, "test")
    bench.intake.known.ask_again()

    bench.apply(messages(envelope([("d1", 1000, 65.0)]), first=1))

    assert bench.all("select rule from incident") == [("lower",)]


def series_of(device: str, steps: int = 120) -> list[Reading]:
    """Calm with troubles of one to twelve seconds; all of it within the rule's settle_s."""
    dice = random.Random(device)
    rows: list[Reading] = []
    trouble = 0
    for step in range(steps):
        trouble = (
            dice.randint(1, 12) if not trouble and dice.random() < 0.08 else max(0, trouble - 1)
        )
        value = dice.uniform(62, 90) if trouble else dice.uniform(30, 66)
        rows.append((NOON + 1000 * step, round(value, 1)))
    return rows


def heard(gateway: int, series: dict[str, list[Reading]]) -> list[bytes]:
    """What one of two gateways hears: two thirds of all readings, in pieces, its rows shuffled."""
    dice = random.Random(gateway)
    bodies: list[bytes] = []
    longest = max(map(len, series.values()))
    for first in range(0, longest, 10):
        rows = [
            (device, at - NOON, value)
            for device, readings in series.items()
            for at, value in readings[first : first + 10]
            if crc32(f"{device}/{at}".encode()) % 3 != gateway
        ]
        dice.shuffle(rows)
        bodies.append(envelope(rows, source=f"gw-{gateway}"))
    return bodies


def test_a_device_heard_by_two_workers_in_two_partitions_is_judged_once_and_as_in_order(
    bench: Bench, database_url: str, tmp_path: Path
) -> None:
    devices = [f"d{n}" for n in range(8)]
    settle(database_url, SETTLED, devices)
    series = {device: series_of(device) for device in devices}
    faults: list[BaseException] = []

    def work(gateway: int) -> None:
        try:
            _take_in(database_url, tmp_path, gateway, heard(gateway, series))
        except BaseException as fault:  # noqa: BLE001 - shown by the test
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(gateway,)) for gateway in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    # One calm reading after both have said all they heard: now everything is old enough to be decided.
    last = 1000 * (120 + 400)
    bench.apply(messages(envelope([(device, last, 35.0) for device in devices]), part=2))
    series = {device: [*rows, (NOON + last, 35.0)] for device, rows in series.items()}

    assert bench.one("select count(*) from reading") == sum(map(len, series.values()))
    must = {(d, e.since) for d, rows in series.items() for e in episodes(rows, SETTLED)}
    found = bench.all(
        "select d.code, split_part(e.id, ':', 2)::bigint from event e join device d "
        "on d.id = split_part(e.id, ':', 1)::int where e.kind <> 'cleared'"
    )
    assert len(must) > 10
    assert sorted(found) == sorted(must)
    balanced(bench, but=RETURNS)


def _take_in(database_url: str, folder: Path, gateway: int, bodies: list[bytes]) -> None:
    """One worker, two envelopes a transaction."""
    known = Known(folder / "atlas")
    with (
        connection.connect(database_url, "worker") as mine,
        connection.connect(database_url, "numbers") as numbers,
    ):
        desk = StreamDesk(known, lambda region, day: take(numbers, region, day))
        intake = Intake(known, desk, lambda: NOW)
        for first in range(0, len(bodies), 2):
            batch = [
                Message(READINGS, gateway, first + n, body)
                for n, body in enumerate(bodies[first : first + 2])
            ]
            intake.apply(mine, batch)
