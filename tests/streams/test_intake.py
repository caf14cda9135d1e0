"""A batch is kept exactly once, whole or not at all, whatever is in it: the intake against a real PostgreSQL."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from incidents.postgres import balance
from streams.intake import Gap
from streams.message import Message
from tests.streams.builders import NOON, READINGS, REPORTS, Bench, envelope, events, messages

pytestmark = pytest.mark.real


def books(bench: Bench, column: str) -> int:
    return int(bench.one(f"select coalesce(sum({column}), 0) from stream_offset"))


def balanced(bench: Bench) -> bool:
    wrong = [line for line in balance.read(bench.connection).lines if not line.exact]
    assert not wrong, wrong
    return True


def test_a_reading_is_stored_with_its_newest_value_its_minute_and_its_offset(bench: Bench) -> None:
    bench.apply(messages(envelope([("d1", 0, 1.5), ("d2", 0, 2.5), ("d1", 500, 3.5)])))

    assert bench.one("select count(*) from reading") == 3
    assert bench.all(
        "select d.code, l.value, l.prev_at from reading_last l join device d on d.id = l.device_id order by 1"
    ) == [("d1", 3.5, None), ("d2", 2.5, None)]
    assert bench.all("select n, total, low, high, slot from reading_rollup") == [
        (3, 7.5, 1.5, 3.5, 0)
    ]
    assert bench.all("select topic, part, next_offset from stream_offset") == [(READINGS, 0, 1)]
    assert balanced(bench)


def test_a_message_given_again_changes_nothing(bench: Bench) -> None:
    batch = messages(envelope([("d1", 0, 1.0)]), envelope([("d1", 1000, 2.0)]))
    bench.apply(batch)

    outcome = bench.apply(batch)

    assert outcome.skipped == 2
    assert books(bench, "messages") == 2
    assert bench.one("select sum(n) from reading_rollup") == 2
    assert balanced(bench)


def test_a_late_reading_of_a_day_that_retention_dropped_is_kept_and_not_set_aside(
    bench: Bench,
) -> None:
    long_ago = -40 * 86_400_000
    bench.apply(messages(envelope([("d1", long_ago, 1.0)])))
    assert bench.all("select days, rows from store_drop(now() - interval '10 days')") == [(1, 1)]

    outcome = bench.apply(messages(envelope([("d1", long_ago + 1000, 2.0)]), first=1))

    assert outcome.total("stored") == 1
    assert bench.one("select count(*) from quarantine") == 0


def test_of_a_batch_half_given_before_only_the_new_half_is_kept(bench: Bench) -> None:
    first, second = envelope([("d1", 0, 1.0)]), envelope([("d1", 1000, 2.0)])
    bench.apply(messages(first))

    outcome = bench.apply(messages(first, second))

    assert (outcome.skipped, outcome.total("stored")) == (1, 1)
    assert balanced(bench)


def test_a_reading_published_twice_is_stored_once_and_counted_as_duplicate(bench: Bench) -> None:
    bench.apply(messages(envelope([("d1", 0, 1.0), ("d2", 0, 2.0)])))

    outcome = bench.apply(messages(envelope([("d1", 0, 9.0), ("d3", 0, 3.0)]), first=1))

    assert outcome.staged
    assert (outcome.total("stored"), outcome.total("duplicates")) == (1, 1)
    assert (
        bench.one(
            "select value from reading r join device d on d.id = r.device_id where code = 'd1'"
        )
        == 1.0
    )
    assert bench.one("select sum(n) from reading_rollup") == 3
    assert balanced(bench)


def test_a_reading_twice_in_one_envelope_is_a_duplicate(bench: Bench) -> None:
    outcome = bench.apply(messages(envelope([("d1", 0, 1.0), ("d1", 0, 1.0), ("d1", 0, 1.0)])))

    assert (outcome.total("stored"), outcome.total("duplicates"), outcome.staged) == (1, 2, False)
    assert balanced(bench)


def test_after_duplicates_a_partition_goes_the_careful_way_for_a_while(bench: Bench) -> None:
    bench.apply(messages(envelope([("d1", 0, 1.0)])))
    bench.apply(messages(envelope([("d1", 0, 1.0)]), first=1))

    outcome = bench.apply(messages(envelope([("d1", 9000, 1.0)]), first=2))

    assert outcome.staged
    assert outcome.total("stored") == 1


def test_a_late_reading_does_not_make_the_newest_value_older(bench: Bench) -> None:
    bench.apply(messages(envelope([("d1", 5000, 5.0)])))
    bench.apply(messages(envelope([("d1", 1000, 1.0)]), first=1))

    assert bench.one("select value from reading_last") == 5.0
    assert balanced(bench)


def test_a_missing_message_stops_everything_and_leaves_nothing(bench: Bench) -> None:
    bench.apply(messages(envelope([("d1", 0, 1.0)])))

    with pytest.raises(Gap) as told:
        bench.apply(messages(envelope([("d1", 1, 1.0)]), first=2))

    assert (told.value.stored, told.value.given) == (1, 2)
    assert bench.one("select count(*) from reading") == 1
    assert books(bench, "next_offset") == 1


def test_a_partition_never_read_before_begins_at_nought_or_not_at_all(bench: Bench) -> None:
    with pytest.raises(Gap):
        bench.apply(messages(envelope([("d1", 0, 1.0)]), first=7))

    assert bench.all("select * from stream_offset") == []


def test_bytes_that_are_no_envelope_go_to_quarantine_untouched(bench: Bench) -> None:
    poison = b"\xff\x00{not json"
    bench.apply(messages(envelope([("d1", 0, 1.0)]), poison, envelope([("d2", 0, 1.0)])))

    assert bench.all('select topic, part, "offset", item, key, value, reason from quarantine') == [
        (READINGS, 0, 1, -1, b"k", poison, "not_json")
    ]
    assert books(bench, "stored") == 2
    assert bench.one("select count(*) from outbox where topic = 'city.quarantine.v1'") == 1
    assert balanced(bench)


def test_an_envelope_with_columns_of_two_lengths_is_quarantined_and_its_rows_counted(
    bench: Bench,
) -> None:
    bench.apply(messages(envelope([("d1", 0, 1.0), ("d2", 0, 1.0)], at=[NOON])))

    assert books(bench, "readings_quarantined") == 2
    assert balanced(bench)


def test_rows_that_cannot_be_stored_are_kept_apart_and_the_others_stored(bench: Bench) -> None:
    rows = [
        ("d1", 0, 1.0),
        ("d2", 0, None),
        ("", 0, 1.0),
        ("d3", 30 * 86_400_000, 1.0),
        ("d4", -NOON, 1.0),
    ]
    outcome = bench.apply(messages(envelope([*rows, ("bad\u0000code", 0, 1.0)])))

    assert (outcome.total("stored"), outcome.total("refused")) == (1, 5)
    assert bench.all("select item, reason from quarantine order by item") == [
        (1, "value_missing"),
        (2, "device_unfit"),
        (3, "at_out_of_range"),
        (4, "at_out_of_range"),
        (5, "device_unfit"),
    ]
    kept = json.loads(bytes(bench.one("select value from quarantine where item = 3")))
    assert kept["device"] == "d3"
    assert kept["source"] == "gw-1"
    assert balanced(bench)


def test_numbers_beyond_every_measure_are_refused_not_fatal(bench: Bench) -> None:
    body = envelope([("d1", 0, 1.0), ("d2", 0, 1.0)])
    huge = body.replace(str(NOON).encode(), b"9" * 18, 1)
    outcome = bench.apply(messages(huge))

    assert (outcome.total("stored"), outcome.total("refused")) == (1, 1)


def test_a_metric_per_row_and_the_quality_are_kept(bench: Bench) -> None:
    bench.apply(
        messages(envelope([("d1", 0, 1.0), ("d1", 0, 2.0)], metric=["a", "b"], quality=[0, 3]))
    )

    found = bench.all(
        "select m.code, r.flags from reading r join metric m on m.id = r.metric order by 1"
    )
    assert found == [("a", 0), ("b", 3)]


def test_the_one_message_that_breaks_a_batch_is_found_and_the_others_kept(bench: Bench) -> None:
    """A trigger stands for any fault of ours that one message sets off."""
    bench.apply(messages(envelope([("bad", 0, 1.0)])))
    bench.connection.execute(
        "create function no() returns trigger language plpgsql as $$ begin "
        "if new.value = 666 then raise exception 'cannot' using errcode = '22000'; end if; return new; end $$"
    )
    bench.connection.execute(
        "create trigger no before insert on reading_last for each row execute function no()"
    )
    good = [envelope([(f"d{n}", 0, float(n))]) for n in range(9)]
    batch = [*good[:5], envelope([("bad2", 0, 666.0)]), *good[5:]]

    outcome = bench.apply(messages(*batch, first=1))

    assert outcome.failed == 1
    assert bench.all('select "offset", reason from quarantine') == [(6, "failed")]
    assert books(bench, "stored") == 10
    assert books(bench, "next_offset") == 11
    assert balanced(bench)


def test_when_our_own_schema_is_wrong_no_message_is_blamed(bench: Bench) -> None:
    bench.connection.execute("alter table reading_rollup rename column total to sum")

    with pytest.raises(psycopg.ProgrammingError):
        bench.apply(messages(envelope([("d1", 0, 1.0)])))

    assert bench.one("select count(*) from quarantine") == 0


def test_readings_of_many_days_find_their_partitions(bench: Bench) -> None:
    rows = [("d1", -day * 86_400_000, 1.0) for day in range(40)]
    bench.apply(messages(envelope(rows)))

    assert bench.one("select count(*) from reading") == 40


def test_two_partitions_in_one_transaction_have_their_own_books(bench: Bench) -> None:
    bench.apply(
        messages(envelope([("d1", 0, 1.0)]), part=3)
        + messages(envelope([("d2", 0, 1.0), ("d3", 0, 1.0)]), part=1)
    )

    assert bench.all("select part, stored, next_offset from stream_offset order by part") == [
        (1, 2, 1),
        (3, 1, 1),
    ]
    assert balanced(bench)


def test_events_are_received_filtered_and_known_again(bench: Bench) -> None:
    batch = messages(events({}, {"id": "x"}), events({"id": "x"}), topic=REPORTS)
    outcome = bench.apply(batch)

    assert outcome.total("events_in") == 3
    assert outcome.total("filtered") == 2
    assert outcome.total("events_repeated") == 1
    assert balanced(bench)


def test_events_that_cannot_be_taken_are_kept_apart_one_by_one(bench: Bench) -> None:
    bad: list[dict[str, Any]] = [
        {"at": "yesterday"},
        {"lon": 1.0},
        {"lon": 1.0, "lat": 2.0},
        {"kind": ""},
        {"at": "2026-11-22T08:00:00"},
    ]
    outcome = bench.apply(messages(events({}, *bad), topic=REPORTS))

    assert (outcome.total("filtered"), outcome.total("events_quarantined")) == (1, 5)
    assert [reason for (reason,) in bench.all("select reason from quarantine order by item")] == [
        "at_unreadable",
        "half_a_place",
        "datum_missing",
        "kind_unfit",
        "at_unreadable",
    ]
    assert balanced(bench)


def test_the_one_event_that_breaks_its_message_is_found_and_the_others_received(
    bench: Bench,
) -> None:
    bench.connection.execute(
        "create function no() returns trigger language plpgsql as $$ begin "
        "if new.id = 'e1' then raise exception 'cannot' using errcode = '22000'; end if; return new; end $$"
    )
    bench.connection.execute(
        "create trigger no before insert on event for each row execute function no()"
    )

    outcome = bench.apply(messages(events({}, {}, {}), topic=REPORTS))

    assert (outcome.total("filtered"), outcome.total("events_quarantined")) == (2, 1)
    assert bench.all("select item, reason from quarantine") == [(1, "failed")]
    assert balanced(bench)


def test_two_workers_that_hear_the_same_new_devices_both_get_on(
    bench: Bench, tmp_path: Path
) -> None:
    other = bench.another(tmp_path)
    rows = [(f"d{n}", 0, 1.0) for n in range(50)]
    bench.apply(messages(envelope(rows)))

    outcome = other.apply(bench.connection, messages(envelope(rows), part=1))

    assert outcome.total("duplicates") == 50
    assert bench.one("select count(*) from device") == 50


def test_an_empty_envelope_moves_the_fence(bench: Bench) -> None:
    outcome = bench.apply(messages(envelope([])))

    assert outcome.total("messages") == 1
    assert books(bench, "next_offset") == 1


def test_a_message_nested_without_end_is_quarantined(bench: Bench) -> None:
    deep = b'{"schema":"readings.v1","x":' + b"[" * 5000
    bench.apply(messages(envelope([("d1", 0, 1.0)]), deep, envelope([("d2", 0, 1.0)])))

    assert bench.all("select item, value, reason from quarantine") == [(-1, deep, "too_deep")]
    assert books(bench, "stored") == 2


def test_a_message_without_a_value_is_quarantined(bench: Bench) -> None:
    bench.apply([Message(READINGS, 0, 0, b"", None)])

    assert bench.one("select reason from quarantine") == "not_json"
