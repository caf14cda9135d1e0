"""The start page, the offline API documentation, the three screens and their assets; nothing from outside.

The start page and the documentation need no build. Every page names all else relative to itself, so that it works
behind any path prefix a proxy takes off; a screen therefore ends with a slash.
"""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from swagger_ui_bundle import swagger_ui_path

from api import answers, base_map, built_pages
from api.access import anyone
from api.headers import policy
from api.parts import Opened, Parts
from api.problems import Problem

router = APIRouter(tags=["pages 页面"], dependencies=[anyone])

_OURS: Traversable = files("api") / "static"
_THEIRS: Traversable = swagger_ui_path
_ASSETS: dict[str, tuple[Traversable, str]] = {
    "page.css": (_OURS, "text/css; charset=utf-8"),
    "page.js": (_OURS, "text/javascript; charset=utf-8"),
    "docs.js": (_OURS, "text/javascript; charset=utf-8"),
    "docs.css": (_OURS, "text/css; charset=utf-8"),
    "icon.svg": (_OURS, "image/svg+xml"),
    "swagger-ui.css": (_THEIRS, "text/css; charset=utf-8"),
    "swagger-ui-bundle.js": (_THEIRS, "text/javascript; charset=utf-8"),
}
Seen = Annotated[str | None, Header(alias="If-None-Match", include_in_schema=False)]
Accepted = Annotated[str, Header(alias="Accept-Encoding", include_in_schema=False)]


@router.get("/", include_in_schema=False)
async def start(seen: Seen = None) -> Response:
    """The start page: state of the parts, newest incidents live, links."""
    return _file(_OURS, "index.html", "text/html; charset=utf-8", seen)


@router.get("/docs", include_in_schema=False)
async def docs(seen: Seen = None) -> Response:
    """The documentation of the API, readable without the internet."""
    return _file(_OURS, "docs.html", "text/html; charset=utf-8", seen)


@router.get("/wall/", include_in_schema=False)
def wall(parts: Opened, accepted: Accepted = "", seen: Seen = None) -> Response:
    """大屏."""
    return _with_map(built_pages.page("wall", accepted, seen), parts)


@router.get("/desk/", include_in_schema=False)
def desk(parts: Opened, accepted: Accepted = "", seen: Seen = None) -> Response:
    """值班台."""
    return _with_map(built_pages.page("desk", accepted, seen), parts)


@router.get("/field/", include_in_schema=False)
def field(accepted: Accepted = "", seen: Seen = None) -> Response:
    """网格员."""
    return built_pages.page("field", accepted, seen)


@router.get("/field/sw.js", include_in_schema=False)
def field_worker(accepted: Accepted = "", seen: Seen = None) -> Response:
    """What opens the phone page without a network; only over https does a browser take it."""
    return built_pages.worker("field", accepted, seen)


@router.get("/wall", include_in_schema=False)
@router.get("/desk", include_in_schema=False)
@router.get("/field", include_in_schema=False)
async def slashless(request: Request) -> Response:
    """To the same with a slash, on which the page's relative addresses depend."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{request.url.path.rsplit('/', 1)[-1]}/{query}", 308)


@router.get("/assets/{name}", include_in_schema=False)
async def asset(
    name: Annotated[str, Path(max_length=100)], accepted: Accepted = "", seen: Seen = None
) -> Response:
    """One of the files our pages load; no other."""
    found = _ASSETS.get(name)
    if found is not None:
        return _file(found[0], name, found[1], seen)
    built = await run_in_threadpool(built_pages.asset, name, accepted, seen)
    if built is None:
        raise Problem(404, "not_found", ("没有这个文件", "there is no such file"))
    return built


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    """The OpenAPI description."""
    return answers.json(request.app.openapi(), headers={"Cache-Control": "no-cache"})


@router.get("/demo/account", include_in_schema=False)
async def demo_account(parts: Opened) -> Response:
    """In a demonstration, the wall's account, so that the start page shows something at once; else 404."""
    found = None
    if parts.settings.demonstration:
        found = await run_in_threadpool(_wall_account, parts.settings.home / "accounts.json")
    if found is None:
        raise Problem(404, "not_found", ("不是演示系统", "this is no demonstration"))
    return answers.json(found, headers={"Cache-Control": "no-store"})


def _wall_account(file: Traversable) -> dict[str, str] | None:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        row = next(row for row in rows if row["role"] == "wall")
        return {"name": row["name"], "role": row["role"], "token": row["token"]}
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return None


def _with_map(page: Response, parts: Parts) -> Response:
    """A page with a map: it may show pictures from the hosts of the city's base map, and from no others."""
    hosts = base_map.find(parts.settings.base_map_file).hosts
    page.headers["Content-Security-Policy"] = policy(hosts)
    return page


_files: dict[str, tuple[bytes, str]] = {}


def _read(folder: Traversable, name: str) -> tuple[bytes, str]:
    if name not in _files:
        data = (folder / name).read_bytes()
        _files[name] = data, f'"{hashlib.sha256(data).hexdigest()[:24]}"'
    return _files[name]


def _file(folder: Traversable, name: str, media_type: str, seen: str | None) -> Response:
    data, etag = _read(folder, name)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if seen is not None and etag in seen:
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type=media_type)
