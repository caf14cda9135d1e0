"""Judging 研判: columns of new readings in, verdicts and what must be remembered out. Pure; docs/rules.md in prose.

A rule means what its fold over the whole series in order of event time means (`rules_fold`). Here that fold is fed
piece by piece: a few series of a batch at all (`candidates`), each reading once, none before it is `settle_s` old.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from incidents.rules_book import (
    CountRule,
    Direction,
    ReportRule,
    Rule,
    RuleBook,
    Scope,
    SeriesRule,
    ThresholdRule,
    Traits,
)
from incidents.rules_events import EventVerdict, judge_event
from incidents.rules_fold import Fold, Reading, Turn, fold_of, kind_of, reaches

SeriesKey = tuple[int, int]
"""(device id, metric id)."""
State = dict[str, Any]
"""What a rule remembers of a series, as JSON: its kind, `through` (ms walked so far), its run, readings ahead."""


@dataclass(frozen=True, slots=True)
class Columns:
    """New readings only (stored by this transaction, never judged before), in any order; `at` is ms UTC."""

    device: NDArray[np.int32]
    metric: NDArray[np.int16]
    at: NDArray[np.int64]
    value: NDArray[np.float64]
    cell: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule's word on a device: `at` is the event time (ms) of the reading that decided.

    `event_id` is the same whenever and by whomever the same run is judged; with the source `rule:<code>` it names
    the event for ever. `saw` is what the rule saw, `why` a sentence, Chinese / English.
    """

    rule: str
    edition: int
    device: int
    metric: int
    kind: Literal["raised", "cleared"]
    category: str
    urgent: bool
    at: int
    event_id: str
    saw: dict[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class Reconsider:
    """Readings came for a time already walked: load the stored series [from_ms, to_ms] and call `reconsider`.

    `rows` are the times of the readings this transaction stored, `newest_before` the newest before it.
    """

    rule: str
    device: int
    metric: int
    from_ms: int
    to_ms: int
    rows: tuple[int, ...] = ()
    newest_before: int | None = None


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
            walk = _Walk(rule, book.edition, device, metric)
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
    walk = _Walk(rule, book.edition, request.device, request.metric)
    rows = _sorted_rows(at, value)
    step = walk.again(rows, set(request.rows), request.newest_before)
    key = (rule.code, request.device)
    states = {key: step.state} if step.state is not None or state is not None else {}
    return Judgement(_in_order(step.verdicts), states)


@dataclass(frozen=True, slots=True)
class _Step:
    verdicts: tuple[Verdict, ...]
    state: State | None


@dataclass(frozen=True, slots=True)
class _Episode:
    """From the beginning of a raised run to its return, if there was one."""

    raised: Turn
    cleared: Turn | None

    @property
    def since(self) -> int:
        return int(self.raised.run["since"])

    def overlaps(self, other: _Episode) -> bool:
        return self._before_end_of(other) and other._before_end_of(self)

    def _before_end_of(self, other: _Episode) -> bool:
        return other.cleared is None or self.since <= other.cleared.at


@dataclass(frozen=True, slots=True)
class _Walk:
    """One rule on one series."""

    rule: SeriesRule
    edition: int
    device: int
    metric: int

    def on(
        self, rows: Sequence[Reading], state: State | None, newest_before: int | None
    ) -> _Step | Reconsider:
        """The fold carried on over new rows, or the wish to look at the stored series."""
        if state is not None and state.get("kind") != kind_of(self.rule):
            state = None
        fold = fold_of(self.rule, state)
        known: int | None = newest_before if state is None else state["through"]
        behind = [r for r in rows if known is not None and r[0] <= known]
        moving = [r for r in behind if fold.moved_by(r)]
        if moving:
            return self._request(moving, rows, fold, newest_before)
        ahead = [(t, v) for t, v in state["ahead"]] if state else []
        ahead = sorted([*ahead, *(r for r in rows if known is None or r[0] > known)])
        through = self._settled(_newest(rows[-1][0], newest_before))
        if state is not None:
            through = max(through, state["through"])
        turns = _walked(fold, [r for r in ahead if r[0] <= through])
        verdicts = tuple(self._verdict(turn) for turn in turns)
        return _Step(verdicts, self._state(fold, through, [r for r in ahead if r[0] > through]))

    def again(self, rows: Sequence[Reading], new: set[int], newest_before: int | None) -> _Step:
        """The fold from the beginning of `rows`, said of it only what was not said without the new ones."""
        before = self._settled(newest_before) if newest_before is not None else None
        old = [r for r in rows if r[0] not in new and before is not None and r[0] <= before]
        known = _episodes(_walked(fold_of(self.rule), old))
        through = self._settled(_newest(rows[-1][0] if rows else 0, newest_before))
        fold = fold_of(self.rule)
        turns = _walked(fold, [r for r in rows if r[0] <= through])
        verdicts: list[Verdict] = []
        for episode in _episodes(turns):
            if any(episode.overlaps(k) for k in known):
                continue
            late = before is not None and episode.raised.at <= before
            verdicts.append(self._verdict(episode.raised, late=late))
            if episode.cleared is not None:
                verdicts.append(self._verdict(episode.cleared, late=late))
        return _Step(
            tuple(verdicts), self._state(fold, through, [r for r in rows if r[0] > through])
        )

    def _settled(self, newest: int) -> int:
        """Up to where nothing is expected any more: a reading exactly settle_s late still counts as in time."""
        settle = 1000 * self.rule.settle_s
        return newest - settle - 1 if settle else newest

    def _request(
        self,
        moving: Sequence[Reading],
        rows: Sequence[Reading],
        fold: Fold,
        newest_before: int | None,
    ) -> Reconsider:
        first = min(t for t, _ in moving)
        if fold.run is not None:
            first = min(first, fold.run.since)
        decided = newest_before is not None and first <= self._settled(newest_before)
        return Reconsider(
            rule=self.rule.code,
            device=self.device,
            metric=self.metric,
            from_ms=first - self.rule.lookback_ms if decided else first,
            to_ms=_newest(rows[-1][0], newest_before),
            rows=tuple(t for t, _ in rows),
            newest_before=newest_before,
        )

    def _state(self, fold: Fold, through: int, ahead: Sequence[Reading]) -> State | None:
        if fold.resting and not any(reaches(self.rule, v) for _, v in ahead):
            return None
        return {
            "kind": fold.kind,
            "edition": self.edition,
            "through": through,
            **fold.as_json(),
            "ahead": [list(r) for r in ahead],
        }

    def _verdict(self, turn: Turn, *, late: bool = False) -> Verdict:
        name = f"{self.device}:{turn.run['since']}"
        saw = {
            "rule": self.rule.code,
            "edition": self.edition,
            "parameters": dict(self.rule.parameters),
            "at": turn.at,
            **{k: v for k, v in turn.run.items() if k != "raised"},
        }
        if late:
            saw["late"] = True
        if turn.word == "cleared":
            saw["raised_by"] = name
        return Verdict(
            rule=self.rule.code,
            edition=self.edition,
            device=self.device,
            metric=self.metric,
            kind=turn.word,
            category=self.rule.category,
            urgent=self.rule.urgent,
            at=turn.at,
            event_id=name if turn.word == "raised" else f"{name}:cleared",
            saw=saw,
            why=_why(self.rule, turn, late=late),
        )


def _newest(of_these: int, before: int | None) -> int:
    return of_these if before is None else max(of_these, before)


def _walked(fold: Fold, rows: Iterable[Reading]) -> list[Turn]:
    return [turn for turn in map(fold.step, rows) if turn is not None]


def _episodes(turns: Sequence[Turn]) -> list[_Episode]:
    """Raised and cleared in pairs; the last may be open. A fold from rest begins with `raised`."""
    raised = [t for t in turns if t.word == "raised"]
    cleared = {t.run["since"]: t for t in turns if t.word == "cleared"}
    return [_Episode(t, cleared.get(t.run["since"])) for t in raised]


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


def _why(rule: SeriesRule, turn: Turn, *, late: bool) -> str:
    sign = "≥" if rule.direction is Direction.ABOVE else "≤"
    since = datetime.fromtimestamp(turn.run["since"] / 1000, UTC).isoformat(timespec="seconds")
    seconds = (turn.at - turn.run["since"]) // 1000
    peak, count = turn.run["peak"][1], turn.run["count"]
    if turn.word == "cleared":
        back = turn.run["back"][1]
        return (
            f"{rule.name_zh}：{rule.metric} 已恢复（{back:g}），自 {since} 起历时 {seconds} 秒，极值 {peak:g} / "
            f"{rule.name_en}: {rule.metric} is back at {back:g} after {seconds} s since {since}, extreme {peak:g}"
        )
    zh_late = "；由迟到数据补判" if late else ""
    en_late = "; judged from readings that came late" if late else ""
    return (
        f"{rule.name_zh}：{rule.metric} {sign} {rule.raise_at:g}，自 {since} 起 {seconds} 秒内 {count} 次读数，"
        f"极值 {peak:g}{zh_late} / {rule.name_en}: {rule.metric} {sign} {rule.raise_at:g}, {count} readings "
        f"in {seconds} s since {since}, extreme {peak:g}{en_late}"
    )


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
