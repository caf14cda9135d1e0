"""Sessions 会话: who is logged in, how often a name was tried, and the log of both."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from incidents.errors import LoginLocked, LoginRefused
from incidents.postgres import passwords
from incidents.postgres.accounts import Account
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

ATTEMPTS = 5
LOCKED_FOR = timedelta(minutes=15)
"""After so many wrong passwords in a row a name waits so long, whoever gives them (GB/T 22239-2019 8.1.4.1 b)."""

_SQL = named("sessions.sql")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things last: a session unused, a session at all, a password."""

    idle: timedelta = timedelta(minutes=30)
    lasts: timedelta = timedelta(hours=12)
    age: timedelta = timedelta(days=90)

    @property
    def touch(self) -> timedelta:
        """How old `seen_at` may be before it is written again: not at every request."""
        return min(timedelta(minutes=1), self.idle / 10)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who says he is whom, from which address."""

    name: str
    password: str
    address: str | None = None


class Session(NamedTuple):
    """A session that holds: whose, until when, and whether the password must be changed first."""

    account: Account
    ends_at: datetime
    password_due: bool


class Line(NamedTuple):
    """One line of the log of logins; `account` None: the name was nobody's."""

    id: int
    at: datetime
    account: str | None
    result: str
    address: str | None
    by: str | None


def log_in(conn: Connection, attempt: Attempt, limits: Limits) -> str:
    """A new session's id, told here once. LoginRefused for a wrong name or password alike, LoginLocked after too many.

    On an autocommit connection outside a transaction: an attempt counts even when what follows fails.
    """
    held = prove(conn, attempt)
    id_ = f"ys_{secrets.token_urlsafe(32)}"
    with conn.transaction():
        row = {"hash": _hash(id_), "account": held.account, "lasts": limits.lasts}
        conn.execute(_SQL["open"], row)
        log(conn, attempt.name, "in", attempt.address)
        conn.execute(_SQL["close_old"], {"idle": limits.idle})
        conn.execute(_SQL["forget_attempts"], {"lock": LOCKED_FOR})
    return id_


def prove(conn: Connection, attempt: Attempt) -> passwords.Held:
    """The password in force, if the attempt is right; LoginRefused and LoginLocked otherwise. Every attempt counts."""
    name = _hash(attempt.name)
    values = {"name": name, "lock": LOCKED_FOR, "most": ATTEMPTS}
    if conn.execute(_SQL["charge"], values).fetchone() is None:
        log(conn, attempt.name, "locked", attempt.address)
        row = conn.execute(_SQL["locked_s"], {"name": name}).fetchone()
        raise _locked(int(row[0]) if row else 1)
    held = passwords.current(conn, attempt.name)
    if not passwords.fits(held, attempt.password):
        log(conn, attempt.name, "wrong", attempt.address)
        raise LoginRefused(
            zh=f"账户名或口令不对；连续 {ATTEMPTS} 次后须等 {_minutes()} 分钟",
            en=f"the name or the password is wrong; after {ATTEMPTS} in a row wait {_minutes()} minutes",
        )
    assert held is not None  # it would not fit
    conn.execute(_SQL["clear"], {"name": name})
    passwords.refresh(conn, held, attempt.password)
    return held


def find(conn: Connection, id_: str, limits: Limits, *, used: bool = True) -> Session | None:
    """The session of this id while it holds; `used` False: a page asked by itself, nobody is sitting there."""
    values = {"hash": _hash(id_), "touch": limits.touch, "age": limits.age, "idle": limits.idle}
    row = conn.execute(_SQL["find"], values).fetchone()
    if row is None:
        return None
    *account, ends_at, stale, due = row
    if used and stale:
        conn.execute(_SQL["touch"], {"hash": _hash(id_)})
    return Session(Account(*account), ends_at, bool(due))


def log_out(conn: Connection, id_: str, address: str | None = None) -> None:
    """End a session; one that has ended already is no fault."""
    with conn.transaction():
        row = conn.execute(_SQL["close"], {"hash": _hash(id_)}).fetchone()
        if row is not None:
            log(conn, row[0], "out", address)


def discard(conn: Connection, id_: str) -> None:
    """End a session without a line in the log: another takes its place."""
    conn.execute(_SQL["close"], {"hash": _hash(id_)})


def change_password(conn: Connection, attempt: Attempt, new: str, limits: Limits) -> str:
    """Change one's own password, end every session and open a new one; its id. As `prove` and `passwords.put` refuse."""
    prove(conn, attempt)
    with conn.transaction():
        account = passwords.put(conn, attempt.name, new)
        conn.execute(_SQL["close_all"], {"account": account})
        log(conn, attempt.name, "changed", attempt.address)
        id_ = f"ys_{secrets.token_urlsafe(32)}"
        conn.execute(_SQL["open"], {"hash": _hash(id_), "account": account, "lasts": limits.lasts})
    return id_


def set_password(conn: Connection, name: str, password: str, by: str, *, must_change: bool) -> None:
    """Set another's password: his sessions end and a lock is taken away. As `passwords.put` refuses."""
    with conn.transaction():
        account = passwords.put(conn, name, password, must_change=must_change)
        conn.execute(_SQL["close_all"], {"account": account})
        conn.execute(_SQL["clear"], {"name": _hash(name)})
        log(conn, name, "set", None, by)


def unlock(conn: Connection, name: str, by: str) -> bool:
    """Let a name try again before its time; whether it had been counted at all."""
    with conn.transaction():
        counted = conn.execute(_SQL["clear"], {"name": _hash(name)}).rowcount > 0
        log(conn, name, "unlocked", None, by)
    return counted


def log(
    conn: Connection, name: str, result: str, address: str | None, by: str | None = None
) -> None:
    """One line of who did what with his login."""
    values = {"account": name, "result": result, "address": address, "by": by}
    conn.execute(_SQL["log"], values)


def logged(
    conn: Connection, most: int, before: int | None = None, account: str | None = None
) -> list[Line]:
    """Lines of the log, newest first, from before the line of that number on."""
    values = {"most": most, "before": before, "account": account}
    return [Line(*row) for row in conn.execute(_SQL["logged"], values)]


Find = Callable[[str, bool], Session | None]
"""Whose session an id is; the second tells whether somebody used it."""


def _locked(seconds: int) -> LoginLocked:
    minutes = -(-seconds // 60)
    return LoginLocked(
        zh=f"连续 {ATTEMPTS} 次口令不对，请 {minutes} 分钟后再试，或请管理员解锁",
        en=f"{ATTEMPTS} wrong passwords in a row; try again in {minutes} minutes or ask an administrator",
        retry_after_s=seconds,
    )


def _minutes() -> int:
    return int(LOCKED_FOR.total_seconds() // 60)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
