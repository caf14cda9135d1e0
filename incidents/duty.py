"""Duty 值班: who is on duty where and when, and which inspector 网格员 gets a task, with the reason.

Pure: the roster is given, the clock is given. Keeping duties and positions is the store's business.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isfinite
from typing import Protocol

from grid.coordinates import metres_between
from incidents.errors import IncidentError
from incidents.lifecycle import Role

LONGEST = timedelta(days=31)
"""A duty 班次 lasts at most a month of standby; who writes more mistook a date."""
STEP_M = 10.0
"""Metres within which two inspectors are equally near: a phone's fix is no better."""

ROLES = frozenset(
    {Role.SHIFT_LEAD, Role.DISPATCHER, Role.INTAKE_OFFICER, Role.INSPECTOR, Role.DEPARTMENT}
)
"""Who is on duty by turns; the others have no shifts."""


class DutyRefused(IncidentError):
    """A roster that cannot be; `faults` lists row and reason, nothing was kept."""

    code = "duty_refused"


class DutyUnknown(IncidentError):
    """No duty has this number."""

    code = "duty_unknown"


class NotOnDuty(IncidentError):
    """What is asked is for somebody on duty, and the one who asks is not."""

    code = "not_on_duty"


@dataclass(frozen=True, slots=True)
class Held:
    """A role that a person holds, with the department and the area (code prefix; None = the city) it holds for."""

    role: Role
    department: str | None = None
    area: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the plan of a duty is held against: roles by active account, responsible grids, posts with their roles."""

    people: Mapping[str, Sequence[Held]]
    grids: Collection[str]
    posts: Mapping[str, Role]


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
    department: str | None = None

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


def planned(duties: Sequence[Duty], known: Known, within: str | None = None) -> tuple[Duty, ...]:
    """The duties ready to be kept, area and department filled in from the role held; DutyRefused with every fault.

    `within` is the area of the one who plans: nobody plans beyond his own.
    """
    ready: list[Duty] = []
    faults: list[tuple[str, str]] = []
    for n, duty in enumerate(duties):
        held = _held(duty, known)
        ready.append(_filled(duty, held) if held else duty)
        wrong = _faults(ready[-1], known, within) if held else [_not_held(duty, known)]
        faults += [(f"duties[{n}] {duty.account}", f"{zh} / {en}") for zh, en in wrong]
    if faults:
        row, first = faults[0]
        zh, _, en = first.partition(" / ")
        raise DutyRefused(
            zh=f"值班表有 {len(faults)} 处不合规，未采用；首处 {row}：{zh}",
            en=f"the roster has {len(faults)} faults and was not kept; {row}: {en}",
            faults=tuple(faults),
        )
    return tuple(ready)


def _held(duty: Duty, known: Known) -> Held | None:
    """The role he holds for that duty: one whose area and department fit, else any of that role."""
    mine = [held for held in known.people.get(duty.account, ()) if held.role is duty.role]
    mine = mine if duty.role in ROLES else []
    fitting = [h for h in mine if _inside(duty.area or h.area, h.area)]
    fitting = [h for h in fitting if duty.department in {None, h.department}] or fitting
    return next(iter(fitting or mine), None)


def _filled(duty: Duty, held: Held) -> Duty:
    return replace(
        duty,
        area=duty.area or held.area,
        department=duty.department or held.department,
        responsible=tuple(dict.fromkeys(duty.responsible)),
    )


def _faults(duty: Duty, known: Known, within: str | None) -> list[tuple[str, str]]:
    """What is wrong with a duty of somebody who holds its role."""
    wrong: list[tuple[str, str]] = []
    held = [h for h in known.people[duty.account] if h.role is duty.role]
    if not any(_inside(duty.area, h.area) for h in held):
        areas = "、".join(h.area or "" for h in held)
        wrong.append((f"区域超出其所辖 {areas}", f"the area is beyond his own, {areas}"))
    if not any(h.department == duty.department for h in held):
        wrong.append((f"不属部门 {duty.department}", f"not of the department {duty.department}"))
    if not _inside(duty.area, within):
        wrong.append((f"超出您的辖区 {within}", f"beyond your own area, {within}"))
    if not duty.begins < duty.ends:
        wrong.append(("结束须晚于开始", "it must end after it begins"))
    elif duty.ends - duty.begins > LONGEST:
        wrong.append((f"不得长于 {LONGEST.days} 天", f"longer than {LONGEST.days} days"))
    lost = [grid for grid in duty.responsible if grid not in known.grids]
    if lost:
        wrong.append((f"没有责任网格 {'、'.join(lost)}", f"no responsible grid {', '.join(lost)}"))
    if duty.post is not None and known.posts.get(duty.post) is not duty.role:
        wrong.append((f"没有此角色的岗位 {duty.post}", f"no post {duty.post} of that role"))
    return wrong


def _not_held(duty: Duty, known: Known) -> tuple[str, str]:
    if duty.account not in known.people:
        return ("没有这个在用账户", "there is no such active account")
    if duty.role not in ROLES:
        return (f"角色 {duty.role} 不排班", f"the role {duty.role} has no shifts")
    return (f"没有角色 {duty.role}", f"does not hold the role {duty.role}")


def _inside(area: str | None, within: str | None) -> bool:
    """Whether an area lies within another; None is the whole city."""
    return within is None or (area is not None and area.startswith(within))


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
    """How far he is; None where either place is unknown or no number."""
    known = [number for number in (who.lon, who.lat, lon, lat) if number is not None]
    if len(known) < 4 or not all(isfinite(number) for number in known):
        return None
    return float(metres_between(*known))


def _nobody(asked: int, refused: Collection[str]) -> str:
    if not asked:
        return "此处当前没有网格员值班 / no inspector is on duty here now"
    names = "、".join(sorted(refused))
    return f"当班网格员均已拒接：{names} / every inspector on duty refused: {names}"
