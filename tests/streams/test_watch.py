"""The watch: devices stand in their cells of the edition in force, whenever they were registered."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from grid.coordinates import Datum, Position
from incidents.postgres import devices, grid_store
from incidents.postgres.connection import connect
from streams.watch import ONCE_MORE_S, Places
from tests.journey import scene

pytestmark = pytest.mark.real


def test_a_device_registered_before_the_grid_gets_its_cell_and_another_with_the_next_edition(
    database_url: str, tmp_path: Path
) -> None:
    places = Places(tmp_path)
    place = Position(*scene.middle(3, 3), Datum.WGS84)
    with connect(database_url, "test") as connection:
        devices.register(connection, devices.Registration("early", position=place), None)
        assert places.look(connection, 0.0) == []

        grid_store.keep_edition(connection, scene.edition())
        assert len(places.look(connection, 1.0)) == 1
        assert cell_of(connection, "early") == scene.cell_code(3, 3)
        assert places.look(connection, 2.0) == []

        # somebody who had not seen the grid yet
        devices.register(connection, devices.Registration("raced", position=place), None)
        assert len(places.look(connection, 1.0 + ONCE_MORE_S)) == 1
        assert cell_of(connection, "raced") == scene.cell_code(3, 3)

        before = devices.find(connection, "early")
        smaller = scene.edition().polygons[:50]
        codes = scene.edition().codes[:50]
        newer = type(scene.edition()).of("newer", date(2021, 1, 1), (list(codes), list(smaller)))
        grid_store.keep_edition(connection, newer)
        assert len(places.look(connection, 99.0)) == 1
        after = devices.find(connection, "early")
        assert before is not None
        assert after is not None
        assert after.cell != before.cell
        assert after.cell_code == scene.cell_code(3, 3)


def cell_of(connection: object, code: str) -> str | None:
    found = devices.find(connection, code)  # type: ignore[arg-type]
    return found.cell_code if found else None
