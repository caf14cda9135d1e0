"""Rounds 合批: requests that wait at the same moment are served in one go, by one hand, on one connection.

Who comes alone is served alone and waits for nobody. While the hands are full, what comes in gathers, and goes as the next
round: the busier the desk, the more are served for one trip to the database and one commit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import gauges
from api.parts import Parts
from incidents.postgres.connection import Connection, Lent
from incidents.postgres.rounds import Apart, Round

HANDS = 2
"""Rounds on their way at once: while the database keeps one, the next is thought about."""
MOST = 16
"""Requests in one round: more, and everybody waits for one round while the other hand has nothing to do."""

Endpoint = Callable[..., Response]
_Outcome = Response | Exception
"""An answer or a refusal; Apart for what is to be done by itself."""


@dataclass(frozen=True, slots=True)
class _Call:
    endpoint: Endpoint
    values: Mapping[str, Any]
    answer: asyncio.Future[Response]

    @property
    def seen(self) -> tuple[str, int | None] | None:
        """The incident it is about, and the version it was decided on (None: any, or not said as it should be)."""
        number = self.values.get("number")
        if number is None:
            return None
        version = (self.values.get("if_match") or "").strip().strip('"').removeprefix("v")
        return number, int(version) if version.isdecimal() else None

    @property
    def key(self) -> tuple[str, str] | None:
        """Whose Idempotency-Key it came with."""
        key = self.values.get("key")
        return None if key is None else (self.values["caller"].name, key)


class Rounds:
    """Serves calls of endpoints that take `parts` and, through their ledger, keep one thing at the end.

    Each is answered as if alone. What turns out to need more (photos, a neighbourhood to lock, a key answered before,
    another's quicker hand) comes to nothing in the round and is then done by itself, from its beginning.
    """

    def __init__(self, hands: int = HANDS, most: int = MOST) -> None:
        self._waiting: deque[_Call] = deque()
        self._hands = hands
        self._most = most
        self._at_work: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(hands, thread_name_prefix="round")

    async def serve(self, endpoint: Endpoint, values: Mapping[str, Any]) -> Response:
        """What the endpoint answers or raises."""
        call = _Call(endpoint, values, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if len(self._at_work) < self._hands:
            hand = asyncio.create_task(self._work(), name="round")
            self._at_work.add(hand)
            hand.add_done_callback(self._at_work.discard)
        try:
            return await call.answer
        except Apart:
            return await run_in_threadpool(endpoint, **values)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            calls = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            try:
                outcomes = await loop.run_in_executor(self._threads, _served, calls)
            except Exception as fault:  # noqa: BLE001 - whatever it is, it is what each is told
                outcomes = [fault] * len(calls)
            for call, outcome in zip(calls, outcomes, strict=True):
                if call.answer.done():  # nobody waits any more
                    continue
                if isinstance(outcome, Exception):
                    call.answer.set_exception(outcome)
                else:
                    call.answer.set_result(outcome)


def _served(calls: list[_Call]) -> list[_Outcome]:
    gauges.ROUNDS.observe(len(calls))
    if len(calls) == 1:
        return [_outcome(calls[0])]
    parts: Parts = calls[0].values["parts"]
    seen = [one for call in calls if (one := call.seen) is not None]
    with Lent(parts.pool) as connection:
        round_ = Round(connection, parts.numbers, parts.recent, len(calls) - len(seen))
        round_.bring(seen)
        told = round_.answered([key for call in calls if (key := call.key) is not None])
        gathered = parts.for_round(round_, cast(Connection, _Asking(connection)))
        noted: list[range] = []
        outcomes: list[_Outcome] = []
        for call in calls:
            since = len(round_)
            key = call.key
            outcomes.append(Apart() if key in told else _outcome(call, parts=gathered))
            if key is not None:  # the same once more is told what the first was
                told.add(key)
            if isinstance(outcomes[-1], Exception):
                round_.forget(since)
            noted.append(range(since, len(round_)))
        kept = round_.keep()
    return [
        outcome if all(kept[place] for place in places) else Apart()
        for outcome, places in zip(outcomes, noted, strict=True)
    ]


def _outcome(call: _Call, **instead: Any) -> _Outcome:
    try:
        return call.endpoint(**{**call.values, **instead})
    except Exception as fault:  # noqa: BLE001 - one's fault is not the others'
        return fault


class _Asking:
    """A connection that is only asked: whoever wants a transaction of his own does it by himself."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, *asked: Any, **more: Any) -> Any:
        return self._connection.execute(*asked, **more)

    def __getattr__(self, name: str) -> Any:
        raise Apart(name)
