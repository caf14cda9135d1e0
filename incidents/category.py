"""Category 大类小类: a class of component 部件 or matter 事项 in a code set, the key by which everything is filed.

Codes repeat across code sets and between components and matters (domain.md §0 fact 1), so the key is all three.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
class Category:
    """A category with its names; `major` is the 大类 it stands in."""

    key: CategoryKey
    name_zh: str
    name_en: str
    major: str = ""
