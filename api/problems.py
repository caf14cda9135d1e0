"""Refusals as RFC 9457 problems in Chinese and English: the only module that knows both our errors and HTTP.

One table gives each class of `CityError` its status (a test asserts that none is missing); the domain's
errors carry none themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response

from grid.errors import CityError
from incidents.incident import Incident

MEDIA = "application/problem+json"
TYPE = "urn:yiwang:problem:"
"""A problem's `type` is this and its `code`; codes are listed in docs/api.md and never change their meaning."""

STATUS: dict[str, int] = {
    "city_error": 500,
    "grid_error": 422,
    "datum_unknown": 422,
    "datum_mixed": 422,
    "code_invalid": 422,
    "grid_refused": 422,
    "incident_error": 422,
    "move_refused": 409,
    "move_forbidden": 403,
    "move_incomplete": 422,
    "stale": 412,
    "incident_unknown": 404,
    "category_unknown": 422,
    "decision_refused": 422,
    "numbers_exhausted": 503,
    "unavailable": 503,
    "database_unfit": 503,
    "edition_unknown": 404,
    "edition_taken": 409,
    "device_refused": 422,
    "account_refused": 422,
    "rehearsal_refused": 422,
    "evaluation_refused": 422,
    "duty_refused": 422,
    "duty_unknown": 404,
    "not_on_duty": 409,
    "handover_refused": 409,
    "handover_unknown": 404,
    "media_refused": 422,
    "photos_too_many": 422,
    "password_refused": 422,
    "login_refused": 403,
    "login_locked": 429,
    "shelf_damaged": 503,
}

TITLES: dict[str, tuple[str, str]] = {
    "city_error": ("内部错误", "Something went wrong inside"),
    "grid_error": ("网格或位置有误", "The grid or a place is wrong"),
    "datum_unknown": ("不认识的坐标系", "Unknown datum"),
    "datum_mixed": ("坐标系不一致", "Datums are mixed"),
    "code_invalid": ("标识码格式不对", "The code is not well formed"),
    "grid_refused": ("网格数据未被接受", "The grid layer is refused"),
    "incident_error": ("案件办理被拒绝", "The trade's rules refuse this"),
    "move_refused": ("当前状态不能这样办理", "Not a move of this state"),
    "move_forbidden": ("无权办理这一步", "This move is not yours"),
    "move_incomplete": ("办理所需内容不全", "The move lacks something"),
    "stale": ("案件已被他人更新", "Changed meanwhile"),
    "incident_unknown": ("没有这个案件", "No such incident"),
    "category_unknown": ("没有这个类别", "No such category"),
    "decision_refused": ("新版规则未被接受", "The edition is refused"),
    "edition_unknown": ("没有施行的网格版本", "No edition holds"),
    "edition_taken": ("该日已有网格版本", "Another edition holds from that day"),
    "not_accepted": ("上报未被受理", "The report is not accepted"),
    "numbers_exhausted": ("当日案件编号已用完", "The day's numbers are used up"),
    "unavailable": ("暂时不可用", "Unavailable for now"),
    "database_unfit": ("数据库不可用", "The database is unfit"),
    "device_refused": ("设备未登记", "The device is not registered"),
    "evaluation_refused": ("评价请求未被接受", "The evaluation asked for is refused"),
    "rehearsal_refused": ("预演未被接受", "The rehearsal is refused"),
    "account_refused": ("账户未办理", "The account is refused"),
    "duty_refused": ("值班表未被接受", "The roster is refused"),
    "duty_unknown": ("没有这条值班", "No such duty"),
    "not_on_duty": ("不在值班时段", "Not on duty"),
    "handover_refused": ("交接班未办理", "The hand-over is refused"),
    "handover_unknown": ("没有这条交接班记录", "No such hand-over"),
    "password_refused": ("口令不合要求", "The password is refused"),
    "password_due": ("须先修改口令", "The password must be changed first"),
    "login_refused": ("登录未成功", "The login failed"),
    "login_locked": ("账户暂时锁定", "Locked for a while"),
    "foreign_page": ("不是本系统页面发出的请求", "Not asked by a page of ours"),
    "media_refused": ("照片不能使用", "The photo cannot be used"),
    "photos_too_many": ("照片太多", "Too many photos"),
    "photo_unfit": ("照片未被接收", "The photo is refused"),
    "photo_lost": ("照片文件已遗失", "The photo's file is lost"),
    "shelf_damaged": ("网格索引不可用", "The saved atlas cannot be used"),
    "unauthenticated": ("须先表明身份", "Say who you are"),
    "forbidden": ("无权访问", "Not for your role"),
    "not_found": ("没有这个地址", "Nothing here"),
    "unknown": ("没有这一项", "No such thing"),
    "method_not_allowed": ("此地址不支持这种方法", "Method not allowed"),
    "not_acceptable": ("没有所要的格式", "Not acceptable"),
    "invalid": ("请求内容不合要求", "The request is not valid"),
    "not_json": ("请求体不是合法的 JSON", "The body is not JSON"),
    "too_large": ("请求体过大", "The body is too large"),
    "precondition_required": ("须带 If-Match", "If-Match is required"),
    "key_reused": ("幂等键已用于另一请求", "The Idempotency-Key belongs to another request"),
    "key_in_flight": ("同一幂等键的请求正在办理", "A request with this key is being handled"),
    "cursor_invalid": ("翻页标记无效", "The cursor is not valid"),
    "position_swapped": ("经纬度似乎颠倒", "Longitude and latitude look exchanged"),
    "no_grid": ("尚未装载单元网格", "No grid edition is loaded"),
    "name_taken": ("名称已被使用", "The name is taken"),
    "already_decided": ("已处理过", "Already decided"),
    "internal": ("内部错误", "Something went wrong inside"),
}


class Problem(Exception):
    """A refusal of the edge itself (identity, headers, paging); `more` becomes members of the answer."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: tuple[str, str],
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
        self.more = more


def answer(
    status: int,
    code: str,
    detail: tuple[str, str],
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """The problem as a response: title and detail in Chinese, with the English beside."""
    zh, en = TITLES.get(code, TITLES["internal"])
    body = {
        "type": TYPE + code,
        "code": code,
        "status": status,
        "title": zh,
        "title_en": en,
        "detail": detail[0],
        "detail_en": detail[1],
        **more,
    }
    data = msgspec.json.encode(body, enc_hook=str)
    return Response(data, status, dict(headers or {}), media_type=MEDIA)


def unavailable() -> Response:
    """The database cannot be reached, or every connection is in use: 503, try again in 3 seconds."""
    return answer(
        503,
        "unavailable",
        ("数据库暂时不可用，请稍后重试", "the database cannot be reached for now; try again"),
        {"Retry-After": "3"},
    )


def install(app: FastAPI) -> None:
    """Let every refusal of this application leave as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(CityError, _city_error)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    for kind in (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
        app.add_exception_handler(kind, _database_down)
    app.add_exception_handler(psycopg.DataError, _data)
    app.add_exception_handler(Exception, _internal)


def _problem(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, Problem)
    return answer(fault.status, fault.code, fault.detail, fault.headers, **fault.more)


def _city_error(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, CityError)
    status = STATUS.get(fault.code, 500)
    more = dict(fault.facts)
    wait = str(more.get("retry_after_s", 3))
    headers = {"Retry-After": wait} if status in {429, 503} else {}
    current = more.pop("current", None)
    if isinstance(current, Incident):
        from api.shapes import shown  # shapes needs access, access needs this module

        policy = request.app.state.parts.in_force.decisions.policy
        more["current"] = shown(current, getattr(request.state, "caller", None), policy)
        headers["ETag"] = f'"v{current.version}"'
    return answer(status, fault.code, (fault.zh, fault.en), headers, **more)


def _validation(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, RequestValidationError)
    errors = fault.errors()
    if any(error["type"] == "json_invalid" for error in errors):
        detail = errors[0].get("ctx", {}).get("error", "")
        return answer(
            400, "not_json", ("请求体不是合法的 JSON", f"the body is not valid JSON: {detail}")
        )
    listed = [
        {
            "in": str(error["loc"][0]),
            "pointer": pointer(error["loc"][1:]),
            "code": error["type"],
            "detail": error["msg"],
        }
        for error in errors
    ]
    names = "、".join(sorted({e["pointer"].lstrip("/") or e["in"] for e in listed}))
    return answer(
        422,
        "invalid",
        (f"以下内容不合要求：{names}", "see errors: each names its place and reason"),
        errors=listed,
    )


def pointer(path: tuple[Any, ...] | list[Any]) -> str:
    """A JSON pointer (RFC 6901) to a member; for parameters, `/name`."""
    return "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in path)


def _http(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)
    known = {
        413: ("too_large", ("请求体过大", "the body is larger than this address takes")),
        400: ("not_json", ("请求体无法读取", "the body cannot be read")),
        404: ("not_found", ("没有这个地址", "there is nothing at this address")),
        405: ("method_not_allowed", ("此地址不支持这种方法", "this address has no such method")),
    }
    code, detail = known.get(
        fault.status_code, ("invalid", ("请求不被接受", f"refused: {fault.detail}"))
    )
    headers = dict(fault.headers or {})
    if fault.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request))
    return answer(fault.status_code, code, detail, headers)


def _methods(request: Request) -> list[str]:
    """Every method that some route has for this address; the framework names those of one route only."""
    found = {
        method
        for method, path in request.app.state.access
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)), request.url.path)
    }
    return sorted(found)


def _database_down(_: Request, fault: Exception) -> Response:  # noqa: ARG001 - Starlette's form
    return unavailable()


def _data(_: Request, fault: Exception) -> Response:  # noqa: ARG001
    return answer(
        422,
        "invalid",
        ("内容超出可保存的范围", "a value lies beyond what can be kept"),
        errors=[],
    )


def _internal(_: Request, fault: Exception) -> Response:  # noqa: ARG001
    return answer(
        500, "internal", ("内部错误，已记录", "something went wrong here; it has been logged")
    )
