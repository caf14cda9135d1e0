"""The table of topics, made and checked on a real broker; and a file played through it to the store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from streams import topics
from streams.topics import TopicsDiffer
from tests.journey.parts import Parts, parts
from tests.streams.builders import envelope

pytestmark = pytest.mark.real


@pytest.fixture
def admin(kafka: str) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=kafka)
    yield client
    client.close()


def test_topics_are_made_once_as_the_table_says(kafka: str, admin: KafkaAdminClient) -> None:
    assert topics.ensure(kafka) == [topic.name for topic in topics.ALL]
    assert topics.ensure(kafka) == []
    topics.check(kafka)

    found = {one["name"]: len(one["partitions"]) for one in admin.describe_topics()}
    assert {t.name: found[t.name] for t in topics.ALL} == {t.name: t.partitions for t in topics.ALL}


def test_a_topic_with_other_partitions_is_refused_with_what_is_meant(
    kafka: str, admin: KafkaAdminClient
) -> None:
    admin.create_topics(
        [NewTopic(topics.READINGS.name, 3, 1, topic_configs=topics.READINGS.config)]
    )

    with pytest.raises(TopicsDiffer) as told:
        topics.ensure(kafka)

    assert len(told.value.faults) == 1
    assert "12 are meant" in told.value.faults[0]


def test_a_topic_with_another_retention_is_refused_too(kafka: str, admin: KafkaAdminClient) -> None:
    config = topics.READINGS.config | {"retention.ms": "1000", "cleanup.policy": "compact"}
    admin.create_topics([NewTopic(topics.READINGS.name, 12, 1, topic_configs=config)])

    with pytest.raises(TopicsDiffer) as told:
        topics.ensure(kafka)

    assert [
        ("retention.ms=1000" in f, "cleanup.policy=compact" in f) for f in sorted(told.value.faults)
    ] == [
        (False, True),
        (True, False),
    ]


def test_topics_of_a_prefix_stand_beside_the_others(kafka: str) -> None:
    assert topics.ensure(kafka, "test.")[0] == "test.city.readings.v1"
    with pytest.raises(TopicsDiffer):
        topics.check(kafka)


@pytest.mark.slow
def test_a_recorded_file_is_played_through_kafka_into_the_store_twice_without_doubling(
    database_url: str, kafka: str, tmp_path: Path
) -> None:
    file = tmp_path / "recorded.ndjson"
    lines = [envelope([(f"d{i}", n * 1000, float(i)) for i in range(20)]) for n in range(30)]
    file.write_bytes(b"\n".join(lines))
    with parts(database_url, kafka, tmp_path / "home") as here:
        here.workers("w1")
        played = here.once("streams", "replay", str(file), "--speed", "max")
        begun = time.monotonic()
        here.once("streams", "replay", str(file), "--speed", "10")
        took = time.monotonic() - begun
        here.wait_quiet()
        with here.connect() as found:
            counted = found.execute(
                "select sum(stored), sum(duplicates) from stream_offset"
            ).fetchone()

    assert "30 条消息、600 行" in played
    assert counted == (600, 600)
    assert took >= 2.9  # 29 s of events at ten times their pace


def test_words_that_make_no_sense_are_answered_in_one_sentence(
    database_url: str, kafka: str, tmp_path: Path
) -> None:
    file = tmp_path / "x.csv"
    file.write_text("a,b\n1,2\n")
    here = Parts(database_url, kafka, tmp_path)
    for words, told in (
        ((str(file),), "device"),
        ((str(tmp_path / "none.csv"),), "there is no file"),
        ((str(file), "--speed", "fast"), "a positive number or max"),
        ((str(tmp_path),), "there is no file"),
    ):
        done = here.run("streams", "replay", *words)
        assert (done.returncode, told in done.stderr) == (1, True), done.stderr
        assert "Traceback" not in done.stderr
