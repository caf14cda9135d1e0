"""`python -m tests.browser.pictures`: the screens as they look with the demo city's traffic, into docs/pictures."""

from __future__ import annotations

import json
import sys
import time
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
SHOTS = (
    # file, address, account, width, height
    ("wall-city", "wall/", "wall", 1920, 1080),
    ("wall-district", "wall/?layout=district", "wall", 1920, 1080),
    ("wall-theme", "wall/?layout=theme&theme=lifeline", "wall", 1920, 1080),
    ("wall-wide", "wall/?w=3360&h=1080", "wall", 3360, 1080),
)


def main() -> int:
    """Take them all; 1 when a page said something wrong meanwhile."""
    pages.build()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with whole_system(demo="1") as system, chromium() as opened:
        system.start()
        time.sleep(TRAFFIC_S)
        for name, address, account, wide, high in SHOTS:
            take(system, opened, (name, address, account), (wide, high))
            print(f"docs/pictures/{name}.png")
        broken(system, opened)
        print("docs/pictures/wall-stopped.png")
    return 0


def take(
    system: WholeSystem, opened: Browser, what: tuple[str, str, str], size: tuple[int, int]
) -> None:
    """One picture."""
    name, address, account = what
    url = system.url("api")
    viewport = {"width": size[0], "height": size[1]}
    with watched(opened, url, viewport=viewport) as eyes:
        eyes.page.goto(f"{url}/{address}")
        eyes.page.evaluate(
            "token => sessionStorage.setItem('yiwang.token', token)", token(system, account)
        )
        eyes.page.goto(f"{url}/{address}")
        eyes.page.wait_for_selector(".map[data-drawn]", timeout=60_000)
        time.sleep(5)
        keep(eyes.page.screenshot(), name)


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
        eyes.page.wait_for_selector(".map[data-drawn]", timeout=60_000)
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
    sys.exit(main())
