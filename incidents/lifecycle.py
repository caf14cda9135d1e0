"""The life of an incident 案件 as one table: which move may be made, from where, to where, by whom, needing what.

This table is the whole rule: allowed moves, the API's answers and the diagram in docs/lifecycle.md all come from it.
Whose incident it is (department, area) is the desk's question; what a move does to the clocks stands in
`incidents.timing`, what it changes in `incidents.replaying`.
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
    """What a move must bring with it, or (VERIFIED) find done. A photo is a need where the city's policy says so."""

    REASON = "reason"
    DEPARTMENT = "department"
    UNTIL = "until"  # 挂账至
    INTO = "into"  # 并入的案件
    UPHELD = "upheld"  # 申诉是否成立
    PHOTO = "photo"
    VERIFIED = "verified"  # 核查通过 stands on record


class Standing(StrEnum):
    """What must stand on the incident's record before a move is offered (`incidents.standing` asks it)."""

    NOT_DENIED = "not_denied"
    NO_RETURN = "no_return"
    RETURN_OR_SENT = "return_or_sent"
    NOTHING_ASKED = "nothing_asked"
    ASKED = "asked"
    EXTENDABLE = "extendable"
    SUSPENDABLE = "suspendable"
    NOT_VERIFIED = "not_verified"
    URGED = "urged"
    APPEALABLE = "appealable"
    REVIEWABLE = "reviewable"
    REOPENABLE = "reopenable"
    MERGED = "merged"
    NORMAL = "normal"
    NOTABLE = "notable"


@dataclass(frozen=True, slots=True)
class Move:
    """One row: `target` None means the state stays; `fact` is what the outbox says happened.

    `also` are states it may lead to instead, by what stands on record: a granted 挂账, a child as it was before 并案.
    """

    name: str
    zh: str
    sources: frozenset[State]
    target: State | None
    roles: frozenset[Role]
    fact: str
    needs: frozenset[Need] = frozenset()
    stands: frozenset[Standing] = frozenset()
    also: frozenset[State] = frozenset()

    def targets(self, source: State) -> frozenset[State]:
        """Every state it may lead to from there."""
        return frozenset({self.target or source}) | self.also


def _move(
    names: tuple[str, str],
    path: tuple[tuple[State, ...], State | None],
    roles: tuple[Role, ...],
    fact: str,
    *asks: Need | Standing,
    also: tuple[State, ...] = (),
) -> Move:
    return Move(
        *names,
        frozenset(path[0]),
        path[1],
        frozenset(roles),
        fact,
        frozenset(a for a in asks if isinstance(a, Need)),
        frozenset(a for a in asks if isinstance(a, Standing)),
        frozenset(also),
    )


_S, _R, _N, _ON = State, Role, Need, Standing
_LEAD = (_R.SHIFT_LEAD,)
_INTAKE = (_R.INTAKE_OFFICER, _R.SHIFT_LEAD)
_COMMAND = (_R.DISPATCHER, _R.SHIFT_LEAD)
_ON_SITE = (_R.INSPECTOR, _R.SHIFT_LEAD)
_CREW = (_R.DEPARTMENT,)
_SYSTEM = (_R.SYSTEM,)
_ALIVE = tuple(s for s in State if s not in ENDED)
_FILED = (_S.OPEN, _S.DISPATCHED, _S.HANDLING, _S.SUSPENDED, _S.HANDLED, _S.VERIFYING)
_AT_WORK = (_S.DISPATCHED, _S.HANDLING)
_MERGEABLE = (_S.REPORTED, _S.CONFIRMING, _S.OPEN, _S.DISPATCHED, _S.HANDLING)

# fmt: off
MOVES: dict[str, Move] = {
    m.name: m
    for m in (
        # (name, 术语), (from, to), by, fact, what it needs and what must stand on record
        _move(("confirm", "派核实"), ((_S.REPORTED, _S.CONFIRMING), _S.CONFIRMING), (*_INTAKE, *_SYSTEM),
              "confirmation_asked"),
        _move(("confirmed", "属实"), ((_S.CONFIRMING,), _S.REPORTED), _ON_SITE, "incident_confirmed"),
        _move(("not_confirmed", "不属实"), ((_S.CONFIRMING,), _S.REPORTED), _ON_SITE, "incident_not_confirmed",
              _N.REASON),
        _move(("open", "立案"), ((_S.REPORTED,), _S.OPEN), _INTAKE, "incident_opened", _ON.NOT_DENIED),
        _move(("void", "不予立案/作废"), ((_S.REPORTED, _S.OPEN), _S.VOID), _INTAKE, "incident_voided", _N.REASON),
        _move(("dispatch", "派遣"), ((_S.OPEN,), _S.DISPATCHED), (*_COMMAND, *_SYSTEM), "incident_dispatched",
              _N.DEPARTMENT, _ON.NO_RETURN),
        _move(("redispatch", "改派"), ((_S.OPEN, *_AT_WORK), _S.DISPATCHED), _COMMAND, "incident_redispatched",
              _N.DEPARTMENT, _ON.RETURN_OR_SENT),
        _move(("accept", "签收"), ((_S.DISPATCHED,), _S.HANDLING), _CREW, "incident_accepted"),
        _move(("send_back", "回退"), (_AT_WORK, _S.OPEN), _CREW, "incident_sent_back", _N.REASON),
        _move(("report_handled", "处置反馈"), ((_S.HANDLING,), _S.HANDLED), _CREW, "incident_handled"),
        _move(("ask_extend", "申请延期"), (_AT_WORK, None), _CREW, "extension_asked",
              _N.REASON, _ON.NOTHING_ASKED, _ON.EXTENDABLE),
        _move(("ask_suspend", "申请挂账"), ((_S.HANDLING,), None), _CREW, "suspension_asked",
              _N.REASON, _N.UNTIL, _ON.NOTHING_ASKED, _ON.SUSPENDABLE),
        _move(("grant", "批准"), (_AT_WORK, None), _COMMAND, "request_granted", _ON.ASKED, also=(_S.SUSPENDED,)),
        _move(("refuse", "驳回"), (_AT_WORK, None), _COMMAND, "request_refused", _N.REASON, _ON.ASKED),
        _move(("resume", "恢复"), ((_S.SUSPENDED,), _S.HANDLING), (*_COMMAND, *_CREW, *_SYSTEM), "incident_resumed"),
        _move(("verify", "派核查"), ((_S.HANDLED, _S.VERIFYING), _S.VERIFYING), (*_INTAKE, _R.DISPATCHER, *_SYSTEM),
              "verification_asked", _ON.NOT_VERIFIED),
        _move(("verified", "核查通过"), ((_S.HANDLED, _S.VERIFYING), _S.VERIFYING), _ON_SITE, "incident_verified"),
        _move(("rework", "返工"), ((_S.HANDLED, _S.VERIFYING), _S.HANDLING), _ON_SITE, "rework_asked", _N.REASON),
        _move(("decline", "拒接任务"), ((_S.CONFIRMING, _S.VERIFYING), None), (_R.INSPECTOR,), "task_declined",
              _N.REASON, _ON.NOT_VERIFIED),
        _move(("close", "结案"), ((_S.VERIFYING,), _S.CLOSED), _INTAKE, "incident_closed", _N.VERIFIED),
        _move(("close_by_order", "强制结案"), (_FILED, _S.CLOSED), _LEAD, "incident_closed_by_order", _N.REASON),
        _move(("self_close", "自动结案"), ((_S.OPEN, *_AT_WORK, _S.HANDLED, _S.VERIFYING), _S.CLOSED), _SYSTEM,
              "incident_closed_by_itself", _N.REASON, _ON.NORMAL),
        _move(("reopen", "重开"), ((_S.CLOSED,), _S.OPEN), _INTAKE, "incident_reopened", _N.REASON, _ON.REOPENABLE),
        _move(("urge", "督办"), (_ALIVE, None), (*_LEAD, *_SYSTEM), "incident_urged", _N.REASON),
        _move(("answer_urge", "答复"), (_ALIVE, None),
              (*_CREW, _R.DISPATCHER, _R.INTAKE_OFFICER, _R.INSPECTOR), "urge_answered", _N.REASON, _ON.URGED),
        _move(("appeal", "申诉"), ((_S.CLOSED,), None), _CREW, "incident_appealed", _N.REASON, _ON.APPEALABLE),
        _move(("review", "复核"), ((_S.CLOSED,), None), (_R.EVALUATOR, *_LEAD), "appeal_reviewed",
              _N.UPHELD, _ON.REVIEWABLE),
        _move(("merge", "并案"), (_MERGEABLE, _S.VOID), (*_INTAKE, _R.DISPATCHER, *_SYSTEM), "incident_merged",
              _N.INTO),
        _move(("unmerge", "拆案"), ((_S.VOID,), _S.OPEN), (*_INTAKE, _R.DISPATCHER), "incident_unmerged",
              _ON.MERGED, also=(_S.REPORTED,)),
        _move(("note", "备注"), ((*_ALIVE, _S.CLOSED), None),
              (*_INTAKE, _R.DISPATCHER, _R.DEPARTMENT, _R.INSPECTOR, *_SYSTEM), "incident_noted", _N.REASON,
              _ON.NOTABLE),
    )
}
# fmt: on

BESIDE: dict[str, tuple[str, str]] = {
    "report": ("上报", "incident_reported"),
    "join": ("并入上报", "incident_joined"),
    "absorb": ("并入他案", "incident_absorbed"),
    "release": ("拆出他案", "incident_released"),
    "retime": ("重定期限", "deadline_recomputed"),
}
"""What stands in a history beside the moves, asked by nobody: (术语, fact). The state stays as it is."""


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
