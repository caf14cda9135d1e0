"""会话闲置 at the desk: what nobody uses is locked and shows nothing, who comes back is where he was, a wall stays."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from incidents.postgres import passwords
from tests.browser import doors, phones, town
from tests.browser.desks import GONE, find, moves
from tests.browser.eyes import Watched, watched
from tests.journey.system import WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]

PASSWORD = "Dong-fang-7-hong"
REASON = "请带抽水泵，从北门进"
AGED = "update session set seen_at = now() - interval '{} minutes'"


@pytest.fixture(scope="module", autouse=True)
def people(system: WholeSystem) -> None:
    """Two with passwords."""
    with system.connect() as connection:
        for name in ("dispatcher", "lead"):
            passwords.put(connection, name, PASSWORD)


@contextlib.contextmanager
def logged_in(opened: Browser, system: WholeSystem, name: str) -> Iterator[Watched]:
    """Somebody at the desk with a session, on a clock that can be put forward."""
    with watched(opened, system.url("api")) as eyes:
        eyes.expected = (*GONE, "401")
        eyes.page.clock.install()
        eyes.page.goto(f"{system.url('api')}/desk/?stale=7200")
        phones.log_in(eyes.page, name, PASSWORD)
        yield eyes


def alone(page: Page) -> None:
    """Nobody touches it for so long that what it asks counts as asked by itself."""
    page.clock.fast_forward("00:40")


def is_locked(page: Page, number: str) -> None:
    """The door, and of the incident nothing: no number, no words, no name."""
    expect(page.locator(".login")).to_be_visible(timeout=10_000)
    shown = page.content() + page.title()
    assert [word for word in (number, "井盖丢失", "张三丰", REASON) if word in shown] == []
    assert page.locator(".desk-page").count() == 0


def typed(page: Page, number: str) -> None:
    """An incident is looked at, and the form of its dispatch half filled in."""
    find(page, number)
    page.keyboard.press("d")
    page.locator("form[data-move=dispatch] #f-reason").fill(REASON)


def opened(system: WholeSystem, column: int) -> str:
    number = town.report(system, column, 0, "井盖丢失")
    moves(system, "lead", number, "open")
    return number


def test_a_desk_left_alone_locks_and_who_comes_back_is_where_he_was(
    system: WholeSystem, browser_: Browser
) -> None:
    number = opened(system, 1)
    with logged_in(browser_, system, "dispatcher") as eyes, system.connect() as connection:
        page = eyes.page
        typed(page, number)
        alone(page)
        page.wait_for_timeout(2_500)  # what was asked before has been answered
        connection.execute(AGED.format(20))
        moves(system, "lead", number, "note", reason="又有人来电")  # the page follows it live
        expect(page.locator("[data-one]")).to_contain_text("又有人来电")
        page.wait_for_timeout(5_000)
        least = connection.execute("select min(now() - seen_at) from session").fetchone()
        assert least is not None
        assert least[0].total_seconds() >= 20 * 60  # neither a question of its own nor the line
        connection.execute(AGED.format(31))
        is_locked(page, number)
        expect(page.locator("#name")).to_be_focused()
        phones.log_in(page, "dispatcher", PASSWORD)
        form = page.locator(f"[data-one='{number}'] form[data-move=dispatch]")
        expect(form.locator("#f-reason")).to_have_value(REASON)
        form.locator("#f-department").select_option("B")
        page.keyboard.press("Control+Enter")
        expect(page.locator("[data-done]")).to_contain_text("派遣")
    history = town.ask(system, "lead", "GET", f"/incidents/{number}/history").json
    assert (history[-1]["by"], history[-1]["reason"]) == ("dispatcher", REASON)


def test_another_who_comes_in_finds_neither_the_place_nor_what_was_typed(
    system: WholeSystem, browser_: Browser
) -> None:
    number = opened(system, 2)
    with logged_in(browser_, system, "dispatcher") as eyes, system.connect() as connection:
        page = eyes.page
        typed(page, number)
        connection.execute(AGED.format(31))
        is_locked(page, number)
        phones.log_in(page, "lead", PASSWORD)
        expect(page.locator(".queue-row").first).to_be_visible()
        expect(page.locator("[data-one]")).to_have_count(0)
        expect(page.locator("[data-board=board_all]")).to_have_attribute("aria-pressed", "true")
        find(page, number)
        page.keyboard.press("d")
        expect(page.locator("form[data-move=dispatch] #f-reason")).to_have_value("")


def test_a_desk_locks_by_its_own_clock_while_the_server_is_away(
    system: WholeSystem, browser_: Browser
) -> None:
    number = opened(system, 3)
    with logged_in(browser_, system, "dispatcher") as eyes:
        page = eyes.page
        typed(page, number)
        page.context.set_offline(True)
        expect(page.locator(".age.loud")).to_be_visible()
        expect(page.locator("[data-one]")).to_be_visible()  # half an hour is not over
        page.clock.fast_forward("30:01")
        is_locked(page, number)
        page.context.set_offline(False)
        phones.log_in(page, "dispatcher", PASSWORD)
        expect(page.locator("form[data-move=dispatch] #f-reason")).to_have_value(REASON)


def test_who_sits_there_is_warned_before_it_locks_and_one_key_keeps_it(
    system: WholeSystem, browser_: Browser
) -> None:
    """A locked desk calls nobody: at three in the morning that must not come as a surprise."""
    with logged_in(browser_, system, "dispatcher") as eyes, system.connect() as connection:
        page = eyes.page
        warned = page.locator("[data-locks]")
        page.clock.fast_forward("27:30")
        page.wait_for_timeout(2_500)
        expect(warned).to_have_count(0)
        page.clock.fast_forward("01:00")
        expect(warned).to_contain_text("锁定后本机不再报警")
        connection.execute(AGED.format(29))
        page.keyboard.press("Shift")
        expect(warned).to_have_count(0)
        page.wait_for_timeout(5_000)  # what it asks by itself now counts as somebody's
        seen = connection.execute("select min(now() - seen_at) from session").fetchone()
        assert seen is not None
        assert seen[0].total_seconds() < 60
        connection.execute("delete from session")
        expect(page.locator(".login")).to_be_visible(timeout=10_000)
        expect(page).to_have_title(re.compile("^已锁定，不报警"))
        phones.log_in(page, "dispatcher", PASSWORD)
        expect(page).not_to_have_title(re.compile("已锁定"))


def test_a_wall_with_its_token_is_never_put_out(system: WholeSystem, browser_: Browser) -> None:
    with watched(browser_, system.url("api")) as eyes, system.connect() as connection:
        eyes.page.clock.install()
        doors.wall(eyes.page, system.url("api"), "?stale=7200")
        eyes.page.clock.fast_forward("45:00")
        connection.execute("delete from session")
        eyes.page.wait_for_timeout(5_000)
        expect(eyes.page.locator(".wall-canvas")).to_be_visible()
        expect(eyes.page.locator(".age .dot.up")).to_be_visible()
