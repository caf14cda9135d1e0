"""The city's base map 底图: what a page has to draw, and the PMTiles file it draws from, by ranges."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import FileResponse, Response

from api import answers, base_map
from api.access import EVERYBODY, allow
from api.caller import Caller
from api.map_schemas import BaseMapShown
from api.parts import Opened
from api.problems import Problem

router = APIRouter(prefix="/api/v1/grid/base-map", tags=["grid 单元网格"])
Known = Annotated[Caller, allow(EVERYBODY)]

_OCTETS = "application/octet-stream"


@router.get("", response_model=BaseMapShown, summary="底图 Base map")
def described(_: Known, parts: Opened) -> Response:
    """Layers from below to above, none where the city declared none; `refused` says why a declaration is not used."""
    found = base_map.find(parts.settings.base_map_file)
    return answers.json(found.about, headers={"Cache-Control": "no-store"})


@router.get(
    "/{name}",
    summary="底图文件 A base map's file",
    response_class=FileResponse,
    responses={
        200: {"content": {_OCTETS: {}}},
        206: {"description": "所要的一段 the range asked for"},
    },
)
def packed(name: Annotated[str, Path(max_length=100)], _: Known, parts: Opened) -> Response:
    """A declared PMTiles file; asked for by `Range`, as its readers do."""
    file = base_map.find(parts.settings.base_map_file).files.get(name)
    if file is None or not file.is_file():
        raise Problem(404, "not_found", ("没有这个底图文件", "there is no such file of a base map"))
    return FileResponse(file, media_type=_OCTETS, headers={"Cache-Control": "private, no-cache"})
