"""Excel workbooks: text stays text, times are the city's, and who took it out and when stands on every sheet."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from xlsxwriter import Workbook  # type: ignore[import-untyped]
from xlsxwriter.format import Format  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from api.taken import Cell, Taken

MEDIA = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_AS_IT_IS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_LONGEST = 32_767
"""Characters of one cell, as Excel has it."""
_FOOTER = 240
"""Characters of a footer: 255 with its commands."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its title, a heading for each column, its rows; `widths` in characters, as wide as usual without."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    widths: Sequence[int] = ()
    frozen: int = 2
    """Columns that stay where they are."""


def workbook(taken: Taken, sheets: Sequence[Sheet]) -> bytes:
    """The workbook as .xlsx. Nothing in it becomes a formula, a link or a number that was none."""
    out = io.BytesIO()
    book = Workbook(out, {"in_memory": True, **_AS_IT_IS})
    created = taken.at.astimezone(taken.zone).replace(tzinfo=None)
    book.set_properties({"title": taken.title, "author": taken.who, "created": created})
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left"})
    for one in sheets:
        _fill(book.add_worksheet(one.title), one, taken, (bold, moment))
    book.close()
    return out.getvalue()


def _fill(page: Worksheet, sheet: Sheet, taken: Taken, formats: tuple[Format, Format]) -> None:
    bold, moment = formats
    page.set_footer(f"&L{taken.mark.replace('&', '&&')[:_FOOTER]}")
    page.write_string(0, 0, taken.mark)
    for column, head in enumerate(sheet.heads):
        page.write_string(1, column, head, bold)
    for column, width in enumerate(sheet.widths):
        page.set_column(column, column, width)
    for line, row in enumerate(sheet.rows, start=2):
        for column, cell in enumerate(row):
            _write(page, (line, column), cell, taken, moment)
    page.freeze_panes(2, sheet.frozen)


def _write(
    page: Worksheet, place: tuple[int, int], cell: Cell, taken: Taken, moment: Format
) -> None:
    if isinstance(cell, datetime):
        local = cell.astimezone(taken.zone).replace(tzinfo=None)
        page.write_datetime(*place, local, moment)
    elif isinstance(cell, bool):
        page.write_boolean(*place, cell)
    elif isinstance(cell, str):
        page.write_string(*place, cell[:_LONGEST])
    elif cell is not None:
        page.write_number(*place, cell)
