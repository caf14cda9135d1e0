"""Vector tiles of an edition hold every cell where it lies, once and whole; read back by a reader of our own."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from grid import mvt, tile_shelf, tiles
from grid.edition import Edition
from tests.grid import cities, vector_tile

NAMES = {"110101": "东区", "110101001": "第一街道"}


def town(polygons: NDArray[Any]) -> Edition:
    made = cities.edition_of(polygons)
    return Edition.of("town", date(2020, 1, 1), (made.codes, made.polygons), area_names=dict(NAMES))


@pytest.fixture(scope="module", params=["with_lakes_and_islands", "squares", "scattered_parts"])
def edition(request: pytest.FixtureRequest) -> Edition:
    return town(getattr(cities, request.param)())


def read_all(edition: Edition, z: int, layer: str) -> dict[tuple[int, int], list[Any]]:
    found = {}
    for tile in tiles.tiles(edition):
        if tile.z == z:
            found[tile.x, tile.y] = vector_tile.read(tile.data).get(layer, [])
    return found


def in_degrees(z: int, x: int, y: int, rings: list[list[tuple[int, int]]]) -> Any:
    """Rings of a tile as polygons in degrees, exterior or hole by the sign of their area."""
    polygons: list[Any] = []
    for ring in rings:
        places = np.array(ring, dtype=float)
        world = (places / tiles.EXTENT + [x, y]) / 2**z
        lon = world[:, 0] * 360 - 180
        lat = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * world[:, 1]))))
        area = np.sum(places[:-1, 0] * places[1:, 1] - places[1:, 0] * places[:-1, 1])
        if area > 0:
            polygons.append([np.column_stack([lon, lat]), []])
        else:
            polygons[-1][1].append(np.column_stack([lon, lat]))
    return shapely.union_all([shapely.make_valid(shapely.Polygon(*p)) for p in polygons])


def test_at_the_deepest_zoom_every_cell_is_where_it_lies_with_all_its_area(
    edition: Edition,
) -> None:
    plan = tiles.Plan.of(edition)
    pieces: dict[int, list[Any]] = {}
    for (x, y), features in read_all(edition, plan.highest, "cells").items():
        for one in features:
            assert one.kind == 3
            pieces.setdefault(one.id, []).append(in_degrees(plan.highest, x, y, one.rings()))
    assert sorted(pieces) == list(range(len(edition)))
    step = 360 / 2**plan.highest / tiles.EXTENT
    for index, parts in pieces.items():
        told, true = shapely.union_all(parts), edition.polygons[index]
        allowed = 2 * step * true.length + 10 * step**2
        assert shapely.symmetric_difference(told, true).area <= allowed, edition.codes[index]


def test_no_zoom_loses_a_cell_that_is_wider_than_the_lattice(edition: Edition) -> None:
    plan = tiles.Plan.of(edition)
    for z in range(plan.lowest, plan.highest + 1):
        told = {one.id for found in read_all(edition, z, "cells").values() for one in found}
        lattice = 360 / 2**z / tiles.EXTENT * 8
        bounds = shapely.bounds(edition.polygons)
        large = (bounds[:, 2:] - bounds[:, :2]).min(axis=1) > lattice
        # A sliver can be long and yet thinner than the lattice.
        thick = edition.areas_m2 > (lattice * 111_000) ** 2
        assert set(np.flatnonzero(large & thick).tolist()) <= told


def test_neighbours_keep_one_border_however_coarse(edition: Edition) -> None:
    plan = tiles.Plan.of(edition)
    for tile in tiles.tiles(edition, plan):
        if tile.z == plan.lowest:
            for one in vector_tile.read(tile.data).get("cells", []):
                for ring in one.rings():
                    assert all(x % 4 == 0 and y % 4 == 0 for x, y in ring)


def test_areas_and_names_carry_their_code_and_what_they_are_called(edition: Edition) -> None:
    plan = tiles.Plan.of(edition)
    for layer, kind in (("areas", 3), ("names", 1)):
        found = [f for some in read_all(edition, plan.highest, layer).values() for f in some]
        assert {f.kind for f in found} == {kind}
        told = {(f.properties["level"], f.properties["code"]): f.properties["name"] for f in found}
        codes = set(edition.codes.astype("U6").tolist())
        assert {code for level, code in told if level == "district"} == codes
        for (_, code), name in told.items():
            assert name == NAMES.get(code, "")


def test_the_same_edition_gives_the_same_bytes(edition: Edition) -> None:
    first, again = (list(tiles.tiles(edition)) for _ in range(2))
    assert first == again


def test_an_edition_without_cells_has_no_tiles() -> None:
    empty = Edition.of("empty", date(2020, 1, 1), ([], []))
    assert list(tiles.tiles(empty)) == []


def test_numbers_of_every_width_are_written_as_the_standard_says() -> None:
    numbers = np.array([0, 1, 127, 128, 16383, 16384, 2**21 - 1, 2**21, 2**28, 2**32 - 1])
    written, widths = mvt._varints(numbers)
    assert list(vector_tile._packed(written)) == numbers.tolist()
    assert widths.tolist() == [1, 1, 1, 2, 2, 3, 3, 4, 5, 5]


def test_tiles_are_kept_whole_and_made_once(tmp_path: Path, edition: Edition) -> None:
    assert tile_shelf.find(tmp_path, edition.digest) is None
    made = tile_shelf.make(edition, tmp_path)
    assert tile_shelf.make(edition, tmp_path) == made == tile_shelf.find(tmp_path, edition.digest)
    assert [p.name for p in tmp_path.iterdir()] == [edition.digest]
    for tile in tiles.tiles(edition):
        kept = made.read(tile.z, tile.x, tile.y)
        assert kept is not None
        assert gzip.decompress(kept) == tile.data
    assert made.read(made.highest, 0, 0) is None


def test_tiles_that_are_not_sound_are_made_anew(tmp_path: Path, edition: Edition) -> None:
    made = tile_shelf.make(edition, tmp_path)
    (made.folder / "tiles.json").write_text('{"version": 0}', encoding="utf-8")
    assert tile_shelf.find(tmp_path, edition.digest) is None
    assert tile_shelf.make(edition, tmp_path) == made
    assert tile_shelf.find(tmp_path, "../secrets") is None
