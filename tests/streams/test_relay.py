"""The relay: facts in order, marked only after Kafka has them; killed in between, nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from kafka.errors import KafkaTimeoutError

from incidents.postgres import connection, outbox, quarantine
from incidents.postgres.connection import Connection
from streams import relay, topics
from streams.relay import KafkaSender, Record, Relay
from streams.settings import Settings
from tests.journey.books import read_topic
from tests.streams.builders import READINGS, REPORTS, Bench, envelope, events, messages

pytestmark = pytest.mark.real


def facts(found: Connection, first: int, last: int) -> None:
    for n in range(first, last + 1):
        found.execute(
            "insert into outbox (key, body) values (%s, %s)", (f"n{n % 3}", f'{{"n":{n}}}')
        )


def settings(database_url: str, kafka: str) -> Settings:
    return Settings(database_url=database_url, kafka=kafka)


class Unlucky:
    """A sender that sends and then is cut off before it can say so, as often as told."""

    def __init__(self, inner: relay.Sender, failures: int) -> None:
        self.inner = inner
        self.failures = failures

    def send_all(self, records: Sequence[Record]) -> None:
        self.inner.send_all(records)
        if self.failures:
            self.failures -= 1
            raise KafkaTimeoutError("cut off after sending")


def test_facts_arrive_in_order_with_their_keys_and_are_marked(
    database_url: str, kafka: str
) -> None:
    topics.ensure(kafka)
    sender = KafkaSender(settings(database_url, kafka))
    with connection.connect(database_url, "test") as found:
        facts(found, 1, 700)
        sent = [relay.send_some(found, sender) for _ in range(3)]
        assert outbox.unsent(found) == (0, None)
    sender.close()

    assert sent == [500, 200, 0]
    got = read_topic(kafka, "city.incidents.v1")
    assert [one.value for one in got] == [b'{"n":%d}' % n for n in range(1, 701)]
    assert {one.key for one in got} == {b"n0", b"n1", b"n2"}


def test_cut_off_between_sending_and_marking_it_sends_again_and_loses_nothing(
    database_url: str, kafka: str
) -> None:
    topics.ensure(kafka)
    here = settings(database_url, kafka)
    sender = KafkaSender(here)
    with connection.connect(database_url, "test") as found:
        facts(found, 1, 10)
        turns = Relay(here, Unlucky(sender, 1), sleep=lambda _: None)
        turns.turn()
        assert outbox.unsent(found)[0] == 10
        turns.turn()
        assert outbox.unsent(found)[0] == 0
        turns.close()
    sender.close()

    got = [one.value for one in read_topic(kafka, "city.incidents.v1")]
    assert set(got) == {b'{"n":%d}' % n for n in range(1, 11)}
    assert len(got) == 20
    assert got[:10] == got[10:]


def test_only_one_relay_is_active_and_the_next_takes_over(database_url: str, kafka: str) -> None:
    topics.ensure(kafka)
    here = settings(database_url, kafka)
    sender = KafkaSender(here)
    first, second = (Relay(here, sender, sleep=lambda _: None) for _ in range(2))
    with connection.connect(database_url, "test") as found:
        first.turn()
        facts(found, 1, 1)
        second.turn()
        assert outbox.unsent(found)[0] == 1
        first.close()
        limit = time.monotonic() + 10
        while outbox.unsent(found)[0]:
            second.turn()
            assert time.monotonic() < limit
        second.close()
    sender.close()


def test_what_was_set_aside_is_told_with_its_bytes_and_where_it_stood(
    bench: Bench, database_url: str, kafka: str
) -> None:
    topics.ensure(kafka)
    bench.apply(messages(b"\x00garbage", envelope([("d1", 0, None)])))
    sender = KafkaSender(settings(database_url, kafka))
    relay.send_some(bench.connection, sender)
    sender.close()

    message, row = read_topic(kafka, "city.quarantine.v1")
    headers = {name: value.decode() for name, value in message.headers}
    assert (message.key, message.value) == (b"k", b"\x00garbage")
    assert headers["x-quarantine-topic"] == READINGS
    assert (headers["x-quarantine-offset"], headers["x-quarantine-item"]) == ("0", "-1")
    assert headers["x-quarantine-reason"] == "not_json"
    assert dict(row.headers)["x-quarantine-item"] == b"0"


def test_redriven_messages_and_rows_come_again_and_double_nothing(
    bench: Bench, database_url: str, kafka: str
) -> None:
    """Set aside by a fault that was mended since: a level that could not be stored, an event that had no kind."""
    topics.ensure(kafka)
    bench.connection.execute("alter table reading add constraint no check (value < 600) not valid")
    bench.apply(messages(envelope([("d1", 0, 1.0)]), envelope([("d1", 5, 666.0), ("d2", 5, 2.0)])))
    bench.apply(messages(events({"kind": ""}), topic=REPORTS))
    bench.connection.execute("alter table reading drop constraint no")
    waiting = quarantine.waiting(bench.connection)
    sender = KafkaSender(settings(database_url, kafka))
    while relay.send_some(bench.connection, sender):
        pass

    assert quarantine.redrive(bench.connection, waiting, "duty officer") == waiting
    assert quarantine.redrive(bench.connection, waiting, "duty officer") == []
    relay.send_some(bench.connection, sender)
    sender.close()

    (again,) = read_topic(kafka, READINGS)
    assert again.value == envelope([("d1", 5, 666.0), ("d2", 5, 2.0)])
    bench.apply(messages(again.value, again.value, first=2))
    assert bench.one("select count(*) from reading") == 3
    (event,) = read_topic(kafka, REPORTS)
    bench.apply(messages(event.value, topic=REPORTS, first=1))
    assert bench.one("select count(*) from quarantine where state = 'redriven'") == 2
    assert bench.one("select count(*) from quarantine where state = 'waiting'") == 1
    assert bench.one("select decided_by from quarantine limit 1") == "duty officer"
