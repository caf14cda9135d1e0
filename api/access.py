"""Who may ask for what: every route declares its roles with `allow(...)` or `anyone`, and the start-up checks it.

A caller is an account found by its bearer token, or by the cookie of a session that a person opened with a password;
what of the city he may see is his `scope`. Tokens travel in the Authorization header only, never in an address, where
logs and histories would keep them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.params import Depends
from fastapi.routing import iter_route_contexts
from starlette.concurrency import run_in_threadpool

from api import cookies
from api.acting import in_role, over_others
from api.caller import DESK, Caller, Scope
from api.problems import Problem
from incidents.lifecycle import Role
from incidents.postgres.accounts import Account
from incidents.postgres.sessions import Find

R = Role
STAFF = DESK | {R.ADMINISTRATOR, R.INSPECTOR, R.DEPARTMENT}
READERS = STAFF | {R.EVALUATOR, R.AUDITOR}
SCREENS = READERS | {R.WALL}
EVERYBODY = frozenset(Role) - {R.SYSTEM}

REMEMBERED_S = 2.0
"""How long a token's account is believed without asking again: a revoked token dies within this."""
_REMEMBERED_AT_MOST = 10_000
_AS_SESSION = "session:"


@dataclass
class Doorkeeper:
    """Accounts by token and by session, each believed for two seconds."""

    find: Callable[[str], Account | None]
    find_session: Find = lambda _id, _used: None
    now: Callable[[], float] = time.monotonic
    _known: dict[bytes, tuple[float, Caller]] = field(default_factory=dict)

    def remembered(self, token: str) -> Caller | None:
        """The caller, if the token was found good a moment ago."""
        found = self._known.get(_digest(token))
        return found[1] if found and found[0] > self.now() else None

    def ask(self, token: str) -> Caller | None:
        """The caller of an active account with this token, from the database; None for a stranger."""
        account = self.find(token)
        if account is None:
            self._known.pop(_digest(token), None)
            return None
        return self._believed(token, account, due=False)

    def ask_session(self, id_: str, *, used: bool) -> Caller | None:
        """The caller whose session this is while it holds; None when it has ended or never was."""
        found = self.find_session(id_, used)
        if found is None:
            self._known.pop(_digest(_AS_SESSION + id_), None)
            return None
        return self._believed(_AS_SESSION + id_, found.account, due=found.password_due)

    def remembered_session(self, id_: str) -> Caller | None:
        """The caller, if the session was found good a moment ago."""
        return self.remembered(_AS_SESSION + id_)

    def forget(self, id_: str) -> None:
        """Believe a session no longer: it was ended here."""
        self._known.pop(_digest(_AS_SESSION + id_), None)

    def _believed(self, key: str, account: Account, *, due: bool) -> Caller:
        caller = Caller(account.name, account.role, account.department, account.area, due)
        if len(self._known) >= _REMEMBERED_AT_MOST:
            self._known.clear()
        self._known[_digest(key)] = (self.now() + REMEMBERED_S, caller)
        return caller


class Allow:
    """A route's declaration: these roles, and nobody else. Use it through `allow`."""

    def __init__(self, roles: frozenset[Role], *, even_due: bool = False) -> None:
        self.roles = roles
        self.even_due = even_due

    async def __call__(self, request: Request) -> Caller:
        """The caller, or 401 for a stranger and 403 for the wrong role."""
        caller = await caller_of(request)
        if caller.role not in self.roles:
            raise Problem(
                403,
                "forbidden",
                (f"角色 {caller.role} 无权访问", f"not for the role {caller.role}"),
                roles=sorted(self.roles),
            )
        if caller.password_due and not self.even_due:
            raise Problem(
                403,
                "password_due",
                (
                    "口令须先修改：POST /api/v1/me/password",
                    "the password must be changed first: POST /api/v1/me/password",
                ),
            )
        request.state.caller = caller
        return caller


class Anyone:
    """A route's declaration: open to strangers."""

    roles: frozenset[Role] | None = None

    async def __call__(self) -> None:
        """Nothing is asked."""


def allow(*roles: Role | frozenset[Role], even_due: bool = False) -> Any:
    """The declaration of a route: these roles may call it. Stands in the Annotated type of its `caller`.

    `even_due`: also with a password that must be changed first.
    """
    named: set[Role] = set()
    for role in roles:
        named |= {role} if isinstance(role, Role) else role
    return Depends(Allow(frozenset(named), even_due=even_due))


anyone: Any = Depends(Anyone())


async def caller_of(request: Request) -> Caller:
    """The caller, in the role he asks to act in; 401 for a stranger, 403 for a role he does not hold."""
    caller = await in_role(request, await _account_of(request))
    return over_others(caller, request.app.state.parts.in_force)


async def _account_of(request: Request) -> Caller:
    """The account behind the request's bearer token or, without one, its session's cookie; 401 if there is neither."""
    session = None if "authorization" in request.headers else cookies.session_of(request)
    if session is not None:
        return await _of_session(request, session)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise stranger(
            "请登录，或在 Authorization: Bearer 中给出令牌",
            "log in, or give a token: Authorization: Bearer …",
        )
    keeper: Doorkeeper = request.app.state.parts.doorkeeper
    caller = keeper.remembered(token) or await run_in_threadpool(keeper.ask, token)
    if caller is None:
        raise stranger("令牌无效或已停用", "the token is unknown or was withdrawn", "invalid_token")
    return caller


async def _of_session(request: Request, id_: str) -> Caller:
    cookies.refuse_foreign(request)
    keeper: Doorkeeper = request.app.state.parts.doorkeeper
    used = cookies.in_use(request)
    caller = keeper.remembered_session(id_) or await run_in_threadpool(
        keeper.ask_session, id_, used=used
    )
    if caller is None:
        raise stranger("登录已过期或已退出，请重新登录", "the session has ended; log in again")
    return caller


def stranger(zh: str, en: str, error: str | None = None) -> Problem:
    """401 with the challenge that RFC 6750 asks for."""
    challenge = 'Bearer realm="yiwang"' + (f', error="{error}"' if error else "")
    return Problem(401, "unauthenticated", (zh, en), {"WWW-Authenticate": challenge})


class AccessUndeclared(Exception):
    """A route does not say who may call it; the application does not start."""


def table(app: FastAPI) -> dict[tuple[str, str], frozenset[Role] | None]:
    """Roles by (method, path) of every route; None is anyone. AccessUndeclared when one says nothing."""
    found: dict[tuple[str, str], frozenset[Role] | None] = {}
    for route in iter_route_contexts(app.routes):
        dependant: Dependant | None = getattr(route, "dependant", None)
        declared = list(_declarations(dependant)) if dependant else []
        if len(declared) != 1 or route.path is None:
            raise AccessUndeclared(
                f"{route.path}: 须声明一条访问规则，现有 {len(declared)} 条 / declares {len(declared)} access rules"
            )
        for method in route.methods or ():
            found[method, route.path] = declared[0].roles
    return found


def _declarations(dependant: Dependant) -> Iterator[Allow | Anyone]:
    for inner in dependant.dependencies:
        if isinstance(inner.call, Allow | Anyone):
            yield inner.call
        yield from _declarations(inner)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


__all__ = [
    "DESK",
    "EVERYBODY",
    "READERS",
    "REMEMBERED_S",
    "SCREENS",
    "STAFF",
    "AccessUndeclared",
    "Allow",
    "Anyone",
    "Caller",
    "Doorkeeper",
    "R",
    "Scope",
    "allow",
    "anyone",
    "caller_of",
    "stranger",
    "table",
]
