"""The addresses of the rush hour, answered before the framework's own machinery: same endpoint, same declaration, less around it.

A report and a move are most of what a city's desk does, and FastAPI's routing and solving cost more than the work itself
(docs/benchmarks.md, lives). What is here takes the regular case only: declared JSON that is right. Everything else, and
every fault in what was given, goes the ordinary way with its body, so that there is one set of refusals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_IRREGULAR = object()


@dataclass(frozen=True, slots=True)
class _Line:
    """One address: its route's declaration, taken apart once."""

    method: str
    path: re.Pattern[str]
    route: APIRoute

    async def values(self, request: Request, body: bytes) -> dict[str, Any] | None:
        """What the endpoint is called with; None when something given is not as declared."""
        found: dict[str, Any] = {}
        declared = self.route.dependant
        for given, fields, where in (
            (request.path_params, declared.path_params, "path"),
            (request.headers, declared.header_params, "header"),
            ({declared.body_params[0].alias: _parsed(body)}, declared.body_params, "body"),
        ):
            for one in fields:
                value = _valid(one, given, where)
                if value is _IRREGULAR:
                    return None
                found[one.name] = value
        for needed in declared.dependencies:
            assert needed.call is not None
            assert needed.name is not None
            found[needed.name] = await needed.call(request)
        return found


class Express:
    """ASGI middleware, innermost: passes on whatever is not one of its addresses.

    `addresses` are (method, path template) of routes with one JSON body, path and header parameters, and dependencies
    that ask for nothing but the request.
    """

    def __init__(self, app: ASGIApp, of: FastAPI, addresses: tuple[tuple[str, str], ...]) -> None:
        self._app = app
        self._lines = tuple(_line(of, *address) for address in addresses)
        self._handlers: Mapping[Any, Callable[..., Any]] = of.exception_handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        line = self._line_of(scope)
        if line is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = line.route
        request = Request(scope, receive)
        body = await request.body()
        response = await self._answer(line, request, body)
        if response is None:
            await self._app(scope, _again(body), send)
        else:
            await response(scope, receive, send)

    def _line_of(self, scope: Scope) -> _Line | None:
        if scope["type"] != "http" or scope["method"] != "POST":
            return None
        for line in self._lines:
            found = line.path.fullmatch(scope["path"])
            if found is not None:
                if not _is_json(scope["headers"]):
                    return None
                scope["path_params"] = found.groupdict()
                return line
        return None

    async def _answer(self, line: _Line, request: Request, body: bytes) -> Response | None:
        try:
            values = await line.values(request, body)
            if values is None:
                return None
            response: Response = await run_in_threadpool(line.route.endpoint, **values)
        except Exception as fault:
            handler = next(
                (
                    self._handlers[kind]
                    for kind in type(fault).__mro__[:-2]
                    if kind in self._handlers
                ),
                None,
            )
            if handler is None:
                raise
            response = handler(request, fault)
        return response


def _line(app: FastAPI, method: str, path: str) -> _Line:
    route = next(
        r.original_route
        for r in iter_route_contexts(app.routes)
        if r.path == path and method in (r.methods or ())
    )
    assert isinstance(route, APIRoute)
    return _Line(method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), route)


def _is_json(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(name == b"content-type" and value == b"application/json" for name, value in headers)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return _IRREGULAR


def _valid(field: Any, given: Mapping[str, Any], where: str) -> Any:
    """The field's value as declared, its default when it was not given; _IRREGULAR when it is not right."""
    value = given.get(field.alias, _IRREGULAR)
    if value is _IRREGULAR:
        return (
            _IRREGULAR if where == "body" or field.field_info.is_required() else field.get_default()
        )
    value, faults = field.validate(value, {}, loc=(where, field.alias))
    return _IRREGULAR if faults else value


def _again(body: bytes) -> Receive:
    """The body once more, for whoever reads it next."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
