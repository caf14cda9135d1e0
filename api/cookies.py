"""The session's cookie: what it is called, how it is set and taken away, and which requests it may stand for.

A browser sends a cookie with whatever page asks; a request that changes something must therefore show that a page
of ours sent it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from api.problems import Problem

CSRF_HEADER = "X-Yiwang-Csrf"
"""Any value: another site's page cannot set it without asking first, and is told no."""
BACKGROUND_HEADER = "X-Yiwang-Background"
"""On what a page asks by itself, so that a screen left alone does not keep its session awake."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def name_of(request: Request) -> str:
    """Its name here. Two systems of one machine differ in the port, which cookies know nothing of.

    Over HTTPS it is a `__Host-` cookie: set by this host and over HTTPS only, whatever a neighbour tries.
    """
    port = request.app.state.parts.settings.api_port
    return f"__Host-yiwang-{port}" if _secure(request) else f"yiwang-{port}"


def session_of(request: Request) -> str | None:
    """The session's id that the request bears, if any."""
    return request.cookies.get(name_of(request)) or None


def give(response: Response, request: Request, id_: str, seconds: int) -> None:
    """Set the cookie: for this server only, unseen by scripts, never sent along by another site's page."""
    response.set_cookie(
        name_of(request),
        id_,
        max_age=seconds,
        path="/",
        secure=_secure(request),
        httponly=True,
        samesite="strict",
    )


def take(response: Response, request: Request) -> None:
    """Take the cookie away."""
    response.delete_cookie(
        name_of(request), path="/", secure=_secure(request), httponly=True, samesite="strict"
    )


def in_use(request: Request) -> bool:
    """Whether somebody sits there: neither the live stream nor what a page asks by itself says so."""
    return BACKGROUND_HEADER not in request.headers and not request.url.path.endswith("/live")


def refuse_foreign(request: Request, *, bare: bool = False) -> None:
    """403 for a change that no page of ours asked for: neither our header nor our own Origin.

    `bare`: what bears no Origin at all comes from no browser and may pass, as at the login.
    """
    if request.method in _SAFE or CSRF_HEADER in request.headers:
        return
    origin = request.headers.get("origin")
    if origin is None and bare and request.headers.get("sec-fetch-site") is None:
        return
    if origin is not None and urlsplit(origin).netloc == request.headers.get("host"):
        return
    raise Problem(
        403,
        "foreign_page",
        (
            f"用登录会话更改内容时，须由本系统的页面发出，或带 {CSRF_HEADER}",
            f"a change under a session comes from a page of ours or bears {CSRF_HEADER}",
        ),
    )


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"
