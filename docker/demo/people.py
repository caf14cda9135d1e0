"""The people's side of the traffic: reports, and the desk's daily work, through the API with their accounts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo import staff
from demo.door import Door, Shut, Waiting
from demo.staff import Step

_LOOK_EVERY = 1.5
_MOVES_AT_ONCE = 12
_FORGET_AFTER = 5000
_QUEUE = f"/api/v1/incidents?state={','.join(staff.PACES)}&sort=reported_at&limit=300"

DepartmentOf = Callable[[Mapping[str, Any]], str]
"""The department a dispatcher chooses for an incident."""


@dataclass
class Office:
    """Looks at the queues now and then, rests each incident for a while, and makes the next move.

    `doors` are API doors by account name, `accounts` their rows; every move is made by whose it is.
    """

    doors: Mapping[str, Door]
    accounts: Mapping[str, Mapping[str, Any]]
    department_of: DepartmentOf
    say: Callable[[str], None]
    moves: int = 0
    reports: int = 0
    _due: dict[tuple[str, int], float] = field(default_factory=dict)
    _look_at: float = 0.0
    _waiting: Waiting = field(default_factory=Waiting)

    def report(self, key: str, body: Mapping[str, Any], by: str) -> bool:
        """Tell a report; an inspector by his own account, a citizen through intake. False: later."""
        name = by if by in self.accounts else self._of("role", "intake_officer")
        try:
            answer = self.doors[name].tell("/api/v1/reports", body, {"Idempotency-Key": key})
        except Shut:
            return False
        self.reports += 1
        if not answer.fine:
            self.say(f"上报未受理 / report refused: HTTP {answer.status} {answer.body}")
        return True

    def work(self) -> None:
        """One look at the queues, if it is time, and whatever moves are due."""
        if time.monotonic() < self._look_at:
            return
        try:
            for incident in self._queue():
                self._take_up(incident)
            self._waiting.over()
            self._look_at = time.monotonic() + _LOOK_EVERY
        except Shut as shut:
            wait = self._waiting.longer()
            self._look_at = time.monotonic() + wait
            self.say(f"接口不通，{wait:.1f} 秒后再试 / API: {shut}; next try in {wait:.1f} s")

    def _queue(self) -> list[Mapping[str, Any]]:
        """What waits for somebody: the oldest first, those whose rest is over."""
        now = time.monotonic()
        answer = self.doors["lead"].ask(_QUEUE)
        waiting: list[Mapping[str, Any]] = []
        for incident in _items(answer.body):
            key = (incident["number"], incident["version"])
            if self._due.setdefault(key, now + staff.rest_s(incident)) <= now:
                waiting.append(incident)
        if len(self._due) > _FORGET_AFTER:
            self._due = {key: due for key, due in self._due.items() if due > now - 60}
        return waiting[:_MOVES_AT_ONCE]

    def _take_up(self, incident: Mapping[str, Any]) -> None:
        step = staff.step_for(incident, lambda: self.department_of(incident))
        if step is None:
            return
        name = self._who(step, incident)
        number, version = incident["number"], incident["version"]
        answer = self.doors[name].tell(
            f"/api/v1/incidents/{number}/moves",
            {"move": step.move, **step.given},
            {"If-Match": f'"v{version}"'},
        )
        self._due.pop((number, version), None)
        if answer.fine:
            self.moves += 1
        elif answer.status not in (409, 412):  # somebody was quicker; looked at again next time
            self._due[number, version] = time.monotonic() + 60
            self.say(f"{number} {step.move}: HTTP {answer.status} {answer.body}")

    def _who(self, step: Step, incident: Mapping[str, Any]) -> str:
        """The account whose move it is."""
        if step.role == "department":
            return self._of("department", incident["department"])
        if step.role == "inspector":
            return self._inspector(incident)
        return self._of("role", step.role)

    def _of(self, member: str, value: Any) -> str:
        """The first account with that role or department."""
        return next(name for name, row in self.accounts.items() if row.get(member) == value)

    def _inspector(self, incident: Mapping[str, Any]) -> str:
        """Who got the task, else the inspector of the district; the shift lead where none has it in his area."""
        if incident.get("inspector") in self.doors:
            return str(incident["inspector"])
        district = incident.get("district") or ""
        inspectors = {n: r for n, r in self.accounts.items() if r["role"] == "inspector"}
        return next((n for n, row in inspectors.items() if row.get("area") == district), "lead")


def _items(body: Any) -> list[Mapping[str, Any]]:
    return list(body.get("items", [])) if isinstance(body, dict) else []
