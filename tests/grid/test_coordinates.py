"""Datums: exact both ways, and the same figures as programs that others wrote."""

from __future__ import annotations

import pickle

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grid.coordinates import (
    EAST,
    NORTH,
    SOUTH,
    WEST,
    Datum,
    Position,
    convert,
    from_wgs84,
    metres_between,
    metres_per_degree,
    to_wgs84,
)
from grid.errors import CityError, DatumMixed, DatumUnknown

SHIFTED = (Datum.GCJ02, Datum.BD09)

# Figures that gcoord 1.0.7 (npm, MIT) answers for these places: WGS-84, GCJ-02, BD-09.
BY_GCOORD = [
    (
        (87.61, 43.79),
        (87.61284237767465, 43.791220805761505),
        (87.61923166511646, 43.79742246058378),
    ),
    (
        (126.63, 45.75),
        (126.6359423904876, 45.751935204908385),
        (126.6425031244059, 45.75782565826714),
    ),
    (
        (109.51, 18.25),
        (109.51408958706702, 18.24830141848723),
        (109.52063840543791, 18.25405968210675),
    ),
    (
        (102.71, 25.04),
        (102.7114371746248, 25.037024196433627),
        (102.71785437061334, 25.043298191173484),
    ),
    (
        (121.47, 31.23),
        (121.47453490044272, 31.22806748194233),
        (121.48107620808638, 31.233986715638547),
    ),
    (
        (116.35, 27.95),
        (116.35499156898653, 27.94685218603669),
        (116.36153852416281, 27.952602283366204),
    ),
    (
        (75.99, 39.47),
        (75.9929556381645, 39.47022749677051),
        (75.99946519930792, 39.476187842272964),
    ),
    (
        (134.28, 48.36),
        (134.28766465679774, 48.362371490023335),
        (134.2940334274385, 48.3687431830612),
    ),
]

# City seats published in gcoord's test/fixtures/china-cities.json: WGS-84, GCJ-02, BD-09. The
# WGS-84 figures agree with the others to metres only (gcoord's own test asks for four decimals),
# the BD-09 figures to six decimals.
CITY_SEATS = [
    ((114.0164322, 33.0133556), (114.022306, 33.0115324), (114.0287781, 33.0176697)),
    ((92.0499619, 31.4784436), (92.0512438, 31.4762063), (92.0576832, 31.4824421)),
    ((116.0414035, 43.9312805), (116.0482308, 43.9334573), (116.0546232, 43.9397782)),
    ((108.6503952, 21.9828281), (108.6541485, 21.9799392), (108.6607283, 21.9856319)),
    ((98.4937175, 39.7319946), (98.4943595, 39.7328234), (98.5008441, 39.7388949)),
    ((119.6427465, 29.0820414), (119.6474509, 29.0790641), (119.6538875, 29.0854003)),
]

# From the tests of eviltransform (github.com/googollee/eviltransform, python/test.py), which
# asks for six decimals: it computes on an axis of 6378137 m.
BY_EVILTRANSFORM = [
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
]


def metres_apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    return float(metres_between(*one, *other))


@pytest.mark.parametrize(("wgs84", "gcj02", "bd09"), BY_GCOORD)
def test_shifts_are_those_of_gcoord(
    wgs84: tuple[float, float], gcj02: tuple[float, float], bd09: tuple[float, float]
) -> None:
    assert from_wgs84(*wgs84, Datum.GCJ02) == pytest.approx(gcj02, abs=1e-11, rel=0)
    assert from_wgs84(*wgs84, Datum.BD09) == pytest.approx(bd09, abs=1e-11, rel=0)
    assert convert(*gcj02, Datum.GCJ02, Datum.BD09) == pytest.approx(bd09, abs=1e-11, rel=0)
    assert metres_apart(to_wgs84(*gcj02, Datum.GCJ02), wgs84) < 1e-5
    assert metres_apart(to_wgs84(*bd09, Datum.BD09), wgs84) < 1e-5


@pytest.mark.parametrize(("wgs84", "gcj02", "bd09"), CITY_SEATS)
def test_shifts_are_those_published_for_city_seats(
    wgs84: tuple[float, float], gcj02: tuple[float, float], bd09: tuple[float, float]
) -> None:
    assert metres_apart(from_wgs84(*wgs84, Datum.GCJ02), gcj02) < 5.0
    assert metres_apart(convert(*gcj02, Datum.GCJ02, Datum.BD09), bd09) < 0.15


@pytest.mark.parametrize(("wgs84", "gcj02"), BY_EVILTRANSFORM)
def test_shifts_are_those_of_eviltransform_to_six_decimals(
    wgs84: tuple[float, float], gcj02: tuple[float, float]
) -> None:
    assert from_wgs84(*wgs84, Datum.GCJ02) == pytest.approx(gcj02, abs=5e-7, rel=0)


def test_shifts_are_those_of_coordtransform() -> None:
    # github.com/wandergis/coordtransform, test/app.js
    beijing = (116.404, 39.915)
    assert convert(*beijing, Datum.WGS84, Datum.GCJ02) == (116.41024449916938, 39.91640428150164)
    assert convert(*beijing, Datum.GCJ02, Datum.BD09) == (116.41036949371029, 39.92133699351021)


@pytest.mark.parametrize("datum", SHIFTED)
@given(lon=st.floats(WEST + 0.02, EAST - 0.02), lat=st.floats(SOUTH + 0.02, NORTH - 0.02))
def test_there_and_back_ends_less_than_a_millimetre_away(
    datum: Datum, lon: float, lat: float
) -> None:
    there = from_wgs84(lon, lat, datum)
    assert metres_apart(to_wgs84(*there, datum), (lon, lat)) < 1e-6
    back = to_wgs84(lon, lat, datum)
    assert metres_apart(from_wgs84(*back, datum), (lon, lat)) < 1e-6


def test_a_shift_is_300_to_900_metres_for_gcj02_and_more_for_bd09_over_a_city() -> None:
    wgs84 = np.array([116.35, 121.47, 113.9, 104.06]), np.array([27.95, 31.23, 22.54, 30.66])
    gcj02 = metres_between(*wgs84, *from_wgs84(*wgs84, Datum.GCJ02))
    bd09 = metres_between(*wgs84, *from_wgs84(*wgs84, Datum.BD09))
    assert ((gcj02 > 300) & (gcj02 < 900)).all()
    assert ((bd09 > 900) & (bd09 < 1500)).all()


@pytest.mark.parametrize("datum", list(Datum))
@pytest.mark.parametrize(
    "place",
    [(-73.97, 40.78), (2.35, 48.85), (151.2, -33.9), (139.7, 35.7), (71.9, 30.0), (110.0, 0.8)],
)
def test_outside_the_customary_box_nothing_moves(datum: Datum, place: tuple[float, float]) -> None:
    assert from_wgs84(*place, datum) == place
    assert to_wgs84(*place, datum) == place


@pytest.mark.parametrize("datum", SHIFTED)
def test_the_edge_of_the_box_belongs_to_it_and_beyond_it_nothing_moves(datum: Datum) -> None:
    assert from_wgs84(WEST, 30.0, datum) != (WEST, 30.0)
    beyond = np.nextafter(WEST, 0.0)
    assert from_wgs84(beyond, 30.0, datum) == (beyond, 30.0)


@pytest.mark.parametrize("datum", SHIFTED)
def test_beside_the_edge_the_way_back_prefers_the_place_inside(datum: Datum) -> None:
    inside = (EAST - 1e-4, 30.0)
    shifted = from_wgs84(*inside, datum)
    assert shifted[0] > EAST
    assert metres_apart(to_wgs84(*shifted, datum), inside) < 1e-6


def test_cgcs2000_is_taken_as_wgs84() -> None:
    assert convert(116.35, 27.95, Datum.CGCS2000, Datum.WGS84) == (116.35, 27.95)


@pytest.mark.parametrize("datum", list(Datum))
def test_numbers_that_are_no_place_come_back_as_they_were(datum: Datum) -> None:
    lon = np.array([np.nan, np.inf, -np.inf, 1e308, 116.0])
    lat = np.array([30.0, 30.0, np.nan, -1e308, np.nan])
    for turn in (to_wgs84, from_wgs84):
        x, y = turn(lon, lat, datum)
        np.testing.assert_array_equal(x[:4], lon[:4])
        np.testing.assert_array_equal(y[:4], lat[:4])


@pytest.mark.parametrize("datum", SHIFTED)
def test_a_place_is_converted_the_same_whoever_shares_its_array(datum: Datum) -> None:
    dice = np.random.default_rng(1)
    lon, lat = dice.uniform(73, 135, 400), dice.uniform(3, 54, 400)
    lon[7], lat[9] = np.nan, np.inf
    whole = np.column_stack(to_wgs84(lon, lat, datum))
    for many in (1, 3, 8, 100):
        parts = [
            np.column_stack(to_wgs84(lon[at : at + many], lat[at : at + many], datum))
            for at in range(0, 400, many)
        ]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_arrays_give_arrays_and_floats_give_floats() -> None:
    lon, lat = to_wgs84([116.35, 116.36], [27.95, 27.96], Datum.BD09)
    assert lon.shape == lat.shape == (2,)
    one = to_wgs84(116.35, 27.95, Datum.BD09)
    assert one == (lon[0], lat[0])
    assert type(one[0]) is float
    assert [part.size for part in to_wgs84([], [], Datum.GCJ02)] == [0, 0]


@given(
    lon=st.floats(-180, 180),
    lat=st.floats(-85, 85),
    east=st.floats(-0.5, 0.5),
    north=st.floats(-0.5, 0.5),
)
def test_distances_are_those_on_the_ellipsoid(
    lon: float, lat: float, east: float, north: float
) -> None:
    *_, true = pyproj.Geod(ellps="WGS84").inv(lon, lat, lon + east, lat + north)
    assert metres_apart((lon, lat), (lon + east, lat + north)) == pytest.approx(
        true, rel=1e-5, abs=1e-6
    )


def test_distances_across_the_date_line_are_short() -> None:
    assert metres_apart((179.999, 0.0), (-179.999, 0.0)) == pytest.approx(222.6, abs=0.1)


def test_a_degree_is_as_long_as_two_places_a_degree_apart() -> None:
    east, north = metres_per_degree(28.0)
    assert metres_apart((116, 28), (116.001, 28)) == pytest.approx(east / 1000, rel=1e-6)
    assert metres_apart((116, 27.9995), (116, 28.0005)) == pytest.approx(north / 1000, rel=1e-6)


def test_places_of_two_datums_are_not_compared() -> None:
    here = Position(116.35, 27.95, Datum.WGS84)
    with pytest.raises(DatumMixed) as refused:
        here.metres_to(Position(116.35, 27.95, Datum.GCJ02))
    assert "坐标系不同" in str(refused.value)
    there = Position(116.35, 27.95, Datum.GCJ02).into(Datum.WGS84)
    assert 500 < here.metres_to(there) < 700


@pytest.mark.parametrize("written", ["wgs84", "WGS-84", "Wgs 84", "WGS_84"])
def test_a_datum_is_known_in_its_usual_spellings(written: str) -> None:
    assert Datum.of(written) is Datum.WGS84


def test_an_unknown_datum_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(DatumUnknown) as refused:
        Datum.of("xian80")
    assert "gcj02" in refused.value.en
    assert refused.value.code == "datum_unknown"


def test_an_error_survives_the_way_between_processes() -> None:
    error = DatumUnknown(zh="不认识", en="unknown", datum="x")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, CityError)
    assert (str(again), again.facts) == ("不认识 / unknown", {"datum": "x"})
