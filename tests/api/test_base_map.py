"""底图: declared in one file, checked whole, served by ranges; its hosts and no others enter the pages' policy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api import base_map
from api.settings import Settings
from tests.api.packing import packed
from tests.api.town import token

TIANDITU = {
    "kind": "wmts", "url": "https://t{0-7}.tianditu.example/vec_c/wmts?tk=0123", "layer": "vec", "matrix_set": "c",
    "grid": "EPSG:4490", "datum": "cgcs2000", "lowest": 1, "referrer": True,
}  # fmt: skip
PLAIN = {"kind": "xyz", "url": "tiles/{z}/{x}/{-y}.png", "datum": "gcj02", "opacity": 0.5}
PACKED = {"kind": "pmtiles", "file": "city.pmtiles", "datum": "wgs84"}


def declare(folder: Path, *layers: dict[str, Any], **more: Any) -> Path:
    """A declaration of these layers."""
    file = folder / "basemap.json"
    file.write_text(json.dumps({"zh": "底图", "layers": layers, **more}), encoding="utf-8")
    base_map._read.cache_clear()  # two writes within the clock's grain are one to the cache
    return file


def test_a_wmts_becomes_addresses_to_take_turns_with(tmp_path: Path) -> None:
    found = base_map.find(declare(tmp_path, TIANDITU, credit="天地图"))
    (layer,) = found.about["layers"]
    assert found.about["refused"] is None
    assert len(layer["urls"]) == 8
    assert layer["urls"][3] == (
        "https://t3.tianditu.example/vec_c/wmts?tk=0123&SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=vec"
        "&STYLE=default&TILEMATRIXSET=c&FORMAT=tiles&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}"
    )
    assert found.hosts == tuple(f"https://t{n}.tianditu.example" for n in range(8))


def test_tiles_of_our_own_server_add_no_host(tmp_path: Path) -> None:
    found = base_map.find(declare(tmp_path, PLAIN))
    assert found.hosts == ()
    assert found.about["layers"][0]["urls"] == ["tiles/{z}/{x}/{-y}.png"]


def test_no_file_is_no_base_map(tmp_path: Path) -> None:
    assert base_map.find(tmp_path / "basemap.json") is base_map.NONE


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"datum": "bd09"}, "datum"),
        ({"datum": None}, "datum"),
        ({"grid": "EPSG:4547"}, "grid"),
        ({"colour": "red"}, "colour"),
        ({"opacity": 2}, "opacity"),
        ({"lowest": 19}, "lowest"),
        ({"tile": 300}, "tile"),
        ({"resolutions": [1.0, 2.0]}, "resolutions"),
        ({"url": "https://tiles.example/{z}/{x}.png"}, "{y}"),
        ({"url": "https://a.example;script-src 'unsafe-inline'/{z}/{x}/{y}"}, "http"),
        ({"url": "https://*.example/{z}/{x}/{y}"}, "http"),
        ({"url": "https://name:word@a.example/{z}/{x}/{y}"}, "http"),
        ({"url": "javascript:alert(1)/{z}/{x}/{y}"}, "http"),
        ({"url": "//a.example/{z}/{x}/{y}"}, "http"),
        ({"url": "https://{a-b}{0-7}.example/{z}/{x}/{y}"}, "{0-7}"),
    ],
)
def test_what_cannot_be_used_is_refused_with_why_and_opens_nothing(
    tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    layer = {**PLAIN, **change}
    found = base_map.find(declare(tmp_path, {k: v for k, v in layer.items() if v is not None}))
    assert found.about["layers"] == []
    assert found.hosts == ()
    assert why in found.about["refused"]["zh"]
    assert why in found.about["refused"]["en"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"zh": "x", "layers": []}', '{"layers": 3}', "\xff"]
)
def test_a_file_that_is_no_declaration_is_refused_with_why(tmp_path: Path, text: str) -> None:
    file = declare(tmp_path)
    file.write_bytes(text.encode("latin-1"))
    base_map._read.cache_clear()
    assert base_map.find(file).about["refused"]["zh"]


def test_a_packed_file_says_itself_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "city.pmtiles").write_bytes(packed({(0, 0, 0): b"x"}, kind="png"))
    (layer,) = base_map.find(declare(tmp_path, PACKED)).about["layers"]
    assert (layer["vector"], layer["lowest"], layer["highest"]) == (False, 0, 0)
    (tmp_path / "city.pmtiles").write_bytes(packed({(0, 0, 0): b"x"}, kind="mvt"))
    assert base_map.find(declare(tmp_path, PACKED)).about["layers"][0]["vector"] is True
    shifted = base_map.find(declare(tmp_path, {**PACKED, "datum": "gcj02"}))
    assert "矢量" in shifted.about["refused"]["zh"]


@pytest.mark.parametrize("name", ["absent.pmtiles", "../basemap.json", "poor.pmtiles"])
def test_a_packed_file_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "poor.pmtiles").write_bytes(b"PMTiles\x02" + bytes(200))
    found = base_map.find(declare(tmp_path, {**PACKED, "file": name}))
    assert found.about["refused"] is not None
    assert found.files == {}


@pytest.fixture
def declared(settings: Settings) -> Iterator[Path]:
    """A base map of the running API: a service elsewhere, and a packed file."""
    (settings.home / "city.pmtiles").write_bytes(packed({(0, 0, 0): b"0123456789"}, kind="png"))
    file = declare(settings.home, TIANDITU, PACKED)
    yield settings.home / "city.pmtiles"
    file.unlink()


@pytest.mark.real
def test_the_policy_of_pages_with_a_map_lets_in_the_declared_hosts_and_no_others(
    client: TestClient, declared: Path
) -> None:
    hosts = " ".join(f"https://t{n}.tianditu.example" for n in range(8))
    for page in ("/wall/", "/desk/"):
        policy = client.get(page).headers["content-security-policy"]
        assert f"img-src 'self' data: {hosts};" in policy
        assert "default-src 'self';" in policy
        assert re.findall(r"https?://", policy) == ["https://"] * 8
    for page in ("/", "/field/", "/docs"):
        assert "tianditu" not in client.get(page).headers["content-security-policy"]
    (declared.parent / "basemap.json").rename(declared.parent / "away.json")
    assert "img-src 'self' data:;" in client.get("/wall/").headers["content-security-policy"]
    (declared.parent / "away.json").rename(declared.parent / "basemap.json")


@pytest.mark.real
def test_a_packed_file_is_read_by_ranges(client: TestClient, declared: Path) -> None:
    told = client.get("/api/v1/grid/base-map", headers=token("wall")).json()
    assert [layer["kind"] for layer in told["layers"]] == ["tiles", "pmtiles"]
    address, whole = "/api/v1/grid/base-map/city.pmtiles", declared.read_bytes()
    first = client.get(address, headers={**token("wall"), "Range": "bytes=0-126"})
    assert (first.status_code, first.content) == (206, whole[:127])
    beyond = client.get(address, headers={**token("wall"), "Range": "bytes=0-16383"})
    assert (beyond.status_code, beyond.content) == (206, whole)
    after = client.get(address, headers={**token("wall"), "Range": "bytes=99999-"})
    assert after.status_code == 416
    assert first.headers["etag"]
    for other in ("basemap.json", "accounts.json", "..%2Fbasemap.json"):
        assert (
            client.get(f"/api/v1/grid/base-map/{other}", headers=token("wall")).status_code == 404
        )
