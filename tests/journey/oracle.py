"""What must come out, worked out the slow and obvious way: plain Python over the whole input, sharing no code with us.

The rules are restated here from docs/rules.md and contract.md, on purpose a second time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Reading = tuple[int, float]
"""(event time in ms UTC, value)."""


@dataclass(frozen=True, slots=True)
class Level:
    """A threshold rule: over `raise_at` for `for_s` seconds without a return to `clear_at`."""

    code: str
    metric: str
    raise_at: float
    clear_at: float
    for_s: int
    gap_s: int
    settle_s: int = 0


@dataclass(frozen=True, slots=True)
class Episode:
    """One time of trouble: when it began, when the rule had seen enough, when it was over (None: it still is not)."""

    since: int
    raised: int
    over: int | None


def episodes(readings: Iterable[Reading], rule: Level) -> list[Episode]:
    """The troubles of one series; only what is older than `settle_s` at the end of the series is decided."""
    series = sorted(set(readings))
    if rule.settle_s and series:
        decided = series[-1][0] - 1000 * rule.settle_s
        series = [r for r in series if r[0] < decided]
    found: list[Episode] = []
    at = 0
    while at < len(series):
        episode, at = _one(series, at, rule)
        if episode is not None:
            found.append(episode)
    return found


def _one(series: Sequence[Reading], start: int, rule: Level) -> tuple[Episode | None, int]:
    """The trouble that begins at this reading, if one does, and where to look on."""
    since, value = series[start]
    if value < rule.raise_at:
        return None, start + 1
    raised = since if rule.for_s == 0 else None
    before = since
    for at in range(start + 1, len(series)):
        now, value = series[at]
        if raised is None and now - before > 1000 * max(rule.gap_s, 0):
            return None, at
        if value <= rule.clear_at:
            return (None if raised is None else Episode(since, raised, now)), at + 1
        if raised is None and now - since >= 1000 * rule.for_s:
            raised = now
        before = now
    return (None if raised is None else Episode(since, raised, None)), len(series)


@dataclass(frozen=True, slots=True)
class Seen:
    """An event for the oracle: who, what, where (WGS-84 degrees), when (ms)."""

    source: str
    id: str
    category: str
    lon: float | None
    lat: float | None
    at: int
    subject: str | None = None


def metres(a: Seen, b: Seen) -> float:
    """Distance on the sphere of 6,371,008.8 m, infinite without a place."""
    if a.lon is None or a.lat is None or b.lon is None or b.lat is None:
        return math.inf
    one, two = math.radians(a.lat), math.radians(b.lat)
    half = math.sin((two - one) / 2) ** 2
    half += math.cos(one) * math.cos(two) * math.sin(math.radians(b.lon - a.lon) / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(half))


@dataclass(frozen=True, slots=True)
class Near:
    """When two events of one category are the same trouble."""

    metres: float
    hours: float


def troubles(
    events: Sequence[Seen], near: Mapping[str, Near] | Callable[[str], Near | None]
) -> list[list[Seen]]:
    """Events in the order given, gathered into troubles: same subject, else same category near the first, else new.

    A trouble stands where its first event was; an event is of its time when it lies no more than the hours before
    its earliest or after its latest event.
    """
    ask = near if callable(near) else near.get
    found: list[list[Seen]] = []
    for event in events:
        home = _home(event, found, ask(event.category))
        if home is None:
            found.append([event])
        else:
            home.append(event)
    return found


def _home(event: Seen, found: Sequence[list[Seen]], near: Near | None) -> list[Seen] | None:
    if event.subject is not None:
        same = [
            t for t in found if (t[0].subject, t[0].category) == (event.subject, event.category)
        ]
        if same:
            return same[0]
    if near is None:
        return None
    here = [
        t
        for t in found
        if t[0].category == event.category
        and _apart(event.at, [e.at for e in t]) <= near.hours * 3_600_000
        and metres(t[0], event) <= near.metres
    ]
    return min(here, key=lambda t: metres(t[0], event), default=None)


def _apart(moment: int, times: Sequence[int]) -> int:
    return max(min(times) - moment, moment - max(times), 0)
