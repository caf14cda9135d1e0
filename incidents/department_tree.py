"""The tree of departments 专业部门: who stands above and below whom. A circle or a missing parent never hangs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from incidents.decisions import Department


@dataclass(frozen=True, slots=True)
class Node:
    """A department with those above it, the top first, and the codes right below it."""

    department: Department
    above: tuple[str, ...]
    below: tuple[str, ...]

    @property
    def level(self) -> int:
        """How deep it stands; 0 at the top."""
        return len(self.above)


def above(code: str, departments: Mapping[str, Department]) -> tuple[str, ...]:
    """The departments above one, the top first; a circle ends where it closes."""
    found: list[str] = []
    parent = departments[code].parent if code in departments else None
    while parent is not None and parent in departments and parent not in {code, *found}:
        found.append(parent)
        parent = departments[parent].parent
    return tuple(reversed(found))


def tree(departments: Mapping[str, Department]) -> tuple[Node, ...]:
    """Every department once, each after the one above it, those of one parent by code."""
    nodes = [
        Node(one, above(code, departments), _below(code, departments))
        for code, one in departments.items()
    ]
    return tuple(sorted(nodes, key=lambda node: (*node.above, node.department.code)))


def _below(code: str, departments: Mapping[str, Department]) -> tuple[str, ...]:
    return tuple(sorted(c for c, one in departments.items() if one.parent == code and c != code))
