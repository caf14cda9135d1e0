"""One day of the demo city as it will be told to the doors: a pure function of the city and the day's number.

A day of 24 hours is played in 24 minutes. Nothing here knows a clock, a door or a token: moments are
seconds since the day's beginning at 07:00, and the same number always gives the same day.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from demo.fleet import Device
from grid.coordinates import Position

DAY_S = 1440
"""Seconds a played day takes."""

_FIRST_HOUR = 7


@dataclass(frozen=True, slots=True)
class Habit:
    """How a metric behaves: its value at rest, its jitter, what trouble looks like, how often it reports.

    `every` is seconds between two readings of a device at rest; in trouble it reports every
    `_ALARM_EVERY` seconds, as battery-driven devices do.
    """

    rest: float
    jitter: float
    trouble: float
    every: int
    episodes: int
    lasts: tuple[int, int]


HABITS = {
    "manhole.tilt": Habit(1.2, 0.5, 34.0, 30, 7, (90, 200)),
    "well.level": Habit(0.45, 0.05, 3.4, 20, 2, (120, 240)),
    "road.water": Habit(0.4, 0.3, 31.0, 12, 0, (150, 260)),
    "gas.lel": Habit(1.5, 0.8, 42.0, 15, 3, (60, 150)),
    "air.pm25": Habit(48.0, 6.0, 190.0, 20, 1, (200, 320)),
    "noise.leq": Habit(54.0, 2.5, 82.0, 10, 4, (120, 240)),
    "smoke.alarm": Habit(0.0, 0.0, 1.0, 30, 2, (60, 120)),
    "bin.fill": Habit(40.0, 2.0, 97.0, 40, 6, (120, 240)),
    "hydrant.pressure": Habit(0.28, 0.01, 0.09, 30, 1, (760, 800)),
}
_ALARM_EVERY = 5


@dataclass(frozen=True, slots=True)
class Episode:
    """A device in trouble for a while: from `start`, for `lasts` seconds."""

    device: str
    start: int
    lasts: int

    def strength(self, second: float) -> float:
        """0 at rest, 1 in full trouble; rises within ten seconds and falls within ten."""
        into, left = second - self.start, self.start + self.lasts - second
        return max(0.0, min(1.0, into / 10, left / 10))


@dataclass(frozen=True, slots=True)
class Sighting:
    """An event a camera tells: what, how sure, where (raw, in its datum)."""

    second: int
    id: str
    camera: str
    category: str
    kind: str
    score: float
    zones: tuple[str, ...]
    place: Position
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A report by a person; `by` is the account of the district's inspector, or "citizen"."""

    second: int
    id: str
    category: str | None
    text: str
    place: Position
    accuracy: float
    by: str


@dataclass(frozen=True, slots=True)
class Day:
    """All of a day."""

    number: int
    episodes: tuple[Episode, ...]
    sightings: tuple[Sighting, ...]
    calls: tuple[Call, ...]
    by_device: dict[str, tuple[Episode, ...]] = field(default_factory=dict)

    def readings(self, devices: Sequence[Device], second: int) -> Iterator[tuple[str, str, float]]:
        """(device, metric, value) of everything that is told in one second."""
        for device in devices:
            for metric in device.metrics:
                strength = self._strength(device.code, second)
                habit = HABITS[metric]
                every = _ALARM_EVERY if strength > 0 else habit.every
                if (second + _phase(device.code)) % every == 0:
                    yield device.code, metric, self._value(device.code, metric, second, strength)

    def _strength(self, device: str, second: int) -> float:
        mine = self.by_device.get(device, ())
        return max((episode.strength(second) for episode in mine), default=0.0)

    def _value(self, device: str, metric: str, second: int, strength: float) -> float:
        habit = HABITS[metric]
        dice = random.Random(f"{self.number}/{device}/{metric}/{second}")
        calm = habit.rest * _tide(metric, second) + dice.gauss(0, habit.jitter)
        value = calm + strength * (habit.trouble * dice.uniform(0.95, 1.08) - calm)
        return 1.0 if metric == "smoke.alarm" and strength > 0.5 else round(max(value, 0.0), 3)


def hour_at(second: float) -> float:
    """The hour of the played day, 0..24."""
    return (_FIRST_HOUR + second * 24 / DAY_S) % 24


def _tide(metric: str, second: float) -> float:
    """How a value at rest moves over the day: noise and dust follow people, bins fill up."""
    hour = hour_at(second)
    if metric == "noise.leq":
        return 1 + 0.12 * math.sin((hour - 8) / 24 * 2 * math.pi)
    if metric == "air.pm25":
        return 1 + 0.3 * math.cos((hour - 8) / 12 * 2 * math.pi)
    if metric == "bin.fill":
        return 0.4 + 1.4 * ((hour - 5) % 24) / 24
    return 1.0


def _phase(device: str) -> int:
    """When in its period a device speaks, so that not all speak at once."""
    return sum(device.encode())
