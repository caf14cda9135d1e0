"""The categories of a standards edition with their filing conditions, and which code took the place of which: read and written.

What is not sound is said row by row; nothing here refuses by itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

from incidents.calendar import MOST, TimeLimit, Unit
from incidents.category import Category, CategoryKey, FilingCondition
from incidents.equivalents import Correspondence, Likeness
from incidents.errors import CategoryUnknown
from incidents.standards.rows import Faults, Row, only_once, rows_of

LONGEST = 2000
"""Characters of one text: what a cell of a table can show and a person will read."""
PART = re.compile(r"[^\s/*]{1,64}")
"""What a code set or a code may be: patterns and keys are told apart by the rest."""


def read_categories(body: Mapping[str, Any], faults: Faults) -> dict[str, Category]:
    """The categories by key, in the order they stand."""
    rows = [(row, _category(row)) for row in rows_of(body, "categories", faults)]
    only_once([(row, str(c.key)) for row, c in rows if c], faults, "key")
    return {str(c.key): c for _, c in rows if c}


def write_category(category: Category) -> dict[str, Any]:
    """The row `read_categories` reads back to the same category; members at their default are left out."""
    row = {
        "key": str(category.key),
        "zh": category.name_zh,
        "en": category.name_en,
        "major": category.major,
        "responsible": category.responsible,
        "valid_from": category.valid_from and category.valid_from.isoformat(),
        "valid_to": category.valid_to and category.valid_to.isoformat(),
        "conditions": [_written(one) for one in category.conditions],
    }
    return {member: value for member, value in row.items() if value not in ("", None, [])}


def read_correspondences(
    body: Mapping[str, Any], categories: Collection[str], faults: Faults
) -> tuple[Correspondence, ...]:
    """The rows in their order; an edition may have none."""
    if "correspondences" not in body:
        return ()
    rows = [(row, _correspondence(row)) for row in rows_of(body, "correspondences", faults)]
    for row, one in rows:
        for key in (one.old, one.new):
            if key and key not in categories:
                row.wrong(f"没有类别 {key}", f"no category {key}")
    only_once([(row, f"{one.old} → {_set_of(one.new)}") for row, one in rows], faults, "from/to")
    ended = {one.old: row for row, one in rows if one.new is None}
    for row, one in rows:
        if one.new is not None and one.old in ended:
            row.wrong(
                f"{ended[one.old].name} 已说无对应", f"{ended[one.old].name} says there is none"
            )
    return tuple(one for _, one in rows)


def write_correspondence(one: Correspondence) -> dict[str, Any]:
    """The row `read_correspondences` reads back."""
    row = {"from": one.old, "to": one.new, "likeness": str(one.likeness), "note": one.note}
    return {member: value for member, value in row.items() if value not in ("", None)}


def by_old(rows: Iterable[Correspondence]) -> dict[str, tuple[Correspondence, ...]]:
    """The rows of each old code, in their order."""
    found: dict[str, list[Correspondence]] = {}
    for row in rows:
        found.setdefault(row.old, []).append(row)
    return {old: tuple(ones) for old, ones in found.items()}


def clean(row: Row, member: str, default: str | None = None) -> str:
    """A text that comes back from any table as it went in: no control characters, no blanks around it."""
    text = row.text(member, default)
    why = unclean(text)
    if why is not None:
        row.wrong(f"{member} {why[0]}", f"{member} {why[1]}")
    return text


def unclean(text: str) -> tuple[str, str] | None:
    """What is wrong with a text that should stand in a table, in Chinese and English; None: nothing."""
    if len(text) > LONGEST:
        return f"超过 {LONGEST} 字", f"is longer than {LONGEST} characters"
    if text != text.strip():
        return "前后有空白", "has blanks around it"
    for character in text:
        if character == "\n" or character.isprintable():
            continue
        if unicodedata.category(character) in {"Cc", "Cs"} or character in "\ufffe\uffff":
            code = f"U+{ord(character):04X}"
            return f"含有控制字符 {code}", f"holds the control character {code}"
    return None


def no_amount(amount: float) -> tuple[str, str] | None:
    """Why a number is no amount of a time limit, in Chinese and English; None: it is one."""
    if not 0 < amount <= MOST:
        return f"时限须大于 0、不大于 {MOST}", f"a limit is over 0 and at most {MOST}"
    if (
        round(amount, 4) != amount
    ):  # what every file says exactly, and finer than half a second of an hour
        return "时限至多 4 位小数", "a limit has at most 4 decimals"
    return None


def _category(row: Row) -> Category | None:
    nested = _conditions(row)
    text = row.text("key")
    names = clean(row, "zh"), clean(row, "en", ""), clean(row, "major", "")
    responsible = clean(row, "responsible", "") or None
    begins, ends = _day(row, "valid_from"), _day(row, "valid_to")
    row.end()
    if begins and ends and ends < begins:
        row.wrong("valid_to 早于 valid_from", "valid_to lies before valid_from")
    key = _key(row, text)
    if key is None:
        return None
    return Category(key, *names, responsible, begins, ends, nested)


def _key(row: Row, text: str) -> CategoryKey | None:
    if not text:
        return None
    try:
        key = CategoryKey.parse(text)
    except CategoryUnknown as fault:
        row.wrong(fault.zh, fault.en)
        return None
    if not (PART.fullmatch(key.code_set) and PART.fullmatch(key.code)):
        row.wrong(
            f"类别“{text}”含空白、* 或过长", f"category {text!r} holds blanks or *, or is too long"
        )
    return key


def _conditions(row: Row) -> tuple[FilingCondition, ...]:
    given = row.rows("conditions")
    found = [(inner, _condition(inner)) for inner in given]
    only_once([(inner, one.code) for inner, one in found if one], row.faults)
    return tuple(one for _, one in found if one)


def _condition(row: Row) -> FilingCondition | None:
    code, text = clean(row, "code"), clean(row, "zh")
    limit = _limit(row.table("limit"))
    closing, english = clean(row, "closing"), clean(row, "en", "")
    basis = clean(row, "basis", "")
    row.end()
    return FilingCondition(code, text, limit, closing, english, basis) if limit else None


def _limit(row: Row) -> TimeLimit | None:
    amount, unit = row.number("amount"), row.text("unit")
    row.end()
    if not row.sound:
        return None
    why = no_amount(amount)
    if why is not None:
        row.wrong(*why)
        return None
    if unit not in tuple(Unit):
        row.wrong(f"没有单位 {unit}；可用 {'、'.join(Unit)}", f"no unit {unit}; {', '.join(Unit)}")
        return None
    return TimeLimit(amount, Unit(unit))


def _day(row: Row, member: str) -> date | None:
    text = row.text(member, "")
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text:
        row.wrong(f"{member} 应为日期，如 2026-07-01", f"{member} should be a day like 2026-07-01")
        return None
    return found


def _written(one: FilingCondition) -> dict[str, Any]:
    row = {
        "code": one.code,
        "zh": one.text_zh,
        "limit": one.limit.as_json(),
        "closing": one.closing_zh,
        "en": one.text_en,
        "basis": one.basis,
    }
    return {member: value for member, value in row.items() if value != ""}


def _correspondence(row: Row) -> Correspondence:
    old, new = row.text("from"), row.text("to", "") or None
    text, note = row.text("likeness"), clean(row, "note", "")
    row.end()
    if text and text not in tuple(Likeness):
        known = ", ".join(Likeness)
        row.wrong(f"likeness 应为 {known} 之一", f"likeness should be one of {known}")
    likeness = Likeness(text) if text in tuple(Likeness) else Likeness.NONE
    if row.sound and (new is None) != (likeness is Likeness.NONE):
        row.wrong("无对应（none）时不写 to，否则须写", "`to` is left out with none, and only then")
    if old and old == new:
        row.wrong("对应到自身", "leads to itself")
    return Correspondence(old, new, likeness, note)


def _set_of(key: str | None) -> str:
    return key.partition("/")[0] if key else ""
