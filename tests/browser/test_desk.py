"""值班台 on the real stack: an officer's day by keyboard, another officer who was first, a server that is gone and back."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from pypdfium2 import PdfDocument
from python_calamine import CalamineWorkbook

from tests.browser import town
from tests.browser.desks import at_desk, find, moves, search, state_of
from tests.browser.eyes import Watched
from tests.browser.test_common import serious
from tests.journey.system import WholeSystem, until

pytestmark = [pytest.mark.real, pytest.mark.slow]

ROW = 9
"""The row of cells this file plays in: there a flood is the dispatcher's to send out."""


@pytest.fixture(scope="module", autouse=True)
def routes(system: WholeSystem) -> None:
    """A route that proposes and does not dispatch by itself."""
    town.propose(system, "desk-water", town.FLOOD, 0, ROW)


@pytest.fixture(scope="module")
def officer(system: WholeSystem, browser_: Browser) -> Iterator[Watched]:
    """A dispatcher at the desk."""
    with at_desk(browser_, system, "dispatcher") as eyes:
        yield eyes


def test_an_officer_sees_a_sensor_incident_appear_and_dispatches_it_by_keyboard_only(
    system: WholeSystem, officer: Watched
) -> None:
    page = officer.page
    number = town.flood(system, "D-3", 3, ROW)
    expect(page.locator(f".queue-row[data-number='{number}']")).to_contain_text("紧急")
    expect(page.locator("[data-badge]")).to_be_visible()
    assert state_of(system, number) == ("open", None)
    find(page, number)
    expect(page.locator(".curve [data-level=raise]")).to_contain_text("27")
    expect(page.locator("[data-clock=dispatch]")).to_be_visible()
    expect(page.locator("[data-source]")).to_have_text("监测报警 · flood")
    page.keyboard.press("d")
    expect(page.locator("[data-proposal]")).to_contain_text("甲部门")
    page.keyboard.press("Enter")
    expect(page.locator("[data-done]")).to_contain_text("派遣")
    expect(page.locator("[data-state]")).to_contain_text("已派遣")
    assert state_of(system, number) == ("dispatched", "A")
    history = town.ask(system, "lead", "GET", f"/incidents/{number}/history").json
    assert [(one["move"], one["by"]) for one in history][-1] == ("dispatch", "dispatcher")


def test_axe_finds_no_serious_fault_with_an_incident_and_the_keys_open(
    system: WholeSystem, officer: Watched
) -> None:
    page = officer.page
    find(page, town.report(system, 9, ROW))
    expect(page.locator(".timeline li").first).to_be_visible()
    assert serious(page) == []
    page.keyboard.press("?")
    expect(page.locator("dialog.help")).to_contain_text("下一件")
    assert serious(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("dialog.help")).to_have_count(0)


def test_of_two_officers_the_second_sees_what_the_first_did_keeps_his_words_and_goes_on(
    system: WholeSystem, browser_: Browser
) -> None:
    number = town.flood(system, "D-4", 4, ROW)
    with at_desk(browser_, system, "dispatcher", mute=True) as eyes:
        page = eyes.page
        find(page, number)
        page.keyboard.press("d")
        expect(page.locator("#f-department")).to_have_value("A")
        page.locator("#f-reason").press_sequentially("值守电话已核")
        moves(system, "lead", number, "dispatch", department="B", reason="先到先办")
        page.keyboard.press("Control+Enter")
        conflict = page.locator("[data-conflict]")
        expect(conflict).to_contain_text("乙部门")
        expect(conflict).to_contain_text("lead")
        expect(page.locator("#f-reason")).to_have_value("值守电话已核")
        assert state_of(system, number) == ("dispatched", "B")
        page.locator("[data-go-on]").press("Enter")
        expect(page.locator("#f-reason")).to_have_value("值守电话已核")
        page.locator("#f-department").press("Control+Enter")
        expect(page.locator("[data-done]")).to_contain_text("改派")
    assert state_of(system, number) == ("dispatched", "A")


def test_one_more_report_meanwhile_is_no_conflict_the_move_is_made_on_top_of_it(
    system: WholeSystem, browser_: Browser
) -> None:
    number = town.flood(system, "D-1", 1, ROW)
    with at_desk(browser_, system, "dispatcher", mute=True) as eyes:
        page = eyes.page
        find(page, number)
        page.keyboard.press("d")
        expect(page.locator("#f-department")).to_have_value("A")
        town.hear(system, "D-1", 12.0)
        town.hear(system, "D-1", 33.0)

        def joined() -> bool:
            told = town.ask(system, "lead", "GET", f"/incidents/{number}").json
            return bool(told["reports"] == 2)

        until(joined, 20, lambda: f"not joined\n{system.explain()}")
        page.keyboard.press("Enter")
        expect(page.locator("[data-done]")).to_contain_text("派遣")
        assert any("412" in one for one in eyes.errors), "the version had not moved"
    assert state_of(system, number) == ("dispatched", "A")


def test_what_was_sent_while_the_server_was_killed_is_made_once_when_it_is_back(
    system: WholeSystem, browser_: Browser
) -> None:
    number = town.flood(system, "D-5", 5, ROW)
    with at_desk(browser_, system, "lead") as eyes:
        page = eyes.page
        find(page, number)
        page.keyboard.press("u")
        expect(page.locator("form[data-move=urge] textarea")).to_be_focused()
        page.keyboard.type("请尽快派遣")
        system.kill("api")
        with system.absent("api"):
            page.keyboard.press("Control+Enter")
            expect(page.locator("[data-waiting]")).to_be_visible()
            expect(page.locator("form[data-move=urge]")).to_have_count(0)  # the hands are free
            expect(page.locator(".age.loud [data-trouble=server]")).to_be_visible()
            expect(page.locator(f"[data-one='{number}'] [data-state]")).to_contain_text("已立案")
        until(system.ready, 60, lambda: f"not back\n{system.explain()}")
        expect(page.locator("[data-done]")).to_contain_text("督办", timeout=60_000)
        expect(page.locator(".age.loud")).to_have_count(0, timeout=60_000)
    history = town.ask(system, "lead", "GET", f"/incidents/{number}/history").json
    assert [one["reason"] for one in history if one["move"] == "urge"] == ["请尽快派遣"]


def test_the_order_holds_still_under_the_cursor_and_what_is_new_is_announced(
    system: WholeSystem, officer: Watched
) -> None:
    page = officer.page
    for _ in range(2):
        town.report(system, 9, ROW, "先来后到")
    search(page, "先来后到")
    rows = page.locator(".queue-row")
    expect(rows.nth(1)).to_be_visible()
    page.keyboard.press("j")
    shown = page.locator(".queue-row").evaluate_all("all => all.map(one => one.dataset.number)")
    number = town.report(system, 6, ROW, "先来后到：井盖缺失 / 无人看管")
    expect(page.locator("[data-fresh]")).to_contain_text("1")
    assert (
        page.locator(".queue-row").evaluate_all("all => all.map(one => one.dataset.number)")
        == shown
    )
    page.keyboard.press("r")
    # What people write is no sentence in two tongues: it stands as it was said.
    expect(page.locator(f".queue-row[data-number='{number}']")).to_contain_text("/ 无人看管")


def test_after_what_left_the_list_comes_the_next_and_keys_mean_only_what_is_listed(
    system: WholeSystem, browser_: Browser
) -> None:
    numbers = [town.report(system, column, ROW, "鱼贯受理") for column in (1, 2, 3)]
    with at_desk(browser_, system, "intake") as eyes:
        page = eyes.page
        wanted = json.dumps({"q": "鱼贯受理", "state": ["reported"]})
        page.evaluate("hash => { location.hash = hash; location.reload(); }", quote(wanted))
        expect(page.locator(".queue-row")).to_have_count(3)
        for _ in range(2):
            page.keyboard.press("j")
        expect(page.locator(f"[data-one='{numbers[1]}'] [data-state]")).to_be_visible()
        page.keyboard.press("o")
        expect(page.locator("form[data-move=open]")).to_be_visible()
        page.keyboard.press("Control+Enter")
        expect(page.locator("[data-done]")).to_contain_text("立案")
        page.keyboard.press("r")
        expect(page.locator(".queue-row")).to_have_count(2)
        page.keyboard.press("j")
        expect(page.locator(f"[data-one='{numbers[2]}'] [data-state]")).to_be_visible()
        page.keyboard.press("3")
        expect(page.locator("[data-one]")).to_have_count(0)
        page.keyboard.press("o")
        expect(page.locator("form[data-move]")).to_have_count(0)


def test_many_are_moved_at_once_after_a_preview_and_each_result_is_said(
    system: WholeSystem, browser_: Browser
) -> None:
    numbers = [town.report(system, column, ROW, "批量不予立案") for column in (7, 8)]
    with at_desk(browser_, system, "intake") as eyes:
        page = eyes.page
        all_of(page, "批量不予立案", 2, "void")
        expect(page.locator("[data-summary]")).to_contain_text("2 件可以")
        assert serious(page) == []
        page.locator("#f-reason").fill("重复上报")
        # One of them is taken in by somebody else between the preview and the deed.
        moves(system, "lead", numbers[0], "open")
        page.locator("#f-reason").press("Control+Enter")
        expect(page.locator("[data-summary]")).to_contain_text("成功 1 件，失败 1 件")
        expect(page.locator("tr[data-result=failed]")).to_contain_text("他人已先办理")
    assert [state_of(system, number)[0] for number in numbers] == ["open", "void"]


def test_many_are_dispatched_each_to_its_proposed_department_and_one_without_is_left(
    system: WholeSystem, browser_: Browser
) -> None:
    town.propose(system, "bulk-litter", town.LITTER, 0, 8)
    proposed = [town.report(system, column, 8, "各归各部门") for column in (1, 5)]
    alone = town.report(system, 1, 7, "各归各部门")
    for number in (*proposed, alone):
        moves(system, "lead", number, "open")
    with at_desk(browser_, system, "dispatcher") as eyes:
        page = eyes.page
        all_of(page, "各归各部门", 3, "dispatch")
        page.locator("#f-department").select_option(label="各派往路由建议的部门")
        expect(page.locator("[data-summary]")).to_contain_text("2 件可以，1 件不可以")
        expect(page.locator("[data-summary]")).to_contain_text("1 件没有建议")
        for number in proposed:
            line = page.locator("dialog.bulk tr", has_text=number)
            expect(line.locator("[data-each]")).to_contain_text("→ 甲部门")
        expect(page.locator("dialog.bulk tr", has_text=alone)).to_contain_text("没有路由建议")
        assert serious(page) == []
        page.locator("#f-reason").press("Control+Enter")
        expect(page.locator("[data-summary]")).to_contain_text("成功 2 件，失败 0 件")
    for number in proposed:
        assert state_of(system, number) == ("dispatched", "A")
    assert state_of(system, alone) == ("open", None)


def test_a_shift_is_left_with_its_list_and_signed_by_the_next(
    system: WholeSystem, officer: Watched, browser_: Browser
) -> None:
    page = officer.page
    page.keyboard.press("Escape")
    page.keyboard.press("h")
    page.locator("#note").fill("北闸街道积水待复查")
    page.locator("[data-leave]").click()
    expect(page.locator("[data-opened]")).to_contain_text("北闸街道积水待复查")
    told = town.ask(system, "lead", "GET", "/handovers?waiting=true").json["items"][0]
    opened = page.locator("[data-opened] .counts li").first
    expect(opened).to_have_text(re.compile(rf"{told['counts']['open']}\s*未结"))
    with at_desk(browser_, system, "lead") as eyes:
        eyes.page.keyboard.press("h")
        eyes.page.locator(f"[data-handover='{told['id']}'] button").click()
        eyes.page.locator("[data-sign]").click()
        expect(eyes.page.locator(f"[data-handover='{told['id']}']")).to_have_attribute(
            "data-signed", "true"
        )
        assert serious(eyes.page) == []
    page.keyboard.press("q")


def test_a_department_accepts_and_gives_back_by_keys_and_the_dispatcher_sees_it_given_back(
    system: WholeSystem, officer: Watched, browser_: Browser
) -> None:
    number = town.flood(system, "D-2", 2, ROW)
    moves(system, "lead", number, "dispatch", department="A")
    with at_desk(browser_, system, "dept-a") as eyes:
        page = eyes.page
        find(page, number)
        page.keyboard.press("a")
        expect(page.locator("form[data-move=accept]")).to_be_visible()
        page.keyboard.press("Control+Enter")
        expect(page.locator("[data-state]")).to_contain_text("处置中")
        page.keyboard.press("b")
        expect(page.locator("form[data-move=send_back]")).to_be_visible()
        page.keyboard.press("Control+Enter")
        expect(page.locator(".move-form [role=alert]")).to_contain_text("理由")
        page.keyboard.type("不属本部门")
        page.keyboard.press("Control+Enter")
        expect(page.locator("[data-done]")).to_contain_text("回退")
    officer.page.keyboard.press("6")
    row = officer.page.locator(f".queue-row[data-number='{number}']")
    expect(row).to_contain_text("已立案")
    row.click()
    expect(officer.page.locator("[data-returned]")).to_contain_text("不属本部门")


def test_a_photo_is_seen_a_filter_is_kept_and_the_list_is_a_file(
    system: WholeSystem, officer: Watched
) -> None:
    page = officer.page
    number = town.report(system, 0, ROW, "缆桩损坏，附照片")
    path = f"/api/v1/media?kind=scene&incident={number}"
    sent = town.door(system, "intake").ask("POST", path, jpeg(), {"Content-Type": "image/jpeg"})
    assert sent.status == 201, sent.body
    find(page, number)
    photo = page.locator(".photos li img")
    expect(photo).to_be_visible()
    assert photo.evaluate("one => one.decode().then(() => one.naturalWidth)") == 120
    page.locator("#filter-name").fill("缆桩")
    page.locator("#filter-name").press("Enter")
    page.reload()
    expect(page.locator(f".queue-row[data-number='{number}']")).to_be_visible()
    page.keyboard.press("1")
    page.get_by_role("button", name="缆桩", exact=True).click()
    expect(page.locator(".queue-row")).to_have_count(1)
    lines = saved(page, "[data-export=csv]").decode().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(number)
    book = CalamineWorkbook.from_filelike(io.BytesIO(saved(page, "[data-export=xlsx]")))
    assert [row[0] for row in book.get_sheet_by_index(0).to_python()[2:]] == [number]
    assert number in read(saved(page, "[data-export=pdf]"))
    find(page, number)
    assert "缆桩损坏" in read(saved(page, "[data-file=pdf]"))
    page.keyboard.press("1")


def test_only_the_incident_stands_on_printed_paper_with_who_printed_it(
    system: WholeSystem, officer: Watched
) -> None:
    page = officer.page
    number = town.report(system, 9, ROW)
    find(page, number)
    expect(page.locator(f"[data-one='{number}'] .timeline li").first).to_be_attached()
    expect(page.locator("[data-source]")).to_have_text("公众举报 · intake 登记")
    printed = read(page.pdf())
    assert number in printed
    assert "打印于" in printed
    assert "dispatcher" in printed
    for beside in ("班板", "可办理", "导出"):
        assert beside not in printed


def all_of(page: Page, words: str, count: int, move: str) -> None:
    """By keys: so many that have these words, together, and what is to be done with them."""
    search(page, words)
    expect(page.locator(".queue-row")).to_have_count(count)
    page.keyboard.press("Shift+A")
    page.keyboard.press("Shift+B")
    page.locator(f"[data-bulk={move}]").click()


def saved(page: Page, button: str) -> bytes:
    """The file that a button saves."""
    with page.expect_download() as told:
        page.locator(button).click()
    return told.value.path().read_bytes()


def read(pdf: bytes) -> str:
    """The words of a PDF, without the breaks of its lines."""
    pages = list(PdfDocument(pdf))
    return "".join("".join(p.get_textpage().get_text_bounded() for p in pages).split())


def jpeg() -> bytes:
    """A small photo that nobody has sent yet."""
    kept = io.BytesIO()
    Image.frombytes("RGB", (120, 90), os.urandom(120 * 90 * 3)).save(kept, "JPEG")
    return kept.getvalue()


FILL = """
insert into incident (number, state, version, category, source, first_event_at, last_event_at, reported_at, changed_at,
                      due_at)
select '8' || lpad(n::text, 18, '0'), 'open', 1, %(category)s, 'person:intake', now(), now(), now(), now(),
       now() + n * interval '1 minute'
  from generate_series(1, 2500) n
"""


def test_however_long_the_queue_only_what_is_in_sight_stands_in_the_page(
    system: WholeSystem, officer: Watched
) -> None:
    page = officer.page
    with system.connect() as connection:
        connection.execute(FILL, {"category": town.LITTER})
    try:
        page.keyboard.press("5")
        expect(page.locator(".queue-row").nth(5)).to_be_visible()

        def to_the_end() -> bool:
            page.keyboard.press("End")
            return "下滚" not in page.locator("[data-loaded]").inner_text()

        until(to_the_end, 20, lambda: page.locator("[data-loaded]").inner_text())
        page.keyboard.press("End")
        last = page.locator(f".queue-row[data-number='8{2500:018}']")
        expect(last).to_be_visible()
        assert page.locator(".queue-row").count() < 40
    finally:
        with system.connect() as connection:
            connection.execute("delete from incident where number like '8%'")
        page.keyboard.press("1")
