"""What a replay plays: files as timed records; what cannot be read is said with its line or its column."""

import csv
import gzip
import io
from pathlib import Path

import pytest

from streams import playback
from streams.playback import Reading
from streams.trouble import Trouble
from streams.wire import decode_events, decode_readings
from tests.streams.builders import NOON, envelope, events

PM = """No,year,month,day,hour,pm2.5
1,2010,1,1,0,NA
2,2010,1,1,1,129
3,2010,1,1,2,148
"""


def table(text: str) -> "csv.DictReader[str]":
    return csv.DictReader(io.StringIO(text))


def test_recorded_envelopes_keep_their_bytes_of_meaning_and_are_paced_by_their_newest_row() -> None:
    lines = [
        envelope([("a", 0, 1.0), ("b", 2000, 2.0)]).decode(),
        "",
        events({"at": NOON + 5}).decode(),
    ]
    first, second = playback.envelopes(lines)

    assert (first.topic.name, first.key, first.at_ms, first.rows) == (
        "city.readings.v1",
        b"gw-1",
        NOON + 2000,
        2,
    )
    assert (second.topic.name, second.at_ms) == ("city.reports.v1", NOON + 5)


def test_a_line_that_is_no_envelope_is_named() -> None:
    with pytest.raises(Trouble, match="第 2 行"):
        list(playback.envelopes([envelope([]).decode(), "garbage"]))


def test_times_are_shifted_together() -> None:
    (one,) = playback.envelopes([envelope([("a", 0, 1.0)]).decode()], shift_ms=1000)

    assert decode_readings(one.value).at == [NOON + 1000]


def test_a_csv_of_readings_with_its_time_in_four_columns_and_gaps() -> None:
    how = Reading(
        "readings",
        "us-embassy",
        {
            "device": "pm-1",
            "metric": "air.pm25",
            "at": "{year}-{month}-{day} {hour}",
            "value": "{pm2.5}",
        },
        at_format="%Y-%m-%d %H",
        zone="Asia/Shanghai",
    )
    (one,) = playback.rows(table(PM), how)
    found = decode_readings(one.value)

    assert found.value == [129.0, 148.0]
    assert found.at == [1262278800000, 1262282400000]
    assert found.device == ["pm-1", "pm-1"]


def test_long_csvs_come_in_envelopes_of_a_size_the_intake_likes() -> None:
    text = "t,v\n" + "".join(f"{NOON + n},{n}\n" for n in range(1201))
    how = Reading("readings", "s", {"device": "d", "metric": "m", "at": "{t}", "value": "{v}"})

    assert [one.rows for one in playback.rows(table(text), how)] == [500, 500, 201]


def test_a_csv_of_events_is_one_event_a_message_with_an_id_that_stays() -> None:
    text = "id,what,when,x,y\n7,smoke,2026-09-22T08:00:00Z,116.4,39.9\n"
    how = Reading(
        "events",
        "calls",
        {"id": "{id}", "kind": "{what}", "at": "{when}", "lon": "{x}", "lat": "{y}"},
        datum="wgs84",
    )
    (one,) = playback.rows(table(text), how)
    (event,) = decode_events(one.value).events

    assert (event.id, event.kind, event.lon, event.datum) == ("7", "smoke", 116.4, "wgs84")


def test_a_column_that_is_not_there_is_named_before_anything_is_sent() -> None:
    how = Reading(
        "readings", "s", {"device": "{station}", "metric": "m", "at": "{t}", "value": "{v}"}
    )

    with pytest.raises(Trouble, match="station"):
        list(playback.rows(table("t,v\n1,2\n"), how))


def test_a_gzipped_file_is_read_like_any_other(tmp_path: Path) -> None:
    file = tmp_path / "x.ndjson.gz"
    file.write_bytes(gzip.compress(envelope([("a", 0, 1.0)]) + b"\n"))

    with playback.open_text(file) as text:
        assert len(list(playback.envelopes(text))) == 1
