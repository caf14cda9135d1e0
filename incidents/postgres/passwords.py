"""Passwords 口令: hashed with argon2id, compared in the same time for known and unknown names, never given back."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from incidents.errors import AccountRefused, PasswordRefused
from incidents.postgres.connection import Connection
from incidents.postgres.password_rules import LONGEST, faults, spelled
from incidents.postgres.queries import named

HISTORY = 5
"""So many passwords, the one in force among them, may not come again."""
HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4, type=Type.ID)
"""The second of the two recommended sets of RFC 9106 §4: three passes over 64 MiB in four lanes."""

_SQL = named("passwords.sql")
# Without what is mistaken for something else when it is read from a screen or a slip of paper.
_CLEAR = ("ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnpqrstuvwxyz", "23456789")


@dataclass(frozen=True, slots=True)
class Held:
    """The password in force of an account."""

    account: int
    hash: str
    must_change: bool
    set_at: datetime


def current(conn: Connection, name: str) -> Held | None:
    """The password of an active account; None when there is no such account or it has none."""
    row = conn.execute(_SQL["current"], {"name": name}).fetchone()
    return None if row is None else Held(*row)


def fits(held: Held | None, password: str) -> bool:
    """Whether this is the password; takes as long when there is none to compare with."""
    nobodys = _nobodys()  # always, so that the first stranger does not wait for it
    right = _verified(held.hash if held is not None else nobodys, password)
    return right and held is not None


def refresh(conn: Connection, held: Held, password: str) -> None:
    """Hash a password that was just proved right again, if the parameters have changed since."""
    if HASHER.check_needs_rehash(held.hash):
        row = {"account": held.account, "old": held.hash, "new": hashed(password)}
        conn.execute(_SQL["rehash"], row)


def put(conn: Connection, name: str, password: str, *, must_change: bool = False) -> int:
    """Give an account a password; its number.

    PasswordRefused with every fault when the password is unfit or one of the last `HISTORY`; AccountRefused for an
    account that is not there, was withdrawn, or belongs to a machine. In one transaction; ends no session.
    """
    found = faults(password, name)
    with conn.transaction():
        account = _account(conn, name)
        past = conn.execute(_SQL["past"], {"account": account, "most": HISTORY}).fetchall()
        if not found and any(_verified(hash_, password) for (hash_,) in past):
            found = [("used", f"不能与最近 {HISTORY} 次的口令相同", f"one of the last {HISTORY}")]
        if found:
            raise PasswordRefused(
                zh="口令不合要求：" + "；".join(zh for _, zh, _ in found),
                en="the password is refused: " + "; ".join(en for _, _, en in found),
                faults=[(code, f"{zh} / {en}") for code, zh, en in found],
            )
        _keep(conn, account, hashed(password), must_change=must_change)
    return account


def put_hash(conn: Connection, name: str, hash_: str) -> None:
    """Give an account a password whose hash is known already, as when a demonstration gives one to all; AccountRefused."""
    with conn.transaction():
        _keep(conn, _account(conn, name), hash_, must_change=False)


def hashed(password: str) -> str:
    """The password as it is kept."""
    return HASHER.hash(spelled(password))


def invented() -> str:
    """A random password that keeps the rules and can be read aloud: some 80 bits."""
    groups = ["".join(secrets.choice("".join(_CLEAR)) for _ in range(4)) for _ in range(3)]
    sure = "".join(secrets.choice(kind) for kind in _CLEAR)
    return "-".join([*groups, sure + secrets.choice(_CLEAR[1])])


def _account(conn: Connection, name: str) -> int:
    row = conn.execute(_SQL["account"], {"name": name}).fetchone()
    if row is None:
        raise AccountRefused(
            zh=f"账户“{name}”：没有这个账户、已停用，或它属于设备",
            en=f"account {name!r}: there is none, it was withdrawn, or it is a machine's",
            account=name,
        )
    return int(row[0])


def _keep(conn: Connection, account: int, hash_: str, *, must_change: bool) -> None:
    conn.execute(_SQL["add"], {"account": account, "hash": hash_, "must_change": must_change})
    conn.execute(_SQL["forget"], {"account": account, "most": HISTORY})


def _verified(hash_: str, password: str) -> bool:
    if len(password) > LONGEST:  # no password of ours; hashing a megabyte would be somebody's joke
        password = password[:LONGEST] + "\x00"
    try:
        return HASHER.verify(hash_, spelled(password))
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return hashed(secrets.token_urlsafe(32))
