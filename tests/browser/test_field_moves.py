"""The phone page's other moves: what is asked for, given back and done again, in whichever role its holder acts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import phones, town
from tests.journey import scene
from tests.journey.machines import Door
from tests.journey.system import ADMIN_TOKEN, WholeSystem, until

pytestmark = [pytest.mark.real, pytest.mark.slow]

LATE_ROW = 5


def arrived(page: Page, count: int) -> None:
    phones.tab(page, "outbox")
    expect(page.locator(".outbox > li[data-way=sent]")).to_have_count(count, timeout=60_000)
    assert set(phones.ways(page)) == {"sent"}
    phones.tab(page, "tasks")


@pytest.fixture(scope="module", autouse=True)
def time_limits(system: WholeSystem) -> None:
    """A route that gives the work so much time that more can be asked for."""
    town.propose(system, "crew-time", town.LITTER, 3, LATE_ROW)


def test_a_department_asks_for_time_gives_back_and_answers(
    system: WholeSystem, browser_: Browser
) -> None:
    late, wrong, long, urged = (
        phones.dispatched(system, 3, row, f"部门的第 {row} 件") for row in (LATE_ROW, 6, 7, 8)
    )
    phones.move(system, "dept-a", long, move="accept")
    phones.move(system, "lead", urged, move="urge", reason="市民再次来电")
    until = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    with phones.phone(browser_, system, "dept-a") as eyes:
        page = eyes.page
        phones.decide(page, late, "ask_extend", "等配件到货")
        phones.decide(page, wrong, "send_back", "属城管局管辖")
        phones.task(page, long).click()
        page.locator("[data-move=ask_suspend]").click()
        page.get_by_label("说明").fill("汛期后施工")
        page.locator("[data-submit]").click()
        expect(page.get_by_role("alert")).to_contain_text("请选日期")
        page.get_by_label("挂账至").fill(until)
        page.locator("[data-submit]").click()
        phones.decide(page, urged, "answer_urge", "今日完成")
        arrived(page, 4)
        expect(phones.task(page, wrong)).to_have_count(0)
        phones.task(page, late).click()
        expect(page.locator("[data-move=accept]")).to_be_visible()
        expect(page.locator("[data-move=ask_extend]")).to_have_count(0)  # one question at a time
        page.get_by_role("button", name="返回").click()
        phones.move(system, "lead", long, move="grant")
        expect(phones.task(page, long)).to_contain_text("挂账")  # comes in live
        phones.decide(page, long, "resume")
        arrived(page, 5)
    assert phones.incident(system, late)["asked"]["kind"] == "extend"
    given_back = phones.incident(system, wrong)
    assert (given_back["state"], given_back["returned"]["from"]) == ("open", "A")
    assert phones.incident(system, long)["state"] == "handling"
    assert phones.incident(system, urged)["urge"] is None


def test_an_inspector_declines_sends_back_for_rework_and_acts_for_his_department_too(
    system: WholeSystem, browser_: Browser
) -> None:
    declined = phones.to_confirm(system, 7, 6, "够不着的高处")
    again = phones.dispatched(system, 7, 7, "井盖仍在响")
    phones.move(system, "dept-a", again, move="accept")
    phones.move(system, "dept-a", again, move="report_handled", reason="已垫实")
    phones.move(system, "intake", again, move="verify", inspector="inspector")
    own = phones.dispatched(system, 7, 8, "本部门的树枝")
    give_roles(system, [{"role": "department", "department": "A"}])
    try:
        with phones.phone(browser_, system, "inspector", at=(7, 5)) as eyes:
            page = eyes.page
            phones.decide(page, declined, "decline", "没有登高工具")
            expect(phones.task(page, declined)).to_have_count(0)
            phones.decide(page, again, "rework", "仍有响声")
            phones.tab(page, "settings")
            page.locator("[data-role='department/A']").click()
            expect(phones.task(page, own)).to_be_visible()
            expect(phones.task(page, again)).to_contain_text("处置中")
            phones.decide(page, own, "accept")
            arrived(page, 3)
    finally:
        give_roles(system, [])
    assert phones.incident(system, declined)["inspector"] is None
    assert phones.incident(system, again)["reworks"] == 1
    history = town.ask(system, "lead", "GET", f"/incidents/{own}/history").json
    assert (history[-1]["move"], history[-1]["role"]) == ("accept", "department")


def give_roles(system: WholeSystem, roles: list[dict[str, str]]) -> None:
    door = Door(system.url("api"), ADMIN_TOKEN)
    answer = door.ask("PUT", "/api/v1/people/inspector/roles", {"roles": roles})
    assert answer.status == 200, answer.body


def test_a_task_is_sketched_in_its_cell_and_the_sketch_is_there_without_a_signal(
    system: WholeSystem, browser_: Browser
) -> None:
    number = phones.to_confirm(system, 4, 2, "栏杆松动")
    cell = scene.cell_code(4, 2)
    with phones.phone(browser_, system, "inspector", at=(4, 2)) as eyes:
        page = eyes.page
        expect(phones.task(page, number)).to_be_visible()
        until(lambda: page.evaluate(_KEPT, f"cell {cell}"), 20, lambda: "no cell is kept")
        page.context.set_offline(True)
        expect(page.locator(".age.loud")).to_be_visible()
        phones.task(page, number).click()
        sketch = page.locator(f".sketch[data-cell='{cell}'][data-near=true]")
        expect(sketch).to_be_visible()
        assert "Z" in (sketch.locator(".cell").get_attribute("d") or "")
        # Half a kilometre away the cell stays as large as it was, and an arrow says where oneself is.
        lon, lat = scene.middle(9, 2)
        page.context.set_geolocation({"longitude": lon, "latitude": lat, "accuracy": 9.0})
        expect(page.locator(".sketch[data-near=false] .own path")).to_be_visible()
        expect(page.locator(".one")).to_contain_text("西 4")  # some 480 m to the west
        page.context.set_offline(False)


_KEPT = """name => new Promise((done) => {
  const asked = indexedDB.open('yiwang-field');
  asked.onsuccess = () => {
    const got = asked.result.transaction('things').objectStore('things').get(name);
    got.onsuccess = () => { asked.result.close(); done(Boolean(got.result)); };
  };
})"""


def test_who_knows_better_than_his_phone_names_the_cell_he_stands_in(
    system: WholeSystem, browser_: Browser
) -> None:
    cell = scene.cell_code(5, 9)
    with phones.phone(browser_, system, "inspector", at=(5, 8)) as eyes:
        page = eyes.page
        lon, lat = scene.middle(5, 8)
        page.context.set_geolocation({"longitude": lon, "latitude": lat, "accuracy": 900.0})
        phones.tab(page, "report")
        expect(page.locator("[data-unsure]")).to_contain_text("900 米")
        expect(page.locator("[data-in-cell]")).to_contain_text(scene.cell_code(5, 8))
        page.locator("[data-by-hand]").click()
        page.get_by_label("单元网格号").fill(cell)
        page.get_by_label("情况说明").fill("定位偏了一格")
        page.locator("[data-submit]").click()
        expect(page.locator(".outbox > li[data-way=sent]")).to_be_visible(timeout=60_000)
    items = town.ask(system, "lead", "GET", f"/incidents?cell={cell}").json["items"]
    assert "定位偏了一格" in [one["text"] for one in items]
