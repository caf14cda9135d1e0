"""The one table of Kafka topics: name, key, partitions, retention, writer, reader. Makes them and checks them.

Faust makes no topic (topic_allow_declare is off): a worker whose topic is missing would sit idle without a word
(docs/decisions), so topics are made and checked before anything starts.
"""

from __future__ import annotations

from dataclasses import dataclass

DAY_MS = 86_400_000


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
