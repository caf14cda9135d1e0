"""Holds a rehearsal: stored history, piece by piece, into the pure judgement, its lines and counts into the store.

Runs on a connection of its own, at a walking pace: after each piece it rests as long as the piece took, so that it asks for
half a processor and half a disk at most. One that fails says so in its row; one that is cut off may be held again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from grid.errors import CityError
from incidents.event import Event
from incidents.postgres import decision_store, readings, rehearsal_past, rehearsal_store
from incidents.postgres import intake as store
from incidents.postgres.connection import Connection
from incidents.postgres.rehearsal_store import Claimed
from incidents.rehearsal import Rejudging, warm_up
from incidents.rehearsal_limits import Retiming
from incidents.rehearsal_openings import Openings, summary
from incidents.rehearsal_routes import Rerouting
from incidents.rules import RuleBook, Verdict

MOST_LINES = 10_000
"""Lines kept of each list; the counts count all."""
STATEMENT_S = 120
"""A statement that takes longer is given up, and the rehearsal with it."""
_TOLD_EVERY_S = 0.5
_LINES_AT_ONCE = 500
_LONGEST_REST_S = 2.0

Rest = Callable[[float], None]


@dataclass(slots=True)
class _Held:
    """A rehearsal being held: its lines are gathered and kept in batches, its progress told now and then."""

    conn: Connection
    number: int
    rest: Rest
    _waiting: list[tuple[str, int, Any]] = field(default_factory=list)
    _kept: Counter[str] = field(default_factory=Counter)
    _told: float = 0.0
    _since: float = field(default_factory=time.monotonic)

    def keep(self, lines: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Lines of lists, as long as there is room."""
        for name, body in lines:
            if self._kept[name] < MOST_LINES:
                self._kept[name] += 1
                self._waiting.append((name, self._kept[name], body))
        if len(self._waiting) >= _LINES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Keep what was gathered."""
        if self._waiting:
            rehearsal_store.add_lines(self.conn, self.number, self._waiting)
            self._waiting = []

    def piece(self, share: float) -> None:
        """A piece is done: say how far it is, and rest."""
        now = time.monotonic()
        if now - self._told >= _TOLD_EVERY_S:
            rehearsal_store.progress(self.conn, self.number, min(share, 0.999))
            self._told = now
        self.rest(min(now - self._since, _LONGEST_REST_S))
        self._since = time.monotonic()


def hold_all(conn: Connection, rest: Rest = time.sleep) -> int:
    """Hold what waits, one after the other; how many. 0 at once when somebody else holds rehearsals."""
    held = 0
    if not rehearsal_store.hold(conn):
        return held
    while (claimed := rehearsal_store.claim(conn)) is not None:
        perform(conn, claimed, rest)
        held += 1
    return held


def perform(conn: Connection, claimed: Claimed, rest: Rest = time.sleep) -> None:
    """Hold one that was claimed; its row says how it ended. psycopg.OperationalError when the connection is lost."""
    conn.execute(f"set statement_timeout = '{STATEMENT_S}s'".encode())
    conn.execute("set max_parallel_workers_per_gather = 0")
    held = _Held(conn, claimed.id, rest)
    try:
        present = decision_store.editions_in_force(conn)
        rehearsal_store.against(conn, claimed.id, {kind: one.id for kind, one in present.items()})
        result = _HOW[claimed.kind](held, claimed)
        held.flush()
        rehearsal_store.done(conn, claimed.id, result)
    except psycopg.errors.QueryCanceled:
        words = f"一条语句超过 {STATEMENT_S} 秒，请缩短时间范围 / a statement took longer than {STATEMENT_S} s: ask for a shorter span"
        rehearsal_store.failed(conn, claimed.id, words)
    except psycopg.OperationalError:
        raise
    except Exception as fault:
        if conn.broken or conn.closed:
            raise
        rehearsal_store.failed(conn, claimed.id, _words(fault))
        if not isinstance(fault, CityError):
            raise


def _words(fault: Exception) -> str:
    return str(fault) if isinstance(fault, CityError) else f"{type(fault).__name__}: {fault}"


def _rules(held: _Held, claimed: Claimed) -> dict[str, Any]:
    conn, window = held.conn, claimed.window
    decisions = rehearsal_store.proposed(conn, claimed.kind, claimed.body)
    ids = readings.metrics(conn)
    book = RuleBook.of(0, decisions.rules, ids, rehearsal_past.traits_of(conn))
    openings, judging = Openings(decisions, book, window), Rejudging(book)
    begins = window.begins - warm_up(decisions.rules)
    for incident, until in rehearsal_past.standing(conn, begins):
        openings.stands(incident, until)
    span = (window.ends - begins).total_seconds()
    for one, other in rehearsal_past.hours(begins, window.ends):
        said: list[Event] = []
        for columns in rehearsal_past.readings(conn, book.by_metric, (one, other)):
            openings.counts["readings"] += len(columns.at)
            said += _events(conn, judging.take(columns))
            held.piece((one - begins).total_seconds() / span)
        _in_order(openings, said, rehearsal_past.events(conn, (one, other)))
        held.keep(openings.passed(other))
        held.piece((other - begins).total_seconds() / span)
    for one, other in rehearsal_past.hours(window.ends, window.ends + openings.reach):
        for real in rehearsal_past.events(conn, (one, other)):
            openings.heard(real)
        held.piece(1.0)
    last = rehearsal_past.newest(conn, judging.waiting, window.ends)
    late = [v for v in judging.take(last) if v.at < window.ends.timestamp() * 1000]
    _in_order(openings, _events(conn, late), ())
    held.keep(openings.ended())
    return summary(openings) | {"metrics_unknown": sorted(book.metrics_needed - ids.keys())}


def _in_order(openings: Openings, said: Iterable[Event], told: Iterable[Any]) -> None:
    """Verdicts and stored events of a stretch, in order of event time; of one moment what really happened comes first."""
    ahead = iter(sorted(said, key=lambda e: (e.at, e.source, e.id)))
    verdict = next(ahead, None)
    for real in told:
        while verdict is not None and verdict.at < real.event.at:
            openings.said(verdict)
            verdict = next(ahead, None)
        openings.told(real)
    while verdict is not None:
        openings.said(verdict)
        verdict = next(ahead, None)


def _events(conn: Connection, verdicts: Iterable[Verdict]) -> list[Event]:
    """Verdicts as the events they would be, each where its device stands today."""
    some = list(verdicts)
    if not some:
        return []
    stand = store.device_places(conn, ids=sorted({v.device for v in some}))
    return [
        verdict.as_event(stand[verdict.device].code, stand[verdict.device].place)
        for verdict in some
        if verdict.device in stand
    ]


def _routes(held: _Held, claimed: Claimed) -> dict[str, Any]:
    proposed = rehearsal_store.proposed(held.conn, claimed.kind, claimed.body)
    return _over_sent(held, claimed, Rerouting(proposed, decision_store.in_force(held.conn)))


def _limits(held: _Held, claimed: Claimed) -> dict[str, Any]:
    proposed = rehearsal_store.proposed(held.conn, claimed.kind, claimed.body)
    return _over_sent(held, claimed, Retiming(proposed, decision_store.clock(held.conn)))


def _over_sent(held: _Held, claimed: Claimed, judge: Rerouting | Retiming) -> dict[str, Any]:
    """What was sent out in the span, each asked again."""
    for share, some in rehearsal_past.sent(held.conn, claimed.window):
        for one in some:
            held.keep(judge.take(one))
        held.piece(share)
    return judge.summary()


_HOW: dict[str, Callable[[_Held, Claimed], dict[str, Any]]] = {
    "rules": _rules,
    "routes": _routes,
    "limits": _limits,
}
