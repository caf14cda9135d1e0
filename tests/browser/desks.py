"""People at the desk: through the door, to an incident by keys alone, and what the API says of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from playwright.sync_api import Browser, Page, expect

from tests.browser import doors, town
from tests.browser.eyes import Watched, watched
from tests.journey.system import WholeSystem

GONE = ("Failed to load resource", "net::ERR", "503", "412")
"""What Chromium itself writes for a server that is away or says no; nothing of ours."""
QUERY = "?stale=3600"


@contextlib.contextmanager
def at_desk(
    opened: Browser, system: WholeSystem, name: str, *, mute: bool = False, tall: bool = False
) -> Iterator[Watched]:
    """Somebody at the desk. `mute`: no change comes in live, he learns of others only by the answers to his own moves.

    `tall`: on a screen where a queue of a hundred stands whole, for only what is in sight is in the page.
    """
    size = {"viewport": {"width": 1280, "height": 8000}} if tall else {}
    with watched(opened, system.url("api"), **size) as eyes:
        eyes.expected = GONE
        if mute:
            eyes.page.route("**/api/v1/live", lambda _: None)
        doors.by_token(eyes.page, f"{system.url('api')}/desk/{QUERY}", name)
        if not mute:
            expect(eyes.page.locator(".age .dot.up")).to_be_visible()
        yield eyes


def find(page: Page, number: str) -> None:
    """By keys alone: search for a number, and look at what is found."""
    search(page, number)
    expect(page.locator(f".queue-row[data-number='{number}']")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator(f"[data-one='{number}'] [data-state]")).to_be_visible()


def search(page: Page, words: str) -> None:
    """By keys alone: only what has these words is in the list."""
    page.keyboard.press("Escape")
    for _ in range(10):  # a desk that begins anew hears no key for a moment
        page.keyboard.press("/")
        if page.evaluate("document.activeElement?.id") == "q":
            break
        page.wait_for_timeout(200)
    page.keyboard.press("Control+A")
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")


def state_of(system: WholeSystem, number: str) -> tuple[str, str | None]:
    """An incident's state and department, by the API."""
    told = town.ask(system, "lead", "GET", f"/incidents/{number}").json
    return told["state"], told["department"]


def moves(system: WholeSystem, name: str, number: str, move: str, **more: object) -> None:
    """Somebody makes a move elsewhere, on whatever version there is."""
    path = f"/api/v1/incidents/{number}/moves"
    answer = town.door(system, name).ask("POST", path, {"move": move, **more}, {"If-Match": "*"})
    assert answer.status == 200, answer.body
