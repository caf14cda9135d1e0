"""The local broker and the local database keep what they acknowledged, through SIGKILL and restart."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from local import kafka as local_kafka
from local import ports
from local.kafka import LocalKafka, cluster_id
from local.postgres import LocalPostgres
from local.scratch import scratch_folder
from local.trouble import Trouble

pytestmark = pytest.mark.real


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch_folder("yiwang-servers-") as made:
        yield made


@pytest.fixture
def postgres(folder: Path) -> Iterator[LocalPostgres]:
    server = LocalPostgres.on_free_port(folder / "postgres")
    yield server
    server.stop()


@pytest.fixture
def broker(folder: Path) -> Iterator[LocalKafka]:
    broker = LocalKafka.on_free_ports(folder / "kafka")
    yield broker
    broker.stop()


def test_postgres_keeps_what_it_committed_through_sigkill(postgres: LocalPostgres) -> None:
    postgres.start()
    with psycopg.connect(postgres.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
    for end in (postgres.kill, postgres.stop):
        end()
        postgres.start()
        with psycopg.connect(postgres.url()) as connection:
            assert connection.execute("SELECT sum(number) FROM kept").fetchone() == (500500,)


def test_postgres_wants_its_password_and_keeps_it_private(postgres: LocalPostgres) -> None:
    postgres.start()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url().replace(postgres.password, "guess"))
    assert stat.S_IMODE((postgres.home / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE(postgres.data.stat().st_mode) == 0o700


def test_postgres_commits_durably_as_made_for_a_city(postgres: LocalPostgres) -> None:
    postgres.start()
    with psycopg.connect(postgres.url()) as connection:
        for setting in ("synchronous_commit", "fsync", "full_page_writes"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)


def test_postgres_refuses_data_of_another_major_version(postgres: LocalPostgres) -> None:
    postgres.data.mkdir(parents=True)
    (postgres.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(Trouble, match="was written by PostgreSQL 17; this program brings 18"):
        postgres.start()


def test_postgres_does_not_delete_a_damaged_data_folder(postgres: LocalPostgres) -> None:
    postgres.data.mkdir(parents=True)
    (postgres.data / "base").write_text("somebody's data")
    with pytest.raises(Trouble, match="no PG_VERSION") as refused:
        postgres.start()
    assert (postgres.data / "base").exists()
    assert "make reset" in refused.value.remedy


def test_postgres_that_cannot_start_says_its_last_words(folder: Path) -> None:
    server = LocalPostgres(folder / "postgres", ports.free_port(), {"shared_buffers": "much"})
    with pytest.raises(Trouble, match='invalid value for parameter "shared_buffers"'):
        server.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders others cannot enter")
def test_as_root_a_closed_home_is_left_closed_and_the_data_stand_elsewhere(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    server = LocalPostgres.on_free_port(closed / "postgres")
    server.start()
    try:
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert closed not in server.data.parents
        assert server.data.stat().st_uid != 0
    finally:
        server.stop()
        server.remove()
    assert not server.place.exists()


def test_kafka_keeps_what_it_acknowledged_through_sigkill(broker: LocalKafka) -> None:
    broker.start()
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics([NewTopic("city.kept", 1, 1)])
    admin.close()
    for number, end in enumerate((broker.kill, broker.stop)):
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
        producer.send("city.kept", str(number).encode()).get(20)
        producer.close()
        end()
        broker.start()
    assert read_all(broker.bootstrap, "city.kept") == [b"0", b"1"]


def read_all(bootstrap: str, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    try:
        end = consumer.end_offsets([partition])[partition]
        found: list[bytes] = []
        while len(found) < end:
            for records in consumer.poll(timeout_ms=1000).values():
                found += [record.value for record in records]
        return found
    finally:
        consumer.close()


def test_kafka_makes_no_topic_by_itself(kafka: str) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, max_block_ms=1500)
    with pytest.raises(Exception, match=r"[Mm]etadata|[Tt]imeout"):
        producer.send("city.misspelt", b"x").get(5)
    producer.close()


def test_a_port_that_listens_is_not_taken_for_a_broker(postgres: LocalPostgres) -> None:
    postgres.start()
    assert not local_kafka.is_ready("127.0.0.1", postgres.port)


def test_kept_ports_stay_the_same_until_somebody_takes_them(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = ports.kept_ports(file, ("kafka", "postgres"))
    assert ports.kept_ports(file, ("kafka", "postgres")) == first
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", first["kafka"]))
        squatter.listen()
        second = ports.kept_ports(file, ("kafka", "postgres"))
    assert second["kafka"] != first["kafka"]
    assert second["postgres"] == first["postgres"]


def test_a_cluster_is_never_named_like_an_option() -> None:
    named = [cluster_id() for _ in range(2000)]
    assert not [name for name in named if name.startswith("-")]
    assert {len(name) for name in named} == {22}
