"""Incidents as Excel and PDF: the same incidents, names and times as the lists, and for each role no word more."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from python_calamine import CalamineWorkbook
from starlette.testclient import TestClient

from api.access import DESK
from api.incident_files import PDF, PHOTOS, XLSX
from api.objects import Objects
from incidents.lifecycle import Role
from incidents.postgres.listing import COLUMNS
from tests.api.photos import a_photo, sent
from tests.api.town import COVER, ROLES, Town, dispatched, move, report, token

pytestmark = pytest.mark.real

PHONE = "13812345678"
FORMS = {"xlsx": XLSX, "pdf": PDF}


def taken(client: TestClient, path: str, form: str, who: str = "shift_lead") -> Any:
    """The answer to somebody who wants a file."""
    return client.get(f"/api/v1{path}", headers={**token(who), "Accept": FORMS[form]})


def words(answer: Any) -> str:
    """All that can be read in a file, without the breaks of its lines."""
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"] == PDF:
        pages = list(pypdfium2.PdfDocument(answer.content))
        text = "".join(page.get_textpage().get_text_bounded() for page in pages)
    else:
        text = "\n".join(str(cell) for rows in sheets(answer).values() for r in rows for cell in r)
    return "".join(text.split())


def sheets(answer: Any) -> dict[str, list[list[Any]]]:
    """The cells of a workbook by sheet."""
    assert answer.headers["content-type"] == XLSX
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


@pytest.fixture(scope="module")
def number(client: TestClient, town: Town) -> str:
    """An incident that a department has, of a person who gave his name."""
    who = {"name": "王先生", "phone": PHONE}
    found = dispatched(
        client, town.departments[0], 2, 2, category=COVER, text="井盖缺失，有坠落危险", reporter=who
    )
    assert move(client, "department", found, "accept").status_code == 200
    return found


def test_a_list_as_excel_has_what_json_has_with_names_beside_the_codes(
    client: TestClient, number: str
) -> None:
    formula = report(client, 5, 5, text='=HYPERLINK("http://x","y")')
    items = client.get("/api/v1/incidents?limit=1000", headers=token("shift_lead")).json()["items"]
    answer = taken(client, "/incidents?limit=1000", "xlsx")
    assert 'filename="incidents-' in answer.headers["content-disposition"]
    mark, heads, *rows = sheets(answer)["案件"]
    assert mark[0].startswith("导出人 shift_lead · 20")
    assert len(heads) == len(COLUMNS) + 2
    assert heads[:5] == [
        "编号\nnumber",
        "状态\nstate",
        "版次\nversion",
        "类别\ncategory",
        "类别编码\ncategory code",
    ]
    listed = {row[0]: row for row in rows}
    assert list(listed) == [one["number"] for one in items]
    assert listed[number][1] == "处置中"
    assert listed[number][4] == COVER
    assert listed[number][3] != COVER
    assert (
        listed[formula][5] == '=HYPERLINK("http://x","y")'
    )  # a text: calamine tells a formula's value


def test_a_list_as_pdf_names_every_incident_and_says_where_it_is_cut(
    client: TestClient, number: str
) -> None:
    report(client, 6, 6)
    whole = words(taken(client, "/incidents?limit=1000", "pdf"))
    items = client.get("/api/v1/incidents?limit=1000", headers=token("shift_lead")).json()["items"]
    assert all(one["number"] in whole for one in items)
    assert "井盖缺失，有坠落危险" in whole
    assert f"{len(items)}件" in whole
    assert "其后还有" not in whole
    assert "导出人shift_lead" in whole
    assert "第1页" in whole
    assert "前1件，其后还有" in words(taken(client, "/incidents?limit=1", "pdf"))


@pytest.mark.parametrize("form", FORMS)
def test_one_incident_as_a_file_tells_its_clocks_its_history_and_its_reports(
    client: TestClient, number: str, form: str
) -> None:
    answer = taken(client, f"/incidents/{number}", form)
    assert f'filename="incident-{number}.{form}"' in answer.headers["content-disposition"]
    text = words(answer)
    for told in (number, "处置中", "井盖缺失，有坠落危险", "立案", "派遣", "签收", "上报", "处置", "王先生"):  # fmt: skip
        assert told in text, told
    history = client.get(f"/api/v1/incidents/{number}/history", headers=token("auditor")).json()
    if form == "xlsx":
        found = sheets(answer)
        assert [row[0] for row in found["流转"][2:]] == [line["seq"] for line in history]
        clocks = {row[0]: row for row in found["计时"][2:]}
        assert clocks["处置"][1] == "在走"
        assert len(found["上报"]) == 3


@pytest.mark.parametrize("form", FORMS)
def test_who_reported_stands_in_a_file_for_the_desk_only(
    client: TestClient, number: str, form: str
) -> None:
    for role in ROLES:
        answer = taken(client, f"/incidents/{number}", form, role)
        if role in {Role.WALL, Role.INGEST}:
            assert answer.status_code == (406 if role is Role.WALL else 403)
            continue
        assert (PHONE in words(answer)) is (role in DESK), role
        assert PHONE not in words(taken(client, "/incidents?limit=1000", form, role)), role


@pytest.mark.parametrize("form", FORMS)
def test_a_file_holds_no_incident_and_no_word_that_the_list_hides(
    client: TestClient, town: Town, number: str, form: str
) -> None:
    foreign = dispatched(client, town.departments[1], 3, 3, text="只给邻居看的话")
    listed = words(taken(client, "/incidents?limit=1000", form, "department"))
    assert number in listed
    assert foreign not in listed
    assert "只给邻居看的话" not in listed
    assert taken(client, f"/incidents/{foreign}", form, "department").status_code == 403
    wall = words(taken(client, "/incidents?limit=1000", form, "wall"))
    assert foreign in wall
    assert "只给邻居看的话" not in wall
    assert "person:" not in wall


def test_what_people_write_is_text_on_paper_however_long_and_never_markup(
    client: TestClient,
) -> None:
    text = '<img src="file:///etc/passwd"/> & <b>粗</b> </para> 😀\x0b' + "路面积水很深。" * 400
    number = report(client, 7, 7, text=text)
    reason = "<font color='red'>理由" + "写得很长。" * 700
    assert move(client, "intake_officer", number, "void", reason=reason).status_code == 200
    read = words(taken(client, f"/incidents/{number}", "pdf"))
    assert '<imgsrc="file:///etc/passwd"/>&<b>粗</b></para>〓〓' in read
    assert read.count("路面积水很深。") >= 400
    assert read.count("写得很长。") >= 690
    assert "root:" not in read
    assert "—完—" in read


def photos_of(answer: Any) -> list[tuple[int, int]]:
    """The sizes in pixels of the photos of a PDF, in the order of its pages."""
    images = (pypdfium2.raw.FPDF_PAGEOBJ_IMAGE,)
    return [
        one.get_px_size()
        for page in pypdfium2.PdfDocument(answer.content)
        for one in page.get_objects(filter=images)
    ]


def camera(width: int, height: int) -> bytes:
    """A photo of that size that nobody sent before."""
    return a_photo(width, height, comment=os.urandom(8).hex().encode())


@pytest.fixture
def objects(client: TestClient) -> Iterator[Objects]:
    """The store of photos; whatever a test puts in its place goes."""
    parts = client.app.state.parts  # type: ignore[attr-defined]
    whole = parts.objects
    yield whole
    parts.objects = whole


def shown_before_and_after(client: TestClient, town: Town, column: int) -> tuple[str, list[str]]:
    """An incident with a photo from before and one from after the work: its number, the photos."""
    number = dispatched(client, town.departments[0], column, 6)
    assert move(client, "department", number, "accept").status_code == 200
    before = sent(client, camera(1200, 900), "department", kind="before")
    noted = move(client, "department", number, "note", media=[before], reason="到场")
    assert noted.status_code == 200, noted.text
    after = sent(client, camera(900, 1200), "department", kind="after")
    handled = move(client, "department", number, "report_handled", media=[after])
    assert handled.status_code == 200, handled.text
    return number, [before, after]


def test_on_paper_photos_stand_small_with_stage_move_time_and_by_whom(
    client: TestClient, town: Town
) -> None:
    number, _ = shown_before_and_after(client, town, 1)
    answer = taken(client, f"/incidents/{number}", "pdf", "department")
    assert photos_of(answer) == [(640, 480), (480, 640)]
    read = words(answer)
    assert "照片2张Photos" in read
    assert "处置前·处置中·备注" in read
    assert "处置后·处置中·" in read
    assert read.count("·department") >= 2
    assert len(answer.content) < 400_000
    listed = taken(client, "/incidents?limit=1000", "pdf")
    assert photos_of(listed) == []
    assert taken(client, f"/incidents/{number}", "pdf", "neighbour").status_code == 403
    assert taken(client, f"/incidents/{number}", "pdf", "wall").status_code == 406


def test_a_photo_that_is_gone_damaged_or_out_of_reach_is_said_and_the_paper_is_made(
    client: TestClient, town: Town, objects: Objects
) -> None:
    number, (before, after) = shown_before_and_after(client, town, 2)
    objects.remove(before)
    answer = taken(client, f"/incidents/{number}", "pdf")
    assert "照片文件已遗失" in words(answer)
    assert photos_of(answer) == [(480, 640)]
    objects.remove(after)
    objects.put(after, b"\xff\xd8\xff no photo", b"")
    assert "照片文件已损坏" in words(taken(client, f"/incidents/{number}", "pdf"))
    away = Objects.at("s3://nowhere/photos?", Path())
    client.app.state.parts.objects = away  # type: ignore[attr-defined]
    answer = taken(client, f"/incidents/{number}", "pdf")
    assert words(answer).count("照片存储此刻无应答") == 2
    assert "—完—" in words(answer)


def test_of_very_many_photos_the_newest_stand_on_paper_and_it_says_how_many_there_are(
    client: TestClient,
) -> None:
    number = report(client, 8, 6)
    for batch in (range(9), range(9, 18), range(18, PHOTOS + 1)):
        media = [sent(client, camera(320 + n, 240), "intake_officer") for n in batch]
        noted = move(client, "intake_officer", number, "note", media=media, reason="补")
        assert noted.status_code == 200, noted.text
    answer = taken(client, f"/incidents/{number}", "pdf")
    assert f"照片{PHOTOS + 1}张（最近{PHOTOS}张）" in words(answer)
    assert len(photos_of(answer)) == PHOTOS
