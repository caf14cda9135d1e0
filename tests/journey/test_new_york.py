"""A real night flat out: New York's tracts and 311 requests, Beijing's PM2.5; every figure against the oracle, twice."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demo import nyc, nyc_decisions
from tests.journey import books, scene
from tests.journey.oracle import Episode, Level, Near, Seen, episodes, metres, troubles
from tests.journey.parts import Parts, parts

pytestmark = [pytest.mark.real, pytest.mark.slow]

NEAR = Near(50.0, 24.0)
AIR = "nyc311/matter/air-quality"
HEAVY = Level("pm25-heavy", "air.pm25", 150, 115, for_s=3 * 3600, gap_s=3 * 3600)
"""Three hours at or over 150 µg/m³, until 115 is seen again."""
DEVICE = "beijing-us-embassy"


def nearness(category: str) -> Near | None:
    return None if category in {AIR, "nyc311/matter/unsorted"} else NEAR


def night() -> list[Seen]:
    """The requests in the order they were made, read from the file anew."""
    zone = ZoneInfo(nyc.TIME_ZONE)
    with gzip.open(nyc.REQUESTS, "rt", encoding="utf-8", newline="") as file:
        return [
            Seen(
                "nyc311",
                row["unique_key"],
                nyc.category_key(row["complaint"]),
                float(row["longitude"]) if row["longitude"] else None,
                float(row["latitude"]) if row["latitude"] else None,
                _ms(datetime.fromisoformat(row["created"]), zone),
            )
            for row in csv.DictReader(file)
        ]


def _ms(moment: datetime, zone: ZoneInfo) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1000)


def air() -> list[tuple[int, float]]:
    """The hourly series, missing hours left out, read from the file anew."""
    zone = ZoneInfo("Asia/Shanghai")
    with gzip.open(nyc.SERIES, "rt", encoding="utf-8", newline="") as file:
        return [
            (_ms(datetime.fromisoformat(row["hour"]), zone), float(row["pm25"]))
            for row in csv.DictReader(file)
            if row["pm25"]
        ]


def as_envelopes(events: Sequence[Seen]) -> Iterator[str]:
    for first in range(0, len(events), 20):
        rows = [
            {
                "id": e.id,
                "kind": "311",
                "category": e.category,
                "at": e.at,
                **({} if e.lon is None else {"lon": e.lon, "lat": e.lat, "datum": "wgs84"}),
            }
            for e in events[first : first + 20]
        ]
        head = {"schema": "events.v1", "batch": f"nyc311/{first}", "source": "nyc311"}
        yield json.dumps({**head, "sent_at": "2022-05-01T00:00:00Z", "events": rows})


@pytest.fixture
def here(database_url: str, kafka: str, tmp_path: Path) -> Iterator[Parts]:
    bodies: dict[str, dict[str, Any]] = dict(nyc_decisions.bodies())
    others = [rule for rule in bodies["rules"]["rules"] if rule["kind"] == "report"]
    bodies["rules"] = {"rules": [scene.threshold(HEAVY, AIR), *others]}
    scene.settle(database_url, bodies, ground=nyc.edition(), people=False)
    with parts(database_url, kafka, tmp_path) as found:
        yield found


def play(here: Parts, requests: Sequence[Seen]) -> None:
    """Both files through `streams replay`, flat out."""
    file = here.home / "night.ndjson"
    file.write_text("\n".join(as_envelopes(requests)))
    here.once("streams", "replay", str(file), "--speed", "max")
    words = ["streams", "replay", str(nyc.SERIES), "--speed", "max", "--source", "beijing"]
    for field in (
        f"device={DEVICE}",
        f"metric={HEAVY.metric}",
        "value={pm25}",
        "at={hour}",
    ):
        words += ["--field", field]
    here.once(*words, "--at-format", "%Y-%m-%dT%H", "--zone", "Asia/Shanghai")
    here.wait_quiet()


def found_troubles(connection: books.Reader) -> set[frozenset[str]]:
    rows = connection.execute(
        "select incident_id, id from event where origin = 'stream' and incident_id is not null"
    ).fetchall()
    gathered: dict[int, set[str]] = defaultdict(set)
    for incident, id_ in rows:
        gathered[incident].add(id_)
    return {frozenset(ids) for ids in gathered.values()}


def books_now(connection: books.Reader) -> dict[str, int]:
    row = connection.execute(
        "select json_build_object('stored', sum(stored), 'duplicates', sum(duplicates), 'opened', sum(opened), "
        "'joined', sum(joined), 'repeated', sum(events_repeated), 'refused', sum(refused), "
        "'quarantined', sum(quarantined + events_quarantined)) from stream_offset"
    ).fetchone()
    assert row
    return dict(row[0])


def check(here: Parts, requests: list[Seen], series: list[tuple[int, float]]) -> list[Episode]:
    """Everything stored, judged and joined as the oracle says; the books balance."""
    must = {frozenset(e.id for e in t) for t in troubles(requests, nearness)}
    heavy = episodes(series, HEAVY)
    with here.connect() as connection:
        lines = [
            *books.reading_lines(connection, {(DEVICE, HEAVY.metric): series}),
            *books.inner_lines(connection),
            *books.topic_lines(connection, here.bootstrap),
        ]
        assert [line for line in lines if not line.sound] == []
        assert found_troubles(connection) == must
        raised = connection.execute(
            "select split_part(id, ':', 2)::bigint from event where origin = 'rule' and kind = 'raised' order by 1"
        ).fetchall()
        assert [row[0] for row in raised] == [e.since for e in heavy]
        cells = "select count(*) from incident where lon is not null and cell_code is null and source = 'nyc311'"
        assert books.number(connection, cells) == 0
        assert books.number(connection, "select count(*) from incident") == len(must) + 1
    here.once("incidents", "balance")
    return heavy


def test_a_night_of_new_york_and_five_years_of_beijing_flat_out_and_once_more(here: Parts) -> None:
    requests, series = night(), air()
    assert (len(requests), len(series)) == (924, 41_757)
    pairs = [(a, b) for a in requests for b in requests if a.category == b.category and a.id < b.id]
    assert not [1 for a, b in pairs if 49.8 < metres(a, b) < 50.2], "too close to call on a sphere"
    here.workers("w1", "w2")
    here.start("relay", "streams", "relay")

    play(here, requests)
    heavy = check(here, requests, series)
    assert len(heavy) > 100
    with here.connect() as connection:
        first = books_now(connection)
    assert (first["stored"], first["duplicates"], first["quarantined"]) == (41_757, 0, 0)

    play(here, requests)
    assert check(here, requests, series) == heavy
    with here.connect() as connection:
        again = books_now(connection)
    assert again == {**first, "duplicates": 41_757, "repeated": 924}
