"""申诉与复核 at the desk: a department sees what is held against it, two appeal, and a reviewer says whose he reviews."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from incidents.lifecycle import Role
from incidents.postgres import accounts
from tests.browser import town
from tests.browser.desks import at_desk, moves, search
from tests.browser.test_common import serious
from tests.journey import scene
from tests.journey.system import WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]

STEPS = """
    lead open; lead dispatch A; dept-a accept; dept-a report_handled; lead rework; lead redispatch B;
    dept-b accept; dept-b report_handled; lead rework; dept-b report_handled; lead verified; lead close
"""
"""Two departments had to do it again, one after the other: who, which move, to which department."""


@pytest.fixture(scope="module", autouse=True)
def heard(system: WholeSystem) -> Iterator[None]:
    """The city hears appeals against rework, too, until the module ends, and has an evaluator."""
    with system.connect() as connection:
        token = scene.token_of("evaluator")
        accounts.add(connection, accounts.Applicant("evaluator", Role.EVALUATOR, token=token))
    with town.policy(system, appeal_for=["overdue", "rework"]):
        yield


def test_of_two_appeals_the_reviewer_chooses_one_and_the_other_is_untouched(
    system: WholeSystem, browser_: Browser
) -> None:
    number = town.report(system, 4, 2, "绿化带垃圾")
    for who, name, *to in (step.split() for step in STEPS.split(";")):
        moves(system, who, number, name, reason="因故", department=to[0] if to else None)
    with at_desk(browser_, system, "dept-a") as eyes:
        found_and_appealed(eyes.page, number)
    moves(system, "dept-b", number, "appeal", reason="派错了部门")
    with system.connect() as connection:  # what waits is in sight however old it is
        connection.execute(
            "update incident set reported_at = reported_at - interval '3 years', "
            "closed_at = closed_at - interval '3 years' where number = %s",
            (number,),
        )
    with at_desk(browser_, system, "lead") as eyes:
        page = eyes.page
        page.keyboard.press("Shift+K")
        waits = page.locator(f"[data-appeal-list=review] [data-appealed='{number}']")
        expect(waits).to_be_visible()
        assert serious(page) == []
        page.keyboard.press("j")
        expect(page.locator("[data-appealed]").first).to_be_focused()
        waits.focus()
        page.keyboard.press("Enter")
        expect(page.locator(f"[data-one='{number}'] [data-appeals]")).to_be_visible()
        page.keyboard.press("Shift+F")
        page.locator("input[name=upheld][value=yes]").check()
        page.keyboard.press("Control+Enter")
        expect(page.locator(".move-form [role=alert]")).to_contain_text("哪个部门的申诉")
        page.locator("#f-whose").select_option("B")
        page.locator("#f-reason").fill("当时不归其管")
        page.keyboard.press("Control+Enter")
        expect(page.locator("[data-done]")).to_contain_text("复核")
        one = page.locator("[data-appeal=B]")
        expect(one.locator("[data-outcome]")).to_contain_text("待第二人复核")
        expect(one.locator("[data-review]")).to_contain_text("成立 · lead")
        expect(one.locator("[data-review]")).to_contain_text("当时不归其管")
        other = page.locator("[data-appeal=A]")
        expect(other).to_contain_text("雨又冲来了")
        expect(other.locator("[data-outcome]")).to_have_text("◆ 待复核")
        expect(other.locator("[data-review]")).to_have_count(0)
    told = town.ask(system, "lead", "GET", f"/incidents/{number}").json["appeals"]
    assert {one["department"]: len(one["reviews"]) for one in told} == {"A": 0, "B": 1}
    with at_desk(browser_, system, "evaluator") as eyes:
        decided(eyes.page, number)


def decided(page: Page, number: str) -> None:
    """An evaluator begins with what waits, and as the second person decides one of two."""
    page.locator(f"[data-appealed='{number}']").click()
    expect(page.locator(f"[data-one='{number}'] [data-appeals]")).to_be_visible()
    page.keyboard.press("Shift+F")
    page.locator("#f-whose").select_option("B")
    page.locator("input[name=upheld][value=yes]").check()
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-appeal=B] [data-outcome]")).to_contain_text("申诉成立")
    page.keyboard.press("Shift+F")
    expect(page.locator("form[data-move=review] [data-whose]")).to_contain_text("甲部门")


def found_and_appealed(page: Page, number: str) -> None:
    """A department finds what was done again, sees until when it may appeal, and does."""
    page.keyboard.press("Shift+K")
    mine = page.locator(f"[data-appeal-list=open] [data-appealed='{number}']")
    expect(mine).to_be_visible()
    opened(page, number)
    expect(page.locator("[data-held=A]")).to_contain_text("返工 · 可申诉至")
    page.keyboard.press("Shift+S")
    expect(page.locator("form[data-move=appeal] [data-whose]")).to_contain_text("甲部门 · 返工")
    page.locator("#f-reason").fill("雨又冲来了")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-done]")).to_contain_text("申诉")
    expect(page.locator("[data-appeal=A] [data-outcome]")).to_contain_text("待复核")
    expect(page.locator("[data-held=B]")).to_contain_text("返工")


def opened(page: Page, number: str) -> None:
    """By keys alone: an incident that has ended is in no list, its whole number opens it."""
    search(page, number)
    expect(page.locator(f"[data-one='{number}'] [data-state]")).to_be_visible()
    expect(page.locator("[data-appeals]")).to_be_visible()
