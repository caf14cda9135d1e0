"""The ledger 台账 in PostgreSQL: one transaction's door to incidents, their events, history and facts.

Begins and ends no transaction: its user does, around all that must happen together. The rules of the
trade are the desk's; here rows become incidents and incidents rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg.errors import UniqueViolation
from psycopg.pq import TransactionStatus

from grid.coordinates import metres_between, metres_per_degree
from incidents.errors import IncidentUnknown, Stale, Unavailable
from incidents.event import Event, Outcome
from incidents.incident import Incident, Kept
from incidents.ledger import Change
from incidents.postgres import heard
from incidents.postgres.connection import Connection
from incidents.postgres.ledger_rows import (
    as_incident,
    as_json,
    event_row,
    outbox_rows,
    step_changes,
)
from incidents.postgres.queries import named
from incidents.postgres.recent import Recent
from incidents.postgres.rounds import Round
from incidents.rules_book import CountEventsRule

Numbers = Callable[[str, date], str]
"""Gives the next incident number of a region's day, on a connection of its own (autocommit)."""


class PostgresLedger:
    """`incidents.ledger.Ledger` on one connection; give it an explicit transaction where several calls belong together.

    `keep` and `open` are one statement each and therefore whole even on an autocommit connection. `lock` is called
    before anything is locked, so that who gave it may begin the transaction only when there is more to keep together.
    In a `round` both are noted, to be kept with it, and whatever else would lock or write is not done: Apart.
    """

    def __init__(
        self,
        connection: Connection,
        numbers: Numbers,
        recent: Recent | None = None,
        lock: Callable[[], object] | None = None,
        round_: Round | None = None,
    ) -> None:
        self._connection = connection
        self._numbers = numbers
        self._recent = recent
        self._lock = (lock or (lambda: None)) if round_ is None else round_.apart
        self._round = round_

    def load(self, number: str) -> Incident:
        """The incident of that number as it is now; IncidentUnknown."""
        here = None if self._round is None else self._round.brought(number)
        if here is not None:
            return here
        row = self._row("load", number=number)
        if row is None:
            raise IncidentUnknown(
                zh=f"没有编号为 {number} 的案件",
                en=f"no incident has the number {number}",
                number=number,
            )
        return as_incident(row)

    def at_version(self, number: str, version: int) -> Incident:
        """The incident of that version where it is remembered, else as `load`."""
        found = None if self._recent is None else self._recent.get(number, version)
        return self.load(number) if found is None else found

    def open_on(self, subject: str) -> Incident | None:
        """The open incident of a subject, its row locked, or None; the one it was merged into, if it was."""
        self._lock()
        row = self._row("open_on", subject=subject)
        found = None if row is None else as_incident(row)
        while found is not None and found.merged_into is not None:
            found = self.load(found.merged_into)
        return None if found is None or found.state.ended else found

    def near(
        self, category: str, lon: float, lat: float, metres: float, since: datetime
    ) -> Sequence[Incident]:
        """Open incidents of the category at most `metres` away with an event since then, oldest first.

        Takes the neighbourhood's lock first: until the transaction ends nobody else opens one here.
        """
        self._lock()
        self._row("lock_nearby", category=category, lon=lon, lat=lat, metres=metres)
        box = _box(lon, lat, metres)
        rows = self._connection.execute(
            _sql("near"), {"category": category, "since": since, **box}
        ).fetchall()
        found = [as_incident(row) for row in rows]
        return [i for i in found if _metres(i, lon, lat) <= metres]

    def next_number(self, region: str, day: date) -> str:
        """The next number of a region's day; NumbersExhausted after 99,999."""
        return self._numbers(region, day)

    def open(self, kept: Sequence[Kept], event: Event | None = None, why: str = "") -> bool:
        """Keep a new incident with all that happened to it, and the event that opened it; False when the slot is taken."""
        if self._round is not None and event is not None:
            self._round.open(kept, event, why)
            return True
        values: dict[str, Any] = {"incident": as_json(kept[-1][0]), **_told(kept)}
        if event is None:
            row = self._row("open", **values)
        else:
            values |= {**event_row(event), "outcome": str(Outcome.OPENED), "why": why}
            row = self._recorded("open_by", event, values)
        if row is None or row[0] is None:
            return False
        self._remember(kept[-1][0])
        return True

    def keep(self, before: Incident, kept: Sequence[Kept]) -> None:
        """Keep what became of `before`; Stale, with the incident as it is now, when it moved on meanwhile.

        Unavailable when it would be open again and another incident of its subject was opened just now.
        """
        after = kept[-1][0]
        if self._round is not None:
            self._round.step(before, kept)
            return
        values = {
            "number": before.number,
            "expected": before.version,
            "changes": as_json(step_changes(before, after)),
            **_told(kept),
        }
        try:
            row = self._row("keep", **values)
        except UniqueViolation as taken:
            raise Unavailable(
                zh=f"案件 {before.number} 的对象刚有新案件，请稍后再试",
                en=f"another incident of what {before.number} is about was just opened; try again",
                number=before.number,
            ) from taken
        if row is None or not row[0]:
            raise stale(self.load(before.number))
        self._remember(after)

    def _alone(self) -> None:
        if self._round is not None:
            self._round.apart()

    def _remember(self, incident: Incident) -> None:
        if self._recent is not None and self._committed:
            self._recent.put(incident)

    @property
    def _committed(self) -> bool:
        """Whether what was done is done for good: no transaction is open."""
        return self._connection.info.transaction_status == TransactionStatus.IDLE

    def keep_all(self, changes: Sequence[Change]) -> None:
        """Keep what became of several incidents, all or nothing; locked in the order of their numbers."""
        self._alone()
        with self._connection.transaction():
            for before, kept in sorted(changes, key=lambda change: change[0].number):
                self.keep(before, kept)

    def sleep(self, incident: Incident, wake_at: datetime | None) -> None:
        """Say when to look at the incident again, unless it moved on meanwhile."""
        self._alone()
        values = {"number": incident.number, "version": incident.version, "wake_at": wake_at}
        self._connection.execute(_sql("sleep"), values)

    def seen(self, source: str, id: str) -> tuple[Outcome, str | None] | None:  # noqa: A002
        """What became of the event of that name before, and its incident's number; None when it is new."""
        row = self._row("seen", source=source, id=id)
        return None if row is None else (Outcome(row[0]), row[1])

    def heard(self, rule: CountEventsRule, event: Event) -> Sequence[Event]:
        """Events recorded before that may count with this one under the rule; no other counts them until the end."""
        self._lock()
        return heard.before(self._connection, rule, event)

    def record(self, event: Event, outcome: Outcome, why: str, number: str | None) -> None:
        """Keep the event with what became of it; Stale when the same event was just recorded elsewhere.

        After Stale the transaction is void and must be tried again from its beginning.
        """
        self._alone()
        values = {
            **event_row(event),
            "outcome": str(outcome),
            "why": why,
            "number": number,
        }
        self._recorded("record", event, values)

    def _recorded(
        self, name: str, event: Event, values: Mapping[str, Any]
    ) -> tuple[Any, ...] | None:
        try:
            return self._row(name, **values)
        except UniqueViolation as taken:
            raise Stale(
                zh=f"上报信息 {event.source}/{event.id} 刚由他处登记",
                en=f"the event {event.source}/{event.id} was just recorded elsewhere",
                source=event.source,
                id=event.id,
            ) from taken

    def _row(self, name: str, **values: Any) -> tuple[Any, ...] | None:
        return self._connection.execute(_sql(name), values).fetchone()


def stale(current: Incident) -> Stale:
    """The refusal of a change based on an older version; `current` is what it is now."""
    return Stale(
        zh=f"案件 {current.number} 已被他人更新（现为第 {current.version} 版），请重新查看",
        en=f"incident {current.number} was changed meanwhile (now version {current.version}); look again",
        current=current,
    )


def _sql(name: str) -> LiteralString:
    return named("ledger.sql")[name]


def _told(kept: Sequence[Kept]) -> dict[str, str]:
    """History rows and outbox rows of what happened, in order."""
    return {"history": as_json([row for _, row, _ in kept]), "facts": as_json(outbox_rows(kept))}


def _box(lon: float, lat: float, metres: float) -> dict[str, float]:
    """Degrees around a place that hold everything within the metres, with a little to spare."""
    east, north = (float(m) for m in metres_per_degree(lat))
    wide, high = 1.01 * metres / max(east, 1.0), 1.01 * metres / north
    return {"west": lon - wide, "east": lon + wide, "south": lat - high, "north": lat + high}


def _metres(incident: Incident, lon: float, lat: float) -> float:
    if incident.lon is None or incident.lat is None:
        return float("inf")
    return float(metres_between(incident.lon, incident.lat, lon, lat))
