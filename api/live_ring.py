"""The newest incident changes, and who waits for more of them: one ring in each process, shared by all its streams.

Thousands listen to one ring: what is told is written out once for all who may read the same, five times a second at
most, and whom it does not concern is not woken. Knows nothing of Kafka or of HTTP.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from api.access import Caller, Scope
from api.gauges import FACTS
from api.shapes import told

KNOWN = 50_000
"""Facts whose repetition is noticed; the relay repeats, after a crash, at most the last batch it sent."""
BETWEEN_WRITES_S = 0.2
"""At most five writes a second and client; what comes meanwhile travels together."""
TICK_S = 5.0
"""So often everybody is woken without news, to look whether he has been silent or open for too long."""
AT_ONCE = 1000
"""Changes in one write at most."""


class Told(msgspec.Struct, frozen=True, tag_field="schema", tag="incident_fact.v1"):
    """A fact as it travels (docs/wire); additions pass unread."""

    fact_id: str
    fact: str
    number: str
    version: int
    at: str
    by_role: str
    from_state: str | None
    incident: dict[str, Any]


decode = msgspec.json.Decoder(Told).decode
"""A fact out of its message; MsgspecError for what is none."""


@dataclass(slots=True)
class Change:
    """One fact in the ring, written out at most once for those who may read it all and once for walls."""

    offset: int
    fact: Told
    _frames: dict[bool, bytes] = field(default_factory=dict)

    def within(self, scope: Scope) -> bool:
        """Whether a caller of that scope may see it."""
        view = self.fact.incident
        place = (view.get("cell_code"), view.get("community"))
        departments = (view.get("department"), *view.get("assisting", ()))
        return any(scope.covers(one, *place) for one in departments)

    @property
    def circles(self) -> set[str]:
        """Whom it concerns: who reported the incident, who is asked to look at it, which departments handle it."""
        view = self.fact.incident
        departments = (view.get("department"), *view.get("assisting", ()))
        found = {f"department:{one}" for one in departments if one}
        if inspector := view.get("inspector"):
            found.add(f"person:{inspector}")
        source = str(view.get("source"))
        if source.startswith("person:"):
            found.add(source)
        return found

    def frame(self, caller: Caller) -> bytes:
        """The server-sent event, as this caller may read it."""
        open_ = caller.sees_text
        if open_ not in self._frames:
            body = msgspec.structs.asdict(self.fact) | {
                "incident": told(self.fact.incident, caller)
            }
            data = msgspec.json.encode(body)
            self._frames[open_] = b"id: %d\nevent: incident\ndata: %b\n\n" % (self.offset, data)
        return self._frames[open_]


@dataclass(frozen=True, slots=True)
class Audience:
    """Those who are told the same: what they may see, and of whose changes alone."""

    caller: Caller
    scope: Scope
    circle: str | None
    """Hears of nothing else; None: of the whole city."""
    mine: bool

    @classmethod
    def of(cls, caller: Caller, *, mine: bool) -> Audience:
        """The one this caller belongs to; `mine`: only what he reported or is asked to look at."""
        scope = caller.scope
        if mine:
            return cls(caller, scope, f"person:{caller.name}", mine)
        # A department with others below it listens to all and is told what is theirs.
        alone = scope.departments is not None and len(scope.departments) == 1
        return cls(caller, scope, f"department:{scope.department}" if alone else None, mine)

    def frames(self, changes: Iterable[Change]) -> bytes:
        """Those of the changes that are theirs, written out."""
        return b"".join(c.frame(self.caller) for c in changes if self.wants(c))

    def wants(self, change: Change) -> bool:
        """Whether a change is theirs."""
        return (not self.mine or self.circle in change.circles) and change.within(self.scope)


Heard = asyncio.Future[int | None]


class Ring:
    """The newest changes, by their place in a row that only grows; older ones are forgotten.

    `next` is the place of the change that comes next, `shown` of the first that nobody was woken for yet.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._slots: list[Change | None] = [None] * size
        self._known: dict[str, None] = {}
        self._places: dict[str, deque[int]] = {}
        self.next = 0
        self.shown = 0
        self.head = -1  # newest offset read, repeated or not
        self.closed = False
        self._waiting: dict[str | None, list[Heard]] = {}
        self._woke = float("-inf")
        self._soon: asyncio.TimerHandle | None = None
        self._fresh = 0
        self._written: dict[tuple[int, int], tuple[bytes, int]] = {}
        self._groups: dict[tuple[object, ...], int] = {}

    @property
    def first(self) -> int:
        """Place of the oldest change still here."""
        return max(0, self.next - self._size)

    def add(self, offset: int, fact: Told) -> bool:
        """Take a change in; False for a repetition."""
        self.head = max(self.head, offset)
        if fact.fact_id in self._known:
            return False
        self._known[fact.fact_id] = None
        if len(self._known) > max(KNOWN, 2 * self._size):
            del self._known[next(iter(self._known))]
        self._forget(self._slots[self.next % self._size])
        change = self._slots[self.next % self._size] = Change(offset, fact)
        for circle in change.circles:
            self._places.setdefault(circle, deque()).append(self.next)
        self.next += 1
        FACTS.inc()
        return True

    def _forget(self, change: Change | None) -> None:
        for circle in change.circles if change else ():
            places = self._places[circle]
            places.popleft()
            if not places:
                del self._places[circle]

    def announce(self) -> None:
        """Wake those whom what was added concerns: now, or as soon as they may be written to again."""
        if self._soon is not None or self.shown == self.next:
            return
        loop = asyncio.get_running_loop()
        pause = self._woke + BETWEEN_WRITES_S - loop.time()
        if pause > 0:
            self._soon = loop.call_later(pause, self._wake)
        else:
            self._wake()

    def _wake(self) -> None:
        self._soon = None
        self._woke = asyncio.get_running_loop().time()
        self._fresh, self.shown = max(self.shown, self.first), self.next
        self._written.clear()
        self._settle(None, self._fresh)
        for place in range(self._fresh, self.shown):
            for circle in self.at(place).circles:
                self._settle(circle, place)

    def _settle(self, circle: str | None, place: int | None) -> None:
        for heard in self._waiting.pop(circle, ()):
            if not heard.done():
                heard.set_result(place)

    async def tick(self) -> None:
        """Wake everybody now and then, until cancelled: one timer for all instead of one for each."""
        while True:
            await asyncio.sleep(TICK_S)
            self._wake_all()

    def close(self) -> None:
        """Let every open stream end now."""
        self.closed = True
        self._wake_all()

    def _wake_all(self) -> None:
        for circle in [*self._waiting]:
            self._settle(circle, None)

    def listen(self, circle: str | None, heard: Heard) -> None:
        """Have a future told the place of the first change that comes (and concerns that circle); None at a tick."""
        waiting = self._waiting.get(circle)
        if waiting is None:
            self._waiting[circle] = [heard]
        else:
            waiting.append(heard)

    def group(self, audience: Audience) -> int:
        """A number for all audiences that may be handed the same bytes; -1 for one that shares with nobody."""
        if audience.mine:
            return -1
        key = (audience.scope, audience.circle, audience.caller.sees_text)
        return self._groups.setdefault(key, len(self._groups))

    def at(self, place: int) -> Change:
        """The change at a place that is still here."""
        change = self._slots[place % self._size]
        assert change is not None
        return change

    def told(self, place: int, audience: Audience, group: int) -> tuple[bytes, int]:
        """What an audience is told from a place on, and the place behind it; empty when there is nothing for it."""
        # Who walks in step with the others of his group shares their bytes.
        found = self._written.get((group, place))
        if found is None:
            found = self._told(place, audience)
            if place >= self._fresh and not audience.mine:
                self._written[group, place] = found
        return found

    def _told(self, place: int, audience: Audience) -> tuple[bytes, int]:
        if audience.circle is None:
            places: Iterable[int] = range(place, self.shown)
        else:
            row = self._places.get(audience.circle, ())
            places = (one for one in row if place <= one < self.shown)
        wanted = (one for one in places if audience.wants(self.at(one)))
        some = list(islice(wanted, AT_ONCE))
        behind = some[-1] + 1 if len(some) == AT_ONCE else self.shown
        return audience.frames(map(self.at, some)), behind

    def after(self, offset: int) -> int | None:
        """Place of the first change behind an offset; None when changes in between are forgotten here."""
        low, high = self.first, self.next
        if low == high:
            return self.next if offset >= self.head else None
        if low > 0 and offset + 1 < self.at(low).offset:
            return None
        while low < high:
            middle = (low + high) // 2
            if self.at(middle).offset <= offset:
                low = middle + 1
            else:
                high = middle
        return low
