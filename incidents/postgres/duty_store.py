"""Parties in the store: people with their roles, posts, the duty roster, and the last position of who is on duty.

A position is personal data: the newest only, told only during a duty, and forgotten when it is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg.rows import class_row, dict_row

from incidents.duty import (
    LONGEST,
    ROLES,
    Duty,
    DutyRefused,
    DutyUnknown,
    Held,
    Known,
    NotOnDuty,
    OnDuty,
    planned,
)
from incidents.errors import AccountRefused
from incidents.lifecycle import Role
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

_SQL = named("duty_store.sql")
_NO_PERSON = frozenset({Role.INGEST, Role.WALL, Role.SYSTEM})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account: his first role and the further ones; `on_duty` now, in whichever role."""

    name: str
    role: Role
    department: str | None
    area: str | None
    further: tuple[Held, ...]
    active: bool
    on_duty: bool

    @property
    def roles(self) -> tuple[Held, ...]:
        """Every role he holds, the first one first."""
        return (Held(self.role, self.department, self.area), *self.further)


@dataclass(frozen=True, slots=True)
class Post:
    """A post 岗位: a seat that somebody of a role takes for a shift."""

    code: str
    name: str
    role: Role
    department: str | None = None
    area: str | None = None
    active: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", Role(self.role))


@dataclass(frozen=True, slots=True)
class Listed:
    """A duty as the roster shows it; the position only while it runs, and only if told since it began."""

    id: int
    account: str
    role: str
    department: str | None
    area: str | None
    responsible: list[str]
    post: str | None
    post_name: str | None
    begins: datetime
    ends: datetime
    planned_by: str
    position_at: datetime | None
    lon: float | None
    lat: float | None
    tasks: int


@dataclass(frozen=True, slots=True)
class Window:
    """Which duties are meant: those of a role and an area (code prefix) between two instants."""

    since: datetime
    until: datetime
    role: Role | None = None
    area: str | None = None
    account: str | None = None


class PostgresRoster:
    """`incidents.duty.Roster` on one connection: one statement a question, nothing locked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def on_duty(self, role: Role, at: datetime, cell_code: str | None) -> Sequence[OnDuty]:
        """Everybody of the role whose duty holds at the instant and covers the cell, each once, by name."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(
                _SQL["on_duty"], {"role": str(role), "at": at, "cell": cell_code}
            ).fetchall()
        return [_on_duty(row) for row in rows]


def _on_duty(row: dict[str, Any]) -> OnDuty:
    return OnDuty(**{**row, "role": Role(row["role"]), "responsible": tuple(row["responsible"])})


# ── people ──


def people(conn: Connection, now: datetime, name: str | None = None) -> list[Person]:
    """Everybody who is a person, withdrawn accounts included, by name; or the one of that name."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SQL["people"], {"now": now, "name": name}).fetchall()
    return [_person(row) for row in rows]


def _person(row: dict[str, Any]) -> Person:
    further = tuple(
        Held(Role(one["role"]), one["department"], one["area"]) for one in row["further"]
    )
    return Person(**{**row, "role": Role(row["role"]), "further": further})


def further_roles(conn: Connection, name: str) -> list[Held]:
    """The roles an active account holds beside its first one, those for the whole city first."""
    rows = conn.execute(_SQL["further_roles"], {"name": name}).fetchall()
    return [Held(Role(role), department, area) for role, department, area in rows]


def give_roles(conn: Connection, name: str, roles: Sequence[Held], by: str) -> None:
    """Give a person these further roles in place of those he had; AccountRefused, and nothing changed."""
    for held in roles:
        if held.role in _NO_PERSON:
            raise _refused(name, f"{held.role} 不是人的角色", f"no person is {held.role}")
        if held.role is Role.DEPARTMENT and not held.department:
            raise _refused(
                name, "专业部门的角色须指明部门", "the role department needs its department"
            )
    with conn.transaction():
        row = conn.execute(_SQL["account_id"], {"name": name}).fetchone()
        if row is None:
            raise _refused(name, "没有这个在用账户", "there is no such active account")
        conn.execute(_SQL["drop_roles"], {"account": row[0]})
        for held in roles:
            _give(conn, (row[0], name), held, by)


def _give(conn: Connection, account: tuple[int, str], held: Held, by: str) -> None:
    row = {**asdict(held), "role": str(held.role), "account": account[0], "by": by}
    try:
        conn.execute(_SQL["give_role"], row)
    except UniqueViolation as fault:
        raise _refused(account[1], f"角色 {held.role} 重复", f"{held.role} stands twice") from fault
    except ForeignKeyViolation as fault:
        raise _refused(
            account[1], f"没有部门 {held.department}", f"there is no department {held.department}"
        ) from fault


def _refused(name: str, zh: str, en: str) -> AccountRefused:
    return AccountRefused(zh=f"账户“{name}”：{zh}", en=f"account {name!r}: {en}", account=name)


# ── posts ──


def posts(conn: Connection) -> list[Post]:
    """All posts, in order of their codes."""
    with conn.cursor(row_factory=class_row(Post)) as cursor:
        return cursor.execute(_SQL["posts"]).fetchall()


def put_post(conn: Connection, post: Post) -> None:
    """Keep a post, new or changed; DutyRefused for a role without shifts and a department nobody knows."""
    if post.role not in ROLES:
        raise DutyRefused(
            zh=f"角色 {post.role} 没有岗位", en=f"the role {post.role} has no posts", post=post.code
        )
    try:
        with conn.transaction():
            conn.execute(_SQL["put_post"], {**asdict(post), "role": str(post.role)})
    except ForeignKeyViolation as fault:
        raise DutyRefused(
            zh=f"没有部门 {post.department}",
            en=f"there is no department {post.department}",
            post=post.code,
        ) from fault


# ── the roster ──


def plan(
    conn: Connection, duties: Sequence[Duty], by: str, now: datetime, within: str | None = None
) -> list[int]:
    """Keep these duties, all or none; their numbers. The same again is kept once. DutyRefused with row and reason."""
    with conn.transaction():
        conn.execute(_SQL["guard"])
        return _planned(conn, planned(duties, _known(conn, duties, now), within), by)


def plan_anew(
    conn: Connection, window: Window, duties: Sequence[Duty], by: str, now: datetime
) -> list[int]:
    """The same in place of what was planned to begin in the window, in its role and area, and has not begun yet.

    `window.area` is the area of the one who plans, too. DutyRefused for a duty that begins outside the window.
    """
    faults = tuple(
        (
            f"duties[{n}] {duty.account}",
            "不在所换的时段或角色内 / not in the window or role replaced",
        )
        for n, duty in enumerate(duties)
        if not window.since <= duty.begins < window.until or window.role not in {None, duty.role}
    )
    if faults:
        raise DutyRefused(
            zh=f"值班表有 {len(faults)} 行不在所换的时段或角色内，未采用",
            en=f"{len(faults)} rows lie outside what is replaced; nothing was kept",
            faults=faults,
        )
    with conn.transaction():
        conn.execute(_SQL["guard"])
        conn.execute(_SQL["unplan"], {**_asked(window), "now": now})
        return _planned(conn, planned(duties, _known(conn, duties, now), window.area), by)


def _planned(conn: Connection, duties: Sequence[Duty], by: str) -> list[int]:
    numbers = []
    for n, duty in enumerate(duties):
        row = {**asdict(duty), "role": str(duty.role), "responsible": list(duty.responsible)}
        kept = conn.execute(_SQL["plan"], {**row, "by": by}).fetchone()
        if kept is None:
            why = "此人此角色已有同时开始而内容不同的值班 / he has another duty that begins then"
            raise DutyRefused(
                zh=f"{duty.account} 已有同时开始的值班，未采用",
                en=f"{duty.account} has another duty that begins at the same time; nothing was kept",
                faults=((f"duties[{n}] {duty.account}", why),),
            )
        numbers.append(int(kept[0]))
    return numbers


def _known(conn: Connection, duties: Sequence[Duty], now: datetime) -> Known:
    grids = sorted({grid for duty in duties for grid in duty.responsible})
    return Known(
        people={one.name: one.roles for one in people(conn, now) if one.active},
        grids={row[0] for row in conn.execute(_SQL["grids"], {"codes": grids})},
        posts={one.code: one.role for one in posts(conn) if one.active},
    )


def listed(conn: Connection, window: Window, now: datetime, most: int = 5000) -> list[Listed]:
    """Duties that hold at some instant of the window, in order of their beginning."""
    with conn.cursor(row_factory=class_row(Listed)) as cursor:
        asked = {**_asked(window), "now": now, "most": most}
        return cursor.execute(_SQL["listed"], asked).fetchall()


def end(conn: Connection, number: int, now: datetime, within: str | None = None) -> str:
    """End a duty: one that runs ends `now` (`ended`), one that has not begun is no more (`cancelled`).

    DutyUnknown; DutyRefused for one that is over, or beyond the area of the one who asks.
    """
    with conn.transaction():
        begins = _changeable(conn, number, now, within)[1]
        conn.execute(_SQL["shorten" if begins < now else "cancel"], {"id": number, "at": now})
        conn.execute(_SQL["forget_positions"], {"now": now})
    return "ended" if begins < now else "cancelled"


def end_at(
    conn: Connection, number: int, ends: datetime, now: datetime, within: str | None = None
) -> None:
    """Let a duty that is not over end at another time ahead, sooner or later than planned.

    DutyUnknown; DutyRefused for one that is over or beyond the area of the one who asks, and for a time that is past,
    not after its beginning, or over a month behind that.
    """
    with conn.transaction():
        account, begins = _changeable(conn, number, now, within)
        if not max(begins, now) < ends <= begins + LONGEST:
            raise DutyRefused(
                zh=f"{account} 的值班须在开始之后、现在之后结束，且不长于 {LONGEST.days} 天；要停班请删除",
                en=f"a duty of {account} ends after it begins and after now, {LONGEST.days} days later at most; "
                "to stop it, delete it",
            )
        conn.execute(_SQL["shorten"], {"id": number, "at": ends})


def _changeable(
    conn: Connection, number: int, now: datetime, within: str | None
) -> tuple[str, datetime]:
    """Whose duty it is and when it begins, its row locked; refused when it is over or not of one's area."""
    row = conn.execute(_SQL["duty"], {"id": number}).fetchone()
    if row is None:
        raise DutyUnknown(zh=f"没有第 {number} 条值班", en=f"there is no duty {number}")
    _, account, _, area, begins, ends = row
    if within is not None and not (area or "").startswith(within):
        raise DutyRefused(zh=f"超出您的辖区 {within}", en=f"beyond your own area, {within}")
    if ends <= now:
        raise DutyRefused(
            zh=f"{account} 的这次值班已经结束，记录不再改动",
            en=f"this duty of {account} is over and stays on record",
        )
    return account, begins


def _asked(window: Window) -> dict[str, Any]:
    return {**asdict(window), "role": None if window.role is None else str(window.role)}


# ── where he is ──


@dataclass(frozen=True, slots=True)
class Position:
    """Where somebody on duty is: WGS-84 degrees, the phone's own accuracy in metres, when."""

    lon: float
    lat: float
    at: datetime
    accuracy: float | None = None


def tell_position(
    conn: Connection, account: str, role: Role, place: Position, now: datetime
) -> None:
    """Keep somebody's position in place of an older one; NotOnDuty when he is not on duty in that role.

    Positions of those whose duty is over are forgotten by the way.
    """
    row = {**asdict(place), "account": account, "role": str(role), "now": now}
    with conn.transaction():
        conn.execute(_SQL["forget_positions"], {"now": now})
        kept = conn.execute(_SQL["tell_position"], row).fetchone()
    if kept is None:
        raise NotOnDuty(
            zh="您当前不在值班时段，位置未保存",
            en="you are not on duty now; the position was not kept",
            account=account,
        )


def forget_positions(conn: Connection, now: datetime) -> int:
    """Delete the positions of those no longer on duty; how many."""
    return conn.execute(_SQL["forget_positions"], {"now": now}).rowcount


def job(conn: Connection, now: datetime, _: Mapping[str, Any]) -> str:
    """The same as a job of the store; what it did."""
    rows = forget_positions(conn, now)
    return f"删除 {rows} 人的位置 / positions of {rows} forgotten"
