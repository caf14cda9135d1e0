"""待办 at the desk: what a role can move on comes first, all that is open is a key away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import town
from tests.browser.desks import at_desk, moves
from tests.browser.test_common import serious
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
    with at_desk(browser_, system, "dept-a", tall=True) as eyes:
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
    with at_desk(browser_, system, who, tall=True) as eyes:
        todo = eyes.page.locator("[data-board=board_todo]")
        expect(todo).to_have_attribute("aria-pressed", "true")
        expect(todo.locator(".count")).to_be_visible()
        expect(row(eyes.page, number)).to_have_count(int(theirs))
        eyes.page.keyboard.press("4")
        expect(row(eyes.page, number)).to_be_visible()


def test_a_request_that_waits_and_an_urge_come_up_with_their_reason_and_leave_when_answered(
    system: WholeSystem, browser_: Browser
) -> None:
    number = town.report(system, 0, 1, "路灯不亮")
    for who, name, more in (
        ("lead", "open", {}),
        ("lead", "dispatch", {"department": "A"}),
        ("dept-a", "accept", {}),
    ):
        moves(system, who, number, name, **more)
    with at_desk(browser_, system, "dispatcher", tall=True) as eyes:
        page = eyes.page
        expect(page.locator("[data-loaded]")).to_be_visible()
        expect(row(page, number)).to_have_count(0)  # with the department
        until = (datetime.now(UTC) + timedelta(days=3)).isoformat()
        moves(system, "dept-a", number, "ask_suspend", reason="等配件", until=until)
        expect(row(page, number).locator("[data-why=suspension]")).to_contain_text("挂账待批")
        assert serious(page) == []
        counted(system, page, "dispatcher")
        row(page, number).click()
        expect(page.locator("[data-waits]")).to_contain_text("挂账待批（派遣员、值班长）")
        page.keyboard.press("g")
        expect(page.locator("form[data-move=grant]")).to_be_visible()
        page.keyboard.press("Control+Enter")
        expect(page.locator("[data-done]")).to_contain_text("批准")
        expect(page.locator(f".queue-row[data-number='{number}']:not(.gone)")).to_have_count(0)
        counted(system, page, "dispatcher")
    with at_desk(browser_, system, "dept-a", tall=True) as eyes:
        page = eyes.page
        expect(page.locator("[data-loaded]")).to_be_visible()
        expect(row(page, number)).to_have_count(0)  # nobody's while it is suspended
        moves(system, "lead", number, "urge", reason="市民再来电")
        waits = row(page, number).locator("[data-why=answer]")
        expect(waits).to_contain_text("督办待答复")
        moves(system, "dept-a", number, "answer_urge", reason="配件明日到")
        expect(row(page, number).locator("[data-why=answer]")).to_have_count(0)


def test_the_lead_begins_with_all_and_finds_what_is_his_on_the_same_key(
    system: WholeSystem, browser_: Browser
) -> None:
    his = town.report(system, 0, 2, "待立案的")
    theirs = town.report(system, 0, 3, "部门在办的")
    moves(system, "lead", theirs, "open")
    moves(system, "lead", theirs, "dispatch", department="A")
    with at_desk(browser_, system, "lead", tall=True) as eyes:
        page = eyes.page
        expect(page.locator("[data-board=board_all]")).to_have_attribute("aria-pressed", "true")
        expect(row(page, theirs)).to_be_visible()
        page.keyboard.press("0")
        expect(row(page, his).locator("[data-why=file]")).to_contain_text("待立案")
        expect(row(page, theirs)).to_have_count(0)


def counted(system: WholeSystem, page: Page, who: str) -> None:
    """The board's number is the length of its list."""
    items = town.ask(system, who, "GET", "/incidents?to_do=true&limit=51").json["items"]
    told = "50+" if len(items) > 50 else str(len(items))
    expect(page.locator("[data-board=board_todo] .count")).to_have_text(told)


def row(page: Page, number: str) -> Locator:
    """Its row in the queue, if it is there."""
    return page.locator(f".queue-row[data-number='{number}']")


def order(page: Page) -> list[str]:
    """The numbers in sight, from above."""
    rows = page.locator(".queue-row").evaluate_all(
        "all => all.map(one => [Number(one.getAttribute('aria-posinset')), one.dataset.number])"
    )
    return [number for _, number in sorted(rows)]
