"""What a new edition of the standards changes, row by row and column by column, before anybody decides on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from incidents.standards.sheets import CATEGORIES, FORMS, Form, Values, rows, shown


class Change(StrEnum):
    """What happens to a row. Closed: a category whose last day is set or brought forward."""

    ADDED = "added"
    CHANGED = "changed"
    CLOSED = "closed"
    REMOVED = "removed"

    @property
    def zh(self) -> str:
        """The word of a screen."""
        return {"added": "新增", "changed": "修改", "closed": "停用", "removed": "删除"}[self.value]


@dataclass(frozen=True, slots=True)
class Changed:
    """One row: its sheet, its key, its name, what happens, and (column, before, after) of every cell that differs."""

    sheet: str
    key: str
    name: str
    change: Change
    cells: tuple[tuple[str, str, str], ...]

    @property
    def line(self) -> str:
        """For a terminal."""
        cells = "；".join(
            f"{column}：{old or '（空）'} → {new or '（空）'}" for column, old, new in self.cells
        )
        told = f"  {cells}" if self.change in {Change.CHANGED, Change.CLOSED} else ""
        return f"{self.change.zh} {self.change:<8} {self.key} {self.name}{told}"


@dataclass(frozen=True, slots=True)
class Difference:
    """All rows that change, how many of each sheet stay as they are, and the members that are no sheet and differ."""

    rows: tuple[Changed, ...]
    unchanged: Mapping[str, int]
    others: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether the editions say the same."""
        return not self.rows and not self.others

    def counted(self) -> dict[str, dict[str, int]]:
        """Rows by sheet and what happens to them."""
        found = {
            one.code: {str(change): 0 for change in Change}
            | {"unchanged": self.unchanged[one.code]}
            for one in FORMS
        }
        for row in self.rows:
            found[row.sheet][str(row.change)] += 1
        return found

    def as_json(self) -> dict[str, Any]:
        """As the API shows it."""
        listed = [
            {
                "sheet": row.sheet,
                "key": row.key,
                "name": row.name,
                "change": str(row.change),
                "cells": [{"column": c, "before": old, "after": new} for c, old, new in row.cells],
            }
            for row in self.rows
        ]
        return {"counts": self.counted(), "rows": listed, "others": list(self.others)}


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """From one sound body to another; the order of rows is a difference only where it means something."""
    found: list[Changed] = []
    unchanged: dict[str, int] = {}
    for form in FORMS:
        old = {form.name(row): row for row in rows(before, form)}
        new = {form.name(row): row for row in rows(after, form)}
        listed = list(_changes(form, old, new))
        unchanged[form.code] = len(new.keys() & old.keys()) - sum(
            row.change in {Change.CHANGED, Change.CLOSED} for row in listed
        )
        found += listed
    sheets = {"categories", "correspondences", "departments"}
    others = sorted(
        member
        for member in before.keys() | after.keys()
        if member not in sheets and before.get(member) != after.get(member)
    )
    if _order(before) != _order(after):
        others.append("order of conditions")
    return Difference(tuple(found), unchanged, tuple(others))


def _changes(
    form: Form, old: Mapping[tuple[str, ...], Values], new: Mapping[tuple[str, ...], Values]
) -> Iterator[Changed]:
    for key, row in new.items():
        if key not in old:
            yield _changed(form, Change.ADDED, {}, row)
        elif row != old[key]:
            closes = form is CATEGORIES and _closes(old[key], row)
            yield _changed(form, Change.CLOSED if closes else Change.CHANGED, old[key], row)
    for key, row in old.items():
        if key not in new:
            yield _changed(form, Change.REMOVED, row, {})


def _closes(old: Values, new: Values) -> bool:
    before, after = old.get("valid_to"), new.get("valid_to")
    return after is not None and (before is None or str(after) < str(before))


def _changed(form: Form, change: Change, old: Values, new: Values) -> Changed:
    row = new or old
    cells = tuple(
        (column.heading, _said(form, column.code, old), _said(form, column.code, new))
        for column in form.columns
        if old.get(column.code) != new.get(column.code)
    )
    name = str(row.get("zh") or row.get("note") or "")
    return Changed(
        form.code, "/".join(part for part in form.name(row) if part), name, change, cells
    )


def _said(form: Form, column: str, row: Values) -> str:
    return str(shown(form.column(column), row[column])) if column in row else ""


def _order(body: Mapping[str, Any]) -> dict[str, str]:
    """Which condition is the first of its category: it holds where nobody chose another."""
    return {
        row["key"]: row["conditions"][0]["code"]
        for row in body["categories"]
        if len(row.get("conditions", ())) > 1
    }
