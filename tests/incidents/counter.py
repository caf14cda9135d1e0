"""A desk with a ledger in memory, a clock of its own and a roster, and the people who work there: for tests of the trade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from incidents import desk
from incidents.duty import OnDuty
from incidents.incident import Actor, Incident
from incidents.lifecycle import Role
from tests.incidents.builders import NOON, a_report, an_actor, minutes
from tests.incidents.trade import the_city
from tests.memory import MemoryLedger

LEAD = an_actor(Role.SHIFT_LEAD)
OFFICER = an_actor(Role.INTAKE_OFFICER)
DISPATCHER = an_actor(Role.DISPATCHER)
CREW = an_actor(Role.DEPARTMENT, "CG-HW")
DRAINAGE = an_actor(Role.DEPARTMENT, "PS")
ZHAO = Actor("zhao", Role.INSPECTOR)
QIAN = Actor("qian", Role.INSPECTOR)
FIRST_REVIEW = Actor("kao", Role.EVALUATOR)
DAY = timedelta(days=1)


@dataclass
class OnDutyNow:
    """A roster of these people, wherever and whenever."""

    names: tuple[str, ...]

    def on_duty(self, role: Role, at: datetime, cell_code: str | None) -> Sequence[OnDuty]:
        return [OnDuty(name, role) for name in self.names]


@dataclass
class Bench:
    """A ledger with a clock: one incident after another, a minute for each step."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    now: datetime = NOON
    roster: OnDutyNow | None = None

    def report(self, id_: str = "r1", **changes: Any) -> Incident:
        receipt = desk.receive(
            self.ledger, a_report(id_, at=self.now, **changes), the_city(), self.now
        )
        assert receipt.incident is not None
        return receipt.incident

    def do(self, incident: Incident, name: str, by: Actor, **given: Any) -> Incident:
        self.now += minutes(1)
        now = self.ledger.load(incident.number)
        asked = (self.ledger, now.number, name, by, self.now, given, now.version, the_city())
        return desk.move(*asked, self.roster)

    def offered(self, incident: Incident, by: Actor) -> list[str]:
        now = self.ledger.load(incident.number)
        return [m.name for m in desk.moves_for(now, by, self.now, the_city())]

    def wake(self, incident: Incident) -> Incident:
        return desk.wake(self.ledger, incident.number, self.now, the_city(), self.roster)

    def moves(self, incident: Incident) -> list[str]:
        return [row.move for row in self.ledger.history[incident.number]]

    def dispatched(self, **changes: Any) -> Incident:
        incident = self.report(**changes)
        self.do(incident, "open", OFFICER)
        return self.do(incident, "dispatch", DISPATCHER, department="CG-HW")

    def handling(self, **changes: Any) -> Incident:
        incident = self.dispatched(**changes)
        return self.do(incident, "accept", CREW, handler="老王")

    def reworked(self) -> Incident:
        """Closed after it had to be done again: the department has something to appeal against."""
        incident = self.handling()
        self.do(incident, "report_handled", CREW)
        self.do(incident, "rework", ZHAO, reason="未净")
        self.do(incident, "report_handled", CREW)
        self.do(incident, "verified", ZHAO)
        return self.do(incident, "close", OFFICER)

    def closed(self, **changes: Any) -> Incident:
        incident = self.handling(**changes)
        self.do(incident, "report_handled", CREW)
        self.do(incident, "verified", ZHAO)
        return self.do(incident, "close", OFFICER)
