"""Devices: registered with a datum and located once, or heard of by several workers at the same time."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from grid.coordinates import Datum, Position, to_wgs84
from incidents.errors import DeviceRefused
from incidents.postgres import devices
from incidents.postgres.connection import Connection, connect
from incidents.postgres.devices import Registration

pytestmark = pytest.mark.real

Answer = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.int32]]


def a_cell(conn: Connection, cell: int = 7) -> None:
    conn.execute(
        "insert into grid_edition (name, holds_from, digest, datum, first_cell, cells)"
        " values ('一', '2026-01-01', 'x', 'wgs84', 1, 100) on conflict do nothing"
    )
    conn.execute(
        "insert into unit_grid select %s, max(id), %s, null, '110101001001', '110101001', '110101',"
        " null, 1, 116, 39, '' from grid_edition",
        (cell, f"110101001001{cell:02}"),
    )


def everything_in(cell: int) -> Answer:
    return lambda lon, _: np.full(len(lon), cell, dtype=np.int32)


def test_a_device_never_heard_of_gets_an_id_that_stays(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        first = devices.ensure(conn, ["pm-2", "pm-1", "pm-2"])
        assert first.keys() == {"pm-1", "pm-2"}
        assert devices.ensure(conn, ["pm-1", "pm-3"])["pm-1"] == first["pm-1"]
        found = devices.find(conn, "pm-1")
    assert found is not None
    assert not found.registered


def test_hearing_of_known_devices_burns_no_ids(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        last = devices.ensure(conn, ["a"])["a"]
        for _ in range(20):
            devices.ensure(conn, ["a"])
        assert devices.ensure(conn, ["b"])["b"] == last + 1


def test_workers_that_hear_of_the_same_devices_at_once_agree(database_url: str) -> None:
    codes = [f"lamp-{n}" for n in range(300)]

    def worker(seed: int) -> dict[str, int]:
        mixed = codes[:]
        random.Random(seed).shuffle(mixed)
        ids: dict[str, int] = {}
        with connect(database_url, f"w{seed}") as conn:
            for start in range(0, 300, 50):
                ids |= devices.ensure(conn, mixed[start : start + 50])
        return ids

    with ThreadPoolExecutor(4) as workers:
        answers = list(workers.map(worker, range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert len(set(answers[0].values())) == 300


def test_a_registered_device_keeps_the_raw_place_and_gets_wgs84_and_its_cell(
    database_url: str,
) -> None:
    place = Position(116.404, 39.915, Datum.GCJ02)
    with connect(database_url, "test") as conn:
        a_cell(conn)
        heard = devices.ensure(conn, ["cam-1"])["cam-1"]
        kept = devices.register(
            conn, Registration("cam-1", "路口", "camera", position=place), everything_in(7)
        )
    assert (kept.id, kept.registered, kept.cell_code) == (heard, True, "11010100100107")
    assert (kept.raw_lon, kept.raw_lat, kept.datum) == (116.404, 39.915, "gcj02")
    assert (kept.lon, kept.lat) == to_wgs84(116.404, 39.915, Datum.GCJ02)


def test_a_device_outside_the_city_has_a_place_and_no_cell(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        kept = devices.register(
            conn, Registration("x", position=Position(0, 0, Datum.WGS84)), everything_in(-1)
        )
    assert (kept.lon, kept.lat, kept.cell) == (0, 0, None)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (Registration(" "), "为空"),
        (Registration("x" * 129), "128"),
        (Registration("nul\0"), "128"),
        (Registration("a", position=Position(float("nan"), 1, Datum.WGS84)), "经度"),
        (Registration("a", position=Position(39.9, 116.4, Datum.WGS84)), "经度"),
        (Registration("a", component="1101010101000001"), "部件"),
    ],
)
def test_a_registration_that_makes_no_sense_is_refused_and_leaves_nothing(
    database_url: str, bad: Registration, why: str
) -> None:
    with connect(database_url, "test") as conn:
        with pytest.raises(DeviceRefused, match=why):
            devices.register(conn, bad, everything_in(-1))
        assert devices.changed_since(conn, datetime(2000, 1, 1, tzinfo=UTC)) == []


def test_a_worker_sees_what_changed_since_it_last_asked(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        devices.ensure(conn, ["a", "b"])
        now = conn.execute("select clock_timestamp()").fetchone()
        assert now is not None
        devices.register(conn, Registration("a", "甲"), None)
        assert [one.code for one in devices.changed_since(conn, now[0])] == ["a"]


def test_a_new_edition_gives_placed_devices_their_new_cells_and_touches_no_other(
    database_url: str,
) -> None:
    with connect(database_url, "test") as conn:
        a_cell(conn, 7)
        a_cell(conn, 8)
        place = Position(116.4, 39.9, Datum.WGS84)
        devices.register(conn, Registration("a", position=place), everything_in(7))
        devices.register(conn, Registration("b"), None)
        assert devices.relocate(conn, everything_in(8)) == 1
        assert devices.relocate(conn, everything_in(8)) == 0
        moved, other = devices.find(conn, "a"), devices.find(conn, "b")
    assert moved is not None
    assert other is not None
    assert (moved.cell, other.cell) == (8, None)
