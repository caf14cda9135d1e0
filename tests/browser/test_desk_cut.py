"""An answer that breaks off in the middle is none: what was sent waits, and is made once."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import town
from tests.browser.desks import at_desk, find
from tests.journey.system import WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]

CUT = """() => {
  const whole = window.fetch.bind(window);
  let cut = false;
  window.fetch = async (address, more) => {
    const answer = await whole(address, more);
    if (cut || more?.method !== "POST" || !String(address).endsWith("/moves")) return answer;
    cut = true;
    const half = (await answer.text()).slice(0, 40);
    const body = new ReadableStream({
      start: (line) => line.enqueue(new TextEncoder().encode(half)),
      pull: (line) => line.error(new TypeError("Failed to fetch")),
    });
    return new Response(body, { status: answer.status, headers: answer.headers });
  };
}"""
"""The network as it is when a server dies while it answers the first move."""


def test_a_move_whose_answer_breaks_off_is_made_once(
    system: WholeSystem, browser_: Browser
) -> None:
    number = town.report(system, 7, 2, "答复中断")
    with at_desk(browser_, system, "lead") as eyes:
        page = eyes.page
        find(page, number)
        page.evaluate(CUT)
        page.keyboard.press("u")
        page.locator("form[data-move=urge] textarea").fill("请尽快")
        page.keyboard.press("Control+Enter")
        expect(page.locator("[data-waiting]")).to_be_visible()
        expect(page.locator("[data-done]")).to_contain_text("督办")
        expect(page.locator("[data-waiting]")).to_have_count(0)
    history = town.ask(system, "lead", "GET", f"/incidents/{number}/history").json
    assert [one["move"] for one in history].count("urge") == 1
