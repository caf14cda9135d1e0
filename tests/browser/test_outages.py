"""A screen says loudly that its data stands still and why, and goes on by itself when what was gone is back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import doors, town
from tests.browser.eyes import Watched, watched
from tests.journey.system import WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]

SOON_MS, BACK_MS = 30_000, 90_000
_GONE = ("Failed to load resource", "net::ERR", "503", "500")
"""What Chromium itself writes into its console for a server that is away; nothing of ours."""


@pytest.fixture(scope="module")
def screen(system: WholeSystem, browser_: Browser) -> Iterator[Watched]:
    """A wall that lives."""
    town.report(system, 5, 5)
    with watched(browser_, system.url("api")) as eyes:
        eyes.expected = _GONE
        # A town of two gauges is quiet: its data may be old without anything being wrong.
        doors.wall(eyes.page, system.url("api"), "?stale=3600")
        lives(eyes.page)
        # Before the first figures have come there is nothing an outage could leave standing.
        shows_what_is_kept(system, eyes.page)
        yield eyes


def lives(page: Page) -> None:
    """Nothing is wrong and changes come in."""
    expect(page.locator(".age.loud")).to_have_count(0, timeout=BACK_MS)
    expect(page.locator(".age .dot.up")).to_be_visible(timeout=BACK_MS)


def shows_what_is_new(system: WholeSystem, page: Page) -> None:
    """The figure moves with a report."""
    town.report(system, 6, 6)
    shows_what_is_kept(system, page)


def shows_what_is_kept(system: WholeSystem, page: Page) -> None:
    """The figure is what the database holds."""
    with system.connect() as connection:
        told = connection.execute(
            "select count(*) from incident where reported_at > now() - interval '1 day'"
        ).fetchone()
    assert told is not None
    figure = page.locator("[data-figure=reported_today] b")
    expect(figure).to_have_text(str(told[0]), timeout=BACK_MS)


@contextlib.contextmanager
def unplugged(page: Page) -> Iterator[None]:
    page.context.set_offline(True)
    try:
        yield
    finally:
        page.context.set_offline(False)


@pytest.mark.parametrize(
    ("gone", "trouble"),
    [("api", "server"), ("kafka", "broker"), ("postgres", "database")],
)
def test_what_is_gone_is_named_and_when_it_is_back_the_screen_goes_on(
    system: WholeSystem, screen: Watched, gone: str, trouble: str
) -> None:
    with broken(screen.page, system.absent(gone), trouble):
        pass
    lives(screen.page)
    shows_what_is_new(system, screen.page)


@contextlib.contextmanager
def broken(
    page: Page, outage: contextlib.AbstractContextManager[None], trouble: str
) -> Iterator[None]:
    """While it lasts the screen says what is wrong and keeps what it had."""
    before = page.locator("[data-figure=reported_today] b").inner_text()
    with outage:
        loud = page.locator(f".age.loud [data-trouble={trouble}]")
        expect(loud).to_be_visible(timeout=SOON_MS)
        expect(page.locator(".age.loud b")).to_contain_text("数据已停止更新")
        # What was last known stays, marked as old; it does not turn into a zero.
        assert page.locator("[data-figure=reported_today] b").inner_text() == before
        yield


def test_data_that_no_longer_grows_is_called_stale_and_one_screen_may_lose_its_network_alone(
    system: WholeSystem, screen: Watched, browser_: Browser
) -> None:
    with watched(browser_, system.url("api")) as eyes:
        doors.wall(eyes.page, system.url("api"), "?stale=10")
        with system.absent("relay"), broken(screen.page, unplugged(screen.page), "server"):
            expect(eyes.page.locator("[data-trouble=stale]")).to_be_visible(timeout=SOON_MS)
        town.register(system, "S-1", 3, 3)
        town.hear(system, "S-1", 3.0)
        lives(eyes.page)
    lives(screen.page)
    shows_what_is_new(system, screen.page)
