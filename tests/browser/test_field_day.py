"""What a day outdoors does to a phone: a wrong clock, a weak signal, a task taken away, a second tab, the key for back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import doors, phones, town
from tests.journey.system import WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]

RED, GREEN = (200, 30, 30), (30, 160, 60)
LOOK = "document.dispatchEvent(new Event('visibilitychange'))"
"""The phone comes out of the pocket: the list of tasks is read again, as it is each minute."""
CLOCK = """() => {
  const Real = Date;
  window.skew = 3600_000;
  window.Date = class extends Real {
    constructor(...given) { if (given.length) super(...given); else super(Real.now() + window.skew); }
    static now() { return Real.now() + window.skew; }
  };
}"""
SEEN = "document.dispatchEvent(new Event('visibilitychange'))"


def sent(page: Page, count: int) -> None:
    phones.tab(page, "outbox")
    expect(page.locator(".outbox > li[data-way=sent]")).to_have_count(count, timeout=60_000)
    assert set(phones.ways(page)) == {"sent"}


def just_now(system: WholeSystem, text: str) -> None:
    """A report is known to have been seen at its true time."""
    with system.connect() as connection:
        row = connection.execute(
            "select first_event_at from incident where text = %s", [text]
        ).fetchone()
    assert row is not None
    assert abs(datetime.now(UTC) - row[0]) < timedelta(minutes=3)


def test_a_clock_that_is_an_hour_fast_calls_nothing_late_and_orders_nothing_wrongly(
    system: WholeSystem, browser_: Browser
) -> None:
    number = phones.dispatched(system, 2, 5, "不急的一件")
    text = f"钟快一小时 {datetime.now(UTC).timestamp()}"
    with phones.stranger(browser_, system) as eyes:
        page = eyes.page
        page.add_init_script(f"({CLOCK})()")
        doors.by_token(page, f"{system.url('api')}/field/", "dept-a")
        expect(page.locator(".age .dot.up")).to_be_visible()
        expect(phones.task(page, number)).to_contain_text("本环节到期")
        expect(phones.task(page, number)).not_to_contain_text("超时")
        page.context.set_offline(True)
        expect(page.locator(".age.loud")).to_be_visible()
        phones.tab(page, "report")
        page.get_by_label("情况说明").fill(text)
        page.locator("[data-submit]").click()
        phones.tab(page, "tasks")
        phones.decide(page, number, "accept", "到场")
        page.evaluate("window.skew = 0")  # the network puts the clock right, and back
        phones.decide(page, number, "report_handled", "已清")
        page.context.set_offline(False)
        sent(page, 3)
    assert phones.incident(system, number)["state"] == "handled"
    just_now(system, text)


def test_what_is_said_of_the_time_is_put_right_by_the_servers_clock(
    system: WholeSystem, browser_: Browser
) -> None:
    text = f"钟快一小时 {datetime.now(UTC).timestamp()}"
    with phones.stranger(browser_, system) as eyes:
        page = eyes.page
        page.add_init_script(f"({CLOCK})()")
        doors.by_token(page, f"{system.url('api')}/field/", "inspector")
        phones.tab(page, "report")
        page.get_by_label("情况说明").fill(text)
        page.locator("[data-submit]").click()
        sent(page, 1)
    just_now(system, text)


def test_a_task_that_was_taken_away_says_so_while_it_is_open_and_keeps_what_was_written(
    system: WholeSystem, browser_: Browser
) -> None:
    number = phones.dispatched(system, 2, 4, "将改派的一件")
    with phones.phone(browser_, system, "dept-a") as eyes:
        eyes.expected = (*phones.GONE, "403")
        page = eyes.page
        phones.task(page, number).click()
        page.locator("[data-move=send_back]").click()
        page.get_by_label("说明").fill("不属我部门")
        phones.move(
            system, "dispatcher", number, move="redispatch", department="B", reason="更正归属"
        )
        page.evaluate(LOOK)
        expect(page.locator("[data-act] [data-gone]")).to_contain_text("已不在您的待办")
        expect(page.get_by_label("说明")).to_have_value("不属我部门")
        page.get_by_role("button", name="取消").click()
        expect(page.locator(".one > [data-gone]")).to_be_visible()
        expect(page.locator("[data-act]")).to_have_count(
            0
        )  # nothing is offered that would be refused
        page.get_by_role("button", name="返回").click()
        expect(phones.task(page, number)).to_have_count(0)


def test_a_weak_signal_shows_how_far_it_has_come_and_a_bad_photo_is_named(
    system: WholeSystem, browser_: Browser
) -> None:
    number = phones.dispatched(system, 2, 7, "信号弱的一件")
    phones.move(system, "dept-a", number, move="accept")
    mood = {"answers": "breaks"}
    asked: list[str] = []

    def second(route: Route) -> None:
        key = route.request.headers["idempotency-key"]
        asked.append(key)
        if not key.endswith("-1") or mood["answers"] == "well":
            route.continue_()
        elif mood["answers"] == "breaks":
            route.abort()
        else:
            body = '{"code": "photo_unfit", "detail": "照片不完整，请重拍", "detail_en": "cut off"}'
            kind = "application/problem+json"
            route.fulfill(status=422, body=body, content_type=kind)

    with phones.phone(browser_, system, "dept-a") as eyes:
        eyes.expected = (*phones.GONE, "422")
        page = eyes.page
        page.route("**/api/v1/media?*", second)
        phones.task(page, number).click()
        page.locator("[data-move=report_handled]").click()
        phones.shoot(page, phones.picture(GREEN, 800, 600))
        phones.shoot(page, phones.picture(RED, 800, 600))
        expect(page.locator(".shots img")).to_have_count(2)
        page.locator("[data-submit]").click()
        phones.tab(page, "outbox")
        expect(page.locator("[data-gone]")).to_have_text("照片已传 1/2 张")
        expect(page.get_by_role("status").filter(has_text="信号弱")).to_be_visible()
        mood["answers"] = "refuses"
        page.get_by_role("button", name="立即上传").click()
        stopped = page.locator(".outbox > li[data-way=stopped]")
        expect(stopped.get_by_role("alert")).to_contain_text("第 2 张：照片不完整", timeout=60_000)
        expect(stopped.locator("figure").nth(1).locator("[data-unfit]")).to_be_visible()
        expect(stopped.locator("[data-unfit]")).to_have_count(1)
        stopped.locator("figure").nth(1).get_by_role("button", name="删除").click()
        stopped.locator("[data-anyway]").click()
        sent(page, 1)
    assert len([key for key in asked if key.endswith("-0")]) == 1  # what went is not sent twice
    told = town.ask(system, "lead", "GET", f"/incidents/{number}/media").json
    assert [one["move"] for one in told] == ["report_handled"]


def test_a_report_begun_in_one_tab_is_gone_on_with_in_another_and_sent_once(
    system: WholeSystem, browser_: Browser
) -> None:
    text = f"两个标签 {datetime.now(UTC).timestamp()}"
    with phones.phone(browser_, system, "inspector") as eyes:
        first = eyes.page
        phones.tab(first, "report")
        second = first.context.new_page()
        doors.by_token(second, f"{system.url('api')}/field/", "inspector")
        phones.tab(second, "report")
        first.get_by_label("情况说明").fill(text)
        phones.shoot(first, phones.picture(RED, 640, 480))
        first.wait_for_timeout(300)
        second.evaluate(SEEN)
        expect(second.get_by_label("情况说明")).to_have_value(text)
        expect(second.locator(".shots img")).to_have_count(1)
        second.locator("[data-submit]").click()
        expect(second.locator(".outbox > li[data-way=sent]")).to_have_count(1, timeout=60_000)
        first.evaluate(SEEN)
        expect(first.get_by_label("情况说明")).to_have_value("")
        expect(first.locator(".shots img")).to_have_count(0)
    with system.connect() as connection:
        told = connection.execute("select count(*) from event where text = %s", [text]).fetchone()
    assert told == (1,)


def test_the_key_for_back_leads_to_the_list_and_not_out_of_the_page(
    system: WholeSystem, browser_: Browser
) -> None:
    number = phones.dispatched(system, 2, 3, "看一眼的一件")
    with phones.phone(browser_, system, "dept-a") as eyes:
        page = eyes.page
        for leave in ("key", "button"):
            phones.task(page, number).click()
            expect(page.locator(".one")).to_be_visible()
            if leave == "key":
                page.go_back()
            else:
                page.get_by_role("button", name="返回").click()
            expect(phones.task(page, number)).to_be_visible()
        for name in ("report", "settings"):
            phones.tab(page, name)
        page.go_back()
        expect(phones.task(page, number)).to_be_visible()
