"""Outbox to Kafka: facts in order of their ids, marked only after the acknowledgement; one relay active at a time.

At least once: killed between sending and marking, it sends again; readers know a fact by its fact_id.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol

import msgspec
import psycopg
import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError

from incidents.postgres import connection as connections
from incidents.postgres import intake as store
from incidents.postgres import outbox
from incidents.postgres.connection import Connection
from incidents.postgres.outbox import Quarantined, Unsent
from streams import topics
from streams.settings import Settings
from streams.wire import encode

AT_MOST = 500
"""Rows sent and marked together."""
IDLE_S = 0.05
"""How long an empty outbox is left alone; with the send it keeps a fact's way under a tenth of a second."""
ACK_S = 10.0
NAME = "relay"

Header = tuple[str, bytes]
Record = tuple[str, bytes | None, bytes, Sequence[Header]]
"""Topic, key, value, headers."""

_log = structlog.get_logger("streams.relay")


class Sender(Protocol):
    """Sends records in their order and returns once Kafka has them all; KafkaError if not."""

    def send_all(self, records: Sequence[Record]) -> None:
        """Send and wait for every acknowledgement."""


class KafkaSender:
    """acks=all, idempotent, the order kept; the producer is made anew after a failure."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: KafkaProducer | None = None

    def send_all(self, records: Sequence[Record]) -> None:
        """Send and wait; KafkaError when the broker is away."""
        if self._producer is None:
            self._producer = KafkaProducer(
                bootstrap_servers=self._settings.kafka.split(","),
                client_id="yiwang-relay",
                acks="all",
                linger_ms=0,
                max_request_size=topics.QUARANTINE.max_message_bytes,
                delivery_timeout_ms=int(ACK_S * 1000),
                request_timeout_ms=int(ACK_S * 500),
                max_block_ms=int(ACK_S * 1000),
            )
        prefix = self._settings.topic_prefix
        try:
            waiting = [
                self._producer.send(prefix + topic, key=key, value=value, headers=list(headers))
                for topic, key, value, headers in records
            ]
            for one in waiting:
                one.get(timeout=ACK_S)
        except Exception:
            # What is still in its buffer must not be sent after what we send again.
            self.close()
            raise

    def close(self) -> None:
        """Give the producer up without waiting for what it still has."""
        if self._producer is not None:
            self._producer.close(timeout=0)
            self._producer = None


def send_some(connection: Connection, sender: Sender) -> int:
    """Send the oldest unsent rows and mark them, in one transaction; how many."""
    with connection.transaction():
        rows = outbox.claim(connection, AT_MOST)
        if rows:
            sender.send_all(_records(connection, rows))
            outbox.mark_sent(connection, [row.id for row in rows])
    return len(rows)


def _records(connection: Connection, rows: Sequence[Unsent]) -> list[Record]:
    asked = [_quarantine_id(row) for row in rows if row.topic != topics.INCIDENTS.name]
    aside = outbox.quarantined(connection, asked) if asked else {}
    found: list[Record] = []
    for row in rows:
        if row.topic == topics.INCIDENTS.name:
            found.append((row.topic, row.key.encode(), row.body.encode(), ()))
        elif (one := aside.get(_quarantine_id(row))) is None:
            _log.error("隔离记录不在了 / its row of quarantine is gone", outbox=row.id)
        elif row.topic == topics.QUARANTINE.name:
            found.append((row.topic, one.key, one.value, _told(one)))
        else:
            found.append((one.topic, one.key, _again(one), _redriven(one)))
    return found


def _quarantine_id(row: Unsent) -> int:
    return int(msgspec.json.decode(row.body)["quarantine_id"])


def _again(one: Quarantined) -> bytes:
    """The bytes to send again: the message as it was, or an envelope around its one row."""
    if one.item < 0:
        return one.value
    row = msgspec.json.decode(one.value)
    named = {"batch": row.pop("batch", "redriven"), "source": row.pop("source", "")}
    named["sent_at"] = one.set_aside_at.isoformat()
    if one.topic == topics.REPORTS.name:
        return encode({"schema": "events.v1", **named, "events": [row]})
    datum = row.pop("datum", None)
    columns = {name: [value] for name, value in row.items()}
    return encode({"schema": "readings.v1", **named, "datum": datum, **columns})


def _redriven(one: Quarantined) -> list[Header]:
    own = [(str(name), str(value).encode()) for name, value in one.headers]
    return [*own, ("x-redriven", str(one.id).encode())]


def _told(one: Quarantined) -> list[Header]:
    """The headers of a quarantined message: its own, then where it stood and why it was set aside."""
    own = [(str(name), str(value).encode()) for name, value in one.headers]
    about = {
        "id": one.id,
        "topic": one.topic,
        "partition": one.part,
        "offset": one.offset,
        "item": one.item,
        "reason": one.reason,
        "detail": one.detail,
        "at": one.set_aside_at.isoformat(),
    }
    return own + [(f"x-quarantine-{name}", str(value).encode()) for name, value in about.items()]


def run(settings: Settings) -> NoReturn:
    """Relay until killed: waits for the database, for Kafka, and for another relay to end."""
    relay = Relay(settings, KafkaSender(settings))
    while True:
        relay.turn()


class Relay:
    """One turn after the other; between two turns nothing is half done."""

    def __init__(
        self, settings: Settings, sender: Sender, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._settings = settings
        self._sender = sender
        self._sleep = sleep
        self._connection: Connection | None = None
        self._said = float("-inf")
        self._sent = 0

    def turn(self) -> None:
        """Send what there is, or wait a little."""
        try:
            connection = self._held()
            if connection is None:
                self._sleep(1.0)
                return
            sent = send_some(connection, self._sender)
            self._sent += sent
            self._say(connection, None)
            if not sent:
                self._sleep(IDLE_S)
        except (psycopg.OperationalError, psycopg.InterfaceError) as fault:
            _log.warning(
                "数据库不可用，等待 / the database is away: waiting", fault=str(fault)[:200]
            )
            self._let_go()
            self._sleep(1.0)
        except (KafkaError, OSError) as fault:
            _log.warning(
                "Kafka 不可用，待发保留 / Kafka is away, facts stay", fault=str(fault)[:200]
            )
            if self._connection is not None:
                self._say(self._connection, "kafka")
            self._sleep(1.0)

    def _held(self) -> Connection | None:
        """The connection that makes this relay the active one; None while another is."""
        if self._connection is None or self._connection.closed or self._connection.broken:
            connection = connections.connect(self._settings.database_url, NAME)
            if not store.hold_name(connection, NAME):
                connection.close()
                return None
            store.say_started(connection, NAME, "relay")
            self._connection = connection
        return self._connection

    def _say(self, connection: Connection, waiting_for: str | None) -> None:
        now = time.monotonic()
        if now - self._said < 2.0:
            return
        self._said = now
        count, oldest = outbox.unsent(connection)
        told: dict[str, Any] = {"sent": self._sent, "unsent": count, "waiting_for": waiting_for}
        told["oldest"] = oldest.isoformat() if oldest else None
        store.say_seen(connection, NAME, "relay", told)

    def close(self) -> None:
        """Let another relay be the active one."""
        self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
