"""待办 as SQL: the table of `incidents.to_do` as conditions on a row of `incident i`, and as the column that says why.

Each condition is true or false, never null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from incidents.lifecycle import Role
from incidents.postgres.queries import named
from incidents.to_do import TURNS, Turn, When


@dataclass(frozen=True, slots=True)
class Whose:
    """Who asks what is his to do: a role, and of his own an inspector's name or the departments he acts for."""

    role: Role
    name: str
    departments: tuple[str, ...] = ()


_STANDS: Mapping[When, str] = {
    When.DENIED: "i.confirmed is false",
    When.NOT_DENIED: "i.confirmed is not false",
    When.SENT: "i.inspector is not null",
    When.UNSENT: "i.inspector is null",
    When.VERIFIED: "i.verified_at is not null",
    When.UNVERIFIED: "i.verified_at is null",
    When.RETURNED: "i.returned is not null",
    When.NOT_RETURNED: "i.returned is null",
    When.EXTENSION: "i.asked is not null and i.asked ->> 'kind' is not distinct from 'extend'",
    When.SUSPENSION: "i.asked is not null and i.asked ->> 'kind' is not distinct from 'suspend'",
    # `urge` and when its answer is due come and go together; the latter stands in the index.
    When.URGED: "i.urge_due_at is not null",
    When.TOLD: """coalesce(i.urge -> 'told' @> '"{role}"', false)""",
    When.SOMEBODYS: "i.department is not null",
    When.NOBODYS: "i.department is null",
}
_WAITS = (
    "(i.state in ('reported', 'confirming', 'open', 'handled', 'verifying')"
    " or i.asked is not null or i.urge_due_at is not null)"
)
"""What waits for somebody but the department that has it; word for word as the index of it says (`incident_waits`)."""
IN_ORDER = named("evaluation_views.sql")["in_order"]
_HIS = {
    Role.INSPECTOR: " and i.inspector = %(his_name)s",
    Role.DEPARTMENT: " and i.department = any(%(his_departments)s)",
}


def condition(whose: Whose) -> str:
    """What is somebody's to do, of what has not ended; false where no turn is ever his."""
    own = [_condition(turn, whose.role) for turn in TURNS if whose.role in turn.roles]
    if not own:
        return "false"
    alive = "i.state not in ('closed', 'void')"
    waits = "" if whose.role is Role.DEPARTMENT else f" and {_WAITS}"
    return f"{alive}{waits}{_HIS.get(whose.role, '')} and ({' or '.join(own)})"


def walked(whose: Whose) -> bool:
    """Whether the list is walked in its order, and not searched for each reason (`IN_ORDER`).

    What a desk has to do is much of what waits for any; of reasons that go together the planner takes each for a rare one,
    would find them all and sort them. What one department or inspector has is few.
    """
    return whose.role not in _HIS


def values(whose: Whose) -> dict[str, Any]:
    """What the conditions ask for by name."""
    return {"his_name": whose.name, "his_departments": list(whose.departments)}


def _condition(turn: Turn, role: Role) -> str:
    return f"(i.state in ({_quoted(turn.states)}) and {_stands(turn, role)})"


def _stands(turn: Turn, role: Role) -> str:
    tests = (f"({_STANDS[when].format(role=role)})" for when in turn.when)
    return "(" + (" and ".join(tests) or "true") + ")"


def _quoted(values: Sequence[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _told() -> str:
    """Reasons by role as `incidents.to_do.to_do` gives them."""
    members = []
    for role in dict.fromkeys(role for turn in TURNS for role in turn.roles):
        whys: dict[str, list[str]] = {}
        for turn in (t for t in TURNS if role in t.roles):
            whys.setdefault(turn.why, []).append(_condition(turn, role))
        cases = (f"case when {' or '.join(some)} then '{why}' end" for why, some in whys.items())
        listed = f"array_remove(array[{', '.join(cases)}], null)"
        members.append(f"'{role}', nullif(to_jsonb({listed}), '[]'::jsonb)")
    told = f"jsonb_strip_nulls(jsonb_build_object({', '.join(members)}))"
    return f"case when i.state in ('closed', 'void') then '{{}}'::jsonb else {told} end"


TOLD = _told()
"""The column: whom an incident waits for, and why."""
