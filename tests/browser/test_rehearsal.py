"""预演 at the desk, on the real stack: a lead rehearses the rules in force and finds what they really opened."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import doors, town
from tests.browser.eyes import watched
from tests.browser.test_common import serious
from tests.journey.system import WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]

ROW = 6


def test_what_the_rules_opened_today_is_what_they_would_have_opened(
    system: WholeSystem, browser_: Browser
) -> None:
    number = town.flood(system, "R-1", 1, ROW)
    with watched(browser_, system.url("api")) as eyes:
        page = eyes.page
        doors.by_token(page, f"{system.url('api')}/desk/?stale=3600", "lead")
        expect(page.locator(".age .dot.up")).to_be_visible()
        page.keyboard.press("l")
        page.locator("[data-kind=rules]").click()
        page.locator("[data-rehearse='0']").click()
        figures = page.locator("[data-rehearsal] [data-figures]")
        expect(figures).to_contain_text("会立案")
        page.locator("[data-figure=same] button").click()
        expect(page.locator("[data-list=same]")).to_contain_text(number)
        assert serious(page) == []
