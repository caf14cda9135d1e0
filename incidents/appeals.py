"""What is held against each department of an incident 超期、返工…, and what each said of it 申诉: read, and carried along.

Whoever has it is judged by the incident itself; what stands against one it was taken from is written down when it goes
to another (`held` in that line of the history). `Incident.appeal` keeps both: `marks` and `heard` by department, and
`counted`, how much of the incident's counts was somebody's before. Whether a move may be made is `incidents.standing`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from incidents import clocks
from incidents.clocks import ClockState, Stage
from incidents.incident import Actor, HistoryRow, Incident
from incidents.policy import Mark

Appeal = Mapping[str, Any]
"""by, at, reason, about (marks), reviews, outcome (None: not decided yet)."""

_COUNTS = {Mark.REWORK: "reworks", Mark.SEND_BACK: "send_backs", Mark.URGE: "urges"}


def holder(incident: Incident) -> str | None:
    """Whose it is, or was last: one that gave it back stays answerable until it goes to another."""
    return incident.department or (incident.returned or {}).get("from")


def parties(incident: Incident) -> tuple[str, ...]:
    """The departments something may be held against: who has it first, then those it was taken from."""
    found = dict.fromkeys((holder(incident), *_kept(incident)["marks"]))
    return tuple(one for one in found if one)


def heard(incident: Incident) -> Mapping[str, Appeal]:
    """Appeals by department, in the order in which they were made."""
    return _kept(incident)["heard"]  # type: ignore[no-any-return]


def marks(incident: Incident, department: str, at: datetime) -> tuple[Mark, ...]:
    """What stands against a department: that it was late the last time it had it, and what ever was said of its work."""
    kept = {Mark(one) for one in _kept(incident)["marks"].get(department, ())}
    if department == holder(incident):
        kept |= {mark for mark, name in _COUNTS.items() if _since(incident, mark, name) > 0}
        kept |= {Mark.OVERDUE} if _was_late(incident, at) else set()
    return tuple(mark for mark in Mark if mark in kept) if kept else ()


def acts_for(by: Actor) -> tuple[str, ...]:
    """The departments an actor speaks for: its own first."""
    return tuple(one for one in (by.department, *by.below) if one)


def appellants(incident: Incident, by: Actor) -> tuple[str, ...]:
    """Of the departments an actor speaks for, those that are concerned and have not appealed yet."""
    said = heard(incident)
    concerned = parties(incident)
    return tuple(one for one in acts_for(by) if one in concerned and one not in said)


def waiting(incident: Incident, by: str | None = None) -> tuple[str, ...]:
    """Departments whose appeal is to be reviewed; with a name, those this person had no part in yet."""
    return tuple(
        department
        for department, appeal in heard(incident).items()
        if appeal["outcome"] is None
        and by not in {appeal["by"], *(review["by"] for review in appeal["reviews"])}
    )


def leaving(
    incident: Incident, to: str | None, at: datetime, hears: Iterable[Mark] = ()
) -> Mapping[str, Any] | None:
    """What a line that takes it from whoever had it is to hold against that department; None when there is nothing.

    Where the city `hears` an appeal against anything, that the department had it is enough to be written down.
    """
    had = holder(incident)
    if had is not None and had == to:
        return None
    found = marks(incident, had, at) if had is not None else ()
    if had is not None and Mark.ANYTHING in hears:
        found = (*found, Mark.ANYTHING)
    if not found and all(_since(incident, *one) == 0 for one in _COUNTS.items()):
        return None
    return {"department": had, "marks": [str(mark) for mark in found]}


def carried(incident: Incident, row: HistoryRow) -> dict[str, Any]:
    """What a line that gives it to another, or takes it from one, changes: `appeal`, or nothing."""
    left, to = row.data.get("held"), row.data.get("department")
    if left is None and incident.appeal is None:
        return {}
    kept = _kept(incident)
    anew = Mark.OVERDUE in kept["marks"].get(to, ()) and not row.data.get("resumes")
    if left is None and not anew:
        return {}
    held = dict(kept["marks"])
    if left is not None:
        kept["counted"] = {str(mark): getattr(incident, name) for mark, name in _COUNTS.items()}
        if left["marks"]:
            held[left["department"]] = list(left["marks"])
    if anew:  # it gets another time: the new one says whether it was late
        held[to] = [one for one in held[to] if one != Mark.OVERDUE]
    kept["marks"] = {department: own for department, own in held.items() if own}
    return {"appeal": kept}


def appealed(incident: Incident, row: HistoryRow) -> dict[str, Any]:
    """What an appeal changes. A line from before each department had its own says not whose it is."""
    said = {"by": row.by, "at": row.at.isoformat(), "reason": row.reason}
    if "for" not in row.data:
        return {"appeal": {**said, "reviews": [], "outcome": None}}
    one = {**said, "about": list(row.data["about"]), "reviews": [], "outcome": None}
    kept = _kept(incident)
    kept["heard"] = {**kept["heard"], row.data["for"]: one}
    return {"appeal": kept}


def reviewed(incident: Incident, row: HistoryRow) -> dict[str, Any]:
    """What a review changes."""
    review = {"by": row.by, "at": row.at.isoformat(), "upheld": row.data["upheld"]}
    review["reason"] = row.reason
    if _is_old(incident):
        return {"appeal": _with(incident.appeal or {}, review, row)}
    kept = _kept(incident)
    department = row.data["for"]
    one = _with(kept["heard"][department], review, row)
    kept["heard"] = {**kept["heard"], department: one}
    return {"appeal": kept}


def shown(incident: Incident, at: datetime) -> dict[str, Any]:
    """For a page: the newest appeal, all of them, and what is held against whom."""
    found = [{"department": of or None, "about": [], **one} for of, one in heard(incident).items()]
    held = {of: [str(mark) for mark in marks(incident, of, at)] for of in parties(incident)}
    return {
        "appeal": found[-1] if found else None,
        "appeals": found,
        "held": {of: own for of, own in held.items() if own},
    }


def words(found: Iterable[Mark]) -> str:
    """Marks in Chinese."""
    return "、".join(mark.zh for mark in found)


def _with(appeal: Appeal, review: Mapping[str, Any], row: HistoryRow) -> dict[str, Any]:
    reviews = [*appeal.get("reviews", ()), review]
    return {**appeal, "reviews": reviews, "outcome": row.data["outcome"]}


def _is_old(incident: Incident) -> bool:
    """Whether its one appeal is of the time before each department had its own."""
    return "by" in (incident.appeal or {})


def _kept(incident: Incident) -> dict[str, Any]:
    """`Incident.appeal`, whatever there is of it."""
    nothing: dict[str, Any] = {"marks": {}, "counted": {}, "heard": {}}
    if _is_old(incident):
        return {**nothing, "heard": {holder(incident) or "": incident.appeal}}
    return {**nothing, **(incident.appeal or {})}


def _since(incident: Incident, mark: Mark, name: str) -> int:
    """How often since the department that has it got it."""
    counted = (incident.appeal or {}).get("counted", {})
    return int(getattr(incident, name)) - int(counted.get(str(mark), 0))


def _was_late(i: Incident, at: datetime) -> bool:
    """By the handling clock, if that is of whoever has it; of an incident from before clocks were kept, by its deadline."""
    kept = i.clocks.get(Stage.HANDLING)
    if kept is None:
        done = i.handled_at or i.closed_at
        return i.due_at is not None and done is not None and done > i.due_at
    if kept["state"] == ClockState.RUNNING:
        return clocks.overdue(clocks.from_json(kept), at)
    return bool(kept["late"]) and not _stopped_before(kept, i.dispatched_at)


def _stopped_before(kept: Mapping[str, Any], sent: datetime | None) -> bool:
    """Whether it ended with who had it before: who has it now was given no limit."""
    end = kept["spans"][-1]["to"]
    over = kept["state"] == ClockState.STOPPED and end is not None and sent is not None
    return over and datetime.fromisoformat(end) <= sent  # type: ignore[operator]
