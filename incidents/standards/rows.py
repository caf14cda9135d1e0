"""Reading the rows of a table a city wrote: every fault is kept with its row and a reason; the whole is refused at the end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from incidents.errors import DecisionRefused

Fault = tuple[str, str]
"""(row, reason): the row as a person finds it (`rules[3] smoke`), the reason Chinese / English."""


class Faults:
    """What is wrong with a body, gathered so that it can be said all at once."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, row: str, zh: str, en: str) -> None:
        """One more fault."""
        self.found.append((row, f"{zh} / {en}"))

    def refuse(self, kind: str) -> None:
        """DecisionRefused with all of them, if there are any."""
        if not self.found:
            return
        first_row, first = self.found[0]
        more = len(self.found) - 1
        zh, _, en = first.partition(" / ")
        raise DecisionRefused(
            zh=f"{kind} 有 {len(self.found)} 处不合规，未采用；首处 {first_row}：{zh}",
            en=f"{kind}: {first_row}: {en}" + (f" (and {more} more)" if more else ""),
            kind=kind,
            faults=tuple(self.found),
        )


class Row:
    """One row; each getter takes a member once, says what is wrong with it, and answers something usable anyway."""

    def __init__(self, name: str, given: object, faults: Faults) -> None:
        self.name = name
        self.faults = faults
        self._left: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {}
        self.sound = isinstance(given, Mapping)
        if not isinstance(given, Mapping):
            faults.add(name, "应为一组成员", "should be a table of members")

    def wrong(self, zh: str, en: str) -> None:
        """A fault of this row; it is not `sound` any more."""
        self.sound = False
        self.faults.add(self.name, zh, en)

    def text(self, member: str, default: str | None = None) -> str:
        """A text; needed, and not empty, where there is no default."""
        if default is not None and not self.has(member):
            return default
        value: object = self._take(member, None)
        if isinstance(value, str) and (value.strip() or default is not None):
            return value
        self._not_a(member, "文字", "a text")
        return default or ""

    def optional(self, member: str) -> str | None:
        """A text, or None."""
        return self.text(member, "") or None

    def number(self, member: str, default: float | None = None) -> float:
        """A finite number."""
        value = self._take(member, default)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            self._not_a(member, "数", "a number")
            return 0.0 if default is None else default
        return float(value)

    def whole(self, member: str, default: int | None = None, *, least: int = 0) -> int:
        """A whole number, not under `least`."""
        value = self._take(member, default)
        if isinstance(value, bool) or not isinstance(value, int):
            self._not_a(member, "整数", "a whole number")
            return least if default is None else default
        if value < least:
            self.wrong(f"{member} 不得小于 {least}", f"{member} must not be under {least}")
        return value

    def flag(self, member: str) -> bool:
        """True or false; false when absent."""
        value = self._take(member, False)
        if not isinstance(value, bool):
            self._not_a(member, "true 或 false", "true or false")
            return False
        return value

    def texts(self, member: str) -> tuple[str, ...]:
        """A list of texts; empty when absent."""
        value = self._take(member, ())
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v for v in value):
            self._not_a(member, "文字列表", "a list of texts")
            return ()
        return tuple(value)

    def table(self, member: str) -> Row:
        """A table inside the row, its faults under the row's name and the member's."""
        inner = self._take(member, None)
        if inner is _MISSING:  # said already; what is missing inside need not be
            return Row(self.name, {}, Faults())
        return Row(f"{self.name}.{member}", inner, self.faults)

    def rows(self, member: str) -> Iterator[Row]:
        """The rows of a list inside the row, each named by its place and code; none when absent."""
        given = self._left.pop(member, None)
        if given is None:
            return
        if not isinstance(given, list):
            self.wrong(f"{member} 应为列表", f"{member} should be a list")
            return
        for n, inner in enumerate(given):
            yield Row(f"{self.name}.{member}[{n}]{_named(inner)}", inner, self.faults)

    def has(self, member: str) -> bool:
        """Whether the member was given and not taken yet."""
        return self._left.get(member) is not None

    def end(self) -> None:
        """Members nobody asked for are misspelt, and said to be."""
        for member in self._left:
            self.wrong(f"不认识的成员 {member}", f"unknown member {member}")

    def _take(self, member: str, default: Any) -> Any:
        value = self._left.pop(member, None)
        if value is not None:
            return value
        if default is None:
            self.wrong(f"缺少 {member}", f"{member} is missing")
            return _MISSING
        return default

    def _not_a(self, member: str, zh: str, en: str) -> None:
        if self.faults.found and self.faults.found[-1] == (
            self.name,
            f"缺少 {member} / {member} is missing",
        ):
            return
        self.wrong(f"{member} 应为{zh}", f"{member} should be {en}")


_MISSING = object()


def rows_of(body: object, member: str, faults: Faults) -> Iterator[Row]:
    """The rows of a body's list in order, each named by its place and its code."""
    given = body.get(member) if isinstance(body, Mapping) else None
    if not isinstance(given, list):
        faults.add(member, f"缺少列表 {member}", f"the list {member} is missing")
        return
    for n, row in enumerate(given):
        yield Row(f"{member}[{n}]{_named(row)}", row, faults)


def _named(row: object) -> str:
    """What the row calls itself, after a blank."""
    if not isinstance(row, Mapping):
        return ""
    code = row.get("code") or row.get("key") or row.get("from")
    return f" {code}" if code else ""


def only_once(rows: list[tuple[Row, str]], faults: Faults, what: str = "code") -> None:
    """A code that stands twice is a fault of the later row."""
    seen: dict[str, str] = {}
    for row, code in rows:
        if code and code in seen:
            faults.add(row.name, f"{what} 与 {seen[code]} 重复", f"same {what} as {seen[code]}")
        seen.setdefault(code, row.name)
