"""The standards as sheets of rows that a person edits: which columns each sheet has, and a body's rows in them.

Four sheets: categories, conditions, correspondences, departments. What else a standards body holds (nearness, policy,
the category of the unsorted) is no sheet and goes its own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from incidents.calendar import Unit
from incidents.category import CategoryKey, Kind
from incidents.equivalents import Likeness

Cell = str | float | int | bool | date | None
"""What a cell of a file may hold; None and "" are empty."""
Value = str | float
Values = dict[str, Value]
"""One row by column code; empty cells are missing."""


class What(StrEnum):
    """What a column's cells are."""

    CODE = "code"
    """A text whose leading zeros matter: a number in its place has lost them."""
    NAME = "name"
    """A short code of one's own; a whole number will do."""
    TEXT = "text"
    NUMBER = "number"
    DAY = "day"
    KIND = "kind"
    UNIT = "unit"
    LIKENESS = "likeness"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its code, its Chinese heading, what it holds, whether every row needs it."""

    code: str
    zh: str
    what: What = What.TEXT
    needed: bool = False

    @property
    def heading(self) -> str:
        """As an export writes it; an import knows either half too."""
        return f"{self.zh} {self.code}"


@dataclass(frozen=True, slots=True)
class Form:
    """A sheet: its code, its Chinese name, its columns in order, and the columns that name a row."""

    code: str
    zh: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    def column(self, code: str) -> Column:
        """The column of that code."""
        return next(one for one in self.columns if one.code == code)

    def name(self, row: Mapping[str, Value]) -> tuple[str, ...]:
        """What tells the row from the others of its sheet."""
        return tuple(str(row.get(code, "")) for code in self.key)


_CODES = (
    Column("code_set", "编码体系", What.NAME, needed=True),
    Column("kind", "部件/事项", What.KIND, needed=True),
    Column("code", "编码", What.CODE, needed=True),
)
CATEGORIES = Form(
    "categories",
    "类别",
    (
        *_CODES,
        Column("zh", "名称", needed=True),
        Column("en", "英文名"),
        Column("major", "大类"),
        Column("responsible", "主管部门", What.NAME),
        Column("valid_from", "启用日", What.DAY),
        Column("valid_to", "停用日", What.DAY),
    ),
    ("code_set", "kind", "code"),
)
CONDITIONS = Form(
    "conditions",
    "立案条件",
    (
        *_CODES,
        Column("condition", "条件编号", What.NAME, needed=True),
        Column("zh", "立案条件", needed=True),
        Column("amount", "时限", What.NUMBER, needed=True),
        Column("unit", "单位", What.UNIT, needed=True),
        Column("closing", "结案条件", needed=True),
        Column("en", "英文"),
        Column("basis", "依据"),
    ),
    ("code_set", "kind", "code", "condition"),
)
CORRESPONDENCES = Form(
    "correspondences",
    "编码对应",
    (
        Column("from_set", "原编码体系", What.NAME, needed=True),
        Column("from_kind", "原部件/事项", What.KIND, needed=True),
        Column("from_code", "原编码", What.CODE, needed=True),
        Column("to_set", "现编码体系", What.NAME),
        Column("to_kind", "现部件/事项", What.KIND),
        Column("to_code", "现编码", What.CODE),
        Column("likeness", "对应程度", What.LIKENESS, needed=True),
        Column("note", "说明"),
    ),
    ("from_set", "from_kind", "from_code", "to_set"),
)
DEPARTMENTS = Form(
    "departments",
    "部门",
    (
        Column("code", "部门编号", What.NAME, needed=True),
        Column("zh", "部门名称", needed=True),
        Column("en", "部门英文名"),
        Column("parent", "上级部门", What.NAME),
    ),
    ("code",),
)
FORMS: tuple[Form, ...] = (CATEGORIES, CONDITIONS, CORRESPONDENCES, DEPARTMENTS)

KIND_ZH = {"部件": Kind.COMPONENT, "事项": Kind.MATTER}
UNIT_ZH = {unit.zh: unit for unit in Unit}
LIKENESS_ZH = {one.zh: one for one in Likeness}
_CHOICES: dict[What, dict[str, str]] = {
    What.KIND: {zh: str(one) for zh, one in KIND_ZH.items()},
    What.UNIT: {zh: str(one) for zh, one in UNIT_ZH.items()},
    What.LIKENESS: {zh: str(one) for zh, one in LIKENESS_ZH.items()},
}


def choices(what: What) -> dict[str, str]:
    """The words a column of this sort may hold, and the code each stands for; empty: any word."""
    return _CHOICES.get(what, {})


def form(code: str) -> Form:
    """The sheet of that code or Chinese name; KeyError without one."""
    for one in FORMS:
        if code in {one.code, one.zh}:
            return one
    raise KeyError(code)


def rows(body: Mapping[str, Any], sheet: Form) -> Iterator[Values]:
    """The rows of a sound standards body in one sheet, in the body's order; choices by their codes."""
    if sheet is CATEGORIES:
        yield from (_category(one) for one in body["categories"])
    elif sheet is CONDITIONS:
        yield from _conditions(body["categories"])
    elif sheet is CORRESPONDENCES:
        yield from (_correspondence(one) for one in body.get("correspondences", ()))
    else:
        members = [column.code for column in sheet.columns]
        yield from (_present({m: one.get(m) for m in members}) for one in body["departments"])


def table(body: Mapping[str, Any], sheet: Form) -> list[list[Cell]]:
    """A sheet of a sound body with its headings, as a file holds it: choices in Chinese, empty cells None."""
    found: list[list[Cell]] = [[*(column.heading for column in sheet.columns)]]
    for row in rows(body, sheet):
        cells = ((column, row.get(column.code)) for column in sheet.columns)
        found.append([None if value is None else shown(column, value) for column, value in cells])
    return found


def shown(column: Column, value: Value) -> Value:
    """The value as a file says it: choices in Chinese."""
    for zh, code in choices(column.what).items():
        if code == value:
            return zh
    return value


_CATEGORY = ("zh", "en", "major", "responsible", "valid_from", "valid_to")


def key_of(row: Mapping[str, Value], ends: str = "") -> str:
    """The category key a row names; `ends` is `from_` or `to_`. Empty where it names none."""
    parts = [row.get(f"{ends}{part}") for part in (("set" if ends else "code_set"), "kind", "code")]
    return "/".join(map(str, parts)) if all(parts) else ""


def _codes(key: str, ends: str = "") -> dict[str, Any]:
    parsed = CategoryKey.parse(key)
    first = f"{ends}set" if ends else "code_set"
    return {first: parsed.code_set, f"{ends}kind": str(parsed.kind), f"{ends}code": parsed.code}


def _category(one: Mapping[str, Any]) -> Values:
    return _present({**_codes(one["key"]), **{member: one.get(member) for member in _CATEGORY}})


def _conditions(categories: Iterable[Mapping[str, Any]]) -> Iterator[Values]:
    for one in categories:
        yield from (_condition(one["key"], condition) for condition in one.get("conditions", ()))


def _condition(key: str, one: Mapping[str, Any]) -> Values:
    limit = one["limit"]
    return _present(
        {
            **_codes(key),
            "condition": one["code"],
            "zh": one["zh"],
            "amount": limit["amount"],
            "unit": limit["unit"],
            "closing": one["closing"],
            "en": one.get("en"),
            "basis": one.get("basis"),
        }
    )


def _correspondence(one: Mapping[str, Any]) -> Values:
    new = _codes(one["to"], "to_") if one.get("to") else {}
    rest = {"likeness": one["likeness"], "note": one.get("note")}
    return _present({**_codes(one["from"], "from_"), **new, **rest})


def _present(row: Mapping[str, Any]) -> Values:
    return {code: value for code, value in row.items() if value not in (None, "")}
