"""Rehearsal 预演: what another edition would have made of stored history; here its span of time, and rules over readings.

Readings are judged by the very functions the stream judges by (`incidents.rules`), from rest, in order of event time. It
creates nothing, looks at no clock and asks no database: whoever runs it hands it stored history piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from incidents import rules
from incidents.errors import IncidentError
from incidents.rules import Columns, RuleBook, SeriesKey, State, Verdict
from incidents.rules_book import CountEventsRule, ReportRule, Rule

LONGEST = timedelta(days=31)
"""The longest span of time of one rehearsal."""
WARM_UP = timedelta(days=1)
"""How long before the span rules begin to walk, at least: what was under way when it began is then known."""
CLOCKS_DIFFER = timedelta(minutes=1)
"""Who asks until now by his own clock is understood."""


class RehearsalRefused(IncidentError):
    """A rehearsal that cannot be held as it was asked for."""

    code = "rehearsal_refused"


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time, from `begins` to before `ends`; RehearsalRefused unless it is in order and at most 31 days long."""

    begins: datetime
    ends: datetime

    def __post_init__(self) -> None:
        if not self.begins < self.ends:
            raise RehearsalRefused(
                zh="预演的起始须早于结束", en="a rehearsal begins before it ends", pointer="/from"
            )
        if self.ends - self.begins > LONGEST:
            raise RehearsalRefused(
                zh=f"一次预演至多 {LONGEST.days} 天，请分段预演",
                en=f"a rehearsal spans {LONGEST.days} days at most; ask for a shorter one",
                pointer="/to",
            )

    def holds(self, at: datetime) -> bool:
        """Whether the moment lies in it."""
        return self.begins <= at < self.ends

    def past(self, now: datetime) -> Window:
        """The span until now at the latest; RehearsalRefused when it goes beyond by more than clocks may differ."""
        if self.ends <= now:
            return self
        if self.ends > now + CLOCKS_DIFFER:
            raise RehearsalRefused(
                zh="预演的结束不得晚于现在",
                en="a rehearsal ends now at the latest",
                pointer="/to",
            )
        return Window(self.begins, now)


def warm_up(of: Iterable[Rule]) -> timedelta:
    """How long before the span history is read: a day, or as far as a rule looks back."""
    longest = WARM_UP
    for rule in of:
        if isinstance(rule, CountEventsRule):
            longest = max(longest, rule.within)
        elif not isinstance(rule, ReportRule):
            longest = max(longest, timedelta(milliseconds=rule.lookback_ms))
    return longest


@dataclass(slots=True)
class Rejudging:
    """A book's rules over stored readings, each batch later than the one before; remembers what is not at rest."""

    book: RuleBook
    _states: dict[tuple[str, int], State] = field(default_factory=dict)

    def take(self, columns: Columns) -> tuple[Verdict, ...]:
        """The next readings, those of one series in order of time; what the rules say of them."""
        wanted = rules.candidates(columns, self.book, self._states)
        if not wanted:
            return ()
        said = rules.judge(columns, self.book, self._states, dict.fromkeys(wanted))
        assert not said.reconsider, "in order of time nothing comes late"
        for key, state in said.states.items():
            if state is None:
                self._states.pop(key, None)
            else:
                self._states[key] = state
        return said.verdicts

    @property
    def waiting(self) -> set[SeriesKey]:
        """Series with readings a rule has not decided, because of its `settle_s`: their newest reading decides them."""
        metric = {rule.code: m for m, some in self.book.by_metric.items() for rule in some}
        return {
            (device, metric[code])
            for (code, device), state in self._states.items()
            if state["ahead"] and code in metric
        }
