"""A list worked through by keys alone: one goes on where one was, chooses a department by its code, is warned in time."""

from __future__ import annotations

from datetime import datetime

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser import town
from tests.browser.desks import at_desk, search
from tests.browser.test_desk_todo import order, row
from tests.journey.system import WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_who_has_dealt_with_one_goes_on_to_the_next_though_it_moved_down(
    system: WholeSystem, browser_: Browser
) -> None:
    first, second, third = (town.report(system, 0, r, "逐件立案") for r in (4, 5, 6))
    with at_desk(browser_, system, "lead") as eyes:
        page = eyes.page
        search(page, "逐件立案")
        for number in (first, second, third):
            expect(row(page, number)).to_be_visible()
        assert order(page) == [first, second, third]
        page.keyboard.press("j")
        for number in (first, second, third):
            expect(page.locator(f"[data-one='{number}'] button[data-move=open]")).to_be_visible()
            page.keyboard.press("o")
            page.keyboard.press("Control+Enter")
            expect(page.locator(f"[data-one='{number}'] [data-done]")).to_contain_text("立案")
            page.keyboard.press("j")
        page.keyboard.press("r")
        assert order(page) == [first, second, third]


def test_a_department_is_chosen_by_typing_its_code(system: WholeSystem, browser_: Browser) -> None:
    number = town.report(system, 1, 4, "按编码派遣")
    with at_desk(browser_, system, "lead") as eyes:
        page = eyes.page
        search(page, number)
        page.keyboard.press("o")
        expect(page.locator("form[data-move=open]")).to_be_visible()
        page.keyboard.press("Control+Enter")
        expect(page.locator("[data-done]")).to_contain_text("立案")
        page.keyboard.press("d")
        expect(page.locator("#f-department")).to_be_focused()
        page.keyboard.type("B")
        expect(page.locator("#f-department")).to_have_value("B")
        page.keyboard.press("Control+Enter")
        expect(page.locator("[data-done]")).to_contain_text("派遣")
    assert town.ask(system, "lead", "GET", f"/incidents/{number}").json["department"] == "B"


def test_a_stage_that_has_just_begun_is_not_near_its_end(
    system: WholeSystem, browser_: Browser
) -> None:
    number = town.report(system, 1, 8, "刚刚上报")
    told = town.ask(system, "lead", "GET", f"/incidents/{number}").json
    begun, yellow, due = (
        datetime.fromisoformat(told[name])
        for name in ("reported_at", "stage_yellow_at", "stage_due_at")
    )
    assert begun + (due - begun) / 2 < yellow < due
    with at_desk(browser_, system, "lead") as eyes:
        search(eyes.page, number)
        clock = row(eyes.page, number).locator(".clock")
        expect(clock).to_contain_text("○ 受理 剩")
        expect(clock).to_have_class("clock calm")


def test_decisions_that_come_late_are_not_shown_as_another_kind(
    system: WholeSystem, browser_: Browser
) -> None:
    with at_desk(browser_, system, "lead") as eyes:
        page = eyes.page
        held: list[Route] = []

        def hold(asked: Route) -> None:
            held.append(asked)

        page.route("**/api/v1/rules", hold)
        page.keyboard.press("l")
        page.locator("[data-kind=standards]").click()
        expect(page.locator("[data-decision=standards]")).to_be_visible()
        assert len(held) == 1
        held[0].continue_()
        page.wait_for_timeout(1_500)  # its answer is here
        expect(page.locator("[data-decision]")).to_have_count(1)
