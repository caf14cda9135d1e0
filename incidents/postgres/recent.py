"""Incidents as this process kept them a moment ago, so that who moves one again at once need not ask the database for it.

A number and a version name one content for ever, and every change is guarded by its version: what is remembered can be
out of date, never wrong. Only what is committed is remembered, and for seconds only, so that a database that came back
from a standby without its last moments is not answered from memory.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock

from incidents.incident import Incident

KEPT_S = 5.0
MOST = 2000
"""About 5 kB each."""


class Recent:
    """The newest incidents by number; safe between threads."""

    def __init__(self, kept_s: float = KEPT_S, most: int = MOST) -> None:
        self._kept_s = kept_s
        self._most = most
        self._known: OrderedDict[str, tuple[float, Incident]] = OrderedDict()
        self._lock = Lock()

    def put(self, incident: Incident) -> None:
        """Remember an incident that was committed just now."""
        with self._lock:
            self._known.pop(incident.number, None)
            self._known[incident.number] = (time.monotonic() + self._kept_s, incident)
            if len(self._known) > self._most:
                self._known.popitem(last=False)

    def get(self, number: str, version: int) -> Incident | None:
        """The incident of exactly that version, if it is remembered."""
        with self._lock:
            found = self._known.get(number)
        if found is None or found[1].version != version or found[0] < time.monotonic():
            return None
        return found[1]
