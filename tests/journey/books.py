"""The books after a run: what must be true of the store and of the topic of facts, read from outside by SQL and Kafka.

Every line compares two independent counts; `Line.sound` is their equality and nothing softer.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from kafka import KafkaConsumer, TopicPartition

FACTS = "city.incidents.v1"
Reader = psycopg.Connection[Any]
Key = tuple[str, str, int]
"""(device code, metric code, event time in ms)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a balance sheet."""

    zh: str
    en: str
    must: object
    found: object
    note: str = ""

    @property
    def sound(self) -> bool:
        """Whether it balances."""
        return self.must == self.found


def table(lines: Iterable[Line]) -> str:
    """The sheet as a table a person reads."""
    rows = [
        (f"{line.zh} / {line.en}", str(line.must), str(line.found), "✓" if line.sound else "✗")
        for line in lines
    ]
    wide = max(len(row[1]) for row in rows) + 2
    head = f"{'应为 must be':>{wide}}  {'实为 found':>{wide}}"
    body = [
        f"{must:>{wide}}  {found:>{wide}}  {mark}  {words}" for words, must, found, mark in rows
    ]
    notes = [f"   {line.en}: {line.note}" for line in lines if line.note and not line.sound]
    return "\n".join([head, *body, *notes])


def number(connection: Reader, query: str) -> int:
    """The one number a query answers with."""
    row = connection.execute(query).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def stored_readings(connection: Reader) -> Counter[tuple[Key, float]]:
    """Every stored reading with its value, and how often it is there."""
    found: Counter[tuple[Key, float]] = Counter()
    query = """copy (select d.code, m.code, (extract(epoch from r.observed_at) * 1000)::bigint, r.value
                       from reading r join device d on d.id = r.device_id join metric m on m.id = r.metric)
                 to stdout"""
    with connection.cursor().copy(query) as copy:
        copy.set_types(["text", "text", "int8", "float8"])
        for device, metric, at, value in copy.rows():
            found[(device, metric, at), value] += 1
    return found


def reading_lines(
    connection: Reader, expected: Mapping[tuple[str, str], Sequence[tuple[int, float]]]
) -> list[Line]:
    """Readings lost, doubled, changed, or come from nowhere."""
    must = {((d, m, at), value) for (d, m), rows in expected.items() for at, value in rows}
    found = stored_readings(connection)
    lost, strange = must - found.keys(), found.keys() - must
    return [
        Line("应存监测数据", "readings stored", len(must), sum(found.values())),
        Line("丢失", "readings lost", 0, len(lost), str(sorted(lost)[:3])),
        Line("重复", "readings doubled", 0, sum(n - 1 for n in found.values())),
        Line("来历不明", "readings from nowhere", 0, len(strange), str(sorted(strange)[:3])),
    ]


ROLLUP_DIFFERS = """
with told as (
  select bucket, metric, area, sum(n) n, sum(total) total, min(low) low, max(high) high
    from reading_rollup group by 1, 2, 3
), again as (
  select date_bin('1 minute', observed_at, 'epoch') bucket, metric, area, count(*) n, sum(value) total, min(value) low,
         max(value) high
    from reading group by 1, 2, 3
)
select count(*) from told t full join again a using (bucket, metric, area)
 where t.n is distinct from a.n or t.low is distinct from a.low or t.high is distinct from a.high
    or t.total is null or a.total is null
    or abs(t.total - a.total) > 1e-9 * greatest(1, abs(a.total))"""
"""Sums of doubles depend on their order, so totals may differ in the last digits; counts and extremes may not."""

LAST_DIFFERS = """
select count(*) from reading_last l full join (
  select distinct on (device_id, metric) device_id, metric, observed_at, value
    from reading order by device_id, metric, observed_at desc) r using (device_id, metric)
 where l.at is distinct from r.observed_at or l.value is distinct from r.value"""

BROKEN_CHAINS = """
select count(*) from (
  select prev_hash, lag(hash) over (partition by incident_id order by seq) before from history) h
 where prev_hash is distinct from before"""

HEADS_DIFFER = """
select count(*) from incident i left join lateral (
  select hash, seq from history h where h.incident_id = i.id order by seq desc limit 1) h on true
 where h.hash is distinct from i.last_hash or h.seq is distinct from i.version"""

HISTORY_GAPS = """
select count(*) from (
  select incident_id from history group by 1 having min(seq) <> 1 or max(seq) <> count(*)) x"""

REPORTS_DIFFER = """
select count(*) from incident i
 where reports <> (select count(*) from event e where e.incident_id = i.id and e.kind <> 'cleared')"""

TWO_OPEN = """
select count(*) from (select subject from incident where subject is not null and state not in ('closed', 'void')
                       group by 1 having count(*) > 1) x"""

UNBALANCED = """
select count(*) from stream_offset
 where next_offset <> first_offset + messages + skipped
    or readings_in <> stored + duplicates + refused + readings_quarantined
    or events_in <> opened + joined + filtered + events_quarantined + events_repeated"""


def inner_lines(connection: Reader) -> list[Line]:
    """What must hold in any store at rest, whatever was sent."""

    def none(zh: str, en: str, query: str) -> Line:
        return Line(zh, en, 0, number(connection, query))

    facts = number(connection, f"select count(*) from outbox where topic = '{FACTS}'")
    told = (
        "select count(distinct body::jsonb ->> 'fact_id') from outbox where topic = '" + FACTS + "'"
    )
    return [
        none("分钟汇总不符", "minute sums that differ from recomputation", ROLLUP_DIFFERS),
        none("最新值不符", "newest values that differ from the newest reading", LAST_DIFFERS),
        none("流转记录断链", "history rows whose chain is broken", BROKEN_CHAINS),
        none("流转记录缺号", "incidents whose history has gaps", HISTORY_GAPS),
        none("链头不符", "incidents whose head is not their last history row", HEADS_DIFFER),
        none("报数不符", "incidents whose count of events differs", REPORTS_DIFFER),
        none("同一对象两案", "subjects with two open incidents", TWO_OPEN),
        none("分区账不平", "partitions whose books do not balance", UNBALANCED),
        none("未发事实", "facts not sent", "select count(*) from outbox where sent_at is null"),
        Line("事实与流转", "facts = history rows", number(connection, "select count(*) from history"), facts),
        Line("事实不重", "facts distinct", facts, number(connection, told)),
    ]  # fmt: skip


def read_topic(bootstrap: str, topic: str) -> list[Any]:
    """All messages of a topic that are there now, partition by partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        begins = consumer.beginning_offsets(partitions)
        found: list[Any] = []
        for partition in partitions:
            consumer.seek(partition, begins[partition])
        while any(consumer.position(p) < ends[p] for p in partitions):
            for messages in consumer.poll(timeout_ms=1000).values():
                found.extend(messages)
        return found
    finally:
        consumer.close()


def end_offsets(bootstrap: str, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """Where each partition of these topics ends now."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    try:
        partitions = [
            TopicPartition(t, p) for t in topics for p in consumer.partitions_for_topic(t) or ()
        ]
        return {(p.topic, p.partition): end for p, end in consumer.end_offsets(partitions).items()}
    finally:
        consumer.close()


def topic_lines(connection: Reader, bootstrap: str) -> list[Line]:
    """The topic of facts against the outbox: nothing missing, nothing strange, every incident in order."""
    messages = [json.loads(m.value) for m in read_topic(bootstrap, FACTS)]
    on_topic = Counter(m["fact_id"] for m in messages)
    rows = connection.execute(
        "select body::jsonb ->> 'fact_id' from outbox where topic = %s", (FACTS,)
    )
    kept = {row[0] for row in rows.fetchall()}
    newest: dict[str, int] = {}
    backwards = 0
    first_seen: set[str] = set()
    for m in messages:
        if m["fact_id"] in first_seen:
            continue
        first_seen.add(m["fact_id"])
        backwards += m["version"] <= newest.get(m["number"], 0)
        newest[m["number"]] = m["version"]
    return [
        Line("主题上的事实", "distinct facts on the topic", len(kept), len(on_topic)),
        Line("缺失的事实", "facts missing on the topic", 0, len(kept - on_topic.keys())),
        Line("多出的事实", "facts on the topic that nobody kept", 0, len(on_topic.keys() - kept)),
        Line("次序颠倒", "facts out of order within their incident", 0, backwards),
    ]


def quarantine_lines(connection: Reader, poison: Iterable[bytes]) -> list[Line]:
    """Whole messages set aside against the poison that was sent, byte by byte."""
    must = Counter(poison)
    rows = connection.execute("select value from quarantine where item = -1").fetchall()
    found = Counter(bytes(row[0]) for row in rows)
    return [
        Line("隔离消息", "messages in quarantine", must.total(), found.total()),
        Line("漏隔离", "poison not in quarantine", 0, (must - found).total()),
        Line("误隔离", "good messages in quarantine", 0, (found - must).total(),
             str([v[:200] for v in (found - must)][:2])),
    ]  # fmt: skip


def consumed_line(connection: Reader, bootstrap: str, topics: Sequence[str]) -> Line:
    """Every message of these topics was taken in."""
    must = {key: end for key, end in end_offsets(bootstrap, topics).items() if end}
    rows = connection.execute("select topic, part, next_offset from stream_offset").fetchall()
    found = {(t, p): offset for t, p, offset in rows if offset}
    return Line(
        "读完的分区", "partitions read to their end", sum(must.values()), sum(found.values())
    )
