"""Atlases on disk: built once per edition, mapped read-only by every process, swapped whole.

A folder per edition, named by its digest, holds the arrays as .npy and a manifest with their
sizes and checksums. It is written elsewhere and renamed into place, so it is there completely or
not at all; several processes may build it at once, and the first to finish wins. What does not
fit its manifest is never used: it is built anew.

The folder must belong to us: who can write there can change the map. Nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from grid import raster as rasters
from grid.atlas import Atlas
from grid.edition import Edition
from grid.errors import GridError
from grid.limits import Limits
from grid.raster import Raster
from grid.rasterising import rasterise
from grid.unit_grid import ResponsibleGrid, UnitGridCode

_MANIFEST: Final = "manifest.json"
_LIMITS: Final = ("starts", "which", "effects", "segments", "anchors", "holding")
_LATTICE: Final = ("west", "south", "per_lon", "per_lat", "width", "height")


class ShelfDamaged(GridError):
    """A saved atlas is missing, of another version, or not what its manifest says."""

    code = "shelf_damaged"


def save(atlas: Atlas, folder: str | Path) -> Path:
    """Puts an atlas on the shelf and returns its own folder; keeps a sound one already there."""
    shelf = Path(folder)
    shelf.mkdir(parents=True, exist_ok=True)
    home = shelf / atlas.edition.digest
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=shelf))
    try:
        _write(atlas, building)
        building.chmod(0o755)
        _put(building, home)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return home


def open_atlas(folder: str | Path, digest: str, kernel: str = "numpy") -> Atlas:
    """The atlas of the edition with that digest, its arrays mapped read-only.

    Raises ShelfDamaged if it is not there or not to be trusted; see `atlas_of` for who has the
    edition at hand and wants it mended.
    """
    home = Path(folder) / digest
    try:
        manifest = json.loads((home / _MANIFEST).read_text(encoding="utf-8"))
        _examine(manifest, home, digest)
        arrays = {path.stem: np.load(path, mmap_mode="r") for path in home.glob("*.npy")}
        edition = _edition(manifest, arrays)
        raster = Raster(
            **{name: manifest["lattice"][name] for name in _LATTICE},
            pixels=arrays["pixels"],
            records=arrays["records"],
            limits=Limits(**{name: arrays[name] for name in _LIMITS}),
        )
    except (OSError, ValueError, KeyError, TypeError, shapely.errors.ShapelyError) as why:
        raise ShelfDamaged(
            zh=f"已保存的网格索引不可用：{why}",
            en=f"the saved atlas cannot be used: {why}",
            digest=digest,
        ) from why
    return Atlas.on(edition, raster, kernel)


def atlas_of(edition: Edition, folder: str | Path, kernel: str = "numpy") -> Atlas:
    """The atlas of an edition from the shelf; built and put there if it is not, or is damaged."""
    try:
        return open_atlas(folder, edition.digest, kernel)
    except ShelfDamaged:
        built = Atlas.on(edition, rasterise(edition.polygons), kernel)
    with contextlib.suppress(OSError):  # a full or read-only disk: then every process has its own
        save(built, folder)
    return built


def _write(atlas: Atlas, folder: Path) -> None:
    edition, raster = atlas.edition, atlas.raster
    kinds, coordinates, offsets = _ragged(edition.polygons)
    arrays: dict[str, NDArray[Any]] = {
        "pixels": raster.pixels,
        "records": raster.records,
        "codes": edition.codes,
        "names": edition.names,
        "kinds": kinds,
        "coordinates": coordinates,
    }
    arrays |= {name: getattr(raster.limits, name) for name in _LIMITS}
    arrays |= {f"offsets{level}": offset for level, offset in enumerate(offsets)}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    files = {f"{name}.npy": _sum(folder / f"{name}.npy") for name in sorted(arrays)}
    manifest = {
        "version": rasters.VERSION,
        "digest": edition.digest,
        "lattice": {name: getattr(raster, name) for name in _LATTICE},
        "edition": {
            "name": edition.name,
            "holds_from": edition.holds_from.isoformat(),
            "area_names": dict(edition.area_names),
            "responsible": {
                patch.code: [patch.name, *patch.cells] for patch in edition.responsible.values()
            },
        },
        "files": files,
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1)
    (folder / _MANIFEST).write_text(text, encoding="utf-8")


def _put(building: Path, home: Path) -> None:
    """Renames a finished folder into place; what is there already goes only if it is unsound.

    A folder that another process still has mapped may be moved away: its pages live on.
    """
    for _ in range(8):
        try:
            building.rename(home)
        except OSError:
            if _is_sound(home):
                return
            with contextlib.suppress(OSError):
                aside = Path(tempfile.mkdtemp(prefix=".unsound-", dir=home.parent))
                home.rename(aside / "old")
                shutil.rmtree(aside, ignore_errors=True)
        else:
            return
    raise ShelfDamaged(
        zh=f"无法把网格索引放到 {home}",
        en=f"the atlas cannot be put at {home}",
    )


def _is_sound(home: Path) -> bool:
    try:
        manifest = json.loads((home / _MANIFEST).read_text(encoding="utf-8"))
        _examine(manifest, home, home.name)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _examine(manifest: dict[str, Any], home: Path, digest: str) -> None:
    """Raises ValueError if the folder is not what its manifest says, or that is not asked for."""
    if manifest["version"] != rasters.VERSION or manifest["digest"] != digest:
        raise ValueError("another version or edition")
    for name, told in manifest["files"].items():
        if Path(name).name != name or _sum(home / name) != told:
            raise ValueError(f"{name} is not as it was written")


def _sum(path: Path) -> list[int | str]:
    """Size and checksum of a file (SHA-256 runs at over a gigabyte a second here)."""
    with path.open("rb") as file:
        return [os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()]


def _ragged(
    polygons: NDArray[Any],
) -> tuple[NDArray[np.int8], NDArray[np.float64], tuple[NDArray[np.int64], ...]]:
    """Polygons as flat arrays; `kinds` remembers which of them were MultiPolygons."""
    kinds = shapely.get_type_id(polygons).astype(np.int8)
    wrapped = np.array(
        [
            shapely.multipolygons([shape]) if kind == _POLYGON else shape
            for shape, kind in zip(polygons, kinds, strict=True)
        ],
        dtype=object,
    )
    if len(wrapped) == 0:
        return kinds, np.zeros((0, 2)), ()
    _, coordinates, offsets = shapely.to_ragged_array(wrapped)
    return kinds, coordinates, tuple(np.asarray(offset, dtype=np.int64) for offset in offsets)


_POLYGON: Final = 3


def _edition(manifest: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Edition:
    about = manifest["edition"]
    polygons = _polygons(arrays)
    return Edition.of(
        about["name"],
        date.fromisoformat(about["holds_from"]),
        (arrays["codes"], polygons),
        names=arrays["names"],
        area_names=about["area_names"],
        responsible={
            code: ResponsibleGrid(code, rest[0], tuple(map(UnitGridCode, rest[1:])))
            for code, rest in about["responsible"].items()
        },
    )


def _polygons(arrays: dict[str, NDArray[Any]]) -> NDArray[Any]:
    kinds = arrays["kinds"]
    polygons = np.empty(len(kinds), dtype=object)
    if len(kinds):
        offsets = tuple(np.asarray(arrays[f"offsets{level}"]) for level in range(3))
        polygons[:] = shapely.from_ragged_array(
            shapely.GeometryType.MULTIPOLYGON, np.asarray(arrays["coordinates"]), offsets
        )
        single = kinds == _POLYGON
        polygons[single] = shapely.get_geometry(polygons[single], 0)
    return polygons
