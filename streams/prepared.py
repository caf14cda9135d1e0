"""A batch of messages decoded, its rows resolved to devices, metrics and cells; what cannot be is set aside with its reason.

Nothing is written here but devices and metrics heard of for the first time, in a transaction of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

import numpy as np
from numpy.typing import NDArray

from incidents.postgres import devices
from incidents.postgres import intake as store
from incidents.postgres.connection import Connection
from incidents.postgres.intake import WHOLE_MESSAGE, Books, SetAside
from incidents.postgres.readings import Rows
from streams import columns, sightings, topics
from streams.columns import Gathered, Refusal
from streams.known import UNKNOWN, Known
from streams.message import Message
from streams.sightings import Sighting
from streams.wire import Events, Readings, Unreadable, decode_events, decode_readings


@dataclass(slots=True)
class Prepared:
    """What a batch holds: `of_message[i]` is the position in `messages` that row i of `rows` came with."""

    messages: Sequence[Message]
    rows: Rows
    of_message: NDArray[np.int32]
    rows_in: NDArray[np.int64]
    """Readings each message brought, good or refused."""
    events: dict[int, Events] = field(default_factory=dict)
    """Envelopes of events by position in `messages`."""
    sightings: list[Sighting] = field(default_factory=list)
    """Their events, placed; without those refused."""
    unreadable: dict[int, Unreadable] = field(default_factory=dict)
    refused: dict[int, list[SetAside]] = field(default_factory=dict)
    """Rows of good envelopes that are not stored, by position in `messages`."""
    new: Rows | None = None
    """The rows this transaction stored: the ones to judge."""
    careful: bool = False
    """Receive each event in a savepoint of its own, to find the one that breaks its message."""

    @classmethod
    def set_aside(cls, message: Message, reason: str, detail: str) -> Self:
        """A message that is only to be kept in quarantine; its readings and events are counted if they can be."""
        fault = Unreadable(reason, detail, _count(message))
        empty = Rows.none()
        return cls(
            messages=[message],
            rows=empty,
            of_message=np.empty(0, np.int32),
            rows_in=np.zeros(1, np.int64),
            unreadable={0: fault},
        )

    def event_aside(self, place: int, item: int, reason: str, detail: str) -> SetAside:
        """One event for quarantine, that could not be received."""
        return sightings.aside(self.messages[place], self.events[place], item, (reason, detail))

    def count_unreadable(self, message: Message, fault: Unreadable, books: Books) -> None:
        """Into the books: the readings or events inside a message that is set aside whole."""
        if message.topic == topics.READINGS.name:
            books.readings_in += fault.rows
            books.readings_quarantined += fault.rows
        else:
            books.events_in += fault.rows
            books.events_quarantined += fault.rows


def prepare(
    connection: Connection, known: Known, messages: Sequence[Message], now: datetime
) -> Prepared:
    """Decode and resolve; never raises for what a message holds."""
    envelopes: list[Readings] = []
    of_envelope: list[int] = []
    events: dict[int, Events] = {}
    unreadable: dict[int, Unreadable] = {}
    for place, message in enumerate(messages):
        try:
            if message.topic == topics.READINGS.name:
                envelopes.append(decode_readings(message.value))
                of_envelope.append(place)
            else:
                events[place] = decode_events(message.value)
        except Unreadable as fault:
            unreadable[place] = fault
    gathered = columns.gather(envelopes)
    position = np.array(of_envelope, np.int32)
    rows, good, refused = _resolve(connection, known, gathered, now)
    done = Prepared(
        messages=messages,
        rows=rows,
        of_message=position[gathered.envelope[good]] if len(position) else np.empty(0, np.int32),
        rows_in=np.zeros(len(messages), np.int64),
        events=events,
        unreadable=unreadable,
    )
    for place, one in zip(of_envelope, envelopes, strict=True):
        done.rows_in[place] = len(one.device)
    for row in np.flatnonzero(refused):
        place = of_envelope[int(gathered.envelope[row])]
        aside = _refused_row(messages[place], gathered, int(row), Refusal(int(refused[row])))
        done.refused.setdefault(place, []).append(aside)
    if events:
        done.sightings, refused_events = sightings.read(events, messages, now)
        done.refused |= refused_events
        _place(known, done)
    return done


def _place(known: Known, done: Prepared) -> None:
    """Put every event that brings a position into its cell, with one lookup."""
    brought = [(i, s) for i, s in enumerate(done.sightings) if s.position is not None]
    places = known.ground.places([s.position for _, s in brought if s.position is not None])
    for (i, sighting), place in zip(brought, places, strict=True):
        event = replace(sighting.event, place=place)
        done.sightings[i] = replace(sighting, event=event)


def _resolve(
    connection: Connection, known: Known, gathered: Gathered, now: datetime
) -> tuple[Rows, NDArray[np.intp], NDArray[np.int8]]:
    """The good rows ready to store, their positions, and a Refusal for every row."""
    refused = gathered.refused(int(now.timestamp() * 1000))
    slots = _device_slots(connection, known, gathered)
    metric = _metric_ids(connection, known, gathered)
    refused[slots == UNKNOWN] = Refusal.DEVICE_UNFIT
    refused[metric == UNKNOWN] = Refusal.METRIC_UNFIT
    good = np.flatnonzero(refused == Refusal.NONE)
    slot = slots[good]
    cell = known.devices.cell[slot]
    flags = gathered.quality[good]
    if gathered.lon is not None and gathered.lat is not None:
        lon, lat = gathered.lon[good], gathered.lat[good]
        own = np.flatnonzero(~(np.isnan(lon) | np.isnan(lat)))
        cell[own], placed = known.ground.locate(lon[own], lat[own])
        flags[own] |= placed
    rows = Rows(
        at=gathered.at[good],
        device=known.devices.id[slot],
        metric=metric[good],
        value=gathered.value[good],
        area=known.ground.areas(cell),
        flags=flags,
        cell=cell,
    )
    return rows, good, refused


def _device_slots(connection: Connection, known: Known, gathered: Gathered) -> NDArray[np.int32]:
    slots = known.devices.slots(gathered.device)
    if (slots != UNKNOWN).all():
        return slots
    new = {gathered.device[row] for row in np.flatnonzero(slots == UNKNOWN)}
    fit = sorted(code for code in new if columns.fit_code(code))
    if fit:
        devices.ensure(connection, fit)
        known.devices.learn(store.devices_of(connection, fit))
    return known.devices.slots(gathered.device)


def _metric_ids(connection: Connection, known: Known, gathered: Gathered) -> NDArray[np.int16]:
    ids = gathered.metric_of(known.metrics.ids, UNKNOWN)
    if (ids != UNKNOWN).all():
        return ids
    named: set[str] = set()
    for one in gathered.envelopes:
        named.update([one.metric] if isinstance(one.metric, str) else one.metric)
    new = sorted(code for code in named if code not in known.metrics.ids and columns.fit_code(code))
    if new:
        with connection.transaction():
            known.metrics.learn(connection, new)
    return gathered.metric_of(known.metrics.ids, UNKNOWN)


def _refused_row(message: Message, gathered: Gathered, row: int, why: Refusal) -> SetAside:
    return SetAside(
        topic=message.topic,
        part=message.part,
        offset=message.offset,
        item=int(gathered.item[row]),
        key=message.key,
        value=gathered.row_as_json(row),
        headers=message.headers,
        reason=why.reason,
        detail=why.detail,
    )


def whole(message: Message, reason: str, detail: str) -> SetAside:
    """A whole message for quarantine, its bytes untouched."""
    return SetAside(
        topic=message.topic,
        part=message.part,
        offset=message.offset,
        item=WHOLE_MESSAGE,
        key=message.key,
        value=message.value,
        headers=message.headers,
        reason=reason,
        detail=detail,
    )


def _count(message: Message) -> int:
    """How many readings or events a message holds, 0 where nobody can tell."""
    try:
        if message.topic == topics.READINGS.name:
            return len(decode_readings(message.value).device)
        return len(decode_events(message.value).events)
    except Unreadable as fault:
        return fault.rows
    except Exception:  # noqa: BLE001 - what broke the decoder once must not break the way to quarantine
        return 0
