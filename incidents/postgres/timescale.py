"""How readings are kept, by looking; and the switch of a running plain system to TimescaleDB, whole or not at all."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psycopg
from psycopg import errors

from incidents.errors import DatabaseUnfit, Unavailable
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

_SQL = named("timescale.sql")
_LOCK_TIMEOUT = "3s"  # longer would make every writer queue behind us
_TRIES = 10


@dataclass(frozen=True, slots=True)
class Store:
    """`kind` plain, apache or tsl; `installed`, `available` versions of TimescaleDB here; days, and those compact."""

    kind: str
    installed: str | None
    available: str | None
    license: str | None
    days: int
    compact: int


@dataclass(frozen=True, slots=True)
class Switched:
    """What the switch moved; `attached`: days became chunks as they stood, otherwise they were copied."""

    days: int
    rows: int
    attached: bool
    seconds: float


def look(conn: Connection) -> Store:
    """How readings are kept now."""
    row = conn.execute(_SQL["kind"]).fetchone()
    assert row is not None
    return Store(*row)


def switch(conn: Connection, tries: int = _TRIES) -> Switched:
    """Turn native partitions into a hypertable in one transaction; on any failure everything is as it was.

    Makes the extension first where the role may. Waits for writers briefly and again, never in front of them.
    DatabaseUnfit: the server has no TimescaleDB, or it is a hypertable already. Unavailable: never got the lock.
    """
    if look(conn).kind != "plain":
        raise DatabaseUnfit(
            zh="读数表已是 TimescaleDB 超表，无需切换", en="readings are in a hypertable already"
        )
    _extension(conn)
    for _ in range(tries):
        begun = time.monotonic()
        try:
            with conn.transaction():
                conn.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                row = conn.execute(_SQL["switch"]).fetchone()
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            time.sleep(1.0)
            continue
        assert row is not None
        conn.execute("ANALYZE reading")
        return Switched(row[0], row[1], row[2], time.monotonic() - begun)
    raise Unavailable(
        zh=f"试了 {tries} 次都没有等到读数表空闲（每次 {_LOCK_TIMEOUT}）；请暂停长查询后重试，数据未变",
        en=f"the table was never free in {tries} tries of {_LOCK_TIMEOUT}; pause long queries and try "
        "again, nothing was changed",
    )


def words(store: Store) -> str:
    """For a person."""
    what = {
        "plain": "PostgreSQL 原生日分区 / native day partitions",
        "apache": "TimescaleDB 超表（Apache 版）/ hypertable, Apache edition",
        "tsl": "TimescaleDB 超表与列存（社区版）/ hypertable with columnstore, community edition",
    }[store.kind]
    days = f"{store.days} 天，其中 {store.compact} 天已整理 / {store.days} days, {store.compact} of them compact"
    if store.kind == "plain" and (store.installed or store.available):
        version = store.installed or store.available
        return f"{what}\n{days}\n此服务器有 TimescaleDB {version}，可切换 / can switch: store to-timescaledb"
    return f"{what}\n{days}"


def switched_words(done: Switched) -> str:
    """For a person."""
    zh, en = ("原地挂接", "attached as they stood") if done.attached else ("复制", "copied")
    return (
        f"已切换：{done.days} 天 {done.rows} 行{zh}，{done.seconds:.1f} 秒 / "
        f"switched: {done.days} days, {done.rows} rows {en}, {done.seconds:.1f} s"
    )


def _extension(conn: Connection) -> None:
    """The extension, made if it can be; DatabaseUnfit saying what an administrator must do."""
    found = look(conn)
    if found.installed:
        return
    if not found.available:
        raise DatabaseUnfit(
            zh="此数据库服务器没有安装 TimescaleDB，读数表保持原样",
            en="this database server has no TimescaleDB; readings stay as they are",
        )
    row = conn.execute(_SQL["preloaded"]).fetchone()
    try:
        if not (row and row[0]):
            raise errors.ObjectNotInPrerequisiteState("shared_preload_libraries lacks timescaledb")
        conn.execute("CREATE EXTENSION timescaledb")
    except psycopg.Error as fault:
        said = str(fault).splitlines()[0]
        raise DatabaseUnfit(
            zh=f"建不了扩展（{said}）；请管理员设 shared_preload_libraries = 'timescaledb'，重启后执行 "
            "CREATE EXTENSION timescaledb",
            en=f"the extension cannot be made ({said}); an administrator sets shared_preload_libraries = "
            "'timescaledb', restarts the server and runs CREATE EXTENSION timescaledb",
        ) from fault
