"""Keeps the city's time: wakes incidents when something is due on them, and reckons deadlines anew by another calendar.

Also reminds, once a day, of a calendar somebody has to confirm. What is due is the desk's to know; all of it may be
done twice without harm, and by several at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime, timedelta

import psycopg
import structlog

from grid.errors import CityError
from incidents.calendar_outlook import Urgency, outlook
from incidents.decisions import Decisions
from incidents.postgres import decision_store, wakes
from incidents.postgres.connection import Connection

Wake = Callable[[Connection, str, datetime, Decisions], object]
"""Makes every move that is due on one incident, inside the transaction it is called in."""

TOGETHER = 10
"""Incidents of one transaction: a person's move on one of them waits for some tens of milliseconds at most."""
BUDGET_S = 3.0
"""So long a look may sweep before the watch's other work has its turn."""
ASK_AGAIN = timedelta(minutes=1)
AFTER_A_FAULT = timedelta(minutes=10)
FRESH = timedelta(days=1)
"""An edition so new may have begun while nobody watched."""
_OWN_FAULTS = (
    CityError,
    ValueError,
    KeyError,
    TypeError,
    psycopg.DataError,
    psycopg.IntegrityError,
)
_log = structlog.get_logger("streams.timekeeping")


class Timekeeper:
    """One watch's sense of time; remembers decisions, the calendar's edition and the day of the last reminder."""

    def __init__(self, wake: Wake) -> None:
        self._wake = wake
        self._stamp: decision_store.Stamp | None = None
        self._decisions: Decisions | None = None
        self._calendar: tuple[int, datetime | None] | None = None
        self._reminded: date | None = None

    def look(self, connection: Connection, now: datetime) -> list[str]:
        """Do what is due at `now`; what was done, for the log. `connection` is autocommit and idle."""
        said = self._refresh(connection, now)
        if self._decisions is None:
            return said
        woken = self._sweep(connection, now, self._decisions)
        if woken:
            said.append(f"wake: {woken} 个案件到点 / incidents were due")
        self._remind(now, self._decisions)
        return said

    def _refresh(self, connection: Connection, now: datetime) -> list[str]:
        """Read what the city decided since; another calendar makes all working-time deadlines due for reckoning."""
        stamp = decision_store.stamp(connection)
        if stamp == self._stamp:
            return []
        try:
            decisions = decision_store.in_force(connection)
        except CityError as fault:
            _log.error(
                "决策表读不懂，沿用旧的 / decisions unreadable, the old ones hold", fault=str(fault)
            )
            return []
        self._stamp, self._decisions = stamp, decisions
        kept = decision_store.editions_in_force(connection).get("calendar")
        calendar = (kept.id, kept.holds_from) if kept else (0, None)
        before, self._calendar = self._calendar, calendar
        if before == calendar or (before is None and not _fresh(calendar[1], now)):
            return []
        count = wakes.again(connection, now)
        self._reminded = None
        return [
            f"calendar: 版本 {calendar[0]} 起用，{count} 个案件的到期时间重算 / deadlines reckoned anew"
        ]

    def _sweep(self, connection: Connection, now: datetime, decisions: Decisions) -> int:
        woken = 0
        ends = time.monotonic() + BUDGET_S
        while time.monotonic() < ends:
            with connection.transaction():
                numbers = wakes.due(connection, now, TOGETHER)
                for number in numbers:
                    self._one(connection, number, now, decisions)
            woken += len(numbers)
            if len(numbers) < TOGETHER:
                break
        return woken

    def _one(
        self, connection: Connection, number: str, now: datetime, decisions: Decisions
    ) -> None:
        """Wake one in a savepoint of its own; one that cannot be woken rests and keeps nobody else from waking."""
        pause = ASK_AGAIN
        try:
            with connection.transaction():
                self._wake(connection, number, now, decisions)
        except _OWN_FAULTS as fault:
            _log.error("案件无法唤醒 / incident cannot be woken", number=number, fault=str(fault))
            pause = AFTER_A_FAULT
        wakes.rest(connection, number, now, now + pause)

    def _remind(self, now: datetime, decisions: Decisions) -> None:
        today = now.astimezone(decisions.calendar.zone).date()
        if self._reminded == today:
            return
        self._reminded = today
        found = outlook(decisions.calendar, now)
        if found.urgency is not Urgency.GOOD:
            _log.warning(f"{found.zh} / {found.en}", urgency=str(found.urgency))


def _fresh(holds_from: datetime | None, now: datetime) -> bool:
    return holds_from is not None and now - holds_from < FRESH
