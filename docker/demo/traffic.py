"""Plays a demo for ever: machines to the gateway or by replay, people to the API, from where it stopped the last time.

Two threads, so that a door that is shut does not keep the other one waiting. A clock that stood still
(a laptop asleep, a machine stopped) makes the demo go on from now; nothing is made up for.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from demo import nyc_decisions
from demo.city import build
from demo.door import Door
from demo.machines import Album, Machines
from demo.night import Night
from demo.patrols import Patrols, walks
from demo.people import Office
from demo.progress import Progress
from demo.script import CityScript, NightScript, Script
from demo.seed import read_accounts
from demo.settings import Settings
from demo.stranger import Stranger
from incidents.dispatching import RouteQuestion, route
from incidents.standards import tables
from streams.settings import Settings as StreamSettings

_SAVE_EVERY = 5
_BEHIND_AT_MOST = 10.0
_REPORTS_KEPT = 100


class Player:
    """The two sides, and what goes from the script to each."""

    def __init__(self, script: Script, progress: Progress, stop: threading.Event) -> None:
        self._script = script
        self._progress = progress
        self._stop = stop
        self._reports: deque[tuple[str, dict[str, Any], str]] = deque(maxlen=_REPORTS_KEPT)

    def run_machines(self, machines: Machines, stranger: Stranger | None = None) -> None:
        """Second after second until stopped."""
        began = time.monotonic() - self._progress.second
        while not self._stop.is_set():
            behind = time.monotonic() - began - self._progress.second
            if behind > _BEHIND_AT_MOST:
                began = time.monotonic() - self._progress.second
            elif behind < 0:
                self._stop.wait(-behind)
                continue
            second = self._progress.second
            said = self._script.at(second)
            self._reports.extend(said.reports)
            if stranger is not None:
                stranger.write(said.letters)
            machines.tell(said, f"s{second:07d}", time.time_ns() // 1_000_000)
            self._progress.second = second + 1
            if second % _SAVE_EVERY == 0:
                self._progress.save()
            machines.deliver()
        self._progress.save()

    def run_people(self, office: Office, patrols: Patrols) -> None:
        """Reports as they come, the desk's work, and where the patrols are, until stopped."""
        while not self._stop.wait(0.5):
            patrols.walk()
            while self._reports and office.report(*self._reports[0]):
                self._reports.popleft()
            office.work()


def play(settings: Settings) -> int:
    """Play the demo the settings name until SIGTERM or SIGINT: 0; never seeded, or a side failed: 1."""
    accounts = read_accounts(settings.accounts_file)
    if not accounts:
        _say(f"没有 {settings.accounts_file}；请先 python -m demo seed / python -m demo seed first")
        return 1
    stop, asked = threading.Event(), threading.Event()

    def leave(*_: object) -> None:
        asked.set()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    script: Script = NightScript() if settings.nyc else CityScript(build())
    progress = Progress(settings.home / f"traffic-{settings.demo}.json")
    _say(f"演示从第 {progress.second} 秒继续 / playing on from second {progress.second}")
    player = Player(script, progress, stop)
    office = _office(settings, accounts)
    city = None if settings.nyc else build()
    patrols = Patrols(office.doors, walks(city, accounts) if city else {})
    people = threading.Thread(
        target=_guarded, args=(lambda it: player.run_people(it, patrols), office, stop)
    )
    people.start()
    try:
        if settings.nyc:
            Night(script, progress, stop).play(_stream(settings))
        else:
            token = accounts["machines"]["token"]
            gateway, api = Door(*settings.gateway, token), Door(*settings.api, token)
            stranger = Stranger(settings.kafka, settings.topic_prefix, _say)
            player.run_machines(Machines(gateway, _say, Album(api, _say)), stranger)
    finally:
        stop.set()
        people.join()
        progress.save()
    _say("演示停止 / stopped")
    return 0 if asked.is_set() else 1


def _stream(settings: Settings) -> StreamSettings:
    """What a replay needs to know, as the demo was told it."""
    return StreamSettings(
        database_url=settings.database_url,
        kafka=settings.kafka,
        topic_prefix=settings.topic_prefix,
    )


def _office(settings: Settings, accounts: Mapping[str, Mapping[str, Any]]) -> Office:
    doors = {name: Door(*settings.api, row["token"]) for name, row in accounts.items()}
    bodies = nyc_decisions.bodies() if settings.nyc else tables.seed()
    decisions = tables.decide(bodies, {})
    usual = "NYPD" if settings.nyc else "CG"

    def department_of(incident: Mapping[str, Any]) -> str:
        areas = (incident["cell"],) if incident.get("cell") else ()
        asked = RouteQuestion(incident["category"], areas, incident["source"], datetime.now(UTC))
        found = route(asked, decisions.routes, decisions.calendar, decisions.categories)
        return found.department or usual

    return Office(doors, accounts, department_of, _say)


def _guarded(work: Callable[[Any], None], what: object, stop: threading.Event) -> None:
    """A side that fails takes the other with it, so that the supervisor starts both anew."""
    try:
        work(what)
    finally:
        stop.set()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
