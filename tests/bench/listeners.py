"""Thousands of listeners in one light process: epoll, no HTTP library, so that a measurement measures the server.

`python -m tests.bench.listeners PORT COUNT [PATH [TOKEN]]` takes one command a line and answers each with one line of JSON:
`open [MARK]` connect all until they are in (or were told a line with the mark), `expect MARK` wait until everybody was told a line with it, `lose` hang up on all at once, `count`
what was heard so far. Listener n comes with the token TOKEN and n, after a loss also with its Last-Event-ID.
"""

from __future__ import annotations

import heapq
import json
import random
import select
import socket
import statistics
import sys
import time
from dataclasses import dataclass, field

PATIENCE_S = 180.0
WITHIN_S = 4.0
"""Ten thousand come within so long: a page of ours knocks at times of its own."""
AGAIN_S = (0.5, 4.0)
"""A listener that was refused knocks again after so long."""
SILENCE_S = 35.0
"""And one that hears nothing, as a page does."""
_ID = b"\nid: "


@dataclass(slots=True)
class Listener:
    """One connection and what it heard."""

    number: int
    line: socket.socket | None = None
    asked: bool = False
    up: bool = False
    last: bytes = b""
    rest: bytes = b""
    since: float = 0.0
    twice: int = 0
    resets: int = 0

    def hear(self, some: bytes) -> bytes:
        """Take in bytes; what may be searched for a mark. Remembers the newest id, counts ids that go back."""
        whole = self.rest + some
        at = whole.rfind(_ID)
        if at >= 0 and (end := whole.find(b"\n", at + 1)) >= 0:
            new = whole[at + len(_ID) : end].strip()
            if self.last and int(new) < int(self.last):
                self.twice += 1
            self.last = new
        self.resets += some.count(b"event: reset")
        self.rest = whole[-200:]
        return whole


@dataclass
class Crowd:
    """All of them."""

    port: int
    count: int
    path: str
    token: str = field(default="bench-token-", kw_only=True)
    epoll: select.epoll = field(default_factory=select.epoll, kw_only=True)
    by_fd: dict[int, Listener] = field(default_factory=dict)
    later: list[tuple[float, int, Listener]] = field(default_factory=list)
    refused: int = 0
    heard: int = 0
    looked: float = 0.0

    def __post_init__(self) -> None:
        self.all = [Listener(n) for n in range(self.count)]

    def connect(self, one: Listener) -> None:
        """Begin; the request goes as soon as the connection stands."""
        one.line = socket.socket()
        one.line.setblocking(False)
        one.since = time.monotonic()
        one.asked = one.up = False
        one.rest = b""
        one.line.connect_ex(("127.0.0.1", self.port))
        self.by_fd[one.line.fileno()] = one
        self.epoll.register(one.line.fileno(), select.EPOLLOUT)

    def drop(self, one: Listener) -> None:
        """Hang up."""
        if one.line is not None:
            self.by_fd.pop(one.line.fileno(), None)
            one.line.close()
            one.line, one.up = None, False

    def ask(self, one: Listener) -> None:
        """Send the request."""
        assert one.line is not None
        head = f"GET {self.path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}{one.number}\r\n"
        if one.last:
            head += f"Last-Event-ID: {one.last.decode()}\r\n"
        one.line.send(f"{head}X-Yiwang-Background: 1\r\n\r\n".encode())
        one.asked = True
        self.epoll.modify(one.line.fileno(), select.EPOLLIN)

    def turn(self) -> list[tuple[Listener, bytes]]:
        """One look at all lines: who heard what."""
        now = time.monotonic()
        while self.later and self.later[0][0] <= now:
            self.connect(heapq.heappop(self.later)[2])
        if now - self.looked > 1:
            self.looked = now
            silent = [one for one in self.all if one.line and not one.up]
            for one in silent:
                if now - one.since > SILENCE_S:
                    self._again(one)
        found: list[tuple[Listener, bytes]] = []
        for fd, sign in self.epoll.poll(0.02, 4096):
            known = self.by_fd.get(fd)
            if known is None:
                continue
            try:
                self._serve(known, sign, found)
            except OSError:
                self._again(known)
        return found

    def _serve(self, one: Listener, sign: int, found: list[tuple[Listener, bytes]]) -> None:
        assert one.line is not None
        if not one.asked:
            if sign & (select.EPOLLERR | select.EPOLLHUP):
                raise ConnectionError
            self.ask(one)
            return
        some = one.line.recv(262_144)
        if not some or (not one.up and not some.startswith(b"HTTP/1.1 200")):
            raise ConnectionError(some[:80])
        one.up = True
        self.heard += len(some)
        found.append((one, one.hear(some)))

    def _again(self, one: Listener) -> None:
        self.refused += 1
        self.drop(one)
        heapq.heappush(self.later, (time.monotonic() + random.uniform(*AGAIN_S), one.number, one))

    def open(self, mark: str = "") -> dict[str, float]:
        """Everybody, within seconds; until all are in, and were told of something missed."""
        began = time.monotonic()
        self.refused = 0
        for one in self.all:
            heapq.heappush(
                self.later,
                (began + random.uniform(0, WITHIN_S * self.count / 10_000), one.number, one),
            )
        ups: list[float] = []
        wanted, waiting = mark.encode(), set(range(self.count))
        while waiting and time.monotonic() - began < PATIENCE_S:
            for one, whole in self.turn():
                if one.number in waiting and wanted in whole:
                    waiting.remove(one.number)
                    ups.append(time.monotonic() - began)
        return {"up": len(ups), "half_s": statistics.median(ups or [0]), "all_s": max(ups, default=0.0),
                "refused": self.refused, "twice": sum(one.twice for one in self.all),
                "resets": sum(one.resets for one in self.all)}  # fmt: skip

    def expect(self, mark: str) -> dict[str, float]:
        """Until everybody was told of it: when (time.time()) the first, half of them and the last were."""
        wanted, began = mark.encode(), time.monotonic()
        waiting = {one.number for one in self.all}
        times: list[float] = []
        while waiting and time.monotonic() - began < PATIENCE_S:
            for one, whole in self.turn():
                if one.number in waiting and wanted in whole:
                    waiting.remove(one.number)
                    times.append(time.time())
        return {"told": len(times), "first": min(times, default=0.0), "half": statistics.median(times or [0]),
                "last": max(times, default=0.0), "twice": sum(one.twice for one in self.all)}  # fmt: skip

    def lose(self) -> dict[str, float]:
        """Every line is gone."""
        self.later.clear()
        for one in self.all:
            self.drop(one)
        return {"heard": self.heard}

    def rest(self, seconds: float) -> dict[str, float]:
        """Listen for so long and do nothing else."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.turn()
        return {"up": sum(one.up for one in self.all), "heard": self.heard}


def main() -> None:
    """Do as told until the input ends."""
    port, count, *more = sys.argv[1:]
    crowd = Crowd(int(port), int(count), more[0] if more else "/api/v1/live")
    if len(more) > 1:
        crowd.token = more[1]
    for row in sys.stdin:
        command, _, given = row.strip().partition(" ")
        if command == "open":
            answer = crowd.open(given)
        elif command == "expect":
            answer = crowd.expect(given)
        elif command == "lose":
            answer = crowd.lose()
        else:
            answer = crowd.rest(float(given or 0))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
