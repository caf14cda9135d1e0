"""A person with several roles acts in one at a time: the header `Yiwang-Role` says in which, the first role without it.

`dispatcher`, or `dispatcher/990102`, `department/PS` where the same role is held for several areas or departments.
"""

from __future__ import annotations

from dataclasses import replace

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.caller import Caller
from api.in_force import InForce
from api.problems import Problem
from incidents.duty import Held
from incidents.lifecycle import Role
from incidents.policy import ParentMay
from incidents.postgres import duty_store

HEADER = "yiwang-role"


async def in_role(request: Request, caller: Caller) -> Caller:
    """The caller in the role asked for; 403 for one he does not hold. His first role needs no question."""
    asked = request.headers.get(HEADER, "").strip()
    if not asked or asked == caller.role:
        return caller
    held = await run_in_threadpool(_held, request, caller.name)
    found = next((one for one in held if asked in _names(one)), None)
    if found is None:
        raise Problem(
            403,
            "forbidden",
            (f"您没有角色 {asked[:80]}", f"you do not hold the role {asked[:80]}"),
            roles=[str(caller.role), *dict.fromkeys(str(one.role) for one in held)],
        )
    return replace(caller, role=found.role, department=found.department, area=found.area)


def over_others(caller: Caller, in_force: InForce) -> Caller:
    """A department's caller with the departments below it, as far as the city's policy lets them be seen and acted for."""
    if caller.role is not Role.DEPARTMENT or caller.department is None or not in_force.ready:
        return caller
    below = in_force.decisions.below.get(caller.department, ())
    may = in_force.decisions.policy.parent_may
    if not below or may is ParentMay.NOTHING:
        return caller
    return replace(caller, below=below, acts_below=may is ParentMay.ACT)


def asked_as(held: Held, first: bool) -> str:
    """What the header says to act in this role; the first one of an account is asked for by its name alone."""
    for_ = None if first else held.area or held.department
    return f"{held.role}/{for_}" if for_ else str(held.role)


def _held(request: Request, name: str) -> list[Held]:
    with request.app.state.parts.connection() as connection:
        return duty_store.further_roles(connection, name)


def _names(held: Held) -> set[str]:
    """The ways to ask for a role held."""
    return {
        str(held.role),
        *(f"{held.role}/{for_}" for for_ in (held.area, held.department) if for_),
    }
