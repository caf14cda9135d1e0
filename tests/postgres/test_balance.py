"""The books: a small world that balances, and every way of cooking them is seen on its line."""

from datetime import UTC, datetime, timedelta

import pytest

from incidents.event import Event, Origin, Outcome, Place
from incidents.incident import Beginning
from incidents.lifecycle import State
from incidents.moves import begin, join
from incidents.postgres import balance, upkeep
from incidents.postgres.connection import Connection, connect
from incidents.postgres.ledger import PostgresLedger

pytestmark = pytest.mark.real

NOW = datetime.now(UTC).replace(microsecond=0)
CATEGORY = "gb47678.5-2026/matter/06012"


def a_world(conn: Connection) -> None:
    """Readings of two partitions with their rollup, events of every origin and outcome, two incidents, quarantine."""
    conn.execute(
        "insert into stream_offset (topic, part, first_offset, skipped, next_offset, messages, quarantined,"
        " readings_in, stored, duplicates, refused, readings_quarantined, events_in, opened)"
        " values ('city.readings.v1', 0, 10, 2, 15, 3, 0, 55, 50, 3, 2, 0, 1, 1),"
        "        ('city.readings.v1', 1, 0, 0, 2, 2, 1, 60, 50, 0, 0, 10, 0, 0)"
    )
    conn.execute(
        "insert into stream_offset (topic, part, next_offset, messages, events_in, events_repeated,"
        " joined, filtered, events_quarantined) values ('city.reports.v1', 0, 5, 5, 5, 2, 1, 1, 1)"
    )
    readings(conn)
    for topic, part, item in (
        ("city.readings.v1", 0, 4),
        ("city.readings.v1", 0, 5),
        ("city.readings.v1", 1, -1),
        ("city.reports.v1", 0, 0),
    ):
        conn.execute(
            'insert into quarantine (topic, part, "offset", item, value, reason, detail)'
            " values (%s, %s, 1, %s, '', 'r', 'd')",
            (topic, part, item),
        )
        conn.execute(
            "insert into outbox (topic, key, body) values ('city.quarantine.v1', '', '{}')"
        )
    events(conn)


def readings(conn: Connection) -> None:
    conn.execute(
        "insert into reading (observed_at, value, device_id, metric, area)"
        " select %s + n * interval '7 seconds', sin(n) * 1e6, n %% 5, 1, n %% 2 from generate_series(1, 100) n",
        (NOW - timedelta(days=1),),
    )
    conn.execute(
        "insert into reading_rollup select date_bin('1 minute', observed_at, '2000-01-01 00:00+00'), metric, area,"
        " device_id % 2, count(*), sum(value), min(value), max(value) from reading group by 1, 2, 3, 4"
    )
    conn.execute(
        "insert into reading_last (device_id, metric, at, value) select distinct on (device_id, metric)"
        " device_id, metric, observed_at, value from reading order by device_id, metric, observed_at desc"
    )


def an_event(origin: Origin, number: int) -> Event:
    return Event(f"source-{origin}", f"e{number}", origin, "report", NOW, Place(), CATEGORY)


def events(conn: Connection) -> None:
    ledger = PostgresLedger(conn, lambda region, day: f"{region}{day:%Y%m%d}00001")
    by_rule, by_person = an_event(Origin.RULE, 1), an_event(Origin.PERSON, 2)
    first = begin("99010020261124000001", by_rule, Beginning(CATEGORY, State.OPEN), NOW)
    second = begin("99010020261124000002", by_person, Beginning(CATEGORY, State.REPORTED), NOW)
    for event, kept in ((by_rule, first), (by_person, second)):
        assert ledger.open([kept])
        ledger.record(event, Outcome.OPENED, "why", kept[0].number)
    joined = an_event(Origin.STREAM, 3)
    ledger.keep(first[0], [join(first[0], joined, NOW, "near")])
    ledger.record(joined, Outcome.JOINED, "why", first[0].number)
    ledger.record(an_event(Origin.STREAM, 4), Outcome.FILTERED, "why", None)


def wrong(conn: Connection) -> set[str]:
    return {line.name for line in balance.read(conn).lines if not line.exact}


def test_an_empty_system_balances(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        assert wrong(conn) == set()


def test_a_world_with_everything_in_it_balances(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        a_world(conn)
        books = balance.read(conn)
        assert wrong(conn) == set()
    counted = {line.name: line.left for line in books.lines}
    assert (counted["readings"], counted["readings_stored"], counted["incidents"]) == (115, 100, 2)
    assert ("person", "opened", 1) in books.origins
    assert "账目相符" in balance.table(books)


@pytest.mark.parametrize(
    ("cooked", "lines"),
    [
        ("update stream_offset set next_offset = next_offset + 1 where part = 1", {"messages"}),
        ("update stream_offset set readings_in = readings_in + 1 where part = 1", {"readings"}),
        (
            "delete from reading where device_id = 0",
            {"readings_stored", "rollup_rows", "rollup", "newest"},
        ),
        (
            "update reading set value = value + 1 where ctid = (select min(ctid) from reading)",
            {"rollup"},
        ),
        (
            "update reading_rollup set n = n + 1 where ctid = (select min(ctid) from reading_rollup)",
            {"rollup_rows", "rollup"},
        ),
        ("update reading_rollup set low = low - 1", {"rollup"}),
        ("update reading_rollup set bucket = bucket - interval '1 day'", {"rollup"}),
        ("update reading_last set at = at + interval '1 ms'", {"newest"}),
        ("delete from reading_last where device_id = 1", {"newest"}),
        ("delete from quarantine where item = 4", {"readings_refused", "announcements"}),
        ("delete from quarantine where item = -1", {"messages_aside", "announcements"}),
        (
            "update stream_offset set filtered = filtered + 1 where topic = 'city.reports.v1'",
            {"events", "events_filtered"},
        ),
        (
            "update stream_offset set opened = 0, filtered = 1 where opened = 1",
            {"events_opened", "events_filtered"},
        ),
        (
            "update event set outcome = 'filtered' where outcome = 'joined'",
            {"events_joined", "events_filtered", "events_told", "reports"},
        ),
        (
            "update event set outcome = 'joined' where origin = 'person'",
            {"incidents", "incidents_once"},
        ),
        ("update incident set reports = reports + 1 where version = 1", {"reports"}),
        ("update incident set version = version + 1 where version = 1", {"history"}),
        ("delete from outbox where id = (select max(id) from outbox)", {"facts"}),
        (
            "insert into outbox (topic, key, body) select topic, key, body from outbox where topic = 'city.incidents.v1' limit 1",
            {"facts_once"},
        ),
    ],
)
def test_cooked_books_are_seen_on_their_line_and_on_no_other(
    database_url: str, cooked: str, lines: set[str]
) -> None:
    with connect(database_url, "test") as conn:
        a_world(conn)
        conn.execute(cooked.encode())
        assert wrong(conn) == lines
        assert "不符" in balance.table(balance.read(conn))


def test_retention_of_readings_and_facts_leaves_the_books_exact(database_url: str) -> None:
    later = NOW + timedelta(days=30)
    with connect(database_url, "test") as conn:
        a_world(conn)
        conn.execute("update outbox set sent_at = made_at")
        upkeep.drop_readings(conn, later, {"days": 7})
        upkeep.forget_sent(conn, later, {"hours": 1, "most": 3})
        upkeep.merge_rollups(conn, later, {"after_hours": 1, "most": 3})
        left = conn.execute("select (select count(*) from reading), (select count(*) from outbox)")
        assert left.fetchone() == (0, 0)
        assert wrong(conn) == set()


def test_the_sum_of_a_minute_may_differ_in_its_last_digits_only(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        a_world(conn)
        conn.execute("update reading_rollup set total = total * (1 + 1e-14)")
        assert wrong(conn) == set()
        conn.execute("update reading_rollup set total = total + 1e-2")
        assert wrong(conn) == {"rollup"}


def test_all_lines_see_one_moment_while_the_world_moves_on(database_url: str) -> None:
    with connect(database_url, "test") as conn, connect(database_url, "writer") as writer:
        a_world(conn)
        with writer.transaction():
            writer.execute(
                "update stream_offset set stored = stored + 1, readings_in = readings_in + 1"
            )
            assert wrong(conn) == set()
        assert wrong(conn) == {"readings_stored"}


def test_every_line_can_be_counted_again_by_anyone_with_its_own_statement(
    database_url: str,
) -> None:
    with connect(database_url, "test") as conn, connect(database_url, "anyone") as anyone:
        a_world(conn)
        for line in balance.read(conn).lines:
            assert anyone.execute(line.sql.encode()).fetchone() == (line.left, line.right)
            assert line.zh
            assert line.en
