"""The policy 办理规定 of a standards body as the desk's policy, and back; every fault with its row and reason.

A body without a policy has the defaults; a member left out has its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from incidents.calendar import TimeLimit
from incidents.errors import DecisionRefused
from incidents.lifecycle import MOVES, Role
from incidents.policy import Mark, ParentMay, PhotoDuty, Policy, SelfCloseRow, SelfClosing
from incidents.rules_book import matches
from incidents.standards.rows import Faults, Row

MEMBER = "policy"
LONGEST_DAYS = 3650
_NUMBERS = {
    "reopen_within_days": LONGEST_DAYS,
    "appeal_within_days": LONGEST_DAYS,
    "max_extensions": 10,
    "max_suspensions": 10,
    "max_suspension_days": LONGEST_DAYS,
    "max_photos": 1000,
    "max_photos_at_once": 20,
    "max_snapshots": 10_000,
}
"""Whole numbers and the most each may be: more is a slip of the pen."""
_NOT_NONE = frozenset({"max_photos", "max_photos_at_once"})
"""Those of which there must be one: a city may ask for a photo with a move, and then has to take it."""
_USUAL = Policy()


def read_policy(given: object, categories: Iterable[str], faults: Faults) -> Policy:
    """The policy of a body's member; the defaults where there is none. `categories` are the keys patterns must fit."""
    if given is None:
        return _USUAL
    row, known = Row(MEMBER, given, faults), tuple(categories)
    numbers = {name: _number(row, name, most) for name, most in _NUMBERS.items()}
    urges = row.flag("auto_urge_overdue") if row.has("auto_urge_overdue") else True
    answer = _answer(row)
    levels = [_level(one) for one in row.rows("urge_levels")]
    self_close = [_self_close(one, known) for one in row.rows("self_close")]
    photos = [_photos(one, known) for one in row.rows("photos")]
    heard, parents = _appeals(row), _parents(row)
    row.end()
    return Policy(
        **numbers,
        urge_answer=answer,
        urge_levels=tuple(levels) or _USUAL.urge_levels,
        auto_urge_overdue=urges,
        self_close=tuple(self_close),
        photos=tuple(photos),
        appeal_for=heard,
        parent_may=parents,
    )


def write_policy(policy: Policy) -> dict[str, Any]:
    """The member `read_policy` reads back to the same policy."""
    return {
        **{name: getattr(policy, name) for name in _NUMBERS},
        "appeal_for": [str(one) for one in policy.appeal_for],
        "parent_may": str(policy.parent_may),
        "auto_urge_overdue": policy.auto_urge_overdue,
        "urge_answer": policy.urge_answer.as_json(),
        "urge_levels": [{"tell": list(level)} for level in policy.urge_levels],
        "self_close": [
            {
                "categories": list(one.categories),
                "action": str(one.action),
                "after_minutes": one.after_minutes,
            }
            for one in policy.self_close
        ],
        "photos": [
            {"categories": list(one.categories), "moves": list(one.moves)} for one in policy.photos
        ],
    }


def _number(row: Row, name: str, most: int) -> int:
    value = row.whole(name, getattr(_USUAL, name))
    if value > most:
        row.wrong(f"{name} 不得大于 {most}", f"{name} must not be over {most}")
    if value == 0 and name in _NOT_NONE:
        row.wrong(f"{name} 至少为 1", f"{name} must be at least 1")
    return value


def _answer(row: Row) -> TimeLimit:
    """How long an urge may wait for its answer."""
    if not row.has("urge_answer"):
        return _USUAL.urge_answer
    inner = row.table("urge_answer")
    amount, unit = inner.number("amount"), inner.text("unit")
    inner.end()
    try:
        return TimeLimit.of({"amount": amount, "unit": unit})
    except DecisionRefused as fault:
        row.wrong(f"urge_answer：{fault.zh}", f"urge_answer: {fault.en}")
        return _USUAL.urge_answer


def _appeals(row: Row) -> tuple[Mark, ...]:
    """What may be appealed; an empty list is a decision, too."""
    if not row.has("appeal_for"):
        return _USUAL.appeal_for
    told = row.texts("appeal_for")
    for one in told:
        if one not in set(Mark):
            row.wrong(
                f"appeal_for 没有 {one}；可用 {'、'.join(Mark)}",
                f"appeal_for has no {one}; there are {', '.join(Mark)}",
            )
    return tuple(dict.fromkeys(Mark(one) for one in told if one in set(Mark)))


def _parents(row: Row) -> ParentMay:
    if not row.has("parent_may"):
        return _USUAL.parent_may
    told = row.text("parent_may")
    if told not in set(ParentMay):
        row.wrong("parent_may 应为 nothing、see 或 act", "parent_may should be nothing, see or act")
        return _USUAL.parent_may
    return ParentMay(told)


def _level(row: Row) -> tuple[str, ...]:
    told = row.texts("tell")
    if not told:
        row.wrong("须写明告知谁（tell）", "needs whom to tell")
    for role in told:
        if role not in set(Role):
            row.wrong(f"没有角色 {role}", f"no role is called {role}")
    row.end()
    return told


def _self_close(row: Row, known: tuple[str, ...]) -> SelfCloseRow:
    categories, action = _patterns(row, known), row.text("action")
    if row.sound and action not in set(SelfClosing):
        row.wrong("action 应为 off、propose 或 close", "action should be off, propose or close")
    minutes = row.whole("after_minutes", 0)
    row.end()
    return SelfCloseRow(
        categories,
        SelfClosing(action) if action in set(SelfClosing) else SelfClosing.OFF,
        minutes,
    )


def _photos(row: Row, known: tuple[str, ...]) -> PhotoDuty:
    categories, moves = _patterns(row, known), row.texts("moves")
    for name in moves:
        if name not in MOVES:
            row.wrong(f"没有办理 {name}", f"no move is called {name}")
    if not moves:
        row.wrong("须写明哪些办理（moves）", "needs the moves")
    row.end()
    return PhotoDuty(categories, moves)


def _patterns(row: Row, known: tuple[str, ...]) -> tuple[str, ...]:
    patterns = row.texts("categories")
    if not patterns:
        row.wrong("须写明类别（categories），全部为 *", "needs categories, * for all")
    for pattern in patterns:
        if not any(matches(pattern, key) for key in known):
            row.wrong(f"没有类别符合 {pattern}", f"no category fits {pattern}")
    return patterns


def changed(body: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """A standards body with its policy; without the member where the policy is the usual one."""
    return {**body, MEMBER: write_policy(policy)} if policy != _USUAL else dict(body)
