"""What proposed routes would have made of incidents that were sent out: department and limit, held against today's routes
and against what happened. Asks the routes as the desk asks them (`incidents.dispatching`); sends nothing anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from incidents.calendar import TimeLimit, Unit
from incidents.decisions import Decisions
from incidents.dispatching import RouteQuestion, Routing, route

Line = tuple[str, dict[str, Any]]
QUEUE = ""
"""The dispatcher's queue, in sums by department."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A dispatch that really was made: of which incident, what was asked of the routes, and what became of it.

    `limit` is that of handling as its line says it; `clocks` are all of the incident's (`incidents.clocks`, as JSON).
    """

    number: str
    category: str
    condition: str | None
    areas: tuple[str, ...]
    source: str
    at: datetime
    department: str
    by: str
    assisting: tuple[str, ...] = ()
    limit: Mapping[str, Any] | None = None
    clocks: tuple[Mapping[str, Any], ...] = ()


def limit_of(sent: Sent, routing: Routing, decisions: Decisions) -> TimeLimit | None:
    """The handling limit it would get: its filing condition's, else the route's, else none (as the desk's)."""
    filed = decisions.categories.get(sent.category)
    found = filed.condition(sent.condition) if filed else None
    if found is not None:
        return found.limit
    if routing.due is not None and routing.due > timedelta(0):
        return TimeLimit(routing.due / timedelta(hours=1), Unit.URGENT_HOUR)
    return None


def routed(sent: Sent, decisions: Decisions) -> Routing:
    """Where these decisions send it."""
    asked = RouteQuestion(sent.category, sent.areas, sent.source, sent.at)
    return route(asked, decisions.routes, decisions.calendar, decisions.categories)


@dataclass(slots=True)
class Rerouting:
    """Give it what was sent out, in any order; a line for each that would go otherwise."""

    proposed: Decisions
    present: Decisions
    counts: Counter[str] = field(default_factory=Counter)
    departments: dict[str, Counter[str]] = field(default_factory=dict)

    def take(self, sent: Sent) -> Iterator[Line]:
        """One dispatch; a line in `changed` when the proposed routes say another thing than today's."""
        then, now = self._would(sent, self.proposed), self._would(sent, self.present)
        self.counts["sent"] += 1
        self._count(then, "proposed")
        self._count(now, "present")
        self.departments.setdefault(sent.department, Counter())["happened"] += 1
        self.counts["as_happened"] += then["department"] == sent.department
        changes = [name for name in ("department", "automatic", "assisting", "limit")
                   if then[name] != now[name]]  # fmt: skip
        for name in changes:
            self.counts[f"{name}_changes"] += 1
        if not changes:
            return
        self.counts["changed"] += 1
        happened: dict[str, Any] = {
            "department": sent.department,
            "by": sent.by,
            "limit": sent.limit,
        }
        happened["assisting"] = list(sent.assisting)
        yield (
            "changed",
            {
                "number": sent.number,
                "category": sent.category,
                "area": max(sent.areas, key=len, default=None),
                "at": sent.at,
                "changes": changes,
                "proposed": then,
                "present": now,
                "happened": happened,
            },
        )

    def _count(self, would: Mapping[str, Any], what: str) -> None:
        self.departments.setdefault(would["department"] or QUEUE, Counter())[what] += 1

    @staticmethod
    def _would(sent: Sent, decisions: Decisions) -> dict[str, Any]:
        routing = routed(sent, decisions)
        limit = limit_of(sent, routing, decisions)
        return {
            "department": routing.department,
            "automatic": routing.automatic,
            "assisting": list(routing.assisting),
            "limit": None if limit is None else limit.as_json(),
            "route": routing.route,
            "why": routing.why,
        }

    def summary(self) -> dict[str, Any]:
        """The counts, whole and by department; `""` is the dispatcher's queue."""
        names = ("sent", "changed", "department_changes", "automatic_changes", "assisting_changes",
                 "limit_changes", "as_happened")  # fmt: skip
        return {
            **{name: self.counts[name] for name in names},
            "by_department": {
                code: {name: of[name] for name in ("proposed", "present", "happened")}
                for code, of in sorted(self.departments.items())
            },
        }
