"""The ledger 台账 as the desk needs it: one transaction's door to incidents. `incidents.postgres.ledger` is one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from incidents.event import Event, Outcome
from incidents.incident import Incident, Kept
from incidents.rules_book import CountEventsRule

Change = tuple[Incident, Sequence[Kept]]
"""An incident as it was, and what happened to it."""


class Ledger(Protocol):
    """One transaction's door to incidents; who opens the transaction also ends it."""

    def load(self, number: str) -> Incident:
        """The incident of that number; IncidentUnknown."""

    def at_version(self, number: str, version: int) -> Incident:
        """The incident of that version where it is at hand, else as `load`: it may have moved on in either case."""

    def open_on(self, subject: str) -> Incident | None:
        """The open incident of a subject, locked until the transaction ends; the one it was merged into, if it was."""

    def near(
        self, category: str, lon: float, lat: float, metres: float, since: datetime
    ) -> Sequence[Incident]:
        """Open incidents of a category within the metres with an event since then, locked, oldest first.

        Before it looks it locks the neighbourhood: nobody else opens one there until the transaction ends.
        """

    def next_number(self, region: str, day: date) -> str:
        """The next number of a region's day, never given twice; NumbersExhausted."""

    def open(self, kept: Sequence[Kept], event: Event | None = None, why: str = "") -> bool:
        """Keep a new incident with all that happened to it, and the event that opened it with why it did.

        False, and nothing is kept, when its subject's slot was just taken; Stale when the event was just recorded.
        """

    def keep(self, before: Incident, kept: Sequence[Kept]) -> None:
        """Keep what became of an incident; Stale when its version moved on.

        Unavailable when it would be open again and its subject's slot was just taken.
        """

    def keep_all(self, changes: Sequence[Change]) -> None:
        """Keep what became of several incidents, all or nothing; Stale names the first that moved on."""

    def sleep(self, incident: Incident, wake_at: datetime | None) -> None:
        """Say when to look at it again, and nothing else; does nothing when its version moved on."""

    def seen(self, source: str, id: str) -> tuple[Outcome, str | None] | None:  # noqa: A002
        """What became of an event before, and the incident's number; None when it is new."""

    def heard(self, rule: CountEventsRule, event: Event) -> Sequence[Event]:
        """Events recorded before that may count with this one under the rule; no other counts them until the end."""

    def record(self, event: Event, outcome: Outcome, why: str, number: str | None) -> None:
        """Keep an event with what became of it."""
