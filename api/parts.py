"""What the routes lean on, opened by the composer and handed round as one object: pools, decisions, live ring."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from psycopg_pool import ConnectionPool

from api.access import Caller, Doorkeeper
from api.darkroom import Darkroom
from api.in_force import InForce
from api.live import Follower
from api.media_upkeep import runs
from api.objects import Objects
from api.problems import Problem
from api.rehearsing import Rehearsing
from api.settings import Settings
from incidents.appeals import parties
from incidents.incident import Incident
from incidents.postgres import jobs, views
from incidents.postgres.connection import Connection, Lent
from incidents.postgres.ledger import PostgresLedger
from incidents.postgres.numbers import Numbers
from incidents.postgres.recent import Recent
from incidents.postgres.rounds import Round
from incidents.postgres.sessions import Limits

_log = logging.getLogger(__name__)


def now() -> datetime:
    """The clock of this edge."""
    return datetime.now(UTC)


@dataclass
class Parts:
    """The opened parts of one process."""

    settings: Settings
    pool: ConnectionPool[Connection]
    numbers_pool: ConnectionPool[Connection]
    numbers: Numbers
    doorkeeper: Doorkeeper
    in_force: InForce
    follower: Follower
    objects: Objects
    darkroom: Darkroom = field(default_factory=Darkroom)
    rehearsing: Rehearsing = field(default_factory=Rehearsing)
    recent: Recent = field(default_factory=Recent)
    started_at: datetime = field(default_factory=now)
    round: Round | None = None
    """What is done goes into it, where several are served at once (api.rounds)."""
    lent: Connection | None = None
    """The one connection they share."""
    _answers: dict[Any, tuple[float, Any]] = field(default_factory=dict)

    @property
    def limits(self) -> Limits:
        """How long sessions and passwords last."""
        return self.settings.limits

    def connection(self) -> AbstractContextManager[Connection]:
        """A connection for one request."""
        return Lent(self.pool) if self.lent is None else nullcontext(self.lent)

    def for_round(self, round_: Round, lent: Connection) -> Parts:
        """The same parts for those whose doings go into one round."""
        return replace(self, round=round_, lent=lent)

    def whole_ledger(
        self, connection: Connection, lock: Callable[[], object] | None = None
    ) -> PostgresLedger:
        """The ledger without a scope: a report may join an incident that the reporter may not look at."""
        return PostgresLedger(
            connection,
            self.numbers if self.round is None else self.round.number,
            self.recent,
            lock,
            self.round,
        )

    def ledger(self, connection: Connection, caller: Caller) -> PostgresLedger:
        """The ledger as far as this caller may look."""
        return _ScopedLedger(connection, self, caller)

    def shortly(self, key: Any, make: Callable[[], Any], seconds: float = 1.0) -> Any:
        """An answer that many screens ask for at once, made anew after a second."""
        found = self._answers.get(key)
        if found is not None and found[0] > time.monotonic():
            return found[1]
        if len(self._answers) > 1000:
            self._answers.clear()
        made = make()
        self._answers[key] = (time.monotonic() + seconds, made)
        return made

    def keep_fresh(self) -> None:
        """Look for new decisions and editions, and say that this part lives; called every second."""
        try:
            with self.pool.connection(timeout=2) as connection:
                self.in_force.refresh(connection)
                views.part_lives(connection, f"api-{os.getpid()}", "api", self.started_at)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the next second tries again
            _log.warning("api: 规则或网格未能刷新 / could not refresh: %s", fault)

    def look_after_photos(self) -> None:
        """Run the jobs over photos that are due; called every minute by each process, done by one."""
        try:
            with self.pool.connection(timeout=2) as connection:
                for line in jobs.run_due(connection, now(), runs=runs(self.objects)):
                    _log.info("api: 作业 / job: %s", line)
        except Exception as fault:  # noqa: BLE001 - as above
            _log.warning("api: 照片作业未能运行 / photo jobs could not run: %s", fault)


class _ScopedLedger(PostgresLedger):
    """The same door, but an incident outside the caller's scope is refused before anything of it is told."""

    def __init__(self, connection: Connection, parts: Parts, caller: Caller) -> None:
        super().__init__(connection, parts.numbers, parts.recent, None, parts.round)
        self._scope = caller.scope

    def load(self, number: str) -> Incident:
        """The incident, if the caller may see it: 403 otherwise.

        A department sees what it has or had, and what it helps with: whatever its own evaluation counts.
        """
        return self._seen(super().load(number))

    def at_version(self, number: str, version: int) -> Incident:
        """The same, of a version seen before."""
        return self._seen(super().at_version(number, version))

    def _seen(self, incident: Incident) -> Incident:
        place = (incident.cell_code, incident.community)
        departments = (incident.department, *incident.assisting, *parties(incident))
        covered = any(self._scope.covers(one, *place) for one in departments)
        if not covered and not self._had(incident):
            raise Problem(
                403,
                "forbidden",
                (
                    f"案件 {incident.number} 不属于您的部门或辖区",
                    f"incident {incident.number} is not of your department or area",
                ),
            )
        return incident

    def _had(self, incident: Incident) -> bool:
        """Whether it was sent to the caller's department before: asked of the history only when nothing else lets him in."""
        his = self._scope.departments
        place = (incident.cell_code, incident.community)
        if not his or not self._scope.covers(his[0], *place):
            return False
        return views.had_it(self._connection, incident.number, his)


def parts_of(request: Request) -> Parts:
    """The parts of this process."""
    parts: Parts = request.app.state.parts
    return parts


async def _parts(request: Request) -> Parts:
    return parts_of(request)


Opened = Annotated[Parts, Depends(_parts)]
