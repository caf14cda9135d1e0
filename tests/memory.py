"""A ledger in memory: what the desk relies on, without a database. `tests/contracts/ledger.py` proves it behaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from grid.coordinates import metres_between
from incidents.errors import IncidentUnknown, NumbersExhausted, Stale, Unavailable
from incidents.event import Event, Outcome
from incidents.incident import Fact, HistoryRow, Incident, Kept
from incidents.ledger import Change
from incidents.rules_book import CountEventsRule

LAST_OF_A_DAY = 99_999


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with what became of it."""

    event: Event
    outcome: Outcome
    why: str
    number: str | None


@dataclass
class MemoryLedger:
    """Holds everything in dictionaries; one user at a time, so its locks are no locks."""

    incidents: dict[str, Incident] = field(default_factory=dict)
    history: dict[str, list[HistoryRow]] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    events: dict[tuple[str, str], Recorded] = field(default_factory=dict)
    counters: dict[tuple[str, date], int] = field(default_factory=dict)

    def load(self, number: str) -> Incident:
        if number not in self.incidents:
            raise IncidentUnknown(
                zh=f"没有编号为 {number} 的案件",
                en=f"no incident has the number {number}",
                number=number,
            )
        return self.incidents[number]

    def at_version(self, number: str, version: int) -> Incident:
        return self.load(number)

    def open_on(self, subject: str) -> Incident | None:
        found = next((i for i in self._alive() if i.subject == subject), None)
        if found is not None:
            return found
        merged = [i for i in self.incidents.values() if i.subject == subject and i.merged_into]
        other = merged[-1] if merged else None
        while other is not None and other.merged_into is not None:
            other = self.load(other.merged_into)
        return None if other is None or other.state.ended else other

    def near(
        self, category: str, lon: float, lat: float, metres: float, since: datetime
    ) -> Sequence[Incident]:
        return [
            i
            for i in self._alive()
            if i.category == category
            and i.last_event_at >= since
            and i.lon is not None
            and i.lat is not None
            and float(metres_between(i.lon, i.lat, lon, lat)) <= metres
        ]

    def next_number(self, region: str, day: date) -> str:
        last = self.counters.get((region, day), 0) + 1
        if last > LAST_OF_A_DAY:
            raise NumbersExhausted(
                zh=f"{region} 当日案件编号已用完",
                en=f"{region} has no incident number left for this day",
            )
        self.counters[region, day] = last
        return f"{region}{day:%Y%m%d}{last:05d}"

    def open(self, kept: Sequence[Kept], event: Event | None = None, why: str = "") -> bool:
        after = kept[-1][0]
        if after.subject and any(i.subject == after.subject for i in self._alive()):
            return False
        assert after.number not in self.incidents
        if event is not None:
            self.record(event, Outcome.OPENED, why, after.number)
        self._told(kept)
        return True

    def keep(self, before: Incident, kept: Sequence[Kept]) -> None:
        current = self.load(before.number)
        if current.version != before.version:
            raise Stale(
                zh=f"案件 {before.number} 已被他人更新，请重新查看",
                en=f"incident {before.number} was changed meanwhile; look again",
                current=current,
            )
        self._check_slot(kept[-1][0])
        self._told(kept)

    def keep_all(self, changes: Sequence[Change]) -> None:
        for before, _ in changes:
            current = self.load(before.number)
            if current.version != before.version:
                raise Stale(
                    zh=f"案件 {before.number} 已被他人更新，请重新查看",
                    en=f"incident {before.number} was changed meanwhile; look again",
                    current=current,
                )
        for before, kept in changes:
            self.keep(before, kept)

    def sleep(self, incident: Incident, wake_at: datetime | None) -> None:
        if self.load(incident.number).version == incident.version:
            self.incidents[incident.number] = replace(incident, wake_at=wake_at)

    def seen(self, source: str, id: str) -> tuple[Outcome, str | None] | None:  # noqa: A002
        there = self.events.get((source, id))
        return None if there is None else (there.outcome, there.number)

    def heard(self, rule: CountEventsRule, event: Event) -> Sequence[Event]:
        return [
            there.event
            for there in self.events.values()
            if there.event.category == event.category
            and abs(there.event.at - event.at) <= rule.within
        ]

    def record(self, event: Event, outcome: Outcome, why: str, number: str | None) -> None:
        if (event.source, event.id) in self.events:
            raise Stale(
                zh=f"上报信息 {event.source}/{event.id} 刚由他处登记",
                en=f"the event {event.source}/{event.id} was just recorded elsewhere",
            )
        self.events[event.source, event.id] = Recorded(event, outcome, why, number)

    def _check_slot(self, after: Incident) -> None:
        others = (i for i in self._alive() if i.subject == after.subject and i.subject)
        if not after.state.ended and any(i.number != after.number for i in others):
            raise Unavailable(
                zh=f"案件 {after.number} 的对象刚有新案件，请稍后再试",
                en=f"another incident of what {after.number} is about was just opened; try again",
            )

    def _alive(self) -> list[Incident]:
        return [i for i in self.incidents.values() if not i.state.ended]

    def _told(self, kept: Sequence[Kept]) -> None:
        for after, row, fact in kept:
            self.incidents[after.number] = after
            self.history.setdefault(after.number, []).append(row)
            self.facts.append(fact)
