"""值班: people and their roles, posts, departments in their tree, the roster, and who is on duty now."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime
from starlette.responses import Response

from api import answers
from api.access import READERS, Caller, R, allow
from api.caller import DESK
from api.duty_schemas import (
    Area,
    DepartmentShown,
    DutyEnded,
    DutyEnds,
    DutyGiven,
    DutyPage,
    DutyPlanned,
    EndGiven,
    PersonShown,
    PostGiven,
    PostShown,
    RolesGiven,
    RosterGiven,
    RosterReplaced,
    WhereGiven,
)
from api.given import Code
from api.parts import Opened, now
from api.problems import Problem
from grid.coordinates import to_wgs84
from incidents import department_tree
from incidents.duty import Duty, Held
from incidents.lifecycle import Role
from incidents.postgres import duty_store as store

router = APIRouter(prefix="/api/v1", tags=["duty 值班"])

Planner = Annotated[Caller, allow(R.SHIFT_LEAD, R.ADMINISTRATOR)]
Colleague = Annotated[Caller, allow(DESK, R.ADMINISTRATOR, R.INSPECTOR, R.DEPARTMENT, R.EVALUATOR,
                                    R.AUDITOR)]  # fmt: skip
Administrator = Annotated[Caller, allow(R.ADMINISTRATOR)]
Name = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]

LONGEST_LOOK = timedelta(days=62)
AHEAD, BEHIND = timedelta(minutes=5), timedelta(minutes=30)
"""How far a phone's clock may run ahead of ours, and how old a position may be when it is told."""


@router.get("/people", response_model=list[PersonShown], summary="人员 People and their roles")
def people(
    _: Annotated[Caller, allow(DESK, R.ADMINISTRATOR, R.EVALUATOR, R.AUDITOR)],
    parts: Opened,
    role: Role | None = None,
    department: Code | None = None,
    on_duty: bool | None = None,
) -> Response:
    """Everybody with an account who is a person, by name; a role held beside the first one counts too."""
    with parts.connection() as connection:
        everybody = store.people(connection, now())
    found = [
        one
        for one in everybody
        if (role is None or any(held.role is role for held in one.roles))
        and (department is None or any(held.department == department for held in one.roles))
        and on_duty in {None, one.on_duty}
    ]
    return answers.json(found)


@router.put("/people/{name}/roles", response_model=PersonShown, summary="兼任角色 Further roles")
def put_roles(name: Name, given: RolesGiven, caller: Administrator, parts: Opened) -> Response:
    """The further roles of a person, whole; the first one is the account's. An empty list leaves that alone."""
    roles = [Held(one.role, one.department, one.area) for one in given.roles]
    with parts.connection() as connection:
        store.give_roles(connection, name, roles, f"person:{caller.name}")
        return answers.json(store.people(connection, now(), name)[0])


@router.get("/departments", response_model=list[DepartmentShown], summary="部门 Departments")
def departments(_: Annotated[Caller, allow(READERS)], parts: Opened) -> Response:
    """The tree of departments in force, each after the one above it. Who leads and who assists is an incident's."""
    nodes = department_tree.tree(parts.in_force.decisions.departments)
    return answers.json([_node(node) for node in nodes])


def _node(node: department_tree.Node) -> dict[str, Any]:
    one = node.department
    return {
        "code": one.code,
        "name": one.name_zh,
        "name_en": one.name_en,
        "parent": one.parent,
        "path": list(node.above),
        "level": node.level,
        "children": list(node.below),
    }


@router.get("/posts", response_model=list[PostShown], summary="岗位 Posts")
def posts(_: Colleague, parts: Opened) -> Response:
    """All posts, those out of use included, by code."""
    with parts.connection() as connection:
        return answers.json(store.posts(connection))


@router.put("/posts/{code}", response_model=PostShown, summary="设岗位 Make or change a post")
def put_post(
    code: Annotated[Code, Path()], given: PostGiven, _: Administrator, parts: Opened
) -> Response:
    """A post is taken out of use with `active: false`; what was worked on it stays."""
    post = store.Post(code, given.name, given.role, given.department, given.area, given.active)
    with parts.connection() as connection:
        store.put_post(connection, post)
    return answers.json(post)


@router.get("/duty", response_model=DutyPage, summary="谁在值班 Who is on duty")
def duty(
    caller: Colleague,
    parts: Opened,
    at: Annotated[AwareDatetime | None, Query(description="何时，默认现在 when; now")] = None,
    area: Annotated[Area | None, Query(description="区域编码前缀 code prefix")] = None,
    role: Role | None = None,
) -> Response:
    """Whose duty holds at an instant. Positions are for the desk; one's own is told to oneself."""
    moment = at or now()
    window = store.Window(moment, moment + timedelta(microseconds=1), role, area)
    return _page(caller, parts, window, (moment, moment))


@router.get("/duty/roster", response_model=DutyPage, summary="值班表 The roster")
def roster(
    caller: Colleague,
    parts: Opened,
    since: Annotated[AwareDatetime, Query(alias="from")],
    to: AwareDatetime,
    area: Annotated[Area | None, Query(description="区域编码前缀 code prefix")] = None,
    role: Role | None = None,
) -> Response:
    """Every duty that holds at some time between two instants, at most two months apart."""
    _check_window(since, to)
    return _page(caller, parts, store.Window(since, to, role, area), (since, to))


def _page(
    caller: Caller, parts: Opened, window: store.Window, shown: tuple[datetime, datetime]
) -> Response:
    with parts.connection() as connection:
        rows = store.listed(connection, window, now())
    items = [_duty(row, caller) for row in rows]
    body = {"from": shown[0], "to": shown[1], "items": items}
    return answers.json(body, headers={"Cache-Control": "private, no-store"})


def _duty(row: store.Listed, caller: Caller) -> dict[str, Any]:
    body = asdict(row)
    body["from"], body["to"] = body.pop("begins"), body.pop("ends")
    at, lon, lat = body.pop("position_at"), body.pop("lon"), body.pop("lat")
    seen = caller.role in DESK or caller.name == row.account
    body["position"] = {"lon": lon, "lat": lat, "at": at} if seen and at is not None else None
    body["tasks"] = row.tasks if seen else None
    return body


@router.post("/duty", status_code=201, response_model=DutyPlanned, summary="排班 Plan duties")
def plan(given: RosterGiven, caller: Planner, parts: Opened) -> Response:
    """Duties added, all or none; the same again is kept once. A duty may begin in the past: written up afterwards."""
    duties = [_given(one) for one in given.duties]
    with parts.connection() as connection:
        ids = store.plan(connection, duties, f"person:{caller.name}", now(), caller.area)
    return answers.json({"ids": ids}, 201)


@router.put("/duty", response_model=DutyPlanned, summary="换班表 Plan a window anew")
def plan_anew(given: RosterReplaced, caller: Planner, parts: Opened) -> Response:
    """What was to begin in the window, as far as the caller's area goes, is replaced; what has begun stays."""
    _check_window(given.from_, given.to)
    window = store.Window(given.from_, given.to, given.role, caller.area)
    duties = [_given(one) for one in given.duties]
    with parts.connection() as connection:
        ids = store.plan_anew(connection, window, duties, f"person:{caller.name}", now())
    return answers.json({"ids": ids})


DutyId = Annotated[int, Path(ge=1, le=2**62)]


@router.patch("/duty/{id}", response_model=DutyEnds, summary="改班 Let a duty end at another time")
def end_at(id: DutyId, given: EndGiven, caller: Planner, parts: Opened) -> Response:  # noqa: A002
    """Sooner or later than planned, ahead of now; who, where and from when stays. One that is over stays as it was."""
    with parts.connection() as connection:
        store.end_at(connection, id, given.to, now(), caller.area)
    return answers.json({"id": id, "to": given.to})


@router.delete("/duty/{id}", response_model=DutyEnded, summary="停班 End or cancel a duty")
def end(id: DutyId, caller: Planner, parts: Opened) -> Response:  # noqa: A002
    """One that runs ends now, one that has not begun is cancelled, one that is over stays as it was."""
    with parts.connection() as connection:
        outcome = store.end(connection, id, now(), caller.area)
    return answers.json({"id": id, "outcome": outcome})


@router.put("/duty/position", status_code=204, summary="报告位置 Tell where one is")
def tell_position(
    given: WhereGiven, caller: Annotated[Caller, allow(R.INSPECTOR)], parts: Opened
) -> Response:
    """Personal data: during a duty only, the newest only, read by the desk, forgotten when the duty is over."""
    moment, at = now(), given.at or now()
    if not moment - BEHIND <= at <= moment + AHEAD:
        raise _out_of_range(
            "/at", "定位时间须在半小时以内", "`at` is over half an hour old, or ahead"
        )
    lon, lat = to_wgs84(given.position.lon, given.position.lat, given.position.datum)
    place = store.Position(lon, lat, min(at, moment), given.position.accuracy)
    with parts.connection() as connection:
        store.tell_position(connection, caller.name, caller.role, place, moment)
    return Response(status_code=204)


def _given(one: DutyGiven) -> Duty:
    return Duty(
        account=one.account,
        role=one.role,
        begins=one.from_,
        ends=one.to,
        area=one.area,
        responsible=tuple(one.responsible),
        post=one.post,
        department=one.department,
    )


def _check_window(since: datetime, until: datetime) -> None:
    if not since < until <= since + LONGEST_LOOK:
        raise _out_of_range(
            "/to",
            f"时段须由早到晚，且不长于 {LONGEST_LOOK.days} 天",
            f"the window must go forward and be {LONGEST_LOOK.days} days at most",
        )


def _out_of_range(pointer: str, zh: str, en: str) -> Problem:
    errors = [{"in": "body", "pointer": pointer, "code": "out_of_range", "detail": en}]
    return Problem(422, "invalid", (zh, en), errors=errors)
