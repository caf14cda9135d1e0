"""`python -m tests.bench.connections`: ten thousand live connections on one process, beside `fastapi.sse` in the same run.

Every listener is an account of its own. What is committed goes the whole way: ledger, outbox, relay, Kafka, `/live`.
Writes docs/benchmarks-live.md; with --quick it writes nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import select
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from incidents import desk
from incidents.postgres import decision_store
from incidents.postgres.connection import Connection, connect
from incidents.postgres.ledger import PostgresLedger
from local.ports import free_port
from local.wishes import ROOT
from tests.bench import city, machine, same_sql
from tests.bench.ground import Ground, _seconds, ground
from tests.bench.result import Result, page, ratios
from tests.journey.machines import Door
from tests.journey.system import until

PAGE = ROOT / "docs" / "benchmarks-live.md"
HOW = """一万个连接各是一个账户，听同样的变更；客户端是另一个进程（epoll）。每次送达的处理器时间＝送达期间服务进程的用户态与内核态时间减去
同样长的空闲时间，除以送达次数；提交到送达从数据库事务提交起算，经 outbox、relay、Kafka。两种做法在同一次运行中轮流测量，请看比值 /
Ten thousand connections, each an account of its own, hear the same changes; the clients are another process (epoll). Processor
time of a delivery: user and system time of the server while it delivers, less what it takes idle for as long, by deliveries.
From commit: the database's transaction, then outbox, relay and Kafka. Both ways take turns in one run: trust the ratio."""
AIM = 6.0
"""Of the processor time of a delivery through fastapi.sse, as a multiple of ours."""
IDLE_S = 5.0
BETWEEN_S = 0.5
MISSED = 20
"""Changes around the loss of the process; the first of them was still heard."""
RESTART_S = 60.0
TOPIC = "city.incidents.v1"
ACCOUNTS = """insert into account (name, role, token_hash)
select 'bench-' || n, 'inspector', sha256(convert_to('bench-token-' || n, 'UTF8')) from generate_series(0, %s) n"""


class Crowd:
    """The listeners' process and its one conversation."""

    def __init__(self, port: int, count: int, path: str = "/api/v1/live") -> None:
        self.count = count
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.listeners", str(port), str(count), path],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def tell(self, command: str) -> None:
        """Say what is to be done; `answer` waits for it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, float]:
        """What came of the command told last."""
        assert self._process.stdout is not None
        found: dict[str, float] = json.loads(self._process.stdout.readline())
        return found

    def answered(self) -> bool:
        """Whether there is an answer."""
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], 0.02)[0])

    def do(self, command: str) -> dict[str, float]:
        """Both."""
        self.tell(command)
        return self.answer()

    def end(self) -> None:
        """Everybody goes home."""
        self._process.kill()
        self._process.wait()


@dataclass
class Server:
    """One of the two servers, and what was measured of it."""

    name: str
    words: tuple[str, ...]
    port: int
    more: dict[str, str]
    process: subprocess.Popen[bytes]
    microseconds: list[float] = field(default_factory=list)
    kilobytes: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)
    half: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)

    @classmethod
    def start(cls, here: Ground, name: str, *words: str) -> Server:
        """Start one on a free port and wait until it answers."""
        port = free_port()
        more = {"YIWANG_API_PORT": str(port), "YIWANG_API_LIVE_MINUTES": "600"}
        words = tuple(word.format(port=port) for word in words)
        found = cls(name, words, port, more, here.start(*words, **more))
        found.wait(here)
        return found

    def again(self, here: Ground) -> None:
        """A new process on the same port."""
        self.process = here.start(*self.words, **self.more)

    def wait(self, here: Ground) -> None:
        """Until it answers."""
        until(self.answers, 60, here.logs)

    def answers(self) -> bool:
        """Whether it is there."""
        with contextlib.suppress(OSError):
            return Door(f"http://127.0.0.1:{self.port}").ask("GET", "/livez").status == 200
        return False

    @property
    def seconds(self) -> float:
        """Processor time so far."""
        return _seconds(self.process.pid)

    @property
    def resident_kb(self) -> int:
        """Memory that it holds."""
        told = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(told.split("VmRSS:")[1].split()[0])


class Desk:
    """Commits reports, each with words of its own that a listener knows it by."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._decisions = decision_store.in_force(connection)
        self._ledger = PostgresLedger(connection, self._number)

    def _number(self, region: str, day: date) -> str:
        row = self._connection.execute("select incident_number(%s, %s)", (region, day)).fetchone()
        assert row
        return str(row[0])

    def report(self, mark: str) -> float:
        """Commit one; when it was committed."""
        at = datetime.now(UTC)
        event = replace(same_sql.report_event(self._connection, at), text=mark)
        with self._connection.transaction():
            desk.receive(self._ledger, event, self._decisions, at)
        return time.time()


def measure(server: Server, crowd: Crowd, desk_: Desk, changes: int) -> None:
    """One round: all come, some changes, all go."""
    before = server.resident_kb
    opened = crowd.do("open")
    assert opened["up"] == crowd.count, opened
    server.kilobytes.append((server.resident_kb - before) / crowd.count)
    crowd.do("rest 2")
    began = server.seconds
    crowd.do(f"rest {IDLE_S}")
    idle = (server.seconds - began) / IDLE_S
    server.idle.append(idle)
    began, clock = server.seconds, time.monotonic()
    for _ in range(changes):
        mark = f"mark-{uuid.uuid4().hex}"
        crowd.tell(f"expect {mark}")
        committed = desk_.report(mark)
        told = crowd.answer()
        assert told["told"] == crowd.count, told
        assert told["twice"] == 0, told
        server.half.append(told["half"] - committed)
        server.last.append(told["last"] - committed)
        crowd.do(f"rest {BETWEEN_S}")
    used = server.seconds - began - idle * (time.monotonic() - clock)
    server.microseconds.append(1e6 * used / (changes * crowd.count))
    crowd.do("lose")
    time.sleep(2)


def restart(here: Ground, server: Server, crowd: Crowd, desk_: Desk) -> Iterator[Result]:
    """Its process is killed with everybody on it, changes go on, and all come back at the same moment."""
    marks = [f"mark-{uuid.uuid4().hex}" for _ in range(MISSED)]
    assert crowd.do("open")["up"] == crowd.count
    crowd.tell(f"expect {marks[0]}")
    desk_.report(marks[0])
    crowd.answer()
    server.process.kill()
    here.end(server.process)
    crowd.do("lose")
    for mark in marks[1:]:
        desk_.report(mark)
    server.again(here)
    crowd.tell(f"open {marks[-1]}")
    began, slowest, silent = time.monotonic(), 0.0, 0.0
    while not crowd.answered():
        asked = time.monotonic()
        if server.answers():
            slowest = max(slowest, time.monotonic() - asked)
        else:
            assert server.process.poll() is None, here.logs()
            silent = time.monotonic() - began
    back = crowd.answer()
    assert back["up"] == crowd.count, back
    assert (back["twice"], back["resets"]) == (0, 0), back
    group = f"{crowd.count:,} 个同时重连（进程被杀后） / all come back at once after the process was killed"
    yield Result(group, "新进程能应答 / until the new process answers", "s", [silent])
    yield Result(
        group, "半数补齐 / until half of them have what they missed", "s", [back["half_s"]]
    )
    yield Result(group, "全部补齐 / until all of them have what they missed", "s", [back["all_s"]], RESTART_S,
                 at_most=True, note=f"{MISSED - 1} changes missed, none twice; {back['refused']:,.0f} knocks in vain")  # fmt: skip
    yield Result(
        group,
        "期间别人的请求最慢 / slowest answer to others meanwhile",
        "s",
        [slowest],
        5.0,
        at_most=True,
    )
    yield Result(group, "其后内存 / resident memory afterwards", "MB", [server.resident_kb / 1000])


def told(ours: Server, usual: Server, count: int, changes: int) -> Iterator[Result]:
    """What the rounds said, the ratio first."""
    group = f"{count:,} 个连接 / connections on one process"
    note = f"{changes} changes a round, each to all"
    yield Result(group, "处理器时间之比 / processor time of a delivery, fastapi.sse ÷ ours", "×",
                 ratios(usual.microseconds, ours.microseconds), AIM, note=note)  # fmt: skip
    yield Result(group, "提交到最后一个送达之比 / commit to last delivery, fastapi.sse ÷ ours", "×",
                 ratios(usual.last, ours.last))  # fmt: skip
    for one in (ours, usual):
        yield Result(group, f"{one.name}: 每次送达 / a delivery", "µs", one.microseconds)
        yield Result(group, f"{one.name}: 提交到半数 / commit to half of them", "s", one.half)
        yield Result(group, f"{one.name}: 提交到最后一个 / commit to the last", "s", one.last)
        yield Result(
            group, f"{one.name}: 每个连接的内存 / memory of a connection", "kB", one.kilobytes[:1]
        )
        yield Result(
            group, f"{one.name}: 空闲 / idle, of one core", "%", [100 * share for share in one.idle]
        )


def main() -> int:
    """Measure; 1 when an aim is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.connections", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--quick", action="store_true", help="one round of three changes; writes nothing"
    )
    given = parser.parse_args()
    rounds, changes = (1, 3) if given.quick else (given.rounds, given.changes)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ground("yiwang-crowd-") as here:
        described = machine.described("PostgreSQL 18, Apache Kafka 4.3.1")
        results = list(run(here, given.count, rounds, changes))
    text = page(described, results, HOW).replace(
        "`make bench`", "`python -m tests.bench.connections`"
    )
    print(text)
    if not given.quick:
        PAGE.write_text(text, encoding="utf-8")
    return 1 if any(result.met is False for result in results) else 0


def run(here: Ground, count: int, rounds: int, changes: int) -> Iterator[Result]:
    """Both servers in turn, then the restart of ours."""
    here.once("incidents", "migrate")
    here.topic(TOPIC, 1)
    city.settle(here.postgres.url())
    with connect(here.postgres.url(), "bench") as connection:
        connection.execute(ACCOUNTS, [count])
        desk_ = Desk(connection)
        here.start("streams", "relay")
        servers = (
            Server.start(here, "ours", "api", "serve"),
            Server.start(here, "fastapi.sse", "tests.bench.usual_push", "{port}"),
        )
        for _ in range(rounds):
            for server in servers:
                with crowd_of(server, count) as crowd:
                    measure(server, crowd, desk_, changes)
        yield from told(*servers, count, changes)
        with crowd_of(servers[0], count) as crowd:
            yield from restart(here, servers[0], crowd, desk_)


@contextlib.contextmanager
def crowd_of(server: Server, count: int) -> Iterator[Crowd]:
    """Listeners of a server, gone afterwards."""
    crowd = Crowd(server.port, count)
    try:
        yield crowd
    finally:
        crowd.end()


if __name__ == "__main__":
    sys.exit(main())
