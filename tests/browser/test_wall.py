"""大屏 on the real stack: what a room sees, how soon, and what it never sees."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import town
from tests.browser.eyes import watched
from tests.journey import scene
from tests.journey.system import WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]

_WATCH = """number => {
  const seen = () => {
    if (!window.firstSeen && document.querySelector('[data-cell="' + number + '"]')) window.firstSeen = Date.now();
  };
  new MutationObserver(seen).observe(document.body, { childList: true, subtree: true, attributes: true });
  seen();
}"""


def come_in(page: Page, url: str, name: str = "wall", query: str = "") -> None:
    """Through the door of the wall with a token."""
    page.goto(f"{url}/wall/{query}")
    page.get_by_label(re.compile("令牌|Token")).fill(scene.token_of(name))
    page.get_by_role("button", name=re.compile("^(进入|Enter)$")).click()
    expect(page.locator(".age")).to_be_visible()


def test_an_incident_opened_by_a_reading_is_on_the_wall_within_a_second_of_its_commit(
    system: WholeSystem, browser_: Browser
) -> None:
    with watched(browser_, system.url("api")) as eyes:
        come_in(eyes.page, system.url("api"))
        expect(eyes.page.locator(".age .dot.up")).to_be_visible()
        waits = [how_long(system, eyes.page, n) for n in range(3)]
        # Three chances: what is promised is the system's pace, not that of a machine shared with others.
        assert min(waits) < 1.0, waits


def how_long(system: WholeSystem, page: Page, n: int) -> float:
    """Seconds from the commit of a new incident to its row on the page."""
    cell = scene.cell_code(2 + n, 2)
    page.evaluate("() => { window.firstSeen = 0; }")
    page.evaluate(_WATCH, cell)
    number = town.flood(system, f"P-{n}", 2 + n, 2)
    page.wait_for_function("() => window.firstSeen > 0", timeout=15_000)
    with system.connect() as connection:
        made = connection.execute(
            "select extract(epoch from min(made_at)) from outbox where key = %s", (number,)
        ).fetchone()
    assert made is not None
    return float(page.evaluate("() => window.firstSeen")) / 1000 - float(made[0])
