"""Where would this go? The city's routes asked without creating anything 试派, answered in codes and in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from incidents.decisions import Decisions
from incidents.dispatching import RouteQuestion, route


@dataclass(frozen=True, slots=True)
class Trial:
    """What a dispatcher asks: the category (None: unsorted), all codes of the place, the source, when."""

    category: str | None
    areas: tuple[str, ...]
    source: str
    at: datetime


def where_to(trial: Trial, decisions: Decisions) -> dict[str, Any]:
    """The answer as plain JSON; CategoryUnknown. `queue` says that the dispatcher is to decide."""
    category = decisions.category(trial.category or decisions.unsorted)
    key = str(category.key)
    asked = RouteQuestion(key, trial.areas, trial.source, trial.at)
    found = route(asked, decisions.routes, decisions.calendar, decisions.categories)
    names = decisions.routes.names
    return {
        "category": key,
        "category_name": category.name_zh,
        "areas": list(trial.areas),
        "source": trial.source,
        "at": trial.at,
        "queue": found.department is None,
        "department": found.department,
        "department_name": names.get(found.department or ""),
        "assisting": [{"department": c, "name": names.get(c, c)} for c in found.assisting],
        "automatic": found.automatic,
        **{
            member: value
            for member, value in found.explained(decisions.routes).items()
            if member in {"route", "why", "tried", "next", "limit_minutes", "edition"}
        },
    }


def words(answer: dict[str, Any]) -> str:
    """The answer for a terminal: the reason first, then every route that was passed over and why."""
    head = (
        answer["department_name"] or answer["department"] or "派遣员待派队列 / dispatcher's queue"
    )
    lines = [f"{answer['category_name']} → {head}", answer["why"]]
    lines += [f"  × {line}" for line in answer["tried"]]
    return "\n".join(lines)
