"""What a category's code is called today 对应关系: from older code sets to the ones in force, along rows a person judged.

A code that still holds is its own equivalent. Where the city says "no equivalent" 无对应, that is an answer; where it
says nothing, that is said too. An incident keeps the code it was opened with: this is for reading, never for rewriting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from incidents.category import Category


class Likeness(StrEnum):
    """How alike two codes' meanings are, as whoever wrote the row judged it."""

    SAME_NAME = "same_name"
    NEAR_NAME = "near_name"
    WIDER = "wider"
    NONE = "none"

    @property
    def zh(self) -> str:
        """The words of a screen."""
        return _LIKENESS[self][0]

    @property
    def en(self) -> str:
        """The same in English."""
        return _LIKENESS[self][1]


_LIKENESS = {
    Likeness.SAME_NAME: ("名称相同", "the same name"),
    Likeness.NEAR_NAME: ("措辞不同，所指相同", "other words for the same"),
    Likeness.WIDER: ("并入更宽的一类", "part of a wider class"),
    Likeness.NONE: ("无对应", "no equivalent"),
}


@dataclass(frozen=True, slots=True)
class Correspondence:
    """One row: the category `old` is `new` now; None: it has no equivalent. `note` says why, where that helps."""

    old: str
    new: str | None
    likeness: Likeness
    note: str = ""


class Outcome(StrEnum):
    """How the question for today's code ended."""

    ITSELF = "itself"
    MAPPED = "mapped"
    NO_MAPPING = "no_mapping"
    UNDECIDED = "undecided"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Equivalent:
    """Today's code of a category, or None with the reason; `through` are the rows that led there."""

    key: str | None
    outcome: Outcome
    name_zh: str = ""
    name_en: str = ""
    through: tuple[Correspondence, ...] = ()

    @property
    def zh(self) -> str:
        """One sentence for a screen."""
        if self.outcome is Outcome.MAPPED:
            return f"现行编码 {self.key} {self.name_zh}（{self.through[-1].likeness.zh}）"
        if self.outcome is Outcome.NO_MAPPING:
            note = self.through[-1].note
            return "现行编码中无对应" + (f"：{note}" if note else "")
        return _OUTCOME[self.outcome][0]

    @property
    def en(self) -> str:
        """The same in English."""
        if self.outcome is Outcome.MAPPED:
            name = self.name_en or self.name_zh
            return f"today's code is {self.key} {name} ({self.through[-1].likeness.en})"
        return _OUTCOME[self.outcome][1]

    def as_json(self) -> dict[str, Any]:
        """As an explanation shows it."""
        return {
            "key": self.key,
            "outcome": str(self.outcome),
            "zh": self.zh,
            "en": self.en,
            "through": [
                {"from": row.old, "to": row.new, "likeness": str(row.likeness), "note": row.note}
                for row in self.through
            ],
        }


_OUTCOME = {
    Outcome.ITSELF: ("编码仍在使用", "the code is still in use"),
    Outcome.NO_MAPPING: ("现行编码中无对应", "no equivalent in the codes in force"),
    Outcome.UNDECIDED: (
        "编码已停用，对应关系尚未确定",
        "no longer in use, nobody said what took its place",
    ),
    Outcome.UNKNOWN: ("标准中没有此编码", "the standards do not have this code"),
}


def equivalent(
    key: str,
    day: date,
    categories: Mapping[str, Category],
    rows: Mapping[str, Sequence[Correspondence]],
) -> Equivalent:
    """What the category is called on that day: along the rows to the nearest code that has not ended by then."""
    if key not in categories:
        return Equivalent(None, Outcome.UNKNOWN)
    waiting: list[tuple[str, tuple[Correspondence, ...]]] = [(key, ())]
    seen = {key}
    dead: tuple[Correspondence, ...] = ()
    for here, through in waiting:  # grows while it is walked: breadth first
        found = categories[here]
        if found.holds(day) or (here == key and not found.ended(day)):
            outcome = Outcome.MAPPED if through else Outcome.ITSELF
            return Equivalent(here, outcome, found.name_zh, found.name_en, through)
        for row in rows.get(here, ()):
            if row.new is None:
                dead = dead or (*through, row)
            elif row.new in categories and row.new not in seen:
                seen.add(row.new)
                waiting.append((row.new, (*through, row)))
    if dead:
        return Equivalent(None, Outcome.NO_MAPPING, through=dead)
    return Equivalent(None, Outcome.UNDECIDED)
