"""What new readings and events ask for: rules judge, the desk receives, the books say what became of them.

Runs inside the intake's transaction, after reading_last has locked the series: each stored reading is judged once.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid.errors import CityError
from incidents import desk, rules
from incidents.errors import CategoryUnknown, Stale, Unavailable
from incidents.event import Event, Outcome, Place
from incidents.postgres import intake as store
from incidents.postgres import readings
from incidents.postgres.connection import Connection
from incidents.postgres.intake import Books, SetAside
from incidents.postgres.ledger import Numbers, PostgresLedger
from incidents.postgres.readings import Rows
from incidents.rules import Columns, Judgement, Verdict
from streams import snapshots
from streams.known import Known
from streams.prepared import Prepared
from streams.sightings import Sighting, devices_named

_UNKNOWN_CATEGORY = "；请更正来源所用的编码，或在类别表中增加它，然后重投 / correct the source's code, or add the category, then redrive"
_COUNTED = {Outcome.OPENED: "opened", Outcome.JOINED: "joined", Outcome.FILTERED: "filtered"}


@dataclass(frozen=True, slots=True)
class _Arrival:
    """An event on its way to the desk; `sighting` is None for a rule's verdict."""

    event: Event
    sighting: Sighting | None


class StreamDesk:
    """Judges and receives; `careful` puts each event into a savepoint, to find the one that breaks its message."""

    def __init__(self, known: Known, numbers: Numbers) -> None:
        self._known = known
        self._numbers = numbers

    def receive(
        self,
        connection: Connection,
        prepared: Prepared,
        fresh: NDArray[np.bool_],
        books: Mapping[int, Books],
        now: datetime,
    ) -> list[SetAside]:
        """Judge the new rows and receive the events; those that fail by themselves, to be set aside.

        `books` are those of each message's partition, by the message's position.
        """
        decisions = self._known.decisions
        assert decisions is not None, "known.refresh() comes before"
        arrivals = [_Arrival(event, None) for event in self._judged(connection, prepared.new)]
        arrivals += self._seen(connection, prepared, fresh)
        arrivals.sort(key=_lock_order)
        ledger = PostgresLedger(connection, self._numbers)
        aside: list[SetAside] = []
        for arrival in arrivals:
            with_savepoint = connection.transaction() if prepared.careful else nullcontext()
            try:
                with with_savepoint:
                    receipt = desk.receive(ledger, arrival.event, decisions, now)
                    most = decisions.policy.max_snapshots
                    snapshots.attach(connection, arrival.event, receipt.incident, most)
            except (Stale, Unavailable):
                raise  # somebody else was quicker: the whole batch once more
            except Exception as fault:
                if not _its_own(fault, arrival, prepared, connection):
                    raise
                aside.append(_set_aside(prepared, arrival, fault, books))
            else:
                _count(receipt, arrival, books)
        return aside

    def _judged(self, connection: Connection, new: Rows | None) -> list[Event]:
        """Verdicts over new readings as events, what rules remember already kept."""
        book = self._known.book
        if new is None or book is None or len(new) == 0:
            return []
        watched = self._known.watched[new.metric]
        if not watched.any():
            return []
        if not watched.all():
            new = new.take(watched)
        rows = Columns(new.device, new.metric, new.at, new.value, new.cell)
        states = store.rule_states(connection, np.unique(rows.device))
        series = rules.candidates(rows, book, states)
        if not series:
            return []
        before = readings.newest_before(connection, series)
        judgement = rules.judge(rows, book, states, before)
        verdicts, kept = list(judgement.verdicts), dict(judgement.states)
        for request in judgement.reconsider:
            again = self._reconsidered(connection, request, states)
            verdicts += again.verdicts
            kept |= again.states
        store.keep_rule_states(connection, kept)
        return self._events(connection, verdicts)

    def _reconsidered(
        self,
        connection: Connection,
        request: rules.Reconsider,
        states: Mapping[tuple[str, int], dict[str, Any]],
    ) -> Judgement:
        assert self._known.book is not None
        series = (request.device, request.metric)
        at, value = readings.series_between(connection, series, request.from_ms, request.to_ms)
        state = states.get((request.rule, request.device))
        return rules.reconsider(request, at, value, self._known.book, state)

    def _events(self, connection: Connection, verdicts: list[Verdict]) -> list[Event]:
        if not verdicts:
            return []
        ids = sorted({verdict.device for verdict in verdicts})
        stand = store.device_places(connection, ids=ids)
        return [
            verdict.as_event(stand[verdict.device].code, stand[verdict.device].place)
            for verdict in verdicts
        ]

    def _seen(
        self, connection: Connection, prepared: Prepared, fresh: NDArray[np.bool_]
    ) -> list[_Arrival]:
        """The events that came in envelopes, those of a device without a place standing where it stands."""
        sightings = snapshots.settled(
            connection, prepared.messages, [s for s in prepared.sightings if fresh[s.place]]
        )
        codes = devices_named(sightings)
        places: dict[str, Place] = {}
        if codes:
            stand = store.device_places(connection, codes=codes)
            places = {one.code: one.place for one in stand.values()}
        found: list[_Arrival] = []
        for sighting in sightings:
            event = sighting.event
            if sighting.device in places:
                event = replace(event, place=places[sighting.device])
            found.append(_Arrival(event, sighting))
        return found


def _lock_order(arrival: _Arrival) -> tuple[str, str, datetime, str, str]:
    """One order in all workers, so that none waits for another in a circle; then the order of time."""
    event = arrival.event
    return event.category or "", event.subject or "", event.at, event.source, event.id


def _its_own(
    fault: Exception, arrival: _Arrival, prepared: Prepared, connection: Connection
) -> bool:
    """Whether one event failed for what it is: refused by the trade, or, in a savepoint, for whatever reason."""
    if arrival.sighting is None or connection.broken:
        return False
    return isinstance(fault, CityError) or prepared.careful


def _set_aside(
    prepared: Prepared, arrival: _Arrival, fault: Exception, books: Mapping[int, Books]
) -> SetAside:
    assert arrival.sighting is not None
    place, item = arrival.sighting.place, arrival.sighting.item
    books[place].events_quarantined += 1
    reason = fault.code if isinstance(fault, CityError) else "failed"
    detail = f"{type(fault).__name__}: {fault}"
    if isinstance(fault, CategoryUnknown):
        detail += _UNKNOWN_CATEGORY
    return prepared.event_aside(place, item, reason, detail)


def _count(receipt: desk.Receipt, arrival: _Arrival, books: Mapping[int, Books]) -> None:
    """Into the books of its message; a rule's verdict counts as an event of the batch's first message."""
    name = "events_repeated" if receipt.repeated else _COUNTED[receipt.outcome]
    of = books[min(books) if arrival.sighting is None else arrival.sighting.place]
    setattr(of, name, getattr(of, name) + 1)
    of.events_in += arrival.sighting is None
