"""综合评价: figures and rates of a period, each number with the list of exactly the incidents it counts; closing of months."""

from __future__ import annotations

import calendar
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import answers, evaluation_answers
from api.access import R, allow
from api.caller import Caller
from api.evaluation_answers import Answered
from api.evaluation_schemas import (
    EvaluationList,
    EvaluationTable,
    ListAsked,
    Month,
    MonthClosed,
    MonthToClose,
    Narrowed,
    TableAsked,
)
from api.negotiation import preferred
from api.parts import Opened, Parts, now
from api.problems import Problem
from incidents.lifecycle import Role
from incidents.postgres import evaluation_editions as editions
from incidents.postgres import evaluation_store as store
from incidents.postgres import evaluation_views as views
from incidents.postgres.connection import Connection

router = APIRouter(prefix="/api/v1/evaluation", tags=["evaluation 综合评价"])
Reader = Annotated[
    Caller, allow(R.EVALUATOR, R.SHIFT_LEAD, R.ADMINISTRATOR, R.AUDITOR, R.DEPARTMENT)
]
Evaluator = Annotated[Caller, allow(R.EVALUATOR, R.ADMINISTRATOR)]

_JSON, _CSV = "application/json", "text/csv"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ALL = 100_000
"""Rows of a workbook at most: more than a city has communities or people."""
_PRIVATE = {"Vary": "Accept, Authorization", "Cache-Control": "private, no-cache"}


@router.get(
    "",
    response_model=EvaluationTable,
    summary="综合评价 Figures and rates",
    responses={200: {"content": {_XLSX: {}}}},
)
def evaluation(
    request: Request, question: Annotated[TableAsked, Query()], caller: Reader, parts: Opened
) -> Response:
    """Every figure has `list`, the address of the incidents it counts. A closed month is read by its newest edition.

    `Accept: application/vnd.openxmlformats-officedocument.spreadsheetml.sheet` gives all rows as a workbook.
    A department sees its own, an account with an area what lies in it.
    """
    form = preferred(request.headers.get("accept"), (_JSON, _XLSX))
    with parts.connection() as connection:
        if form == _XLSX:
            return _workbook(_table(connection, question, caller, parts, (None, _ALL)), caller)
        page = (question.after, question.limit + 1)
        answered = _table(connection, question, caller, parts, page)
        state = store.read_state(connection)
    codes = list(answered.table)
    next_ = None
    if len(codes) > question.limit:
        del answered.table[codes.pop()]
        next_ = _address(request, after=codes[-1])
    as_of = None if answered.editions and question.period else state.looked_at
    return answers.json(evaluation_answers.body(answered, as_of, next_), headers=_PRIVATE)


@router.get(
    "/incidents",
    response_model=EvaluationList,
    summary="指标所计的案件 The incidents a figure counts",
    responses={200: {"content": {_CSV: {}}}},
)
def members(
    request: Request, question: Annotated[ListAsked, Query()], caller: Reader, parts: Opened
) -> Response:
    """Exactly as many as the figure says, in order of their making; `Accept: text/csv` gives CSV."""
    form = preferred(request.headers.get("accept"), (_JSON, _CSV))
    group = views.ALL if question.code is None else _group(question)
    after = None if question.cursor is None else _place(question.cursor)
    with parts.connection() as connection:
        months, _ = editions.parts(connection, _asked(question))
        found = views.members(
            connection,
            months,
            (group, question.code, question.figure),
            _within(question, caller),
            (after, question.limit + 1),
        )
    more = len(found) > question.limit
    found = found[: question.limit]
    cursor = f"{found[-1][0]:%Y-%m}.{found[-1][1].incident_id}" if more else None
    next_ = None if cursor is None else _address(request, cursor=cursor)
    headers = _PRIVATE | ({"Link": f'<{next_}>; rel="next"'} if next_ else {})
    rows = [member for _, member in found]
    if form == _CSV:
        headers = headers | {"Content-Disposition": 'attachment; filename="evaluation.csv"'}
        media = "text/csv; charset=utf-8"
        return Response(evaluation_answers.csv_page(rows), 200, headers, media_type=media)
    items = [evaluation_answers.member_shown(row) for row in rows]
    return answers.json({"figure": question.figure, "items": items, "next": next_}, headers=headers)


@router.get("/editions", response_model=list[MonthClosed], summary="关账版本 Editions of months")
def all_editions(
    _: Annotated[Caller, allow(R.EVALUATOR, R.SHIFT_LEAD, R.ADMINISTRATOR, R.AUDITOR)],
    parts: Opened,
    month: Annotated[Month | None, Query(description="月 a month; all of them")] = None,
) -> Response:
    """When a month was closed or run again, by whom and why; the newest first."""
    with parts.connection() as connection:
        found = editions.editions(connection, None if month is None else _first(month))
    return answers.json([evaluation_answers.edition_shown(one) for one in found], headers=_PRIVATE)


@router.post(
    "/editions",
    status_code=201,
    response_model=MonthClosed,
    summary="关账或重算 Close or run again",
)
def make_edition(given: MonthToClose, caller: Evaluator, parts: Opened) -> Response:
    """Close a month that is over; or run a closed one again, with a reason. Editions before it stay readable."""
    if caller.scope.area is not None:
        raise Problem(
            403, "forbidden", ("关账须由全市账户办理", "closing a month is for an account of the whole city")
        )  # fmt: skip
    author, month = f"person:{caller.name}", _first(given.month)
    with parts.connection() as connection:
        if given.action == "close":
            made = editions.close(connection, month, author, now())
        else:
            made = editions.rerun(connection, month, author, now(), given.reason)
    return answers.json(evaluation_answers.edition_shown(made), 201)


def _table(
    connection: Connection,
    asked: Narrowed,
    caller: Caller,
    parts: Parts,
    page: tuple[str | None, int],
) -> Answered:
    group, within, period = _group(asked), _within(asked, caller), _asked(asked)
    months, used = editions.parts(connection, period)
    table = views.table(connection, months, group, within, page)
    total = views.table(connection, months, views.ALL, within).get("", {})
    names = _named(group, parts) | views.names(connection, group, list(table))
    span = (period.first, period.last)
    return Answered(asked, group, span, months[-1].book, used, table, total, names)


def _workbook(answered: Answered, caller: Caller) -> Response:
    first, last = answered.period
    name = f"evaluation-{answered.group}-{first}-{last}.xlsx"
    headers = _PRIVATE | {"Content-Disposition": f'attachment; filename="{name}"'}
    data = evaluation_answers.workbook(answered, caller.name, now())
    return Response(data, 200, headers, media_type=_XLSX)


def _named(group: str, parts: Parts) -> dict[str, str]:
    if group == "class":
        return {key: one.name_zh for key, one in parts.in_force.decisions.categories.items()}
    return evaluation_answers.POSTS if group == "post" else {}


def _group(asked: Narrowed) -> str:
    if asked.group is None:
        raise _unsound(
            "level",
            f"按 {asked.by} 分组没有层级 {asked.level}",
            f"{asked.by} has no level {asked.level}",
        )
    return asked.group


def _within(asked: Narrowed, caller: Caller) -> views.Within:
    """What is asked for, as far as the caller may look."""
    department, scope = asked.department, caller.scope
    if caller.role is Role.DEPARTMENT:
        if asked.by in {"post", "person"} or department not in {None, *(scope.departments or ())}:
            raise Problem(
                403, "forbidden", ("部门账户只看本部门的评价", "a department sees its own evaluation only")
            )  # fmt: skip
        department = department or scope.department
    return views.Within(
        asked.district,
        asked.street,
        asked.community,
        asked.category,
        asked.major,
        department,
        scope.area,
    )


def _asked(asked: Narrowed) -> editions.Asked:
    """The period: a month, or its first and last day."""
    if asked.period is not None and asked.first is None and asked.last is None:
        first = _first(asked.period)
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        return editions.Asked(first, last, asked.edition)
    if asked.period is not None or asked.first is None or asked.last is None:
        raise _unsound(
            "period", "须给 period，或给 from 与 to", "give a period, or both from and to"
        )
    if asked.edition not in {None, 0}:
        raise _unsound(
            "edition", "起止日期不能指定版本", "an edition is of a month, not of some days"
        )
    return editions.Asked(asked.first, asked.last, asked.edition)


def _unsound(member: str, zh: str, en: str) -> Problem:
    fault = {"in": "query", "pointer": f"/{member}", "code": "unfit", "detail": f"{zh} / {en}"}
    return Problem(422, "invalid", (zh, en), errors=[fault])


def _first(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def _place(cursor: str) -> views.Place:
    month, _, incident = cursor.partition(".")
    return views.Place(_first(month), int(incident))


def _address(request: Request, **changed: Any) -> str:
    asked = [(k, v) for k, v in request.query_params.multi_items() if k not in changed]
    return f"{request.url.path}?{urlencode([*asked, *changed.items()])}"
