"""Columns of several envelopes: rows found good or refused, places converted, nothing raised."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from grid.coordinates import Datum, to_wgs84
from streams import columns
from streams.columns import Refusal, gather
from streams.wire import Readings, decode_readings
from tests.streams.builders import NOON, envelope


def read(body: bytes) -> Readings:
    return decode_readings(body)


def test_rows_know_the_envelope_and_the_place_they_came_from() -> None:
    rows = gather([read(envelope([("a", 0, 1.0), ("b", 0, 2.0)])), read(envelope([("c", 0, 3.0)]))])

    assert rows.envelope.tolist() == [0, 0, 1]
    assert rows.item.tolist() == [0, 1, 0]
    assert rows.device == ["a", "b", "c"]
    assert rows.lon is None


def test_no_envelopes_are_no_rows() -> None:
    assert len(gather([])) == 0
    assert len(gather([read(envelope([]))])) == 0


def test_places_are_converted_from_the_datum_of_their_own_envelope() -> None:
    place = {"lon": [116.4], "lat": [39.9]}
    rows = gather(
        [
            read(envelope([("a", 0, 1.0)], **place, datum="gcj02")),
            read(envelope([("b", 0, 1.0)], **place, datum="wgs84")),
            read(envelope([("c", 0, 1.0)])),
        ]
    )
    assert rows.lon is not None
    moved, _ = to_wgs84(116.4, 39.9, Datum.GCJ02)
    assert rows.lon[:2].tolist() == [moved, 116.4]
    assert np.isnan(rows.lon[2])


def test_each_kind_of_bad_row_has_its_reason() -> None:
    rows = [("a", 0, 1.0), ("a", 1, None), ("a", -NOON, 1.0), ("a", 25 * 3_600_000, 1.0)]
    rows += [("a", 2, 1e18), ("a", 3, -1.1e18)]
    why = gather([read(envelope(rows))]).refused(NOON)

    assert [Refusal(w).reason for w in why] == [
        "none",
        "value_missing",
        "at_out_of_range",
        "at_out_of_range",
        "none",
        "value_out_of_range",
    ]
    assert all(" / " in r.detail for r in Refusal if r is not Refusal.NONE)


def test_a_code_is_fit_when_a_person_could_read_it() -> None:
    assert columns.fit_code("设备-01")
    for unfit in ("", " a", "a ", "a\x00b", "a\nb", "x" * 129, "\u200b"):
        assert not columns.fit_code(unfit)


numbers = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers())
row = st.tuples(st.text(max_size=5), st.integers(), numbers)


@given(st.lists(st.lists(row, max_size=5), max_size=4))
def test_whatever_the_rows_hold_none_is_lost_and_nothing_is_raised(
    batches: list[list[tuple[str, int, object]]],
) -> None:
    bodies = [
        json.dumps(
            {
                "schema": "readings.v1",
                "batch": "b",
                "source": "s",
                "sent_at": "x",
                "device": [d for d, _, _ in rows],
                "metric": "m",
                "at": [a for _, a, _ in rows],
                "value": [v for _, _, v in rows],
            }
        ).encode()
        for rows in batches
    ]
    rows = gather([read(body) for body in bodies])

    assert len(rows) == sum(map(len, batches))
    assert len(rows.refused(NOON)) == len(rows)
    for n in range(len(rows)):
        assert json.loads(rows.row_as_json(n))["source"] == "s"
