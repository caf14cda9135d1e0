"""The shapes of coming in: who one is, in which roles one may act, and the log of logins."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.duty_schemas import RoleShown
from incidents.lifecycle import Role


class RoleToTake(RoleShown):
    """A role one holds; `ask` is what the header `Yiwang-Role` says to act in it."""

    ask: str = Field(examples=["dispatcher/990102"])


class Me(BaseModel):
    """Who asks, in which role; of a session also when it ends unused and at the latest, and whether its password is due."""

    name: str
    role: Role
    department: str | None
    area: str | None
    session: bool
    idle_s: float | None = Field(
        description="会话无人使用多久即结束，秒；令牌没有 seconds after which a session nobody uses ends; null with a token"
    )
    ends_at: datetime | None
    password_due: bool
    roles: list[RoleToTake] = Field(
        description="可用的角色，第一个为本职 the first one is the account's"
    )


class LoginLine(BaseModel):
    """One line of the log of logins; `account` null: the name was nobody's."""

    id: int
    at: datetime
    account: str | None
    result: Literal["in", "wrong", "locked", "out", "changed", "set", "unlocked"]
    address: str | None
    by: str | None
