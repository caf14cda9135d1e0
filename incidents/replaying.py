"""What a line of the history changes: the incident after it, from the line alone; an incident is the fold of its history.

The one place where moves have their effects: the desk makes the line first and then applies it, so that the history can
give the incident again. Not told by the history are what `first` brings (place, text, reporter) and the explanation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from incidents import appeals
from incidents.incident import HistoryRow, Incident, changed
from incidents.lifecycle import State
from incidents.policy import Terms
from incidents.timing import recomputed, timed, wake_at

Told = Mapping[str, Any]
"""What a line is to tell besides: `clocks` it stopped or paused, `runs` of clocks that began anew; empty for neither."""
_Changes = dict[str, Any]
_AT_WORK = frozenset({State.DISPATCHED, State.HANDLING})


def applied(incident: Incident, row: HistoryRow, terms: Terms) -> tuple[Incident, Told]:
    """The incident after a line, and what the line is to tell of clocks."""
    time = recomputed(incident, terms) if row.move == "retime" else timed(incident, row, terms)
    effect = _EFFECTS.get(row.move)
    changes = effect(incident, row) if effect else {}
    state = State(row.to_state)
    after = changed(
        incident,
        {
            **_of_state(incident, state),
            **changes,
            "state": state,
            "version": row.seq,
            "changed_at": row.at,
            "clocks": time.clocks,
            "due_at": time.due_at,
            "yellow_at": time.yellow_at,
            "stage": time.stage,
            "stage_due_at": time.stage_due_at,
        },
    )
    wakes = wake_at(after, terms.policy, row.at)
    told = {
        **({"clocks": list(time.told)} if time.told else {}),
        **({"runs": list(time.runs)} if time.runs else {}),
    }
    return after if wakes == after.wake_at else changed(after, {"wake_at": wakes}), told


def fold(
    first: Incident, rows: Sequence[HistoryRow], terms: Callable[[HistoryRow], Terms]
) -> Incident:
    """The incident its history gives. `first` brings what no history tells; `terms` what was in force at each line."""
    begun, *others = rows
    now = _blank(first, begun)
    now, _ = applied(now, begun, terms(begun))
    for row in others:
        if row.from_state != now.state or row.seq != now.version + 1:
            raise ValueError(f"history of {first.number} has a gap before line {row.seq}")
        now, _ = applied(now, row, terms(row))
    return now


def _blank(first: Incident, row: HistoryRow) -> Incident:
    """As it began: only what its first line and its first event say."""
    return Incident(
        number=first.number,
        state=State(row.to_state),
        version=0,
        category=row.data["category"],
        source=first.source,
        first_event_at=first.first_event_at,
        last_event_at=first.first_event_at,
        reported_at=row.at,
        changed_at=row.at,
        subject=first.subject,
        text=first.text,
        urgent=bool(row.data.get("urgent")),
        rule=first.rule,
        raw_lon=first.raw_lon,
        raw_lat=first.raw_lat,
        datum=first.datum,
        lon=first.lon,
        lat=first.lat,
        cell=first.cell,
        cell_code=first.cell_code,
        community=first.community,
        street=first.street,
        district=first.district,
        reporter=first.reporter,
        media=first.media,
    )


def _of_state(incident: Incident, state: State) -> _Changes:
    """What falls away because of where it now stands: a request out of place, an urge about what is done."""
    changes: _Changes = {}
    if incident.asked is not None and state not in _AT_WORK:
        changes["asked"] = None
    if incident.urge is not None and (state.ended or state is State.HANDLED):
        changes |= {"urge": None, "urge_due_at": None}
    if incident.suspended_until is not None and state is not State.SUSPENDED:
        changes["suspended_until"] = None
    return changes


def _opened(i: Incident, r: HistoryRow) -> _Changes:
    return {"opened_at": i.opened_at or r.at, **_corrected(i, r)}


def _corrected(i: Incident, r: HistoryRow) -> _Changes:
    """Category and condition, where the line says another."""
    d = r.data
    changes: _Changes = {}
    if "category" in d and d["category"] != i.category:
        changes |= {"category": d["category"], "condition": None}
    if "condition" in d:
        changes["condition"] = d["condition"]
    return changes


def _dispatched(i: Incident, r: HistoryRow) -> _Changes:
    return {
        **_corrected(i, r),
        "department": r.data["department"],
        "assisting": tuple(r.data.get("assisting", ())),
        "dispatched_at": r.at,
        "accepted_at": None,
        "handled_at": None,
        "verified_at": None,
        "handler": None,
        "returned": None,
        "asked": None,
        **appeals.carried(i, r),
    }


def _sent_back(i: Incident, r: HistoryRow) -> _Changes:
    return {
        "department": None,
        "handler": None,
        "accepted_at": None,
        "send_backs": i.send_backs + 1,
        "returned": {
            "from": i.department,
            "by": r.by,
            "at": r.at.isoformat(),
            "reason": r.reason,
        },
    }


def _task(i: Incident, r: HistoryRow) -> _Changes:
    """A task is given out, or given out again."""
    again = r.from_state == r.to_state
    confirmed = i.confirmed if r.move == "verify" else None
    return {
        "inspector": r.data.get("inspector"),
        "refused": i.refused if again else (),
        "confirmed": confirmed,
    }


def _declined(i: Incident, r: HistoryRow) -> _Changes:
    return {"inspector": None, "refused": (*i.refused, r.by)}


def _on_site(i: Incident, r: HistoryRow) -> _Changes:
    """Who was on site stays on record as the inspector."""
    changes: _Changes = {"refused": ()}
    if r.role == "inspector":
        changes["inspector"] = r.by
    if r.move in {"confirmed", "not_confirmed"}:
        changes["confirmed"] = r.move == "confirmed"
    if r.move == "verified":
        changes["verified_at"] = r.at
    if r.move == "rework":
        changes |= {"handled_at": None, "verified_at": None, "reworks": i.reworks + 1}
    return changes


def _asked(i: Incident, r: HistoryRow) -> _Changes:
    kind = "extend" if r.move == "ask_extend" else "suspend"
    asked = {"kind": kind, "by": r.by, "at": r.at.isoformat(), "reason": r.reason}
    if "until" in r.data:
        asked["until"] = r.data["until"]
    return {"asked": {**asked, "state_before": str(i.state)}}


def _granted(i: Incident, r: HistoryRow) -> _Changes:
    if r.data["granted"] == "extend":
        return {"asked": None, "extensions": i.extensions + 1}
    until = datetime.fromisoformat(r.data["until"])
    return {"asked": None, "suspensions": i.suspensions + 1, "suspended_until": until}


def _urged(i: Incident, r: HistoryRow) -> _Changes:
    d = r.data
    urge = {"by": r.by, "at": r.at.isoformat(), "level": d["level"], "told": d["told"]}
    changes: _Changes = {
        "urge": {**urge, "due_at": d["answer_by"], "reason": r.reason},
        "urge_due_at": datetime.fromisoformat(d["answer_by"]),
        "urges": i.urges + (0 if d.get("escalated") else 1),
    }
    if "deadline" in d:
        changes["urged_for"] = datetime.fromisoformat(d["deadline"])
    return changes


def _reopened(i: Incident, r: HistoryRow) -> _Changes:
    return {
        "closed_at": None,
        "handled_at": None,
        "verified_at": None,
        "accepted_at": None,
        "department": None,
        "handler": None,
        "normal_since": None,
        "reopened": i.reopened + 1,
        **appeals.carried(i, r),
    }


def _noted(i: Incident, r: HistoryRow) -> _Changes:
    changes = _corrected(i, r)
    if "handler" in r.data:
        changes["handler"] = r.data["handler"]
    if "cleared" in r.data:
        changes["normal_since"] = datetime.fromisoformat(r.data["cleared"]["at"])
    if "proposal" in r.data:
        changes["explanation"] = {**i.explanation, "proposed": r.at.isoformat()}
    return changes


def _joined(i: Incident, r: HistoryRow) -> _Changes:
    told = datetime.fromisoformat(r.data["event"]["at"])
    return {
        "reports": i.reports + 1,
        "last_event_at": max(i.last_event_at, told),
        "urgent": i.urgent or bool(r.data.get("urgent")),
        "normal_since": None,
    }


def _merged(_: Incident, r: HistoryRow) -> _Changes:
    return {"merged_into": r.data["into"], "closed_at": r.at}


def _unmerged(i: Incident, r: HistoryRow) -> _Changes:
    return {
        "merged_into": None,
        "closed_at": None,
        "department": None,
        "assisting": (),
        "handler": None,
        "accepted_at": None,
        **appeals.carried(i, r),
    }


def _absorbed(i: Incident, r: HistoryRow) -> _Changes:
    return {"reports": i.reports + r.data["reports"]}


def _released(i: Incident, r: HistoryRow) -> _Changes:
    return {"reports": i.reports - r.data["reports"]}


def _ended(_: Incident, r: HistoryRow) -> _Changes:
    return {"closed_at": r.at}


_EFFECTS: Mapping[str, Callable[[Incident, HistoryRow], _Changes]] = {
    "open": _opened,
    "confirm": _task,
    "verify": _task,
    "confirmed": _on_site,
    "not_confirmed": _on_site,
    "verified": _on_site,
    "rework": _on_site,
    "decline": _declined,
    "dispatch": _dispatched,
    "redispatch": _dispatched,
    "accept": lambda _, r: {"accepted_at": r.at, "handler": r.data.get("handler")},
    "send_back": _sent_back,
    "report_handled": lambda _, r: {"handled_at": r.at},
    "ask_extend": _asked,
    "ask_suspend": _asked,
    "grant": _granted,
    "refuse": lambda _i, _r: {"asked": None},
    "close": _ended,
    "close_by_order": _ended,
    "self_close": _ended,
    "void": _ended,
    "reopen": _reopened,
    "urge": _urged,
    "answer_urge": lambda _i, _r: {"urge": None, "urge_due_at": None},
    "appeal": appeals.appealed,
    "review": appeals.reviewed,
    "merge": _merged,
    "unmerge": _unmerged,
    "absorb": _absorbed,
    "release": _released,
    "join": _joined,
    "note": _noted,
}
