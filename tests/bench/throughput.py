"""End to end: what stands in Kafka until it is stored, by two real workers, against the textbook and against COPY alone.

A round is: workers started and warm, then held (SIGSTOP) while Kafka is filled, then let go; the clock runs from there
until the books say that everything is stored. Readings, newest values, minute sums, verdicts, incidents, history and
outbox are in the transactions; synchronous_commit and fsync are on; database, broker and workers share the machine.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kafka import KafkaProducer

from tests.bench import city
from tests.bench.ground import Ground
from tests.bench.result import Result, ratios
from tests.journey.system import until

GROUP = "入库吞吐 / Kafka → stored, end to end"
SIZES = {100: 90_000.0, 500: 150_000.0, 5000: 225_000.0}
"""Readings an envelope, and the aim in readings a second."""


@dataclass
class Stage:
    """A settled ground with its fleet; `told` is how many readings of each gateway were sent so far."""

    ground: Ground
    fleet: city.Fleet
    told: int = 0
    processor: dict[tuple[int, str], list[float]] = field(default_factory=dict)
    """Processor seconds a million readings took, by size of envelope and by whose they were."""

    def fill(self, readings: int, size: int, with_places: bool) -> int:
        """Put about so many readings into Kafka, the same number from each gateway; how many it were."""
        each = max(size, readings // city.PARTITIONS // size * size)
        rows = range(self.told, self.told + each)
        self.told = rows.stop
        producer = KafkaProducer(
            bootstrap_servers=self.ground.kafka.bootstrap,
            acks="all",
            linger_ms=20,
            batch_size=262_144,
        )
        streams = [
            city.envelopes(self.fleet, n, rows, size, with_places) for n in range(city.PARTITIONS)
        ]
        names = [name.encode() for name in city.gateways()]
        for bodies in zip(*streams, strict=True):
            for name, body in zip(names, bodies, strict=True):
                producer.send("city.readings.v1", value=body, key=name)
        producer.flush()
        producer.close()
        return each * city.PARTITIONS


def stage(ground: Ground) -> Stage:
    """Migrate, make the topics, settle the city."""
    ground.once("incidents", "migrate")
    ground.once("streams", "topics")
    city.settle(ground.postgres.url())
    return Stage(ground, city.fleet())


def ours(here: Stage, readings: int, size: int, with_places: bool, workers: int = 2) -> float:
    """Readings per second of our workers, warm."""
    ground = here.ground
    names = [f"w{n + 1}" for n in range(workers)]
    processes = [ground.start("streams", "worker", "--name", name) for name in names]
    with ground.connect() as connection:
        clear(connection)
        before = city.stored(connection)
        sent = here.fill(2 * city.DEVICES, 500, with_places)
        _wait_stored(ground, processes, before + sent)
        time.sleep(1.0)  # every worker has its partitions and nothing in hand
        _signal(processes, signal.SIGSTOP)
        sent = here.fill(readings, size, with_places)
        before = city.stored(connection)
        connection.execute("checkpoint")
        idle = ground.processor_seconds()
        began = time.perf_counter()
        _signal(processes, signal.SIGCONT)
        _wait_stored(ground, processes, before + sent)
        seconds = time.perf_counter() - began
        for whose, busy in ground.processor_seconds().items() if with_places else ():
            taken = here.processor.setdefault((size, whose), [])
            taken.append((busy - idle[whose]) * 1e6 / sent)
    ground.end(*processes)
    return sent / seconds


def clear(connection: object) -> None:
    """Every round begins with the same store: no readings, no open incidents; devices and metrics are known."""
    connection.execute(  # type: ignore[attr-defined]
        "truncate reading, reading_rollup, reading_last, rule_state, event, outbox"
    )
    connection.execute("update incident set state = 'void', subject = null")  # type: ignore[attr-defined]


def _signal(processes: list[subprocess.Popen[bytes]], what: signal.Signals) -> None:
    for process in processes:
        os.kill(process.pid, what)


def _wait_stored(ground: Ground, processes: list[subprocess.Popen[bytes]], wanted: int) -> None:
    with ground.connect() as connection:

        def done() -> bool:
            dead = [p.pid for p in processes if p.poll() is not None]
            assert not dead, f"a worker ended\n{ground.logs()}"
            return city.stored(connection) >= wanted

        until(done, 300, lambda: f"{city.stored(connection)} of {wanted}\n{ground.logs()}")


def run(here: Stage, rounds: int, readings: int) -> list[Result]:
    """Our three sizes, the textbook and COPY alone, in turn."""
    from tests.bench import copying, textbook

    variants: dict[str, Callable[[], float]] = {
        **{f"ours {size}": lambda size=size: ours(here, readings, size, True) for size in SIZES},  # type: ignore[misc]
        "fixed 500": lambda: ours(here, readings, 500, False),
        "textbook": lambda: textbook.rate(here, max(10_000, readings // 50)),
        "copy 500": lambda: copying.rate(here, readings // 2, 500),
        "copy 5000": lambda: copying.rate(here, readings // 2, 5000),
    }
    rates: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, measure in variants.items():
            rates[name].append(measure())
    return [
        *(
            Result(GROUP, f"信封 {size}，两个工作进程 / envelope of {size}, two workers", "readings/s",
                   rates[f"ours {size}"], aim, note="places in every row")
            for size, aim in SIZES.items()
        ),
        *(
            Result(GROUP, f"信封 {size}：每百万读数的 CPU 秒，{whose} / processor seconds a million readings", "s", taken)
            for (size, whose), taken in sorted(here.processor.items())
        ),
        Result(GROUP, "信封 500，固定设备（不带坐标）/ envelope of 500, fixed devices", "readings/s", rates["fixed 500"],
               note="no places in the rows"),
        Result(GROUP, "教科书写法，两个工作进程 / textbook, two workers", "readings/s", rates["textbook"],
               note="Record per reading, STRtree per point, executemany of 100; same tables"),
        Result(GROUP, "信封 500 ÷ 教科书 / envelope of 500 ÷ textbook", "×",
               ratios(rates["ours 500"], rates["textbook"]), 35),
        Result(GROUP, "只有 COPY，500 一事务 / COPY only, 500 a transaction", "readings/s", rates["copy 500"],
               note="one client, no Kafka, `reading` only"),
        Result(GROUP, "只有 COPY，5000 一事务 / COPY only, 5000 a transaction", "readings/s", rates["copy 5000"],
               note="one client, no Kafka, `reading` only"),
        Result(GROUP, "信封 500 ÷ COPY 500 / envelope of 500 ÷ COPY only", "×",
               ratios(rates["ours 500"], rates["copy 500"]), 0.7),
        Result(GROUP, "信封 5000 ÷ COPY 5000 / envelope of 5000 ÷ COPY only", "×",
               ratios(rates["ours 5000"], rates["copy 5000"]), 0.7),
    ]  # fmt: skip
