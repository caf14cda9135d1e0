"""Saved atlases: mapped, trusted only when whole, swapped at once."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely

from grid import raster, shelf
from grid.atlas import Atlas
from grid.edition import Edition
from grid.unit_grid import ResponsibleGrid, UnitGridCode
from tests.grid import cities


def a_city(seed: int = 1) -> Edition:
    polygons = cities.with_lakes_and_islands(seed)
    polygons[3] = shapely.union_all([polygons[3], shapely.box(116.2, 27.9, 116.201, 27.901)])
    codes = [cities.code_of(at) for at in range(len(polygons))]
    patch = ResponsibleGrid("Z1", "一号", (UnitGridCode(codes[0]), UnitGridCode(codes[1])))
    return Edition.of(
        "二〇二六版",
        cities.NEW_YEAR,
        (codes, polygons),
        names=[f"网格{at}" for at in range(len(codes))],
        area_names={"361002": "临川区"},
        responsible={"Z1": patch},
    )


def test_an_opened_atlas_answers_like_the_one_that_was_saved(tmp_path: Path) -> None:
    built = Atlas.of(a_city())
    shelf.save(built, tmp_path)
    opened = shelf.open_atlas(tmp_path, built.edition.digest)
    x, y = cities.evil(built.edition.polygons, 2_000)
    np.testing.assert_array_equal(opened.locate(x, y), built.locate(x, y))
    assert opened.edition == built.edition
    assert opened.edition.names.tolist() == built.edition.names.tolist()
    assert opened.edition.responsible == built.edition.responsible
    assert opened.edition.area_names == {"361002": "临川区"}
    assert (opened.edition.name, opened.edition.holds_from) == ("二〇二六版", cities.NEW_YEAR)


def test_its_arrays_are_mapped_and_cannot_be_written(tmp_path: Path) -> None:
    opened = shelf.open_atlas(tmp_path, shelf.save(Atlas.of(a_city()), tmp_path).name)
    assert isinstance(opened.raster.pixels, np.memmap)
    assert isinstance(opened.raster.records, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        opened.raster.pixels[0] = 1


def test_only_the_atlas_and_nothing_half_done_is_left_on_the_shelf(tmp_path: Path) -> None:
    edition = a_city()
    for _ in range(2):
        shelf.save(Atlas.of(edition), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [edition.digest]


def test_what_is_not_there_is_said_and_built(tmp_path: Path) -> None:
    edition = a_city()
    with pytest.raises(shelf.ShelfDamaged):
        shelf.open_atlas(tmp_path, edition.digest)
    shelf.atlas_of(edition, tmp_path / "new" / "shelf")
    assert shelf.open_atlas(tmp_path / "new" / "shelf", edition.digest)


def cut_short(home: Path) -> None:
    path = home / "pixels.npy"
    path.write_bytes(path.read_bytes()[:-4])


def one_bit_turned(home: Path) -> None:
    data = bytearray((home / "records.npy").read_bytes())
    data[-100] ^= 1
    (home / "records.npy").write_bytes(data)


def a_file_lost(home: Path) -> None:
    (home / "coordinates.npy").unlink()


def no_manifest(home: Path) -> None:
    (home / "manifest.json").unlink()


def half_a_manifest(home: Path) -> None:
    (home / "manifest.json").write_text('{"version": 1, "dig')


def another_version(home: Path) -> None:
    path = home / "manifest.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(told | {"version": raster.VERSION + 1}), encoding="utf-8")


def a_list_for_a_manifest(home: Path) -> None:
    (home / "manifest.json").write_text("[]")


def another_edition_in_its_place(home: Path) -> None:
    other = shelf.save(Atlas.of(a_city(9)), home.parent / "elsewhere")
    shutil.rmtree(home)
    shutil.move(other, home)
    shutil.rmtree(home.parent / "elsewhere")


DAMAGES = (
    cut_short,
    one_bit_turned,
    a_file_lost,
    no_manifest,
    half_a_manifest,
    another_version,
    a_list_for_a_manifest,
    another_edition_in_its_place,
)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_or_stale_folder_is_not_trusted_and_is_mended(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    edition = a_city()
    built = Atlas.of(edition)
    damage(shelf.save(built, tmp_path))
    with pytest.raises(shelf.ShelfDamaged) as refused:
        shelf.open_atlas(tmp_path, edition.digest)
    assert "不可用" in refused.value.zh
    x, y = cities.along_streets(edition.polygons, 500)
    np.testing.assert_array_equal(
        shelf.atlas_of(edition, tmp_path).locate(x, y), built.locate(x, y)
    )
    mended = shelf.open_atlas(tmp_path, edition.digest)
    np.testing.assert_array_equal(mended.locate(x, y), built.locate(x, y))
    assert [path.name for path in tmp_path.iterdir()] == [edition.digest]


def test_who_has_an_atlas_mapped_keeps_it_when_the_folder_is_swapped_and_removed(
    tmp_path: Path,
) -> None:
    old, new = a_city(1), a_city(2)
    held = shelf.atlas_of(old, tmp_path)
    held = shelf.open_atlas(tmp_path, old.digest)
    x, y = cities.along_streets(old.polygons, 500)
    before = held.locate(x, y)
    fresh = shelf.atlas_of(new, tmp_path)
    shutil.rmtree(tmp_path / old.digest)
    np.testing.assert_array_equal(held.locate(x, y), before)
    assert fresh.edition == new


def _open(folder: str, wkb: list[bytes], answers: multiprocessing.SimpleQueue[list[int]]) -> None:
    edition = cities.edition_of(shapely.from_wkb(wkb))
    x, y = cities.along_streets(edition.polygons, 200)
    answers.put(shelf.atlas_of(edition, folder).locate(x, y).tolist())


def test_processes_that_build_at_once_all_get_a_sound_atlas(tmp_path: Path) -> None:
    edition = cities.edition_of(cities.block(8, 8))
    x, y = cities.along_streets(edition.polygons, 200)
    spawn = multiprocessing.get_context("spawn")
    answers: multiprocessing.SimpleQueue[list[int]] = spawn.SimpleQueue()
    wkb = shapely.to_wkb(edition.polygons).tolist()
    workers = [spawn.Process(target=_open, args=(str(tmp_path), wkb, answers)) for _ in range(4)]
    for worker in workers:
        worker.start()
    found = [answers.get() for _ in workers]
    for worker in workers:
        worker.join(30)
    assert found == [Atlas.of(edition).locate(x, y).tolist()] * 4
    assert [path.name for path in tmp_path.iterdir()] == [edition.digest]
    assert shelf.open_atlas(tmp_path, edition.digest)


def test_a_shelf_that_cannot_be_written_still_gives_an_atlas(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    edition = cities.edition_of(cities.block(2, 2))
    assert len(shelf.atlas_of(edition, tmp_path / "file")) == 4


def test_an_edition_without_cells_can_be_saved(tmp_path: Path) -> None:
    edition = cities.edition_of([])
    shelf.save(Atlas.of(edition), tmp_path)
    assert len(shelf.open_atlas(tmp_path, edition.digest)) == 0


def test_nothing_on_the_shelf_is_unpickled(tmp_path: Path) -> None:
    edition = a_city()
    home = shelf.save(Atlas.of(edition), tmp_path)
    np.save(home / "codes.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    told = json.loads((home / "manifest.json").read_text(encoding="utf-8"))
    told["files"]["codes.npy"] = shelf._sum(home / "codes.npy")
    (home / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(shelf.ShelfDamaged, match="Python objects"):
        shelf.open_atlas(tmp_path, edition.digest)
