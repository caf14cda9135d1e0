"""A device heard through two gateways, in two partitions, by two workers: judged once, and as if heard once in order."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.journey import books, scene
from tests.journey.machines import kafka_machine
from tests.journey.oracle import Level, Reading, episodes
from tests.journey.parts import Parts, parts
from tests.journey.system import until

pytestmark = pytest.mark.real

CATEGORY = "scene/matter/noise"
METRIC = "noise"
LEVEL = Level("noise", METRIC, 70, 60, for_s=5, gap_s=900, settle_s=600)
"""Two workers may be minutes of event time apart while they catch up; settle_s is longer than all that is sent."""
BEGIN = 1_767_225_600_000
STEPS = 240
"""Seconds heard by both gateways."""
LAST = (BEGIN + 1000 * (STEPS + 700), 35.0)
"""Afterwards one reading, heard by both, lets everything be decided."""
DEVICES_EACH = 6

Sending = list[tuple[str, list[tuple[str, Reading]]]]
"""Envelopes in the order they are sent: gateway, rows of (device, reading)."""


@dataclass(frozen=True, slots=True)
class Interleaving:
    """How two gateways share what they hear of some devices."""

    name: str
    send: Callable[
        [dict[str, list[Reading]], random.Random], Iterator[tuple[str, list[tuple[str, Reading]]]]
    ]


def series_of(device: str) -> list[Reading]:
    """Calm, with troubles of one to twelve seconds, long ones and short ones, and hysteresis in them."""
    dice = random.Random(device)
    rows: list[Reading] = []
    trouble = 0
    for step in range(STEPS):
        if trouble == 0 and dice.random() < 0.05:
            trouble = dice.randint(1, 12)
        rows.append(
            (
                BEGIN + 1000 * step,
                round(dice.uniform(62, 90) if trouble else dice.uniform(30, 66), 1),
            )
        )
        trouble = max(0, trouble - 1)
    return rows


def windows(heard: dict[str, list[Reading]], size: int) -> Iterator[list[tuple[str, Reading]]]:
    """All devices' rows in pieces of `size` steps."""
    longest = max(len(rows) for rows in heard.values())
    for first in range(0, longest, size):
        yield [(d, r) for d, rows in heard.items() for r in rows[first : first + size]]


def side_by_side(
    heard: dict[str, list[Reading]], dice: random.Random
) -> Iterator[tuple[str, list[tuple[str, Reading]]]]:
    """Both gateways send everything, step by step."""
    for rows in windows(heard, 10):
        yield "a", rows
        yield "b", rows


def one_minute_behind(
    heard: dict[str, list[Reading]], dice: random.Random
) -> Iterator[tuple[str, list[tuple[str, Reading]]]]:
    """The second gateway says the same a minute later."""
    pieces = list(windows(heard, 10))
    for n, rows in enumerate(pieces):
        yield "a", rows
        if n >= 6:
            yield "b", pieces[n - 6]
    for rows in pieces[-6:]:
        yield "b", rows


def torn(
    heard: dict[str, list[Reading]], dice: random.Random
) -> Iterator[tuple[str, list[tuple[str, Reading]]]]:
    """Each reading is heard by one gateway only, by chance."""
    for rows in windows(heard, 10):
        mine = [row for row in rows if dice.random() < 0.5]
        yield "a", mine
        yield "b", [row for row in rows if row not in mine]


def torn_and_late(
    heard: dict[str, list[Reading]], dice: random.Random
) -> Iterator[tuple[str, list[tuple[str, Reading]]]]:
    """The same, and the second gateway is up to a minute and a half behind, its rows shuffled."""
    held: list[tuple[int, list[tuple[str, Reading]]]] = []
    for n, rows in enumerate(windows(heard, 10)):
        mine = [row for row in rows if dice.random() < 0.5]
        yield "a", mine
        other = [row for row in rows if row not in mine]
        dice.shuffle(other)
        held.append((n + dice.randint(0, 9), other))
        for due in [h for h in held if h[0] <= n]:
            held.remove(due)
            yield "b", due[1]
    for _, other in held:
        yield "b", other


def backwards(
    heard: dict[str, list[Reading]], dice: random.Random
) -> Iterator[tuple[str, list[tuple[str, Reading]]]]:
    """Within each minute the newest comes first, from both."""
    for rows in windows(heard, 60):
        for first in range(len(rows), 0, -40):
            yield "ab"[first // 40 % 2], rows[max(0, first - 40) : first]


KINDS = (
    Interleaving("side-by-side", side_by_side),
    Interleaving("one-minute-behind", one_minute_behind),
    Interleaving("torn", torn),
    Interleaving("torn-and-late", torn_and_late),
    Interleaving("backwards", backwards),
)


def envelope(source: str, number: int, rows: Sequence[tuple[str, Reading]]) -> bytes:
    return json.dumps(
        {
            "schema": "readings.v1",
            "batch": f"{source}/{number}",
            "source": source,
            "sent_at": "2026-01-01T00:00:00Z",
            "device": [device for device, _ in rows],
            "metric": METRIC,
            "at": [at for _, (at, _) in rows],
            "value": [value for _, (_, value) in rows],
        }
    ).encode()


def expected(kinds: Sequence[Interleaving]) -> dict[str, list[Reading]]:
    return {f"{k.name}-{n}": series_of(f"{k.name}-{n}") for k in kinds for n in range(DEVICES_EACH)}


def both_work(connection: books.Reader) -> bool:
    """Whether both workers say that they took messages in."""
    query = "select count(*) from part where kind = 'worker' and (detail -> 'applied' ->> 'messages')::int > 0"
    return books.number(connection, query) == 2


def both_hold_partitions(connection: books.Reader) -> bool:
    """Whether each worker has partitions of its own, so that what is sent now is shared out."""
    query = "select count(*) from part where kind = 'worker' and detail -> 'offsets' <> '{}'"
    return books.number(connection, query) == 2


def send_all(here: Parts, heard: dict[str, list[Reading]]) -> None:
    """All interleavings, flat out; each has two sources of its own."""
    with kafka_machine(here.bootstrap) as machine:
        for kind in KINDS:
            mine = {d: rows for d, rows in heard.items() if d.startswith(kind.name + "-")}
            for number, (gateway, rows) in enumerate(kind.send(mine, random.Random(kind.name))):
                source = f"{kind.name}-{gateway}"
                if rows:
                    machine.send("city.readings.v1", source, envelope(source, number, rows))


@pytest.fixture
def here(database_url: str, kafka: str, tmp_path: Path) -> Iterator[Parts]:
    bodies: dict[str, dict[str, Any]] = {
        "rules": {"rules": [scene.threshold(LEVEL, CATEGORY)]},
        "routes": {"routes": []},
        "standards": scene.standards([CATEGORY]),
    }
    places = {device: (n % 10, n // 10) for n, device in enumerate(expected(KINDS))}
    scene.settle(database_url, bodies, places)
    with parts(database_url, kafka, tmp_path) as found:
        yield found


def test_however_two_gateways_interleave_the_verdicts_are_those_of_one_series_in_order(
    here: Parts,
) -> None:
    heard = expected(KINDS)
    here.workers("w1", "w2")
    with here.connect() as connection:
        until(lambda: both_hold_partitions(connection), 60, here.explain)
    send_all(here, heard)
    here.wait_quiet()
    with here.connect() as connection:
        until(lambda: both_work(connection), 30, here.explain)
    with kafka_machine(here.bootstrap) as machine:
        for gateway in ("torn-a", "torn-b"):
            rows = [(device, LAST) for device in heard]
            machine.send("city.readings.v1", gateway, envelope(gateway, 9999, rows))
    here.wait_quiet()
    heard = {device: [*rows, LAST] for device, rows in heard.items()}

    must = {(d, e.since) for d, rows in heard.items() for e in episodes(rows, LEVEL)}
    with here.connect() as connection:
        stored = books.reading_lines(connection, {(d, METRIC): rows for d, rows in heard.items()})
        found = [
            (device, int(since))
            for device, since in connection.execute(
                "select d.code, split_part(e.id, ':', 2) from event e join device d "
                "on d.id = split_part(e.id, ':', 1)::int where e.kind <> 'cleared'"
            ).fetchall()
        ]
        subjects = connection.execute(
            "select count(*), count(distinct subject) from incident"
        ).fetchone()
        inner = [line for line in books.inner_lines(connection) if line.en != "facts not sent"]
    assert [line for line in stored if not line.sound] == []
    assert len(must) > 50
    assert sorted(found) == sorted(must)
    assert subjects == (len({d for d, _ in must}),) * 2
    assert [line for line in inner if not line.sound] == []
