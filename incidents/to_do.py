"""待办: whose turn an incident is and for what, as one table; facts read it here, lists as SQL (`incidents.postgres.turns`).

A row is a turn at a move of `incidents.lifecycle`: these roles are waited for, in these states, when this stands on record.
That somebody may make a move does not make it his turn: the shift lead may nearly all, and is waited for by few.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from incidents.lifecycle import ENDED, Role, State


class Why(StrEnum):
    """What somebody is waited for; told beside the incident in every list."""

    FILE = "file"
    VOID = "void"
    ASK_CONFIRM = "ask_confirm"
    CONFIRM = "confirm"
    DISPATCH = "dispatch"
    REDISPATCH = "redispatch"
    ACCEPT = "accept"
    HANDLE = "handle"
    EXTENSION = "extension"
    SUSPENSION = "suspension"
    ASK_VERIFY = "ask_verify"
    VERIFY = "verify"
    CLOSE = "close"
    ANSWER = "answer"
    URGED = "urged"

    @property
    def zh(self) -> str:
        """The trade's words."""
        return _WHY_ZH[self]


_WHY_ZH = {
    Why.FILE: "待立案",
    Why.VOID: "核实不属实，待作废",
    Why.ASK_CONFIRM: "核实无人去，待改派",
    Why.CONFIRM: "待核实",
    Why.DISPATCH: "待派遣",
    Why.REDISPATCH: "被回退，待改派",
    Why.ACCEPT: "待签收",
    Why.HANDLE: "待处置",
    Why.EXTENSION: "延期待批",
    Why.SUSPENSION: "挂账待批",
    Why.ASK_VERIFY: "待派核查",
    Why.VERIFY: "待核查",
    Why.CLOSE: "核查已通过，待结案",
    Why.ANSWER: "督办待答复",
    Why.URGED: "督办升级至此，仍无答复",
}


class When(StrEnum):
    """What must stand on the incident's record for a turn to be somebody's."""

    DENIED = "denied"
    NOT_DENIED = "not_denied"
    SENT = "sent"  # an inspector has the task
    UNSENT = "unsent"
    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    RETURNED = "returned"
    NOT_RETURNED = "not_returned"
    EXTENSION = "extension"
    SUSPENSION = "suspension"
    URGED = "urged"
    TOLD = "told"  # the urge went to the role that is asked about
    SOMEBODYS = "somebodys"  # a department has it
    NOBODYS = "nobodys"


class Waiting(Protocol):
    """Of an incident, what the table looks at."""

    @property
    def state(self) -> State: ...  # noqa: D102
    @property
    def department(self) -> str | None: ...  # noqa: D102
    @property
    def inspector(self) -> str | None: ...  # noqa: D102
    @property
    def confirmed(self) -> bool | None: ...  # noqa: D102
    @property
    def verified_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def asked(self) -> Mapping[str, Any] | None: ...  # noqa: D102
    @property
    def urge(self) -> Mapping[str, Any] | None: ...  # noqa: D102
    @property
    def returned(self) -> Mapping[str, Any] | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Turn:
    """One row: in one of these states, all of `when` on record, these roles are waited for to make that move."""

    why: Why
    move: str
    states: tuple[State, ...]
    roles: tuple[Role, ...]
    when: tuple[When, ...] = ()


_S, _R, _W = State, Role, When
_ALIVE = tuple(s for s in State if s not in ENDED)
_INTAKE = (_R.INTAKE_OFFICER, _R.SHIFT_LEAD)
_COMMAND = (_R.DISPATCHER, _R.SHIFT_LEAD)
_DESK = (_R.INTAKE_OFFICER, _R.DISPATCHER, _R.SHIFT_LEAD)
_AT_WORK = (_S.DISPATCHED, _S.HANDLING)
_GOING = (_S.CONFIRMING, _S.VERIFYING)

# fmt: off
TURNS: tuple[Turn, ...] = (
    Turn(Why.FILE, "open", (_S.REPORTED,), _INTAKE, (_W.NOT_DENIED,)),
    Turn(Why.VOID, "void", (_S.REPORTED,), _INTAKE, (_W.DENIED,)),
    Turn(Why.ASK_CONFIRM, "confirm", (_S.CONFIRMING,), _INTAKE, (_W.UNSENT,)),
    Turn(Why.CONFIRM, "confirmed", (_S.CONFIRMING,), (_R.INSPECTOR,), (_W.SENT,)),
    Turn(Why.DISPATCH, "dispatch", (_S.OPEN,), _COMMAND, (_W.NOT_RETURNED,)),
    Turn(Why.REDISPATCH, "redispatch", (_S.OPEN,), _COMMAND, (_W.RETURNED,)),
    Turn(Why.ACCEPT, "accept", (_S.DISPATCHED,), (_R.DEPARTMENT,), (_W.SOMEBODYS,)),
    Turn(Why.HANDLE, "report_handled", (_S.HANDLING,), (_R.DEPARTMENT,), (_W.SOMEBODYS,)),
    Turn(Why.EXTENSION, "grant", _AT_WORK, _COMMAND, (_W.EXTENSION,)),
    Turn(Why.SUSPENSION, "grant", _AT_WORK, _COMMAND, (_W.SUSPENSION,)),
    Turn(Why.ASK_VERIFY, "verify", (_S.HANDLED,), _DESK),
    Turn(Why.ASK_VERIFY, "verify", (_S.VERIFYING,), _DESK, (_W.UNVERIFIED, _W.UNSENT)),
    Turn(Why.VERIFY, "verified", (_S.VERIFYING,), (_R.INSPECTOR,), (_W.UNVERIFIED, _W.SENT)),
    Turn(Why.CLOSE, "close", (_S.VERIFYING,), _INTAKE, (_W.VERIFIED,)),
    # 督办: whom the city's level told, of those who may answer; before it is a department's, whoever has to send it on.
    Turn(Why.ANSWER, "answer_urge", _ALIVE, (_R.DEPARTMENT,), (_W.URGED, _W.TOLD, _W.SOMEBODYS)),
    Turn(Why.ANSWER, "answer_urge", _ALIVE, (_R.INTAKE_OFFICER, _R.DISPATCHER), (_W.URGED, _W.TOLD)),
    Turn(Why.ANSWER, "answer_urge", _GOING, (_R.INSPECTOR,), (_W.URGED, _W.TOLD, _W.SENT)),
    Turn(Why.ANSWER, "answer_urge", (_S.REPORTED, _S.CONFIRMING), (_R.INTAKE_OFFICER,), (_W.URGED, _W.NOBODYS)),
    Turn(Why.ANSWER, "answer_urge", (_S.OPEN,), (_R.DISPATCHER,), (_W.URGED, _W.NOBODYS)),
    # The shift lead answers none: that it has come up to him is for him to know and to press.
    Turn(Why.URGED, "urge", _ALIVE, (_R.SHIFT_LEAD,), (_W.URGED, _W.TOLD)),
)
# fmt: on


class _Record(NamedTuple):
    """All that the table looks at: few combinations, met again and again, so that each is thought through once."""

    state: State
    sent: bool
    somebodys: bool
    confirmed: bool | None
    verified: bool
    returned: bool
    asked: str | None
    urged: bool
    told: tuple[str, ...]


_STANDS: Mapping[When, Callable[[_Record, Role], bool]] = {
    _W.DENIED: lambda r, _: r.confirmed is False,
    _W.NOT_DENIED: lambda r, _: r.confirmed is not False,
    _W.SENT: lambda r, _: r.sent,
    _W.UNSENT: lambda r, _: not r.sent,
    _W.VERIFIED: lambda r, _: r.verified,
    _W.UNVERIFIED: lambda r, _: not r.verified,
    _W.RETURNED: lambda r, _: r.returned,
    _W.NOT_RETURNED: lambda r, _: not r.returned,
    _W.EXTENSION: lambda r, _: r.asked == "extend",
    _W.SUSPENSION: lambda r, _: r.asked == "suspend",
    _W.URGED: lambda r, _: r.urged,
    _W.TOLD: lambda r, role: role in r.told,
    _W.SOMEBODYS: lambda r, _: r.somebodys,
    _W.NOBODYS: lambda r, _: not r.somebodys,
}
_OF_STATE = {
    state: [(role, t) for role in Role for t in TURNS if role in t.roles and state in t.states]
    for state in State
}


def to_do(incident: Waiting) -> Mapping[str, Sequence[str]]:
    """Whom the incident waits for, and why: reasons by role in the table's order; empty when it has ended.

    Whose it is among those of a role is said by the incident itself: its department, its inspector.
    """
    asked, urge = incident.asked, incident.urge
    return _turns(
        _Record(
            incident.state,
            incident.inspector is not None,
            incident.department is not None,
            incident.confirmed,
            incident.verified_at is not None,
            incident.returned is not None,
            None if asked is None else asked.get("kind"),
            urge is not None,
            () if urge is None else tuple(urge.get("told", ())),
        )
    )


@lru_cache(maxsize=4096)
def _turns(record: _Record) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for role, turn in _OF_STATE[record.state]:
        if all(_STANDS[when](record, role) for when in turn.when):
            whys = found.setdefault(str(role), [])
            if turn.why not in whys:
                whys.append(str(turn.why))
    return found
