"""Many listeners on one process: a reader who does not read is hung up on, and all who come back at once miss nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from incidents.lifecycle import Role
from local import ports
from local.kafka import LocalKafka
from local.wishes import ROOT
from tests.api.test_live import Api, Teller, an_api, teller, topic, town
from tests.api.town import Town, enrol, token

pytestmark = [pytest.mark.real, pytest.mark.slow]

__all__ = ["teller", "topic", "town"]  # fixtures of the same names
CROWD = 300
LONG = "很长的一段话" * 2000
"""Some 36 kB: what a slow reader's buffers cannot hold many of."""


@pytest.fixture
def port() -> int:
    return ports.free_port()


def serving(
    town: Town, kafka: str, topic: str, home: Path, port: int
) -> contextlib.AbstractContextManager[Api]:
    settings = {
        "YIWANG_TOPIC_PREFIX": topic,
        "YIWANG_API_PATIENCE_S": "1",
        "YIWANG_API_PORT": str(port),
    }
    return an_api(town.url, kafka, home, **settings)


def test_who_does_not_read_is_hung_up_on_and_misses_nothing_when_he_is_back(
    town: Town, kafka_server: LocalKafka, topic: str, teller: Teller, tmp_path: Path, port: int
) -> None:
    with serving(town, kafka_server.bootstrap, topic, tmp_path, port) as api:
        with slow_reader(api) as line:
            heard = line.recv(1000)
            assert heard.startswith(b"HTTP/1.1 200")
            names = [f"slow-{n}" for n in range(200)]
            for name in names:
                teller.tell(name, text=LONG)
            until(lambda: "did not read" in api.log.read_text(), 20)
            heard += rest_of(line)
        assert "yiwang_api_slow_readers_total 1.0" in metrics(api)
        told = heard.count(b"\nevent: incident\n")
        assert told < len(names)
        last = heard[: heard.rindex(b"\n\n")].rpartition(b"\nid: ")[2].split(b"\n")[0]
        answer = api.ask("/api/v1/live", "shift_lead", **{"Last-Event-ID": last.decode()})
        again: list[str] = []
        while not again or again[-1] != names[-1]:
            row = answer.readline().decode()
            if row.startswith("data: "):
                again.append(json.loads(row[6:])["number"])
        assert names.index(again[0]) + len(again) == len(names)
        assert again == names[-len(again) :]


@contextlib.contextmanager
def slow_reader(api: Api) -> Iterator[socket.socket]:
    """A line with a tiny window."""
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", api.port))
        who = token("shift_lead")["Authorization"]
        line.sendall(
            f"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nAuthorization: {who}\r\n\r\n".encode()
        )
        yield line


def rest_of(line: socket.socket) -> bytes:
    """What is still on its way to a line that is cut."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while some := line.recv(65_536):
            found += some
    return found


def metrics(api: Api) -> str:
    return api.ask("/metrics", "administrator").read().decode()


def until(condition: object, seconds: float) -> None:
    limit = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_when_a_process_is_killed_all_come_back_at_once_and_miss_nothing(
    town: Town, kafka_server: LocalKafka, topic: str, teller: Teller, tmp_path: Path, port: int
) -> None:
    with town.connect() as connection:
        for n in range(CROWD):
            enrol(connection, f"crowd-{n}", Role.INSPECTOR, None)
    crowd = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.listeners", str(port), str(CROWD), "/api/v1/live", "token-crowd-"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    def do(command: str) -> None:
        assert crowd.stdin
        crowd.stdin.write(f"{command}\n")
        crowd.stdin.flush()

    def answer() -> dict[str, float]:
        assert crowd.stdout
        found: dict[str, float] = json.loads(crowd.stdout.readline())
        return found

    try:
        with serving(town, kafka_server.bootstrap, topic, tmp_path, port):
            do("open")
            assert answer()["up"] == CROWD
            do('expect "before"')
            teller.tell("before")
            assert answer()["told"] == CROWD
        do("lose")
        answer()
        for n in range(5):
            teller.tell(f"missed-{n}")
        do('open "missed-4"')  # before there is anybody to knock at
        with serving(town, kafka_server.bootstrap, topic, tmp_path, port) as api:
            back = answer()
            assert (back["up"], back["resets"], back["twice"]) == (CROWD, 0, 0)
            assert f"yiwang_api_live_streams {CROWD}.0" in metrics(api)
            do("lose")
            answer()
            until(lambda: "yiwang_api_live_streams 0.0" in metrics(api), 10)
    finally:
        crowd.kill()
        crowd.wait()
