"""A broken map is refused at the door, each fault with its place, its size and its remedy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas
import pytest
import shapely

from grid import loading
from grid.atlas import Atlas
from grid.coordinates import Datum
from grid.edition import Edition
from grid.errors import GridError, GridRefused
from grid.faults import OF_COMPONENTS, Fault, FaultKind
from tests.grid import cities
from tests.grid.faulty import BOW, CASES, IN_FORCE, LAKE, A, B, box, geojson, made, rows

NYC = Path(__file__).parents[2] / "docker/demo/data/nyc_census_tracts_2010_wgs84.geojson.gz"
FUZHOU = Path(__file__).parents[3] / "shared/data/fuzhou_361000_counties_gcj02.geojson"


def of_kind(faults: Sequence[Fault], kind: FaultKind) -> Fault:
    found = [fault for fault in faults if fault.kind is kind]
    assert found, f"no {kind} among {[str(fault) for fault in faults]}"
    return found[0]


@pytest.mark.parametrize("name", CASES)
def test_the_fault_is_named_with_its_cells_its_size_and_its_remedy(
    name: str, tmp_path: Path
) -> None:
    case = CASES[name]
    path = case.file(tmp_path)
    _, faults = loading.inspect(
        path, case.datum, fields=case.fields, epsg=case.epsg, in_force=case.in_force
    )
    fault = of_kind(faults, case.kind)
    assert case.remedy in fault.en
    assert fault.zh
    assert fault.zh != fault.en
    assert fault.notice is case.notice
    if case.codes:
        assert fault.codes == case.codes
    if case.size:
        assert fault.size is not None
        assert case.size[0] <= fault.size <= case.size[1]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.notice])
def test_what_has_a_fault_does_not_become_an_edition(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    with pytest.raises(GridRefused) as refused:
        loading.read(
            case.file(tmp_path),
            case.datum,
            fields=case.fields,
            holds_from=cities.NEW_YEAR,
            epsg=case.epsg,
            in_force=case.in_force,
        )
    assert case.kind in {fault.kind for fault in refused.value.faults}


def test_every_kind_of_fault_has_a_file_that_shows_it() -> None:
    assert {case.kind for case in CASES.values()} == set(FaultKind) - OF_COMPONENTS


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    path = geojson(
        tmp_path / "cells.geojson",
        [*rows(box(0, 0), box(0.5, 0), BOW, None, codes=[A, A, "x", B])],
    )
    _, faults = loading.inspect(path, Datum.WGS84)
    assert {fault.kind for fault in faults} == {
        FaultKind.CODE_TWICE,
        FaultKind.CODE_MALFORMED,
        FaultKind.RING_INVALID,
        FaultKind.GEOMETRY_EMPTY,
        FaultKind.OVERLAP,
    }


def test_the_place_of_an_overlap_lies_in_both_cells(tmp_path: Path) -> None:
    one, other = box(0, 0), box(0.9, 0.5)
    _, faults = loading.inspect(made(*rows(one, other))(tmp_path), Datum.WGS84)
    place = of_kind(faults, FaultKind.OVERLAP).place
    assert place is not None
    assert one.covers(shapely.Point(place))
    assert other.covers(shapely.Point(place))


def test_the_place_of_a_crossing_ring_is_where_it_crosses(tmp_path: Path) -> None:
    _, faults = loading.inspect(made(*rows(BOW))(tmp_path), Datum.WGS84)
    assert of_kind(faults, FaultKind.RING_INVALID).place == pytest.approx((116.3505, 27.9505))


def test_a_lake_does_not_keep_a_city_out(tmp_path: Path) -> None:
    edition = loading.read(made(*rows(LAKE))(tmp_path), Datum.WGS84, holds_from=cities.NEW_YEAR)
    assert len(edition) == 1


def test_neighbours_whose_corners_do_not_match_are_no_fault(tmp_path: Path) -> None:
    shapes = [box(0, 0), box(1, 0, 1, 0.3), box(1, 0.3, 1, 0.7)]
    _, faults = loading.inspect(made(*rows(*shapes))(tmp_path), Datum.WGS84)
    assert faults == []


def test_an_edition_redrawn_by_some_metres_is_no_fault(tmp_path: Path) -> None:
    redrawn = shapely.transform(IN_FORCE.polygons, lambda at: at + 0.0003)
    _, faults = loading.inspect(made(*rows(*redrawn))(tmp_path), Datum.WGS84, in_force=IN_FORCE)
    assert faults == []


@pytest.mark.parametrize("ending", [".geojson", ".gpkg", ".parquet"])
@pytest.mark.parametrize("datum", list(Datum))
def test_what_is_written_is_read_back(ending: str, datum: Datum, tmp_path: Path) -> None:
    features = [
        (
            {
                "code": cities.code_of(at),
                "name": f"网格{at}",
                "community_name": "滨江社区",
                "responsible": f"Z{at // 2}",
                "responsible_name": "甲",
            },
            box(at, 0),
        )
        for at in range(4)
    ]
    first = loading.read(
        geojson(tmp_path / "a.geojson", features), Datum.WGS84, holds_from=cities.NEW_YEAR
    )
    loading.write(first, tmp_path / f"b{ending}", datum)
    again = loading.read(tmp_path / f"b{ending}", datum, holds_from=cities.NEW_YEAR)
    assert again.codes.tolist() == first.codes.tolist()
    assert again.names.tolist() == ["网格0", "网格1", "网格2", "网格3"]
    assert again.area_names == {"361002001001": "滨江社区"}
    assert again.responsible == first.responsible
    assert again.responsible["Z1"].cells == (cities.code_of(2), cities.code_of(3))
    if datum in (Datum.WGS84, Datum.CGCS2000):
        assert again.digest == first.digest
    else:
        off = shapely.hausdorff_distance(again.polygons, first.polygons)
        assert off.max() < 1e-11
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.geojson", f"b{ending}"]


def test_an_ending_nobody_knows_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(GridError, match="geojson"):
        loading.write(IN_FORCE, tmp_path / "grid.dwg")
    assert list(tmp_path.iterdir()) == []


def test_a_shapefile_in_metres_is_read_by_its_own_projection(tmp_path: Path) -> None:
    table = geopandas.GeoDataFrame(
        {"BGID": [A, B]}, geometry=[box(0, 0), box(1, 0)], crs="EPSG:4490"
    ).to_crs(4548)
    table.to_file(tmp_path / "cells.shp")
    edition = loading.read(tmp_path / "cells.shp", Datum.CGCS2000, holds_from=cities.NEW_YEAR)
    assert shapely.hausdorff_distance(edition.polygons[0], box(0, 0)) < 1e-9


def test_metres_in_geojson_are_read_by_the_projection_that_is_named(tmp_path: Path) -> None:
    metres = geopandas.GeoSeries([box(0, 0)], crs="EPSG:4490").to_crs(4547)
    path = geojson(tmp_path / "cells.geojson", rows(*metres))
    edition = loading.read(path, Datum.CGCS2000, holds_from=cities.NEW_YEAR, epsg=4547)
    assert shapely.hausdorff_distance(edition.polygons[0], box(0, 0)) < 1e-9


def test_height_is_left_out(tmp_path: Path) -> None:
    path = geojson(tmp_path / "cells.geojson", rows(shapely.force_3d(box(0, 0), 12.5)))
    edition = loading.read(path, Datum.WGS84, holds_from=cities.NEW_YEAR)
    assert not shapely.has_z(edition.polygons).any()


def test_codes_written_as_numbers_are_read_as_texts(tmp_path: Path) -> None:
    path = made(*rows(box(0, 0), box(1, 0), codes=[int(A), float(B)]))(tmp_path)
    edition = loading.read(path, Datum.WGS84, holds_from=cities.NEW_YEAR)
    assert edition.codes.tolist() == [A, B]


def test_fields_are_written_as_pairs() -> None:
    assert loading.fields_of("code=geoid, community=sq") == {"code": "geoid", "community": "sq"}
    assert loading.fields_of("") == {}
    for wrong in ("code", "code=", "=geoid", "code=a,b"):
        with pytest.raises(GridError, match="code=COLUMN"):
            loading.fields_of(wrong)


def test_the_census_tracts_of_new_york_have_codes_of_their_own_and_no_other_fault() -> None:
    layer, faults = loading.inspect(NYC, Datum.WGS84, fields={"code": "geoid"})
    assert layer is not None
    assert len(layer.polygons) == 2166
    assert {fault.kind for fault in faults} == {FaultKind.CODE_MALFORMED}


@pytest.mark.skipif(
    not FUZHOU.exists(), reason="this layer has no licence and is not in the project"
)
def test_counties_in_gcj02_declared_as_wgs84_are_found_out_by_the_edition_in_force() -> None:
    counties = geopandas.read_file(FUZHOU).geometry.to_numpy()
    layer, _ = loading.inspect(FUZHOU, Datum.GCJ02, fields={"code": "adcode"})
    assert layer is not None
    codes = [str(code) for code in layer.codes]
    in_force = Edition.of("x", cities.NEW_YEAR, (codes, layer.polygons))
    assert len(counties) == len(in_force) == 11
    _, faults = loading.inspect(FUZHOU, Datum.WGS84, fields={"code": "adcode"}, in_force=in_force)
    fault = of_kind(faults, FaultKind.DATUM_SHIFTED)
    assert "looks like GCJ-02 declared as WGS-84" in fault.en
    assert fault.size is not None
    assert 300 < fault.size < 900


def test_an_edition_read_from_a_file_locates(tmp_path: Path) -> None:
    edition = loading.read(
        made(*rows(box(0, 0), box(1, 0)))(tmp_path), Datum.WGS84, holds_from=cities.NEW_YEAR
    )
    assert Atlas.of(edition).locate([116.3515], [27.9505]).tolist() == [1]
