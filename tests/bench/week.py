"""`python -m tests.bench.week`: what the three pages keep while the changes of a week are played to them fast.

Whole lives of incidents, each with a number of its own, so that whatever a page keys by number and never forgets shows.
The heap is read after forced collections; the last third must not hold more than a tenth above the second.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaProducer
from playwright.sync_api import Browser, CDPSession

from local import pages
from tests.bench.result import Result
from tests.bench.screens import Load, _now, one_fact
from tests.browser.eyes import chromium, watched
from tests.journey.system import WholeSystem, whole_system

GROUP = "一周内存 / Memory over a week"
FLAT = 1.1
TOPIC = "city.incidents.v1"
LIFE = ("open", "dispatched", "handling", "handled", "verifying", "closed")
POINTS = 9
"""Looks at the heap, three in each third."""
SETTLE_S = 1.5
PAGES = (
    # page, role whose account looks, what says that it stands
    ("wall", "wall", ".map[data-drawn]"),
    ("desk", "shift_lead", ".age .dot.up"),
    ("field", "department", ".age .dot.up"),
)


@dataclass
class Lives(Load):
    """Incidents that are opened, worked on and closed, one after another, several at a time, at a rate."""

    department: str = ""
    together: int = 60
    """So many are in work at a time."""
    ends: list[float] = field(default_factory=list)

    def one(self) -> None:
        """The next step of one of the incidents in work."""
        n = self.count
        self.count += 1
        turn, at = divmod(n, self.together * len(LIFE))
        step, which = divmod(at, self.together)
        life = turn * self.together + which
        state = LIFE[step]
        number = f"{self.model['number'][:14]}{life % 100_000:05d}"
        incident = {
            **self.model["incident"],
            "number": number, "version": step + 1, "state": state, "urgent": life % 50 == 0,
            "department": self.department, "text": f"第 {life} 件", "reported_at": _now(), "changed_at": _now(),
            "lon": 123.39 + (life * 37 % 1000) / 40_000, "lat": 30.59 + (life * 91 % 1000) / 45_000,
        }  # fmt: skip
        fact = {**self.model, "fact_id": f"week/{id(self)}/{n}", "number": number, "version": step + 1,
                "incident": incident}  # fmt: skip
        self.producer.send(TOPIC, key=number.encode(), value=json.dumps(fact).encode())


def heap(tools: CDPSession) -> float:
    """MB in use after everything that can go is gone."""
    for _ in range(3):
        tools.send("HeapProfiler.collectGarbage")
    return float(tools.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def account(system: WholeSystem, role: str) -> dict[str, Any]:
    """A demo account of a role."""
    rows = json.loads((system.home / "accounts.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = next(row for row in rows if row["role"] == role)
    return found


def replay(
    system: WholeSystem,
    opened: Browser,
    model: dict[str, Any],
    page: tuple[str, str, str],
    size: tuple[int, float],
) -> Iterator[Result]:
    """One page through so many changes."""
    name, role, sign = page
    facts, rate = size
    who = account(system, role)
    with watched(opened, system.url("api")) as eyes:
        eyes.expected = ("",)
        eyes.page.goto(f"{system.url('api')}/{name}/")
        eyes.page.evaluate("token => sessionStorage.setItem('yiwang.token', token)", who["token"])
        eyes.page.goto(f"{system.url('api')}/{name}/")
        eyes.page.wait_for_selector(sign, timeout=60_000)
        tools = eyes.page.context.new_cdp_session(eyes.page)
        producer = KafkaProducer(bootstrap_servers=system.bootstrap, linger_ms=5)
        department = str(who.get("department") or model["incident"].get("department") or "")
        load = Lives(producer, model, rate, department=department)
        heaps: list[float] = []
        with load.going():
            for point in range(1, POINTS + 1):
                while load.count < facts * point / POINTS:
                    time.sleep(0.05)
                time.sleep(SETTLE_S)
                heaps.append(heap(tools))
    second, third = heaps[POINTS // 3 : 2 * POINTS // 3], heaps[2 * POINTS // 3 :]
    note = " → ".join(f"{one:.1f}" for one in heaps)
    yield Result(GROUP, f"{name} · 最后三分之一 / the last third", "MB", third)
    yield Result(GROUP, f"{name} · 与中间三分之一之比 / against the second third", "×",
                 [statistics.mean(third) / statistics.mean(second)], FLAT, at_most=True, note=f"{load.count:,} changes: {note}")  # fmt: skip


def run(
    system: WholeSystem, opened: Browser, facts: int, rate: float, names: tuple[str, ...]
) -> Iterator[Result]:
    """Every page in its turn."""
    model = one_fact(system)
    for page in PAGES:
        if page[0] in names:
            yield from replay(system, opened, model, page, (facts, rate))


def main() -> int:
    """Measure; 1 when an aim is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.week", description=__doc__)
    parser.add_argument("--facts", type=int, default=60_000)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--only", nargs="+", default=[page[0] for page in PAGES])
    given = parser.parse_args()
    pages.build()
    with whole_system(demo="1") as system:
        system.start()
        with chromium() as opened:
            results = list(run(system, opened, given.facts, given.rate, tuple(given.only)))
    print("\n".join(result.row() for result in results))
    return 1 if any(result.met is False for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
