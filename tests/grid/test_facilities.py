"""Components 部件: read from a layer of points, put into their cells, or refused with every reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from shapely.geometry import LineString, Point

from grid import loading
from grid.atlas import Atlas
from grid.coordinates import Datum
from grid.errors import GridRefused
from grid.facilities import components_of
from grid.faults import OF_COMPONENTS, FaultKind, refusing
from grid.layer import Layer
from tests.grid import cities
from tests.grid.faulty import IN_FORCE, Row, box, geojson, moved, rows
from tests.grid.test_commands import grid

WEST, SOUTH = cities.HERE
LID, LAMP = "36100201001000001", "36100201007000002"


def at(east: float, north: float) -> Point:
    return Point(WEST + east * 0.001, SOUTH + north * 0.001)


def one(shape: Any, code: str = LID, **more: str) -> Row:
    return ({"code": code, **more}, shape)


def read(tmp_path: Path, *features: Row, datum: Datum = Datum.WGS84) -> Layer:
    return loading.read_layer(geojson(tmp_path / "components.geojson", features), datum)


def test_a_component_lies_in_its_cell_whatever_datum_the_layer_is_in(tmp_path: Path) -> None:
    inside = IN_FORCE.polygons[3].representative_point()
    for datum in (Datum.WGS84, Datum.GCJ02):
        layer = read(tmp_path, one(moved(inside, datum), state="破损"), datum=datum)
        (found,), notices = components_of(layer, Atlas.of(IN_FORCE))
        assert found.cell == str(IN_FORCE.codes[3])
        assert (found.category, str(found.state), notices) == ("01001", "damaged", ())


def test_outside_every_cell_is_a_notice_and_no_fault(tmp_path: Path) -> None:
    (found,), notices = components_of(read(tmp_path, one(at(900, 900))), Atlas.of(IN_FORCE))
    assert found.cell is None
    assert [n.kind for n in notices] == [FaultKind.OUTSIDE_GRID]


FAULTY = {
    FaultKind.GEOMETRY_NOT_POINT: [one(LineString([at(0, 0), at(1, 1)]))],
    FaultKind.STATE_UNKNOWN: [one(at(0.5, 0.5), state="歪了")],
    FaultKind.CODE_MALFORMED: [one(at(0.5, 0.5), code="361002")],
    FaultKind.CODE_TWICE: [one(at(0.5, 0.5)), one(at(1.5, 0.5))],
    FaultKind.DATUM_OUT_OF_RANGE: [one(Point(500_000, 3_000_000))],
}


@pytest.mark.parametrize("kind", FAULTY)
def test_a_faulty_layer_is_refused_by_name(tmp_path: Path, kind: FaultKind) -> None:
    layer = read(tmp_path, *FAULTY[kind], one(at(0.5, 0.5), code=LAMP))
    with pytest.raises(GridRefused) as refused:
        components_of(layer, None)
    assert {fault.kind for fault in refusing(refused.value.faults)} == {kind}
    assert all(fault.zh and fault.en for fault in refused.value.faults)


def test_every_kind_of_component_fault_is_shown_here() -> None:
    assert OF_COMPONENTS - {FaultKind.OUTSIDE_GRID} <= set(FAULTY)


@pytest.mark.real
def test_components_are_kept_by_code_all_or_none(tmp_path: Path, database_url: str) -> None:
    cells = geojson(tmp_path / "cells.geojson", rows(box(0, 0), box(1, 0)))
    assert grid("load", cells, "--datum", "wgs84", database=database_url).exit_code == 0

    def load(*features: Row) -> Any:
        path = geojson(tmp_path / "components.geojson", features)
        return grid("components", path, "--datum", "wgs84", "--json", database=database_url)

    first = load(one(at(0.5, 0.5), name="井盖"), one(at(1.5, 0.5), code=LAMP))
    assert json.loads(first.stdout) == {"ok": True, "components": 2, "outside": 0}
    assert load(one(at(1.5, 0.5), state="移除")).exit_code == 0
    assert load(one(at(0.5, 0.5), state="完好"), one(at(0.5, 0.5), code="1")).exit_code == 1
    with psycopg.connect(database_url) as connection:
        kept = connection.execute(
            "select code, category, cell_code, state from component order by code"
        ).fetchall()
    second = cities.code_of(1)
    assert kept == [
        (LID, "gb47678.5-2026/component/01001", second, "移除"),
        (LAMP, "gb47678.5-2026/component/01007", second, "完好"),
    ]
