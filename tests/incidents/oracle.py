"""The rules' meaning said a second time, plainly: the whole series, sorted, looked at from its beginning.

Written for the tests and apart from `incidents.rules_*`: no batches, no state, no columns, loops over all readings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.rules_book import CountRule, ThresholdRule

Reading = tuple[int, float]


@dataclass(frozen=True)
class Said:
    """One word of a rule: raised or cleared, of the run that began at `since`, at the reading of `at`."""

    kind: str
    since: int
    at: int
    peak: float
    count: int


def said(rule: ThresholdRule | CountRule, series: Sequence[Reading]) -> list[Said]:
    """All a rule says of a finished series."""
    settled = _settled(rule, sorted(series))
    words = _threshold(rule, settled) if isinstance(rule, ThresholdRule) else _count(rule, settled)
    return sorted(words, key=lambda w: (w.at, w.since, w.kind))


def _settled(rule: ThresholdRule | CountRule, series: list[Reading]) -> list[Reading]:
    """Without those for which an earlier one may still arrive."""
    if not series or not rule.settle_s:
        return series
    newest = series[-1][0]
    return [r for r in series if newest - r[0] > 1000 * rule.settle_s]


def _over(rule: ThresholdRule | CountRule, value: float) -> bool:
    return value >= rule.raise_at if rule.direction == "above" else value <= rule.raise_at


def _back(rule: ThresholdRule, value: float) -> bool:
    return value <= rule.clear_at if rule.direction == "above" else value >= rule.clear_at


def _extreme(rule: ThresholdRule | CountRule, values: list[float]) -> float:
    return max(values) if rule.direction == "above" else min(values)


def _threshold(rule: ThresholdRule, series: list[Reading]) -> list[Said]:
    words: list[Said] = []
    left = list(series)
    while left:
        reading = left.pop(0)
        if _over(rule, reading[1]):
            words += _run_from(rule, reading, left)
    return words


def _run_from(rule: ThresholdRule, first: Reading, left: list[Reading]) -> list[Said]:
    """What is said of the run that begins with `first`; takes what belongs to it from `left`."""
    words: list[Said] = []
    run, calm = [first], list[Reading]()
    while True:
        if not words and run[-1][0] - first[0] >= 1000 * rule.for_s:
            words.append(_word(rule, "raised", run, run[-1][0]))
        silent = left and left[0][0] - run[-1][0] > rule.gap_ms
        if not left or (silent and not words):
            return words
        reading = left.pop(0)
        if calm and (reading[0] - calm[-1][0] > rule.gap_ms or _over(rule, reading[1])):
            calm = []
        if calm or _back(rule, reading[1]):
            calm.append(reading)
        else:
            run.append(reading)
        if calm and not words:
            return []
        if calm and reading[0] - calm[0][0] >= 1000 * rule.clear_for_s:
            return [*words, _word(rule, "cleared", run, reading[0])]


def _count(rule: CountRule, series: list[Reading]) -> list[Said]:
    words: list[Said] = []
    window = 1000 * rule.within_s
    run: list[Reading] = []
    for i, (t, v) in enumerate(series):
        recent = [r for r in series[: i + 1] if r[0] >= t - window and _over(rule, r[1])]
        if run:
            if not recent:
                words.append(_word(rule, "cleared", run, t))
                run = []
            elif _over(rule, v):
                run.append((t, v))
        elif _over(rule, v) and len(recent) >= rule.times:
            run = recent[-rule.times :]
            words.append(_word(rule, "raised", run, t))
    return words


def _word(rule: ThresholdRule | CountRule, kind: str, run: list[Reading], at: int) -> Said:
    return Said(kind, run[0][0], at, _extreme(rule, [v for _, v in run]), len(run))
