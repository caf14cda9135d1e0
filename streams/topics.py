"""The one table of Kafka topics: name, key, partitions, retention, writer, reader. Makes them and checks them.

Faust makes no topic (topic_allow_declare is off): a worker whose topic is missing would sit idle without a word
(docs/decisions), so topics are made and checked before anything starts.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import TopicAlreadyExistsError

DAY_MS = 86_400_000
REACH_MS = 10_000
"""How long a broker may take to answer at all; the supervisor tries again."""
UNKNOWN_TOPIC = 3
"""Kafka's error code UNKNOWN_TOPIC_OR_PARTITION."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the table; `why` says what decided the number of partitions."""

    name: str
    key: str
    partitions: int
    retention_ms: int
    max_message_bytes: int
    writer: str
    reader: str
    why: str

    @property
    def config(self) -> dict[str, str]:
        """What the broker is told; delete only, for compaction leaves holes in the offsets."""
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(self.max_message_bytes),
        }


READINGS = Topic(
    name="city.readings.v1",
    key="source 来源（网关或设备） / source: gateway or device",
    partitions=12,
    retention_ms=7 * DAY_MS,
    max_message_bytes=1_048_576,
    writer="gateway, replay, any Kafka client",
    reader="worker",
    why="2-3 times the workers ever wanted; changing it later would move keys to other partitions",
)
REPORTS = Topic(
    name="city.reports.v1",
    key="source 来源 / source",
    partitions=6,
    retention_ms=7 * DAY_MS,
    max_message_bytes=1_048_576,
    writer="gateway, replay, any Kafka client",
    reader="worker",
    why="events are a hundredth of readings; half as many partitions share the same workers",
)
INCIDENTS = Topic(
    name="city.incidents.v1",
    key="案件编号 / incident number",
    partitions=1,
    retention_ms=30 * DAY_MS,
    max_message_bytes=1_048_576,
    writer="relay",
    reader="api (live), anybody who follows incidents",
    why="exactly one: its offset is the total order by which a live view resumes without gap or double",
)
QUARANTINE = Topic(
    name="city.quarantine.v1",
    key="原始消息键 / the original key",
    partitions=1,
    retention_ms=30 * DAY_MS,
    max_message_bytes=2_097_152,
    writer="relay",
    reader="operators' tools",
    why="rare, and read by people",
)
ALL = (READINGS, REPORTS, INCIDENTS, QUARANTINE)


class TopicsDiffer(Exception):
    """Topics are there but not as the table says; `faults` are sentences in both languages."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("；".join(faults))
        self.faults = faults


def by_name(name: str) -> Topic:
    """The topic of that name; KeyError."""
    return {topic.name: topic for topic in ALL}[name]


def ensure(bootstrap: str, prefix: str = "", replication: int = -1) -> list[str]:
    """Make the topics that are missing, then check all; the names of those made.

    Raises TopicsDiffer, and kafka.errors.KafkaError when the broker cannot be reached.
    """
    with _admin(bootstrap) as admin:
        there = set(admin.list_topics())
        missing = [topic for topic in ALL if prefix + topic.name not in there]
        if missing:
            _make(admin, missing, prefix, replication)
        faults = _lasting_differences(admin, prefix)
    if faults:
        raise TopicsDiffer(faults)
    return [prefix + topic.name for topic in missing]


def check(bootstrap: str, prefix: str = "") -> None:
    """Raise TopicsDiffer unless every topic is there as the table says."""
    with _admin(bootstrap) as admin:
        faults = _lasting_differences(admin, prefix)
    if faults:
        raise TopicsDiffer(faults)


@contextlib.contextmanager
def _admin(bootstrap: str) -> Iterator[KafkaAdminClient]:
    admin = KafkaAdminClient(
        bootstrap_servers=bootstrap.split(","),
        client_id="yiwang-topics",
        bootstrap_timeout_ms=REACH_MS,
    )
    try:
        yield admin
    finally:
        admin.close()


def _make(admin: KafkaAdminClient, missing: Sequence[Topic], prefix: str, replication: int) -> None:
    wanted = {
        prefix + topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": replication,
            "configs": topic.config,
        }
        for topic in missing
    }
    # Another process may make them at the same moment; the check below sees whether they are right.
    with contextlib.suppress(TopicAlreadyExistsError):
        admin.create_topics(wanted)
    names = list(wanted)
    admin.wait_for_topics(names)


def _lasting_differences(admin: KafkaAdminClient, prefix: str) -> list[str]:
    """Differences that are still there after two seconds: a broker tells of a new topic bit by bit."""
    faults: list[str] = []
    for pause in (0.0, 0.2, 0.6, 1.2):
        time.sleep(pause)
        faults = _differences(admin, prefix)
        if not faults:
            break
    return faults


def _differences(admin: KafkaAdminClient, prefix: str) -> list[str]:
    names = [prefix + topic.name for topic in ALL]
    described = {one["name"]: one for one in admin.describe_topics(names)}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs = admin.describe_configs(asked, config_filter="all").get("topic", {})
    faults: list[str] = []
    for topic in ALL:
        name = prefix + topic.name
        one = described.get(name)
        if one is None or one["error_code"] == UNKNOWN_TOPIC:
            faults.append(
                f"主题 {name} 不存在，请运行 python -m streams topics / "
                f"topic {name} is missing; run: python -m streams topics"
            )
            continue
        faults += _topic_differences(topic, name, one, configs.get(name, {}))
    return faults


def _topic_differences(
    topic: Topic, name: str, described: Mapping[str, Any], config: Mapping[str, Any]
) -> Iterator[str]:
    partitions = len(described["partitions"])
    if partitions != topic.partitions:
        yield (
            f"主题 {name} 有 {partitions} 个分区，应为 {topic.partitions} / topic {name} has "
            f"{partitions} partitions, {topic.partitions} are meant: {topic.why}"
        )
    for key, value in topic.config.items():
        found = config.get(key, {}).get("value")
        if found != value:
            yield (
                f"主题 {name} 的 {key} 为 {found}，应为 {value} / topic {name} has {key}={found}, "
                f"{value} is meant; set it with kafka-configs --alter"
            )
