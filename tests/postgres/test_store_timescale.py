"""The same store on TimescaleDB, and the switch of a running plain system to it.

Needs a server that has the extension: YIWANG_TEST_TIMESCALE_URL=postgresql://superuser@host:port/postgres.
"""

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from psycopg import sql

from incidents.errors import DatabaseUnfit, Unavailable
from incidents.postgres import balance, jobs, migrate, timescale, upkeep
from incidents.postgres.connection import Connection, connect
from tests.postgres.test_store import put

SERVER = os.environ.get("YIWANG_TEST_TIMESCALE_URL", "")
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not SERVER, reason="YIWANG_TEST_TIMESCALE_URL names no TimescaleDB server"),
]

NOON = datetime(2021, 3, 4, 12, tzinfo=UTC)
EVERYTHING = "select count(*), sum(value), min(observed_at), max(observed_at) from reading"


@contextlib.contextmanager
def a_database(*, extension: bool) -> Iterator[str]:
    name = f"ts_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(SERVER, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = psycopg.conninfo.make_conninfo(SERVER, dbname=name)
        try:
            if extension:
                with psycopg.connect(url, autocommit=True) as conn:
                    conn.execute("CREATE EXTENSION timescaledb")
            migrate.migrate(url)
            yield url
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def hyper_url() -> Iterator[str]:
    """A database that had the extension before our schema came."""
    with a_database(extension=True) as url:
        yield url


@pytest.fixture
def plain_url() -> Iterator[str]:
    """A plain system on a server that has the extension."""
    with a_database(extension=False) as url:
        yield url


def edition(conn: Connection) -> str:
    row = conn.execute("select current_setting('timescaledb.license')").fetchone()
    assert row is not None
    return "tsl" if row[0] == "timescale" else "apache"


def fill(conn: Connection, days: int = 5) -> None:
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0) - timedelta(days=days)
    conn.execute("select store_ensure(%s, now())", (start,))
    conn.execute(
        "insert into reading (observed_at, value, device_id, metric)"
        " select %s + n * interval '1 minute', n, n %% 40, 1 from generate_series(0, %s) n",
        (start, days * 1440 - 1),
    )


def test_with_the_extension_there_readings_live_in_a_hypertable(hyper_url: str) -> None:
    with connect(hyper_url, "test") as conn:
        assert conn.execute("select store_kind()").fetchone() == (edition(conn),)
        assert conn.execute("select store_ensure_days('{2020-01-01}')").fetchone() == (0,)
        put(conn, NOON)
        with pytest.raises(psycopg.errors.UniqueViolation):
            put(conn, NOON)
        assert conn.execute("select begins, ends from store_parts()").fetchall() == [
            (NOON.replace(hour=0), NOON.replace(hour=0) + timedelta(days=1))
        ]


def test_the_extension_alone_does_not_make_a_plain_table_a_hypertable(plain_url: str) -> None:
    with connect(plain_url, "test") as conn:
        conn.execute("CREATE EXTENSION timescaledb")
    with connect(plain_url, "test") as conn:
        assert timescale.look(conn).kind == "plain"
        assert conn.execute("select store_ensure_days('{2020-01-01}')").fetchone() == (1,)


def test_dropping_old_chunks_keeps_their_count(hyper_url: str) -> None:
    with connect(hyper_url, "test") as conn:
        for hours in (0, 1, 24, 48):
            put(conn, NOON + timedelta(hours=hours))
        until = datetime(2021, 3, 6, tzinfo=UTC)
        assert conn.execute("select * from store_drop(%s)", (until,)).fetchone() == (2, 3)
        assert conn.execute("select count(*) from reading").fetchone() == (1,)
        noted = conn.execute("select day, rows from dropped order by day").fetchall()
    assert noted == [(date(2021, 3, 4), 2), (date(2021, 3, 5), 1)]


def test_a_compacted_day_still_takes_late_readings_once_and_drops_with_its_count(
    hyper_url: str,
) -> None:
    with connect(hyper_url, "test") as conn:
        for n in range(100):
            put(conn, NOON + timedelta(seconds=n), device=n % 5, value=n)
        before = conn.execute(EVERYTHING).fetchone()
        assert "1 days" in upkeep.compact_days(conn, datetime.now(UTC), {"after_hours": 1})
        assert "0 days" in upkeep.compact_days(conn, datetime.now(UTC), {"after_hours": 1})
        assert timescale.look(conn).compact == 1
        assert conn.execute(EVERYTHING).fetchone() == before
        with pytest.raises(psycopg.errors.UniqueViolation):
            put(conn, NOON, device=0)
        conn.execute(
            "insert into reading (observed_at, value, device_id, metric)"
            " select %s + n * interval '1 second', 0, 0, 1 from generate_series(0, 9) n"
            " on conflict do nothing",
            (NOON,),
        )
        assert conn.execute("select count(*) from reading").fetchone() == (108,)
        assert conn.execute("select * from store_drop(now())").fetchone() == (1, 108)


def test_every_job_runs_on_a_hypertable(hyper_url: str) -> None:
    with connect(hyper_url, "test") as conn:
        fill(conn)
        said = jobs.run_due(conn, datetime.now(UTC))
        assert not [one for one in said if "failed" in one]
        assert balance.read(conn).lines


def test_the_switch_keeps_every_reading_every_grant_and_the_key(plain_url: str) -> None:
    with connect(plain_url, "test") as conn:
        fill(conn)
        upkeep.compact_days(conn, datetime.now(UTC), {"after_hours": 48})
        role = f"reporting_{uuid.uuid4().hex[:8]}"
        conn.execute(
            sql.SQL("CREATE ROLE {0}; GRANT SELECT ON reading TO {0}").format(sql.Identifier(role))
        )
        before = conn.execute(EVERYTHING).fetchone()
        done = timescale.switch(conn)
    with connect(plain_url, "test") as conn:
        assert (done.rows, done.attached) == (5 * 1440, edition(conn) == "tsl")
        assert conn.execute(EVERYTHING).fetchone() == before
        assert timescale.look(conn).kind == edition(conn)
        assert conn.execute(
            "select has_table_privilege(%s, 'reading', 'select')", (role,)
        ).fetchone() == (True,)
        conn.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))
        repeated = conn.execute(
            "insert into reading select * from reading on conflict do nothing"
        ).rowcount
        assert repeated == 0
        assert conn.execute("select to_regclass('reading_native')").fetchone() == (None,)
        with pytest.raises(DatabaseUnfit, match="无需切换"):
            timescale.switch(conn)


def test_after_the_switch_old_days_compact_and_drop_and_new_days_come(plain_url: str) -> None:
    with connect(plain_url, "test") as conn:
        fill(conn)
        timescale.switch(conn)
        before = conn.execute(EVERYTHING).fetchone()
        upkeep.compact_days(conn, datetime.now(UTC), {"after_hours": 1})
        assert timescale.look(conn).compact >= 5
        assert conn.execute(EVERYTHING).fetchone() == before
        put(conn, NOON)
        put(conn, datetime.now(UTC) + timedelta(days=20))
        put(conn, datetime.now(UTC) - timedelta(days=3, seconds=0.5), device=77)
        row = conn.execute("select * from store_drop(now() - interval '1 day')").fetchone()
        left = conn.execute("select count(*) from reading").fetchone()
        noted = conn.execute("select sum(rows)::bigint from dropped").fetchone()
    assert row is not None
    assert left is not None
    assert noted == (row[1],)
    assert row[1] + left[0] == 5 * 1440 + 3


def test_readings_keep_arriving_while_the_store_is_switched_and_none_is_lost(
    plain_url: str,
) -> None:
    stop = threading.Event()
    written = [0, 0]

    def writer(number: int) -> None:
        with connect(plain_url, f"w{number}") as conn:
            start = datetime.now(UTC)
            while not stop.is_set():
                with conn.transaction():
                    for _ in range(20):
                        put(
                            conn, start + written[number] * timedelta(milliseconds=1), device=number
                        )
                        written[number] += 1

    with connect(plain_url, "test") as conn:
        fill(conn)
        writers = [threading.Thread(target=writer, args=(n,)) for n in range(2)]
        for one in writers:
            one.start()
        time.sleep(0.5)
        at_switch = sum(written)
        timescale.switch(conn)
        time.sleep(0.5)
        stop.set()
        for one in writers:
            one.join()
        count = conn.execute("select count(*) from reading").fetchone()
    assert 0 < at_switch < sum(written)
    assert count == (5 * 1440 + sum(written),)


def test_a_switch_that_fails_half_way_leaves_the_plain_table_as_it_was(plain_url: str) -> None:
    with connect(plain_url, "test") as conn:
        fill(conn)
        conn.execute("create view somebodys_view as select * from reading")
        before = conn.execute(EVERYTHING).fetchone()
        with pytest.raises(psycopg.errors.DependentObjectsStillExist):
            timescale.switch(conn)
    with connect(plain_url, "test") as conn:
        assert timescale.look(conn).kind == "plain"
        assert conn.execute(EVERYTHING).fetchone() == before
        put(conn, datetime.now(UTC), device=88)
        assert conn.execute("select store_ensure_days('{2020-01-01}')").fetchone() == (1,)


def test_a_long_query_makes_the_switch_give_up_and_not_the_writers_wait(
    plain_url: str,
) -> None:
    with connect(plain_url, "test") as conn, connect(plain_url, "report") as report:
        fill(conn)
        with report.transaction():
            report.execute("select count(*) from reading")
            with pytest.raises(Unavailable, match="数据未变"):
                timescale.switch(conn, tries=1)
        assert timescale.look(conn).kind == "plain"
