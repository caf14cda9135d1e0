"""The parts of a running system, as one table: what each is, how it starts, when it stops."""

import sys
from dataclasses import dataclass
from enum import IntEnum

from local.wishes import Wishes


class Floor(IntEnum):
    """Stopping goes from the highest floor to the lowest; what stands on a floor stops together."""

    DATABASE = 10
    BROKER = 20
    RELAY = 30
    WORKERS = 40
    EDGES = 50


@dataclass(frozen=True)
class Part:
    """One long-running process of ours: a module run by this Python.

    Attributes:
        patience: seconds it may take to stop before it is killed.
        demo_only: started only in a demo, and last: once the doors answer.
    """

    name: str
    words: tuple[str, ...]
    floor: Floor
    patience: int = 15
    demo_only: bool = False

    @property
    def command(self) -> list[str]:
        """The words that start it, tied to the supervisor so that it cannot outlive it."""
        return [
            sys.executable,
            "-m",
            "local.leash",
            "TERM",
            "--",
            sys.executable,
            "-m",
            *self.words,
        ]


PARTS = (
    Part("relay", ("streams", "relay"), Floor.RELAY),
    Part("watch", ("streams", "watch"), Floor.RELAY),
    Part("w1", ("streams", "worker", "--name", "w1"), Floor.WORKERS, patience=25),
    Part("w2", ("streams", "worker", "--name", "w2"), Floor.WORKERS, patience=25),
    Part("api", ("api", "serve"), Floor.EDGES),
    Part("gateway", ("streams", "gateway"), Floor.EDGES),
    Part("traffic", ("demo", "traffic"), Floor.EDGES, demo_only=True),
)


@dataclass(frozen=True)
class Once:
    """A command run once at each start; running it again changes nothing."""

    name: str
    words: tuple[str, ...]

    @property
    def command(self) -> list[str]:
        """The words that run it."""
        return [sys.executable, "-m", *self.words]


MIGRATE = Once("migrate", ("incidents", "migrate"))
TOPICS = Once("topics", ("streams", "topics"))
SEED_DEMO = Once("seed", ("demo", "seed"))
SEED_EMPTY = Once("seed", ("incidents", "seed"))


@dataclass(frozen=True)
class Door:
    """Where a part answers when it is ready: it must say 200, or with `any_answer` merely not fail."""

    part: str
    port: int
    path: str
    any_answer: bool = False


@dataclass(frozen=True)
class Plan:
    """What one system consists of beside its database and its broker."""

    parts: tuple[Part, ...] = ()
    for_database: tuple[Once, ...] = ()
    for_broker: tuple[Once, ...] = ()
    doors: tuple[Door, ...] = ()


def plan(wishes: Wishes) -> Plan:
    """The whole system, as the operator wished it."""
    demo = wishes.demo != "0"
    return Plan(
        parts=tuple(part for part in PARTS if demo or not part.demo_only),
        for_database=(MIGRATE, SEED_DEMO if demo else SEED_EMPTY),
        for_broker=(TOPICS,),
        doors=(
            Door("api", wishes.api_port, "/readyz"),
            Door("gateway", wishes.gateway_port, "/", any_answer=True),
        ),
    )
