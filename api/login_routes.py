"""登录: people come in with a name and a password, go out, change it, and see who they are; the log of all that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import acting, answers, cookies
from api.access import EVERYBODY, Caller, R, allow, anyone
from api.given import LoginGiven, PasswordGiven
from api.login_schemas import LoginLine, Me
from api.parts import Opened, Parts, now
from api.problems import Problem
from incidents.duty import Held
from incidents.postgres import duty_store, sessions
from incidents.postgres.connection import Connection
from incidents.postgres.sessions import Attempt, Session

router = APIRouter(prefix="/api/v1", tags=["login 登录"])

AT_ONCE, QUEUE_S = 2, 5.0
"""Passwords hashed at once (64 MiB and a processor each), and how long others wait: guessing must not stop the rest."""
_hashing = threading.BoundedSemaphore(AT_ONCE)
_NEVER_KEPT = {"Cache-Control": "no-store"}


@router.post("/login", response_model=Me, summary="登录 Log in", dependencies=[anyone])
def log_in(given: LoginGiven, request: Request, parts: Opened) -> Response:
    """Sets the session's cookie. 403 for a wrong name or password alike, 429 after five in a row for a quarter of an hour."""
    cookies.refuse_foreign(request, bare=True)
    old = cookies.session_of(request)
    attempt = Attempt(given.name, given.password, _address(request))
    with _a_turn(), parts.connection() as connection:
        id_ = sessions.log_in(connection, attempt, parts.limits)
        if old is not None:  # never the id that came in: whoever planted it would be in as well
            sessions.discard(connection, old)
        found = sessions.find(connection, id_, parts.limits)
        held = _roles(connection, given.name)
    return _come_in(request, parts, id_, (found, held), old)


@router.post(
    "/logout",
    status_code=204,
    summary="退出 Log out",
    response_class=Response,
    dependencies=[allow(EVERYBODY, even_due=True)],
)
def log_out(request: Request, parts: Opened) -> Response:
    """Ends the session at once. With a token there is none to end."""
    response = Response(status_code=204, headers=_NEVER_KEPT)
    id_ = _session(request)
    if id_ is not None:
        with parts.connection() as connection:
            sessions.log_out(connection, id_, _address(request))
        parts.doorkeeper.forget(id_)
        cookies.take(response, request)
    return response


@router.get("/me", response_model=Me, summary="我是谁 Who I am")
def me(
    request: Request, caller: Annotated[Caller, allow(EVERYBODY, even_due=True)], parts: Opened
) -> Response:
    """Name, the role acted in and all that are held, scope; of a session also its end and whether the password is due."""
    id_ = _session(request)
    found = None
    with parts.connection() as connection:
        if id_ is not None:
            found = sessions.find(connection, id_, parts.limits, used=cookies.in_use(request))
        held = _roles(connection, caller.name)
    return answers.json(_shown(caller, found, held, parts), headers=_NEVER_KEPT)


@router.post("/me/password", response_model=Me, summary="修改口令 Change one's password")
def change(
    given: PasswordGiven,
    request: Request,
    caller: Annotated[Caller, allow(EVERYBODY, even_due=True)],
    parts: Opened,
) -> Response:
    """Every session of the account ends; this one goes on under a new id. 422 lists what is wrong with the new one."""
    old = _session(request)
    attempt = Attempt(caller.name, given.old, _address(request))
    with _a_turn(), parts.connection() as connection:
        id_ = sessions.change_password(connection, attempt, given.new, parts.limits)
        found = sessions.find(connection, id_, parts.limits)
        held = _roles(connection, caller.name)
    return _come_in(request, parts, id_, (found, held), old)


@router.get(
    "/logins",
    response_model=list[LoginLine],
    summary="登录记录 The log of logins",
    dependencies=[allow(R.ADMINISTRATOR, R.AUDITOR)],
)
def logins(
    parts: Opened,
    account: Annotated[str | None, Query(max_length=64)] = None,
    before: Annotated[
        int | None, Query(ge=1, description="此行之前的 from before this line")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Newest first: in, out, wrong, locked, changed, set, unlocked."""
    with parts.connection() as connection:
        lines = sessions.logged(connection, limit, before, account)
    return answers.json([line._asdict() for line in lines], headers=_NEVER_KEPT)


@contextmanager
def _a_turn() -> Iterator[None]:
    if not _hashing.acquire(timeout=QUEUE_S):
        raise Problem(
            503,
            "unavailable",
            ("登录的人太多，请稍后再试", "too many are logging in; try again"),
            {"Retry-After": "5"},
        )
    try:
        yield
    finally:
        _hashing.release()


def _roles(connection: Connection, name: str) -> list[Held]:
    """Every role a person holds, the account's own first; none for a screen or a machine."""
    return [held for one in duty_store.people(connection, now(), name) for held in one.roles]


def _come_in(
    request: Request,
    parts: Parts,
    id_: str,
    known: tuple[Session | None, list[Held]],
    old: str | None,
) -> Response:
    found, held = known
    if old is not None:
        parts.doorkeeper.forget(old)
    if found is None:  # withdrawn in the same moment
        raise Problem(401, "unauthenticated", ("账户已停用", "the account was withdrawn"))
    account = found.account
    caller = Caller(account.name, account.role, account.department, account.area)
    response = answers.json(_shown(caller, found, held, parts), headers=_NEVER_KEPT)
    cookies.give(response, request, id_, int(parts.limits.lasts.total_seconds()))
    return response


def _shown(caller: Caller, found: Session | None, held: list[Held], parts: Parts) -> dict[str, Any]:
    held = held or [Held(caller.role, caller.department, caller.area)]
    return {
        "name": caller.name,
        "role": caller.role,
        "department": caller.department,
        "area": caller.area,
        "session": found is not None,
        "idle_s": parts.limits.idle.total_seconds() if found else None,
        "ends_at": found.ends_at if found else None,
        "password_due": found.password_due if found else False,
        "roles": [
            {**asdict(one), "ask": acting.asked_as(one, n == 0)} for n, one in enumerate(held)
        ],
    }


def _session(request: Request) -> str | None:
    """The session that stands for the caller: none where a token does."""
    return None if "authorization" in request.headers else cookies.session_of(request)


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None
