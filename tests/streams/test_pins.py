"""What we lean on that no release of Faust or aiokafka promises: a new version must fail here first."""

import inspect
from importlib.metadata import version

import faust
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer

from streams import app as apps
from streams import topics
from streams.seeking import StoredOffsets, StoredOffsetsApp
from streams.settings import Settings


def built() -> StoredOffsetsApp:
    settings = Settings(database_url="postgresql://x", kafka="127.0.0.1:1")

    def halt(why: str) -> None:
        raise AssertionError(why)

    return apps.build(settings, "w1", lambda _: None, lambda starts: starts, halt)  # type: ignore[arg-type]


def test_the_versions_are_those_whose_private_parts_were_read() -> None:
    assert version("faust-streaming") == "0.15.3"
    assert version("aiokafka") == "0.14.0"


def test_faust_still_seeks_in_the_method_we_replace() -> None:
    assert StoredOffsets.perform_seek is not FaustConsumer.perform_seek
    source = inspect.getsource(FaustConsumer.perform_seek)
    assert "_read_offset" in source
    assert "_committed_offset" in source
    for name in ("seek_wait", "earliest_offsets", "highwaters", "assignment"):
        assert callable(getattr(Consumer, name))


def test_faust_makes_its_transport_where_we_step_in() -> None:
    assert "_new_transport" in vars(faust.App)
    assert type(built().transport).Consumer is StoredOffsets


def test_the_coordinator_hangs_where_the_watchdog_looks() -> None:
    assert apps.COORDINATOR == "_consumer._thread._consumer._coordinator"
    assert "_consumer" in vars(AIOKafkaConsumerThread)
    source = inspect.getsource(GroupCoordinator.__init__)
    assert all(name in source for name in apps.PARKED)


def test_a_worker_takes_one_message_after_the_other_and_declares_nothing() -> None:
    app = built()

    assert len(app.agents) == 2
    assert [agent.concurrency for agent in app.agents.values()] == [1, 1]
    assert app.conf.topic_allow_declare is False
    assert app.conf.topic_disable_leader is True
    assert app.conf.stream_wait_empty is True
    assert app.conf.web_enabled is False
    assert app.conf.consumer_group_instance_id == "w1"
    assert app.conf.stream_buffer_maxsize >= 256
    assert app.conf.consumer_metadata_max_age_ms == 5000


def test_before_it_has_started_a_worker_is_not_taken_for_a_stuck_one() -> None:
    assert apps.coordinator_stuck(built()) is False


def test_incidents_have_exactly_one_partition_for_the_live_ring_resumes_by_its_offsets() -> None:
    assert topics.INCIDENTS.partitions == 1
    assert all(topic.config["cleanup.policy"] == "delete" for topic in topics.ALL)
