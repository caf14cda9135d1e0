"""`python -m tests.browser.pictures`: the screens as they look with the demo city's traffic, into docs/pictures."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from io import BytesIO

from PIL import Image
from playwright.sync_api import Browser

from local import pages
from local.wishes import ROOT
from tests.browser.eyes import chromium, watched
from tests.journey.system import WholeSystem, whole_system

FOLDER = ROOT / "docs" / "pictures"
TRAFFIC_S = 60
"""So long the demo city lives before its picture is taken."""
DRAWN = ".map[data-drawn]"


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: its file, the page and whose, how large, keys that are pressed first, and what must be there."""

    name: str
    address: str
    account: str
    size: tuple[int, int] = (1920, 1080)
    keys: tuple[str, ...] = ()
    there: str = DRAWN


SHOTS = (
    Shot("wall-city", "wall/", "wall"),
    Shot("wall-district", "wall/?layout=district", "wall"),
    Shot("wall-theme", "wall/?layout=theme&theme=lifeline", "wall"),
    Shot("wall-wide", "wall/?w=3360&h=1080", "wall", (3360, 1080)),
    Shot("desk-queue", "desk/", "lead", (1600, 1000), ("j", "j")),
    Shot("desk-roster", "desk/", "lead", (1600, 1000), ("Shift+D",), ".week .duty"),
)


def main(*only: str) -> int:
    """Take them all, or those named; 1 when a page said something wrong meanwhile."""
    pages.build()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with whole_system(demo="1") as system, chromium() as opened:
        system.start()
        time.sleep(TRAFFIC_S)
        for shot in SHOTS:
            if only and shot.name not in only:
                continue
            take(system, opened, shot)
            print(f"docs/pictures/{shot.name}.png")
        if not only or "wall-stopped" in only:
            broken(system, opened)
            print("docs/pictures/wall-stopped.png")
    return 0


def take(system: WholeSystem, opened: Browser, shot: Shot) -> None:
    """One picture."""
    url = system.url("api")
    viewport = {"width": shot.size[0], "height": shot.size[1]}
    with watched(opened, url, viewport=viewport) as eyes:
        eyes.page.goto(f"{url}/{shot.address}")
        eyes.page.evaluate(
            "token => sessionStorage.setItem('yiwang.token', token)", token(system, shot.account)
        )
        eyes.page.goto(f"{url}/{shot.address}")
        for key in shot.keys:
            eyes.page.wait_for_selector(".queue-row", state="attached", timeout=60_000)
            eyes.page.keyboard.press(key)
        eyes.page.wait_for_selector(shot.there, timeout=60_000)
        time.sleep(5)
        keep(eyes.page.screenshot(), shot.name)


def broken(system: WholeSystem, opened: Browser) -> None:
    """The wall when its server is gone."""
    url = system.url("api")
    with watched(opened, url) as eyes:
        eyes.expected = ("",)
        eyes.page.goto(f"{url}/wall/")
        eyes.page.evaluate(
            "token => sessionStorage.setItem('yiwang.token', token)", token(system, "wall")
        )
        eyes.page.goto(f"{url}/wall/")
        eyes.page.wait_for_selector(DRAWN, timeout=60_000)
        with system.absent("api"):
            eyes.page.wait_for_selector(".age.loud", timeout=60_000)
            time.sleep(8)
            keep(eyes.page.screenshot(), "wall-stopped")


def keep(picture: bytes, name: str) -> None:
    """As a PNG of 256 colours: a fifth of the size, and a dark wall needs no more."""
    with Image.open(BytesIO(picture)) as whole:
        whole.convert("RGB").quantize(256).save(FOLDER / f"{name}.png", optimize=True)


def token(system: WholeSystem, account: str) -> str:
    """The token of a demo account."""
    rows = json.loads((system.home / "accounts.json").read_text(encoding="utf-8"))
    return str(next(row["token"] for row in rows if row["name"] == account))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
