"""What must stand on an incident's record before a move may be made: asked for the list of moves and for the move itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents import appeals, clocks
from incidents.clocks import ClockState, Stage
from incidents.errors import MoveRefused
from incidents.incident import Actor, Incident
from incidents.lifecycle import Move, Role, Standing, State, moves_from
from incidents.policy import Mark, Policy, SelfClosing

ANSWERED_BY = frozenset({Role.INTAKE_OFFICER, Role.SHIFT_LEAD})
"""Who writes down what a citizen answers 回访: nobody who is scored by it."""

Words = tuple[str, str]
"""Why not: Chinese, English."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, when, under which policy."""

    by: Actor
    at: datetime
    policy: Policy


def why_not(incident: Incident, move: Move, asking: Asking) -> Words | None:
    """What stands in the move's way; None when nothing does."""
    if not move.stands:
        return None
    for standing, ask in _ASKS.items():  # in one order: the same refusal is told every time
        if standing in move.stands:
            words = ask(incident, asking)
            if words is not None:
                return words
    return None


def open_moves(incident: Incident, asking: Asking) -> tuple[Move, ...]:
    """The moves of the table open to the role now, in the table's order."""
    fitting = moves_from(incident.state, asking.by.role)
    return tuple(m for m in fitting if why_not(incident, m, asking) is None)


def check_standing(incident: Incident, move: Move, asking: Asking) -> None:
    """MoveRefused, with the moves that are open, when something on record stands in the way."""
    words = why_not(incident, move, asking)
    if words is None:
        return
    raise MoveRefused(
        zh=f"不能“{move.zh}”：{words[0]}",
        en=f"cannot {move.name!r}: {words[1]}",
        state=str(incident.state),
        move=move.name,
        allowed=tuple(m.name for m in open_moves(incident, asking)),
    )


def _not_denied(i: Incident, _: Asking) -> Words | None:
    if i.confirmed is not False:
        return None
    return (
        "核实结果为不属实，只能作废或重新派核实",
        "it was found not true: void it or have it confirmed again",
    )


def _no_return(i: Incident, _: Asking) -> Words | None:
    if i.returned is None:
        return None
    return "有未处理的回退，请办理改派", "a return stands: redispatch it"


def _return_or_sent(i: Incident, _: Asking) -> Words | None:
    if i.state is not State.OPEN or i.returned is not None:
        return None
    return "尚未派遣过，请办理派遣", "it was not sent to anybody yet: dispatch it"


def _nothing_asked(i: Incident, _: Asking) -> Words | None:
    if i.asked is None:
        return None
    return "已有申请待批", "a request waits to be decided already"


def _asked(i: Incident, _: Asking) -> Words | None:
    return None if i.asked is not None else ("没有待批的申请", "no request waits to be decided")


def _extendable(i: Incident, asking: Asking) -> Words | None:
    kept = i.clocks.get(Stage.HANDLING)
    if kept is None or kept["state"] != ClockState.RUNNING:
        return "没有在走的处置时限", "no handling limit is running"
    if clocks.overdue(clocks.from_json(kept), asking.at):
        return "已超期，延期须在到期前申请", "it is overdue: an extension is asked for before that"
    most = asking.policy.max_extensions
    if i.extensions >= most:
        return f"已批准延期 {i.extensions} 次，至多 {most} 次", f"{most} extensions are the most"
    return None


def _suspendable(i: Incident, asking: Asking) -> Words | None:
    most = asking.policy.max_suspensions
    if i.suspensions < most:
        return None
    return f"已挂账 {i.suspensions} 次，至多 {most} 次", f"{most} suspension is the most"


def _not_verified(i: Incident, _: Asking) -> Words | None:
    if i.state is not State.VERIFYING or i.verified_at is None:
        return None
    return "核查已通过", "it is verified already"


def _urged(i: Incident, _: Asking) -> Words | None:
    return None if i.urge is not None else ("没有待答复的督办", "no urge waits for an answer")


def appealing(i: Incident, asking: Asking) -> Mapping[str, tuple[Mark, ...]]:
    """The departments for which he who asks may appeal, each with what is held against it and heard in this city."""
    found = {
        department: _heard_of(i, department, asking.at, asking.policy)
        for department in appeals.appellants(i, asking.by)
    }
    return {department: told for department, told in found.items() if told}


def appealable(i: Incident, at: datetime, policy: Policy) -> Mapping[str, datetime]:
    """The departments with something to appeal against who have not, each with until when it may; none before it is closed."""
    if i.closed_at is None or i.state is not State.CLOSED:
        return {}
    until = i.closed_at + timedelta(days=policy.appeal_within_days)
    said = appeals.heard(i)
    silent = (one for one in appeals.parties(i) if one not in said)
    return {one: until for one in silent if _heard_of(i, one, at, policy)}


def _heard_of(i: Incident, department: str, at: datetime, policy: Policy) -> tuple[Mark, ...]:
    """What is held against a department and may be appealed in this city."""
    held = appeals.marks(i, department, at)
    return tuple(mark for mark in policy.appeal_for if mark is Mark.ANYTHING or mark in held)


def whose(i: Incident, move: str, asking: Asking) -> tuple[str, ...]:
    """The departments that may be named with a move as those whose appeal it is; none with a move that is not about one.

    The first is meant where nobody names one. A department is "" where an old appeal does not say whose it is.
    """
    if move == "appeal":
        return tuple(appealing(i, asking))
    return appeals.waiting(i, asking.by.name) if move == "review" else ()


def _appealable(i: Incident, asking: Asking) -> Words | None:
    concerned = set(appeals.acts_for(asking.by)) & set(appeals.parties(i))
    if concerned and concerned <= appeals.heard(i).keys():
        return "每个部门只能申诉一次", "one appeal is all a department has"
    hears = asking.policy.appeal_for
    if not appealing(i, asking):
        what, named = appeals.words(hears) or "无", ", ".join(hears) or "nothing"
        return (
            f"没有可申诉的：本市受理的是（{what}），没有记在您部门名下的",
            f"nothing to appeal: heard is {named}, and none of it stands against your department",
        )
    return _within(i, asking, asking.policy.appeal_within_days)


def _reviewable(i: Incident, asking: Asking) -> Words | None:
    if not appeals.waiting(i):
        return "没有待复核的申诉", "no appeal waits for a review"
    if not appeals.waiting(i, asking.by.name):
        return "复核须由另一人办理", "the second review is another person's"
    return None


def _reopenable(i: Incident, asking: Asking) -> Words | None:
    return _within(i, asking, asking.policy.reopen_within_days)


def _within(i: Incident, asking: Asking, days: int) -> Words | None:
    if i.closed_at is not None and asking.at <= i.closed_at + timedelta(days=days):
        return None
    return f"结案已超过 {days} 天", f"it was closed more than {days} days ago"


def _merged(i: Incident, _: Asking) -> Words | None:
    return None if i.merged_into is not None else ("不是被并入的案件", "it was not merged")


def _notable(i: Incident, asking: Asking) -> Words | None:
    if i.state is not State.CLOSED or asking.by.role in ANSWERED_BY:
        return None
    return (
        "已结案，只由受理员、值班长补记（回访、满意度）",
        "it is closed: the intake officer or the shift lead notes what the citizen said",
    )


def _normal(i: Incident, asking: Asking) -> Words | None:
    row = asking.policy.self_closing(i.category)
    if row is None or row.action is not SelfClosing.CLOSE:
        return "该类别不自动结案", "the category does not close by itself"
    if i.normal_since is None or asking.at < i.normal_since + row.after:
        return "设备尚未恢复足够久", "the device has not been back to normal for long enough"
    return None


_ASKS: Mapping[Standing, Callable[[Incident, Asking], Words | None]] = {
    Standing.NOT_DENIED: _not_denied,
    Standing.NO_RETURN: _no_return,
    Standing.RETURN_OR_SENT: _return_or_sent,
    Standing.NOTHING_ASKED: _nothing_asked,
    Standing.ASKED: _asked,
    Standing.EXTENDABLE: _extendable,
    Standing.SUSPENDABLE: _suspendable,
    Standing.NOT_VERIFIED: _not_verified,
    Standing.URGED: _urged,
    Standing.APPEALABLE: _appealable,
    Standing.REVIEWABLE: _reviewable,
    Standing.REOPENABLE: _reopenable,
    Standing.MERGED: _merged,
    Standing.NORMAL: _normal,
    Standing.NOTABLE: _notable,
}
