"""The screens as they were built: pages always asked again, hashed assets kept for ever.

Where nothing was built, a plain page says what to run.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from starlette.responses import HTMLResponse, Response

BUILT: Final = Path(__file__).parent / "web" / "dist"
"""Where `make web` puts the pages; beside this file in a wheel and in the image, too."""
FOR_EVER: Final = "public, max-age=31536000, immutable"

_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+", re.ASCII)
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
_NOT_BUILT: Final = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>一网</title>
<h1>页面尚未构建</h1>
<p>请在安装目录执行 <code>make web</code>，然后刷新。接口不受影响。</p>
<p lang="en">This page is not built yet: run <code>make web</code> and reload. The API is not affected.</p>
</html>
"""


@dataclass(frozen=True, slots=True)
class Built:
    """One built file, also as gzip."""

    plain: bytes
    packed: bytes
    etag: str
    media_type: str

    def answer(self, accepted: str, seen: str | None, caching: str) -> Response:
        """The file in the form the browser takes; 304 when it has it."""
        headers = {"ETag": self.etag, "Cache-Control": caching, "Vary": "Accept-Encoding"}
        if seen is not None and self.etag in seen:
            return Response(status_code=304, headers=headers)
        if "gzip" not in accepted:
            return Response(self.plain, headers=headers, media_type=self.media_type)
        headers["Content-Encoding"] = "gzip"
        return Response(self.packed, headers=headers, media_type=self.media_type)


def page(screen: str, accepted: str, seen: str | None) -> Response:
    """The page of a screen; 503 and what to run where it was not built."""
    found = _find(BUILT / screen / "index.html")
    if found is None:
        return HTMLResponse(_NOT_BUILT, 503, {"Cache-Control": "no-store"})
    return found.answer(accepted, seen, "no-cache")


def asset(name: str, accepted: str, seen: str | None) -> Response | None:
    """A hashed file that a screen loads; None when there is none of that name."""
    found = _find(BUILT / "assets" / name) if _NAME.fullmatch(name) else None
    return None if found is None else found.answer(accepted, seen, FOR_EVER)


def worker(screen: str, accepted: str, seen: str | None) -> Response:
    """The service worker of a screen, always asked again; 404 where it was not built."""
    found = _find(BUILT / screen / "sw.js")
    if found is None:
        return Response(status_code=404, headers={"Cache-Control": "no-store"})
    return found.answer(accepted, seen, "no-cache")


def _find(file: Path) -> Built | None:
    try:
        return _read(file, file.stat().st_mtime_ns)
    except (FileNotFoundError, NotADirectoryError):
        return None


@lru_cache(maxsize=64)
def _read(file: Path, _changed: int) -> Built:
    """The file as it stood at that time; built anew, it is read anew."""
    plain = file.read_bytes()
    return Built(
        plain=plain,
        packed=gzip.compress(plain, 9, mtime=0),
        etag=f'"{hashlib.sha256(plain).hexdigest()[:24]}"',
        media_type=_TYPES.get(file.suffix, "application/octet-stream"),
    )
