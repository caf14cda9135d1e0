"""交接班: what a shift leaves to the next, frozen in one record and signed by the one who receives."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api import answers
from api.access import Caller, R, allow
from api.caller import DESK
from api.duty_schemas import HandoverGiven, HandoverPage, HandoverShown, SignatureGiven
from api.idempotency import Key, once
from api.parts import Opened, now
from api.problems import Problem
from incidents.lifecycle import Role
from incidents.postgres import handover_store as store

router = APIRouter(prefix="/api/v1/handovers", tags=["duty 值班"])

Desk = Annotated[Caller, allow(DESK)]
Reader = Annotated[Caller, allow(DESK, R.ADMINISTRATOR, R.EVALUATOR, R.AUDITOR)]
Id = Annotated[int, Path(ge=1, le=2**62)]


@router.post("", status_code=201, response_model=HandoverShown, summary="交班 Leave a shift")
def leave(given: HandoverGiven, caller: Desk, parts: Opened, key: Key = None) -> Response:
    """The list of what is open, urgent and overdue in the caller's area is made now and kept as it is."""
    leaving = store.Leaving(caller.name, caller.role, caller.area, given.post)
    request = ("POST /handovers", given.model_dump_json().encode())
    with parts.connection() as connection:
        return once(
            connection,
            caller,
            key,
            request,
            lambda: _made(store.leave(connection, leaving, given.note, now())),
        )


@router.get("", response_model=HandoverPage, summary="交接班记录 Hand-overs")
def handovers(
    caller: Reader,
    parts: Opened,
    waiting: Annotated[bool, Query(description="只看待签收 only unsigned ones")] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """The newest first, without their lists; an area account sees those of its area."""
    with parts.connection() as connection:
        rows = store.several(
            connection, caller.area, waiting=waiting, before=before, most=limit + 1
        )
    page = rows[:limit]
    return answers.json({"items": page, "next": page[-1].id if len(rows) > limit else None})


@router.get("/{id}", response_model=HandoverShown, summary="一次交接班 One hand-over")
def handover(id: Id, caller: Reader, parts: Opened) -> Response:  # noqa: A002
    """With the whole list, as it stood when it was left."""
    with parts.connection() as connection:
        found = store.one(connection, id)
    _check_area(found, caller)
    return answers.json(found)


@router.post("/{id}/sign", response_model=HandoverShown, summary="接班签收 Sign as the receiver")
def sign(id: Id, given: SignatureGiven, caller: Desk, parts: Opened) -> Response:  # noqa: A002
    """By another person of the same role, or a shift lead; once. Both names and times are kept for good."""
    with parts.connection() as connection:
        found = store.one(connection, id)
        _check_area(found, caller)
        if caller.role not in {Role(found.role), Role.SHIFT_LEAD}:
            raise Problem(
                403,
                "forbidden",
                (
                    f"由同一角色（{found.role}）或值班长签收",
                    f"signed by a {found.role} or a shift lead",
                ),
            )
        return answers.json(store.sign(connection, id, caller.name, given.note, now()))


def _made(found: store.Handover) -> Response:
    return answers.json(asdict(found), 201, {"Location": f"/api/v1/handovers/{found.id}"})


def _check_area(found: store.Handover, caller: Caller) -> None:
    if caller.area is not None and not (found.area or "").startswith(caller.area):
        raise Problem(403, "forbidden", ("不属于您的辖区", "this hand-over is beyond your area"))
