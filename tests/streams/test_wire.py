"""Golden messages: what was once written to Kafka stays readable for ever, with additions, and nothing less."""

import json
from pathlib import Path

import pytest

from streams.wire import (
    Unreadable,
    decode_events,
    decode_fact,
    decode_readings,
)

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


def test_the_golden_envelope_of_readings_says_what_it_said() -> None:
    found = decode_readings(golden("readings.v1.json"))

    assert (found.batch, found.source) == ("gw-07/000123", "gw-07")
    assert found.device == ["manhole-0001", "air-0002"]
    assert found.metric == ["manhole.tilt", "air.pm25"]
    assert found.at == [1763798400000, 1763798400500]
    assert found.value == [1.5, None]
    assert (found.lon, found.lat, found.datum) == ([116.4, None], [39.9, None], "gcj02")
    assert found.quality == [0, 3]


def test_the_golden_envelope_of_events_says_what_it_said() -> None:
    found = decode_events(golden("events.v1.json"))

    first, second = found.events
    assert (first.id, first.kind, first.at) == ("cam-3/1", "smoke", 1763798400000)
    assert (first.score, first.zones, first.raw) == (0.91, ["gate"], {"box": [1, 2, 3, 4]})
    assert (second.at, second.lon, second.zones) == ("2026-11-22T16:00:00+08:00", None, [])


def test_the_golden_fact_says_what_it_said() -> None:
    found = decode_fact(golden("incident_fact.v1.json"))

    assert (found.fact_id, found.fact, found.version) == (
        "1101012026112200001/1",
        "incident_open",
        1,
    )
    assert found.incident["state"] == "open"


@pytest.mark.parametrize("name", ["readings.v1.json", "events.v1.json", "incident_fact.v1.json"])
def test_members_of_later_days_are_passed_over(name: str) -> None:
    body = json.loads(golden(name)) | {"of_later_days": {"a": 1}}
    decode = {"r": decode_readings, "e": decode_events, "i": decode_fact}[name[0]]

    assert decode(json.dumps(body).encode()) == decode(golden(name))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": "readings.v2"}, "not_the_schema"),
        ({"datum": "mars"}, "not_the_schema"),
        ({"value": ["a", "b"]}, "not_the_schema"),
        ({"device": None}, "not_the_schema"),
        ({"at": [1]}, "columns_differ"),
        ({"lat": None}, "half_a_place"),
        ({"datum": None}, "datum_missing"),
    ],
)
def test_what_means_something_else_is_not_read(change: dict[str, object], reason: str) -> None:
    body = json.loads(golden("readings.v1.json")) | change

    with pytest.raises(Unreadable) as told:
        decode_readings(json.dumps(body).encode())

    assert told.value.reason == reason


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"null", b"[]", b"NaN"])
def test_what_is_no_json_object_is_unreadable_and_never_another_exception(body: bytes) -> None:
    with pytest.raises(Unreadable):
        decode_readings(body)
