"""The desk's map is as light as its page, the wall's dark; lines and names are told from what lies below them."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, expect

from tests.browser import doors, town
from tests.browser.desks import at_desk, find
from tests.browser.eyes import watched
from tests.journey.system import WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]

LOOKS = Path(__file__).parents[2] / "api/web/src/map/looks.ts"
TEXTS = {"name", "nameDistrict", "baseName"}
AREAS = {"ground", "halo", "urgentEdge", "edge", "water", "land", "building"}
"""Grounds, and rims around what has a colour of its own: no lines."""

Color = tuple[int, int, int]


def test_texts_and_lines_of_the_light_map_stand_out_from_its_ground() -> None:
    light = LOOKS.read_text(encoding="utf-8").partition("const LIGHT")[2]
    colors = {
        name: (int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16))
        for name, code in re.findall(r'(\w+): "#(\w{6})"', light)
    }
    assert len(colors) > len(TEXTS) + len(AREAS)
    for name, color in colors.items():
        if name not in AREAS:
            least = 4.5 if name in TEXTS else 3
            assert contrast(color, colors["ground"]) >= least, name


def test_the_desk_s_map_is_light_and_the_wall_s_is_dark(
    system: WholeSystem, browser_: Browser
) -> None:
    with at_desk(browser_, system, "lead") as eyes:
        find(eyes.page, town.report(system, 6, 2, "地图看得清"))
        place = eyes.page.locator(".place-map[data-drawn]")
        expect(place).to_be_visible()
        ground, darkest = seen(place)
        assert luminance(ground) > 0.8
        assert contrast(ground, darkest) >= 4.5
    with watched(browser_, system.url("api")) as eyes:
        doors.wall(eyes.page, system.url("api"), "?stale=3600")
        eyes.page.wait_for_selector(".map[data-drawn]", timeout=60_000)
        ground, _ = seen(eyes.page.locator(".map-view .map"))
        assert luminance(ground) < 0.05


def seen(place: Locator) -> tuple[Color, Color]:
    """What most of a map is coloured, and its darkest colour."""
    shot = Image.open(io.BytesIO(place.screenshot())).convert("RGB")
    counted: list[tuple[int, Color]] = shot.getcolors(2**24)  # type: ignore[assignment]
    return max(counted)[1], min((color for _, color in counted), key=luminance)


def luminance(color: Color) -> float:
    """As WCAG defines it: 0 black, 1 white."""
    parts = [one / 255 for one in color]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    """As WCAG defines it: 1 none, 21 black on white."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
