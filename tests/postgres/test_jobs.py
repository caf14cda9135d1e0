"""Jobs run when due, once, survive being cut off, and do again nothing that is done."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from incidents.errors import DecisionRefused
from incidents.postgres import jobs, upkeep
from incidents.postgres.connection import Connection, connect

pytestmark = pytest.mark.real

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
SERIES = (
    "CREATE INDEX reading_20210304_series ON public.reading_20210304"
    " USING btree (device_id, metric, observed_at)"
)


def names(said: list[str]) -> set[str]:
    """Of those that do not run every few seconds."""
    return {one.partition(":")[0] for one in said} - {"evaluation"}


OWN = set(jobs.OWN) - {"evaluation"}


def remembered(conn: Connection, name: str) -> jobs.JobRow:
    return next(row for row in jobs.everything(conn) if row.name == name)


def test_the_first_time_every_job_runs_and_a_minute_later_none(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        assert names(jobs.run_due(conn, NOW)) == OWN
        assert names(jobs.run_due(conn, NOW + timedelta(minutes=1))) == set()
        assert names(jobs.run_due(conn, NOW + HOUR / 5)) == {"retention_outbox"}


def test_two_watchers_at_once_run_each_job_once(database_url: str) -> None:
    def watcher(number: int) -> list[str]:
        with connect(database_url, f"watch{number}") as conn:
            return jobs.run_due(conn, NOW)

    with connect(database_url, "test") as conn:
        jobs.everything(conn)
    with ThreadPoolExecutor(4) as watchers:
        said = [one for many in watchers.map(watcher, range(4)) for one in many]
    assert sorted(one.partition(":")[0] for one in said) == sorted(jobs.OWN)


def test_a_job_that_was_cut_off_is_due_at_once(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        jobs.run_due(conn, NOW)
        conn.execute(
            "update job set last_started = %s where name = 'days_ahead'", (NOW + HOUR / 10,)
        )
        assert names(jobs.run_due(conn, NOW + HOUR / 9)) == {"days_ahead"}


def test_a_job_another_session_still_runs_is_left_to_it(database_url: str) -> None:
    with connect(database_url, "test") as conn, connect(database_url, "other") as other:
        jobs.everything(conn)
        other.execute("select pg_advisory_lock(hashtextextended('job:days_ahead', 0))")
        assert "days_ahead" not in names(jobs.run_due(conn, NOW))
    with connect(database_url, "test") as conn:
        assert "days_ahead" in names(jobs.run_due(conn, NOW))


def test_a_job_that_fails_says_why_rests_and_recovers_while_others_go_on(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        jobs.everything(conn)
        conn.execute(
            "update job set setting = '{\"hours\": \"many\"}' where name = 'retention_outbox'"
        )
        assert names(jobs.run_due(conn, NOW)) == OWN
        failed = remembered(conn, "retention_outbox")
        assert failed.failures == 1
        assert failed.last_result is not None
        assert "TypeError" in failed.last_result
        assert names(jobs.run_due(conn, NOW + timedelta(seconds=30))) == set()
        conn.execute("update job set setting = '{\"hours\": 1}' where name = 'retention_outbox'")
        assert names(jobs.run_due(conn, NOW + timedelta(seconds=90))) == {"retention_outbox"}
        assert remembered(conn, "retention_outbox").failures == 0


def test_what_the_operator_set_stays_and_is_obeyed(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        jobs.everything(conn)
        conn.execute(
            "update job set setting = '{\"days\": 30}', every = '1 minute' where name = 'retention_readings'"
        )
        conn.execute("select store_ensure(%s, %s)", (NOW - 40 * 24 * HOUR, NOW - 40 * 24 * HOUR))
        said = jobs.run_due(conn, NOW)
        assert "retention_readings: 删除 1 天 0 行 / dropped 1 days, 0 rows" in said
        assert "retention_readings" in names(jobs.run_due(conn, NOW + timedelta(minutes=2)))


def test_readings_of_years_ago_stay_until_an_operator_says_for_how_long(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        old_day(conn, 10)
        jobs.run_due(conn, NOW)
        assert conn.execute("select count(*) from reading").fetchone() == (10,)
        row = jobs.adjust(conn, "retention_readings", {"days": 400}, HOUR)
        assert (row.setting, row.every) == ({"days": 400}, HOUR)
        jobs.run_due(conn, NOW + 2 * HOUR)
        assert conn.execute("select count(*) from reading").fetchone() == (0,)
        assert jobs.adjust(conn, "retention_readings", {"days": None}).setting == {"days": None}


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("retention_readings", {"days": 0}),
        ("retention_readings", {"days": -3}),
        ("retention_readings", {"days": "7"}),
        ("retention_readings", {"days": True}),
        ("retention_readings", {"hours": 7}),
        ("retention_outbox", {"hours": None}),
    ],
)
def test_a_setting_the_job_cannot_work_with_is_refused_and_the_old_one_stays(
    database_url: str, name: str, setting: dict[str, object]
) -> None:
    with connect(database_url, "test") as conn:
        before = {row.name: row.setting for row in jobs.everything(conn)}
        with pytest.raises(DecisionRefused, match=name):
            jobs.adjust(conn, name, setting)
        assert {row.name: row.setting for row in jobs.everything(conn)} == before


def test_one_job_can_be_run_by_name_whether_due_or_not(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        jobs.run_due(conn, NOW)
        assert names(jobs.run_due(conn, NOW + HOUR / 60, "compaction")) == {"compaction"}


def test_a_lost_connection_is_not_taken_for_a_failed_job(database_url: str) -> None:
    with connect(database_url, "test") as conn, connect(database_url, "admin") as admin:
        jobs.everything(conn)
        admin.execute("select pg_terminate_backend(%s)", (conn.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            jobs.run_due(conn, NOW)


def test_partitions_stand_ready_for_days_to_come(database_url: str) -> None:
    later = NOW + timedelta(days=60)
    with connect(database_url, "test") as conn:
        jobs.run_due(conn, later)
        conn.execute(
            "insert into reading (observed_at, value, device_id, metric) values (%s, 1, 1, 1)",
            (later + timedelta(days=4),),
        )


def old_day(conn: Connection, rows: int) -> datetime:
    day = datetime(2021, 3, 4, tzinfo=UTC)
    conn.execute("select store_ensure(%s, %s)", (day, day))
    conn.execute(
        "insert into reading (observed_at, value, device_id, metric)"
        " select %s + n * interval '1 minute', n, n %% 7, 1 from generate_series(0, %s) n",
        (day, rows - 1),
    )
    return day


def test_a_closed_day_gets_its_index_by_series_and_only_once(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        old_day(conn, 1000)
        said = upkeep.compact_days(conn, NOW, {"after_hours": 36})
        assert "(plain)" in said
        assert conn.execute(
            "select indexdef from pg_indexes where indexname = 'reading_20210304_series'"
        ).fetchone() == (SERIES,)
        assert "0 天" in upkeep.compact_days(conn, NOW, {"after_hours": 36})
        today = conn.execute(
            "select count(*) from store_parts() where compact and ends > %s", (NOW - 36 * HOUR,)
        ).fetchone()
    assert today == (0,)


def test_an_index_that_was_cut_off_half_made_is_made_anew(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        old_day(conn, 100)
        conn.execute(
            "create index reading_20210304_series on reading_20210304 (device_id, metric, observed_at)"
        )
        conn.execute(
            "update pg_index set indisvalid = false where indexrelid = 'reading_20210304_series'::regclass"
        )
        upkeep.compact_days(conn, NOW, {"after_hours": 36})
        valid = conn.execute(
            "select indisvalid from pg_index where indexrelid = 'reading_20210304_series'::regclass"
        ).fetchone()
    assert valid == (True,)


def rollup(conn: Connection, slot: int, total: float, at: datetime) -> None:
    conn.execute(
        "insert into reading_rollup values (%s, 1, 1, %s, 2, %s, %s, %s)",
        (at, slot, total, total - 1, total + 1),
    )


def test_old_minutes_are_added_together_over_partitions_and_stay_the_same_in_sum(
    database_url: str,
) -> None:
    old, new = NOW - 100 * HOUR, NOW - HOUR
    setting = {"after_hours": 48, "most": 3}
    with connect(database_url, "test") as conn:
        for slot in range(4):
            rollup(conn, slot, 10.0 * slot, old)
            rollup(conn, slot, 1.0, new)
        upkeep.merge_rollups(conn, NOW, setting)
        rollup(conn, 2, 5.0, old)  # a late reading, after the merge
        upkeep.merge_rollups(conn, NOW, setting)
        rows = conn.execute(
            "select slot, n, total, low, high from reading_rollup where bucket = %s", (old,)
        ).fetchall()
        fresh = conn.execute(
            "select count(*) from reading_rollup where bucket = %s", (new,)
        ).fetchone()
    assert rows == [(-1, 10, 65.0, -1.0, 31.0)]
    assert fresh == (4,)


def test_a_minute_a_worker_is_writing_waits_for_the_next_merge(database_url: str) -> None:
    old = NOW - 100 * HOUR
    setting = {"after_hours": 48, "most": 100}
    with connect(database_url, "test") as conn, connect(database_url, "worker") as worker:
        rollup(conn, 0, 1.0, old)
        rollup(conn, 1, 1.0, old)
        with worker.transaction():
            worker.execute("update reading_rollup set n = n + 1 where slot = 0")
            upkeep.merge_rollups(conn, NOW, setting)
        upkeep.merge_rollups(conn, NOW, setting)
        assert conn.execute("select slot, n from reading_rollup").fetchall() == [(-1, 5)]


def test_sent_facts_are_forgotten_after_their_time_and_counted_unsent_ones_never(
    database_url: str,
) -> None:
    with connect(database_url, "test") as conn:
        conn.execute(
            "insert into outbox (topic, key, body, made_at, sent_at) select"
            " case when n % 4 = 0 then 'city.quarantine.v1' else 'city.incidents.v1' end, n, '{}',"
            " '2026-11-01 12:00+00', case when n % 10 <> 0 then timestamptz '2026-11-01 12:00+00' end"
            " from generate_series(1, 100) n"
        )
        conn.execute(
            "insert into outbox (key, body, sent_at) values ('fresh', '{}', %s)", (NOW - HOUR,)
        )
        upkeep.forget_sent(conn, NOW, {"hours": 72, "most": 7})
        left = conn.execute("select count(*), count(sent_at) from outbox").fetchone()
        noted = conn.execute("select what, rows from dropped order by what").fetchall()
    assert left == (11, 1)
    assert noted == [("announcement", 20), ("fact", 70)]


def test_answers_nobody_repeats_any_more_are_forgotten(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        conn.execute(
            "insert into idempotency (principal, key, request_hash, status, body, made_at)"
            " values ('a', 'old', '', 201, '', %s), ('a', 'new', '', 201, '', %s)",
            (NOW - 49 * HOUR, NOW - 47 * HOUR),
        )
        upkeep.forget_answers(conn, NOW, {"hours": 48})
        assert conn.execute("select key from idempotency").fetchall() == [("new",)]
