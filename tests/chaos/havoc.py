"""What is done to a running system: programs killed and taken away at random moments, each written down."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.journey.system import WholeSystem

VICTIMS = ("w1", "w2", "kafka", "postgres", "relay", "gateway", "api")
"""Who may be killed; the load goes on meanwhile."""


@dataclass(frozen=True, slots=True)
class Blow:
    """One thing done to the system, `at` seconds after the beginning."""

    at: float
    what: str
    whom: str
    seconds: float = 0.0

    def __str__(self) -> str:
        lasting = f" {self.seconds:.0f} s" if self.seconds else ""
        return f"{self.at:6.1f} s  {self.what} {self.whom}{lasting}"


@dataclass
class Havoc:
    """A plan of blows over a time, and what came of it.

    Args:
        system: the victim.
        dice: decides who and when.
        kills: how many SIGKILLs, every victim at least once when there are enough.
        outages: how many times broker or database are away, in turn.
        seconds: the time all this is spread over.
        outage_seconds: least and most length of an outage.
    """

    system: WholeSystem
    dice: random.Random
    kills: int
    outages: int
    seconds: float
    outage_seconds: tuple[float, float] = (10.0, 30.0)
    dealt: list[Blow] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def plan(self) -> list[tuple[float, Callable[[], None]]]:
        """When and what, in order of time."""
        whom = [VICTIMS[n % len(VICTIMS)] for n in range(self.kills)]
        self.dice.shuffle(whom)
        deeds: list[Callable[[], None]] = [lambda w=w: self._kill(w) for w in whom]  # type: ignore[misc]
        kinds = (self._freeze_broker, self._take_database, self._take_broker, self._freeze_database)
        deeds += [kinds[n % len(kinds)] for n in range(self.outages)]
        self.dice.shuffle(deeds)
        step = self.seconds / max(1, len(deeds))
        times = [step * (n + self.dice.uniform(0.1, 0.9)) for n in range(len(deeds))]
        return list(zip(times, deeds, strict=True))

    def run(self) -> None:
        """Do it all, one after the other; a blow that comes late comes at once."""
        self.began = time.monotonic()
        for when, deed in self.plan():
            if self.stopped.wait(max(0.0, when - self._now)):
                return
            deed()

    @property
    def _now(self) -> float:
        return time.monotonic() - self.began

    def _kill(self, name: str) -> None:
        """SIGKILL, of a program that runs: one that is just starting is waited for."""
        limit = time.monotonic() + 30
        while not self.system.kill(name):
            if self.stopped.wait(0.2) or time.monotonic() > limit:
                return
        self.dealt.append(Blow(self._now, "SIGKILL", name))

    def _length(self) -> float:
        return self.dice.uniform(*self.outage_seconds)

    def _freeze_broker(self) -> None:
        self._frozen("kafka")

    def _freeze_database(self) -> None:
        self._frozen("postgres")

    def _frozen(self, name: str) -> None:
        seconds = self._length()
        self.dealt.append(Blow(self._now, "SIGSTOP", name, seconds))
        with self.system.frozen(name):
            self.stopped.wait(seconds)

    def _take_database(self) -> None:
        self._taken("postgres")

    def _take_broker(self) -> None:
        self._taken("kafka")

    def _taken(self, name: str) -> None:
        seconds = self._length()
        self.dealt.append(Blow(self._now, "down", name, seconds))
        with self.system.absent(name):
            self.stopped.wait(seconds)
