"""待办 at the desk: what a role can move on comes first, all that is open is a key away."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import town
from tests.browser.desks import at_desk, moves
from tests.journey.system import WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_a_department_sees_first_what_it_can_act_on_and_the_rest_by_a_key(
    system: WholeSystem, browser_: Browser
) -> None:
    urgent = town.flood(system, "T-3", 3, 6)  # the route sends it to A at once
    for name in ("accept", "report_handled"):
        moves(system, "dept-a", urgent, name)
    plain = town.report(system, 4, 6, "待办在前")
    moves(system, "lead", plain, "open")
    moves(system, "lead", plain, "dispatch", department="A")
    with at_desk(browser_, system, "dept-a") as eyes:
        page = eyes.page
        expect(page.locator("[data-board=board_todo]")).to_have_attribute("aria-pressed", "true")
        expect(row(page, plain)).to_be_visible()
        expect(row(page, urgent)).to_have_count(0)
        page.keyboard.press("1")
        expect(row(page, urgent)).to_be_visible()
        assert order(page).index(urgent) < order(page).index(plain)
        page.keyboard.press("0")
        expect(row(page, plain)).to_be_visible()
        expect(row(page, urgent)).to_have_count(0)
        # To be done again: it is theirs again, and comes in live before what is less urgent.
        moves(system, "lead", urgent, "rework", reason="未排净")
        expect(page.locator("[data-fresh]")).to_be_visible()
        page.keyboard.press("r")
        expect(row(page, urgent)).to_be_visible()
        assert order(page).index(urgent) < order(page).index(plain)


@pytest.mark.parametrize(("who", "theirs"), [("intake", True), ("dispatcher", False)])
def test_who_takes_in_and_who_dispatches_begin_with_their_own(
    system: WholeSystem, browser_: Browser, who: str, theirs: bool
) -> None:
    number = town.report(system, 5, 6, f"各办各的 {who}")
    with at_desk(browser_, system, who) as eyes:
        todo = eyes.page.locator("[data-board=board_todo]")
        expect(todo).to_have_attribute("aria-pressed", "true")
        expect(todo.locator(".count")).to_be_visible()
        expect(row(eyes.page, number)).to_have_count(int(theirs))
        eyes.page.keyboard.press("4")
        expect(row(eyes.page, number)).to_be_visible()


def row(page: Page, number: str) -> Locator:
    """Its row in the queue, if it is there."""
    return page.locator(f".queue-row[data-number='{number}']")


def order(page: Page) -> list[str]:
    """The numbers in sight, from above."""
    rows = page.locator(".queue-row").evaluate_all(
        "all => all.map(one => [Number(one.getAttribute('aria-posinset')), one.dataset.number])"
    )
    return [number for _, number in sorted(rows)]
