"""管理: quarantine and its re-drive, accounts, and the city's decisions as dated editions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api import answers
from api.access import READERS, Caller, R, allow
from api.given import AccountGiven, Code, DecisionGiven
from api.parts import Opened, Parts
from api.problems import Problem
from api.schemas import (
    AccountMade,
    AccountShown,
    DecisionMade,
    DecisionShown,
    QuarantineDecided,
    QuarantinePage,
)
from incidents.postgres import accounts as kept
from incidents.postgres import decision_store, views
from incidents.postgres import quarantine as set_aside
from incidents.postgres.connection import Connection
from incidents.standards import tables

router = APIRouter(prefix="/api/v1", tags=["admin 管理"])
Administrator = Annotated[Caller, allow(R.ADMINISTRATOR)]
Overseer = Annotated[Caller, allow(R.ADMINISTRATOR, R.SHIFT_LEAD, R.AUDITOR)]


@router.get("/quarantine", response_model=QuarantinePage, summary="隔离区 What was set aside")
def quarantine(
    _: Overseer,
    parts: Opened,
    state: Literal["waiting", "redriven", "dismissed"] | None = "waiting",
    reason: Annotated[Code | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[
        int | None, Query(ge=0, le=2**62, description="此 id 之前 older than")
    ] = None,
) -> Response:
    """The newest first: origin, reason and the original bytes (base64, the first 3 kB)."""
    with parts.connection() as connection:
        rows = views.quarantine(connection, state, reason, before, limit + 1)
    items = [_set_aside(row) for row in rows[:limit]]
    return answers.json({"items": items, "next": items[-1]["id"] if len(rows) > limit else None})


Id = Annotated[int, Path(ge=1, le=2**62)]
Decider = Annotated[Caller, allow(R.ADMINISTRATOR, R.SHIFT_LEAD)]


@router.post(
    "/quarantine/{id}/redrive",
    status_code=202,
    response_model=QuarantineDecided,
    summary="重新投递 Send it to its topic again",
)
def redrive(id: Id, caller: Decider, parts: Opened) -> Response:  # noqa: A002 - the contract's name
    """After the fault was mended: what was set aside goes to its topic once more, through the outbox."""
    return _decided(parts, id, "redriven", lambda c: set_aside.redrive(c, [id], caller.name))


@router.post(
    "/quarantine/{id}/dismiss",
    status_code=202,
    response_model=QuarantineDecided,
    summary="不再投递 Never send it again",
)
def dismiss(id: Id, caller: Decider, parts: Opened) -> Response:  # noqa: A002
    """It stays where it is, for the books."""
    return _decided(parts, id, "dismissed", lambda c: set_aside.dismiss(c, [id], caller.name))


def _decided(
    parts: Parts, number: int, state: str, act: Callable[[Connection], list[int]]
) -> Response:
    with parts.connection() as connection:
        if act(connection):
            return answers.json({"id": number, "state": state}, 202)
        before = views.quarantine_state(connection, number)
    if before is None:
        raise Problem(
            404, "unknown", (f"隔离区没有第 {number} 条", f"nothing was set aside as {number}")
        )
    raise Problem(
        409,
        "already_decided",
        (f"第 {number} 条已处理（{before}）", f"{number} is {before} already"),
        state=before,
    )


@router.get("/accounts", response_model=list[AccountShown], summary="账户 Accounts")
def accounts(_: Administrator, parts: Opened) -> Response:
    """Everybody who may ask, without tokens."""
    with parts.connection() as connection:
        return answers.json(kept.everybody(connection))


@router.post(
    "/accounts", status_code=201, response_model=AccountMade, summary="新建账户 Make an account"
)
def add_account(given: AccountGiven, _: Administrator, parts: Opened) -> Response:
    """The answer holds the token, this once; only its hash is kept."""
    who = kept.Applicant(given.name, given.role, given.department, given.area, given.scopes)
    with parts.connection() as connection:
        token = kept.add(connection, who)
    body = given.model_dump(mode="json") | {"token": token}
    return answers.json(body, 201, {"Cache-Control": "no-store"})


@router.delete("/accounts/{name}", status_code=204, summary="停用账户 Withdraw an account")
def remove_account(
    name: Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[^\x00]+$")],
    _: Administrator,
    parts: Opened,
) -> Response:
    """Its token is refused within two seconds; its name stays in the history."""
    with parts.connection() as connection:
        kept.deactivate(connection, name)
    return Response(status_code=204)


def _decision(kind: str, parts: Opened) -> Response:
    with parts.connection() as connection:
        found = decision_store.editions_in_force(connection).get(kind)
    if found is not None:
        return answers.json(found)
    body = tables.seed()[kind]
    head = {"id": 0, "kind": kind, "holds_from": None, "made_at": None, "author": "seed"}
    return answers.json(head | {"body": body})


def _decide(kind: str, given: DecisionGiven, caller: Caller, parts: Opened) -> Response:
    with parts.connection() as connection:
        made = decision_store.keep(
            connection, kind, given.body, f"person:{caller.name}", given.holds_from
        )
        parts.in_force.refresh(connection)
    return answers.json({"id": made, "kind": kind, "holds_from": given.holds_from}, 201)


@router.get("/rules", response_model=DecisionShown, summary="规则 Rules in force")
def rules(_: Annotated[Caller, allow(READERS)], parts: Opened) -> Response:
    """The edition that holds now; the built-in one where the city decided nothing."""
    return _decision("rules", parts)


@router.put("/rules", status_code=201, response_model=DecisionMade, summary="新版规则 New rules")
def put_rules(given: DecisionGiven, caller: Administrator, parts: Opened) -> Response:
    """A new edition, whole; refused whole with row and reason when not sound."""
    return _decide("rules", given, caller, parts)


@router.get("/routes", response_model=DecisionShown, summary="派遣路由 Routes in force")
def routes(_: Annotated[Caller, allow(READERS)], parts: Opened) -> Response:
    """The edition that holds now."""
    return _decision("routes", parts)


@router.put("/routes", status_code=201, response_model=DecisionMade, summary="新版路由 New routes")
def put_routes(given: DecisionGiven, caller: Administrator, parts: Opened) -> Response:
    """A new edition, whole; refused whole with row and reason when not sound."""
    return _decide("routes", given, caller, parts)


@router.get("/calendar", response_model=DecisionShown, summary="工作日历 Calendar in force")
def calendar(_: Annotated[Caller, allow(READERS)], parts: Opened) -> Response:
    """Working hours, holidays and make-up days, stage limits, and until when all that is confirmed."""
    return _decision("calendar", parts)


@router.put(
    "/calendar", status_code=201, response_model=DecisionMade, summary="新版日历 New calendar"
)
def put_calendar(given: DecisionGiven, caller: Administrator, parts: Opened) -> Response:
    """A new edition, whole; provisional deadlines it confirms are reckoned again within seconds."""
    return _decide("calendar", given, caller, parts)


def _set_aside(row: views.Quarantined) -> dict[str, Any]:
    body = row._asdict()
    body["key"] = None if row.key is None else row.key.decode(errors="replace")
    return body
