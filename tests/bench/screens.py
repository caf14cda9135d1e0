"""`make bench-screens`: what the wall weighs, how soon it stands, how it moves under load, what it keeps.

Drives Debian's Chromium without a graphics card on a whole system; writes docs/benchmarks-screens.md.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from playwright.sync_api import Browser, Page

from local import pages
from local.wishes import ROOT
from tests.bench import machine
from tests.bench.result import Result, page
from tests.browser.eyes import chromium, watched
from tests.journey.system import WholeSystem, whole_system

PAGE = ROOT / "docs" / "benchmarks-screens.md"
DIST = ROOT / "api" / "web" / "dist"
TOPIC = "city.incidents.v1"
HOW = """Chromium 无头、无显卡，与整套系统共用同一台机器；机器忙时绝对值会变 / Headless Chromium without a graphics card shares
the machine with the whole system it looks at; absolute values move with the machine. ✓ aim met, ✗ missed."""
SIZES = {"1080p": (1920, 1080), "4K": (3840, 2160)}
_REFERENCE = re.compile(r'(?:src|href)="\.\./assets/([^"]+\.(?:js|css))"')
_FRAMES = """ms => new Promise(done => {
  const begin = performance.now(); let frames = 0;
  const next = () => { frames += 1; const now = performance.now(); now - begin < ms ? requestAnimationFrame(next) : done(frames * 1000 / (now - begin)); };
  requestAnimationFrame(next);
})"""
_CHANGING = """() => {
  const all = document.createElement('div');
  all.style.cssText = 'position:absolute;inset:0';
  document.body.append(all);
  let n = 0;
  const next = () => { all.style.background = n++ % 2 ? '#050d1a' : '#060e1b'; requestAnimationFrame(next); };
  next();
}"""
_WATCH = """() => {
  window.seen = {};
  const look = () => {
    for (const row of document.querySelectorAll('.ticker [data-number]')) {
      const number = row.dataset.number;
      if (!(number in window.seen)) { window.seen[number] = 0; requestAnimationFrame(() => { window.seen[number] = Date.now(); }); }
    }
  };
  new MutationObserver(look).observe(document.querySelector('.wall-canvas'), { childList: true, subtree: true, attributes: true });
}"""


@dataclass
class Load:
    """Facts as the relay sends them, made from one real fact, at a rate, until stopped."""

    producer: Any
    model: dict[str, Any]
    rate: float
    sent: dict[str, float] = field(default_factory=dict)
    """When an urgent one was sent, by number; these are the ones a wall must show at once."""
    count: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Send until stopped, in steps of 20 ms; every two hundredth opens an urgent incident."""
        begin = time.monotonic()
        while not self._stop.wait(0.02):
            due = int((time.monotonic() - begin) * self.rate)
            while self.count < due:
                self.one()

    def one(self) -> None:
        """One fact: mostly a change of one of five thousand incidents."""
        n = self.count
        self.count += 1
        urgent = n % 200 == 0
        number = f"{self.model['number'][:14]}{10_000 + (n if urgent else n % 5000):05d}"
        incident = {
            **self.model["incident"],
            "number": number, "version": n + 1, "urgent": urgent, "state": "open",
            "reported_at": _now(), "changed_at": _now(),
            "lon": 123.39 + (n * 37 % 1000) / 40_000, "lat": 30.59 + (n * 91 % 1000) / 45_000,
        }  # fmt: skip
        fact = {
            **self.model,
            "fact_id": f"bench/{n}",
            "number": number,
            "version": n + 1,
            "incident": incident,
        }
        if urgent:
            self.sent[number] = time.time()
        self.producer.send(TOPIC, key=number.encode(), value=json.dumps(fact).encode())

    @contextmanager
    def going(self) -> Iterator[None]:
        """While it runs."""
        thread = threading.Thread(target=self.run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            self.producer.flush()


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def weights() -> Iterator[Result]:
    """What each page weighs on the wire."""
    for name, most in (("wall", 300.0), ("desk", None), ("field", 60.0)):
        html = (DIST / name / "index.html").read_text(encoding="utf-8")
        files = [DIST / "assets" / file for file in _REFERENCE.findall(html)]
        weight = sum(len(gzip.compress(file.read_bytes(), 9)) for file in files) / 1000
        yield Result("页面大小 / Size", f"{name} · gzip", "kB", [weight], most, at_most=True)


def one_fact(system: WholeSystem) -> dict[str, Any]:
    """A real fact of this system."""
    reader = KafkaConsumer(TOPIC, bootstrap_servers=system.bootstrap, auto_offset_reset="earliest")
    try:
        found: dict[str, Any] = json.loads(next(iter(reader)).value)
        return found
    finally:
        reader.close()


def come_in(system: WholeSystem, seen: Page) -> None:
    """As the demo's wall."""
    accounts = json.loads((system.home / "accounts.json").read_text(encoding="utf-8"))
    token = next(row["token"] for row in accounts if row["role"] == "wall")
    seen.goto(f"{system.url('api')}/wall/")
    seen.evaluate("token => localStorage.setItem('yiwang.token', token)", token)


def first_draw(system: WholeSystem, opened: Browser, rounds: int) -> Iterator[Result]:
    """From the address to figures, map and all tiles on the screen."""
    for name, (wide, high) in SIZES.items():
        took = []
        size = {"width": wide, "height": high}
        with watched(opened, system.url("api"), viewport=size) as eyes:
            eyes.expected = ("",)
            come_in(system, eyes.page)
            for _ in range(rounds):
                eyes.page.goto(f"{system.url('api')}/wall/")
                eyes.page.wait_for_selector(".map[data-drawn]", timeout=60_000)
                took.append(
                    float(eyes.page.locator(".map").get_attribute("data-drawn") or 0) / 1000
                )
        yield Result("首屏 / First draw", f"wall {name}", "s", took, 2.0, at_most=True)


def limits(opened: Browser) -> Iterator[Result]:
    """What this browser reaches on this machine with nothing to draw, and with a page all of which changes its colour."""
    for name, (wide, high) in SIZES.items():
        inside = opened.new_context(viewport={"width": wide, "height": high})
        try:
            empty = inside.new_page()
            still = empty.evaluate(_FRAMES, 2000)
            empty.evaluate(_CHANGING)
            changing = empty.evaluate(_FRAMES, 2000)
        finally:
            inside.close()
        group = "上限 / What an empty page reaches"
        yield Result(group, f"{name} · 不变 nothing changes", "fps", [still])
        yield Result(group, f"{name} · 整页变色 all of it changes colour", "fps", [changing])


def under_load(
    system: WholeSystem, opened: Browser, load: Load, seconds: float
) -> Iterator[Result]:
    """Frames and change-to-pixel while the whole city changes."""
    for name, (wide, high) in SIZES.items():
        size = {"width": wide, "height": high}
        with watched(opened, system.url("api"), viewport=size) as eyes:
            eyes.expected = ("",)
            come_in(system, eyes.page)
            eyes.page.goto(f"{system.url('api')}/wall/")
            eyes.page.wait_for_selector(".map[data-drawn]", timeout=60_000)
            eyes.page.evaluate(_WATCH)
            load.sent.clear()
            still = eyes.page.evaluate(_FRAMES, 1000 * seconds)
            box = eyes.page.locator(".map").bounding_box()
            assert box is not None
            eyes.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            eyes.page.mouse.wheel(0, -400)
            zooming = eyes.page.evaluate(_FRAMES, 1000)
            seen: dict[str, float] = eyes.page.evaluate("() => window.seen")
            waits = [seen[n] / 1000 - at for n, at in load.sent.items() if seen.get(n)]
        group = f"{load.rate:,.0f} 变更/秒 / changes a second"
        yield Result(group, f"wall {name} · 帧率 frames", "fps", [still], 30)
        yield Result(group, f"wall {name} · 缩放中 while zooming", "fps", [zooming], 30)
        yield Result(group, f"wall {name} · 变更到像素 change to pixel, median", "s",
                     [statistics.median(waits)] if waits else [], 1.0, at_most=True,
                     note=f"{len(waits)} of {len(load.sent)}")  # fmt: skip


def memory(system: WholeSystem, opened: Browser, load: Load, facts: int) -> Iterator[Result]:
    """What a page keeps after a day of changes played fast, against what it kept after a tenth of it."""
    with watched(opened, system.url("api")) as eyes:
        eyes.expected = ("",)
        come_in(system, eyes.page)
        eyes.page.goto(f"{system.url('api')}/wall/")
        eyes.page.wait_for_selector(".map[data-drawn]", timeout=60_000)
        tools = eyes.page.context.new_cdp_session(eyes.page)
        begin, heaps = load.count, []
        for share in (0.1, 0.4, 0.7, 1.0):
            while load.count - begin < facts * share:
                time.sleep(0.2)
            tools.send("HeapProfiler.collectGarbage")
            used = tools.send("Runtime.getHeapUsage")["usedSize"] / 1e6
            heaps.append(float(used))
    yield Result(
        "内存 / Memory", f"wall · {facts:,} 次变更后 after so many changes", "MB", [heaps[-1]]
    )
    yield Result("内存 / Memory", "wall · 与一成时之比 against a tenth of them", "×",
                 [heaps[-1] / heaps[0]], 1.25, at_most=True, note=" → ".join(f"{h:.0f}" for h in heaps))  # fmt: skip


def main() -> int:
    """Measure; 1 when an aim is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.screens", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--facts", type=int, default=100_000)
    given = parser.parse_args()
    pages.build()
    results = list(weights())
    with whole_system(demo="1") as system:
        system.start()
        described = machine.described("Chromium, PostgreSQL 18, Apache Kafka 4.3.1")
        model = one_fact(system)
        with chromium() as opened:
            results += first_draw(system, opened, given.rounds)
            results += limits(opened)
            producer = KafkaProducer(bootstrap_servers=system.bootstrap, linger_ms=5)
            load = Load(producer, model, given.rate)
            with load.going():
                results += under_load(system, opened, load, given.seconds)
                results += memory(system, opened, load, given.facts)
    text = page(described, results, HOW).replace("`make bench`", "`make bench-screens`")
    print(text)
    PAGE.write_text(text, encoding="utf-8")
    return 1 if any(result.met is False for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
