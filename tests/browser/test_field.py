"""The phone page on the whole system: work goes on without a signal, and each thing arrives once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from incidents.postgres import passwords
from tests.browser import phones, town
from tests.journey import scene
from tests.journey.system import WholeSystem, until

pytestmark = [pytest.mark.real, pytest.mark.slow]

PASSWORD = "雨天也要认得路 Kx-93"
RED, GREEN, BLUE = (200, 30, 30), (30, 160, 60), (30, 60, 200)
BACK_MS = 60_000


def arrived(page: Page, count: int = 1) -> None:
    """Everything in the queue was sent."""
    phones.tab(page, "outbox")
    expect(page.locator(".outbox > li[data-way=sent]")).to_have_count(count, timeout=BACK_MS)
    assert set(phones.ways(page)) == {"sent"}


def photos_of(system: WholeSystem, number: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = town.ask(system, "lead", "GET", f"/incidents/{number}/media").json
    return found


def test_an_inspector_confirms_the_nearest_first_and_verifies_with_no_signal_in_between(
    system: WholeSystem, browser_: Browser
) -> None:
    far = phones.to_confirm(system, 8, 8, "远处的垃圾")
    with phones.phone(browser_, system, "inspector", at=(2, 2)) as eyes:
        page = eyes.page
        expect(phones.task(page, far)).to_be_visible()
        near = phones.to_confirm(system, 2, 3, "近处的垃圾")  # comes in live
        expect(phones.task(page, near)).to_contain_text(re.compile(r"北 1[01]\d 米"))
        numbers = page.locator(".task").evaluate_all("rows => rows.map(r => r.dataset.number)")
        assert numbers.index(near) < numbers.index(far)

        page.context.set_offline(True)
        expect(page.locator(".age.loud")).to_contain_text("没有信号")
        phones.decide(page, near, "confirmed", "确有垃圾", phones.picture(RED))
        expect(page.locator("[data-said]")).to_contain_text("有信号后上传")
        phones.decide(page, far, "not_confirmed", "现场未见")
        for number in (near, far):  # done, as far as the phone knows
            expect(phones.task(page, number)).to_have_count(0)
        expect(page.locator("[data-tab=outbox]")).to_contain_text("2")
        assert phones.incident(system, near)["state"] == "confirming"
        page.context.set_offline(False)
        arrived(page, 2)
        assert phones.incident(system, near)["confirmed"] is True
        assert phones.incident(system, far)["confirmed"] is False
        evidence = photos_of(system, near)
        assert [(p["kind"], p["move"], p["width"]) for p in evidence] == [
            ("before", "confirmed", 1600)
        ]


def test_a_department_accepts_and_reports_handled_offline_and_the_inspector_verifies(
    system: WholeSystem, browser_: Browser
) -> None:
    number = phones.dispatched(system, 4, 4, "井盖破损待修")
    with phones.phone(browser_, system, "dept-a") as eyes:
        page = eyes.page
        expect(phones.task(page, number)).to_contain_text("已派遣")
        page.context.set_offline(True)
        expect(page.locator(".age.loud")).to_be_visible()
        phones.decide(page, number, "accept")
        expect(phones.task(page, number)).to_contain_text("处置中")  # as it will be
        phones.decide(page, number, "report_handled", "已更换", phones.picture(GREEN))
        expect(phones.task(page, number)).to_have_count(0)
        page.context.set_offline(False)
        arrived(page, 2)
    assert phones.incident(system, number)["state"] == "handled"
    phones.move(system, "intake", number, move="verify", inspector="inspector")
    with phones.phone(browser_, system, "inspector") as eyes:
        page = eyes.page
        phones.task(page, number).click()
        expect(page.locator(".one figure")).to_contain_text("处置后")
        page.get_by_role("button", name="返回").click()
        phones.decide(page, number, "verified", photo=phones.picture(BLUE))
        arrived(page, 1)
    assert phones.incident(system, number)["verified_at"] is not None


def test_what_changed_meanwhile_is_shown_and_the_person_decides(
    system: WholeSystem, browser_: Browser
) -> None:
    number = phones.dispatched(system, 5, 4, "路面塌陷")
    with phones.phone(browser_, system, "dept-a") as eyes:
        page = eyes.page
        expect(phones.task(page, number)).to_be_visible()
        page.context.set_offline(True)
        expect(page.locator(".age.loud")).to_be_visible()
        phones.decide(page, number, "accept", "即刻前往")
        phones.decide(page, number, "report_handled", "已填平")
        phones.move(system, "dispatcher", number, move="note", reason="请先围挡")
        page.context.set_offline(False)
        phones.tab(page, "outbox")
        stopped = page.locator(".outbox > li[data-way=stopped]")
        expect(stopped).to_contain_text("备注 dispatcher", timeout=BACK_MS)
        expect(stopped).to_contain_text("即刻前往")
        expect(page.locator(".outbox > li[data-way=waiting]")).to_contain_text("等前一步")
        stopped.locator("[data-anyway]").click()
        arrived(page, 2)
    history = town.ask(system, "lead", "GET", f"/incidents/{number}/history").json
    assert [line["move"] for line in history[-3:]] == ["note", "accept", "report_handled"]


def test_what_is_too_late_becomes_a_note_or_goes_only_when_the_person_says_so(
    system: WholeSystem, browser_: Browser
) -> None:
    noted, given_up = (phones.to_confirm(system, 9, row, f"疑似堆物 {row}") for row in (1, 2))
    with phones.phone(browser_, system, "inspector", at=(9, 0)) as eyes:
        page = eyes.page
        page.context.set_offline(True)
        expect(page.locator(".age.loud")).to_be_visible()
        phones.decide(page, noted, "not_confirmed", "只有落叶", phones.picture(RED, 900, 700))
        phones.decide(page, given_up, "not_confirmed", "已经清走")
        for number in (noted, given_up):
            phones.move(system, "lead", number, move="confirmed")
        page.context.set_offline(False)
        phones.tab(page, "outbox")
        stopped = page.locator(".outbox > li[data-way=stopped]")
        expect(stopped).to_have_count(2, timeout=BACK_MS)
        late = stopped.filter(has_text="只有落叶")
        expect(late).to_contain_text("现在的状态：已上报")
        expect(late.locator("[data-anyway]")).to_have_count(0)
        late.locator("[data-note]").click()
        gone = stopped.filter(has_text="已经清走")
        gone.locator("[data-drop]").click()
        expect(gone).to_contain_text("确定放弃")
        gone.locator("[data-drop]").click()
        arrived(page)
    history = town.ask(system, "lead", "GET", f"/incidents/{noted}/history").json
    assert (history[-1]["move"], history[-1]["reason"]) == ("note", "只有落叶")
    assert [photo["move"] for photo in photos_of(system, noted)] == ["note"]


def test_a_report_made_while_the_server_is_killed_arrives_once_though_its_answer_is_lost(
    system: WholeSystem, browser_: Browser
) -> None:
    phones.named_categories(system)
    text = f"井盖缺失 {datetime.now(UTC).timestamp()}"
    sent: list[str | None] = []

    def lose_the_first_answer(route: Route) -> None:
        sent.append(route.request.headers.get("idempotency-key"))
        if len(sent) > 1:
            route.continue_()
            return
        assert route.fetch().status == 201  # the server has it, the phone never hears of it
        route.abort()

    with phones.phone(browser_, system, "inspector", at=(6, 6)) as eyes:
        page = eyes.page
        page.route("**/api/v1/reports", lose_the_first_answer)
        phones.tab(page, "report")
        expect(page.locator("[data-major=市政公用设施]")).to_be_visible()
        phones.shoot(page, phones.picture((90, 90, 10)))
        expect(page.locator("[data-place]")).to_contain_text("WGS84")
        expect(page.locator("[data-place]")).to_contain_text("精度 12 米")
        page.locator("[data-major=市政公用设施]").click()
        page.locator("[data-key='scene/component/01001']").click()
        page.get_by_label("情况说明").fill(text)
        assert system.kill("api")
        page.locator("[data-submit]").click()
        expect(page.locator(".outbox > li[data-way=waiting]")).to_contain_text("待传")
        expect(page.locator(".age.loud")).to_contain_text("没有信号")
        arrived(page)
    assert len(sent) >= 2
    assert len(set(sent)) == 1
    assert sent[0]
    with system.connect() as connection:
        rows = connection.execute(
            "select number, category, cell_code from incident where text = %s", [text]
        ).fetchall()
    assert [tuple(row)[1:] for row in rows] == [("scene/component/01001", scene.cell_code(6, 6))], (
        rows
    )


def test_a_report_that_is_refused_goes_back_into_its_form_with_all_it_had(
    system: WholeSystem, browser_: Browser
) -> None:
    with phones.phone(browser_, system, "inspector", at=(0, 7)) as eyes:
        page = eyes.page
        eyes.expected = (*phones.GONE, "422", "404")
        page.context.clear_permissions()  # no place: the number of a cell that is none
        page.reload()
        phones.tab(page, "report")
        page.get_by_label("单元网格号").fill("99999999999999")
        page.get_by_label("情况说明").fill("路灯不亮")
        phones.shoot(page, phones.picture(GREEN, 800, 600))
        page.locator("[data-submit]").click()
        page.locator(".outbox > li[data-way=stopped] [data-edit]").click()
        expect(page.get_by_label("情况说明")).to_have_value("路灯不亮")
        expect(page.locator(".shots img")).to_have_count(1)
        page.get_by_label("单元网格号").fill(scene.cell_code(0, 7))
        page.locator("[data-submit]").click()
        arrived(page)


def test_a_session_that_ends_loses_nothing_and_the_door_says_what_waits(
    system: WholeSystem, browser_: Browser
) -> None:
    with system.connect() as connection:
        passwords.put(connection, "dept-b", PASSWORD)
    text = f"护栏断裂 {datetime.now(UTC).timestamp()}"
    with phones.stranger(browser_, system) as eyes:
        page = eyes.page
        eyes.expected = (*phones.GONE, "401", "403")
        phones.log_in(page, "dept-b", PASSWORD)
        page.context.set_offline(True)
        expect(page.locator(".age.loud")).to_be_visible()
        phones.tab(page, "report")
        page.get_by_label("情况说明").fill(text)
        page.locator("[data-submit]").click()
        expect(page.locator(".outbox > li[data-way=waiting]")).to_be_visible()
        with system.connect() as connection:  # as an administrator or thirty idle minutes do
            connection.execute("delete from session")
        page.wait_for_timeout(2_100)  # a session is believed for two seconds
        page.context.set_offline(False)
        expect(page.locator(".door")).to_contain_text("1 条待传", timeout=BACK_MS)
        phones.log_in(page, "dept-b", PASSWORD)
        arrived(page)
    with system.connect() as connection:
        told = connection.execute("select count(*) from incident where text = %s", [text])
        assert told.fetchone() == (1,)


def test_a_phone_tells_its_place_on_duty_and_at_no_other_time(
    system: WholeSystem, browser_: Browser
) -> None:
    def where() -> Any:
        items = town.ask(system, "lead", "GET", "/duty?role=inspector").json["items"]
        return next((one["position"] for one in items if one["account"] == "inspector"), None)

    with phones.phone(browser_, system, "inspector") as eyes:
        expect(eyes.page.locator("[data-duty]")).to_contain_text("不在值班")
        assert not [url for url in eyes.requests if url.endswith("/duty/position")]
    now = datetime.now(UTC)
    duty = {
        "account": "inspector",
        "role": "inspector",
        "from": (now - timedelta(hours=1)).isoformat(),
        "to": (now + timedelta(hours=1)).isoformat(),
    }
    planned = town.ask(system, "lead", "POST", "/duty", {"duties": [duty]})
    assert planned.status == 201, planned.body
    try:
        with phones.phone(browser_, system, "inspector", at=(7, 3)) as eyes:
            expect(eyes.page.locator("[data-duty]")).to_contain_text("值班中")
            until(lambda: where() is not None, 20, lambda: f"no position\n{eyes.requests[-9:]}")
        lon, lat = scene.middle(7, 3)
        assert (where()["lon"], where()["lat"]) == pytest.approx((lon, lat), abs=1e-6)
    finally:
        town.ask(system, "lead", "DELETE", f"/duty/{planned.json['ids'][0]}")
