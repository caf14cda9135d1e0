"""A city's policy 办理规定: how often, how long, who is told, what may be appealed, where a photo is a duty. Data with defaults.

Read from the standards body (`incidents.standards.policy_table`); asked by the desk. Knows no incident.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from incidents.calendar import USUAL_HOURS, TimeLimit, Unit, WorkingCalendar
from incidents.rules_book import matches


class SelfClosing(StrEnum):
    """What happens once a device has been back to normal for long enough."""

    OFF = "off"
    PROPOSE = "propose"
    CLOSE = "close"


class Mark(StrEnum):
    """What may be held against a department, so that it may appeal 申诉 when the city says so."""

    OVERDUE = "overdue"  # 超期
    REWORK = "rework"  # 返工
    SEND_BACK = "send_back"  # 回退
    URGE = "urge"  # 督办
    ANYTHING = "anything"  # 不限

    @property
    def zh(self) -> str:
        """The trade's word."""
        return _MARK_ZH[self]


_MARK_ZH = dict(zip(Mark, ("超期", "返工", "回退", "督办", "不限"), strict=True))


class ParentMay(StrEnum):
    """What a department 上级部门 may do with the incidents of those below it in the tree."""

    NOTHING = "nothing"
    SEE = "see"
    ACT = "act"


@dataclass(frozen=True, slots=True)
class SelfCloseRow:
    """Categories by pattern, what to do, and how long the device must stay normal before."""

    categories: tuple[str, ...]
    action: SelfClosing
    after_minutes: int = 0

    @property
    def after(self) -> timedelta:
        """The wait as a length of time."""
        return timedelta(minutes=self.after_minutes)


@dataclass(frozen=True, slots=True)
class PhotoDuty:
    """Moves that need a photo for incidents of these categories."""

    categories: tuple[str, ...]
    moves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the city decided; the defaults are domain.md §2.3's where it has one, else ours.

    `urge_levels`: whom each level of an urge 督办 tells (role names; `department` is the one that has the incident);
    an urge that nobody answers within `urge_answer` goes one level up. First matching row of `self_close` holds.
    `appeal_for`: what must stand against the department for an appeal; empty: nothing is appealed.
    `max_photos` of one incident are what people bring, `max_snapshots` what events of machines bring; `max_photos_at_once`
    holds for one report or one move.
    """

    reopen_within_days: int = 30
    appeal_within_days: int = 30
    appeal_for: tuple[Mark, ...] = (Mark.OVERDUE,)
    max_extensions: int = 2
    max_suspensions: int = 1
    max_suspension_days: int = 365
    urge_answer: TimeLimit = field(default_factory=lambda: TimeLimit(4, Unit.URGENT_HOUR))
    urge_levels: tuple[tuple[str, ...], ...] = (
        ("department",),
        ("department", "dispatcher"),
        ("department", "dispatcher", "shift_lead"),
    )
    auto_urge_overdue: bool = True
    self_close: tuple[SelfCloseRow, ...] = ()
    photos: tuple[PhotoDuty, ...] = ()
    max_photos: int = 60
    max_photos_at_once: int = 9
    max_snapshots: int = 600
    parent_may: ParentMay = ParentMay.SEE

    def self_closing(self, category: str) -> SelfCloseRow | None:
        """The row that holds for a category; None where nothing happens by itself."""
        row = next((r for r in self.self_close if _any(r.categories, category)), None)
        return None if row is None or row.action is SelfClosing.OFF else row

    def needs_photo(self, move: str, category: str) -> bool:
        """Whether the move must bring a photo."""
        return any(move in duty.moves and _any(duty.categories, category) for duty in self.photos)


@dataclass(frozen=True, slots=True)
class Terms:
    """By what a step is judged and timed: the calendar and the policy in force."""

    calendar: WorkingCalendar
    policy: Policy = field(default_factory=Policy)


USUAL = Terms(WorkingCalendar(ZoneInfo("Asia/Shanghai"), USUAL_HOURS))
"""Usual hours, no stage limits, the default policy."""


def _any(patterns: tuple[str, ...], category: str) -> bool:
    return any(matches(pattern, category) for pattern in patterns)
