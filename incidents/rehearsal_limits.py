"""What proposed limits would have made of work that was done: which clocks would have been over, with the time really used.

Each clock of an incident is counted again over the very spans it ran (`incidents.clocks`), by the proposed limits of filing
conditions or stages and by the calendar given with them. Nothing is retimed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from typing import Any

from incidents import clocks
from incidents.calendar import TimeLimit, Used
from incidents.clocks import Clock, Stage
from incidents.decisions import Decisions
from incidents.rehearsal_routes import Sent, limit_of, routed

Line = tuple[str, dict[str, Any]]


@dataclass(slots=True)
class Retiming:
    """Give it incidents that were sent out; `now` is until when a clock that still runs is counted."""

    proposed: Decisions
    now: datetime
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    departments: dict[str, Counter[str]] = field(default_factory=dict)
    incidents: int = 0

    def take(self, sent: Sent) -> Iterator[Line]:
        """One incident; lines in `newly_overdue` and `no_longer_overdue`, one for each clock that is judged otherwise."""
        self.incidents += 1
        for clock in map(clocks.from_json, sent.clocks):
            limit = self._limit(clock.kind, sent)
            counts = self.counts.setdefault(clock.kind, Counter())
            counts["clocks"] += 1
            was = clocks.overdue(clock, self.now)
            counts["was_overdue"] += was
            if limit is None:
                counts["without_limit"] += 1
                continue
            used, would = self._again(clock, limit)
            counts["would_be_overdue"] += would
            if would != was:
                yield self._line(sent, clock, (limit, used), would=would)

    def _limit(self, kind: str, sent: Sent) -> TimeLimit | None:
        if kind == Stage.HANDLING:
            return limit_of(sent, routed(sent, self.proposed), self.proposed)
        stage = self.proposed.calendar.stages.get(kind)
        return None if stage is None else stage.limit

    def _again(self, clock: Clock, limit: TimeLimit) -> tuple[Used, bool]:
        anew = replace(clock, limit=limit)
        used = clocks.used(anew, self.now, self.proposed.calendar)
        return used, used.amount > anew.granted

    def _line(self, sent: Sent, clock: Clock, anew: tuple[TimeLimit, Used], *, would: bool) -> Line:
        limit, used = anew
        name = "newly_overdue" if would else "no_longer_overdue"
        self.counts[clock.kind][name] += 1
        if clock.kind == Stage.HANDLING:
            self.departments.setdefault(sent.department, Counter())[name] += 1
        return name, {
            "number": sent.number,
            "category": sent.category,
            "condition": sent.condition,
            "department": sent.department,
            "clock": clock.kind,
            "clock_zh": Stage(clock.kind).zh,
            "used": _rounded(used.amount),
            "used_s": _rounded(used.seconds),
            "unit": str(limit.unit),
            "was": clock.limit.as_json(),
            "would_be": limit.as_json(),
            "extended": clock.extended,
        }

    def summary(self) -> dict[str, Any]:
        """The counts by clock, and by department for handling."""
        names = ("clocks", "was_overdue", "would_be_overdue", "newly_overdue", "no_longer_overdue",
                 "without_limit")  # fmt: skip
        return {
            "incidents": self.incidents,
            "by_clock": {
                kind: {name: self.counts[kind][name] for name in names}
                for kind in map(str, Stage)
                if kind in self.counts
            },
            "by_department": {
                code: {name: of[name] for name in ("newly_overdue", "no_longer_overdue")}
                for code, of in sorted(self.departments.items())
            },
        }


def _rounded(number: Fraction) -> float:
    return round(float(number), 3)
