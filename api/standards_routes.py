"""标准: categories and filing conditions in force, what a new edition would change, and its adoption; Excel and CSV."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import AwareDatetime
from starlette.responses import Response

from api import answers
from api.access import READERS, Caller, R, allow
from api.parts import Opened, now
from api.problems import Problem
from api.schemas import DecisionMade, DecisionShown
from api.standards_schemas import NamesShown, StandardsGiven, StandardsPreview
from incidents.postgres import decision_store, standards_store
from incidents.postgres.standards_store import Asked
from incidents.standards import sheets

router = APIRouter(prefix="/api/v1", tags=["standards 标准"])
Administrator = Annotated[Caller, allow(R.ADMINISTRATOR)]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILE = {"schema": {"type": "string", "format": "binary"}}


def _tag(edition: int) -> str:
    """The validator of an edition: editions never change."""
    return f'"standards-{edition}"'


async def _raw(request: Request) -> bytes:
    return await request.body()


@router.get("/standards", response_model=DecisionShown, summary="标准 Standards in force")
def standards(
    _: Annotated[Caller, allow(READERS, R.WALL)],
    parts: Opened,
    if_none_match: Annotated[
        str | None, Header(description="上次的 ETag；未变则 304 the ETag of last time")
    ] = None,
) -> Response:
    """Categories with their conditions, correspondences, nearness and departments of the edition that holds now.

    Some hundred kilobytes: with the ETag of last time the answer is 304 while the same edition holds.
    """
    headers = {"Cache-Control": "private, no-cache"}
    known = parts.in_force.decisions.editions.get("standards")
    if known is not None and if_none_match == _tag(known):
        return Response(status_code=304, headers={**headers, "ETag": _tag(known)})
    with parts.connection() as connection:
        found = decision_store.editions_in_force(connection).get("standards")
        if found is not None:
            return answers.json(found, headers={**headers, "ETag": _tag(found.id)})
        number, body = standards_store.in_force(connection)
    head = {"id": number, "kind": "standards", "holds_from": None, "made_at": None}
    return answers.json(head | {"author": "seed", "body": body})


@router.get("/standards/names", response_model=NamesShown, summary="名称 Names to choose from")
def names(
    _: Annotated[Caller, allow(READERS)],
    parts: Opened,
    if_none_match: Annotated[
        str | None, Header(description="上次的 ETag；未变则 304 the ETag of last time")
    ] = None,
) -> Response:
    """What may be filed today, and the departments, by name only: for a phone on a weak network."""
    decisions = parts.in_force.decisions
    day, edition = decisions.day(now()), decisions.editions.get("standards", 0)
    tag = f'"names-{edition}-{day}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": tag}
    if if_none_match == tag:
        return Response(status_code=304, headers=headers)
    categories = [
        {"key": key, "zh": one.name_zh, "en": one.name_en, "major": one.major}
        for key, one in decisions.categories.items()
        if one.holds(day)
    ]
    departments = [
        {"code": one.code, "zh": one.name_zh, "en": one.name_en}
        for one in decisions.departments.values()
    ]
    body = {
        "edition": edition,
        "photos_at_once": decisions.policy.max_photos_at_once,
        "categories": categories,
        "departments": departments,
    }
    return answers.json(body, headers=headers)


@router.put(
    "/standards", status_code=201, response_model=DecisionMade, summary="新版标准 New standards"
)
def put_standards(given: StandardsGiven, caller: Administrator, parts: Opened) -> Response:
    """A new edition, whole; refused whole with row and reason when not sound, or when it loses what is referred to."""
    asked = Asked(given.holds_from, base=given.base)
    with parts.connection() as connection:
        made = standards_store.put(connection, given.body, f"person:{caller.name}", asked)
        parts.in_force.refresh(connection)
    return answers.json({"id": made, "kind": "standards", "holds_from": given.holds_from}, 201)


@router.post(
    "/standards/preview",
    response_model=StandardsPreview,
    summary="比较 What would change",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/StandardsGiven"}},
                XLSX: _FILE,
                "text/csv": _FILE,
            },
        }
    },
)
def preview(
    _: Administrator,
    parts: Opened,
    data: Annotated[bytes, Depends(_raw)],
    holds_from: Annotated[
        AwareDatetime | None, Query(description="何时施行 when it would begin to hold")
    ] = None,
    partial: Annotated[
        bool, Query(description="文件只是一部分 rows that are not in the file stay")
    ] = False,
) -> Response:
    """A whole body as JSON, or an .xlsx or .csv as it is; changes nothing. Refused exactly where adopting it would be."""
    given: bytes | Mapping[str, Any] = data
    if data.lstrip()[:1] == b"{":
        given = _body(data)
    with parts.connection() as connection:
        found = standards_store.propose(connection, given, Asked(holds_from, partial))
    shown = {"base": found.base, "difference": found.difference.as_json(), "body": found.body}
    return answers.json(shown)


@router.get(
    "/standards/export",
    summary="导出 As Excel or CSV",
    response_class=Response,
    responses={200: {"content": {XLSX: _FILE, "text/csv": _FILE}}},
)
def export(
    _: Annotated[Caller, allow(READERS)],
    parts: Opened,
    format: Literal["xlsx", "csv"] = "xlsx",  # noqa: A002 - the word of the address
    sheet: Literal["categories", "conditions", "correspondences", "departments"] = "conditions",
) -> Response:
    """All sheets as .xlsx, or one as CSV; importing it again changes nothing. No cell is a formula."""
    with parts.connection() as connection:
        number, body = standards_store.in_force(connection)
    whole = format == "xlsx"
    name = f"standards-{number}.xlsx" if whole else f"standards-{number}-{sheet}.csv"
    return Response(
        standards_store.export(body, None if whole else sheets.form(sheet)),
        media_type=XLSX if whole else "text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _body(data: bytes) -> Mapping[str, Any]:
    """The body inside the JSON a PUT would take."""
    try:
        given = json.loads(data)
    except ValueError as fault:
        raise Problem(
            400, "not_json", ("请求体不是合法的 JSON", f"the body is not valid JSON: {fault}")
        ) from fault
    inner = given.get("body")
    if not isinstance(inner, dict):
        raise Problem(422, "invalid", ("缺少 body", "`body` is missing"), errors=[])
    return inner
