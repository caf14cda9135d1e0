"""Incident numbers 案件编号: region + date + five digits, unique and rising, taken outside every transaction.

A number lost to a rollback is never given again, so a day may have gaps; that is the price of openings
that never queue behind one slow transaction.
"""

from __future__ import annotations

import time
from collections import deque
from datetime import date
from threading import Lock

from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

from incidents.errors import NumbersExhausted
from incidents.postgres.connection import Connection, Lent
from incidents.postgres.queries import named

PER_DAY = 99_999
ROUNDS_AHEAD, AHEAD_S = 4, 1.0
"""How many rounds' numbers are taken at once, and for how many seconds they are used."""
_SQL = named("numbers.sql")


def take(conn: Connection, region: str, day: date) -> str:
    """The next number of a region's day; `conn` is autocommit and idle, so the row is locked for microseconds.

    NumbersExhausted after 99,999. `synchronous_commit` need not be on: the incident's own commit comes
    later in the same log and makes the number safe with itself.
    """
    _check_idle(conn)
    row = conn.execute(_SQL["take"], {"region": region, "day": day}).fetchone()
    if row is None or row[0] is None:
        raise NumbersExhausted(
            zh=f"{region} 区 {day} 的 {PER_DAY} 个案件编号已用完",
            en=f"all {PER_DAY} incident numbers of region {region} on {day} are used up",
            region=region,
            day=day.isoformat(),
        )
    return str(row[0])


def take_several(conn: Connection, region: str, day: date, wanted: int) -> list[str]:
    """So many numbers one after another, as `take` gives one; a single one where the day has not so many left."""
    _check_idle(conn)
    values = {"region": region, "day": day, "wanted": wanted}
    row = conn.execute(_SQL["take_several"], values).fetchone()
    if row is None:
        return [take(conn, region, day)]
    begin, last = row
    return [f"{begin}{n:05}" for n in range(last - wanted + 1, last + 1)]


def _check_idle(conn: Connection) -> None:
    if not conn.autocommit or conn.info.transaction_status is not TransactionStatus.IDLE:
        raise RuntimeError(
            "numbers are taken on an idle autocommit connection, never in a transaction"
        )


class Numbers:
    """`take` with a connection lent by a pool: what the ledger asks for numbers."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool
        self._lock = Lock()
        self._ahead: dict[tuple[str, date], tuple[float, deque[str]]] = {}

    def __call__(self, region: str, day: date) -> str:
        """The next number of a region's day; NumbersExhausted, PoolTimeout."""
        with Lent(self._pool) as conn:
            return take(conn, region, day)

    def ahead(self, region: str, day: date, wanted: int) -> str:
        """The next number, where this many will be wanted: some rounds' worth is taken at once and used within a second.

        What is left over then is lost, so that numbers rise with time in every process, within that second.
        """
        with self._lock:
            until, ready = self._ahead.get((region, day), (0.0, None))
            now = time.monotonic()
            if not ready or until < now:
                self._ahead = {k: kept for k, kept in self._ahead.items() if kept[0] >= now}
                ready = deque(self.several(region, day, wanted * ROUNDS_AHEAD))
                self._ahead[region, day] = (now + AHEAD_S, ready)
            return ready.popleft()

    def several(self, region: str, day: date, wanted: int) -> list[str]:
        """So many at once, or one."""
        with Lent(self._pool) as conn:
            return take_several(conn, region, day, wanted)
