"""Every move has its key at the desk, told beside it and in the help; no key means two things at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from incidents.lifecycle import MOVES, Role
from tests.browser import town
from tests.browser.desks import at_desk, find, moves
from tests.browser.eyes import Watched
from tests.browser.test_common import serious
from tests.journey.system import WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def lead(system: WholeSystem, browser_: Browser) -> Iterator[Watched]:
    """A shift lead at the desk."""
    with at_desk(browser_, system, "lead") as eyes:
        yield eyes


def test_the_help_tells_a_key_for_every_move_and_no_key_twice(lead: Watched) -> None:
    page = lead.page
    page.keyboard.press("?")
    told = page.locator("dialog.help")
    keys = [key for text in told.locator("dt").all_inner_texts() for key in text.split()]
    assert len(keys) == len(set(keys)), sorted(keys)
    words = " ".join(told.locator("dd").all_inner_texts())
    by_people = [one for one in MOVES.values() if one.roles - {Role.SYSTEM}]
    assert [one.zh for one in by_people if one.zh not in words] == []
    expect(told.locator("dt", has_text="⇧E").locator("+ dd")).to_have_text("强制结案")
    assert serious(page) == []
    page.keyboard.press("Escape")


def test_a_large_letter_is_another_move_than_the_small_one(
    system: WholeSystem, lead: Watched
) -> None:
    page = lead.page
    number = town.report(system, 5, 2, "按键不相混")
    moves(system, "lead", number, "open")
    moves(system, "lead", number, "dispatch", department="A")
    find(page, number)
    expect(page.locator("button[data-move=close_by_order] kbd")).to_have_text("⇧E")
    for key, name in (("Shift+E", "close_by_order"), ("Shift+M", "merge"), ("d", "redispatch")):
        page.keyboard.press(key)
        expect(page.locator(f"form[data-move={name}]")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("form[data-move]")).to_have_count(0)
    moves(system, "dept-a", number, "accept")
    moves(system, "dept-a", number, "report_handled")
    expect(page.locator("[data-state]")).to_contain_text("已处置")
    expect(page.locator("button[data-move=rework] kbd")).to_have_text("⇧W")
    page.keyboard.press("Shift+W")
    page.locator("form[data-move=rework] textarea").fill("未清净")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-done]")).to_contain_text("返工")
