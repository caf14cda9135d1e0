"""Real workers on a real broker and a real database: killed, stopped, cut off and confused, and the books are exact."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from incidents.postgres import balance, connection
from local.kafka import LocalKafka
from local.postgres import FOR_TESTS, LocalPostgres
from streams.topics import READINGS
from tests.conftest import cloned_database
from tests.journey.parts import Parts, parts
from tests.streams.builders import envelope

pytestmark = [pytest.mark.real, pytest.mark.slow]

GATEWAYS = 12


@pytest.fixture
def here(database_url: str, kafka: str, tmp_path: Path) -> Iterator[Parts]:
    with parts(database_url, kafka, tmp_path) as found:
        yield found


def send(bootstrap: str, first: int, count: int, rows: int = 50, poison: int = 0) -> int:
    """Envelopes first … first+count-1, each with readings of its own; every `poison`-th is followed by garbage."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
    for n in range(first, first + count):
        key = f"gw-{n % GATEWAYS}".encode()
        body = envelope(
            [(f"d{(n * rows + i) % 997}", n * 1000 + i, float(i)) for i in range(rows)],
            source=f"gw-{n % GATEWAYS}",
            batch=f"b{n}",
        )
        producer.send(READINGS.name, key=key, value=body)
        if poison and n % poison == 0:
            producer.send(READINGS.name, key=key, value=b"garbage %d" % n)
    producer.flush()
    producer.close()
    return count * rows


def stored(here: Parts) -> int:
    with here.connect() as found:
        row = found.execute("select coalesce(sum(stored), 0) from stream_offset").fetchone()
    assert row is not None
    return int(row[0])


def wait(done: Callable[[], bool], here: Parts, seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < limit, here.explain()
        time.sleep(0.1)


def kill(here: Parts, name: str) -> None:
    process = here.running.pop(name)
    process.send_signal(signal.SIGKILL)
    process.wait()


def assert_exact(here: Parts, readings: int, poison: int = 0) -> None:
    with connection.connect(here.database_url, "test") as found:
        count = found.execute("select count(*) from reading").fetchone()
        aside = found.execute("select count(*) from quarantine").fetchone()
        wrong = [line for line in balance.read(found).lines if not line.exact]
    assert (count, aside, wrong) == ((readings,), (poison,), [])


def test_killed_in_the_middle_of_its_batches_a_worker_loses_nothing_and_doubles_nothing(
    here: Parts,
) -> None:
    dice = random.Random(1)
    sent, kills, first = 0, 0, 0
    here.workers("w1", "w2")
    wait(lambda: assigned(here, "w1", "w2"), here)
    for _ in range(5):
        sent += send(here.bootstrap, first, 400, poison=100)
        first += 400
        time.sleep(dice.uniform(0.05, 0.5))
        name = dice.choice(("w1", "w2"))
        kill(here, name)
        kills += 1
        here.workers(name)
    here.wait_quiet()

    assert kills == 5
    assert_exact(here, sent, poison=20)


def assigned(here: Parts, *names: str) -> bool:
    """Whether each of these workers says that it has partitions."""
    with here.connect() as found:
        rows = found.execute(
            "select name from part where detail -> 'offsets' <> '{}' and name = any(%s)",
            (list(names),),
        ).fetchall()
    return len(rows) == len(names)


def test_told_to_stop_a_worker_ends_in_order_and_the_next_one_goes_on(here: Parts) -> None:
    sent = send(here.bootstrap, 0, 300)
    here.workers("w1")
    wait(lambda: stored(here) > 0, here)
    process = here.running["w1"]
    here.stop("w1")
    sent += send(here.bootstrap, 300, 100)
    here.workers("w1")
    here.wait_quiet()

    assert process.returncode == 0
    assert_exact(here, sent)


def test_garbage_between_good_messages_is_set_aside_and_told_on_its_topic(here: Parts) -> None:
    sent = send(here.bootstrap, 0, 40, poison=10)
    here.workers("w1")
    here.start("relay", "streams", "relay")
    here.wait_quiet()

    assert_exact(here, sent, poison=4)


def test_a_second_process_of_the_same_name_is_refused_with_a_sentence(here: Parts) -> None:
    here.workers("w1")
    wait(lambda: assigned(here, "w1"), here)

    done = here.afresh("streams", "worker", "--name", "w1")

    assert done.returncode == 1
    assert "已在运行" in done.stderr
    assert "is running already" in done.stderr


def test_without_its_topics_a_worker_does_not_start_and_says_what_to_do(
    here: Parts, kafka: str
) -> None:
    here.more["YIWANG_TOPIC_PREFIX"] = "other."

    done = here.afresh("streams", "worker", "--name", "w1")

    assert done.returncode == 1
    assert "python -m streams topics" in done.stderr


def test_without_a_broker_every_command_says_so_in_one_sentence(
    here: Parts, free_port: int
) -> None:
    elsewhere = Parts(here.database_url, f"127.0.0.1:{free_port}", here.home)

    done = elsewhere.run("streams", "topics")

    assert done.returncode == 1
    assert "Kafka 连不上" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_database_a_worker_says_so_in_one_sentence(here: Parts, free_port: int) -> None:
    elsewhere = Parts(f"postgresql://x@127.0.0.1:{free_port}/x", here.bootstrap, here.home)

    done = elsewhere.afresh("streams", "worker", "--name", "w1")

    assert done.returncode == 1
    assert "数据库连不上" in done.stderr
    assert "Traceback" not in done.stderr


def test_when_the_topic_was_made_anew_a_worker_does_not_take_old_offsets_for_done(
    here: Parts,
) -> None:
    """The store stands at an offset this log never reached: going on would skip messages without a word."""
    send(here.bootstrap, 0, 24)
    here.workers("w1")
    here.wait_quiet()
    here.stop("w1")
    admin = KafkaAdminClient(bootstrap_servers=here.bootstrap)
    admin.delete_topics([READINGS.name])
    time.sleep(1)
    admin.create_topics(
        [NewTopic(READINGS.name, READINGS.partitions, 1, topic_configs=READINGS.config)]
    )
    admin.close()

    here.workers("w1")

    process = here.running.pop("w1")
    assert process.wait(60) == 70, here.explain()
    assert "topic was made anew" in here.explain()


def test_after_a_person_moves_the_fence_reading_goes_on_and_the_books_say_what_was_skipped(
    here: Parts,
) -> None:
    send(here.bootstrap, 0, 36, rows=1)
    with here.connect() as found:
        found.execute(
            "insert into stream_offset (topic, part, next_offset) select %s, p, 0 from generate_series(0, 11) p",
            (READINGS.name,),
        )
    admin = KafkaAdminClient(bootstrap_servers=here.bootstrap)
    ends = end_of_logs(here)
    part = max(ends, key=lambda p: ends[p])
    admin.delete_records({topic_partition(part): ends[part]})
    admin.close()
    here.workers("w1")
    assert here.running.pop("w1").wait(60) == 70
    here.once("streams", "fence", "--move", f"{READINGS.name}/{part}={ends[part]}")

    here.workers("w1")
    here.wait_quiet()

    assert_exact(here, 36 - ends[part])


def topic_partition(part: int) -> object:
    from kafka import TopicPartition

    return TopicPartition(READINGS.name, part)


def end_of_logs(here: Parts) -> dict[int, int]:
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=here.bootstrap)
    asked = [TopicPartition(READINGS.name, part) for part in range(READINGS.partitions)]
    found = {tp.partition: end for tp, end in consumer.end_offsets(asked).items()}
    consumer.close()
    return found


def test_a_worker_that_makes_no_progress_ends_itself(here: Parts) -> None:
    """A lock that is never given back stands for anything that keeps a worker alive and idle."""
    here.more["YIWANG_STUCK_AFTER_S"] = "5"
    here.workers("w1")
    wait(lambda: assigned(here, "w1"), here)
    with here.connect() as found, found.transaction():
        found.execute("lock table reading_rollup in access exclusive mode")
        send(here.bootstrap, 0, 10)
        process = here.running.pop("w1")

        assert process.wait(60) == 70
    assert "made no progress for 5 s" in here.explain()


def test_the_database_gone_and_back_is_waited_for_in_place(kafka: str, tmp_path: Path) -> None:
    server = LocalPostgres.on_free_port(tmp_path / "postgres", FOR_TESTS)
    server.start()
    try:
        with parts(server.url(), kafka, tmp_path / "home") as here:
            here.once("incidents", "migrate")
            here.workers("w1")
            wait(lambda: assigned(here, "w1"), here)
            sent = send(here.bootstrap, 0, 100)
            server.kill()
            sent += send(here.bootstrap, 100, 100)
            time.sleep(3)
            server.start()
            here.wait_quiet()

            assert_exact(here, sent)
            assert here.running["w1"].poll() is None
            assert "waiting in place" in here.explain()
    finally:
        server.stop()
        server.remove()


def test_the_broker_killed_and_back_costs_nothing(
    postgres_server: LocalPostgres, tmp_path: Path
) -> None:
    broker = LocalKafka.on_free_ports(tmp_path / "kafka")
    broker.start()
    try:
        with (
            cloned_database(postgres_server) as url,
            parts(url, broker.bootstrap, tmp_path / "home") as here,
        ):
            here.workers("w1")
            wait(lambda: assigned(here, "w1"), here)
            sent = send(here.bootstrap, 0, 200)
            broker.kill()
            broker.start()
            sent += send(here.bootstrap, 200, 200)
            revive(here, "w1")
            here.wait_quiet()

            assert_exact(here, sent)
    finally:
        broker.stop()


def revive(here: Parts, name: str) -> None:
    """What the supervisor does when a worker ended itself."""
    process = here.running[name]
    time.sleep(1)
    if process.poll() is not None:
        here.workers(name)
