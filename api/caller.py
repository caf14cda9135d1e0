"""The caller 来访者: who asks, in which role, and what of the city he may see. Asks for no token; access.py does."""

from __future__ import annotations

from dataclasses import dataclass

from incidents.incident import Actor
from incidents.lifecycle import Role

DESK = frozenset({Role.INTAKE_OFFICER, Role.DISPATCHER, Role.SHIFT_LEAD})
"""The desk 受理、派遣、值班长: the only ones who see who reported."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which incidents a caller sees: a department its own and, after it, those of departments below; an area account
    those under its code prefix.
    """

    departments: tuple[str, ...] | None = None
    area: str | None = None

    @property
    def department(self) -> str | None:
        """The caller's own department; None for one who sees those of all."""
        return self.departments[0] if self.departments else None

    def covers(self, department: str | None, cell: str | None, community: str | None) -> bool:
        """Whether an incident of that department, cell and community lies within."""
        if self.departments is not None and department not in self.departments:
            return False
        return self.area is None or (cell or community or "").startswith(self.area)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    name: str
    role: Role
    department: str | None = None
    area: str | None = None
    password_due: bool = False
    """He logged in with a password that he must change before anything else."""
    below: tuple[str, ...] = ()
    """Departments below his whose incidents he sees 上级部门."""
    acts_below: bool = False
    """And for which he may act."""

    @property
    def actor(self) -> Actor:
        """The caller as the one who makes a move."""
        below = self.below if self.acts_below else ()
        return Actor(self.name, self.role, self.department, self.area, below)

    @property
    def scope(self) -> Scope:
        """What the caller may see. A department's account without a department sees nothing."""
        if self.role is not Role.DEPARTMENT:
            return Scope(None, self.area)
        return Scope((self.department or "", *self.below), self.area)

    @property
    def sees_reporter(self) -> bool:
        """Whether the one who reported may be shown to this caller."""
        return self.role in DESK

    @property
    def sees_text(self) -> bool:
        """Whether what people wrote may be shown; a wall hangs where anyone looks."""
        return self.role is not Role.WALL
