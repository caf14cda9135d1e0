"""The base of all tests: a real PostgreSQL and a real Kafka, started once a session, gone with it.

Each pytest-xdist worker has its own servers. All are on a leash: whatever ends pytest ends them.
"""

import contextlib
import importlib
import importlib.util
import os
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from kafka.admin import KafkaAdminClient
from kafka.errors import UnknownTopicOrPartitionError
from psycopg import sql

from local import ports
from local.kafka import LocalKafka
from local.postgres import FOR_TESTS, LocalPostgres
from local.scratch import scratch_folder

TEMPLATE = "template_migrated"

QUICK = "not real and not slow and not chaos"
"""What `make check` asks for."""
_WHOLLY_OTHER = re.compile(r"^pytestmark = .*\bmark\.(real|slow|chaos)\b", re.MULTILINE)

os.environ["YIWANG_HOME"] = os.devnull
"""No test meets the system a developer runs beside it: settings look into the home for its addresses."""

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
"""How long one example takes is the machine's affair: speed is measured in tests/bench."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a file unloaded in the quick part if it says, in its one line, that all of it belongs to another part."""
    if config.option.markexpr != QUICK or not collection_path.name.startswith("test_"):
        return None
    return bool(_WHOLLY_OTHER.search(collection_path.read_text(encoding="utf-8"))) or None


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder for this session's servers; gone afterwards even when pytest is killed."""
    with scratch_folder("yiwang-test-") as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres_server(scratch: Path) -> Iterator[LocalPostgres]:
    """A real PostgreSQL with one database that is migrated, to clone from."""
    server = LocalPostgres.on_free_port(scratch / "postgres", FOR_TESTS)
    server.start()
    try:
        _administer(server, "CREATE DATABASE {}", TEMPLATE)
        _migrate(server.url(TEMPLATE))
        yield server
    finally:
        server.stop()
        server.remove()


@pytest.fixture
def database_url(postgres_server: LocalPostgres) -> Iterator[str]:
    """A fresh, migrated database of this test alone."""
    with cloned_database(postgres_server) as url:
        yield url


@contextlib.contextmanager
def cloned_database(server: LocalPostgres, template: str = TEMPLATE) -> Iterator[str]:
    """A clone of the migrated template, dropped afterwards even if somebody is still connected.

    Files are copied, not their pages logged one by one: half the work, hundreds of times a session.
    """
    name = f"test_{uuid.uuid4().hex[:12]}"
    _administer(server, "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)
    try:
        yield server.url(name)
    finally:
        _administer(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _administer(server: LocalPostgres, statement: str, *names: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _migrate(url: str) -> None:
    """Bring a database to the newest schema, as soon as the project has migrations."""
    if importlib.util.find_spec("incidents.postgres.migrate") is not None:
        importlib.import_module("incidents.postgres.migrate").migrate(url)


@pytest.fixture(scope="session")
def kafka_server(scratch: Path) -> Iterator[LocalKafka]:
    """A real Kafka broker of this session. Tests that kill or restart it start their own instead."""
    broker = LocalKafka.on_free_ports(scratch / "kafka")
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def kafka(kafka_server: LocalKafka) -> Iterator[str]:
    """Bootstrap of the session's broker, without topics at the beginning of the test."""
    yield kafka_server.bootstrap
    empty(kafka_server.bootstrap)


def empty(bootstrap: str) -> None:
    """Delete all topics of a broker but its own, until it tells of none: what is told lags behind what is done."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    limit = time.monotonic() + 30
    try:
        while own := [name for name in admin.list_topics() if not name.startswith("__")]:
            assert time.monotonic() < limit, f"topics that do not go: {own}"
            with contextlib.suppress(UnknownTopicOrPartitionError):
                admin.delete_topics(own)
            time.sleep(0.05)
    finally:
        admin.close()


@pytest.fixture
def free_port() -> int:
    """A port nobody listens on now."""
    return ports.free_port()
