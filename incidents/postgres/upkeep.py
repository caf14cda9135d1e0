"""What the store needs done from time to time; each may be cut off anywhere and run again.

Our own functions and no policies, so that every edition of the store is kept in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from psycopg import sql
from psycopg.errors import LockNotAvailable

from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

Setting = Mapping[str, Any]
"""What the operator may change about a job, as JSON in its row."""

_SQL = named("upkeep.sql")
_SHORT = "900ms"  # below deadlock_timeout (1 s): we step back before a writer is made to
_ROUNDS = 1000  # of one run; what is left waits for the next


def make_days(conn: Connection, now: datetime, setting: Setting) -> str:
    """Partitions from `behind` days ago to `ahead` days from now."""
    row = conn.execute(
        _SQL["days_ready"],
        {
            "from": now - timedelta(days=setting["behind"]),
            "to": now + timedelta(days=setting["ahead"]),
        },
    ).fetchone()
    return f"新建分区 / days made: {row[0] if row else 0}"


def drop_readings(conn: Connection, now: datetime, setting: Setting) -> str:
    """Drops whole days that ended more than `days` days ago and notes their rows; `days` null keeps all.

    A day that a late writer holds for a second is left for the next run.
    """
    if setting["days"] is None:
        return "永久保存 / kept for ever"
    days = rows = 0
    for _ in range(_ROUNDS):
        try:
            dropped = _drop_one(conn, now - timedelta(days=setting["days"]))
        except LockNotAvailable:
            return f"删除 {days} 天 {rows} 行，余下被占用 / {days} days, {rows} rows; the rest is in use"
        if dropped is None:
            break
        days, rows = days + 1, rows + dropped
    return f"删除 {days} 天 {rows} 行 / dropped {days} days, {rows} rows"


def compact_days(conn: Connection, now: datetime, setting: Setting) -> str:
    """Makes days small or quick to read by series once they ended `after_hours` ago.

    Community edition: columnstore. Row stores (plain, Apache): the index (device, metric, time) that is
    too dear while a day is being written, built without stopping late writers where the server can.
    """
    kind = _one(conn, "kind", {})
    before = now - timedelta(hours=setting["after_hours"])
    parts = [row[0] for row in conn.execute(_SQL["to_compact"], {"before": before}).fetchall()]
    for part in parts:
        if kind == "tsl":
            conn.execute("CALL convert_to_columnstore(%s::regclass, true)", (part,))
        else:
            _index_by_series(conn, part, concurrently=kind == "plain")
    return f"整理 {len(parts)} 天 / compacted {len(parts)} days ({kind})"


def merge_rollups(conn: Connection, now: datetime, setting: Setting) -> str:
    """Adds minutes older than `after_hours` together over the Kafka partitions they came through."""
    before = now - timedelta(hours=setting["after_hours"])
    rows = 0
    for _ in range(_ROUNDS):
        merged = conn.execute(
            _SQL["merge_slots"], {"before": before, "most": setting["most"]}
        ).rowcount
        if merged == 0:
            break
        rows += merged
    return f"合并为 {rows} 行 / merged into {rows} rows"


def forget_sent(conn: Connection, now: datetime, setting: Setting) -> str:
    """Deletes what the relay sent more than `hours` ago."""
    before = now - timedelta(hours=setting["hours"])
    rows = 0
    for _ in range(_ROUNDS):
        gone = int(_one(conn, "forget_sent", {"before": before, "most": setting["most"]}))
        if gone == 0:
            break
        rows += gone
    return f"清除已发 {rows} 条 / {rows} sent rows forgotten"


def forget_answers(conn: Connection, now: datetime, setting: Setting) -> str:
    """Deletes answers kept for repeated requests after `hours`."""
    before = now - timedelta(hours=setting["hours"])
    rows = conn.execute(_SQL["forget_answers"], {"before": before}).rowcount
    return f"清除 {rows} 条 / {rows} answers forgotten"


def _drop_one(conn: Connection, before: datetime) -> int | None:
    with conn.transaction():
        conn.execute(f"SET LOCAL lock_timeout = '{_SHORT}'")
        gone = _one(conn, "drop_day", {"before": before})
    return None if gone is None else int(gone)


def _index_by_series(conn: Connection, part: str, *, concurrently: bool) -> None:
    row = conn.execute(_SQL["index_name"], {"part": part}).fetchone()
    assert row is not None
    whole, bare = row
    words = sql.SQL("CONCURRENTLY" if concurrently else "")
    if _one(conn, "half_made", {"index": whole}):
        conn.execute(sql.SQL("DROP INDEX {} {}").format(words, sql.SQL(whole)))
    conn.execute(
        sql.SQL("CREATE INDEX {} IF NOT EXISTS {} ON {} (device_id, metric, observed_at)").format(
            words, sql.SQL(bare), sql.SQL(part)
        )
    )


def _one(conn: Connection, name: str, values: Mapping[str, Any]) -> Any:
    row = conn.execute(_SQL[name], values).fetchone()
    return None if row is None else row[0]
