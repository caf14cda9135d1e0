"""A file's grids as rows of the standards' sheets: headings found, every cell what its column holds, or refused with its place.

Says where in the operator's own words: `立案条件!G5 时限 amount`. What the rows change is `revision`'s business.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from incidents.standards.category_tables import no_amount, unclean
from incidents.standards.grids import Grid, column_letters, refused
from incidents.standards.rows import Faults
from incidents.standards.sheets import FORMS, Cell, Column, Form, Value, Values, What, choices

ASIDE = frozenset({"说明", "填表说明", "readme", "notes"})
"""Sheets for people to read; they are left alone."""
_SLASHED = re.compile(r"(\d{4})[/.年](\d{1,2})[/.月](\d{1,2})日?")


@dataclass(frozen=True, slots=True)
class Read:
    """One row of a file: where it stands, and what it says."""

    sheet: str
    row: int
    columns: dict[str, int]
    values: Values

    def place(self, column: Column | None = None) -> str:
        """Where a person finds it: sheet, cell, heading."""
        if column is None or column.code not in self.columns:
            return f"{self.sheet}!{self.row}"
        return _place(self.sheet, self.row, self.columns[column.code], column)


Sheets = dict[str, tuple[Read, ...]]
"""Rows by form code; a form the file does not have is missing."""


def read(grids: Sequence[Grid], faults: Faults) -> Sheets:
    """The rows of every sheet; what is wrong with them goes to `faults`. DecisionRefused when no sheet can be told."""
    found: Sheets = {}
    for grid in grids:
        rows = [row for row in grid.rows if any(_filled(cell) for cell in row)]
        if not rows or grid.name.strip().lower() in ASIDE:
            continue
        form, columns = _headed(grid, faults)
        if form is None:
            continue
        if form.code in found:
            faults.add(grid.name, f"有两张“{form.zh}”表", f"there are two sheets of {form.code}")
        found[form.code] = tuple(_rows(grid, form, columns, faults))
    if not found and not faults.found:
        raise refused("文件里没有一行内容", "there is nothing in the file")
    return found


def _headed(grid: Grid, faults: Faults) -> tuple[Form | None, dict[int, Column]]:
    """Which sheet it is, by the headings in its first row."""
    name = grid.name or "CSV"
    headings = [_heading(cell) for cell in grid.rows[0]] if grid.rows else []
    fits = [form for form in FORMS if _fits(form, headings)]
    if len(fits) == 1:
        return fits[0], _columns(fits[0], headings)
    form = max(FORMS, key=lambda one: len(_columns(one, headings)))
    known = _columns(form, headings)
    if not known:
        faults.add(
            f"{name}!1",
            f"第 1 行不是表头；须为 {'、'.join(c.zh for c in FORMS[0].columns)} 等",
            "row 1 holds no headings; " + ", ".join(c.code for c in FORMS[0].columns) + " …",
        )
        return None, {}
    for x, text in enumerate(headings):
        if text and x not in known:
            where = f"{name}!{column_letters(x)}1"
            faults.add(where, f"不认识的表头“{text}”", f"unknown heading {text!r}")
    _twice(name, headings, form, faults)
    there = {column.code for column in known.values()}
    for column in form.columns:
        if column.needed and column.code not in there:
            faults.add(
                f"{name}!1", f"缺少表头“{column.zh}”", f"the heading {column.code} is missing"
            )
    return None, {}


def _fits(form: Form, headings: Sequence[str]) -> bool:
    columns = _columns(form, headings)
    there = [column.code for column in columns.values()]
    return (
        len(columns) == sum(bool(text) for text in headings)
        and len(set(there)) == len(there)
        and all(column.code in there for column in form.columns if column.needed)
    )


def _twice(name: str, headings: Sequence[str], form: Form, faults: Faults) -> None:
    seen: set[str] = set()
    for x, column in _columns(form, headings).items():
        if column.code in seen:
            where = f"{name}!{column_letters(x)}1"
            faults.add(where, f"表头“{column.zh}”重复", f"the heading {column.code} stands twice")
        seen.add(column.code)


def _heading(cell: Cell) -> str:
    return " ".join(cell.split()) if isinstance(cell, str) else "" if cell is None else str(cell)


def _columns(form: Form, headings: Sequence[str]) -> dict[int, Column]:
    known = {text.lower(): one for one in form.columns for text in (one.zh, one.code, one.heading)}
    return {x: known[text.lower()] for x, text in enumerate(headings) if text.lower() in known}


def _rows(grid: Grid, form: Form, columns: dict[int, Column], faults: Faults) -> list[Read]:
    name = grid.name or form.zh
    places = {column.code: x for x, column in columns.items()}
    found: list[Read] = []
    seen: dict[tuple[str, ...], int] = {}
    for y, cells in enumerate(grid.rows[1:], start=2):
        if not any(_filled(cell) for cell in cells):
            continue
        before = len(faults.found)
        values = _values(name, y, cells, columns, faults)
        _complete(name, y, form, places, values, faults, before)
        key = form.name(values)
        if len(faults.found) == before and key in seen:
            where = _place(name, y, places[form.key[-1]], form.column(form.key[-1]))
            faults.add(where, f"与第 {seen[key]} 行重复", f"the same as row {seen[key]}")
        seen.setdefault(key, y)
        found.append(Read(name, y, places, values))
    return found


def _values(
    name: str, y: int, cells: Sequence[Cell], columns: dict[int, Column], faults: Faults
) -> Values:
    values: Values = {}
    for x, cell in enumerate(cells):
        if not _filled(cell):
            continue
        column = columns.get(x)
        if column is None:
            where = f"{name}!{column_letters(x)}{y}"
            faults.add(where, "在表头之外", "stands outside the headings")
            continue
        value, why = _READERS.get(column.what, _choice(column.what))(cell)
        if why is not None:
            faults.add(_place(name, y, x, column), *why)
        elif value is not None:
            values[column.code] = value
    return values


def _complete(  # noqa: PLR0913, PLR0917 - the place of a cell is many things
    name: str,
    y: int,
    form: Form,
    places: dict[str, int],
    values: Values,
    faults: Faults,
    before: int,
) -> None:
    """Cells that must be filled and are not, unless something was said of them already."""
    said = {where for where, _ in faults.found[before:]}
    for column in form.columns:
        if column.needed and column.code not in values:
            where = _place(name, y, places[column.code], column)
            if where not in said:
                faults.add(where, "未填", "is empty")


def _place(name: str, row: int, column: int, what: Column) -> str:
    return f"{name}!{column_letters(column)}{row} {what.heading}"


def _filled(cell: Cell) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.strip()))


Answer = tuple[Value | None, tuple[str, str] | None]


def _read_text(cell: Cell) -> Answer:
    if not isinstance(cell, str):
        return None, ("应为文字", "should be a text")
    text = cell.replace("\r\n", "\n").strip()
    why = unclean(text)
    return (None, why) if why else (text, None)


def _read_code(cell: Cell) -> Answer:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return None, (
            f"{cell:g} 是数字，前导 0 已丢失；请把此列设为文本格式重填",
            f"{cell:g} is a number and lost its leading zeros: format the column as text",
        )
    return _read_text(cell)


def _read_name(cell: Cell) -> Answer:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell)), None
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell), None
    return _read_text(cell)


def _read_number(cell: Cell) -> Answer:
    try:
        number = float("nan" if isinstance(cell, bool | date) or cell is None else cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        return None, (f"“{cell}”不是数", f"{cell!r} is not a number")
    why = no_amount(number)
    if why is not None:
        return None, (f"{number:g}：{why[0]}", f"{number:g}: {why[1]}")
    return (int(number) if number.is_integer() else number), None


def _read_day(cell: Cell) -> Answer:
    if isinstance(cell, date):
        return cell.isoformat(), None
    text = cell.strip() if isinstance(cell, str) else ""
    slashed = _SLASHED.fullmatch(text)
    if slashed:
        text = f"{slashed[1]}-{int(slashed[2]):02}-{int(slashed[3]):02}"
    try:
        if len(text) == 10:
            return date.fromisoformat(text).isoformat(), None
    except ValueError:
        pass
    return None, (f"“{cell}”不是日期，如 2026-07-01", f"{cell!r} is no day like 2026-07-01")


def _choice(what: What) -> Callable[[Cell], Answer]:
    words = choices(what)

    def read_choice(cell: Cell) -> Answer:
        text = cell.strip() if isinstance(cell, str) else cell
        if isinstance(text, str) and text in words.values():
            return text, None
        if isinstance(text, str) and text in words:
            return words[text], None
        return None, (
            f"“{text}”不认识；可用 {'、'.join(words)}",
            f"{text!r} is none of {', '.join(words.values())}",
        )

    return read_choice


_READERS: dict[What, Callable[[Cell], Answer]] = {
    What.CODE: _read_code,
    What.NAME: _read_name,
    What.TEXT: _read_text,
    What.NUMBER: _read_number,
    What.DAY: _read_day,
}
