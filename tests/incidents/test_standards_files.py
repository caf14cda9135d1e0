"""Files that are not what they say: each is refused with a reason, none crashes the reader or fills the memory."""

from __future__ import annotations

import io
import time
import zipfile
from datetime import datetime
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from incidents.errors import DecisionRefused
from incidents.standards import workbook_guard
from incidents.standards.grids import (
    LARGEST,
    as_csv,
    as_workbook,
    column_letters,
    quoted,
    read,
    unquoted,
)

ROWS: list[list[Any]] = [["编码 code", "名称 zh"], ["SZ", "市政处"]]


def a_book(rows: list[list[Any]] | None = None) -> bytes:
    return as_workbook({"部门": rows or ROWS})


def with_parts(data: bytes, **parts: bytes) -> bytes:
    """The workbook with some of its parts replaced or added; `__` stands for a slash."""
    out = io.BytesIO()
    named = {name.replace("__", "/"): text for name, text in parts.items()}
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            if entry.filename not in named:
                new.writestr(entry.filename, old.read(entry))
        for name, text in named.items():
            new.writestr(name, text)
    return out.getvalue()


def a_sheet(inside: str) -> bytes:
    """The workbook with this inside the sheet's data."""
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    xml = f'<worksheet xmlns="{space}"><sheetData>{inside}</sheetData></worksheet>'
    return with_parts(a_book(), **{"xl__worksheets__sheet1.xml": xml.encode()})


def written(write: Any) -> bytes:
    """A workbook as another program writes it."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    write(book.add_worksheet("部门"), book)
    book.close()
    return out.getvalue()


def refusal(data: bytes) -> str:
    with pytest.raises(DecisionRefused) as refused:
        read(data)
    assert refused.value.zh
    return refused.value.en


def test_a_good_workbook_is_read() -> None:
    [grid] = read(a_book())
    assert (grid.name, [list(row) for row in grid.rows]) == ("部门", ROWS)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 600, "an old .xls or a file with a password"),
        (b"\xff\xfe" + "编码,名称".encode("utf-16-le"), "is UTF-16"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "neither an .xlsx nor a CSV"),
        (b"%PDF-1.7\n\xff\xff\xff\xff", "neither an .xlsx nor a CSV"),
        (b"a,b\x00c", "neither an .xlsx nor a CSV"),
        (b'a,"b\nc', "is not CSV"),
        (b'a,"b"c\n', "is not CSV"),
        (b"a" * (LARGEST + 1), "over 8 MiB"),
        (b"PK\x03\x04" + b"\x00" * 60, "not a whole .xlsx"),
        (b"," * 70, "more than 50000 rows or 64 columns"),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, reason: str) -> None:
    assert reason in refusal(data)


def test_a_workbook_cut_short_or_with_a_flipped_byte_is_refused() -> None:
    data = a_book()
    assert "not a whole .xlsx" in refusal(data[: len(data) // 2])
    flipped = bytearray(data)
    flipped[data.index(b"xl/worksheets/sheet1.xml") + 60] ^= 0xFF
    assert refusal(bytes(flipped))


def test_another_office_file_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")
    assert "no .xlsx workbook" in refusal(out.getvalue())


def test_a_workbook_with_macros_is_refused() -> None:
    assert "it holds macros" in refusal(with_parts(a_book(), **{"xl__vbaProject.bin": b"\x01"}))


def test_a_zip_bomb_is_refused_before_it_unpacks() -> None:
    data = with_parts(
        a_book(), **{"xl__media__image1.png": b"\0" * (workbook_guard.MOST_UNPACKED + 1)}
    )
    assert len(data) < 1024 * 1024
    assert "unpacks to more than" in refusal(data)


def test_a_zip_that_lies_about_its_sizes_is_refused() -> None:
    data = bytearray(with_parts(a_book(), **{"xl__media__image1.png": b"\0" * 4_000_000}))
    size = (4_000_000).to_bytes(4, "little")
    while (at := data.find(size)) >= 0:
        data[at : at + 4] = (10).to_bytes(4, "little")
    assert "not a whole .xlsx" in refusal(bytes(data))


def test_a_workbook_of_thousands_of_parts_is_refused() -> None:
    parts = {f"xl__media__{n}.png": b"x" for n in range(workbook_guard.MOST_ENTRIES)}
    assert "files inside" in refusal(with_parts(a_book(), **parts))


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ('<row r="1"><c r="A1"/><c r="XFD1048576"><v>1</v></c></row>', "row 1048576"),
        ('<row r="1048576"><c><v>1</v></c></row>', "row 1048576"),
        ("<row>" + "<c><v>1</v></c>" * 65 + "</row>", "column 65"),
        ("<row/>" * 50_001, "row 50001"),
        ('<row r="1"><c r="a1"><v>1</v></c></row>', "no cell is called 'a1'"),
        ('<row r="1"><c r="A1" t="e"><v>#REF!</v></c></row>', "cell A1 holds an error"),
        ('<row r="1"><c r="B7"><f>1+1</f><v>2</v></c></row>', "cell B7 is a formula"),
        ("<row><c></row>", "is not XML"),
    ],
)
def test_a_sheet_that_is_not_a_plain_table_is_refused(inside: str, reason: str) -> None:
    assert reason in refusal(a_sheet(inside))


def test_an_encoding_nobody_knows_changes_nothing() -> None:
    with zipfile.ZipFile(io.BytesIO(a_book())) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml")
    strange = xml.replace(b'encoding="UTF-8"', b'encoding="klingon"')
    assert strange != xml
    assert read(with_parts(a_book(), **{"xl__worksheets__sheet1.xml": strange})) == read(a_book())


def test_entities_are_not_expanded() -> None:
    xml = (
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><worksheet>&b;</worksheet>'
    )
    assert "DOCTYPE" in refusal(with_parts(a_book(), **{"xl__worksheets__sheet1.xml": xml}))


def test_a_sheet_under_the_name_of_a_picture_is_refused() -> None:
    xml = b'<worksheet><sheetData><row r="1048576"/></sheetData></worksheet>'
    assert "should not be XML" in refusal(with_parts(a_book(), **{"xl__media__sheet.png": xml}))


def test_merged_cells_are_refused_with_their_place() -> None:
    def merged(sheet: Any, _: Any) -> None:
        sheet.write_row(0, 0, ["编码 code", "名称 zh"])
        sheet.merge_range(1, 0, 1, 1, "市政处")

    assert "部门!A2: cells are merged" in refusal(written(merged))


def test_a_formula_another_program_wrote_is_refused_with_its_place() -> None:
    assert "cell A1 is a formula" in refusal(
        written(lambda sheet, _: sheet.write_formula(0, 0, "=1+1"))
    )


def test_days_of_a_workbook_are_days() -> None:
    def dated(sheet: Any, book: Any) -> None:
        style = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_datetime(0, 0, datetime(2026, 7, 1), style)  # noqa: DTZ001
        sheet.write_datetime(1, 0, datetime(2026, 7, 1, 8, 30), style)  # noqa: DTZ001

    [grid] = read(written(dated))
    assert [str(row[0]) for row in grid.rows] == ["2026-07-01", "2026-07-01 08:30:00"]


def test_nothing_an_export_writes_is_a_formula_or_a_link() -> None:
    rows: list[list[Any]] = [["名称 zh"], ["=1+1"], ["http://x.test"], ["@a"], ["+1"], ["{=1}"]]
    data = as_workbook({"部门": rows})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    assert b"hyperlink" not in sheet
    lines = as_csv(rows).decode("utf-8-sig").split("\r\n")
    assert lines[:6] == ["名称 zh", "'=1+1", "http://x.test", "'@a", "'+1", "{=1}"]


def test_the_same_rows_are_the_same_bytes() -> None:
    def written_at(second: int) -> bytes:
        time.sleep(second)
        return a_book()

    assert written_at(0) == written_at(1)


@given(st.text(max_size=8))
def test_quoting_is_undone_exactly_and_leaves_no_formula(text: str) -> None:
    assert unquoted(quoted(text)) == text
    assert quoted(text)[:1] not in set("=+-@\t\r") or not text


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for given_ in (data, b"PK\x03\x04" + data):
        try:
            read(given_)
        except DecisionRefused as refused:
            assert refused.zh  # noqa: PT017 - it may be refused, it need not be


@given(st.data())
def test_any_damage_to_a_workbook_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(a_book())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        read(bytes(whole))
    except DecisionRefused as refused:
        assert refused.zh  # noqa: PT017


def test_a_name_inside_that_is_not_the_utf8_it_says_is_a_broken_workbook() -> None:
    whole = bytearray(a_book())
    whole[7] |= 0x08  # the first entry's own header: its name is UTF-8
    whole[30] = 0xAD
    with pytest.raises(DecisionRefused, match="open it in Excel"):
        read(bytes(whole))


def test_columns_are_lettered_like_a_spreadsheet_s() -> None:
    assert [column_letters(n) for n in (0, 25, 26, 63, 701, 702)] == [
        "A",
        "Z",
        "AA",
        "BL",
        "ZZ",
        "AAA",
    ]
