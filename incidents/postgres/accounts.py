"""Accounts 账户: people and programs that may ask, each with one token, kept as its SHA-256 only."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg.rows import class_row

from incidents.errors import AccountRefused
from incidents.lifecycle import Role
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

SHORTEST_TOKEN = 8
"""Characters of a token that somebody chose; ours have 32 random bytes."""

_SQL = named("accounts.sql")


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks: role, and the department and area (code prefix; None = the whole city) that narrow it."""

    id: int
    name: str
    role: Role
    department: str | None
    area: str | None
    scopes: tuple[str, ...]
    active: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", Role(self.role))
        object.__setattr__(self, "scopes", tuple(self.scopes))


@dataclass(frozen=True, slots=True)
class Applicant:
    """An account to be made. A department's account needs its department; `token` None means: make one."""

    name: str
    role: Role
    department: str | None = None
    area: str | None = None
    scopes: Sequence[str] = ()
    token: str | None = None


def new_token() -> str:
    """`yw_` and 32 random bytes, safe in an address."""
    return f"yw_{secrets.token_urlsafe(32)}"


def add(conn: Connection, who: Applicant) -> str:
    """Make an account and return its token, which is told here once and never again; AccountRefused.

    A role `ingest` has the scope `ingest`, whatever else is given.
    """
    _refuse_unsound(who)
    token = who.token or new_token()
    scopes = sorted({*who.scopes, *(["ingest"] if who.role is Role.INGEST else [])})
    row = {
        "name": who.name,
        "role": str(who.role),
        "department": who.department,
        "area": who.area,
        "scopes": scopes,
        "hash": _hash(token),
    }
    try:
        with conn.transaction():
            conn.execute(_SQL["add"], row)
    except UniqueViolation as fault:
        raise _refused(
            "账户名或令牌已被使用", "the name or the token is taken", who.name
        ) from fault
    except ForeignKeyViolation as fault:
        raise _refused(
            f"没有部门 {who.department}", f"there is no department {who.department}", who.name
        ) from fault
    return token


def find(conn: Connection, token: str) -> Account | None:
    """The active account that a token belongs to, or None."""
    with conn.cursor(row_factory=class_row(Account)) as cursor:
        return cursor.execute(_SQL["by_token"], {"hash": _hash(token)}).fetchone()


def everybody(conn: Connection) -> list[Account]:
    """All accounts in order of their names, inactive ones included."""
    with conn.cursor(row_factory=class_row(Account)) as cursor:
        return cursor.execute(_SQL["everybody"]).fetchall()


def has_administrator(conn: Connection) -> bool:
    """Whether anybody may still change accounts."""
    row = conn.execute(_SQL["administrators"]).fetchone()
    return bool(row and row[0])


def rotate(conn: Connection, name: str) -> str:
    """A new token for an account, the old one void at once; AccountRefused when there is no such account."""
    token = new_token()
    if not conn.execute(_SQL["rotate"], {"name": name, "hash": _hash(token)}).rowcount:
        raise _refused("没有这个账户", "there is no such account", name)
    return token


def deactivate(conn: Connection, name: str) -> None:
    """Let an account ask no more; AccountRefused for an unknown one and for the last administrator."""
    with conn.transaction():
        conn.execute(_SQL["guard"])
        if conn.execute(_SQL["deactivate"], {"name": name}).rowcount:
            return
    raise _refused(
        "没有这个账户，或它是最后一名管理员",
        "there is no such account, or it is the last administrator",
        name,
    )


def _refuse_unsound(who: Applicant) -> None:
    if not who.name.strip() or who.name != who.name.strip() or len(who.name) > 64:
        raise _refused("账户名须为 1–64 个字符", "a name has 1 to 64 characters", who.name)
    if who.role is Role.SYSTEM:
        raise _refused("system 不是账户的角色", "no account is the system", who.name)
    if who.role is Role.DEPARTMENT and not who.department:
        raise _refused(
            "专业部门的账户须指明部门", "a department's account needs its department", who.name
        )
    if who.token is not None and len(who.token) < SHORTEST_TOKEN:
        raise _refused(
            f"令牌至少 {SHORTEST_TOKEN} 个字符",
            f"a token has at least {SHORTEST_TOKEN} characters",
            who.name,
        )


def _refused(zh: str, en: str, name: str) -> AccountRefused:
    return AccountRefused(zh=f"账户“{name}”：{zh}", en=f"account {name!r}: {en}", account=name)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
