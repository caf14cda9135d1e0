"""What a rule remembers while it walks one series in order of event time: a fold, one reading after the other.

The fold is the rule's whole meaning. It knows nothing of batches, of lateness or of other series: `rules` feeds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from incidents.rules_book import CountRule, Direction, SeriesRule, ThresholdRule

Reading = tuple[int, float]
"""(event time in ms UTC, value)."""
Word = Literal["raised", "cleared"]


@dataclass(slots=True)
class Run:
    """An uninterrupted time over (under) the level: where it began, its last and its extreme reading, how many."""

    since: int
    first: Reading
    last: Reading
    peak: Reading
    count: int = 1
    raised: bool = False

    @classmethod
    def begin(cls, reading: Reading) -> Run:
        """A run of one reading."""
        return cls(reading[0], reading, reading, reading)

    def take(self, reading: Reading, direction: Direction) -> None:
        """One more reading of the run."""
        self.last = reading
        self.count += 1
        sign = 1 if direction is Direction.ABOVE else -1
        if sign * reading[1] > sign * self.peak[1]:
            self.peak = reading

    def as_json(self) -> dict[str, Any]:
        """Plain values; times in ms, readings as [time, value]."""
        return {
            "since": self.since,
            "first": list(self.first),
            "last": list(self.last),
            "peak": list(self.peak),
            "count": self.count,
            "raised": self.raised,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Run:
        """The run that `as_json` wrote."""
        return cls(
            kept["since"],
            (kept["first"][0], kept["first"][1]),
            (kept["last"][0], kept["last"][1]),
            (kept["peak"][0], kept["peak"][1]),
            kept["count"],
            kept["raised"],
        )


@dataclass(slots=True)
class Calm:
    """What may become the end of a raised run: the reading that came back, and the time of the last one since."""

    back: Reading
    last: int


@dataclass(frozen=True, slots=True)
class Turn:
    """The fold changed its mind at a reading: the run as it was then."""

    word: Word
    at: int
    run: dict[str, Any]


class Fold(Protocol):
    """One rule's walk along one series."""

    kind: str
    run: Run | None

    def step(self, reading: Reading) -> Turn | None:
        """The next reading in order of time; a turn when the rule changes its mind."""

    def moved_by(self, late: Reading) -> bool:
        """Whether a reading from before what was walked already could have made it walk otherwise."""

    @property
    def resting(self) -> bool:
        """Whether nothing need be remembered."""

    def as_json(self) -> dict[str, Any]:
        """What must be remembered."""


def reaches(rule: SeriesRule, value: float) -> bool:
    """Whether a value is at or beyond the level that raises."""
    if rule.direction is Direction.ABOVE:
        return value >= rule.raise_at
    return value <= rule.raise_at


def returned(rule: ThresholdRule, value: float) -> bool:
    """Whether a value is back at or behind the level that clears."""
    if rule.direction is Direction.ABOVE:
        return value <= rule.clear_at
    return value >= rule.clear_at


class ThresholdFold:
    """Hysteresis, then duration: a run begins at the raising level and ends at the clearing one.

    A value between the two levels continues what is. A silence longer than the gap begins a run anew, unless it has
    raised: silence is no proof that the trouble is over. A raised run ends where its calm, from a reading at the
    clearing level on and without one at the raising level, has lasted `clear_for_s`; a silence begins the calm anew.
    """

    kind = "threshold"

    def __init__(
        self, rule: ThresholdRule, run: Run | None = None, calm: Calm | None = None
    ) -> None:
        self.rule = rule
        self.run = run
        self.calm = calm

    def step(self, reading: Reading) -> Turn | None:
        """The next reading in order of time."""
        if self._silent_before(reading[0]):
            self.run = None
        if self.run is None:
            if not reaches(self.rule, reading[1]):
                return None
            self.run = Run.begin(reading)
        elif self.run.raised and self._calming(reading):
            return self._perhaps_end(self.run, reading[0])
        elif returned(self.rule, reading[1]):
            self.run = None
            return None
        else:
            self.run.take(reading, self.rule.direction)
        return self._perhaps_raise(self.run, reading[0])

    def moved_by(self, late: Reading) -> bool:
        """An unraised run is moved by an earlier beginning or by a return in its midst; a raised one stands."""
        at, value = late
        if self.run is None:
            return reaches(self.rule, value)
        if self.run.raised:
            return False
        if at < self.run.since:
            return not returned(self.rule, value)
        return returned(self.rule, value)

    @property
    def resting(self) -> bool:
        """No run."""
        return self.run is None

    def as_json(self) -> dict[str, Any]:
        """The run, if there is one, and its calm."""
        kept: dict[str, Any] = {"run": self.run.as_json() if self.run else None}
        if self.calm is not None:
            kept["calm"] = {"back": list(self.calm.back), "last": self.calm.last}
        return kept

    def _silent_before(self, at: int) -> bool:
        run = self.run
        return run is not None and not run.raised and at - run.last[0] > self.rule.gap_ms

    def _perhaps_raise(self, run: Run, at: int) -> Turn | None:
        if run.raised or at - run.since < 1000 * self.rule.for_s:
            return None
        run.raised = True
        return Turn("raised", at, run.as_json())

    def _calming(self, reading: Reading) -> bool:
        """Whether a reading of a raised run belongs to its calm, which it begins or continues."""
        at, value = reading
        if self.calm is not None and at - self.calm.last > self.rule.gap_ms:
            self.calm = None
        if reaches(self.rule, value):
            self.calm = None
        elif self.calm is not None:
            self.calm.last = at
        elif returned(self.rule, value):
            self.calm = Calm(reading, at)
        return self.calm is not None

    def _perhaps_end(self, run: Run, at: int) -> Turn | None:
        assert self.calm is not None
        back = self.calm.back
        if at - back[0] < 1000 * self.rule.clear_for_s:
            return None
        self.run = self.calm = None
        return Turn("cleared", at, {**run.as_json(), "back": list(back)})


class CountFold:
    """Raised by the n-th reading over the level within the window; cleared by a reading with none in its window."""

    kind = "count"

    def __init__(
        self, rule: CountRule, run: Run | None = None, recent: tuple[Reading, ...] = ()
    ) -> None:
        self.rule = rule
        self.run = run
        self.recent = list(recent)

    def step(self, reading: Reading) -> Turn | None:
        """The next reading in order of time."""
        oldest = reading[0] - 1000 * self.rule.within_s
        self.recent = [r for r in self.recent if r[0] >= oldest]
        if reaches(self.rule, reading[1]):
            return self._one_more(reading)
        if self.run is None or self.recent:
            return None
        run, self.run = self.run, None
        return Turn("cleared", reading[0], {**run.as_json(), "back": list(reading)})

    def moved_by(self, late: Reading) -> bool:
        """As long as it is not raised, by any reading over the level."""
        return self.run is None and reaches(self.rule, late[1])

    @property
    def resting(self) -> bool:
        """Not raised, and nothing over the level in the window."""
        return self.run is None and not self.recent

    def as_json(self) -> dict[str, Any]:
        """The run, if raised, and the last readings over the level."""
        return {
            "run": self.run.as_json() if self.run else None,
            "recent": [list(r) for r in self.recent],
        }

    def _one_more(self, reading: Reading) -> Turn | None:
        self.recent = [*self.recent, reading][-self.rule.times :]
        if self.run is not None:
            self.run.take(reading, self.rule.direction)
            return None
        if len(self.recent) < self.rule.times:
            return None
        run = Run.begin(self.recent[0])
        for earlier in self.recent[1:]:
            run.take(earlier, self.rule.direction)
        run.raised = True
        self.run = run
        return Turn("raised", reading[0], run.as_json())


def fold_of(rule: SeriesRule, kept: Mapping[str, Any] | None = None) -> Fold:
    """The rule's fold as it was kept, or at rest when nothing was, or when another kind of rule kept it."""
    if kept is None or kept.get("kind") != kind_of(rule):
        kept = {}
    run = Run.from_json(kept["run"]) if kept.get("run") else None
    if isinstance(rule, ThresholdRule):
        return ThresholdFold(rule, run, _calm(kept.get("calm")))
    return CountFold(rule, run, tuple((t, v) for t, v in kept.get("recent", ())))


def kind_of(rule: SeriesRule) -> str:
    """What the state of this rule is marked with."""
    return "threshold" if isinstance(rule, ThresholdRule) else "count"


def _calm(kept: Mapping[str, Any] | None) -> Calm | None:
    return None if kept is None else Calm((kept["back"][0], kept["back"][1]), kept["last"])
