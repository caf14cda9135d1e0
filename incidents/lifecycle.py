"""The life of an incident 案件 as one table: which move may be made, from where, to where, by whom, needing what.

This table is the whole rule: allowed moves, the API's answers and the diagram in docs/lifecycle.md all come from it.
Whose incident it is (department, area) is the desk's question; clocks are the deadlines' question.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from incidents.errors import MoveForbidden, MoveRefused


class State(StrEnum):
    """Where an incident stands (contract.md, States and moves)."""

    REPORTED = "reported"  # 已上报 待受理
    CONFIRMING = "confirming"  # 核实中
    OPEN = "open"  # 已立案 待派遣
    DISPATCHED = "dispatched"  # 已派遣 待签收
    HANDLING = "handling"  # 处置中
    SUSPENDED = "suspended"  # 挂账
    HANDLED = "handled"  # 已处置 待核查
    VERIFYING = "verifying"  # 核查中
    CLOSED = "closed"  # 结案
    VOID = "void"  # 作废

    @property
    def zh(self) -> str:
        """The state's name on a screen."""
        return _STATE_ZH[self]

    @property
    def ended(self) -> bool:
        """Whether the incident is nobody's job any more."""
        return self in ENDED


_STATE_ZH = {
    State.REPORTED: "已上报",
    State.CONFIRMING: "核实中",
    State.OPEN: "已立案",
    State.DISPATCHED: "已派遣",
    State.HANDLING: "处置中",
    State.SUSPENDED: "挂账",
    State.HANDLED: "已处置",
    State.VERIFYING: "核查中",
    State.CLOSED: "已结案",
    State.VOID: "已作废",
}
ENDED = frozenset({State.CLOSED, State.VOID})


class Role(StrEnum):
    """Who may ask (house.md, Words); SYSTEM is a rule, a route or a clock acting by itself."""

    ADMINISTRATOR = "administrator"
    SHIFT_LEAD = "shift_lead"
    DISPATCHER = "dispatcher"
    INTAKE_OFFICER = "intake_officer"
    INSPECTOR = "inspector"
    DEPARTMENT = "department"
    EVALUATOR = "evaluator"
    AUDITOR = "auditor"
    WALL = "wall"
    INGEST = "ingest"
    SYSTEM = "system"


class Need(StrEnum):
    """What a move must bring with it, or find done."""

    REASON = "reason"
    DEPARTMENT = "department"
    VERIFIED = "verified"  # 核查通过 stands on record


@dataclass(frozen=True, slots=True)
class Move:
    """One row: `target` None means the state stays; `fact` is what the outbox says happened."""

    name: str
    zh: str
    sources: frozenset[State]
    target: State | None
    roles: frozenset[Role]
    fact: str
    needs: frozenset[Need] = frozenset()


def _move(
    name: str,
    zh: str,
    path: tuple[tuple[State, ...], State | None],
    roles: tuple[Role, ...],
    fact: str,
    *needs: Need,
) -> Move:
    sources, target = path
    return Move(name, zh, frozenset(sources), target, frozenset(roles), fact, frozenset(needs))


_INTAKE = (Role.INTAKE_OFFICER, Role.SHIFT_LEAD)
_COMMAND = (Role.DISPATCHER, Role.SHIFT_LEAD)
_ALIVE = tuple(s for s in State if s not in ENDED)
_S = State

MOVES: dict[str, Move] = {
    m.name: m
    for m in (
        # name, 术语, (from, to), by, fact, needs
        _move("open", "立案", ((_S.REPORTED,), _S.OPEN), _INTAKE, "incident_opened"),
        _move(
            "void",
            "不予立案/作废",
            ((_S.REPORTED, _S.OPEN), _S.VOID),
            _INTAKE,
            "incident_voided",
            Need.REASON,
        ),
        _move(
            "dispatch",
            "派遣",
            ((_S.OPEN,), _S.DISPATCHED),
            (*_COMMAND, Role.SYSTEM),
            "incident_dispatched",
            Need.DEPARTMENT,
        ),
        _move(
            "accept",
            "签收",
            ((_S.DISPATCHED,), _S.HANDLING),
            (Role.DEPARTMENT,),
            "incident_accepted",
        ),
        _move(
            "send_back",
            "回退",
            ((_S.DISPATCHED, _S.HANDLING), _S.OPEN),
            (Role.DEPARTMENT,),
            "incident_sent_back",
            Need.REASON,
        ),
        _move(
            "report_handled",
            "处置反馈",
            ((_S.HANDLING,), _S.HANDLED),
            (Role.DEPARTMENT,),
            "incident_handled",
        ),
        _move(
            "verify",
            "派核查",
            ((_S.HANDLED,), _S.VERIFYING),
            (*_INTAKE, Role.DISPATCHER),
            "verification_asked",
        ),
        _move(
            "verified",
            "核查通过",
            ((_S.HANDLED, _S.VERIFYING), _S.VERIFYING),
            (Role.INSPECTOR, Role.SHIFT_LEAD),
            "incident_verified",
        ),
        _move(
            "rework",
            "返工",
            ((_S.HANDLED, _S.VERIFYING), _S.HANDLING),
            (Role.INSPECTOR, Role.SHIFT_LEAD),
            "rework_asked",
            Need.REASON,
        ),
        _move(
            "close",
            "结案",
            ((_S.VERIFYING,), _S.CLOSED),
            _INTAKE,
            "incident_closed",
            Need.VERIFIED,
        ),
        _move(
            "note",
            "备注",
            (_ALIVE, None),
            (*_INTAKE, Role.DISPATCHER, Role.DEPARTMENT, Role.INSPECTOR, Role.SYSTEM),
            "incident_noted",
            Need.REASON,
        ),
    )
}


def moves_from(state: State, role: Role | None = None) -> tuple[Move, ...]:
    """The moves this state allows, to this role if one is given, in the table's order."""
    return tuple(
        m for m in MOVES.values() if state in m.sources and (role is None or role in m.roles)
    )


def check_move(state: State, name: str, role: Role) -> Move:
    """The move, if it may be made; MoveRefused if not from here, MoveForbidden if not by this role."""
    move = MOVES.get(name)
    if move is None or state not in move.sources:
        allowed = tuple(m.name for m in moves_from(state))
        raise MoveRefused(
            zh=f"案件处于“{state.zh}”，不能“{move.zh if move else name}”",
            en=f"an incident that is {state} cannot make the move {name!r}",
            state=str(state),
            move=name,
            allowed=allowed,
        )
    if role not in move.roles:
        raise MoveForbidden(
            zh=f"“{move.zh}”须由{'、'.join(sorted(move.roles))}办理",
            en=f"{name!r} is for {', '.join(sorted(move.roles))}",
            move=name,
            role=str(role),
        )
    return move
