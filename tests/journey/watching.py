"""A screen that watches `live`: server-sent events as they come, with the moment each arrived."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.journey.system import until


@dataclass(frozen=True, slots=True)
class Seen:
    """One event: its id, its kind, its data, and when it came (time.time())."""

    id: str
    event: str
    data: Any
    at: float


@dataclass
class Screen:
    """An open `live` stream, read in a thread of its own; reconnects with the last id until it is closed."""

    url: str
    token: str
    seen: list[Seen] = field(default_factory=list)
    connected: threading.Event = field(default_factory=threading.Event)
    connections: int = 0
    last_id: str = ""
    _closed: bool = False
    _line: http.client.HTTPConnection | None = None

    def run(self) -> None:
        """Read until closed."""
        while not self._closed:
            with contextlib.suppress(
                OSError, http.client.HTTPException, ValueError, AttributeError
            ):
                self._read()
            time.sleep(0.05)

    def _read(self) -> None:
        where = urlsplit(self.url)
        assert where.hostname
        self._line = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "text/event-stream"}
        if self.last_id:
            headers["Last-Event-ID"] = self.last_id
        self._line.request("GET", "/api/v1/live", headers=headers)
        answer = self._line.getresponse()
        if answer.status != 200:
            answer.read()
            return
        self.connections += 1
        self.connected.set()
        fields: dict[str, list[str]] = {}
        while not self._closed:
            raw = answer.readline()
            if not raw:
                return
            line = raw.decode().rstrip("\r\n")
            if line:
                name, _, value = line.partition(":")
                fields.setdefault(name, []).append(value.removeprefix(" "))
                continue
            self._take(fields)
            fields = {}

    def _take(self, fields: dict[str, list[str]]) -> None:
        if "id" in fields:
            self.last_id = fields["id"][-1]
        if "data" not in fields:
            return
        data = json.loads("\n".join(fields["data"]))
        self.seen.append(
            Seen(self.last_id, fields.get("event", ["message"])[-1], data, time.time())
        )

    def facts(self, number: str) -> list[str]:
        """The facts of one incident in the order they came."""
        return [
            s.data["fact"]
            for s in self.seen
            if s.event == "incident" and s.data["number"] == number
        ]

    def wait_for(self, number: str, fact: str, patience: float = 20) -> None:
        """Wait until a fact of an incident has come; AssertionError with what did come."""
        until(
            lambda: fact in self.facts(number),
            patience,
            lambda: f"{fact} of {number} not seen: {self.facts(number)}",
        )

    def close(self) -> None:
        """Hang up."""
        self._closed = True
        if self._line is not None and self._line.sock is not None:
            with contextlib.suppress(OSError):
                self._line.sock.shutdown(2)


@contextlib.contextmanager
def screen(url: str, token: str) -> Iterator[Screen]:
    """A screen that is connected; closed at the end."""
    found = Screen(url, token)
    thread = threading.Thread(target=found.run, name="screen", daemon=True)
    thread.start()
    assert found.connected.wait(20), "live did not open"
    try:
        yield found
    finally:
        found.close()
        thread.join(5)
