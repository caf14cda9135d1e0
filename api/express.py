"""The addresses of the rush hour, answered before everything else: same endpoint, same declaration, less around it.

A report and a move are most of what a city's desk does, and what a framework does around an endpoint costs more than
the work itself (docs/benchmarks.md, lives). What is here takes the regular case only: declared JSON of an announced
length, and right. Everything else, and every fault in what was given, goes the ordinary way with its body, so that
there is one set of refusals.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import gauges, headers
from api.rounds import Rounds

_IRREGULAR = object()
LARGEST = 1024 * 1024
"""Bytes of a body; a larger one is not what a desk sends all day."""


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
    """ASGI in front of an application: passes on whatever is not one of its addresses.

    `addresses` are (method, path template) of routes with one JSON body, path and header parameters, and dependencies
    that ask for nothing but the request. What middleware does for others is done here in a line each: counted under the
    route's template (gauges), the headers every answer carries (headers), a body no larger than announced.
    """

    def __init__(self, app: ASGIApp, of: FastAPI, addresses: tuple[tuple[str, str], ...]) -> None:
        self._app = app
        self._serve = Rounds().serve
        self._of = of
        self._lines = tuple(_line(of, *address) for address in addresses)
        self._handlers: Mapping[Any, Callable[..., Any]] = of.exception_handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        line = self._line_of(scope)
        if line is None:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        scope["app"] = self._of
        request = Request(scope, receive)
        body = await _whole(receive)
        if body is None:  # nobody is there to be answered
            return
        response, fault = await self._answer(line, request, body)
        if response is None:
            await self._app(scope, _again(body), send)
            return
        await send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": headers.guarded(response.raw_headers),
            }
        )
        await send({"type": "http.response.body", "body": response.body})
        gauges.note(line.method, line.route.path, response.status_code, began)
        if fault is not None:  # the server logs it
            raise fault

    def _line_of(self, scope: Scope) -> _Line | None:
        if scope["type"] != "http" or scope["method"] != "POST":
            return None
        for line in self._lines:
            found = line.path.fullmatch(scope["path"])
            if found is not None:
                if not _is_regular(scope["headers"]):
                    return None
                scope["path_params"] = found.groupdict()
                return line
        return None

    async def _answer(
        self, line: _Line, request: Request, body: bytes
    ) -> tuple[Response | None, Exception | None]:
        """The answer, None when it is to go the ordinary way; and what nobody foresaw."""
        try:
            values = await line.values(request, body)
            if values is None:
                return None, None
            return await self._serve(line.route.endpoint, values), None
        except Exception as fault:  # noqa: BLE001 - what nobody foresaw is answered, and raised again
            kinds = type(fault).__mro__
            kind = next(kind for kind in kinds if kind in self._handlers)
            return self._handlers[kind](request, fault), fault if kind is Exception else None


def _line(app: FastAPI, method: str, path: str) -> _Line:
    route = next(
        r.original_route
        for r in iter_route_contexts(app.routes)
        if r.path == path and method in (r.methods or ())
    )
    assert isinstance(route, APIRoute)
    return _Line(method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), route)


def _is_regular(given: list[tuple[bytes, bytes]]) -> bool:
    """Whether it is JSON, in so many words, and not larger than an answer at once is worth."""
    kind = length = b""
    for name, value in given:
        if name == b"content-type":
            kind = value
        elif name == b"content-length":
            length = value
    return kind == b"application/json" and length.isdigit() and int(length) <= LARGEST


async def _whole(receive: Receive) -> bytes | None:
    """All of the body; None when the other side hung up before its end."""
    parts = []
    while (message := await receive())["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
    return None


def _parsed(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.MsgspecError:
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
