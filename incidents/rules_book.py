"""Rules 研判规则 as data: what each kind says, and the book of one edition that knows which rule watches what.

Soundness is asked by `faults`, in words a person can act on; how a rule judges stands in `rules_series` (readings)
and `rules_events` (events). docs/rules.md says all of it in prose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from incidents.event import Event

DEFAULT_GAP_S = 900
"""Seconds: two readings of a run farther apart than this (or than `for_s`, if longer) say nothing of between."""
MAX_SETTLE_S = 3600
_METRICS = 1 << 15  # metric ids are smallint


class Direction(StrEnum):
    """On which side of its level a value asks for attention."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Traits:
    """What a scope asks of a device: its code, its kind, and the code of the cell it stands in."""

    code: str
    kind: str | None = None
    cell_code: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a rule holds: empty is everywhere; device codes, device kinds, area code prefixes."""

    devices: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    areas: tuple[str, ...] = ()

    @property
    def everywhere(self) -> bool:
        """Whether it leaves nothing out."""
        return not (self.devices or self.kinds or self.areas)

    def holds(self, traits: Traits) -> bool:
        """Whether a device is meant."""
        if self.devices and traits.code not in self.devices:
            return False
        if self.kinds and traits.kind not in self.kinds:
            return False
        return not self.areas or (traits.cell_code or "").startswith(self.areas)


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """Over (under) `raise_at` without a return to `clear_at`, for at least `for_s` seconds of event time.

    Back to normal once it returned to `clear_at` and stayed short of `raise_at` for `clear_for_s` seconds.
    """

    code: str
    name_zh: str
    name_en: str
    category: str
    metric: str
    direction: Direction
    raise_at: float
    clear_at: float
    for_s: int = 0
    clear_for_s: int = 0
    settle_s: int = 0
    gap_s: int | None = None
    urgent: bool = False
    scope: Scope = field(default_factory=Scope)
    basis: str = ""

    @property
    def gap_ms(self) -> int:
        """Milliseconds without a reading after which what is not proved yet, run or return, begins anew."""
        if self.gap_s is not None:
            return 1000 * self.gap_s
        return 1000 * max(self.for_s, self.clear_for_s, DEFAULT_GAP_S)

    @property
    def lookback_ms(self) -> int:
        """How far before a late reading the stored series matters."""
        return 1000 * (self.for_s + self.clear_for_s) + self.gap_ms

    @property
    def parameters(self) -> dict[str, object]:
        """What stands beside a verdict so that it can be followed."""
        return {
            "kind": "threshold",
            "metric": self.metric,
            "direction": str(self.direction),
            "raise": self.raise_at,
            "clear": self.clear_at,
            "for_s": self.for_s,
            "clear_for_s": self.clear_for_s,
            "settle_s": self.settle_s,
            "gap_s": self.gap_ms // 1000,
        }


@dataclass(frozen=True, slots=True)
class CountRule:
    """At least `times` readings over (under) `raise_at` within `within_s` seconds of event time."""

    code: str
    name_zh: str
    name_en: str
    category: str
    metric: str
    direction: Direction
    raise_at: float
    times: int
    within_s: int
    settle_s: int = 0
    urgent: bool = False
    scope: Scope = field(default_factory=Scope)
    basis: str = ""

    @property
    def lookback_ms(self) -> int:
        """How far before a late reading the stored series matters."""
        return 1000 * self.within_s

    @property
    def parameters(self) -> dict[str, object]:
        """What stands beside a verdict so that it can be followed."""
        return {
            "kind": "count",
            "metric": self.metric,
            "direction": str(self.direction),
            "raise": self.raise_at,
            "times": self.times,
            "within_s": self.within_s,
            "settle_s": self.settle_s,
        }


@dataclass(frozen=True, slots=True)
class ReportRule:
    """Any event of these categories or kinds, of these sources; video also by least score and by zones.

    `category` names the incident's category where the event carries none.
    """

    code: str
    name_zh: str
    name_en: str
    category: str | None = None
    categories: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    least_score: float | None = None
    zones: frozenset[str] = frozenset()
    urgent: bool = False
    basis: str = ""

    def meant(self, event: Event) -> bool:
        """Whether the rule speaks of this event at all; score and zones are asked afterwards."""
        if self.categories and not (
            event.category and any(matches(p, event.category) for p in self.categories)
        ):
            return False
        if self.kinds and not any(matches(p, event.kind) for p in self.kinds):
            return False
        if self.sources and not any(matches(p, event.source) for p in self.sources):
            return False
        return not self.areas or (event.place.cell_code or "").startswith(self.areas)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountEventsRule(ReportRule):
    """At least `times` events of one of `categories`, all of the event's own, within `within_s` seconds of event time.

    Which events count is said as in a report rule. They count together in one cell (`same_cell`), within `metres` of
    the event, or, when neither is said, anywhere in the city.
    """

    times: int
    within_s: int
    same_cell: bool = False
    metres: float | None = None

    @property
    def within(self) -> timedelta:
        """The window's length."""
        return timedelta(seconds=self.within_s)


SeriesRule = ThresholdRule | CountRule
Rule = ThresholdRule | CountRule | ReportRule


def matches(pattern: str, text: str) -> bool:
    """Whether a text is the pattern's: `*` stands for anything, everything else for itself."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    if not text.startswith(first):
        return False
    at = len(first)
    for part in rest[:-1]:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - at >= len(rest[-1]) and text.endswith(rest[-1])


class RuleBook:
    """The rules of one edition, ready to judge: by metric id for readings, in order for events.

    `traits` answers what a device is, given its id and the cell id of its reading; it is asked for devices
    that are over a level and only by rules with a scope. Without it such rules watch nothing.
    """

    def __init__(
        self,
        edition: int,
        rules: Sequence[Rule],
        metric_ids: Mapping[str, int],
        traits: Callable[[int, int], Traits] | None = None,
    ) -> None:
        self.edition = edition
        self.rules = tuple(rules)
        self.traits = traits
        self.by_code = {rule.code: rule for rule in self.rules}
        self.reports = tuple(rule for rule in self.rules if isinstance(rule, ReportRule))
        self.by_metric: dict[int, tuple[SeriesRule, ...]] = {}
        self._over: NDArray[np.float64] = np.full(_METRICS, np.nan)
        self._under: NDArray[np.float64] = np.full(_METRICS, np.nan)
        for rule in self.series_rules:
            if rule.metric in metric_ids:
                self._watch(metric_ids[rule.metric], rule)

    @classmethod
    def of(
        cls,
        edition: int,
        rules: Sequence[Rule],
        metric_ids: Mapping[str, int],
        traits: Callable[[int, int], Traits] | None = None,
    ) -> RuleBook:
        """The book of an edition; a rule whose metric has no id yet watches nothing."""
        return cls(edition, rules, metric_ids, traits)

    @property
    def series_rules(self) -> tuple[SeriesRule, ...]:
        """Those that judge readings."""
        return tuple(r for r in self.rules if not isinstance(r, ReportRule))

    @property
    def metrics_needed(self) -> set[str]:
        """Codes of the metrics the rules speak of."""
        return {rule.metric for rule in self.series_rules}

    def watches(self, metric_id: int) -> bool:
        """Whether any rule speaks of this metric."""
        return metric_id in self.by_metric

    def over_a_level(
        self, metric: NDArray[np.int16], value: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Rows that at least one rule's level is reached by; one pass, whatever the number of rules."""
        found: NDArray[np.bool_] = value >= self._over[metric]
        found |= value <= self._under[metric]
        return found

    def holds(self, rule: SeriesRule, device: int, cell: int) -> bool:
        """Whether a rule means this device."""
        if rule.scope.everywhere:
            return True
        return self.traits is not None and rule.scope.holds(self.traits(device, cell))

    def _watch(self, metric: int, rule: SeriesRule) -> None:
        self.by_metric[metric] = (*self.by_metric.get(metric, ()), rule)
        if rule.direction is Direction.ABOVE:
            self._over[metric] = np.fmin(self._over[metric], rule.raise_at)
        else:
            self._under[metric] = np.fmax(self._under[metric], rule.raise_at)


__all__ = [
    "DEFAULT_GAP_S",
    "MAX_SETTLE_S",
    "CountEventsRule",
    "CountRule",
    "Direction",
    "ReportRule",
    "Rule",
    "RuleBook",
    "Scope",
    "SeriesRule",
    "ThresholdRule",
    "Traits",
    "matches",
]
