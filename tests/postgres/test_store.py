"""Days of readings: made ahead or when asked, without stopping writers; dropped whole, with their count kept."""

import threading
import time
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from incidents.postgres import upkeep
from incidents.postgres.connection import Connection, connect

pytestmark = pytest.mark.real

NOON = datetime(2021, 3, 4, 12, tzinfo=UTC)


def days(conn: Connection) -> list[date]:
    return [row[0].date() for row in conn.execute("select begins from store_parts()")]


def put(conn: Connection, at: datetime, device: int = 1, value: float = 1.0) -> None:
    conn.execute(
        "insert into reading (observed_at, value, device_id, metric) values (%s, %s, %s, 1)",
        (at, value, device),
    )


def test_a_plain_server_says_that_it_is_plain(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        assert conn.execute("select store_kind()").fetchone() == ("plain",)


def test_a_reading_five_years_old_is_stored_once_its_day_was_asked_for(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        with pytest.raises(psycopg.errors.CheckViolation, match="no partition"):
            put(conn, NOON)
        made = conn.execute("select store_ensure_days(array[%s::date])", (NOON.date(),)).fetchone()
        put(conn, NOON)
        again = conn.execute("select store_ensure(%s, %s)", (NOON, NOON)).fetchone()
    assert (made, again) == ((1,), (0,))


def test_days_are_cut_at_midnight_utc_whatever_the_session_s_time_zone(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        conn.execute("set time zone 'Asia/Shanghai'")
        conn.execute("select store_ensure(%s, %s)", (NOON, NOON + timedelta(days=1)))
        bounds = conn.execute(
            "select begins, ends from store_parts() where begins < '2022-01-01'"
        ).fetchall()
    first = datetime(2021, 3, 4, tzinfo=UTC)
    assert bounds == [
        (first, first + timedelta(days=1)),
        (first + timedelta(days=1), first + timedelta(days=2)),
    ]


def test_far_apart_days_make_only_their_own_partitions(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        before = len(days(conn))
        conn.execute("select store_ensure_days('{2019-01-01,2024-02-29,2019-01-01}')")
        assert len(days(conn)) == before + 2


def test_a_thousand_and_one_days_at_once_are_refused(database_url: str) -> None:
    with (
        connect(database_url, "test") as conn,
        pytest.raises(psycopg.errors.ProgramLimitExceeded, match="1000"),
    ):
        conn.execute("select store_ensure('2000-01-01', '2003-01-01')")


def test_making_a_day_does_not_wait_for_a_writer_nor_a_writer_for_it(database_url: str) -> None:
    with connect(database_url, "writer") as writer, connect(database_url, "maker") as maker:
        for one in (writer, maker):
            one.execute("set lock_timeout = '2s'")
        with writer.transaction():
            put(writer, datetime.now(UTC))
            with maker.transaction():
                maker.execute("select store_ensure_days('{2020-05-05}')")
                put(writer, datetime.now(UTC), device=2)
        put(writer, datetime(2020, 5, 5, tzinfo=UTC))


def test_many_writers_that_need_the_same_new_days_make_them_once(database_url: str) -> None:
    wanted = [date(2018, 1, 1) + timedelta(days=n) for n in range(20)]
    made: list[int] = []

    def writer(number: int) -> None:
        with connect(database_url, f"w{number}") as conn, conn.transaction():
            row = conn.execute("select store_ensure_days(%s::date[])", (wanted,)).fetchone()
            assert row is not None
            made.append(row[0])
            for day in wanted:
                put(conn, datetime(day.year, day.month, day.day, 1, tzinfo=UTC), device=number)

    writers = [threading.Thread(target=writer, args=(n,)) for n in range(5)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert sum(made) == 20
    with connect(database_url, "test") as conn:
        assert conn.execute("select count(*) from reading").fetchone() == (100,)


def test_a_reading_told_twice_is_there_once(database_url: str) -> None:
    now = datetime.now(UTC)
    with connect(database_url, "test") as conn:
        put(conn, now)
        with pytest.raises(psycopg.errors.UniqueViolation):
            put(conn, now)


def test_dropping_old_days_keeps_their_count(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        conn.execute("select store_ensure(%s, %s)", (NOON, NOON + timedelta(days=2)))
        for hours in (0, 1, 24, 48):
            put(conn, NOON + timedelta(hours=hours))
        until = datetime(2021, 3, 6, tzinfo=UTC)
        assert conn.execute("select * from store_drop(%s)", (until,)).fetchone() == (2, 3)
        kept = conn.execute("select observed_at from reading").fetchall()
        noted = conn.execute("select day, rows from dropped order by day").fetchall()
    assert kept == [(NOON + timedelta(days=2),)]
    assert noted == [(date(2021, 3, 4), 2), (date(2021, 3, 5), 1)]


def test_a_day_that_comes_back_late_and_goes_again_is_added_to_its_count(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        for rows in (2, 3):
            conn.execute("select store_ensure(%s, %s)", (NOON, NOON))
            for n in range(rows):
                put(conn, NOON + timedelta(seconds=n))
            conn.execute("select store_drop('2021-04-01')")
        assert conn.execute("select rows from dropped").fetchone() == (5,)


def test_a_day_not_yet_over_is_never_dropped(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        conn.execute("select store_ensure(%s, %s)", (NOON, NOON))
        assert conn.execute("select * from store_drop(%s)", (NOON,)).fetchone() == (0, 0)


def test_dropping_steps_back_from_a_late_writer_and_takes_the_day_later(database_url: str) -> None:
    setting = {"days": 30}
    with connect(database_url, "late") as late, connect(database_url, "job") as job:
        job.execute("select store_ensure(%s, %s)", (NOON, NOON))
        with late.transaction():
            put(late, NOON)
            said = upkeep.drop_readings(job, datetime.now(UTC), setting)
            assert "in use" in said
        assert upkeep.drop_readings(job, datetime.now(UTC), setting).endswith("1 days, 1 rows")


def test_writers_of_today_go_on_while_an_old_day_is_counted(database_url: str) -> None:
    with connect(database_url, "writer") as writer, connect(database_url, "job") as job:
        job.execute("select store_ensure(%s, %s)", (NOON, NOON))
        put(job, NOON)
        writer.execute("set lock_timeout = '2s'")
        with job.transaction():
            job.execute("lock table reading_20210304 in share row exclusive mode")
            put(writer, datetime.now(UTC))
            late = threading.Thread(target=lambda: put_late(database_url))
            late.start()
            time.sleep(0.2)
            assert late.is_alive()
        late.join()
        assert job.execute("select count(*) from reading").fetchone() == (3,)


def put_late(url: str) -> None:
    with connect(url, "late") as conn:
        put(conn, NOON, device=9)


def test_readings_without_end_are_kept_when_the_operator_says_so(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        conn.execute("select store_ensure(%s, %s)", (NOON, NOON))
        assert "kept for ever" in upkeep.drop_readings(conn, datetime.now(UTC), {"days": None})
        assert NOON.date() in days(conn)
