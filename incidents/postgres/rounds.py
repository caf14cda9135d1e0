"""A round 合批: what several people did at the same moment, noted while the desk decides and kept by one statement a kind.

Under load a round trip, a commit and a change of processes cost more than what is written, and together they cost it once
(docs/benchmarks.md, lives). Each is on an incident of his own: that another's comes to nothing is not told him.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NoReturn

import msgspec
import psycopg

from incidents.event import Event, Outcome
from incidents.incident import HistoryRow, Incident, Kept
from incidents.postgres.connection import Connection
from incidents.postgres.ledger_rows import (
    OutboxRow,
    as_incident,
    as_json,
    event_json,
    outbox_rows,
    step_changes,
)
from incidents.postgres.numbers import Numbers
from incidents.postgres.queries import named
from incidents.postgres.recent import Recent

_SQL = named("rounds.sql")
_LOAD = named("ledger.sql")["load_all"]


class Apart(Exception):
    """What cannot be done in a round and must be done by itself; nothing of it was kept."""


class Answer(msgspec.Struct, frozen=True):
    """What somebody's key was answered: kept with what it is the answer to, or not at all."""

    principal: str
    key: str
    request_hash: str
    """As PostgreSQL reads bytes: `\\x` and hexadecimal digits."""
    status: int
    body: str
    headers: Mapping[str, str]


class _Step(msgspec.Struct, frozen=True):
    n: int
    number: str
    expected: int
    changes: Mapping[str, Any]
    history: Sequence[HistoryRow]
    facts: Sequence[OutboxRow]
    answer: Answer | None = None


class _Opening(msgspec.Struct, frozen=True):
    n: int
    subject: str | None
    incident: Incident
    history: Sequence[HistoryRow]
    facts: Sequence[OutboxRow]
    event: Mapping[str, Any]
    answer: Answer | None = None


class Round:
    """One round: `expected` openings at most, all on one connection that commits by itself.

    Its number is the place of what is noted; after `keep` everything noted was kept or came to nothing, each for itself.
    """

    def __init__(
        self, connection: Connection, numbers: Numbers, recent: Recent, expected: int
    ) -> None:
        self._connection = connection
        self._numbers = numbers
        self._recent = recent
        self._expected = expected
        self._here: dict[str, Incident] = {}
        self._noted: list[_Step | _Opening] = []
        self._after: list[Incident] = []

    def __len__(self) -> int:
        return len(self._noted)

    def forget(self, since: int) -> None:
        """Take back what was noted from this place on."""
        del self._noted[since:], self._after[since:]

    def bring(self, wanted: Iterable[tuple[str, int | None]]) -> None:
        """Fetch at once the incidents (number, version or any) that are not remembered."""
        numbers = [n for n, v in wanted if v is None or self._recent.get(n, v) is None]
        if len(numbers) > 1:
            rows = self._connection.execute(_LOAD, {"numbers": numbers}).fetchall()
            self._here = {found.number: found for found in map(as_incident, rows)}

    def brought(self, number: str) -> Incident | None:
        """One of those fetched, as it was a moment ago: who decides on an older one is not kept."""
        return self._here.get(number)

    def answered(self, keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of these keys (principal, key) to which an answer is kept: whoever sends one again is told it."""
        if not keys:
            return set()
        principals, names = zip(*keys, strict=True)
        asked = {"principals": list(principals), "keys": list(names)}
        return set(self._connection.execute(_SQL["answered"], asked).fetchall())

    def number(self, region: str, day: date) -> str:
        """The next number of a region's day."""
        self._expected -= 1
        return self._numbers.ahead(region, day, max(1, self._expected + 1))

    def open(self, kept: Sequence[Kept], event: Event, why: str) -> None:
        """Note a new incident with all that happened to it and the event that opened it."""
        after = kept[-1][0]
        told = {**event_json(event), "outcome": str(Outcome.OPENED), "why": why}
        history = [row for _, row, _ in kept]
        facts = outbox_rows(kept)
        self._note(after, _Opening(len(self), after.subject, after, history, facts, told))

    def step(self, before: Incident, kept: Sequence[Kept]) -> None:
        """Note what became of an incident."""
        after = kept[-1][0]
        changes, history = step_changes(before, after), [row for _, row, _ in kept]
        facts = outbox_rows(kept)
        self._note(after, _Step(len(self), before.number, before.version, changes, history, facts))

    def _note(self, after: Incident, what: _Step | _Opening) -> None:
        self._noted.append(what)
        self._after.append(after)

    def answer(self, answer: Answer) -> None:
        """Note what the newest of what was noted is answered."""
        self._noted[-1] = msgspec.structs.replace(self._noted[-1], answer=answer)

    def apart(self) -> NoReturn:
        """Say that this is not for a round."""
        raise Apart

    def keep(self) -> list[bool]:
        """Keep what was noted; whether each was kept. False: somebody was quicker, or the database refused the round.

        psycopg.OperationalError when the connection is gone: nobody knows what was kept.
        """
        done = [False] * len(self)
        # In one order in every process, so that two rounds do not wait for each other.
        steps = [s for s in self._noted if isinstance(s, _Step)]
        steps.sort(key=lambda s: s.number)
        opens = [o for o in self._noted if isinstance(o, _Opening)]
        opens.sort(key=lambda o: o.subject or "")
        told = [(name, some) for name, some in (("step", steps), ("open", opens)) if some]
        for place in self._kept(told):
            done[place] = True
            self._recent.put(self._after[place])
        return done

    def _kept(self, told: Sequence[tuple[str, Sequence[_Step | _Opening]]]) -> list[int]:
        """The places of what was kept: all in one transaction and one trip."""
        try:
            if len(told) == 1:  # is one transaction by itself, without the cost of a pipeline
                ((name, some),) = told
                asked = [self._connection.execute(_SQL[name], {"noted": as_json(some)})]
            else:
                with self._connection.pipeline():
                    asked = [
                        self._connection.execute(_SQL[name], {"noted": as_json(some)})
                        for name, some in told
                    ]
            rows = [row for one in asked for row in one.fetchall()]
        except psycopg.Error:
            if self._connection.closed:
                raise
            return []  # none of them was kept: whose fault it is shows when each is done by itself
        return [n for (n,) in rows]
