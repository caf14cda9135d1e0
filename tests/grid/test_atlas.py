"""The fast way equals the plain way: the raster against asking every polygon with shapely."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from grid.atlas import NOT_A_NUMBER, OUTSIDE, SWAPPED, Atlas, outcome_name
from grid.raster import CROWDED
from tests.grid import cities
from tests.grid.cities import Floats


def plainly(polygons: NDArray[Any], x: Floats, y: Floats) -> NDArray[np.int32]:
    """The lowest polygon that intersects each place, or -1, by shapely alone."""
    found = np.full(len(x), -1, dtype=np.int32)
    point, cell = shapely.STRtree(polygons).query(shapely.points(x, y), predicate="intersects")
    for at in np.lexsort((-cell, point)).tolist():
        found[point[at]] = cell[at]
    return found


def in_or_out(found: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.where(found < 0, np.int32(-1), found)


@pytest.fixture(scope="module", params=sorted(cities.HARD))
def hard(request: pytest.FixtureRequest) -> tuple[NDArray[Any], Atlas]:
    polygons = cities.HARD[request.param]()
    return polygons, Atlas.of(cities.edition_of(polygons))


def test_places_anywhere_find_the_cell_that_shapely_finds(hard: tuple[Any, Atlas]) -> None:
    polygons, atlas = hard
    x, y = cities.uniform(polygons, 20_000)
    np.testing.assert_array_equal(in_or_out(atlas.locate(x, y)), plainly(polygons, x, y))


def test_places_along_streets_find_the_cell_that_shapely_finds(hard: tuple[Any, Atlas]) -> None:
    polygons, atlas = hard
    x, y = cities.along_streets(polygons, 20_000)
    np.testing.assert_array_equal(in_or_out(atlas.locate(x, y)), plainly(polygons, x, y))


def test_corners_edges_and_numbers_that_are_no_place_find_what_shapely_finds(
    hard: tuple[Any, Atlas],
) -> None:
    polygons, atlas = hard
    x, y = cities.evil(polygons, 4_000)
    np.testing.assert_array_equal(in_or_out(atlas.locate(x, y)), plainly(polygons, x, y))


def test_one_place_is_answered_as_in_an_array(hard: tuple[Any, Atlas]) -> None:
    polygons, atlas = hard
    x, y = (
        np.concatenate(pair)
        for pair in zip(cities.along_streets(polygons, 300), cities.evil(polygons, 60), strict=True)
    )
    one_by_one = [atlas.locate_one(*place) for place in zip(x.tolist(), y.tolist(), strict=True)]
    assert one_by_one == atlas.locate(x, y).tolist()


def test_the_compiled_look_up_gives_the_same_answers(hard: tuple[Any, Atlas]) -> None:
    pytest.importorskip("numba", reason="numba is an optional extra and not installed here")
    polygons, atlas = hard
    compiled = Atlas.on(atlas.edition, atlas.raster, kernel="numba")
    x, y = cities.evil(polygons, 2_000)
    np.testing.assert_array_equal(compiled.locate(x, y), atlas.locate(x, y))


def test_asking_for_numba_where_there_is_none_still_gives_an_atlas() -> None:
    polygons = cities.block(3, 3)
    atlas = Atlas.of(cities.edition_of(polygons), kernel="numba")
    x, y = cities.uniform(polygons, 500)
    np.testing.assert_array_equal(in_or_out(atlas.locate(x, y)), plainly(polygons, x, y))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    across=st.integers(1, 6),
    up=st.integers(1, 6),
    step_m=st.sampled_from([3.0, 11.0, 40.0, 100.0, 400.0]),
    bend=st.integers(1, 8),
    lon=st.floats(-179.5, 179.5),
    lat=st.floats(-60, 60),
    keep=st.floats(0.5, 1.0),
)
def test_any_partition_is_answered_as_by_shapely_on_its_limits_too(
    seed: int, across: int, up: int, step_m: float, bend: int, lon: float, lat: float, keep: float
) -> None:
    cells = cities.block(
        across, up, step_m=step_m, bend=bend, seed=seed, corner=(lon, lat), decimals=9
    )
    cells = cells[np.random.default_rng(seed).random(len(cells)) <= keep]
    if len(cells) == 0:
        return
    atlas = Atlas.of(cities.edition_of(cells))
    x, y = (
        np.concatenate(three)
        for three in zip(
            cities.uniform(cells, 300, seed),
            cities.along_streets(cells, 300, seed),
            cities.evil(cells, 150, seed),
            strict=True,
        )
    )
    np.testing.assert_array_equal(in_or_out(atlas.locate(x, y)), plainly(cells, x, y))


def test_a_place_on_a_shared_limit_goes_to_the_lowest_code() -> None:
    west, east = (
        shapely.box(116.0, 28.0, 116.001, 28.001),
        shapely.box(116.001, 28.0, 116.002, 28.001),
    )
    for order in ([west, east], [east, west]):
        atlas = Atlas.of(cities.edition_of(order))
        assert atlas.locate([116.001], [28.0005]).tolist() == [0]
        assert atlas.locate_one(116.001, 28.0005) == 0


def test_what_is_no_place_in_the_city_has_a_name() -> None:
    polygons = cities.block(4, 4)
    atlas = Atlas.of(cities.edition_of(polygons))
    inside = polygons[5].centroid
    found = atlas.locate(
        [inside.x, inside.y, 120.0, np.nan, np.inf, 1e308],
        [inside.y, inside.x, 30.0, 28.0, 28.0, 1e308],
    )
    assert found.tolist() == [5, SWAPPED, OUTSIDE, NOT_A_NUMBER, NOT_A_NUMBER, OUTSIDE]
    names = ["found", "swapped", "outside", "not_a_number", "not_a_number", "outside"]
    assert [outcome_name(cell) for cell in found.tolist()] == names


def test_a_lake_inside_the_city_is_outside_and_not_swapped() -> None:
    ring = shapely.box(28.0, 28.0, 28.01, 28.01).difference(
        shapely.box(28.004, 28.004, 28.006, 28.006)
    )
    atlas = Atlas.of(cities.edition_of([ring]))
    assert atlas.locate_one(28.0045, 28.0055) == OUTSIDE


def test_a_cell_knows_its_community_street_and_district() -> None:
    polygons = cities.block(40, 40, bend=1)
    atlas = Atlas.of(cities.edition_of(polygons))
    cell = atlas.edition.index_of("361002002003004")
    assert cell is not None
    assert atlas.community_codes[atlas.community[cell]] == "361002002003"
    assert atlas.street_codes[atlas.street[cell]] == "361002002"
    assert atlas.district_codes[atlas.district[cell]] == "361002"
    assert [len(atlas.community_codes), len(atlas.street_codes)] == [16, 2]


def test_a_city_without_cells_holds_no_place() -> None:
    atlas = Atlas.of(cities.edition_of([]))
    assert atlas.locate([116.0, np.nan], [28.0, 28.0]).tolist() == [OUTSIDE, NOT_A_NUMBER]
    assert atlas.locate_one(0.5, 0.5) == OUTSIDE


def test_no_place_at_all_is_an_empty_answer() -> None:
    atlas = Atlas.of(cities.edition_of(cities.block(2, 2)))
    assert atlas.locate([], []).tolist() == []


def test_a_pixel_too_full_for_its_record_is_marked_as_crowded() -> None:
    atlas = Atlas.of(cities.edition_of(cities.crowd()))
    assert (atlas.raster.cells[:, 0] == CROWDED).any()


def test_shapely_is_asked_about_limits_only() -> None:
    polygons = cities.block(12, 12, bend=18)
    raster = Atlas.of(cities.edition_of(polygons)).raster
    x, y = cities.along_streets(polygons, 20_000)
    _, undecided, record = raster.find(x, y)
    _, sure = raster.limits.decide(x[undecided], y[undecided], record)
    assert len(undecided) > 1_000
    assert sure.all()
    corners = shapely.get_coordinates(polygons)
    _, undecided, record = raster.find(corners[:, 0], corners[:, 1])
    assert len(undecided) == len(corners)
    _, sure = raster.limits.decide(corners[:, 0], corners[:, 1], record)
    assert not sure.any()


def test_threads_may_ask_one_atlas_at_once() -> None:
    polygons = cities.block(20, 20, bend=10)
    x, y = cities.along_streets(polygons, 20_000)
    wanted = plainly(polygons, x, y)
    for _ in range(3):
        atlas = Atlas.of(cities.edition_of(shapely.from_wkb(shapely.to_wkb(polygons))))
        with ThreadPoolExecutor(4) as pool:
            for answer in pool.map(lambda _, a=atlas: a.locate(x, y), range(8)):
                np.testing.assert_array_equal(in_or_out(answer), wanted)
