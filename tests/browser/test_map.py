"""The map below ours, in three datums and four ways of coming; the tools of the desk's map; cameras."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from grid.coordinates import Datum, from_wgs84, to_wgs84
from grid.mvt import Layer, encode, polygons_of
from local import pages
from local.ports import free_ports
from tests.api.packing import packed
from tests.browser import doors, town
from tests.browser.eyes import watched
from tests.browser.tile_stub import SIDE, Color, Place, drawn, mark, serving
from tests.grid.test_coordinates import BY_GCOORD
from tests.journey import scene
from tests.journey.machines import Door
from tests.journey.system import ADMIN_TOKEN, WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]

ZOOM = 19
LON, LAT = scene.middle(8, 1)
METRES = 2 * math.pi * 6378137 / SIDE / 2**ZOOM * math.cos(math.radians(LAT))
"""Of one pixel on the ground at that zoom."""
MARKS: dict[str, tuple[Place, Color]] = {
    "xyz": ((LON, LAT), (255, 0, 255)),
    "wmts": ((LON + 0.0003, LAT), (0, 255, 255)),
    "packed": ((LON, LAT + 0.0003), (255, 255, 0)),
}
WATER = (11, 36, 64)
ASIDE = 0.0006
"""Degrees between an incident and a camera: two signs, not one."""


def lay(system: WholeSystem, *layers: dict[str, Any]) -> Path:
    """A base map of these layers for the whole system."""
    file = system.home / "basemap.json"
    body = {"zh": "测试底图", "credit": "审图号 0000", "layers": layers}
    file.write_text(json.dumps(body), encoding="utf-8")
    return file


def pictures(place: Place, color: Color) -> bytes:
    """A packed file of GCJ-02 pictures around a mark."""
    z = ZOOM - 1
    at = mark(place, Datum.GCJ02, z, degrees=False)
    x, y = int(at[0] // SIDE), int(at[1] // SIDE)
    near = [(a, b) for a in range(x - 2, x + 3) for b in range(y - 2, y + 3)]
    return packed({(z, a, b): drawn(at, (a, b), color) for a, b in near}, "png")


def vectors() -> bytes:
    """A packed file of one world-wide tile, all water."""
    rings = polygons_of(np.array([shapely.box(-64, -64, 4160, 4160)]))
    assert rings is not None
    water = Layer.of_polygons("water", rings, np.array([1]), [{"name": "海"}])
    return packed({(0, 0, 0): encode([water])}, "mvt")


@pytest.fixture
def base_map(system: WholeSystem) -> Iterator[Path]:
    """Where it is declared; gone after each test."""
    file = system.home / "basemap.json"
    yield file
    file.unlink(missing_ok=True)


def offsets(page: Page) -> dict[str, tuple[float, float]]:
    """Metres east and north of each mark's middle from the place where it belongs."""
    box = page.locator(".map").bounding_box()
    assert box is not None
    shot = Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB")
    seen = np.asarray(shot).astype(int)
    found = {}
    for name, ((lon, lat), color) in MARKS.items():
        rows, columns = np.nonzero((np.abs(seen - color) < 60).all(axis=2))
        if len(rows) == 0:
            continue
        east = (lon - LON) * 111_320 * math.cos(math.radians(LAT))
        north = (lat - LAT) * 110_880
        x, y = columns.mean() + 0.5 - seen.shape[1] / 2, seen.shape[0] / 2 - rows.mean() - 0.5
        found[name] = (x * METRES - east, y * METRES - north)
    return found


def test_tiles_of_every_datum_lie_within_a_metre_of_their_place_on_the_map(
    system: WholeSystem, browser_: Browser, base_map: Path
) -> None:
    (system.home / "pictures.pmtiles").write_bytes(pictures(*MARKS["packed"]))
    (system.home / "vectors.pmtiles").write_bytes(vectors())
    with serving(MARKS) as stub, watched(browser_, system.url("api")) as eyes:
        host = f"http://127.0.0.1:{stub.port}"
        lay(
            system,
            {"kind": "pmtiles", "file": "vectors.pmtiles", "datum": "wgs84"},
            {"kind": "xyz", "url": f"{host}/xyz/{{z}}/{{x}}/{{y}}.png", "datum": "gcj02", "highest": ZOOM},
            {"kind": "wmts", "url": f"{host}/wmts?tk=key", "layer": "vec", "matrix_set": "c", "grid": "EPSG:4490",
             "datum": "cgcs2000", "lowest": 1, "highest": ZOOM},
            {"kind": "pmtiles", "file": "pictures.pmtiles", "datum": "gcj02"},
        )  # fmt: skip
        doors.wall(eyes.page, system.url("api"), f"?stale=3600&at={LON},{LAT},{ZOOM}")
        eyes.page.wait_for_selector(".map[data-drawn]", timeout=60_000)
        expect(eyes.page.locator(".map-note")).to_contain_text("审图号 0000")
        found: dict[str, tuple[float, float]] = {}
        for _ in range(40):
            found = offsets(eyes.page)
            if len(found) == len(MARKS):
                break
            eyes.page.wait_for_timeout(250)
        assert set(found) == set(MARKS)
        assert all(math.hypot(*off) < 1 for off in found.values()), found
        shot = Image.open(io.BytesIO(eyes.page.locator(".map").screenshot())).convert("RGB")
        colors = {color: n for n, color in shot.getcolors(2**24) or []}
        assert colors.get(WATER, 0) > shot.width * shot.height / 2
        # Nothing was asked of anybody but the declared host, and that host is what the policy names.
        assert {address.split("/")[2] for address in eyes.outside} == {f"127.0.0.1:{stub.port}"}
        eyes.outside.clear()


def test_a_base_map_that_does_not_answer_is_said_and_the_map_works_without_it(
    system: WholeSystem, browser_: Browser, base_map: Path
) -> None:
    away = f"http://127.0.0.1:{free_ports(('map',))['map']}"
    lay(system, {"kind": "xyz", "url": f"{away}/{{z}}/{{x}}/{{y}}.png", "datum": "wgs84"})
    with watched(browser_, system.url("api")) as eyes:
        eyes.expected = ("ERR_CONNECTION_REFUSED",)
        doors.wall(eyes.page, system.url("api"), "?stale=3600")
        eyes.page.wait_for_selector(".map[data-drawn]", timeout=60_000)
        expect(eyes.page.locator("[data-below]")).to_contain_text("底图服务器无应答")
        eyes.page.locator(".map").click(position={"x": 300, "y": 200})
        expect(eyes.page.locator(".map-note")).to_contain_text("网格")
        eyes.outside.clear()
        base_map.write_text("{")
        eyes.page.reload()
        expect(eyes.page.locator("[data-below]")).to_contain_text("底图设置")


def test_the_pages_turn_gcj02_as_the_engine_does_and_as_others_published() -> None:
    places = [[lon, lat] for (lon, lat), _, _ in BY_GCOORD]
    dice = np.random.default_rng(2)
    places += np.column_stack([dice.uniform(70, 140, 300), dice.uniform(0, 57, 300)]).tolist()
    there, back = turned(places)
    lon, lat = np.array(places).T
    assert np.abs(there - np.column_stack(from_wgs84(lon, lat, Datum.GCJ02))).max() < 1e-11
    assert np.abs(back - np.column_stack(to_wgs84(lon, lat, Datum.GCJ02))).max() < 1e-11
    published = np.array([gcj for _, gcj, _ in BY_GCOORD])
    assert np.abs(there[: len(published)] - published).max() < 1e-11


def turned(places: list[list[float]]) -> tuple[Any, Any]:
    """Places to GCJ-02 and from it, by the page's own code under Node."""
    node = pages.find_node()
    program = """
import ts from "typescript"; import { readFileSync } from "node:fs";
const { outputText } = ts.transpileModule(readFileSync("src/map/gcj02.ts", "utf8"),
  { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } });
const { toGcj02, fromGcj02 } = await import("data:text/javascript," + encodeURIComponent(outputText));
const places = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify([places.map((p) => toGcj02(...p)), places.map((p) => fromGcj02(...p))]));
"""
    done = subprocess.run(
        [str(node.folder / "node"), "--input-type=module", "--eval", program],
        cwd=pages.WEB, env=node.environment(dict(os.environ)), input=json.dumps(places),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    there, back = json.loads(done.stdout)
    return np.array(there), np.array(back)


@pytest.fixture(scope="module")
def camera(system: WholeSystem) -> str:
    """A camera beside an incident, which told an event of it."""
    lon, lat = scene.middle(8, 3)
    lon += ASIDE
    body = {
        "name": "路口枪机",
        "kind": "camera",
        "position": {"lon": lon, "lat": lat, "datum": "wgs84"},
    }
    answer = Door(system.url("api"), ADMIN_TOKEN).ask("PUT", "/api/v1/devices/cam-8-3", body)
    assert answer.status in {200, 201}, answer.body
    return "cam-8-3"


def test_the_desk_s_map_zooms_measures_picks_and_shows_cameras(
    system: WholeSystem, browser_: Browser, camera: str
) -> None:
    number = town.report(system, 8, 3)
    with watched(browser_, system.url("api")) as eyes:
        page = eyes.page
        doors.by_token(page, f"{system.url('api')}/desk/?stale=3600", "dispatcher")
        page.keyboard.press("/")
        page.keyboard.type(number)
        page.keyboard.press("Enter")
        page.locator(f".queue-row[data-number='{number}']").click()
        tools = page.locator(".map-tools")
        expect(tools).to_be_visible()
        page.wait_for_selector(".place-map[data-drawn]", timeout=60_000)
        told = tools.locator("[data-told]")
        click_beside(page, -60)
        expect(told).to_contain_text("网格 999901")
        tools.get_by_role("button", name="测距").click()
        click_beside(page, -160)
        click_beside(page, -60)
        expect(told).to_contain_text(f"{round(300 * math.cos(math.radians(LAT)))} 米")
        tools.get_by_role("button", name="测距").click()
        tools.get_by_role("button", name="设备与摄像机").click()
        aside = math.radians(ASIDE) * 6378137 / 3
        find_camera(page, aside)
        expect(page.locator(".camera-card")).to_contain_text("没有画面")
        # Twice as near, and dragged a little: the same place is twice as far from the middle, and moved.
        tools.get_by_role("button", name="放大").click()
        find_camera(page, 2 * aside)
        drag(page, -50)
        find_camera(page, 2 * aside - 50)
    # Never on a wall.
    assert town.ask(system, "wall", "GET", f"/devices/{camera}/events").status == 403


def click_beside(page: Page, east: float) -> None:
    """So many pixels from the incident, which stands in the middle; a visit is three metres of the plane a pixel."""
    box = page.locator(".place-map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2 + east, box["y"] + box["height"] / 2)


def find_camera(page: Page, east: float) -> None:
    """Click there until the camera answers: it is drawn when it is drawn."""
    card = page.locator(".camera-card")
    if card.count():
        card.get_by_role("button", name="关闭").click()
    for _ in range(20):
        click_beside(page, east)
        page.wait_for_timeout(150)
        if card.count():
            break
    expect(card).to_contain_text("路口枪机")


def drag(page: Page, by: float) -> None:
    """Take the map in the middle and pull it."""
    box = page.locator(".place-map").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + 60
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by / 2, y, steps=2)
    page.mouse.move(x + by, y, steps=2)
    page.mouse.up()
