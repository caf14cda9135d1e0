"""What a proposed book of rules would have opened, held against what was really opened: incident by incident.

An imagined desk: the trade's own functions say what is the same trouble. What really happened is believed where it
happened alike: an event or a run that is really an incident's asks for that incident, whoever would have come first.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from incidents import duplicates
from incidents.decisions import Decisions
from incidents.event import Event, Origin, Outcome
from incidents.incident import Incident
from incidents.rehearsal import Window
from incidents.rehearsal_events import Real, as_received, facts_of, incident_of
from incidents.rehearsal_hearing import Hearing
from incidents.rules import RuleBook
from incidents.rules_events import EventVerdict, judge_event

STAYS_OPEN = timedelta(days=1)
"""How long an imagined incident of an event is taken to stay open after its last report; one of a rule until its return."""
_RUNS_KEPT = 8

Line = tuple[str, dict[str, Any]]
"""The list a line belongs to (`new`, `same`, `gone`) and what it says."""
Key = tuple[str, str]
"""Rule and device (its subject)."""


@dataclass(slots=True)
class _Run:
    """A rule's run on a device, really judged or rehearsed: ms of its beginning and its return; what it asked for."""

    since: int
    at: datetime
    back: int | None = None
    number: str | None = None
    imagined: _Imagined | None = None

    def overlaps(self, other: _Run) -> bool:
        """Whether there is a moment of both."""
        return (other.back is None or self.since <= other.back) and (
            self.back is None or other.since <= self.back
        )


@dataclass(slots=True)
class _Imagined:
    """An incident that only the proposed book would have opened."""

    incident: Incident
    line: dict[str, Any]
    until: datetime | None
    joined: int = 0
    real: bool = False
    """It turned out to be one that was really opened, by another reading of the same trouble."""


@dataclass(slots=True)
class _Opened:
    """An incident really opened in the span, not by a person."""

    real: Real
    why_not: str = ""


@dataclass(slots=True)
class _Standing:
    """A real incident while it is open."""

    incident: Incident
    until: datetime | None


@dataclass(slots=True)
class Openings:
    """Give it the past in order of time: `stands` once, then `told` and `said`, `passed` now and then, `ended` once.

    `decisions` are those in force with the proposed rules in place of their own.
    """

    decisions: Decisions
    book: RuleBook
    window: Window
    counts: Counter[str] = field(default_factory=Counter)
    by_rule: dict[str, Counter[str]] = field(default_factory=dict)
    _asked: dict[str, tuple[datetime, str | None]] = field(default_factory=dict)
    _opened: dict[str, _Opened] = field(default_factory=dict)
    _standing: dict[str, dict[str, _Standing]] = field(default_factory=dict)
    """By category and number."""
    _numbers: dict[str, _Standing] = field(default_factory=dict)
    _subjects: dict[str, _Standing] = field(default_factory=dict)
    _imagined: dict[int, _Imagined] = field(default_factory=dict)
    _imagined_of: dict[str, _Imagined] = field(default_factory=dict)
    """By subject."""
    _made: int = 0
    _mine: dict[Key, _Run] = field(default_factory=dict)
    _theirs: dict[Key, deque[_Run]] = field(default_factory=dict)
    _hearing: Hearing = field(init=False)

    def __post_init__(self) -> None:
        self._hearing = Hearing(self.book)

    @property
    def reach(self) -> timedelta:
        """How far beyond the span events are still asked for (`heard`): what counts with an event may be later than it."""
        return self._hearing.reach

    def stands(self, incident: Incident, until: datetime | None) -> None:
        """A real incident that was open when the past begins."""
        standing = self._numbers[incident.number] = _Standing(incident, until)
        self._standing.setdefault(incident.category, {})[incident.number] = standing
        if incident.subject:
            self._subjects[incident.subject] = standing

    def told(self, real: Real) -> None:
        """An event that really came, whoever told it."""
        event = real.event
        if real.number is not None:
            self._really_part(real, real.number)
        if event.origin is Origin.RULE:
            self._really_judged(real)
            return
        self._hearing.take(real)
        self._judge(event.at)

    def heard(self, real: Real) -> None:
        """An event later than the span: it may count with those within."""
        if real.event.origin is not Origin.RULE:
            self._hearing.hear(real)

    def _judge(self, told_until: datetime | None) -> None:
        for real in self._hearing.ripe(told_until):
            self._judge_one(real)

    def _judge_one(self, real: Real) -> None:
        event = real.event
        if event.origin is Origin.PERSON:
            if real.number is not None:
                self._ask(real.number, event.at, None)
            return
        verdict = judge_event(event, self.book, self._hearing.before(real))
        self.counts["events"] += self.window.holds(event.at)
        category = verdict.category
        if not verdict.opens or category is None or category not in self.decisions.categories:
            opened = self._opened.get(real.number or "")
            if opened is not None and opened.real is real:
                opened.why_not = verdict.why
            return
        arrival = as_received(event, verdict, category)
        if real.number is not None:
            self._ask(real.number, event.at, verdict.rule)
            return
        self._imagine(arrival, verdict, run=None)

    def said(self, event: Event) -> None:
        """A verdict over readings as an event: what the proposed book says of a device."""
        rule, since = event.rule or "", int((event.saw or {})["since"])
        subject = duplicates.subject_of(event, event.category or "") or ""
        key = (rule, event.subject or "")
        if event.kind == "cleared":
            self._returned(key, since, event.at)
            return
        run = _Run(since, event.at)
        self._mine[key] = run
        self.counts["raised"] += self.window.holds(event.at)
        for theirs in self._theirs.get(key, ()):
            if theirs.number is not None and theirs.overlaps(run):
                run.number = theirs.number
                self._ask(theirs.number, event.at, rule)
        if run.number is None:
            verdict = judge_event(event, self.book)
            self._imagine(replace(event, subject=subject), verdict, run)

    def passed(self, now: datetime) -> Iterator[Line]:
        """What is settled by now; forget what is over."""
        self._judge(now)
        now -= self.reach
        for there in self._standing.values():
            for number in [n for n, s in there.items() if s.until and s.until <= now]:
                subject = there[number].incident.subject or ""
                self._numbers.pop(number, None)
                if self._subjects.get(subject) is there.pop(number):
                    del self._subjects[subject]
        over = {n: i for n, i in self._imagined.items() if i.until and i.until + STAYS_OPEN <= now}
        for n, one in over.items():
            del self._imagined[n]
            if self._imagined_of.get(one.incident.subject or "") is one:
                del self._imagined_of[one.incident.subject or ""]
        yield from self._new(over.values())

    def ended(self) -> Iterator[Line]:
        """The rest, after everything was given; the counts are whole then."""
        self._judge(None)
        yield from self._new(self._imagined.values())
        self._imagined = {}
        for number, opened in sorted(self._opened.items()):
            kept, event, rule = self._asked.get(number), opened.real.event, opened.real.rule
            line = facts_of(event) | {"number": number, "opened_at": event.at, "rule": rule}
            if kept is None:
                self._count("gone", rule)
                yield "gone", line | {"why": opened.why_not or self._why_gone(rule)}
            else:
                self._count("same", rule)
                shift = (kept[0] - event.at).total_seconds()
                yield "same", line | {"at": kept[0], "by_rule": kept[1], "shift_s": shift}

    def _new(self, imagined: Iterable[_Imagined]) -> Iterator[Line]:
        for one in imagined:
            if one.real or not self.window.holds(one.incident.first_event_at):
                continue
            self._count("new", one.line["rule"])
            yield "new", one.line | {"joined": one.joined}

    def _count(self, what: str, rule: str | None) -> None:
        self.counts[what] += 1
        self.by_rule.setdefault(rule or "", Counter())[what] += 1

    def _really_part(self, real: Real, number: str) -> None:
        """The event opened a real incident, or is one more report of one."""
        event = real.event
        if real.outcome is not Outcome.OPENED:
            standing = self._numbers.get(number)
            if standing is not None and event.kind != "cleared":
                last = max(standing.incident.last_event_at, event.at)
                standing.incident = replace(standing.incident, last_event_at=last)
            return
        if self.window.holds(event.at) and event.origin is not Origin.PERSON:
            self._opened.setdefault(number, _Opened(real))
        if real.until is None or real.until > event.at:
            self.stands(incident_of(number, replace(event, subject=real.subject)), real.until)

    def _really_judged(self, real: Real) -> None:
        """A rule's verdict as it was given then: its run may be one the proposed book judged as well."""
        event = real.event
        device, _, rest = event.id.partition(":")
        since, _, cleared = rest.partition(":")
        key = (event.rule or "", event.subject or device)
        if cleared:
            for theirs in self._theirs.get(key, ()):
                if theirs.since == int(since):
                    theirs.back = _ms(event.at)
            return
        run = _Run(int(since), event.at, number=real.number)
        self._theirs.setdefault(key, deque(maxlen=_RUNS_KEPT)).append(run)
        mine = self._mine.get(key)
        if mine is None or real.number is None or not mine.overlaps(run):
            return
        self._ask(real.number, mine.at, key[0])
        if mine.imagined is not None:
            mine.imagined.real = True

    def _returned(self, key: Key, since: int, at: datetime) -> None:
        run = self._mine.get(key)
        if run is None or run.since != since:
            return
        run.back = _ms(at)
        if run.imagined is not None:
            run.imagined.until = at

    def _imagine(self, event: Event, verdict: EventVerdict, run: _Run | None) -> None:
        """What nobody really heard of: part of a real incident, of an imagined one, or a new one."""
        real = self._same_real(event, verdict)
        if real is not None:
            self._ask(real, event.at, event.rule)
            return
        other = self._same_imagined(event, verdict)
        if other is not None:
            other.joined += 1
            other.incident = replace(
                other.incident, last_event_at=max(other.incident.last_event_at, event.at)
            )
            if other.until is not None and run is None:
                other.until = max(other.until, event.at + STAYS_OPEN)
            return
        self._made += 1
        incident = incident_of(f"#{self._made}", event)
        line = facts_of(event) | {"rule": event.rule, "at": event.at, "urgent": verdict.urgent}
        line |= {"why": verdict.why, "saw": dict(event.saw or {})}
        until = None if run is not None else event.at + STAYS_OPEN
        made = _Imagined(incident, line, until)
        self._imagined[self._made] = made
        if event.subject is not None:
            self._imagined_of[event.subject] = made
        if run is not None:
            run.imagined = made

    def _same_real(self, event: Event, verdict: EventVerdict) -> str | None:
        same = self._subjects.get(event.subject or "")
        if same is not None and _alive(same.until, event.at):
            return same.incident.number
        nearby = self._nearby(event, verdict)
        if nearby is None:
            return None
        there = self._standing.get(event.category or "", {}).values()
        alive = [s.incident for s in there if _alive(s.until, event.at)]
        found = duplicates.choose(event, alive, nearby)
        return None if found is None else found[0].number

    def _same_imagined(self, event: Event, verdict: EventVerdict) -> _Imagined | None:
        same = self._imagined_of.get(event.subject or "")
        if same is not None and _alive(same.until, event.at):
            return same
        nearby = self._nearby(event, verdict)
        if nearby is None:
            return None
        near = {
            one.incident.number: one
            for one in self._imagined.values()
            if one.incident.category == event.category and _alive(one.until, event.at)
        }
        found = duplicates.choose(event, [one.incident for one in near.values()], nearby)
        return None if found is None else near[found[0].number]

    def _nearby(self, event: Event, verdict: EventVerdict) -> duplicates.Nearby | None:
        found = self.decisions.nearby_of(event.category) if event.category else None
        counted = verdict.counted
        if found is None and counted is not None and counted.metres is not None:
            return duplicates.Nearby(counted.metres, counted.within)
        return found

    def _ask(self, number: str, at: datetime, rule: str | None) -> None:
        """A real incident would have been opened by this, unless something earlier did."""
        before = self._asked.get(number)
        if before is None or at < before[0]:
            self._asked[number] = (at, rule)

    def _why_gone(self, rule: str | None) -> str:
        if rule in self.book.by_code:
            return (
                f"按新版规则 {rule} 未达到立案条件 / not satisfied under the proposed rule {rule}"
            )
        return f"新版中没有规则 {rule} / the proposed book has no rule {rule}"


def summary(openings: Openings) -> dict[str, Any]:
    """The counts: how many would be opened, how many of them were, which would not; whole and by rule."""
    counts = openings.counts
    return {
        "would_open": counts["new"] + counts["same"],
        "really_opened": counts["gone"] + counts["same"],
        "new": counts["new"],
        "same": counts["same"],
        "gone": counts["gone"],
        "raised": counts["raised"],
        "events": counts["events"],
        "readings": counts["readings"],
        "by_rule": {
            rule: {name: of[name] for name in ("new", "same", "gone")}
            for rule, of in sorted(openings.by_rule.items())
        },
    }


def _alive(until: datetime | None, at: datetime) -> bool:
    return until is None or at < until


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
