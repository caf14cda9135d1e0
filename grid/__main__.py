"""`python -m grid`: check, load, divide and export the grid of a city, and cut it into vector tiles.

Exit codes: 0 done, 1 refused with reasons, 2 wrong usage. The database is YIWANG_DATABASE_URL.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from grid import division, facilities, loading
from grid.atlas import Atlas
from grid.coordinates import Datum
from grid.edition import Edition
from grid.errors import CityError, GridError, GridRefused
from grid.faults import Fault, refusing
from grid.settings import Settings

if TYPE_CHECKING:
    from incidents.postgres.connection import Connection

app = typer.Typer(
    help="单元网格：检查、载入、划分、导出 / Check, load, divide and export the unit grid.",
    no_args_is_help=True,
    add_completion=False,
)

TOLD_OF_A_KIND = 20
"""Faults of one kind written out on a terminal; `--json` has them all."""


def _datum(text: str) -> Datum:
    try:
        return Datum.of(text)
    except GridError as why:
        raise typer.BadParameter(str(why)) from why


def _fields(text: str) -> dict[str, str]:
    try:
        return loading.fields_of(text)
    except GridError as why:
        raise typer.BadParameter(str(why)) from why


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as why:
        raise typer.BadParameter(f"{text!r}：日期应写作 2026-01-01 / write 2026-01-01") from why


File = Annotated[Path, typer.Argument(help="GeoJSON(.gz)、GeoPackage、Shapefile、GeoParquet")]
DatumOption = Annotated[
    Datum,
    typer.Option(
        "--datum", parser=_datum, help="坐标系，必须声明 / wgs84, cgcs2000, gcj02 or bd09"
    ),
]
FieldsOption = Annotated[
    Any, typer.Option("--fields", parser=_fields, help="列名对应 / code=geoid,community=sq")
]
EpsgOption = Annotated[
    int | None, typer.Option("--epsg", help="投影坐标的 EPSG / projection of metres, e.g. 4547")
]
JsonOption = Annotated[bool, typer.Option("--json", help="供程序读取 / for programs")]


@app.command()
def check(
    file: File,
    datum: DatumOption,
    fields: FieldsOption = None,
    epsg: EpsgOption = None,
    as_json: JsonOption = False,
) -> None:
    """检查网格图层，列出全部问题 / Report every fault of a layer with place and remedy.

    Compares with the edition in force where YIWANG_DATABASE_URL is set.
    """
    with _refusals(as_json, file):
        in_force = _in_force_if_reachable()
        layer, faults = loading.inspect(file, datum, fields=fields, epsg=epsg, in_force=in_force)
        _tell(file, 0 if layer is None else len(layer.polygons), faults, as_json)
        if refusing(faults):
            raise typer.Exit(1)


@app.command()
def load(  # noqa: PLR0913, PLR0917 - the command line is the signature
    file: File,
    datum: DatumOption,
    fields: FieldsOption = None,
    epsg: EpsgOption = None,
    holds_from: Annotated[
        Any, typer.Option("--from", parser=_day, help="施行日期，默认今天 / day it holds from")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="版本名 / name of the edition")] = "",
    as_json: JsonOption = False,
) -> None:
    """把网格载入数据库成为新版本 / Store a layer as an edition; all of it or nothing."""
    from incidents.postgres import grid_store

    day = holds_from or datetime.now(ZoneInfo("Asia/Shanghai")).date()
    with _refusals(as_json, file), _database() as connection:
        edition = loading.read(
            file,
            datum,
            fields=fields,
            epsg=epsg,
            holds_from=day,
            in_force=_in_force(connection, day),
        )
        edition = replace(edition, name=name or edition.name)
        number = grid_store.keep_edition(connection, edition, datum)
        _say(
            as_json,
            {"edition": number, "cells": len(edition), "digest": edition.digest},
            f"已载入 {len(edition)} 个网格，版本 {number}，自 {day} 起施行 / "
            f"{len(edition)} cells are edition {number}, which holds from {day}",
        )


@app.command()
def components(
    file: File,
    datum: DatumOption,
    fields: FieldsOption = None,
    epsg: EpsgOption = None,
    code_set: Annotated[
        str, typer.Option("--code-set", help="编码体系 / code set their classes belong to")
    ] = "gb47678.5-2026",
    as_json: JsonOption = False,
) -> None:
    """把部件点图层载入数据库，各归其网格 / Store components, each in its cell; all of them or nothing."""
    from incidents.postgres import component_store

    with _refusals(as_json, file), _database() as connection:
        layer = loading.read_layer(file, datum, fields=fields, epsg=epsg)
        edition = _in_force(connection)
        found, notices = facilities.components_of(
            layer, None if edition is None else Atlas.of(edition)
        )
        if not as_json:
            for notice in notices[:TOLD_OF_A_KIND]:
                print(f"提示 notice {notice}")
        component_store.keep(connection, found, code_set)
        outside = sum(1 for one in found if one.cell is None)
        _say(
            as_json,
            {"components": len(found), "outside": outside},
            f"已载入 {len(found)} 个部件，{outside} 个不在任何网格内 / "
            f"{len(found)} components stored, {outside} of them in no cell",
        )


@app.command()
def divide(  # noqa: PLR0913, PLR0917 - the command line is the signature
    file: File,
    datum: DatumOption,
    out: Annotated[Path, typer.Option("--out", help="写到 / .geojson, .gpkg or .parquet")],
    lines: Annotated[
        list[Path] | None, typer.Option("--lines", help="道路、水系等线 / roads, water; repeatable")
    ] = None,
    fields: FieldsOption = None,
    epsg: EpsgOption = None,
    target: Annotated[float, typer.Option("--target", min=100, help="平方米 / m²")] = 10_000.0,
    as_json: JsonOption = False,
) -> None:
    """把社区划分为单元网格并编号 / Cut communities into numbered cells near the target size."""
    with _refusals(as_json, file):
        layer = loading.read_layer(file, datum, fields=fields, epsg=epsg)
        drawn = [
            line
            for path in lines or ()
            for line in loading.read_layer(path, datum, epsg=epsg, needed=()).polygons
            if line is not None
        ]
        communities = _communities(layer.codes, layer.polygons)
        cells = division.divide(communities, drawn, target)
        names = dict(zip(layer.codes, layer.column("name"), strict=True))
        edition = Edition.of(
            file.stem,
            date.min,
            ([cell.code for cell in cells], [cell.polygon for cell in cells]),
            area_names={code: title for code, title in names.items() if title},
        )
        loading.write(edition, out, datum)
        _say(
            as_json,
            {"communities": len(communities), "cells": len(cells), "out": str(out)},
            f"{len(communities)} 个社区划分为 {len(cells)} 个网格，写入 {out} / "
            f"{len(communities)} communities became {len(cells)} cells, written to {out}",
        )


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="写到 / .geojson, .gpkg or .parquet")],
    datum: DatumOption,
    on: Annotated[
        Any, typer.Option("--on", parser=_day, help="哪一天的版本 / the edition of that day")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """导出数据库中的一个版本 / Write an edition from the database to a file."""
    from incidents.postgres import grid_store

    with _refusals(as_json, file), _database() as connection:
        edition = grid_store.load_edition(connection, on)[-1]
        loading.write(edition, file, datum)
        _say(
            as_json,
            {"cells": len(edition), "digest": edition.digest, "out": str(file)},
            f"{edition.name}：{len(edition)} 个网格写入 {file} / {len(edition)} cells written",
        )


@app.command()
def tiles(
    on: Annotated[
        Any, typer.Option("--on", parser=_day, help="哪一天的版本 / the edition of that day")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="目录，默认 YIWANG_HOME/tiles / folder")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """把一个版本切成屏幕用的矢量瓦片 / Cut an edition into the vector tiles the screens draw, once."""
    from grid import tile_shelf
    from incidents.postgres import grid_store

    folder = out or Settings().home / "tiles"
    with _refusals(as_json, folder), _database() as connection:
        edition = grid_store.load_edition(connection, on)[-1]
        made = tile_shelf.make(edition, folder)
        _say(
            as_json,
            {"cells": made.cells, "digest": edition.digest, "out": str(made.folder)},
            f"{edition.name}：{made.cells} 个网格，{made.lowest} 至 {made.highest} 级，在 {made.folder} / "
            f"{made.cells} cells, zooms {made.lowest} to {made.highest}",
        )


def _communities(codes: Any, polygons: Any) -> dict[str, Any]:
    """Polygons by code; raises GridError where a code comes twice."""
    communities = dict(zip(codes, polygons, strict=True))
    if len(communities) < len(codes):
        twice = sorted({code for code in codes if list(codes).count(code) > 1})
        raise GridError(
            zh=f"社区标识码重复：{'、'.join(twice[:5])}",
            en=f"community codes given twice: {', '.join(twice[:5])}",
        )
    return communities


@contextlib.contextmanager
def _database() -> Iterator[Connection]:
    """The city's database; raises GridError if it is not named or not there."""
    from psycopg import OperationalError

    from incidents.postgres import connection

    url = Settings().database_url
    if not url:
        raise GridError(
            zh="没有设置 YIWANG_DATABASE_URL，不知道数据库在哪里",
            en="YIWANG_DATABASE_URL is not set: where is the database?",
        )
    try:
        opened = connection.connect(url, "grid")
    except OperationalError as why:
        raise GridError(
            zh=f"数据库连不上：{why}", en=f"the database cannot be reached: {why}"
        ) from why
    with opened:
        yield opened


def _in_force(connection: Connection, on: date | None = None) -> Edition | None:
    """The edition in force on a day (None: today), or None before the first."""
    from incidents.postgres import grid_store

    if grid_store.edition_in_force(connection, on) is None:
        return None
    return grid_store.load_edition(connection, on)[-1]


def _in_force_if_reachable() -> Edition | None:
    """For a check, which needs no database but learns from one."""
    if not Settings().database_url:
        return None
    with _database() as connection:
        return _in_force(connection)


@contextlib.contextmanager
def _refusals(as_json: bool, file: Path) -> Iterator[None]:
    """Says what was refused and why, and ends with 1."""
    try:
        yield
    except GridRefused as refused:
        _tell(file, 0, list(refused.faults), as_json, str(refused))
        raise typer.Exit(1) from refused
    except CityError as refused:
        if as_json:
            print(
                json.dumps({"ok": False, "code": refused.code, "zh": refused.zh, "en": refused.en})
            )
        else:
            print(refused, file=sys.stderr)
        raise typer.Exit(1) from refused


def _say(as_json: bool, facts: dict[str, Any], text: str) -> None:
    print(json.dumps({"ok": True, **facts}, ensure_ascii=False) if as_json else text)


def _tell(file: Path, cells: int, faults: list[Fault], as_json: bool, headline: str = "") -> None:
    """The faults of a file, for a person or a program."""
    against = refusing(faults)
    if as_json:
        told = {
            "file": str(file),
            "ok": not against,
            "cells": cells,
            "faults": [fault.as_json() for fault in against],
            "notices": [fault.as_json() for fault in faults if fault.notice],
        }
        print(json.dumps(told, ensure_ascii=False))
        return
    written: dict[str, int] = {}
    for fault in faults:
        written[fault.kind] = written.get(fault.kind, 0) + 1
        if written[fault.kind] <= TOLD_OF_A_KIND:
            print(f"{'提示 notice' if fault.notice else '问题 fault'} {fault}")
    for kind, count in written.items():
        if count > TOLD_OF_A_KIND:
            print(f"… [{kind}] 另有 {count - TOLD_OF_A_KIND} 处 / {count - TOLD_OF_A_KIND} more")
    summary = (
        f"{file.name}：{cells} 个网格，{len(against)} 处问题 / {cells} cells, {len(against)} faults"
    )
    print(headline or summary)


if __name__ == "__main__":
    app()
