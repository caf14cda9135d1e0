"""Category 大类小类: a class of component 部件 or matter 事项 in a code set, the key by which everything is filed.

Codes repeat across code sets and between components and matters (domain.md §0 fact 1), so the key is all three.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from incidents.calendar import TimeLimit
from incidents.errors import CategoryUnknown


class Kind(StrEnum):
    """Whether a category is of things that stand in the city or of things that happen in it."""

    COMPONENT = "component"
    MATTER = "matter"


@dataclass(frozen=True, slots=True, order=True)
class CategoryKey:
    """(code set, kind, code), written `code_set/kind/code`, e.g. `gb47678.5-2026/matter/06012`."""

    code_set: str
    kind: Kind
    code: str

    @classmethod
    def parse(cls, text: str) -> CategoryKey:
        """The key a text names; raises CategoryUnknown when it is not of the form."""
        parts = text.split("/")
        if len(parts) != 3 or not all(parts) or parts[1] not in tuple(Kind):
            raise CategoryUnknown(
                zh=f"类别“{text}”格式不对，应为 编码体系/component|matter/编码",
                en=f"category {text!r} is not of the form code_set/component|matter/code",
            )
        return cls(parts[0], Kind(parts[1]), parts[2])

    def __str__(self) -> str:
        return f"{self.code_set}/{self.kind}/{self.code}"


@dataclass(frozen=True, slots=True)
class FilingCondition:
    """立案条件: when a trouble of its category is filed, how long its handling may take, when it is done 结案条件.

    `basis` says where the limit comes from. `code` is unique within the category, not beyond it.
    """

    code: str
    text_zh: str
    limit: TimeLimit
    closing_zh: str
    text_en: str = ""
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Category:
    """A category with its names; `major` is the 大类 it stands in, `responsible` the department that answers for it.

    Filed under from `valid_from` to `valid_to`, both days included, None without end; what was filed keeps it for ever.
    The first of `conditions` holds where nobody chose another.
    """

    key: CategoryKey
    name_zh: str
    name_en: str
    major: str = ""
    responsible: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    conditions: tuple[FilingCondition, ...] = ()

    def holds(self, day: date) -> bool:
        """Whether something may be filed under it on that day of the city."""
        return not self.ended(day) and (self.valid_from is None or self.valid_from <= day)

    def ended(self, day: date) -> bool:
        """Whether its last day is over."""
        return self.valid_to is not None and self.valid_to < day

    def condition(self, code: str | None) -> FilingCondition | None:
        """The condition of that code; without a code its first. None where there is none."""
        if code is None:
            return self.conditions[0] if self.conditions else None
        return next((one for one in self.conditions if one.code == code), None)
