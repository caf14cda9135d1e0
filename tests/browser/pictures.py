"""`python -m tests.browser.pictures`: all pictures of the screens that the documents show, of the demo city's traffic."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from urllib.parse import quote

from playwright.sync_api import Browser

from local import pages
from tests.browser import callers, phone_pictures
from tests.browser.album import keep, token
from tests.browser.eyes import chromium, watched
from tests.journey.machines import Door
from tests.journey.system import WholeSystem, whole_system

TRAFFIC_S = 60
"""So long the demo city lives before its picture is taken."""
DRAWN = ".map[data-drawn]"


DESK, TALL = (1600, 1000), (1600, 1120)
MEASURED = "{measured}"


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: its file, the page and whose, how large, keys that are pressed first, and what must be there.

    `MEASURED` in the address stands for a question whose answer is one incident that a sensor opened.
    """

    name: str
    address: str
    account: str
    size: tuple[int, int] = (1920, 1080)
    keys: tuple[str, ...] = ()
    there: str = DRAWN


# The queue first: what citizens tell is soon taken in by the demo city's officers.
SHOTS = (
    Shot("desk-queue", "desk/", "lead", DESK, ("j", "j"), ".place-map[data-drawn]"),
    Shot("desk-incident", f"desk/#{MEASURED}", "lead", TALL, ("j",), ".curve polyline"),
    Shot("desk-roster", "desk/", "lead", DESK, ("Shift+D",), ".week .duty"),
    Shot("wall-city", "wall/", "wall"),
    Shot("wall-district", "wall/?layout=district", "wall"),
    Shot("wall-theme", "wall/?layout=theme&theme=lifeline", "wall"),
    Shot("wall-wide", "wall/?w=3360&h=1080", "wall", (3360, 1080)),
)


def main(*only: str) -> int:
    """Take them all, or those named; 1 when a page said something wrong meanwhile."""
    pages.build()
    with whole_system(demo="1") as system, chromium() as opened:
        system.start()
        time.sleep(TRAFFIC_S)
        callers.ring(Door(system.url("api"), token(system, "intake")))
        for shot in SHOTS:
            if only and shot.name not in only:
                continue
            take(system, opened, shot)
        if not only or phone_pictures.NAME in only:
            phone_pictures.take(system, opened)
        if not only or "wall-stopped" in only:
            broken(system, opened)
    return 0


def take(system: WholeSystem, opened: Browser, shot: Shot) -> None:
    """One picture."""
    url = system.url("api")
    viewport = {"width": shot.size[0], "height": shot.size[1]}
    with watched(opened, url, viewport=viewport) as eyes:
        held = token(system, shot.account)
        address = shot.address
        if MEASURED in address:
            address = address.replace(MEASURED, measured(Door(url, held)))
        eyes.page.goto(f"{url}/{address}")
        eyes.page.evaluate("token => sessionStorage.setItem('yiwang.token', token)", held)
        eyes.page.reload()
        for key in shot.keys:
            eyes.page.wait_for_selector(".queue-row", state="attached", timeout=60_000)
            eyes.page.keyboard.press(key)
        eyes.page.wait_for_selector(shot.there, timeout=60_000)
        time.sleep(5)
        keep(eyes.page.screenshot(), shot.name)


def measured(door: Door) -> str:
    """As the desk's address has it: only the most urgent open incident whose curve can be seen."""
    items = door.ask("GET", "/api/v1/incidents?sort=burning&limit=200").json["items"]
    number = next(one["number"] for one in items if one["rule"] and one["subject"])
    return quote(json.dumps({"q": number}))


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


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
