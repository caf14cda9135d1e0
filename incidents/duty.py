"""Duty 值班: who is on duty where and when, and which inspector 网格员 gets a task, with the reason.

Pure: the roster is given, the clock is given. Keeping duties and positions is the store's business.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Protocol

from grid.coordinates import metres_between
from incidents.lifecycle import Role

LONGEST = timedelta(days=31)
"""A duty 班次 lasts at most a month of standby; who writes more mistook a date."""
STEP_M = 10.0
"""Metres within which two inspectors are equally near: a phone's fix is no better."""


@dataclass(frozen=True, slots=True)
class Duty:
    """One planned duty: the account in its role from `begins` to before `ends`, aware datetimes.

    `area` is a code prefix, None the whole city; `responsible` are codes of responsible grids 责任网格; `post` is the
    code of the post 岗位, such as a seat at the desk.
    """

    account: str
    role: Role
    begins: datetime
    ends: datetime
    area: str | None = None
    responsible: tuple[str, ...] = ()
    post: str | None = None

    def holds(self, at: datetime) -> bool:
        """Whether the instant lies in it; midnight is an instant like any other."""
        return self.begins <= at < self.ends

    def covers(self, cell_code: str | None) -> bool:
        """Whether the cell lies in its area; a place outside every cell only in the whole city."""
        return self.area is None or (cell_code is not None and cell_code.startswith(self.area))


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Somebody on duty now. `lon`/`lat` are the last WGS-84 position told during this duty, None when none was.

    `tasks` are the open tasks he has; `here` says that the cell asked about lies in one of his responsible grids.
    """

    account: str
    role: Role
    area: str | None = None
    responsible: tuple[str, ...] = ()
    lon: float | None = None
    lat: float | None = None
    tasks: int = 0
    here: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Who gets the task, None for nobody, and why."""

    account: str | None
    why: str


class Roster(Protocol):
    """Who is on duty 值班表, for whoever gives out tasks."""

    def on_duty(self, role: Role, at: datetime, cell_code: str | None) -> Sequence[OnDuty]:
        """Everybody of the role whose duty holds at the instant and covers the cell, each once; empty for nobody."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One person as he is ranked."""

    who: OnDuty
    responsible: bool
    metres: float | None

    @property
    def rank(self) -> tuple[bool, float, int, str]:
        """Responsible grid, then distance, then fewest open tasks, then the name, so that it is the same every time."""
        far = float("inf") if self.metres is None else self.metres // STEP_M
        return (not self.responsible, far, self.who.tasks, self.who.account)

    @property
    def words(self) -> tuple[str, str]:
        """What speaks for him."""
        patch = ("责任网格内，", "in his responsible grid, ") if self.responsible else ("", "")
        far = (
            ("位置未知", "position unknown")
            if self.metres is None
            else (f"相距 {self.metres:.0f} 米", f"{self.metres:.0f} m away")
        )
        return (
            f"{self.who.account}（{patch[0]}{far[0]}，在手任务 {self.who.tasks}）",
            f"{self.who.account} ({patch[1]}{far[1]}, {self.who.tasks} open tasks)",
        )


def choose_inspector(
    people: Sequence[OnDuty],
    cell_code: str | None,
    responsible_grid: str | None,
    lon: float | None,
    lat: float | None,
    refused: Collection[str] = (),
) -> Choice:
    """Responsible grid first, then the nearest, then the fewest open tasks; never one who refused.

    `responsible_grid` None: only what the people say of themselves counts (`here`). Nobody left is a Choice of
    None with the reason, never an error. Issue 4 §3; domain.md §2.3.
    """
    able = [
        _Candidate(who, _is_his(who, cell_code, responsible_grid), _metres(who, lon, lat))
        for who in _each_once(people)
        if who.account not in refused
    ]
    if not able:
        return Choice(None, _nobody(len(people), refused))
    ranked = sorted(able, key=lambda one: one.rank)
    zh, en = ranked[0].words
    if len(ranked) > 1:
        next_zh, next_en = ranked[1].words
        zh, en = f"{zh}；其次 {next_zh}", f"{en}; next would be {next_en}"
    passed = sorted({who.account for who in people if who.account in refused})
    if passed:
        names = "、".join(passed)
        zh, en = f"{zh}；已拒接：{names}", f"{en}; refused: {names}"
    return Choice(ranked[0].who.account, f"派给 {zh} / given to {en}")


def who_is_on(
    duties: Iterable[Duty], role: Role, at: datetime, cell_code: str | None
) -> tuple[OnDuty, ...]:
    """The people on duty by a plain reading of the roster, each once, by name; overlapping duties are one person's.

    His area is that of his widest duty, his responsible grids those of all of them.
    """
    holding = [d for d in duties if d.role is role and d.holds(at) and d.covers(cell_code)]
    found = []
    for account in sorted({duty.account for duty in holding}):
        his = [duty for duty in holding if duty.account == account]
        grids = tuple(sorted({grid for duty in his for grid in duty.responsible}))
        found.append(OnDuty(account, role, _widest(his), grids))
    return tuple(found)


def _widest(duties: Sequence[Duty]) -> str | None:
    areas = [duty.area or "" for duty in duties]
    return min(areas, key=lambda area: (len(area), area)) or None


def _each_once(people: Sequence[OnDuty]) -> Iterable[OnDuty]:
    """The first row of each account."""
    seen: dict[str, OnDuty] = {}
    for who in people:
        seen.setdefault(who.account, who)
    return seen.values()


def _is_his(who: OnDuty, cell_code: str | None, responsible_grid: str | None) -> bool:
    if who.here or (responsible_grid is not None and responsible_grid in who.responsible):
        return True
    return cell_code is not None and cell_code in who.responsible


def _metres(who: OnDuty, lon: float | None, lat: float | None) -> float | None:
    if who.lon is None or who.lat is None or lon is None or lat is None:
        return None
    metres = float(metres_between(who.lon, who.lat, lon, lat))
    return metres if isfinite(metres) else None


def _nobody(asked: int, refused: Collection[str]) -> str:
    if not asked:
        return "此处当前没有网格员值班 / no inspector is on duty here now"
    names = "、".join(sorted(refused))
    return f"当班网格员均已拒接：{names} / every inspector on duty refused: {names}"
