"""The picture of the phone page in the demo city: three screens side by side."""

from __future__ import annotations

import json
import time
from io import BytesIO
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser.album import keep
from tests.browser.eyes import watched
from tests.browser.phones import SMALL
from tests.journey.machines import Door
from tests.journey.system import WholeSystem, until

NAME = "field"
GAP = 24
LEAST = 2
"""Tasks on the list, at least."""
NEAR = 0.0006
"""Degrees between the place of a task and the phone: some sixty metres."""
STATES = "&".join(f"state={one}" for one in ("dispatched", "handling", "suspended"))


def take(system: WholeSystem, opened: Browser) -> None:
    """Take it; an AssertionError when nobody in the demo city has anything to do."""
    keep(side_by_side(walk(system, opened)), NAME)


def busiest(system: WholeSystem) -> tuple[dict[str, Any], dict[str, Any]]:
    """The crew with the most to do just now, and the task of it that has a place."""
    rows = json.loads((system.home / "accounts.json").read_text(encoding="utf-8"))
    best: list[tuple[int, int, dict[str, Any], dict[str, Any]]] = []

    def somebody_works() -> bool:
        best.clear()
        for at, who in enumerate(rows):
            if who["role"] != "department":
                continue
            door = Door(system.url("api"), who["token"])
            found = door.ask("GET", f"/api/v1/incidents?mine=true&limit=50&{STATES}").json["items"]
            placed = [one for one in found if one["lon"] is not None and one["cell"]]
            if placed:
                best.append((len(found), at, who, placed[0]))
        return bool(best) and max(row[0] for row in best) >= LEAST

    until(somebody_works, 180, lambda: "nobody has anything to do")
    _, _, who, task = max(best, key=lambda row: row[:2])
    return who, task


def walk(system: WholeSystem, opened: Browser) -> list[bytes]:
    """The list, one task with its sketch, the report page."""
    who, task = busiest(system)
    url = system.url("api")
    place = {"longitude": task["lon"] + NEAR, "latitude": task["lat"] - NEAR / 2, "accuracy": 8.0}
    given = {"viewport": SMALL, "has_touch": True, "geolocation": place, "permissions": ["geolocation"]}  # fmt: skip
    with watched(opened, url, device_scale_factor=2, **given) as eyes:
        page = eyes.page
        page.goto(f"{url}/field/")
        page.evaluate("token => sessionStorage.setItem('yiwang.token', token)", who["token"])
        page.reload()
        page.wait_for_selector(".task", timeout=60_000)
        shots = [look(page)]
        page.locator(f".task[data-number='{task['number']}']").click()
        page.wait_for_selector(".sketch[data-cell]", timeout=20_000)
        shots.append(look(page))
        page.locator("[data-tab=report]").click()
        page.wait_for_selector("[data-in-cell]", timeout=20_000)
        shots.append(look(page))
    return shots


def look(page: Page) -> bytes:
    """What is on the screen once it has settled."""
    time.sleep(2)
    return page.screenshot()


def side_by_side(shots: list[bytes]) -> bytes:
    """One picture of all."""
    seen = [Image.open(BytesIO(one)).convert("RGB") for one in shots]
    wide = sum(one.width for one in seen) + GAP * (len(seen) + 1)
    whole = Image.new("RGB", (wide, seen[0].height + 2 * GAP), (200, 206, 214))
    at = GAP
    for one in seen:
        whole.paste(one, (at, GAP))
        at += one.width + GAP
    out = BytesIO()
    whole.save(out, "PNG")
    return out.getvalue()
