"""Machines outside the system: a gateway that sends over HTTP until it is acknowledged, and one with its own Kafka client."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from kafka import KafkaProducer


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body) if self.body else None


@dataclass
class Door:
    """One HTTP address of ours, asked over one kept connection.

    Args:
        url: scheme, host and port.
        token: bearer token; None: a stranger.
        patience: seconds an answer may take.
    """

    url: str
    token: str | None = None
    patience: float = 10.0
    _line: http.client.HTTPConnection | None = field(default=None, repr=False)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request; OSError or http.client.HTTPException when nobody answers."""
        given = dict(headers or {})
        if self.token is not None:
            given.setdefault("Authorization", f"Bearer {self.token}")
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            given.setdefault("Content-Type", "application/json")
        if self._line is None:
            where = urlsplit(self.url)
            assert where.hostname
            self._line = http.client.HTTPConnection(
                where.hostname, where.port, timeout=self.patience
            )
        try:
            self._line.request(method, path, body=data, headers=given)
            got = self._line.getresponse()
            told = got.read()
        except (OSError, http.client.HTTPException):
            self.hang_up()
            raise
        if got.will_close:
            self.hang_up()
        return Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, told)

    def hang_up(self) -> None:
        """Close the connection; the next question opens a new one."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def insist(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask until somebody answers with anything but a failure of the server; AssertionError after five minutes."""
        limit = time.monotonic() + 300
        last: object = None
        while time.monotonic() < limit:
            try:
                answer = self.ask(method, path, body, headers)
            except (OSError, http.client.HTTPException) as fault:
                last = fault
            else:
                if answer.status < 500 and answer.status != 429:
                    return answer
                last = (answer.status, answer.body[:300])
            time.sleep(0.2)
        raise AssertionError(f"{method} {path}: {last!r}")


class HttpMachine:
    """A gateway in the field: keeps a message until our door has acknowledged it."""

    def __init__(self, url: str, token: str) -> None:
        self.door = Door(url, token)

    def send(self, topic: str, source: str, body: bytes) -> Answer:
        """Send one envelope; returns once it is acknowledged. AssertionError when it is refused whole."""
        what = "readings" if topic == "city.readings.v1" else "events"
        key = {"Idempotency-Key": str(json.loads(body)["batch"])}
        answer = self.door.insist("POST", f"/ingest/v1/{what}", body, key)
        assert answer.status == 202, f"{source}: {answer.status} {answer.body[:500]!r}"
        return answer

    def close(self) -> None:
        """Nothing is in flight."""
        self.door.hang_up()


class KafkaMachine:
    """A program with a Kafka client of its own; what it sent is safe once `close` returns."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            enable_idempotence=True,
            delivery_timeout_ms=600_000,
            request_timeout_ms=15_000,
            max_block_ms=600_000,
            linger_ms=5,
        )
        self._told: list[Any] = []

    def send(self, topic: str, source: str, body: bytes) -> None:
        """Hand one message over; it travels by itself."""
        self._told.append(self._producer.send(topic, value=body, key=source.encode()))

    def close(self) -> None:
        """Wait for every acknowledgement; raises what the broker refused."""
        self._producer.flush()
        for future in self._told:
            future.get(timeout=300)
        self._producer.close()


@contextlib.contextmanager
def kafka_machine(bootstrap: str) -> Iterator[KafkaMachine]:
    """One with everything acknowledged at the end of the block."""
    machine = KafkaMachine(bootstrap)
    yield machine
    machine.close()
