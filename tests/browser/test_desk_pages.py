"""值班台's other pages on the real stack: several roles, alarm, trial of routes, roster, standards, calendar, decisions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import town
from tests.browser.desks import at_desk, find
from tests.browser.eyes import Watched
from tests.browser.test_common import serious
from tests.journey import scene
from tests.journey.machines import Answer, Door
from tests.journey.system import ADMIN_TOKEN, WholeSystem

pytestmark = [pytest.mark.real, pytest.mark.slow]

ROW = 8
"""The row of cells this file plays in."""
_COUNT_TONES = """
const start = OscillatorNode.prototype.start;
window.tones = 0;
OscillatorNode.prototype.start = function (...when) { window.tones += 1; return start.apply(this, when); };
"""
"""A browser without loudspeakers still starts its tones: they are counted where they start."""


def admin(system: WholeSystem, method: str, path: str, body: object = None) -> Answer:
    return Door(system.url("api"), ADMIN_TOKEN).ask(method, f"/api/v1{path}", body)


@pytest.fixture(scope="module")
def hats(system: WholeSystem, browser_: Browser) -> Iterator[Watched]:
    """An auditor who is a dispatcher and an administrator as well, at the desk."""
    body = {"roles": [{"role": "dispatcher"}, {"role": "administrator"}]}
    assert admin(system, "PUT", "/people/auditor/roles", body).status == 200
    with at_desk(browser_, system, "auditor") as eyes:
        yield eyes
    assert admin(system, "PUT", "/people/auditor/roles", {"roles": []}).status == 200


def act_as(page: Page, role: str) -> None:
    """Pick a role in the head, and wait until the page has begun anew in it."""
    if page.locator("#role").input_value() == role:
        return
    page.evaluate("document.querySelector('[data-loaded]').dataset.before = 'yes'")
    page.locator("#role").select_option(role)
    expect(page.locator("[data-loaded]:not([data-before])")).to_contain_text("已载入")
    expect(page.locator("#role")).to_have_value(role)


def decisions(page: Page, kind: str) -> Locator:
    """The page of one kind of decision, as an administrator."""
    act_as(page, "administrator")
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    page.locator(f"[data-kind={kind}]").click()
    shown = page.locator(f"[data-decision={kind}]")
    expect(shown).to_be_visible()
    return shown


def test_who_holds_several_roles_acts_in_one_and_what_he_may_do_differs_at_once(
    system: WholeSystem, hats: Watched
) -> None:
    page = hats.page
    number = town.report(system, 1, ROW, "等人受理")
    town.ask(system, "lead", "GET", f"/incidents/{number}")
    act_as(page, "auditor")
    find(page, number)
    expect(page.locator(".moves")).to_contain_text("现在没有可办理的")
    act_as(page, "dispatcher")
    find(page, number)
    page.keyboard.press("n")
    expect(page.locator("form[data-move=note]")).to_be_visible()
    page.keyboard.type("兼任派遣员所记")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-done]")).to_contain_text("备注")
    page.reload()
    expect(page.locator("#role")).to_have_value("dispatcher")
    line = town.ask(system, "lead", "GET", f"/incidents/{number}/history").json[-1]
    assert (line["by"], line["role"], line["reason"]) == ("auditor", "dispatcher", "兼任派遣员所记")


def test_a_new_urgent_incident_sounds_and_stands_in_the_title_until_it_is_looked_at(
    system: WholeSystem, browser_: Browser
) -> None:
    with at_desk(browser_, system, "lead") as eyes:
        page = eyes.page
        page.keyboard.press("s")
        expect(page.locator("[data-sound]")).to_have_attribute("aria-pressed", "true")
        page.add_init_script(_COUNT_TONES)
        page.reload()
        expect(page.locator(".age .dot.up")).to_be_visible()
        expect(page.locator("[data-sound]")).to_have_attribute("aria-pressed", "true")
        number = town.flood(system, "E-2", 2, ROW)
        expect(page.locator("[data-badge]")).to_contain_text("1 件新紧急")
        assert page.title().startswith("(1‼)")
        assert page.evaluate("window.tones") == 2
        find(page, number)
        expect(page.locator("[data-badge]")).to_have_count(0)
        assert not page.title().startswith("(")
        page.keyboard.press("s")
        expect(page.locator("[data-sound]")).to_have_attribute("aria-pressed", "false")


def test_routes_are_tried_by_keys_and_nothing_is_created(
    system: WholeSystem, hats: Watched
) -> None:
    page = hats.page
    before = town.ask(system, "lead", "GET", "/incidents?limit=1").json["items"][0]["number"]
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    page.locator("#t-category").focus()
    page.keyboard.type(town.FLOOD)  # a select finds what is typed
    page.keyboard.press("Tab")
    page.keyboard.type(scene.cell_code(3, 2))
    page.keyboard.press("Enter")
    expect(page.locator("[data-trial]")).to_contain_text("甲部门")
    page.locator("#t-area").fill("nowhere")
    page.locator("#t-area").press("Enter")
    expect(page.locator(".trial [role=alert]")).to_contain_text("nowhere")
    after = town.ask(system, "lead", "GET", "/incidents?limit=1").json["items"][0]["number"]
    assert before == after


def test_the_roster_of_a_week_is_planned_shortened_and_stopped(
    system: WholeSystem, browser_: Browser
) -> None:
    here = datetime.now(ZoneInfo("Asia/Shanghai"))
    with at_desk(browser_, system, "lead") as eyes:
        page = eyes.page
        eyes.expected += ("422",)
        page.keyboard.press("Shift+D")
        roster = page.locator(".roster")
        page.locator("#r-account").select_option("inspector")
        expect(page.locator("#r-role")).to_have_value("inspector")
        page.locator("#r-from").fill(f"{here - timedelta(hours=1):%Y-%m-%dT%H:%M}")
        page.locator("#r-days").fill("2")
        page.locator("#r-responsible").fill("nowhere-1")
        page.locator("#r-responsible").press("Enter")
        expect(roster.locator("[data-fault]").first).to_contain_text("duties[0] inspector")
        page.locator("#r-responsible").fill("")
        page.locator("#r-responsible").press("Enter")
        expect(roster.locator("[data-done]")).to_contain_text("已排 2 班")
        expect(roster.locator("[data-now]")).to_contain_text("inspector 网格员")
        assert serious(page) == []
        running = roster.locator(".duty.on").first
        number = running.get_attribute("data-duty")
        running.press("Enter")
        ends = f"{here + timedelta(hours=2):%Y-%m-%dT%H:%M}"
        page.locator("#ends").fill(ends)
        page.locator("#ends").press("Enter")
        expect(roster.locator("[data-done]")).to_contain_text("inspector 的班已改")
        told = {
            str(one["id"]): one for one in town.ask(system, "lead", "GET", "/duty").json["items"]
        }
        assert number in told
        page.locator("[data-remove]").press("Enter")
        page.locator("[data-remove]").press("Enter")
        expect(roster.locator("[data-done]")).to_contain_text("到此为止")
        expect(roster.locator("[data-now]")).not_to_contain_text("inspector 网格员")


def test_standards_are_found_exported_and_imported_with_the_difference_first(
    system: WholeSystem, hats: Watched
) -> None:
    page = hats.page
    hats.expected += ("422",)
    shown = decisions(page, "standards")
    page.locator("#s-words").fill("litter")
    expect(shown.locator("[data-found]")).to_contain_text("1 个类别")
    expect(shown.locator(f"[data-category='{town.LITTER}']")).to_be_visible()
    page.locator("#s-sheet").select_option("departments")
    with page.expect_download() as told:
        page.locator("[data-export=csv]").last.click()
    table = told.value.path().read_text(encoding="utf-8-sig")
    head = table.splitlines()[0]
    columns = head.split(",")

    def row(code: str, name: str) -> str:
        return ",".join([code, name, *[""] * (len(columns) - 2)])

    def give(*rows: str) -> None:
        text = "\r\n".join([*table.splitlines(), *rows]).encode("utf-8-sig")
        page.set_input_files(
            "#s-file", {"name": "部门.csv", "mimeType": "text/csv", "buffer": text}
        )
        page.locator("[data-compare]").click()

    page.locator("[data-partial]").check()
    give(row("C", ""))
    expect(page.locator("[data-fault]").first).to_be_visible()
    give(row("C", "丙部门"))
    change = page.locator("[data-difference] [data-change=added]")
    expect(change).to_contain_text("丙部门")
    assert serious(page) == []
    codes = [one["code"] for one in town.ask(system, "lead", "GET", "/departments").json]
    assert codes == ["A", "B"]
    page.locator("[data-adopt]").click()
    expect(page.locator(".standards [data-done]")).to_contain_text("已采用为第")
    codes = [one["code"] for one in town.ask(system, "lead", "GET", "/departments").json]
    assert codes == ["A", "B", "C"]


def test_a_day_of_the_calendar_is_refused_beside_its_row_and_then_taken(
    system: WholeSystem, hats: Watched
) -> None:
    page = hats.page
    shown = decisions(page, "calendar")
    warned = town.ask(system, "lead", "GET", "/calendar").json["body"]["confirmed_until"]
    expect(page.locator("#c-confirmed")).to_have_value(warned)
    page.locator("[data-add-day]").click()
    day = shown.locator("tr[data-day]").last
    day.locator("input").nth(0).fill("2027-02-31")
    day.locator("input").nth(1).fill("春节")
    day.locator("input").nth(2).fill("测试用的通知")
    page.locator("[data-put]").click()
    expect(day.locator("[data-wrong]")).to_contain_text("2027-02-31")
    assert serious(page) == []
    day.locator("input").nth(0).fill("2027-03-03")
    page.locator("[data-put]").click()
    expect(page.locator(".calendar [data-done]")).to_contain_text("已采用为第")
    body = town.ask(system, "lead", "GET", "/calendar").json["body"]
    assert body["days"][-1]["date"] == "2027-03-03"
    assert len(body["stages"]) == 6


def test_an_edition_of_routes_is_refused_row_by_row_and_taken_when_it_is_sound(
    system: WholeSystem, hats: Watched
) -> None:
    page = hats.page
    decisions(page, "routes")
    text = page.locator("#decision-text")
    sound = text.input_value()
    text.fill("{")
    page.locator("main.decisions form.card button[type=submit]").click()
    expect(page.locator("[data-refused]")).to_contain_text("不是 JSON")
    text.fill(sound.replace('"department": "A"', '"department": "Z"'))
    page.locator("main.decisions form.card button[type=submit]").click()
    expect(page.locator("[data-fault]").first).to_contain_text("routes[")
    text.fill(sound)
    page.locator("main.decisions form.card button[type=submit]").click()
    expect(page.locator(".decisions [data-done]")).to_contain_text("已采用为第")
    assert town.ask(system, "lead", "GET", "/routes").json["author"] == "person:auditor"
