"""单元网格: where places lie, which editions there are, and one cell with all that lies above it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import numpy as np
import shapely
from fastapi import APIRouter, Path, Query
from numpy.typing import NDArray
from starlette.responses import Response

from api import answers
from api.access import EVERYBODY, Caller, allow
from api.given import Points
from api.in_force import Ground
from api.parts import Opened, Parts
from api.problems import Problem
from api.schemas import CellShown, EditionShown, Located, LocatedMany
from grid.atlas import outcome_name
from grid.coordinates import Datum, to_wgs84
from incidents.postgres import views

router = APIRouter(prefix="/api/v1/grid", tags=["grid 单元网格"])
Known = Annotated[Caller, allow(EVERYBODY)]


@router.post("/locate", response_model=Located | LocatedMany, summary="批量定位 Locate places")
def locate(points: Points, _: Known, parts: Opened) -> Response:
    """One place or columns of places, in one declared datum; the cell of each, or null and why (`outcome`)."""
    lon, lat = points.lon, points.lat
    if isinstance(lon, list) != isinstance(lat, list):
        raise _uneven(
            "lon 与 lat 须同为数或同为数组", "lon and lat are both numbers or both arrays"
        )
    if not isinstance(lon, list) or not isinstance(lat, list):
        assert not isinstance(lon, list)
        assert not isinstance(lat, list)
        return _one(parts, lon, lat, points.datum)
    if len(lon) != len(lat):
        raise _uneven(
            f"lon 有 {len(lon)} 个，lat 有 {len(lat)} 个", f"{len(lon)} lon and {len(lat)} lat"
        )
    return answers.json(_columns(_ground(parts), _floats(lon), _floats(lat), points.datum))


@router.get("/locate", response_model=Located, summary="定位一点 Locate one place")
def locate_one(
    lon: Annotated[float, Query(examples=[116.397])],
    lat: Annotated[float, Query(examples=[39.908])],
    datum: Annotated[Datum, Query(examples=["wgs84"])],
    _: Known,
    parts: Opened,
) -> Response:
    """The cell of a place in its declared datum, or null and why."""
    return _one(parts, lon, lat, datum)


@router.get("/editions", response_model=list[EditionShown], summary="网格版本 Editions")
def editions(_: Known, parts: Opened) -> Response:
    """Editions of the grid, the newest first; `in_force` marks the one that holds today."""
    with parts.connection() as connection:
        found = views.editions(connection)
    ground = parts.in_force.ground
    now = ground.edition if ground else None
    return answers.json([row._asdict() | {"in_force": row.id == now} for row in found])


@router.get("/cells/{code}", response_model=CellShown, summary="一个单元网格 One cell")
def cell(
    code: Annotated[str, Path(pattern=r"^[0-9A-Z]{6,15}$", examples=["11010100100101"])],
    _: Known,
    parts: Opened,
) -> Response:
    """The cell of the newest edition that has it, with its parents and its polygon (GeoJSON, WGS-84)."""
    with parts.connection() as connection:
        found = views.cell(connection, code)
    if found is None:
        raise Problem(404, "unknown", (f"没有单元网格 {code}", f"no cell has the code {code}"))
    body = found._asdict()
    body["polygon"] = json.loads(shapely.to_geojson(shapely.from_wkb(found.polygon)))
    return answers.json(body)


def _ground(parts: Parts) -> Ground:
    ground = parts.in_force.ground
    if ground is None:
        raise Problem(
            404, "no_grid", ("尚未装载单元网格：python -m grid load", "no grid edition is loaded")
        )
    return ground


def _one(parts: Parts, lon: float, lat: float, datum: Datum) -> Response:
    ground = _ground(parts)
    atlas = ground.atlas
    cell = atlas.locate_one(*to_wgs84(lon, lat, datum))
    names = dict.fromkeys(("cell", "community", "street", "district"))
    if cell >= 0:
        names = {
            "cell": str(atlas.codes[cell]),
            "community": str(atlas.community_codes[atlas.community[cell]]),
            "street": str(atlas.street_codes[atlas.street[cell]]),
            "district": str(atlas.district_codes[atlas.district[cell]]),
        }
    return answers.json({"outcome": outcome_name(cell), **names, "edition": ground.edition})


def _columns(
    ground: Ground, lon: NDArray[np.float64], lat: NDArray[np.float64], datum: Datum
) -> dict[str, Any]:
    atlas = ground.atlas
    found = atlas.locate(*to_wgs84(lon, lat, datum)) if len(lon) else np.empty(0, np.int32)
    inside = found >= 0

    def of(codes: NDArray[Any], index: NDArray[np.int32]) -> list[str | None]:
        column = np.full(len(found), None, dtype=object)
        column[inside] = codes[index]
        return list(column)

    cells = found[inside]
    return {
        "edition": ground.edition,
        "outcome": [outcome_name(cell) for cell in found.tolist()],
        "cell": of(atlas.codes, cells),
        "community": of(atlas.community_codes, atlas.community[cells]),
        "street": of(atlas.street_codes, atlas.street[cells]),
        "district": of(atlas.district_codes, atlas.district[cells]),
    }


def _floats(column: list[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in column], dtype=np.float64)


def _uneven(zh: str, en: str) -> Problem:
    errors = [{"in": "body", "pointer": "/lat", "code": "columns_differ", "detail": en}]
    return Problem(422, "invalid", (zh, en), errors=errors)
