"""How many photos a report and an incident take: told before the first is taken, and none is lost when they were too many."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import desks, phones, town
from tests.journey.system import WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]

NARROW: dict[str, object] = {"max_photos": 2, "max_photos_at_once": 2}
COLOURS = ((200, 30, 30), (30, 160, 60), (30, 60, 200))


@pytest.fixture(scope="module", autouse=True)
def narrow(system: WholeSystem) -> Iterator[None]:
    """A city with room for two photos, until the module ends."""
    with town.policy(system, **NARROW):
        yield


def knows_how_many(page: Page, number: str) -> None:
    """The phone has heard of the city's limit; without a signal it would go by the usual one."""
    phones.task(page, number).click()
    page.locator("[data-move=report_handled]").click()
    expect(page.locator("[data-most]")).to_contain_text("至多 2 张")
    page.go_back()
    expect(phones.task(page, number)).to_be_visible()


def handled_offline(page: Page, number: str) -> None:
    """Three photos chosen without a signal: two go into the queue, the third is said to have stayed in the album."""
    phones.task(page, number).click()
    page.locator("[data-move=report_handled]").click()
    expect(page.locator("[data-most]")).to_contain_text("至多 2 张，已有 0 张")
    files = [
        {"name": f"{at}.jpg", "mimeType": "image/jpeg", "buffer": phones.picture(one, 800, 600)}
        for at, one in enumerate(COLOURS)
    ]
    page.locator("[data-album]").set_input_files(files)  # type: ignore[arg-type]
    expect(page.locator(".shots img")).to_have_count(2)
    expect(page.locator("[data-unused]")).to_contain_text("1 张没有加入")
    expect(page.locator("[data-shot]")).to_have_count(0)
    page.locator("[data-submit]").click()
    expect(page.locator("[data-form]")).to_have_count(0)


def one_more_voice(system: WholeSystem, number: str, colour: tuple[int, int, int]) -> None:
    """The shift's lead attaches a photo meanwhile."""
    door = town.door(system, "lead")
    data = phones.picture(colour, 640, 480)
    path = f"/api/v1/media?kind=scene&incident={number}"
    answer = door.ask("POST", path, data, {"Content-Type": "image/jpeg"})
    assert answer.status == 201, answer.body


def working(system: WholeSystem, column: int, row: int) -> str:
    number = phones.dispatched(system, column, row, "箅子堵塞")
    phones.move(system, "dept-a", number, move="accept")
    return number


def photos(system: WholeSystem, number: str) -> int:
    return len(town.ask(system, "lead", "GET", f"/incidents/{number}/media").json)


def test_what_is_too_many_waits_on_the_phone_until_its_holder_takes_some_away(
    system: WholeSystem, browser_: Browser
) -> None:
    fewer, bare = working(system, 6, 1), working(system, 6, 3)
    with phones.phone(browser_, system, "dept-a") as eyes:
        eyes.expected = (*eyes.expected, "422")
        page = eyes.page
        knows_how_many(page, bare)
        page.context.set_offline(True)
        expect(page.locator(".age.loud")).to_be_visible()
        handled_offline(page, fewer)
        handled_offline(page, bare)
        one_more_voice(system, fewer, (1, 2, 3))
        one_more_voice(system, bare, (4, 5, 6))
        one_more_voice(system, bare, (7, 8, 9))
        page.context.set_offline(False)
        phones.tab(page, "outbox")
        stopped = page.locator(".outbox > li[data-way=stopped]")
        expect(stopped).to_have_count(2, timeout=60_000)

        one = stopped.filter(has_text=fewer)
        expect(one).to_contain_text("还可附 1 张")
        expect(one.locator("[data-most]")).to_contain_text("至多 1 张，请删除 1 张")
        expect(one.locator(".shots img")).to_have_count(2)  # all that was shot is still there
        one.get_by_role("button", name="删除").first.click()
        one.locator("[data-anyway]").click()
        expect(stopped).to_have_count(1)

        expect(stopped).to_contain_text("还可附 0 张")
        stopped.locator("[data-bare]").click()
        expect(stopped.locator("[data-bare]")).to_contain_text("再按一次")
        expect(stopped.locator(".shots img")).to_have_count(2)
        stopped.locator("[data-bare]").click()
        expect(page.locator(".outbox > li[data-way=sent]")).to_have_count(2, timeout=60_000)
    for number in (fewer, bare):
        assert phones.incident(system, number)["state"] == "handled"
        assert photos(system, number) == 2


def test_a_full_incident_says_so_before_anything_is_taken(
    system: WholeSystem, browser_: Browser
) -> None:
    number = working(system, 6, 5)
    one_more_voice(system, number, (11, 2, 3))
    one_more_voice(system, number, (14, 5, 6))
    with phones.phone(browser_, system, "dept-a") as eyes:
        page = eyes.page
        phones.task(page, number).click()
        expect(page.locator(".one figure")).to_have_count(2)
        page.locator("[data-move=report_handled]").click()
        expect(page.locator("[data-most]")).to_contain_text("已满")
        expect(page.locator("[data-shot]")).to_have_count(0)
        page.get_by_label("说明").fill("已清掏")
        page.locator("[data-submit]").click()
        phones.tab(page, "outbox")
        expect(page.locator(".outbox > li[data-way=sent]")).to_have_count(1, timeout=60_000)


def test_a_desk_that_brought_too_many_takes_the_last_away_and_sends_again(
    system: WholeSystem, browser_: Browser
) -> None:
    number = working(system, 6, 7)
    duty = {"categories": ["*"], "moves": ["report_handled"]}
    with town.policy(system, photos=[duty]), desks.at_desk(browser_, system, "dept-a") as eyes:
        eyes.expected = (*eyes.expected, "422")
        page = eyes.page
        desks.find(page, number)
        page.locator("button[data-move=report_handled]").click()
        for one in COLOURS:
            file = {
                "name": "1.jpg",
                "mimeType": "image/jpeg",
                "buffer": phones.picture(one, 320, 240),
            }
            page.set_input_files("#f-photo", file)  # type: ignore[arg-type]
        expect(page.locator(".move-form .good")).to_contain_text("×3")
        page.locator(".move-form [type=submit]").click()
        expect(page.get_by_role("alert").filter(has_text="一次至多附 2 张")).to_be_visible()
        page.locator("[data-last-away]").click()
        page.locator(".move-form [type=submit]").click()
        expect(page.locator("[data-done]")).to_contain_text("处置反馈")
    assert photos(system, number) == 2
