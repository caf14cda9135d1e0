"""A file's rows laid over the edition in force: the body of the next edition, or every reason against it with its place.

A sheet in the file is the whole of its kind, unless the change is partial; a sheet that is not there changes nothing.
A category that is gone from its sheet is removed only while nothing ever referred to it: otherwise it is closed, its
last day being the one before the edition holds, so that what was filed under it keeps its name. Conditions and
departments that are referred to cannot go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from incidents.standards.category_tables import PART
from incidents.standards.grids import Grid
from incidents.standards.reading import Read, Sheets, read
from incidents.standards.rows import Faults
from incidents.standards.sheets import (
    CATEGORIES,
    CONDITIONS,
    CORRESPONDENCES,
    DEPARTMENTS,
    Form,
    key_of,
)

Row = dict[str, Any]
Body = dict[str, Any]
NO_ROWS: tuple[Read, ...] = ()


class Usage(Protocol):
    """What incidents, accounts and the like refer to and must find again: of these, which?"""

    def categories(self, keys: Collection[str]) -> Collection[str]:
        """Categories that something was filed under."""

    def conditions(self, pairs: Collection[tuple[str, str]]) -> Collection[tuple[str, str]]:
        """(category, condition) that something was filed by."""

    def departments(self, codes: Collection[str]) -> Collection[str]:
        """Departments that something or somebody belongs to."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a file is laid over the base: what is in use, the last day of what is closed, whether it is only a part."""

    usage: Usage
    last_day: date
    partial: bool = False


def revise(base: Mapping[str, Any], grids: Sequence[Grid], terms: Terms) -> Body:
    """The next body; DecisionRefused with every fault and its place. `base` is a sound body and stays as it is."""
    faults = Faults()
    sheets = read(grids, faults)
    faults.refuse("standards")
    departments = _departments(base, sheets, terms, faults)
    correspondences = _correspondences(base, sheets, terms)
    categories = _categories(base, sheets, terms, correspondences, faults)
    _conditions(base, categories, sheets, terms, faults)
    body = {
        **base,
        "categories": categories,
        "correspondences": correspondences,
        "departments": departments,
    }
    _fit(body, sheets, faults)
    faults.refuse("standards")
    return body


def _departments(
    base: Mapping[str, Any], sheets: Sheets, terms: Terms, faults: Faults
) -> list[Row]:
    given = sheets.get(DEPARTMENTS.code)
    if given is None:
        return list(base["departments"])
    old = {row["code"]: row for row in base["departments"]}
    new = {
        str(one.values["code"]): _merged(DEPARTMENTS, old.get(str(one.values["code"])), one.values)
        for one in given
    }
    if terms.partial:
        return list({**old, **new}.values())
    for code in sorted(terms.usage.departments(old.keys() - new.keys())):
        faults.add(
            f"{DEPARTMENTS.zh} {code}",
            "有案件或账户属于它，不能删除",
            "incidents or accounts belong to it: it cannot go",
        )
    return list(new.values())


def _categories(
    base: Mapping[str, Any],
    sheets: Sheets,
    terms: Terms,
    correspondences: Iterable[Row],
    faults: Faults,
) -> list[Row]:
    given = sheets.get(CATEGORIES.code)
    old = {row["key"]: row for row in base["categories"]}
    if given is None:
        return [dict(row) for row in old.values()]
    new = {
        key: _merged(CATEGORIES, old.get(key), {"key": key, **_names(one)})
        for one in given
        for key in [key_of(one.values)]
    }
    if terms.partial:
        return [dict(row) for row in {**old, **new}.values()]
    needed = {key for row in correspondences for key in (row["from"], row.get("to"))}
    needed |= {base["unsorted"], *terms.usage.categories(old.keys() - new.keys())}
    for key, row in old.items():
        if key not in new and key in needed:
            new[key] = _closed(row, terms.last_day, faults)
    return list(new.values())


def _closed(row: Row, last_day: date, faults: Faults) -> Row:
    """The category with its last day; it keeps an earlier one."""
    day = min(row.get("valid_to") or "9999-12-31", last_day.isoformat())
    if row.get("valid_from", "") > day:
        faults.add(
            f"{CATEGORIES.zh} {row['key']}",
            "尚未启用，但对应表仍引用它；请一并改对应表",
            "not in force yet, but a correspondence names it: change that too",
        )
        return row
    return {**row, "valid_to": day}


def _conditions(
    base: Mapping[str, Any], categories: list[Row], sheets: Sheets, terms: Terms, faults: Faults
) -> None:
    """Give the categories the conditions of the file, where it has any."""
    by_key: dict[str, list[Row]] = {}
    for one in sheets.get(CONDITIONS.code, NO_ROWS):
        by_key.setdefault(key_of(one.values), []).append(_condition(one))
    if CONDITIONS.code in sheets:
        for row in categories:
            row["conditions"] = _of_category(row, by_key.get(row["key"], []), partial=terms.partial)
            if not row["conditions"]:
                del row["conditions"]
    left = {(row["key"], one["code"]) for row in categories for one in row.get("conditions", ())}
    there = {
        (row["key"], one["code"]) for row in base["categories"] for one in row.get("conditions", ())
    }
    for key, code in sorted(terms.usage.conditions(there - left)):
        faults.add(
            f"{CONDITIONS.zh} {key} {code}",
            "有案件按它立案，不能删除；可改文字与时限",
            "incidents were filed by it: it cannot go, its words and limit may change",
        )


def _of_category(row: Row, given: list[Row], *, partial: bool) -> list[Row]:
    if not partial:
        return given
    new = {one["code"]: one for one in given}
    return list({**{one["code"]: one for one in row.get("conditions", ())}, **new}.values())


def _condition(one: Read) -> Row:
    values = one.values
    row = {
        "code": values["condition"],
        "zh": values["zh"],
        "limit": {"amount": values["amount"], "unit": values["unit"]},
        "closing": values["closing"],
    }
    return row | {member: values[member] for member in ("en", "basis") if member in values}


def _correspondences(base: Mapping[str, Any], sheets: Sheets, terms: Terms) -> list[Row]:
    """The rows of the file; where it is a part, all rows of the codes it names give way to its own."""
    old = list(base.get("correspondences", ()))
    given = sheets.get(CORRESPONDENCES.code)
    if given is None:
        return old
    new = [_correspondence(one) for one in given]
    named = {row["from"] for row in new}
    return [row for row in old if row["from"] not in named] + new if terms.partial else new


def _correspondence(one: Read) -> Row:
    new = key_of(one.values, "to_")
    row = {"from": key_of(one.values, "from_"), "likeness": one.values["likeness"]}
    row |= {"to": new} if new else {}
    return row | ({"note": one.values["note"]} if "note" in one.values else {})


def _names(one: Read) -> Row:
    return {code: value for code, value in one.values.items() if code not in CATEGORIES.key}


def _merged(form: Form, old: Row | None, values: Mapping[str, Any]) -> Row:
    """The row of the file, with what the old one had beside the sheet's columns."""
    columns = {column.code for column in form.columns}
    beside = {member: value for member, value in (old or {}).items() if member not in columns}
    return beside | dict(values)


def _fit(body: Body, sheets: Sheets, faults: Faults) -> None:
    """That what the file's rows refer to is there, each fault at its cell."""
    departments = {row["code"] for row in body["departments"]}
    categories = {row["key"] for row in body["categories"]}
    for one in sheets.get(CATEGORIES.code, NO_ROWS):
        _fit_category(one, departments, faults)
    for one in sheets.get(CONDITIONS.code, NO_ROWS):
        key = key_of(one.values)
        if key not in categories:
            where = one.place(CONDITIONS.column("code"))
            faults.add(where, f"没有类别 {key}", f"there is no category {key}")
    for one in sheets.get(CORRESPONDENCES.code, NO_ROWS):
        for column, zh, en in _unfit(one, categories):
            faults.add(one.place(CORRESPONDENCES.column(column)), zh, en)
    for one in sheets.get(DEPARTMENTS.code, NO_ROWS):
        parent = one.values.get("parent")
        if parent is not None and parent not in departments:
            where = one.place(DEPARTMENTS.column("parent"))
            faults.add(where, f"没有部门 {parent}", f"there is no department {parent}")


def _fit_category(one: Read, departments: set[str], faults: Faults) -> None:
    values = one.values
    for column in ("code_set", "code"):
        if not PART.fullmatch(str(values[column])):
            faults.add(
                one.place(CATEGORIES.column(column)),
                "不得含空白、/、*，至多 64 字",
                "no blanks, / or *, and at most 64 characters",
            )
    responsible = values.get("responsible")
    if responsible is not None and responsible not in departments:
        where = one.place(CATEGORIES.column("responsible"))
        faults.add(where, f"没有部门 {responsible}", f"there is no department {responsible}")
    begins, ends = values.get("valid_from"), values.get("valid_to")
    if begins is not None and ends is not None and str(ends) < str(begins):
        where = one.place(CATEGORIES.column("valid_to"))
        faults.add(where, f"早于启用日 {begins}", f"lies before valid_from {begins}")


def _unfit(one: Read, categories: set[str]) -> Iterator[tuple[str, str, str]]:
    """Column and reason of what a correspondence has wrong."""
    old, new = key_of(one.values, "from_"), key_of(one.values, "to_")
    parts = [code for code in ("to_set", "to_kind", "to_code") if code in one.values]
    nothing = one.values["likeness"] == "none"
    if old not in categories:
        yield "from_code", f"没有类别 {old}", f"there is no category {old}"
    if parts and len(parts) < 3:
        yield (
            parts[-1],
            "现编码体系、部件/事项、编码须同时填写",
            "to_set, to_kind, to_code go together",
        )
    elif new and new not in categories:
        yield "to_code", f"没有类别 {new}", f"there is no category {new}"
    if nothing == bool(parts):
        yield (
            "likeness",
            "“无对应”时现编码留空，否则须填写",
            "`none` goes with an empty new code, and only it",
        )
    if new and new == old:
        yield "to_code", "对应到自身", "leads to itself"
