"""Which incidents the system has to look at now: what a sweep takes, in small transactions that pass over what is locked.

What looking means is the desk's business (`incidents.desk.wake`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

_SQL = named("wakes.sql")
AT_ONCE = 500


def due(conn: Connection, now: datetime, most: int) -> Sequence[str]:
    """Numbers of incidents that are due, locked until the transaction ends; never those another session holds."""
    return [row[0] for row in conn.execute(_SQL["due"], {"now": now, "most": most})]


def rest(conn: Connection, number: str, now: datetime, until: datetime) -> bool:
    """Whether the incident was still due at `now`; if so, it is not before `until`."""
    values = {"number": number, "now": now, "until": until}
    return conn.execute(_SQL["rest"], values).rowcount > 0


def again(conn: Connection, now: datetime) -> int:
    """Make every open incident due whose deadline depends on the calendar; how many. `conn` is autocommit and idle."""
    count, last = 0, 0
    while True:
        values = {"after": last, "now": now, "most": AT_ONCE}
        ids = [row[0] for row in conn.execute(_SQL["again"], values)]
        if not ids:
            return count
        count, last = count + len(ids), max(ids)


def provisional(conn: Connection) -> int:
    """How many open incidents have a provisional deadline."""
    row = conn.execute(_SQL["provisional"]).fetchone()
    return 0 if row is None else int(row[0])
