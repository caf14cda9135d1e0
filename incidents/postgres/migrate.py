"""Brings a database to the newest schema: Alembic runs our .sql files as they stand, one part at a time.

Alembic is loaded only where there is something to run: every part asks what the newest schema is, few migrate.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import psycopg

from incidents.errors import DatabaseUnfit, Unavailable
from incidents.postgres.connection import Connection, connect

if TYPE_CHECKING:
    from alembic.config import Config

OLDEST, NEWEST = 15, 18
"""The major versions of PostgreSQL that the schema is written for."""

VERSION_TABLE = "schema_version"
"""Where the database says which migration it has."""

_ONE_AT_A_TIME = 0x59_49_57_41_4E_47  # "YIWANG": the advisory lock all parts agree on
_STEP = re.compile(r'^revision = "(\w+)"\ndown_revision = (?:"(\w+)"|None)$', re.MULTILINE)
_PATIENCE = "120s"  # how long a part waits for another part that is migrating
_LOCK_TIMEOUT = "5s"  # how long a statement may keep others waiting behind it


def migrate(url: str) -> str:
    """The newest schema, whatever was there before, and the days around now ready; returns the revision.

    Safe to call from every part at once: the first migrates, the others wait and find it done.
    Raises DatabaseUnfit (version, encoding, made by a newer program) and Unavailable (cannot be reached,
    or somebody holds a lock that a migration needs).
    """
    with reached(url, "migrate") as conn:
        refuse_unfit(conn)
        with _alone(conn), _lock_said_plainly():
            if pending(conn):
                _upgrade(url)
            conn.execute(
                "SELECT store_ensure(now() - interval '2 days', now() + interval '4 days')"
            )
    return newest()


def pending(conn: Connection) -> bool:
    """Whether the database still lacks a migration; DatabaseUnfit when it is ahead of this program."""
    have = revision(conn)
    if have is not None and have not in _known():
        raise DatabaseUnfit(
            zh=f"数据库结构版本 {have} 比本程序新（本程序为 {newest()}），请升级程序",
            en=f"the database's schema {have} is newer than this program's {newest()}; upgrade the program",
            revision=have,
        )
    return have != newest()


def revision(conn: Connection) -> str | None:
    """The newest migration that the database has, or None before the first."""
    known = conn.execute("SELECT to_regclass(%s) IS NOT NULL", (VERSION_TABLE,)).fetchone()
    if known is None or not known[0]:
        return None
    row = conn.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    return str(row[0]) if row else None


@cache
def newest() -> str:
    """The newest migration that this program brings."""
    (last,) = _known() - {before for _, before in _steps()}
    return last


@cache
def _known() -> frozenset[str]:
    return frozenset(step for step, _ in _steps())


@cache
def _steps() -> tuple[tuple[str, str], ...]:
    """Each migration with the one before it, as their files say; a test compares with what Alembic reads."""
    folder = files("incidents.postgres.migrations") / "versions"
    texts = [f.read_text(encoding="utf-8") for f in folder.iterdir() if f.name.endswith(".py")]
    return tuple(found for text in texts for found in _STEP.findall(text))


def sql_for_review() -> str:
    """Every migration as one text, for a database administrator who wants to read or run it by hand."""
    from alembic import command

    text = io.StringIO()
    config = _config()
    config.output_buffer = text
    command.upgrade(config, "head", sql=True)
    return text.getvalue()


def refuse_unfit(conn: Connection) -> None:
    """DatabaseUnfit unless the server is PostgreSQL 15 to 18 and the database stores UTF-8."""
    refuse_version(conn.info.server_version)
    encoding = conn.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseUnfit(
            zh=f"数据库编码为 {encoding}，须为 UTF8：CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
            en=f"the database stores {encoding}, UTF8 is needed: "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
            encoding=encoding,
        )


def refuse_version(number: int) -> None:
    """DatabaseUnfit unless `number` (server_version_num, e.g. 180006) is of PostgreSQL 15 to 18."""
    major = number // 10_000
    if not OLDEST <= major <= NEWEST:
        raise DatabaseUnfit(
            zh=f"数据库是 PostgreSQL {major}，本程序支持 {OLDEST} 至 {NEWEST}："
            "请升级数据库，或让 YIWANG_DATABASE_URL 指向受支持的版本",
            en=f"the database is PostgreSQL {major}; this program works with {OLDEST} to {NEWEST}: "
            "upgrade it, or point YIWANG_DATABASE_URL at one that is",
            major=major,
        )


@contextmanager
def reached(url: str, name: str) -> Iterator[Connection]:
    """A connection for a block; Unavailable with one sentence when the database is not there."""
    try:
        conn = connect(url, name)
    except psycopg.Error as fault:
        raise unreachable(fault) from fault
    with conn:
        yield conn


def unreachable(fault: Exception) -> Unavailable:
    """The refusal for a database that does not answer; never shows the password."""
    said = str(fault).strip().splitlines() or [type(fault).__name__]
    why = said[0].removeprefix("connection failed: ").strip().rstrip(".")
    return Unavailable(
        zh=f"连不上数据库（{why}）；请检查数据库是否在运行、YIWANG_DATABASE_URL 是否正确",
        en=f"the database cannot be reached ({why}); is it running, and is YIWANG_DATABASE_URL right?",
    )


@contextmanager
def _alone(conn: Connection) -> Iterator[None]:
    """Hold the migrations' lock for a block; Unavailable when another part holds it for too long."""
    conn.execute(f"SET lock_timeout = '{_PATIENCE}'")
    try:
        conn.execute("SELECT pg_advisory_lock(%s)", (_ONE_AT_A_TIME,))
    except psycopg.errors.LockNotAvailable as fault:
        raise Unavailable(
            zh=f"另一进程正在升级数据库，等了 {_PATIENCE} 仍未结束；请稍后再试",
            en=f"another part has been migrating for {_PATIENCE}; try again later",
        ) from fault
    conn.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
    try:
        yield
    finally:
        if not conn.closed:
            conn.execute("SELECT pg_advisory_unlock(%s)", (_ONE_AT_A_TIME,))


def _upgrade(url: str) -> None:
    """Run what is pending; what the driver refused is raised as the driver said it."""
    from alembic import command
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: _connect_for_steps(url), poolclass=NullPool
    )
    config = _config()
    try:
        with engine.connect() as link:
            config.attributes["connection"] = link
            command.upgrade(config, "head")
    except DBAPIError as fault:
        raise (fault.orig or fault) from fault
    finally:
        engine.dispose()


@contextmanager
def _lock_said_plainly() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.LockNotAvailable as fault:
        raise Unavailable(
            zh=f"有会话占着表锁超过 {_LOCK_TIMEOUT}，升级未做，数据库未变；请在其结束后重试",
            en=f"a session kept a table locked for more than {_LOCK_TIMEOUT}; nothing was changed, "
            "try again once it has ended",
        ) from fault


def _connect_for_steps(url: str) -> psycopg.Connection[Any]:
    """The connection the migrations run on: like ours, but in transactions and with a short lock_timeout."""
    conn = connect(url, "migrate")
    conn.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
    conn.autocommit = False
    return conn


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("incidents.postgres") / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
