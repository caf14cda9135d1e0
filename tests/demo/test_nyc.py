"""New York's night is carried as it was: tracts, requests, series."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from demo import nyc
from grid.atlas import Atlas
from grid.edition import Edition
from grid.unit_grid import unit_grid_code
from incidents.category import CategoryKey


@pytest.fixture(scope="module")
def edition() -> Edition:
    return nyc.edition()


@pytest.fixture(scope="module")
def atlas(edition: Edition) -> Atlas:
    return Atlas.of(edition)


def test_2166_tracts_are_cells_with_valid_codes(edition: Edition) -> None:
    assert len(edition) == 2166
    for code in edition.codes.tolist():
        assert unit_grid_code(code) == code
    assert len(set(edition.districts)) == 5
    assert len(set(edition.streets)) == 195


def test_a_cells_code_gives_back_the_tracts_number() -> None:
    assert nyc.cell_code("5000900", "SI22") == "993605022000900"
    assert nyc.geoid_of("993605022000900") == "5000900"


def test_no_tract_loses_its_number(edition: Edition) -> None:
    assert len({nyc.geoid_of(code) for code in edition.codes.tolist()}) == 2166


def test_every_geocoded_request_falls_in_a_cell(atlas: Atlas) -> None:
    placed = [r for r in nyc.requests() if r.lon is not None]
    assert len(placed) == 913
    lon = np.array([r.lon for r in placed], dtype=float)
    lat = np.array([r.lat for r in placed], dtype=float)
    assert (atlas.locate(lon, lat) >= 0).all()


def test_924_requests_in_the_order_they_were_made_none_twice() -> None:
    requests = nyc.requests()
    assert len(requests) == 924
    assert len({r.key for r in requests}) == 924
    assert [r.created for r in requests] == sorted(r.created for r in requests)
    assert {r.agency for r in requests} == set(nyc.AGENCIES)


def test_each_complaint_type_is_a_category_of_its_own() -> None:
    types = {r.complaint for r in nyc.requests()}
    keys = {nyc.category_key(t) for t in types}
    assert len(keys) == len(types) == 37
    assert {CategoryKey.parse(k).code_set for k in keys} == {"nyc311"}
    assert nyc.category_key("Noise - Street/Sidewalk") == "nyc311/matter/noise-street-sidewalk"


def test_the_series_has_43824_hours_2067_of_them_missing() -> None:
    values = list(nyc.series())
    gaps = Counter(value is None for value in values)
    assert (len(values), gaps[True]) == (43_824, 2_067)
    assert max(v for v in values if v is not None) == 994


def test_the_borrowed_sensor_stands_in_a_cell(atlas: Atlas) -> None:
    place = nyc.city().devices[0].position
    assert atlas.locate_one(place.lon, place.lat) >= 0
