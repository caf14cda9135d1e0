"""The grid as vector tiles: cut once per edition by `python -m grid tiles`, kept by browsers for ever."""

from __future__ import annotations

import subprocess
import sys
from threading import Lock
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api import answers
from api.access import EVERYBODY, allow
from api.caller import Caller
from api.in_force import Ground
from api.parts import Opened, Parts
from api.problems import Problem
from api.wall_schemas import GridTiles
from grid import tile_shelf, tiles

router = APIRouter(prefix="/api/v1/grid/tiles", tags=["grid 单元网格"])
Known = Annotated[Caller, allow(EVERYBODY)]
Zoom = Annotated[int, Path(ge=0, le=22)]
Place = Annotated[int, Path(ge=0, lt=2**22)]
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]

_MVT = "application/vnd.mapbox-vector-tile"
_FOR_EVER = "private, max-age=31536000, immutable"
_cutting: dict[str, subprocess.Popen[bytes]] = {}
_one_at_a_time = Lock()


@router.get("", response_model=GridTiles, summary="矢量瓦片 Vector tiles of the grid")
def described(_: Known, parts: Opened) -> Response:
    """Where the tiles of the edition in force are; `ready` is false while they are being cut, once per edition."""
    ground = _ground(parts)
    ready = tile_shelf.find(parts.settings.home / "tiles", ground.digest) is not None
    if not ready:
        _cut(parts, ground.digest)
    plan = tiles.Plan.of(ground.atlas.edition)
    body = {
        "ready": ready,
        "numbering": ground.numbering,
        "digest": ground.digest,
        "cells": len(ground.atlas),
        "lowest": plan.lowest,
        "highest": plan.highest,
        "bounds": plan.bounds,
    }
    return answers.json(body, headers={"Cache-Control": "no-store"})


@router.get(
    "/{digest}/{z}/{x}/{y}",
    summary="一块瓦片 One tile",
    response_class=Response,
    responses={200: {"content": {_MVT: {}}}, 204: {"description": "此处没有网格 nothing there"}},
)
def tile(digest: Digest, z: Zoom, x: Place, y: Place, _: Known, parts: Opened) -> Response:
    """A Mapbox Vector Tile: `cells` with their place in the order of codes as id, `areas`, `names`."""
    shelved = tile_shelf.find(parts.settings.home / "tiles", digest)
    if shelved is None:
        raise Problem(404, "not_found", ("没有这个网格版本的瓦片", "no tiles of such an edition"))
    data = shelved.read(z, x, y)
    if data is None:
        return Response(status_code=204, headers={"Cache-Control": _FOR_EVER})
    headers = {"Cache-Control": _FOR_EVER, "Content-Encoding": "gzip"}
    return Response(data, headers=headers, media_type=_MVT)


def _ground(parts: Parts) -> Ground:
    ground = parts.in_force.ground
    if ground is None:
        raise Problem(404, "no_grid", ("尚未装载单元网格", "no grid edition is loaded"))
    return ground


def _cut(parts: Parts, digest: str) -> None:
    """Cut in a process of its own, which may take a minute for a large city; one at a time."""
    with _one_at_a_time:
        running = _cutting.get(digest)
        if running is not None and running.poll() is None:
            return
        # Told by the same environment as this process; like every part of ours, it finds the database by it.
        words = ["-m", "grid", "tiles", "--out", str(parts.settings.home / "tiles")]
        _cutting[digest] = subprocess.Popen([sys.executable, *words], stdin=subprocess.DEVNULL)
