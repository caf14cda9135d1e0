"""The textbook shape, for comparison: one message a reading, a Faust Record, STRtree per point, executemany of 100.

Run as a program it is one such worker; it writes the same tables. Incidents it only counts: that is in its favour.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import faust
import psycopg
import shapely
from kafka import KafkaProducer

from demo import nyc
from tests.bench import city
from tests.journey.system import until

if TYPE_CHECKING:
    from tests.bench.throughput import Stage

TOPIC = "bench.textbook"
BATCH = 100

READING = """insert into reading (observed_at, device_id, metric, value, area, cell) values (%s, %s, %s, %s, %s, %s)
             on conflict do nothing"""
LAST = """insert into reading_last as was (device_id, metric, at, value) values (%s, %s, %s, %s)
          on conflict (device_id, metric) do update set at = excluded.at, value = excluded.value
          where was.at < excluded.at"""
ROLLUP = """insert into reading_rollup as was (bucket, metric, area, slot, n, total, low, high)
            values (date_trunc('minute', %s::timestamptz), %s, %s, %s, 1, %s, %s, %s)
            on conflict (bucket, metric, area, slot) do update set n = was.n + 1, total = was.total + excluded.total,
            low = least(was.low, excluded.low), high = greatest(was.high, excluded.high)"""


class Reading(faust.Record, serializer="json"):
    """One reading, one message."""

    device: str
    metric: str
    at: int
    value: float
    lon: float
    lat: float


def rate(here: Stage, wanted: int) -> float:
    """Readings per second of two such workers, from the first stored to the last."""
    ground = here.ground
    topic = f"{TOPIC}.{uuid.uuid4().hex[:8]}"
    ground.topic(topic, city.PARTITIONS)
    with ground.connect() as connection:
        connection.execute("truncate reading, reading_rollup, reading_last")
        connection.execute("select store_ensure_days(array['2026-01-01'::date])")
        _fill(here, topic, wanted)
        more = {"YIWANG_BENCH_TOPIC": topic}
        processes: list[subprocess.Popen[bytes]] = [
            ground.start("tests.bench.textbook", f"t{n}", **more) for n in (1, 2)
        ]
        count = "select count(*) from reading"

        def stored() -> int:
            row = connection.execute(count).fetchone()
            return int(row[0]) if row else 0

        until(lambda: stored() > wanted // 10, 120, ground.logs)
        began, first = time.perf_counter(), stored()
        until(lambda: stored() >= wanted, 300, ground.logs)
        seconds = time.perf_counter() - began
    for process in processes:
        process.kill()
        process.wait()
        ground.running.remove(process)
    return (wanted - first) / seconds


def _fill(here: Stage, topic: str, wanted: int) -> None:
    producer = KafkaProducer(
        bootstrap_servers=here.ground.kafka.bootstrap, acks="all", linger_ms=20
    )
    lon, lat = here.fleet.lon.tolist(), here.fleet.lat.tolist()
    for number in range(wanted):
        device = number * 7 % city.DEVICES
        one = {
            "device": here.fleet.codes[device],
            "metric": city.METRIC,
            "at": city.BEGIN_MS + 1000 * (number // city.DEVICES),
            "value": 40.5,
            "lon": lon[device],
            "lat": lat[device],
        }
        producer.send(topic, value=json.dumps(one).encode(), key=one["device"].encode())
    producer.flush()
    producer.close()


class _Store:
    """What a textbook worker holds: a connection, the tree of cells, the ids."""

    def __init__(self, slot: int) -> None:
        edition = nyc.edition()
        self.slot = slot
        self.tree = shapely.STRtree(edition.polygons)
        self.connection = psycopg.connect(os.environ["YIWANG_DATABASE_URL"], autocommit=True)
        self.metric = self._number("select id from metric where code = %s", city.METRIC)
        self.first_cell = self._number(
            "select min(first_cell) from grid_edition where cells > %s", 0
        )
        self.devices: dict[str, int] = dict(
            self.connection.execute("select code, id from device").fetchall()
        )
        self.over = 0

    def _number(self, query: str, argument: object) -> int:
        row = self.connection.execute(query, (argument,)).fetchone()
        assert row
        return int(row[0])

    def keep(self, batch: list[Reading]) -> None:
        """One transaction of up to a hundred readings."""
        rows = [self._row(one) for one in batch]
        rows.sort(key=lambda row: row[1])
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.executemany(READING, rows)
            cursor.executemany(LAST, [(d, m, at, v) for at, d, m, v, _, _ in rows])
            cursor.executemany(
                ROLLUP, [(at, m, area, self.slot, v, v, v) for at, _, m, v, area, _ in rows]
            )

    def _row(self, one: Reading) -> tuple[Any, ...]:
        found = self.tree.query(shapely.Point(one.lon, one.lat), predicate="intersects")
        cell = int(found.min()) if len(found) else None
        self.over += one.value >= city.LEVEL.raise_at
        at = datetime.fromtimestamp(one.at / 1000, UTC)
        area = 0 if cell is None else cell // 40
        place = None if cell is None else self.first_cell + cell
        return at, self.devices[one.device], self.metric, one.value, area, place


def main(name: str) -> None:
    """One textbook worker."""
    store = _Store(slot=int(name[1:]))
    topic = os.environ["YIWANG_BENCH_TOPIC"]
    app = faust.App(
        f"textbook-{topic}",
        broker=f"kafka://{os.environ['YIWANG_KAFKA']}",
        datadir=tempfile.mkdtemp(),
        consumer_auto_offset_reset="earliest",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )

    async def keep(stream: Any) -> None:
        async for batch in stream.take(BATCH, within=0.5):
            store.keep(batch)

    app.agent(app.topic(topic, value_type=Reading))(keep)
    faust.Worker(app, loglevel="error", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv.pop(1))
