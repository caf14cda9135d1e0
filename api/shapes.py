"""What an incident looks like to whom: one place that turns incidents, facts and history into what a caller may read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from api.caller import Caller
from incidents import appeals
from incidents.incident import Incident, public_view
from incidents.lifecycle import Move, State
from incidents.policy import Policy
from incidents.standing import appealable

_AMONG_STAFF = ("handler", "asked", "urge", "returned")
_HIDDEN_FROM_WALLS = {"text": "", "media": (), "inspector": None}


def shown(
    incident: Incident, caller: Caller | None, policy: Policy, now: datetime | None = None
) -> dict[str, Any]:
    """The incident as this caller may read it; without a caller the least is shown. `policy` says what may be appealed."""
    view = told(public_view(incident), caller)
    now = now or datetime.now(UTC)
    overdue = incident.due_at is not None and incident.due_at < now and not incident.state.ended
    view["overdue"] = overdue
    view["state_zh"] = incident.state.zh
    if caller is not None and caller.role.value != "wall":
        view["position"] = (
            None
            if incident.raw_lon is None
            else {"lon": incident.raw_lon, "lat": incident.raw_lat, "datum": incident.datum}
        )
        view |= {name: getattr(incident, name) for name in _AMONG_STAFF}
        view |= appeals.shown(incident, now)
        view["appealable"] = appealable(incident, now, policy)
    if caller is not None and caller.sees_reporter:
        view["reporter"] = incident.reporter
    return view


def told(public: Mapping[str, Any], caller: Caller | None) -> dict[str, Any]:
    """The public fields of a fact or an incident under the API's names, without what this caller may not read.

    `cell` is the cell's code here; its number in the store is nobody's business outside.
    """
    view = dict(public)
    view["cell"] = view.pop("cell_code", None)
    if caller is None or not caller.sees_text:
        view |= _HIDDEN_FROM_WALLS
        if str(view.get("source", "")).startswith("person:"):
            view["source"] = "person"
    return view


def move_shown(move: Move, whose: Iterable[str] = ()) -> dict[str, Any]:
    """A move of the table: its name, its 术语, where it leads, who may make it, what it needs and whose appeal it may be."""
    return {
        "move": move.name,
        "zh": move.zh,
        "to": None if move.target is None else str(move.target),
        "roles": sorted(move.roles),
        "needs": sorted(move.needs),
        "departments": [department for department in whose if department],
    }


def states() -> dict[str, str]:
    """The states and what they are called."""
    return {str(state): state.zh for state in State}
