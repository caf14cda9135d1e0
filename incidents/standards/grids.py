"""Files as grids of cells, and back: .xlsx and .csv read with every defence, written so that nothing in them is a formula.

Bytes in, cells out; what the cells mean is `sheets`' and `reading`'s business. Nothing is opened by name here.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

import xlsxwriter  # type: ignore[import-untyped]
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from incidents.errors import DecisionRefused
from incidents.standards.sheets import Cell
from incidents.standards.workbook_guard import MOST_COLUMNS, MOST_ROWS, inspect

LARGEST = 8 * 1024 * 1024
"""Bytes of a file: fifty times the standards of a large city."""
_FORMULA = re.compile(r"[=+\-@\t\r']")
_NO_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 - the same rows are the same bytes, whenever they are written
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class Grid:
    """One sheet of a file: its name, and its rows from the first on."""

    name: str
    rows: tuple[tuple[Cell, ...], ...]


def read(data: bytes) -> tuple[Grid, ...]:
    """The sheets of a file, told by its first bytes; DecisionRefused with what is wrong with it and what to do."""
    if not data:
        raise refused("文件是空的", "the file is empty")
    if len(data) > LARGEST:
        raise refused(f"文件大于 {LARGEST >> 20} MiB", f"the file is over {LARGEST >> 20} MiB")
    if data.startswith(b"PK"):
        return _workbook(data)
    if data.startswith(_OLD_EXCEL):
        raise refused(
            "是旧版 Excel（.xls）或加了密码的文件；请不加密码另存为 .xlsx",
            "this is an old .xls or a file with a password: save it as .xlsx without one",
        )
    return (Grid("", _records(_text(data))),)


def refused(zh: str, en: str, faults: Sequence[tuple[str, str]] = ()) -> DecisionRefused:
    """A file that cannot be taken, as a refusal of the standards."""
    return DecisionRefused(zh=zh, en=en, kind="standards", faults=tuple(faults))


def _workbook(data: bytes) -> tuple[Grid, ...]:
    inspect(data)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        return tuple(_grid(book.get_sheet_by_name(name)) for name in book.sheet_names)
    except (CalamineError, ValueError) as fault:
        raise refused(
            f"不是能读的 .xlsx（{fault}）", f"not a readable .xlsx workbook ({fault})"
        ) from fault


def _grid(sheet: CalamineSheet) -> Grid:
    merged = sheet.merged_cell_ranges or ()
    if merged:
        (top, left), _ = merged[0]
        where = f"{sheet.name}!{column_letters(left)}{top + 1}"
        raise refused(
            f"{where} 处有合并单元格；表头占第 1 行，每行每列一格，请取消合并",
            f"{where}: cells are merged; headings stand in row 1, one cell each: undo the merging",
            [(where, "合并单元格 / merged cells")],
        )
    rows = sheet.to_python(skip_empty_area=False)
    return Grid(sheet.name, tuple(tuple(_cell(one) for one in row) for row in rows))


def _cell(value: object) -> Cell:
    if isinstance(value, datetime):  # a day, unless an hour was meant
        return value.date() if value.time() == time() else str(value)
    if value is None or isinstance(value, str | int | float | date):
        return value
    return str(value)


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refused(
            "CSV 是 UTF-16 编码；请另存为“CSV UTF-8”", "the CSV is UTF-16: save it as CSV UTF-8"
        )
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text
    raise refused(
        "不是 .xlsx，也不是 UTF-8 或 GB18030 的 CSV",
        "neither an .xlsx nor a CSV in UTF-8 or GB18030",
    )


def _records(text: str) -> tuple[tuple[Cell, ...], ...]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[Cell, ...]] = []
    try:
        for record in reader:
            rows.append(tuple(unquoted(cell) for cell in record))
            if len(rows) > MOST_ROWS or len(record) > MOST_COLUMNS:
                raise refused(
                    f"多于 {MOST_ROWS} 行或 {MOST_COLUMNS} 列",
                    f"more than {MOST_ROWS} rows or {MOST_COLUMNS} columns",
                )
    except csv.Error as fault:
        raise refused(
            f"第 {reader.line_num} 行不合 CSV 格式（{fault}）",
            f"line {reader.line_num} is not CSV ({fault})",
        ) from fault
    return tuple(rows)


def quoted(text: str) -> str:
    """A CSV cell that no spreadsheet takes for a formula; an apostrophe that was there gets one more."""
    return f"'{text}" if _FORMULA.match(text) else text


def unquoted(text: str) -> str:
    """What `quoted` was given."""
    return text.removeprefix("'")


def column_letters(column: int) -> str:
    """The letters over a column, 0 being A."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def as_csv(rows: Sequence[Sequence[Cell]]) -> bytes:
    """One sheet in UTF-8 with a byte order mark, so that Excel reads the Chinese."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in rows:
        writer.writerow(["" if cell is None else _plain(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")


def _plain(cell: Cell) -> str:
    return quoted(cell) if isinstance(cell, str) else f"{cell}"


def as_workbook(grids: Mapping[str, Sequence[Sequence[Cell]]]) -> bytes:
    """The sheets by name as an .xlsx: texts are texts, never formulas, links or numbers; the first row stays in sight."""
    out = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"created": _NO_DAY})
        heading = book.add_format({"bold": True, "bg_color": "#DDEBF7", "text_wrap": True})
        text = book.add_format({"num_format": "@"})
        for name, rows in grids.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            for y, row in enumerate(rows):
                for x, cell in enumerate(row):
                    if isinstance(cell, str) and cell:
                        sheet.write_string(y, x, cell, heading if y == 0 else text)
                    elif cell is not None and cell != "":
                        sheet.write_number(y, x, cell)
            if rows:
                sheet.autofilter(0, 0, len(rows) - 1, max(len(rows[0]) - 1, 0))
                sheet.set_column(0, max(len(rows[0]) - 1, 0), 18, text)
    return out.getvalue()
