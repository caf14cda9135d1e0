"""The bound: one client, no Kafka, no judgement; nothing but binary COPY into the same `reading` table, durable."""

from __future__ import annotations

import time

import numpy as np

from incidents.postgres import packed, readings
from incidents.postgres.readings import Rows
from tests.bench import city
from tests.bench.throughput import Stage, clear


def rate(here: Stage, wanted: int, size: int) -> float:
    """Readings per second, `size` rows a transaction."""
    with here.ground.connect() as connection:
        clear(connection)
        packed.teach(connection)
        ids = dict(
            connection.execute("select code, id from device where code like 'd%'").fetchall()
        )
        device = np.array([ids[code] for code in here.fleet.codes], np.int32)
        metric = readings.metrics(connection, [city.METRIC])[city.METRIC]
        batches = [_rows(device, metric, first, size) for first in range(0, wanted, size)]
        readings.ensure_days(connection, [city.BEGIN_MS // 86_400_000])
        connection.execute("checkpoint")
        began = time.perf_counter()
        for rows in batches:
            with connection.transaction():
                readings.copy_new(connection, rows)
        return len(batches) * size / (time.perf_counter() - began)


def _rows(device: np.ndarray, metric: int, first: int, size: int) -> Rows:
    number = np.arange(first, first + size)
    return Rows(
        at=city.BEGIN_MS + 1000 * (number // len(device)),
        device=device[number % len(device)],
        metric=np.full(size, metric, np.int16),
        value=np.full(size, 40.5),
        area=np.ones(size, np.int32),
        flags=np.zeros(size, np.int16),
        cell=np.ones(size, np.int32),
    )
