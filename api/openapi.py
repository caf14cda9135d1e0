"""The OpenAPI description: FastAPI's, with who may call each route and every problem it may answer with."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.access import table
from api.problems import MEDIA, TITLES
from api.schemas import ProblemShown

ABOUT = """城市运行“一网统管”开放引擎的接口。The open engine for city operations.

- 身份：`Authorization: Bearer <令牌>`，令牌由管理员发放；人可用口令登录（`/api/v1/login`）。Tokens travel in the header only; people may log in.
- 拒绝：RFC 9457 `application/problem+json`，`code` 稳定，中英文说明。Refusals are problems with a stable `code`.
- 列表：`next`（与 `Link: rel=next`）给出下一页。Lists are turned by cursor.
- 办理：`If-Match` 必带；`Idempotency-Key` 可重试。Moves need If-Match and may be retried with a key.
"""


def install(app: FastAPI) -> None:
    """Let `app.openapi()` answer with the complete description, made once."""
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(_described(app))
        return made

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way of extending it


def _described(app: FastAPI) -> dict[str, Any]:
    whole = get_openapi(
        title=app.title, version="v1", description=ABOUT, routes=app.routes, tags=None
    )
    parts = whole.setdefault("components", {})
    parts.setdefault("securitySchemes", {})["token"] = {"type": "http", "scheme": "bearer"}
    parts["securitySchemes"]["session"] = {
        "type": "apiKey",
        "in": "cookie",
        "name": "yiwang-8000",
        "description": "POST /api/v1/login 之后；更改须带 X-Yiwang-Csrf 或同源 Origin changes need the header or our Origin",
    }
    parts.setdefault("schemas", {})["Problem"] = ProblemShown.model_json_schema()
    parts["schemas"].pop("HTTPValidationError", None)
    parts["schemas"].pop("ValidationError", None)
    for (method, path), roles in table(app).items():
        operation = whole["paths"].get(path, {}).get(method.lower())
        if operation is None:
            continue
        if roles is not None:
            operation["security"] = [{"token": []}, {"session": []}]
            operation["x-roles"] = sorted(roles)
        _list_problems(operation, (method, path), public=roles is None)
    return whole


_BY_STATUS: dict[int, tuple[str, ...]] = {
    400: ("not_json",),
    401: ("unauthenticated",),
    403: ("forbidden", "move_forbidden"),
    404: ("incident_unknown",),
    406: ("not_acceptable",),
    409: ("move_refused", "key_in_flight"),
    412: ("stale",),
    413: ("too_large",),
    415: ("photo_unfit",),
    422: ("invalid", "move_incomplete"),
    428: ("precondition_required",),
    429: ("login_locked",),
    503: ("unavailable",),
}


_BY_ADDRESS: tuple[tuple[tuple[str, ...], tuple[str, ...], frozenset[int]], ...] = (
    (("POST",), ("/moves",), frozenset({409, 412, 428})),
    (("POST",), ("/reports", "/redrive", "/dismiss"), frozenset({409})),
    (("POST",), ("/media",), frozenset({409, 415})),
    (("POST",), ("/login",), frozenset({403, 429, 503})),
    (("POST",), ("/me/password",), frozenset({429})),
    (("GET",), ("/incidents", "/wall/cells"), frozenset({406})),
)
"""What else an address may answer with: methods, endings of paths, statuses."""


def _list_problems(operation: dict[str, Any], where: tuple[str, str], *, public: bool) -> None:
    """Every problem this operation may answer with."""
    method, path = where
    answers = operation.setdefault("responses", {})
    answers.pop("422", None)
    statuses = set() if public else {401, 403, 503}
    if operation.get("parameters") or "requestBody" in operation:
        statuses.add(422)
    if "requestBody" in operation:
        statuses |= {400, 413}
    if "{" in path:
        statuses.add(404)
    for wanted, endings, more in _BY_ADDRESS:
        if method in wanted and path.endswith(endings):
            statuses |= more
    for status in sorted(statuses):
        answers.setdefault(str(status), _problem(status))


def _problem(status: int) -> dict[str, Any]:
    codes = _BY_STATUS[status]
    zh, en = TITLES[codes[0]]
    return {
        "description": f"{zh} {en} ({', '.join(codes)})",
        "content": {
            MEDIA: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": {
                    "type": f"urn:yiwang:problem:{codes[0]}",
                    "code": codes[0],
                    "status": status,
                    "title": zh,
                    "title_en": en,
                    "detail": zh,
                    "detail_en": en,
                },
            }
        },
    }
