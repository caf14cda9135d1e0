"""Small files that each show one fault, and what must be said of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely

from grid.coordinates import Datum, from_wgs84
from grid.edition import Edition
from grid.faults import FaultKind
from tests.grid import cities

Row = tuple[Mapping[str, Any], Any]

STEP = 0.001
"""Degrees along a side of the cells drawn here: about 98 by 111 metres."""


def box(column: float, row: float, wide: float = 1.0, high: float = 1.0) -> Any:
    west, south = cities.HERE
    return shapely.box(
        west + column * STEP,
        south + row * STEP,
        west + (column + wide) * STEP,
        south + (row + high) * STEP,
    )


def rows(*shapes: Any, codes: Sequence[Any] | None = None) -> list[Row]:
    given = codes or [cities.code_of(at) for at in range(len(shapes))]
    return [({"code": code}, shape) for code, shape in zip(given, shapes, strict=True)]


def geojson(path: Path, features: Sequence[Row]) -> Path:
    collection = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": dict(properties),
                "geometry": shape
                if shape is None or isinstance(shape, dict)
                else shapely.geometry.mapping(shape),
            }
            for properties, shape in features
        ],
    }
    path.write_text(json.dumps(collection), encoding="utf-8")
    return path


def moved(shapes: Any, datum: Datum) -> Any:
    """Shapes with the numbers another datum gives them."""
    return shapely.transform(
        shapes, lambda at: np.column_stack(from_wgs84(at[:, 0], at[:, 1], datum))
    )


IN_FORCE = cities.edition_of(cities.block(6, 6))


@dataclass(frozen=True)
class Case:
    """A small file, and what must be said of it."""

    kind: FaultKind
    file: Callable[[Path], Path]
    remedy: str
    codes: tuple[str, ...] = ()
    datum: Datum = Datum.WGS84
    fields: Mapping[str, str] | None = None
    epsg: int | None = None
    in_force: Edition | None = None
    size: tuple[float, float] | None = None
    notice: bool = False


def made(*features: Row) -> Callable[[Path], Path]:
    return lambda folder: geojson(folder / "cells.geojson", features)


def text(name: str, content: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


def frame(name: str, shapes: Sequence[Any], crs: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        codes = [cities.code_of(at) for at in range(len(shapes))]
        table = geopandas.GeoDataFrame({"code": codes}, geometry=list(shapes), crs=crs)
        table.to_file(folder / name)
        return folder / name

    return write


A, B, C = (cities.code_of(at) for at in range(3))
BOW = shapely.Polygon([(116.35, 27.95), (116.351, 27.951), (116.351, 27.95), (116.35, 27.951)])
TWO_POINTS = {"type": "Polygon", "coordinates": [[[116.35, 27.95], [116.351, 27.95]]]}
RING = box(0, 0, 3, 3).difference(box(1, 1))
LAKE = box(0, 0, 12, 12).difference(box(2, 2, 8, 8))

CASES: dict[str, Case] = {
    "a file that is not there": Case(
        FaultKind.FILE_UNREADABLE, lambda folder: folder / "none.geojson", "there is no file"
    ),
    "a file that is no layer": Case(
        FaultKind.FILE_UNREADABLE, text("cells.geojson", "hello"), "GeoPackage, Shapefile"
    ),
    "a broken GeoPackage": Case(
        FaultKind.FILE_UNREADABLE, text("cells.gpkg", "x"), "no layer can be read"
    ),
    "a broken GeoParquet": Case(
        FaultKind.FILE_UNREADABLE, text("cells.parquet", "x"), "no layer can be read"
    ),
    "a broken archive": Case(
        FaultKind.FILE_UNREADABLE, text("cells.geojson.gz", "x"), "no layer can be read"
    ),
    "a table without shapes": Case(
        FaultKind.FILE_UNREADABLE, text("cells.csv", "code\n1\n"), "without shapes"
    ),
    "no cell at all": Case(FaultKind.NO_CELLS, made(), "no cell"),
    "no column of codes": Case(
        FaultKind.FIELD_MISSING, made(({"geoid": A}, box(0, 0))), "--fields code=COLUMN", ("code",)
    ),
    "a column named that is not there": Case(
        FaultKind.FIELD_MISSING,
        made(*rows(box(0, 0))),
        "'sq'",
        ("community",),
        fields={"community": "sq"},
    ),
    "a meaning nobody knows": Case(
        FaultKind.FIELD_MISSING,
        made(*rows(box(0, 0))),
        "for colour",
        ("colour",),
        fields={"colour": "code"},
    ),
    "a file that says another datum": Case(
        FaultKind.DATUM_CONTRADICTED,
        frame("cells.gpkg", [box(0, 0)], "EPSG:4214"),
        "correct one of the two",
    ),
    "a projection that the file contradicts": Case(
        FaultKind.DATUM_CONTRADICTED,
        frame("cells.gpkg", [shapely.box(500000, 3000000, 500100, 3000100)], "EPSG:4548"),
        "leave --epsg out",
        datum=Datum.CGCS2000,
        epsg=4547,
    ),
    "a projection there is not": Case(
        FaultKind.DATUM_CONTRADICTED, made(*rows(box(0, 0))), "no such EPSG code", epsg=99999
    ),
    "a projection of another datum": Case(
        FaultKind.DATUM_CONTRADICTED,
        made(*rows(box(0, 0))),
        "correct one of the two",
        datum=Datum.CGCS2000,
        epsg=2422,
    ),
    "GCJ-02 outside China": Case(
        FaultKind.DATUM_CONTRADICTED,
        made(*rows(shapely.box(-74.0, 40.7, -73.999, 40.701))),
        "--datum wgs84",
        datum=Datum.GCJ02,
    ),
    "metres taken for degrees": Case(
        FaultKind.DATUM_OUT_OF_RANGE,
        made(*rows(shapely.box(500000, 3000000, 500100, 3000100))),
        "--epsg",
    ),
    "latitude before longitude": Case(
        FaultKind.DATUM_OUT_OF_RANGE,
        made(*rows(shapely.box(27.95, 116.35, 27.951, 116.351))),
        "exchange them",
    ),
    "GCJ-02 declared as WGS-84": Case(
        FaultKind.DATUM_SHIFTED,
        made(*rows(*moved(IN_FORCE.polygons, Datum.GCJ02))),
        "looks like GCJ-02 declared as WGS-84",
        in_force=IN_FORCE,
        size=(400, 700),
    ),
    "BD-09 declared as CGCS2000": Case(
        FaultKind.DATUM_SHIFTED,
        made(*rows(*moved(IN_FORCE.polygons, Datum.BD09))),
        "looks like BD-09 declared as CGCS2000",
        datum=Datum.CGCS2000,
        in_force=IN_FORCE,
        size=(1000, 1400),
    ),
    "WGS-84 declared as GCJ-02": Case(
        FaultKind.DATUM_SHIFTED,
        made(*rows(*IN_FORCE.polygons)),
        "looks like WGS-84 declared as GCJ-02",
        datum=Datum.GCJ02,
        in_force=IN_FORCE,
        size=(400, 700),
    ),
    "GCJ-02 declared as WGS-84, every code new": Case(
        FaultKind.DATUM_SHIFTED,
        made(
            *rows(
                *moved(IN_FORCE.polygons, Datum.GCJ02),
                codes=[cities.code_of(at + 500) for at in range(36)],
            )
        ),
        "say --datum gcj02",
        in_force=IN_FORCE,
        size=(400, 700),
    ),
    "moved by what no datum explains": Case(
        FaultKind.DATUM_SHIFTED,
        made(*rows(*shapely.transform(IN_FORCE.polygons, lambda at: at - (0.004, 0.0)))),
        "no usual datum explains it",
        in_force=IN_FORCE,
        size=(380, 410),
    ),
    "another city": Case(
        FaultKind.FAR_FROM_EDITION,
        made(*rows(*shapely.transform(IN_FORCE.polygons, lambda at: at - (3.0, 0.0)))),
        "projection zone",
        in_force=IN_FORCE,
        size=(290_000, 300_000),
    ),
    "a code too short": Case(
        FaultKind.CODE_MALFORMED,
        made(*rows(box(0, 0), codes=["3610020010010"])),
        "13 characters",
        ("3610020010010",),
    ),
    "a code that a spreadsheet spoilt": Case(
        FaultKind.CODE_MALFORMED,
        made(*rows(box(0, 0), codes=["3.61E+14"])),
        "spreadsheet",
        ("3.61E+14",),
    ),
    "no code": Case(
        FaultKind.CODE_MALFORMED, made(*rows(box(0, 0), codes=[None])), "it is empty", ("#1",)
    ),
    "a code twice": Case(
        FaultKind.CODE_TWICE,
        made(*rows(box(0, 0), box(1, 0), codes=[A, A])),
        "give each cell its own",
        (A,),
        size=(2, 2),
    ),
    "a code that its community contradicts": Case(
        FaultKind.CODE_CONTRADICTS_PARENT,
        made(({"code": A, "community": "361002001009"}, box(0, 0))),
        "column community says 361002001009",
        (A,),
    ),
    "a code that its street contradicts": Case(
        FaultKind.CODE_CONTRADICTS_PARENT,
        made(({"code": A, "SZJDDM": "361002007"}, box(0, 0))),
        "belongs to street 361002001",
        (A,),
    ),
    "no shape": Case(FaultKind.GEOMETRY_EMPTY, made(*rows(None, box(1, 0))), "draw the cell", (A,)),
    "a ring of two points": Case(
        FaultKind.GEOMETRY_EMPTY, made(*rows(TWO_POINTS, box(1, 0))), "draw the cell", (A,)
    ),
    "a line": Case(
        FaultKind.GEOMETRY_NOT_AREA,
        made(*rows(shapely.LineString([cities.HERE, (116.36, 27.96)]))),
        "closed polygon",
        (A,),
    ),
    "a ring that crosses itself": Case(
        FaultKind.RING_INVALID, made(*rows(BOW)), "untangle it", (A,)
    ),
    "two cells upon each other": Case(
        FaultKind.OVERLAP,
        made(*rows(box(0, 0), box(0.9, 0))),
        "as one line",
        (A, B),
        size=(1080, 1100),
    ),
    "the same cell under two codes": Case(
        FaultKind.OVERLAP,
        made(*rows(box(0, 0), box(0, 0))),
        "as one line",
        (A, B),
        size=(10_800, 11_000),
    ),
    "a cell within a cell": Case(
        FaultKind.OVERLAP,
        made(*rows(box(0, 0, 3, 3), box(1, 1))),
        "as one line",
        (A, B),
        size=(10_800, 11_000),
    ),
    "a hole that was forgotten": Case(
        FaultKind.GAP,
        made(*rows(box(0, 0, 3, 3).difference(box(1, 1, 0.5, 0.5)))),
        "a neighbour",
        (A,),
        size=(2_700, 2_750),
    ),
    "a gap between four cells": Case(
        FaultKind.GAP,
        made(
            *rows(
                box(0, 0, 2, 1),
                box(2, 0, 1, 2),
                box(1.1, 2, 1.9, 1),
                box(0, 1, 1.1, 2),
                box(1.1, 1, 0.5, 1),
            )
        ),
        "a neighbour",
        (A, B, C, cities.code_of(4)),
        size=(4_300, 4_400),
    ),
    "two cells that lie upon each other by a hand": Case(
        FaultKind.SLIVER,
        made(*rows(box(0, 0), box(0.999, 0))),
        "as one line",
        (A, B),
        size=(10, 11.5),
    ),
    "a cleft between two cells": Case(
        FaultKind.SLIVER,
        made(*rows(box(0, 0), box(1.003, 0))),
        "a neighbour",
        (A, B),
        size=(30, 34),
    ),
    "a remnant of a cell": Case(
        FaultKind.SLIVER,
        made(*rows(shapely.union_all([box(0, 0), box(3, 0, 0.004, 0.004)]))),
        "a remnant",
        (A,),
        size=(0.1, 0.2),
    ),
    "a lake": Case(
        FaultKind.HOLE_LEFT_OUT,
        made(*rows(LAKE)),
        "a lake",
        (A,),
        size=(690_000, 705_000),
        notice=True,
    ),
    "a cell far from its community": Case(
        FaultKind.COMMUNITY_SCATTERED,
        made(*rows(box(0, 0), box(1, 0), box(40, 0))),
        "wrong community",
        (C,),
        size=(3_700, 3_750),
    ),
}
