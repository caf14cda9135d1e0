"""The fictional city is a sound one: grid, names, machines."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import shapely

from demo import fleet, names
from demo.city import City, build, divide_land
from demo.geography import draw
from grid import loading
from grid.atlas import Atlas
from grid.coordinates import Datum, in_customary_box


@pytest.fixture(scope="module")
def city() -> City:
    return build()


def test_a_grid_check_finds_neither_fault_nor_notice(city: City, tmp_path: Path) -> None:
    file = tmp_path / "yunting.geojson"
    features = [
        {
            "type": "Feature",
            "properties": {"code": str(code), "name": str(name)},
            "geometry": json.loads(shapely.to_geojson(polygon)),
        }
        for code, name, polygon in zip(
            city.edition.codes, city.edition.names, city.edition.polygons, strict=True
        )
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    layer, faults = loading.inspect(file, Datum.WGS84)
    assert layer is not None
    assert faults == []
    assert loading.read(file, Datum.WGS84, holds_from=date(2026, 1, 1)).digest == (
        city.edition.digest
    )


def test_it_has_three_districts_eight_streets_forty_communities_a_thousand_cells(
    city: City,
) -> None:
    assert len(set(city.edition.districts)) == 3
    assert len(set(city.edition.streets)) == 8
    assert len(set(city.edition.communities)) == 40
    assert 950 <= len(city.edition) <= 1100


def test_cells_are_near_ten_thousand_square_metres(city: City) -> None:
    area = city.edition.areas_m2
    assert 9_000 < np.median(area) < 11_000
    assert (area > 3_900).all()
    assert (area < 15_100).all()


def test_every_area_and_cell_has_a_chinese_name_of_its_own(city: City) -> None:
    titles = city.edition.area_names
    codes = [*city.edition.districts, *city.edition.streets, *city.edition.communities]
    assert set(map(str, codes)) == set(titles)
    assert len(set(titles.values())) == len(titles)
    assert len(set(city.edition.names.tolist())) == len(city.edition)


def test_no_region_code_is_one_that_a_place_has(city: City) -> None:
    assert all(code.startswith("99") for code in city.edition.codes.tolist())
    assert city.region.startswith("99")


def test_every_cell_has_exactly_one_responsible_grid(city: City) -> None:
    held = Counter(cell for patch in city.edition.responsible.values() for cell in patch.cells)
    assert set(held) == set(city.edition.codes.tolist())
    assert set(held.values()) == {1}


def test_the_city_lies_where_gcj02_shifts_places(city: City) -> None:
    west, south, east, north = city.edition.bounds
    assert in_customary_box([west, east], [south, north]).all()


def test_the_land_divided_again_is_the_same_land(city: City) -> None:
    assert divide_land(draw()).digest == city.edition.digest


def test_every_device_stands_in_a_cell_whatever_its_datum(city: City) -> None:
    atlas = Atlas.of(city.edition)
    placed = [d.position.into(Datum.WGS84) for d in city.devices]
    found = atlas.locate(np.array([p.lon for p in placed]), np.array([p.lat for p in placed]))
    assert (found >= 0).all()


def test_about_three_hundred_devices_some_of_them_in_gcj02(city: City) -> None:
    assert 280 <= len(city.devices) <= 330
    datums = Counter(d.position.datum for d in city.devices)
    assert datums[Datum.GCJ02] > 40
    assert datums[Datum.WGS84] > 200


def test_devices_and_facilities_have_codes_of_their_own(city: City) -> None:
    assert len({d.code for d in city.devices}) == len(city.devices)
    assert len({c.code for c in city.components}) == len(city.components)
    known = {c.code for c in city.components}
    assert all(d.component in known for d in city.devices)


def test_every_facility_lies_in_the_cell_it_says(city: City) -> None:
    for facility in city.components:
        assert facility.cell is not None
        index = city.edition.index_of(facility.cell)
        assert index is not None
        place = shapely.Point(facility.position.lon, facility.position.lat)
        assert city.edition.polygons[index].intersects(place)


def test_every_metric_a_device_measures_is_one_we_name() -> None:
    named = {metric.code for metric in fleet.METRICS}
    assert {code for make in fleet.MAKES for code in make.metrics} == named


def test_each_district_has_its_own_code_and_side() -> None:
    assert sorted(names.SIDE_OF_DISTRICT) == [0, 1, 2]
    assert len({code for code, _, _ in names.DISTRICTS}) == 3
