"""Judging 研判: columns of new readings in, verdicts and what must be remembered out. Pure; docs/rules.md in prose.

A rule means what its fold over the whole series in order of event time means (`rules_fold`), walked piece by piece
(`rules_walk`). Here the few series of a batch are found that concern any rule, and each is given to its rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from incidents.rules_book import (
    CountRule,
    Direction,
    ReportRule,
    Rule,
    RuleBook,
    Scope,
    ThresholdRule,
    Traits,
)
from incidents.rules_events import EventVerdict, judge_event
from incidents.rules_fold import Reading
from incidents.rules_walk import Reconsider, State, Verdict, Walk

SeriesKey = tuple[int, int]
"""(device id, metric id)."""


@dataclass(frozen=True, slots=True)
class Columns:
    """New readings only (stored by this transaction, never judged before), in any order; `at` is ms UTC."""

    device: NDArray[np.int32]
    metric: NDArray[np.int16]
    at: NDArray[np.int64]
    value: NDArray[np.float64]
    cell: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Verdicts in order of time; states to keep (None: at rest, forget it); series to look at again."""

    verdicts: tuple[Verdict, ...] = ()
    states: dict[tuple[str, int], State | None] = field(default_factory=dict)
    reconsider: tuple[Reconsider, ...] = ()


def candidates(
    columns: Columns, book: RuleBook, states: Iterable[tuple[str, int]]
) -> set[SeriesKey]:
    """The series for which a rule may change its mind: over a level, or remembered. Usually none."""
    asked = book.over_a_level(columns.metric, columns.value)
    active = _active(book, states)
    keys = _keys(columns.device, columns.metric)
    if active:
        asked |= np.isin(keys, np.fromiter(active, np.int64, len(active)))
    rows = np.flatnonzero(asked)
    _, first = np.unique(keys[rows], return_index=True)
    return {
        (int(columns.device[i]), int(columns.metric[i]))
        for i in rows[first]
        if int(keys[i]) in active or _anybody_means(columns, book, int(i))
    }


def judge(
    columns: Columns,
    book: RuleBook,
    states: Mapping[tuple[str, int], State],
    newest_before: Mapping[SeriesKey, int | None],
) -> Judgement:
    """What the candidate series (the keys of `newest_before`) ask for.

    `states` are those of the batch's devices, read after the series were locked; `newest_before` the newest event
    time stored before this batch, None for a series never heard of.
    """
    verdicts: list[Verdict] = []
    kept: dict[tuple[str, int], State | None] = {
        key: None for key in states if key[0] not in book.by_code
    }
    again: list[Reconsider] = []
    for (device, metric), cell, rows in _series(columns, newest_before):
        for rule in book.by_metric.get(metric, ()):
            key = (rule.code, device)
            state = states.get(key)
            if not book.holds(rule, device, cell):
                if state is not None:
                    kept[key] = None
                continue
            walk = Walk(rule, book.edition, device, metric)
            step = walk.on(rows, state, newest_before[device, metric])
            if isinstance(step, Reconsider):
                again.append(step)
                continue
            verdicts.extend(step.verdicts)
            if step.state is not None or state is not None:
                kept[key] = step.state
    return Judgement(_in_order(verdicts), kept, tuple(again))


def reconsider(
    request: Reconsider,
    at: NDArray[np.int64],
    value: NDArray[np.float64],
    book: RuleBook,
    state: State | None,
) -> Judgement:
    """The stored series judged again from `request.from_ms`: what was said stands, what was missed is said now.

    A run that overlaps one that had been raised before the new readings came is the same trouble and is not raised
    again. The state is the fold's over the series as it is now.
    """
    rule = book.by_code.get(request.rule)
    if rule is None or isinstance(rule, ReportRule):
        return Judgement(states={(request.rule, request.device): None})
    walk = Walk(rule, book.edition, request.device, request.metric)
    rows = _sorted_rows(at, value)
    step = walk.again(rows, request)
    key = (rule.code, request.device)
    states = {key: step.state} if step.state is not None or state is not None else {}
    return Judgement(_in_order(step.verdicts), states)


def _series(
    columns: Columns, wanted: Mapping[SeriesKey, int | None]
) -> Iterable[tuple[SeriesKey, int, list[Reading]]]:
    """Each wanted series with the cell of its newest row and its rows in order of time; NaN is no reading."""
    keys = _keys(columns.device, columns.metric)
    asked = np.fromiter((_key(*series) for series in wanted), np.int64, len(wanted))
    rows = np.flatnonzero(np.isin(keys, asked) & ~np.isnan(columns.value))
    rows = rows[np.lexsort((columns.at[rows], keys[rows]))]
    _, starts = np.unique(keys[rows], return_index=True)
    for part in np.split(rows, starts[1:]) if len(rows) else []:
        last = int(part[-1])
        series = (int(columns.device[last]), int(columns.metric[last]))
        readings = list(zip(columns.at[part].tolist(), columns.value[part].tolist(), strict=True))
        yield series, int(columns.cell[last]), readings


def _sorted_rows(at: NDArray[np.int64], value: NDArray[np.float64]) -> list[Reading]:
    order = np.argsort(at, kind="stable")
    order = order[~np.isnan(value[order])]
    return list(zip(at[order].tolist(), value[order].tolist(), strict=True))


def _active(book: RuleBook, states: Iterable[tuple[str, int]]) -> set[int]:
    metric = {rule.code: m for m, rules in book.by_metric.items() for rule in rules}
    return {_key(device, metric[code]) for code, device in states if code in metric}


def _anybody_means(columns: Columns, book: RuleBook, row: int) -> bool:
    device, cell = int(columns.device[row]), int(columns.cell[row])
    return any(book.holds(r, device, cell) for r in book.by_metric[int(columns.metric[row])])


def _keys(device: NDArray[np.int32], metric: NDArray[np.int16]) -> NDArray[np.int64]:
    keys: NDArray[np.int64] = (device.astype(np.int64) << 16) | metric
    return keys


def _key(device: int, metric: int) -> int:
    return (device << 16) | metric


def _in_order(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    return tuple(sorted(verdicts, key=lambda v: (v.at, v.device, v.rule, v.event_id)))


__all__ = [
    "Columns",
    "CountRule",
    "Direction",
    "EventVerdict",
    "Judgement",
    "Reconsider",
    "ReportRule",
    "Rule",
    "RuleBook",
    "Scope",
    "SeriesKey",
    "State",
    "ThresholdRule",
    "Traits",
    "Verdict",
    "candidates",
    "judge",
    "judge_event",
    "reconsider",
]
