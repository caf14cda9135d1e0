"""A stand-in for the stream's transaction: stores each reading once, hands new rows to the rules, keeps their states.

In memory and one device at a time or many; what it does is what docs/rules.md asks of whoever calls the rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from incidents.rules import Columns, RuleBook, Verdict, candidates, judge, reconsider

Row = tuple[int, int, int, float]
"""(device, metric, at, value)."""


def columns(rows: Sequence[Row], cell: int = 1) -> Columns:
    """Rows as the columns the rules take."""
    return Columns(
        device=np.array([r[0] for r in rows], np.int32),
        metric=np.array([r[1] for r in rows], np.int16),
        at=np.array([r[2] for r in rows], np.int64),
        value=np.array([r[3] for r in rows], np.float64),
        cell=np.full(len(rows), cell, np.int32),
    )


@dataclass
class Station:
    """What the store holds: the series, and what each rule remembers, as JSON text."""

    book: RuleBook
    series: dict[tuple[int, int], dict[int, float]] = field(default_factory=dict)
    states: dict[tuple[str, int], str] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    looked_again: int = 0

    def take(self, rows: Iterable[Row]) -> list[Verdict]:
        """One transaction: only rows not stored yet are judged."""
        before = {key: max(there) for key, there in self.series.items()}
        new = [r for r in dict.fromkeys(rows) if self._store(r)]
        if not new:
            return []
        batch = columns(new)
        states = {key: json.loads(text) for key, text in self.states.items()}
        wanted = candidates(batch, self.book, states)
        if not wanted:
            return []
        said = judge(batch, self.book, states, {key: before.get(key) for key in wanted})
        verdicts = list(said.verdicts)
        self._keep(said.states)
        for request in said.reconsider:
            self.looked_again += 1
            stored = self.series[request.device, request.metric]
            times = sorted(t for t in stored if request.from_ms <= t <= request.to_ms)
            again = reconsider(
                request,
                np.array(times, np.int64),
                np.array([stored[t] for t in times], np.float64),
                self.book,
                states.get((request.rule, request.device)),
            )
            verdicts += again.verdicts
            self._keep(again.states)
        self.verdicts += verdicts
        return verdicts

    def _store(self, row: Row) -> bool:
        there = self.series.setdefault((row[0], row[1]), {})
        if row[2] in there:
            return False
        there[row[2]] = row[3]
        return True

    def _keep(self, states: dict[tuple[str, int], dict[str, Any] | None]) -> None:
        for key, state in states.items():
            if state is None:
                self.states.pop(key, None)
            else:
                self.states[key] = json.dumps(state)
