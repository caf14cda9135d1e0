"""Files become editions here, or are refused with everything that is wrong (the only geopandas).

Reads GeoJSON (also gzipped), GeoPackage, Shapefile and GeoParquet.
"""

from __future__ import annotations

import gzip
import math
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import geopandas
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from grid import checking
from grid.coordinates import Datum, Floats, from_wgs84, to_wgs84
from grid.edition import Edition
from grid.errors import GridError, GridRefused
from grid.faults import Fault, FaultKind, refusing
from grid.layer import COLUMNS, Layer
from grid.unit_grid import ResponsibleGrid, UnitGridCode, community_of, district_of, street_of

USUAL_NAMES: Final = {
    "code": ("code", "szdywgbsm", "bgid", "wgbm", "grid_code", "glbjbsm", "objid"),
    "name": ("name", "szdywgmc", "wgmc", "glbjmc", "objname"),
    "street": ("street", "szjddm"),
    "street_name": ("street_name", "szjdmc"),
    "community": ("community", "szsqdm"),
    "community_name": ("community_name", "szsqmc"),
    "state": ("state", "glbjzt", "objstate"),
    "responsible_body": ("responsible_body", "zgbmdm", "deptcode1"),
    "owner": ("owner", "qsdwdm", "deptcode2"),
    "maintainer": ("maintainer", "yhdwdm", "deptcode3"),
}
"""Column names taken without being told, small or capital: ours, then the standards' initials."""


_NO_LAYER: Final = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    RuntimeError,
    shapely.errors.ShapelyError,
)
"""What the drivers raise at a file that is no layer: each has its own, none of them ours."""


def read(
    path: str | Path,
    datum: Datum,
    *,
    fields: Mapping[str, str] | None = None,
    holds_from: date,
    epsg: int | None = None,
    in_force: Edition | None = None,
) -> Edition:
    """The file as an edition; raises GridRefused, which carries all faults, if there is one.

    `fields` says which column of the file means what (see `grid.layer.COLUMNS`); `epsg` names
    the projection of coordinates in metres. `in_force` is compared with, to see a wrong datum.
    The edition is called like the file.
    """
    layer, faults = inspect(path, datum, fields=fields, epsg=epsg, in_force=in_force)
    if layer is None or refusing(faults):
        raise _refused(path, faults)
    return edition_of(layer, Path(path).name.split(".")[0], holds_from)


def inspect(
    path: str | Path,
    datum: Datum,
    *,
    fields: Mapping[str, str] | None = None,
    epsg: int | None = None,
    in_force: Edition | None = None,
) -> tuple[Layer | None, list[Fault]]:
    """The layer of a file, if it could be read at all, and its faults and notices."""
    try:
        layer = read_layer(path, datum, fields=fields, epsg=epsg)
    except GridRefused as refused:
        return None, list(refused.faults)
    return layer, checking.faults_of(layer, in_force)


def read_layer(
    path: str | Path,
    datum: Datum,
    *,
    fields: Mapping[str, str] | None = None,
    epsg: int | None = None,
    needed: Sequence[str] = ("code",),
) -> Layer:
    """Any layer, in WGS-84 and unchecked; raises GridRefused if it cannot be read as declared.

    Also for what is no grid: communities to divide, roads to divide along (`needed=()`).
    """
    try:
        frame = _open(Path(path))
    except _NO_LAYER as why:
        raise _refused(path, [_unreadable(Path(path), why)]) from why
    texts, missing = _texts(frame, fields or {}, needed)
    if len(frame) == 0:
        missing = []  # a GeoJSON without features has no columns either; that is told instead
    if faults := [*missing, *_contradiction(frame.crs, Path(path), datum, epsg)]:
        raise _refused(path, faults)
    return Layer(polygons=_in_wgs84(frame, datum, epsg), texts=texts, datum=datum)


def _refused(path: str | Path, faults: list[Fault]) -> GridRefused:
    count = len(refusing(faults))
    return GridRefused(
        zh=f"{Path(path).name}：{count} 处问题，未载入",
        en=f"{Path(path).name}: {count} faults, nothing was loaded",
        faults=tuple(faults),
    )


def edition_of(layer: Layer, name: str, holds_from: date) -> Edition:
    """A faultless layer as an edition."""
    codes = list(layer.codes)
    names = list(layer.column("name"))
    return Edition.of(
        name,
        holds_from,
        (codes, layer.polygons),
        names=names,
        area_names=_area_names(layer),
        responsible=_responsible(layer),
    )


def write(edition: Edition, path: str | Path, datum: Datum = Datum.WGS84) -> None:
    """An edition as a file that `read` reads back, the kind told by its ending, in that datum.

    Written beside its place and renamed, so that nobody sees half of it. Raises GridError.
    """
    target = Path(path)
    if target.suffix.lower() not in _WRITERS:
        raise GridError(
            zh=f"不知道怎样写 {target.name}：扩展名应为 {'、'.join(_WRITERS)}",
            en=f"{target.name}: the ending must be one of {', '.join(_WRITERS)}",
        )
    frame = geopandas.GeoDataFrame(
        _columns_of(edition), geometry=_in_datum(edition.polygons, datum), crs="EPSG:4326"
    )
    half = target.with_name(f".half-{target.name}")
    try:
        _WRITERS[target.suffix.lower()](frame, half)
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)


def _write_geojson(frame: geopandas.GeoDataFrame, path: Path) -> None:
    """By Python's own numbers: GDAL rounds off the last bits, and another digest comes back."""
    path.write_text(frame.to_json(drop_id=True, ensure_ascii=False), encoding="utf-8")


def _write_gpkg(frame: geopandas.GeoDataFrame, path: Path) -> None:
    frame.to_file(path, engine="pyogrio", driver="GPKG", layer="unit_grid")


def _write_parquet(frame: geopandas.GeoDataFrame, path: Path) -> None:
    frame.to_parquet(path)


_WRITERS: Final = {
    ".geojson": _write_geojson,
    ".json": _write_geojson,
    ".gpkg": _write_gpkg,
    ".parquet": _write_parquet,
}


def _columns_of(edition: Edition) -> dict[str, list[str]]:
    patch_of = {cell: patch for patch in edition.responsible.values() for cell in patch.cells}
    codes = edition.codes.tolist()
    parents = {
        "district": edition.districts.tolist(),
        "street": edition.streets.tolist(),
        "community": edition.communities.tolist(),
    }
    columns = {"code": codes, "name": edition.names.tolist(), **parents}
    for level, of_cells in parents.items():
        columns[f"{level}_name"] = [edition.area_names.get(code, "") for code in of_cells]
    patches = [patch_of.get(code) for code in codes]
    columns["responsible"] = [patch.code if patch else "" for patch in patches]
    columns["responsible_name"] = [patch.name if patch else "" for patch in patches]
    return columns


def _in_datum(polygons: NDArray[Any], datum: Datum) -> NDArray[Any]:
    if datum in (Datum.WGS84, Datum.CGCS2000):
        return polygons

    def turned(at: Floats) -> Floats:
        return np.column_stack(from_wgs84(at[:, 0], at[:, 1], datum))

    moved: NDArray[Any] = shapely.transform(polygons, turned)
    return moved


def _open(path: Path) -> geopandas.GeoDataFrame:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if not path.exists():
        raise FileNotFoundError(path)
    if suffixes[-1:] == [".parquet"]:
        return geopandas.read_parquet(path)
    if suffixes[-1:] != [".gz"]:
        return _features(path)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.stem
        plain.write_bytes(gzip.decompress(path.read_bytes()))
        return _features(plain)


def _features(path: Path) -> geopandas.GeoDataFrame:
    """What GDAL reads; a ring it cannot build becomes an empty shape, which the checks name."""
    frame = geopandas.read_file(path, engine="pyogrio", on_invalid="ignore")
    if not isinstance(frame, geopandas.GeoDataFrame):
        raise TypeError("a table without shapes")
    return frame


def _texts(
    frame: geopandas.GeoDataFrame, fields: Mapping[str, str], needed: Sequence[str]
) -> tuple[dict[str, list[str]], list[Fault]]:
    """The columns of the layer as texts, and a fault for each one named that is not there."""
    there = {str(column).lower(): column for column in frame.columns}
    texts, faults = {}, []
    for meaning in COLUMNS:
        asked = [fields[meaning]] if meaning in fields else USUAL_NAMES.get(meaning, (meaning,))
        found = next((there[name.lower()] for name in asked if name.lower() in there), None)
        if found is not None:
            texts[meaning] = [_text(value) for value in frame[found].tolist()]
        elif meaning in fields or meaning in needed:
            faults.append(_missing(meaning, asked[0], sorted(there.values(), key=str)))
    unheard = sorted(set(fields) - set(COLUMNS))
    faults.extend(_missing(meaning, fields[meaning], list(COLUMNS)) for meaning in unheard)
    return texts, faults


def _text(value: Any) -> str:
    """A cell of a table as text; whole numbers without their decimal point."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _in_wgs84(frame: geopandas.GeoDataFrame, datum: Datum, epsg: int | None) -> NDArray[Any]:
    """The polygons in WGS-84 degrees, flat; out-of-range degrees are left for the checks."""
    shapes = np.empty(len(frame), dtype=object)
    shapes[:] = shapely.force_2d(np.asarray(frame.geometry.array, dtype=object))
    crs = pyproj.CRS.from_epsg(epsg) if epsg else frame.crs
    if crs is not None and crs.is_projected:
        shapes = _unprojected(shapes, crs)

    def converted(at: Floats) -> Floats:
        return np.column_stack(to_wgs84(at[:, 0], at[:, 1], datum))

    if datum in (Datum.WGS84, Datum.CGCS2000):
        return shapes
    turned: NDArray[Any] = shapely.transform(shapes, converted)
    return turned


def _unprojected(shapes: NDArray[Any], crs: pyproj.CRS) -> NDArray[Any]:
    """Metres of a projection as degrees of its own datum: no datum shift is applied here."""
    undo = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)

    def degrees(at: Floats) -> Floats:
        return np.column_stack(undo.transform(at[:, 0], at[:, 1]))

    flat: NDArray[Any] = shapely.transform(shapes, degrees)
    return flat


_SAME_GROUND: Final = {
    Datum.WGS84: ("WGS 84", "World Geodetic System 1984"),
    Datum.CGCS2000: ("China 2000", "China Geodetic Coordinate System 2000", "CGCS2000"),
}


def _contradiction(
    written: pyproj.CRS | None, path: Path, datum: Datum, epsg: int | None
) -> list[Fault]:
    """What the file says of itself against what was declared of it."""
    if written is not None and path.name.lower().endswith(("json", "json.gz")) and _plain(written):
        written = None  # GDAL says so of every GeoJSON that does not speak of it
    try:
        asked = pyproj.CRS.from_epsg(epsg) if epsg else None
    except pyproj.exceptions.CRSError:
        return [_contradicted(f"EPSG:{epsg}", datum, f"EPSG:{epsg} 不存在", "no such EPSG code")]
    if asked is not None and written is not None and written != asked:
        zh = (
            f"文件自述 {written.name}，与 --epsg {epsg}（{asked.name}）不符；去掉 --epsg 或改正文件"
        )
        en = f"the file says {written.name}, --epsg {epsg} is {asked.name}; leave --epsg out"
        return [_contradicted(written.name, datum, zh, en)]
    crs = asked or written
    if crs is None or _agrees(crs, datum):
        return []
    zh = f"声明为 {datum}，而坐标系是 {crs.name}；改正声明，或先转换到所声明的坐标系"
    en = f"declared {datum}, but the coordinates are {crs.name}; correct one of the two"
    return [_contradicted(crs.name, datum, zh, en)]


def _agrees(crs: pyproj.CRS, datum: Datum) -> bool:
    """GCJ-02 and BD-09 have no EPSG code: such files call themselves WGS-84."""
    ground = crs.geodetic_crs.name if crs.geodetic_crs is not None else crs.name
    of_wgs = any(ground.startswith(name) for name in _SAME_GROUND[Datum.WGS84])
    of_china = any(ground.startswith(name) for name in _SAME_GROUND[Datum.CGCS2000])
    if datum in (Datum.WGS84, Datum.CGCS2000):
        return of_wgs or of_china
    return of_wgs


def _plain(crs: pyproj.CRS) -> bool:
    """WGS-84 degrees: what a reader assumes of a GeoJSON that says nothing."""
    return bool(crs.to_epsg() == 4326 or crs.name == "WGS 84 (CRS84)")


def _area_names(layer: Layer) -> dict[str, str]:
    names: dict[str, str] = {}
    for row, code in enumerate(layer.codes):
        for parent, column in (
            (district_of, "district_name"),
            (street_of, "street_name"),
            (community_of, "community_name"),
        ):
            if text := layer.column(column)[row]:
                names.setdefault(parent(code), text)
    return names


def _responsible(layer: Layer) -> dict[str, ResponsibleGrid]:
    cells: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for row, code in enumerate(layer.codes):
        if patch := layer.column("responsible")[row]:
            cells.setdefault(patch, []).append(code)
            names.setdefault(patch, layer.column("responsible_name")[row])
    return {
        patch: ResponsibleGrid(patch, names[patch], tuple(map(UnitGridCode, sorted(codes))))
        for patch, codes in sorted(cells.items())
    }


def _unreadable(path: Path, why: Exception) -> Fault:
    if not path.exists():
        zh, en = f"没有文件 {path.name}", f"there is no file {path.name}"
    else:
        zh = f"{path.name} 读不出图层（{why}）；应为 GeoJSON、GeoPackage、Shapefile 或 GeoParquet"
        en = f"no layer can be read from {path.name} ({why}); GeoJSON, GeoPackage, Shapefile or "
        en += "GeoParquet are meant"
    return Fault(FaultKind.FILE_UNREADABLE, (), None, None, "", zh, en)


def _missing(meaning: str, asked: str, there: list[Any]) -> Fault:
    columns = ", ".join(map(str, there))
    return Fault(
        FaultKind.FIELD_MISSING,
        (meaning,),
        None,
        None,
        "",
        f"没有表示 {meaning} 的列 {asked!r}；用 --fields {meaning}=列名 指明，现有：{columns}",
        f"no column {asked!r} for {meaning}; say --fields {meaning}=COLUMN, there are: {columns}",
    )


def _contradicted(written: str, datum: Datum, zh: str, en: str) -> Fault:
    return Fault(FaultKind.DATUM_CONTRADICTED, (written, str(datum)), None, None, "", zh, en)


def fields_of(text: str) -> dict[str, str]:
    """`code=geoid,community=sq` as a mapping; raises GridError."""
    pairs = [pair.split("=", 1) for pair in text.split(",") if pair.strip()]
    if any(len(pair) != 2 or not pair[0].strip() or not pair[1].strip() for pair in pairs):
        raise GridError(
            zh=f"--fields 写法应为 code=列名,community=列名，而不是 {text!r}",
            en=f"--fields is written code=COLUMN,community=COLUMN, not {text!r}",
        )
    return {meaning.strip(): column.strip() for meaning, column in pairs}
