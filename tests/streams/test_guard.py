"""Three fates: waited for in place, set aside, or the end of the process; never an exception to Faust."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import psycopg
import pytest

from incidents.postgres.connection import Connection
from incidents.postgres.intake import Books
from streams.guard import Guard, Patience
from streams.intake import Gap, Outcome
from streams.message import Message
from tests.streams.builders import READINGS, messages

P = (READINGS, 0)


class Ended(BaseException):
    """os._exit, as far as a test goes."""


class Scene:
    """A guard whose step does what is scripted, one entry a call."""

    def __init__(self, *script: Exception | Outcome, patience: Patience | None = None) -> None:
        self.script = list(script)
        self.slept: list[float] = []
        self.connections = 0
        self.why = ""
        self.guard = Guard(
            self.step, self.connect, self.halt, patience or Patience(), self.slept.append
        )

    def step(self, connection: Connection, batch: Sequence[Message]) -> Outcome:
        done = self.script.pop(0)
        if isinstance(done, Exception):
            raise done
        return done

    def connect(self) -> Connection:
        self.connections += 1
        return Line()  # type: ignore[return-value]

    def halt(self, why: str) -> NoReturn:
        self.why = why
        raise Ended

    def run(self) -> None:
        self.guard.run(messages(b""))


class Line:
    """A connection that is there."""

    closed = False
    broken = False

    def close(self) -> None:
        self.closed = True


def good() -> Outcome:
    return Outcome({P: Books(messages=1)})


def unreadable() -> Outcome:
    return Outcome({P: Books(messages=1, quarantined=1)})


def failed() -> Outcome:
    return Outcome({P: Books(messages=1, quarantined=1)}, failed=1, last_fault="it broke")


def test_while_the_database_is_away_the_batch_waits_in_place_with_longer_and_longer_pauses() -> (
    None
):
    away = [psycopg.OperationalError("gone") for _ in range(6)]
    scene = Scene(*away, good(), patience=Patience(pauses=(1.0, 2.0, 5.0)))

    scene.run()

    assert scene.slept == [1.0, 2.0, 5.0, 5.0, 5.0, 5.0]
    assert scene.connections == 7
    assert scene.guard.waiting_for is None
    assert scene.guard.total.total("messages") == 1


@pytest.mark.parametrize(
    "fault", [Gap(P, 3, 5), psycopg.ProgrammingError("no table"), KeyError("ours")]
)
def test_a_gap_or_a_fault_of_ours_ends_the_process_with_its_reason(fault: Exception) -> None:
    scene = Scene(fault)

    with pytest.raises(Ended):
        scene.run()

    assert str(fault) in scene.why


def test_many_failures_in_a_row_end_the_process_for_we_suspect_ourselves() -> None:
    scene = Scene(*(failed() for _ in range(4)), patience=Patience(most_failed=3))

    for _ in range(3):
        scene.run()
    with pytest.raises(Ended):
        scene.run()

    assert "it broke" in scene.why


def test_one_good_message_restores_the_trust() -> None:
    scene = Scene(failed(), failed(), good(), failed(), failed(), patience=Patience(most_failed=2))

    for _ in range(5):
        scene.run()

    assert scene.why == ""


def test_messages_nobody_can_read_are_the_senders_fault_and_believed_much_longer() -> None:
    scene = Scene(
        *(unreadable() for _ in range(9)), patience=Patience(most_failed=1, most_unreadable=8)
    )

    for _ in range(8):
        scene.run()
    with pytest.raises(Ended):
        scene.run()
