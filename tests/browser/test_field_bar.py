"""The main action on a phone: under the thumb without scrolling, whatever the text's size, and never over what is typed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from tests.browser import phones, town
from tests.browser.test_field_page import SIZES
from tests.journey.system import WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]

LOW: ViewportSize = {"width": 360, "height": 640}
WITH_KEYBOARD: ViewportSize = {"width": 360, "height": 350}
LONG = "路口东北角雨水箅子缺失，周边路面下沉，行人绕行到机动车道。" * 12
FREE = """e => {
  const b = e.getBoundingClientRect();
  const points = [[b.left + b.width / 2, b.top + 4], [b.left + b.width / 2, b.bottom - 4], [b.left + 8, (b.top + b.bottom) / 2]];
  if (b.top < 0 || b.bottom > innerHeight) return `outside: ${b.top} to ${b.bottom} of ${innerHeight}`;
  const over = points.map(([x, y]) => document.elementFromPoint(x, y)).find((o) => o !== e && !e.contains(o));
  return over ? `under ${over.tagName}.${over.className}` : '';
}"""


def free(target: Locator) -> None:
    """It lies whole inside the screen, and nothing lies over it."""
    expect(target).to_be_visible()
    assert target.evaluate(FREE) == ""


def typed_in_peace(page: Page, *fields: Locator) -> None:
    """Each field, once it has the focus, lies free: with the bars there, and with a keyboard in the lower half."""
    for field in fields:
        field.focus()
        page.wait_for_timeout(450)
        free(field)
        page.set_viewport_size(WITH_KEYBOARD)
        page.wait_for_timeout(450)
        free(field)
        expect(page.locator(".tabs")).to_be_hidden()
        field.blur()
        page.set_viewport_size(LOW)
        expect(page.locator(".tabs")).to_be_visible()


@pytest.mark.parametrize("size", [1, 3])
def test_the_main_action_of_a_long_task_is_under_the_thumb(
    system: WholeSystem, browser_: Browser, size: int
) -> None:
    number = phones.dispatched(system, 1, 2 + size, LONG)
    phones.move(system, "dept-a", number, move="accept")
    with phones.phone(browser_, system, "dept-a", viewport=LOW) as eyes:
        page = eyes.page
        phones.tab(page, "settings")
        page.locator(f"[data-size='{size}']").click()
        phones.tab(page, "tasks")
        phones.task(page, number).click()
        main = page.locator("[data-act] [data-move=report_handled]")
        expect(page.locator(".note", has_text="没有照片")).to_have_count(1)
        free(main)
        free(page.locator("[data-more]"))
        assert page.evaluate("document.documentElement.scrollHeight - innerHeight") > 200
        assert page.evaluate(SIZES) == []
        page.locator("[data-more]").click()
        free(page.locator("[data-move=send_back]"))
        page.evaluate("window.scrollTo(0, 0)")
        main.click()
        free(page.locator("[data-form] h3"))
        free(page.locator("[data-submit]"))
        assert page.evaluate(SIZES) == []
        typed_in_peace(page, page.get_by_label("说明"))
        phones.shoot(page, phones.picture((30, 160, 60)))
        page.evaluate("window.scrollBy(0, -200)")
        free(page.locator("[data-submit]"))


@pytest.mark.parametrize("size", [1, 3])
def test_a_report_is_submitted_from_anywhere_on_its_page_and_what_lacks_is_said_there(
    system: WholeSystem, browser_: Browser, size: int
) -> None:
    with phones.phone(browser_, system, "inspector", viewport=LOW) as eyes:
        page = eyes.page
        phones.tab(page, "settings")
        page.locator(f"[data-size='{size}']").click()
        phones.tab(page, "report")
        submit = page.locator("[data-submit]")
        free(submit)
        submit.click()
        free(page.get_by_role("alert"))
        free(submit)
        page.locator("[data-by-hand]").click()
        typed_in_peace(
            page,
            page.get_by_label("单元网格号"),
            page.locator("#find"),
            page.get_by_label("情况说明"),
        )
        page.set_viewport_size({"width": 640, "height": 360})  # turned round: no keyboard
        expect(page.locator(".tabs")).to_be_visible()


def test_what_was_refused_has_its_answer_under_the_thumb(
    system: WholeSystem, browser_: Browser
) -> None:
    number = phones.dispatched(system, 1, 6, LONG)
    with phones.phone(browser_, system, "dept-a", viewport=LOW) as eyes:
        page = eyes.page
        expect(phones.task(page, number)).to_be_visible()
        page.context.set_offline(True)
        expect(page.locator(".age.loud")).to_be_visible()
        phones.decide(page, number, "accept", LONG)
        for word in ("请先围挡", "已联系交警"):
            phones.move(system, "dispatcher", number, move="note", reason=word)
        page.context.set_offline(False)
        phones.tab(page, "outbox")
        anyway = page.locator("[data-way=stopped] [data-act] [data-anyway]")
        expect(anyway).to_be_visible(timeout=60_000)
        page.locator("[data-way=stopped]").evaluate("e => e.scrollIntoView()")
        free(anyway)
        assert page.evaluate(SIZES) == []
        anyway.click()
        expect(page.locator(".outbox > li[data-way=sent]")).to_have_count(1, timeout=60_000)
    assert town.ask(system, "lead", "GET", f"/incidents/{number}").json["state"] == "handling"
