"""The map below our map 底图, as a city declares it in one JSON file: where its tiles are and in which datum they lie.

Reads and checks the declaration and the head of a PMTiles file; fetches nothing from anywhere. docs/screens.md says how
the file is written.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

Grid = Literal["EPSG:3857", "EPSG:4326", "EPSG:4490"]
Datum = Literal["wgs84", "cgcs2000", "gcj02"]

_LARGEST: Final = 64 * 1024
_LAYERS_AT_MOST: Final = 8
_HOSTS_AT_MOST: Final = 32
_CHOICE = re.compile(r"\{([0-9a-z])-([0-9a-z])\}")
"""`{0-7}` in a host: one of several that serve the same tiles."""
_ORIGIN = re.compile(r"https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")
_FILE = re.compile(r"[A-Za-z0-9_-]{1,80}\.pmtiles")
_HEAD: Final = 127
_KINDS: Final = {1: "mvt", 2: "png", 3: "jpeg", 4: "webp"}


class Unfit(Exception):
    """The declaration cannot be used; its words say what to mend, Chinese and English."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.zh, self.en = zh, en


class _Layer(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"
):
    """What every layer may say; `datum` must be said."""

    datum: Datum
    opacity: float = 1.0


class _Tiles(_Layer, frozen=True, kw_only=True):
    """Tiles of pictures: their lattice and its levels. A service of its own lattice gives `origin` and `resolutions`.

    `referrer`: tell the server which host asks, as keys bound to a host want it; else it is told nothing.
    """

    grid: Grid = "EPSG:3857"
    lowest: int = 0
    highest: int = 18
    tile: int = 256
    origin: tuple[float, float] | None = None
    resolutions: tuple[float, ...] | None = None
    referrer: bool = False


class Xyz(_Tiles, frozen=True, kw_only=True, tag="xyz"):
    """Tiles by an address with `{z}` `{x}` `{y}` (or `{-y}`, counted from below)."""

    url: str


class Wmts(_Tiles, frozen=True, kw_only=True, tag="wmts"):
    """An OGC WMTS 1.0.0 by key and value; `matrix` is how it names its levels."""

    url: str
    layer: str
    matrix_set: str
    style: str = "default"
    format: str = "tiles"
    matrix: str = "{z}"


class Pmtiles(_Layer, frozen=True, kw_only=True, tag="pmtiles"):
    """One PMTiles 3 file beside the declaration, pictures or vectors, in Web Mercator."""

    file: str


class Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file: a name, what its maker wants to be named by, and layers from below to above."""

    zh: str
    layers: tuple[Xyz | Wmts | Pmtiles, ...]
    en: str = ""
    credit: str = ""


@dataclass(frozen=True, slots=True)
class BaseMap:
    """A declaration ready for a page: layers as it draws them, hosts its pictures come from, files we serve."""

    about: dict[str, Any]
    hosts: tuple[str, ...]
    files: dict[str, Path]


NONE: Final = BaseMap({"zh": "", "en": "", "credit": "", "layers": [], "refused": None}, (), {})


def find(file: Path) -> BaseMap:
    """The base map a file declares; NONE where there is no file; without layers and with `refused` where it is unfit."""
    try:
        changed = file.stat().st_mtime_ns
    except OSError:
        return NONE
    try:
        return _read(file, changed)
    except Unfit as unfit:
        return BaseMap(NONE.about | {"refused": {"zh": unfit.zh, "en": unfit.en}}, (), {})


@lru_cache(maxsize=4)
def _read(file: Path, _changed: int) -> BaseMap:
    """The file as it stood at that time."""
    try:
        data = file.read_bytes()[: _LARGEST + 1]
    except OSError as fault:
        raise Unfit(
            f"底图设置 {file.name} 无法读取", f"{file.name} cannot be read: {fault}"
        ) from fault
    if len(data) > _LARGEST:
        raise Unfit(
            f"{file.name} 超过 {_LARGEST} 字节", f"{file.name} is larger than {_LARGEST} bytes"
        )
    try:
        declared = msgspec.json.decode(data, type=Declared)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise Unfit(
            f"底图设置 {file.name} 写得不对：{fault}", f"{file.name} is not right: {fault}"
        ) from fault
    if not 0 < len(declared.layers) <= _LAYERS_AT_MOST:
        raise Unfit(
            f"底图须有 1–{_LAYERS_AT_MOST} 层", f"a base map has 1 to {_LAYERS_AT_MOST} layers"
        )
    return _ready(declared, file.parent)


def _ready(declared: Declared, folder: Path) -> BaseMap:
    layers: list[dict[str, Any]] = []
    hosts: dict[str, None] = {}
    files: dict[str, Path] = {}
    for nth, layer in enumerate(declared.layers, 1):
        try:
            if not 0 <= layer.opacity <= 1:
                raise Unfit("opacity 须在 0 与 1 之间", "opacity is between 0 and 1")
            if isinstance(layer, Pmtiles):
                files[layer.file] = folder / layer.file
                layers.append(_packed(layer, files[layer.file]))
            else:
                addresses = _addresses(layer)
                hosts |= dict.fromkeys(filter(None, map(_origin, addresses)))
                layers.append(_tiled(layer, addresses))
        except Unfit as unfit:
            raise Unfit(f"第 {nth} 层：{unfit.zh}", f"layer {nth}: {unfit.en}") from unfit
    if len(hosts) > _HOSTS_AT_MOST:
        raise Unfit(f"主机多于 {_HOSTS_AT_MOST} 个", f"more than {_HOSTS_AT_MOST} hosts")
    about = {"zh": declared.zh, "en": declared.en or declared.zh, "credit": declared.credit}
    return BaseMap({**about, "layers": layers, "refused": None}, tuple(hosts), files)


def _tiled(layer: Xyz | Wmts, addresses: list[str]) -> dict[str, Any]:
    if not 0 <= layer.lowest <= layer.highest <= 24:
        raise Unfit("须 0 ≤ lowest ≤ highest ≤ 24", "0 ≤ lowest ≤ highest ≤ 24 is meant")
    if layer.tile not in {256, 512}:
        raise Unfit("tile 须为 256 或 512", "tile is 256 or 512")
    sizes = layer.resolutions
    if sizes is not None and list(sizes) != sorted({n for n in sizes if n > 0}, reverse=True):
        raise Unfit(
            "resolutions 须由大到小且为正", "resolutions go from large to small and are positive"
        )
    names = (*_Layer.__struct_fields__, *_Tiles.__struct_fields__)
    return {"kind": "tiles", "urls": addresses} | {name: getattr(layer, name) for name in names}


def _packed(layer: Pmtiles, file: Path) -> dict[str, Any]:
    if not _FILE.fullmatch(layer.file):
        raise Unfit(
            f"file 不是 .pmtiles 文件名：{layer.file}",
            f"file is no name of a .pmtiles file: {layer.file}",
        )
    try:
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
    except OSError as fault:
        raise Unfit(f"打不开 {layer.file}", f"{layer.file} cannot be opened") from fault
    if len(head) < _HEAD or head[:8] != b"PMTiles\x03" or head[99] not in _KINDS:
        raise Unfit(
            f"{layer.file} 不是 PMTiles 3 文件",
            f"{layer.file} is no PMTiles 3 of pictures or vectors",
        )
    vector = _KINDS[head[99]] == "mvt"
    if vector and layer.datum == "gcj02":
        raise Unfit(
            "矢量底图须先转为 CGCS2000 或 WGS-84", "turn vector tiles into CGCS2000 or WGS-84 first"
        )
    bounds = [n / 1e7 for n in struct.unpack("<4i", head[102:118])]
    about = {
        "kind": "pmtiles",
        "file": layer.file,
        "vector": vector,
        "datum": layer.datum,
        "opacity": layer.opacity,
    }
    return about | {"lowest": head[100], "highest": head[101], "bounds": bounds}


def _addresses(layer: Xyz | Wmts) -> list[str]:
    """The addresses to take turns with: `{z}` `{x}` `{y}` left to fill in."""
    wanted = layer.url if isinstance(layer, Xyz) else _by_key_and_value(layer)
    for part in (("{z}",), ("{x}",), ("{y}", "{-y}")):
        if not any(one in wanted for one in part):
            raise Unfit(f"url 缺 {part[0]}", f"url lacks {part[0]}")
    choice = _CHOICE.search(wanted)
    span = range(ord(choice[1]), ord(choice[2]) + 1) if choice else range(1)
    if not span or len(_CHOICE.findall(wanted)) > 1:
        raise Unfit("url 中 {0-7} 这样的选择至多一个", "at most one choice such as {0-7} in url")
    found = [_CHOICE.sub(chr(one), wanted) for one in span]
    for address in found:
        _origin(address)
    return found


def _by_key_and_value(layer: Wmts) -> str:
    mark = "&" if "?" in layer.url else "?"
    return (
        f"{layer.url}{mark}SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={layer.layer}&STYLE={layer.style}"
        f"&TILEMATRIXSET={layer.matrix_set}&FORMAT={layer.format}&TILEMATRIX={layer.matrix}&TILEROW={{y}}&TILECOL={{x}}"
    )


def _origin(address: str) -> str | None:
    """Scheme, host and port of an address, as a policy names them; None for one relative to our own server."""
    parts = urlsplit(address)
    if not parts.scheme and not parts.netloc and not address.startswith("/"):
        return None
    origin = f"{parts.scheme}://{parts.netloc}"
    if not _ORIGIN.fullmatch(origin):
        raise Unfit(
            f"url 须以 http(s)://主机 开头，或相对于本站：{origin}",
            f"url begins with http(s)://host, or is relative to our server: {origin}",
        )
    return origin.lower()
