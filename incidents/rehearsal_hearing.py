"""Stored events as rules that count events heard them: what had come before one, on either side of its time.

An event waits until everything that may count with it was told; without a rule that counts, none waits.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from incidents.event import Event
from incidents.rehearsal_events import Real
from incidents.rules_book import CountEventsRule, RuleBook
from incidents.rules_events import Heard

MOST = 1000
"""As many events on either side are looked at as the store looks at (`incidents.postgres.heard`)."""
_FORGET_AT_ONCE = 1000


class Hearing:
    """Give it events in order of time, and take those out that are ripe."""

    def __init__(self, book: RuleBook) -> None:
        counting = [rule for rule in book.reports if isinstance(rule, CountEventsRule)]
        self.reach: timedelta = max((rule.within for rule in counting), default=timedelta(0))
        self._waiting: deque[Real] = deque()
        self._heard: dict[str, tuple[list[datetime], list[Real]]] = {}
        """By category, in order of time."""

    def take(self, real: Real) -> None:
        """The next event that was told."""
        self._waiting.append(real)
        self.hear(real)

    def hear(self, real: Real) -> None:
        """An event that may count with others and is not judged itself."""
        if self.reach and real.event.category is not None:
            times, some = self._heard.setdefault(real.event.category, ([], []))
            times.append(real.event.at)
            some.append(real)

    def ripe(self, told_until: datetime | None) -> Iterator[Real]:
        """Those of which all that counts with them was told, in order; None: all was told."""
        while self._waiting and self._is_ripe(self._waiting[0], told_until):
            real = self._waiting.popleft()
            yield real
            self._forget(real)

    def before(self, real: Real) -> Heard:
        """What had come before an event, asked as the desk asks the ledger."""

        def heard(rule: CountEventsRule, event: Event) -> Sequence[Event]:
            if event.category not in self._heard:
                return ()
            times, some = self._heard[event.category]
            first, last = (
                bisect_left(times, event.at - rule.within),
                bisect_right(times, event.at + rule.within),
            )
            middle = bisect_right(times, event.at)
            came = [r for r in some[first:last] if r.received < real.received]
            earlier = sum(r.received < real.received for r in some[first:middle])
            return [r.event for r in came[max(0, earlier - MOST) : earlier + MOST]]

        return heard

    def _is_ripe(self, real: Real, told_until: datetime | None) -> bool:
        return not self.reach or told_until is None or real.event.at + self.reach < told_until

    def _forget(self, judged: Real) -> None:
        """What no later event can count with."""
        if judged.event.category not in self._heard:
            return
        times, some = self._heard[judged.event.category]
        old = bisect_left(times, judged.event.at - self.reach)
        if old > _FORGET_AT_ONCE:
            del times[:old], some[:old]
