"""Two incidents that are one 并案 拆案: merged and taken apart again, kept together or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from incidents import moves
from incidents.errors import IncidentUnknown, MoveRefused, Stale, Unavailable
from incidents.incident import Incident, Kept
from incidents.ledger import Ledger
from incidents.lifecycle import MOVES, Move
from incidents.needs import incomplete
from incidents.rights import Basis, check_owner

_ATTEMPTS = 5


def merged(
    child: Incident, parent: Incident, given: Mapping[str, Any], basis: Basis
) -> tuple[Kept, Kept]:
    """The child's step and the parent's."""
    into = {**given, "into": parent.number}
    return (
        moves.move(child, "merge", basis.by, basis.at, into, basis.terms),
        moves.absorb(parent, child, basis.by, basis.at, basis.terms),
    )


def merge(ledger: Ledger, child: Incident, given: Mapping[str, Any], basis: Basis) -> Incident:
    """并案 into `given["into"]`; the child after it. MoveIncomplete, MoveForbidden, MoveRefused; Stale for the child."""
    row = MOVES["merge"]
    for _ in range(_ATTEMPTS):
        parent = _parent(ledger, child, given, row)
        if parent is not None:
            check_owner(parent, basis.by)
            child_step, parent_step = merged(child, parent, given, basis)
            if _kept_both(ledger, child, [(child, [child_step]), (parent, [parent_step])]):
                return child_step[0]
        else:
            moves.move(
                child, "merge", basis.by, basis.at, given, basis.terms
            )  # says what is missing
    raise _busy(child)


def _parent(
    ledger: Ledger, child: Incident, given: Mapping[str, Any], row: Move
) -> Incident | None:
    number = given.get("into")
    if not number:
        return None
    if number == child.number:
        raise incomplete(row, "into", ("不能并入自身", "cannot merge into itself"))
    try:
        parent = ledger.load(number)
    except IncidentUnknown as unknown:
        words = (f"没有编号为 {number} 的案件", f"finds no incident {number}")
        raise incomplete(row, "into", words) from unknown
    if parent.state.ended:
        words = (f"案件 {number} 已结束，不能并入", f"cannot merge into {number}: it has ended")
        raise incomplete(row, "into", words)
    return parent


def unmerge(ledger: Ledger, child: Incident, given: Mapping[str, Any], basis: Basis) -> Incident:
    """拆案: the child after it; every incident above it counts its reports no more. MoveRefused; Stale for the child."""
    _check_slot_of_unmerged(ledger, child)
    for _ in range(_ATTEMPTS):
        step = moves.move(child, "unmerge", basis.by, basis.at, given, basis.terms)
        changes = [(child, [step])]
        above = child.merged_into
        while above is not None:
            parent = ledger.load(above)
            told = moves.release(
                parent, (child.number, child.reports), basis.by, basis.at, basis.terms
            )
            changes.append((parent, [told]))
            above = parent.merged_into
        if _kept_both(ledger, child, changes):
            return step[0]
    raise _busy(child)


def _check_slot_of_unmerged(ledger: Ledger, child: Incident) -> None:
    """As `check_slot`; the incident it was merged into does not stand in its way."""
    if child.merged_into is None or child.subject is None:
        return
    other = ledger.open_on(child.subject)
    if other is not None and other.subject == child.subject:
        check_slot(ledger, child)


def _busy(child: Incident) -> Unavailable:
    return Unavailable(
        zh=f"案件 {child.number} 所涉案件正被反复更新，请稍后再试",
        en=f"the incidents that {child.number} belongs with keep changing; try again",
        number=child.number,
    )


def _kept_both(
    ledger: Ledger, child: Incident, changes: Sequence[tuple[Incident, Sequence[Kept]]]
) -> bool:
    """Whether it was kept; False when another than the child moved on meanwhile, and it is to be tried again."""
    try:
        ledger.keep_all(changes)
    except Stale as stale:
        if stale.facts["current"].number == child.number:
            raise
        return False
    return True


def check_slot(ledger: Ledger, before: Incident) -> None:
    """MoveRefused when what would be open again shares its subject with an incident that is open."""
    other = ledger.open_on(before.subject) if before.subject else None
    if other is None or other.number == before.number:
        return
    raise MoveRefused(
        zh=f"同一对象已有未结案件 {other.number}，请在该案件上办理",
        en=f"the same thing has an open incident, {other.number}: go on there",
        state=str(before.state),
        move="reopen",
        allowed=(),
        other=other.number,
    )
