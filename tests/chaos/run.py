"""One chaos run: a whole system under load while parts of it are killed and taken away; then quiet, then the books."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.chaos import audit
from tests.chaos.audit import Sent
from tests.chaos.havoc import Blow, Havoc
from tests.chaos.load import CLUSTERED, FILTERED, LEVELS, OPENING, Envelope, Load, Shape
from tests.chaos.people import Office
from tests.journey import books, scene
from tests.journey.books import Line
from tests.journey.machines import HttpMachine, KafkaMachine
from tests.journey.system import WholeSystem, until, whole_system

NOISE = "chaos/matter/noise"
Machine = HttpMachine | KafkaMachine


@dataclass(frozen=True, slots=True)
class Wish:
    """How much of everything."""

    kills: int
    outages: int
    seconds: float
    seed: int
    outage_seconds: tuple[float, float] = (10.0, 30.0)
    rate: float = 12.0
    """Steps of event time (seconds) per second of ours; a step is one reading of every device."""


@dataclass
class Report:
    """What was done and what the books say."""

    lines: list[Line]
    blows: list[Blow]
    told: dict[str, object] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether everything balances."""
        return audit.all_sound(self.lines)


def run(wish: Wish, say: Callable[[str], None] = print) -> Report:
    """The whole run. AssertionError when the system does not start, or does not come to rest afterwards."""
    shape = Shape(seed=wish.seed, steps=max(60, int(wish.seconds * wish.rate)))
    load = Load(shape, begin_ms=_begin(shape))
    with whole_system() as system:
        system.start()
        scene.settle(system.database_url, _bodies(), _places(load))
        say(f"started: {', '.join(system.programs())}")
        sent, havoc = _storm(system, load, wish, say)
        system.wait_running(180)
        _come_to_rest(system, say)
        _send_last(system, load)
        _come_to_rest(system, say)
        lines = audit.sheet(system, sent)
        report = Report(lines, havoc.dealt, _told(load, sent, wish))
        if not report.sound:
            say(system.explain())
        assert system.stop() == 0, system.explain()
        return report


def _begin(shape: Shape) -> int:
    """Event time begins so long ago that its end, tail included, is not in the future."""
    back = 1000 * (shape.steps + 8000)
    now = int(time.time() * 1000) - back
    return now - now % 60_000


def _bodies() -> dict[str, dict[str, object]]:
    rules = [scene.threshold(level, NOISE) for level in LEVELS]
    return {
        "rules": {"rules": [*rules, scene.reported("chaos-events", [OPENING, CLUSTERED])]},
        "routes": {"routes": [scene.automatic_route("noise", [NOISE], "B")]},
        "standards": scene.standards(
            [NOISE, OPENING, CLUSTERED, FILTERED], {CLUSTERED: (30.0, 240 * 60)}
        ),
    }


def _places(load: Load) -> dict[str, tuple[int, int]]:
    """Every second device is registered, the others are only heard of."""
    return {device: (n % 10, n // 10 % 9) for n, (device, _) in enumerate(load.series) if n % 2}


def _storm(
    system: WholeSystem, load: Load, wish: Wish, say: Callable[[str], None]
) -> tuple[Sent, Havoc]:
    """Everything at once: machines, cameras, poison, people, and havoc among them."""
    sent = Sent(load)
    office = Office(system.url("api"))
    havoc = Havoc(
        system,
        random.Random(wish.seed),
        wish.kills,
        wish.outages,
        wish.seconds,
        wish.outage_seconds,
    )
    crew = [
        _Sender(machine, envelopes, wish.seconds)
        for machine, envelopes in _crew(system, load, sent)
    ]
    threads = [threading.Thread(target=member.run, name="sender") for member in crew]
    threads += [threading.Thread(target=office.run, name="office")]
    havoc_thread = threading.Thread(target=havoc.run, name="havoc")
    for thread in (*threads, havoc_thread):
        thread.start()
    havoc_thread.join()
    say("the last blow has fallen; the load ends")
    for thread in threads[:-1]:
        thread.join(900)
    office.stopped.set()
    threads[-1].join(300)
    for member in crew:
        assert member.fault is None, repr(member.fault)
        sent.refused_rows += member.refused
    assert office.fault is None, repr(office.fault)
    sent.walked = office.walked
    return sent, havoc


def _crew(
    system: WholeSystem, load: Load, sent: Sent
) -> Iterator[tuple[Machine, Iterator[Envelope]]]:
    """Who sends what: gateways and cameras in turn by HTTP and by a Kafka client of their own; poison by Kafka."""
    places = [scene.middle(c, r) for r in range(0, 9, 2) for c in range(0, 10, 2)]
    streams = [load.readings(number) for number in range(load.shape.gateways)]
    streams += [load.camera_events(number, places) for number in range(load.shape.cameras)]
    for number, stream in enumerate(streams):
        if number % 2:
            yield KafkaMachine(system.bootstrap), stream
        else:
            yield HttpMachine(system.url("gateway"), scene.token_of("machines")), stream
    poison = load.poison()
    sent.poison = [envelope.body for envelope in poison]
    yield KafkaMachine(system.bootstrap), iter(poison)


@dataclass
class _Sender:
    """Sends envelopes evenly over a time; late ones at once, none twice unless nobody acknowledged it."""

    machine: Machine
    envelopes: Iterator[Envelope]
    seconds: float
    refused: int = 0
    fault: BaseException | None = None

    def run(self) -> None:
        try:
            whole = list(self.envelopes)
            began = time.monotonic()
            for number, envelope in enumerate(whole):
                due = began + self.seconds * number / len(whole)
                time.sleep(max(0.0, due - time.monotonic()))
                self._send(envelope)
            self.machine.close()
        except BaseException as fault:  # noqa: BLE001 - told to the thread that waits for us
            self.fault = fault

    def _send(self, envelope: Envelope) -> None:
        """Rows the gateway refuses are told at once; those of other clients end in quarantine."""
        answer = self.machine.send(envelope.topic, envelope.source, envelope.body)
        if answer is None:
            self.refused += envelope.refused
        else:
            assert len(answer.json["refused"]) == envelope.refused, answer.body


def _come_to_rest(system: WholeSystem, say: Callable[[str], None]) -> None:
    """Wait until all is taken in, all facts are sent, and nothing changes any more."""
    with system.connect() as connection:
        began = time.monotonic()
        line = books.consumed_line(connection, system.bootstrap, audit.IN)
        say(f"coming to rest: {line.found} of {line.must} messages taken in")
        until(
            lambda: _at_rest(system, connection),
            300,
            lambda: (
                f"no rest: {books.consumed_line(connection, system.bootstrap, audit.IN)}\n{system.explain()}"
            ),
        )
        say(f"at rest after {time.monotonic() - began:.1f} s")


def _send_last(system: WholeSystem, load: Load) -> None:
    """The reading that lets everything be decided; before rest it could overtake what another gateway still says."""
    machine = HttpMachine(system.url("gateway"), scene.token_of("machines"))
    for gateway in range(load.shape.gateways):
        envelope = load.last(gateway)
        machine.send(envelope.topic, envelope.source, envelope.body)
    machine.close()


def _at_rest(system: WholeSystem, connection: books.Reader) -> bool:
    time.sleep(0.3)
    unsent = "select count(*) from outbox where sent_at is null"
    taken = books.consumed_line(connection, system.bootstrap, audit.IN).sound
    return taken and books.number(connection, unsent) == 0


def _told(load: Load, sent: Sent, wish: Wish) -> dict[str, object]:
    """The size of it all, for the record."""
    return {
        "seed": wish.seed,
        "seconds": wish.seconds,
        "readings": sum(len(rows) for rows in load.series.values()),
        "events": len(load.events),
        "poison": len(sent.poison),
        "reports walked": len(sent.walked),
    }
