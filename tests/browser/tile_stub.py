"""A map service of somebody else: real tiles over HTTP, each a mark at one place, in the datum and lattice it is asked for."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from PIL import Image, ImageDraw

from grid.coordinates import Datum, from_wgs84

SIDE = 256
_HALF = 4
Place = tuple[float, float]
Color = tuple[int, int, int]


def mark(place: Place, datum: Datum, zoom: int, *, degrees: bool) -> tuple[float, float]:
    """Where a WGS-84 place lies on a datum's plane, in pixels of a zoom from the upper left corner."""
    lon, lat = from_wgs84(*place, datum)
    whole = SIDE * 2.0**zoom
    if degrees:
        return (lon + 180) / 360 * whole, (90 - lat) / 360 * whole
    return (lon + 180) / 360 * whole, (
        1 - math.asinh(math.tan(math.radians(lat))) / math.pi
    ) / 2 * whole


def drawn(at: tuple[float, float], tile: tuple[int, int], color: Color) -> bytes:
    """The PNG of a tile: nothing but the mark, where it touches this tile."""
    x, y = at[0] - SIDE * tile[0], at[1] - SIDE * tile[1]
    picture = Image.new("RGBA", (SIDE, SIDE))
    box = (round(x) - _HALF, round(y) - _HALF, round(x) + _HALF - 1, round(y) + _HALF - 1)
    ImageDraw.Draw(picture).rectangle(box, fill=(*color, 255))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


@dataclass
class Stub:
    """The running service: `/xyz/{z}/{x}/{y}.png` in GCJ-02, `/wmts` by key and value in degrees of CGCS2000."""

    places: dict[str, tuple[Place, Color]]
    port: int = 0
    asked: list[str] = field(default_factory=list)

    def answer(self, address: str) -> bytes | None:
        """The tile at an address; None where none is."""
        self.asked.append(address)
        parts = urlsplit(address)
        if parts.path.startswith("/xyz/"):
            z, x, y = (int(n) for n in parts.path[5:].removesuffix(".png").split("/"))
            place, color = self.places["xyz"]
            return drawn(mark(place, Datum.GCJ02, z, degrees=False), (x, y), color)
        words = {name: given[0] for name, given in parse_qs(parts.query).items()}
        if parts.path != "/wmts" or words.get("REQUEST") != "GetTile" or words.get("tk") != "key":
            return None
        z, x, y = (int(words[name]) for name in ("TILEMATRIX", "TILECOL", "TILEROW"))
        place, color = self.places["wmts"]
        return drawn(mark(place, Datum.CGCS2000, z, degrees=True), (x, y), color)


@contextmanager
def serving(places: dict[str, tuple[Place, Color]]) -> Iterator[Stub]:
    """The service on a free port, gone afterwards."""
    stub = Stub(places)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = stub.answer(self.path)
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own word
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
