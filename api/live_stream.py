"""One open stream of changes: where it stands, what it is told next, and when it must end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from api.access import Caller, caller_of
from api.gauges import STREAMS
from api.live import Follower
from api.live_ring import AT_ONCE, TICK_S, Audience, Heard, Ring
from api.problems import Problem

KEEP_ALIVE_S = 15.0
"""A comment is sent after so much silence, so that nobody in between takes the line for dead."""
WELCOME_S = 60.0
"""So often it is asked whether the caller may still listen."""
BEHIND_S = 1.0
"""So long a resumed stream waits for a change that another process has told already."""
RETRY_MS = (1000, 4000)
"""After how long a client comes back, each at its own time: ten thousand phones do not knock at once."""
_KEEP_ALIVE = b": keep-alive\n\n"

Write = Callable[[bytes], Awaitable[None]]


class Stream:
    """Where one stream stands in the ring, and what it sends."""

    def __init__(self, request: Request, caller: Caller, after: int | None, *, mine: bool) -> None:
        parts = request.app.state.parts
        self._request = request
        self._follower: Follower = parts.follower
        self._ring: Ring = self._follower.ring
        self._audience = Audience.of(caller, mine=mine)
        self._group = self._ring.group(self._audience)
        self._after = after
        self._place = 0
        self._gone = False
        self._heard: Heard | None = None
        self._loop = asyncio.get_running_loop()
        # Streams that began together do not end together, nor are they all asked in the same moment.
        minutes: float = parts.settings.api_live_minutes * random.uniform(0.8, 1)
        self._ends = self._loop.time() + 60 * minutes
        self._asked = self._loop.time() + WELCOME_S * random.uniform(0.5, 1)

    def leave(self) -> None:
        """Nobody listens any more."""
        self._gone = True
        if self._heard is not None and not self._heard.done():
            self._heard.set_result(None)

    async def run(self, write: Write) -> None:
        """Send until one of both sides ends."""
        await write(b"retry: %d\n\n" % random.randint(*RETRY_MS))
        while not await self._follower.caught_up(KEEP_ALIVE_S):
            if self._over:
                return
            await write(_KEEP_ALIVE)
        await self._begin(write)
        written = self._loop.time()
        while not self._over:
            chunk = self._take()
            now = self._loop.time()
            if not chunk and now - written >= KEEP_ALIVE_S - TICK_S / 2:
                chunk = _KEEP_ALIVE
            if chunk:
                await write(chunk)
                written = now
            elif now >= self._asked and not await self._still_welcome():
                return
            else:
                await self._wait()

    @property
    def _over(self) -> bool:
        return self._gone or self._ring.closed or self._loop.time() >= self._ends

    async def _wait(self) -> None:
        """For something new. Who hears of one circle only is told where that is, and has missed nothing before it."""
        circle = self._audience.circle
        found = await self._hear(circle)
        if circle is not None:
            self._place = max(self._place, self._ring.shown if found is None else found)

    def _hear(self, circle: str | None) -> Heard:
        heard = self._heard = self._loop.create_future()
        self._ring.listen(circle, heard)
        return heard

    async def _begin(self, write: Write) -> None:
        """Find the place, and tell what was missed: from the ring, else from Kafka, else the word that it is lost."""
        ring, after = self._ring, self._after
        if after is not None and after > ring.head:
            await self._let_catch_up(after)
        self._place = ring.next
        # An id without data is taken by the client as its Last-Event-ID and shown to nobody.
        head = ring.head if after is None else after
        if head >= 0:
            await write(b"id: %d\n\n" % head)
        if after is None:
            return
        place = ring.after(after) if after <= ring.head else None
        if place is not None:
            self._place = place
        else:
            await self._read_back(after, write)

    async def _let_catch_up(self, after: int) -> None:
        """Another process may have been a moment ahead of this one."""
        limit = self._loop.time() + BEHIND_S
        while self._ring.head < after and self._loop.time() < limit and not self._over:
            await asyncio.wait({self._hear(None)}, timeout=BEHIND_S)

    async def _read_back(self, after: int, write: Write) -> None:
        past = None if after > self._ring.head else await self._follower.read_back(after)
        place = None if past is None else self._ring.after(past.until)
        if past is None or place is None:
            self._place = self._ring.next
            await write(self._reset())
            return
        missed = past.behind(after)
        for begin in range(0, len(missed), AT_ONCE):
            chunk = self._audience.frames(missed[begin : begin + AT_ONCE])
            if chunk:
                await write(chunk)
        self._place = place

    def _take(self) -> bytes:
        """What is new since last time and theirs; the word of a loss when the ring overtook us."""
        ring = self._ring
        if self._place >= ring.shown:
            return b""
        if self._place < ring.first:
            self._place = ring.next
            return self._reset()
        chunk, self._place = ring.told(self._place, self._audience, self._group)
        return chunk

    def _reset(self) -> bytes:
        told = (
            '{"reason":"missed","zh":"部分变更已错过，请重新读取列表","en":"read the list again"}'
        )
        return f"id: {self._ring.head}\nevent: reset\ndata: {told}\n\n".encode()

    async def _still_welcome(self) -> bool:
        self._asked = self._loop.time() + WELCOME_S
        try:
            caller = await caller_of(self._request)
        except Problem:
            return False
        return caller.role is self._audience.caller.role


class Line(StreamingResponse):
    """A stream as an answer; Starlette's own takes a generator and two more tasks, ten thousand times."""

    def __init__(self, stream: Stream) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__((), media_type="text/event-stream", headers=headers)
        self._stream = stream

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Send until one of both sides ends."""
        assert scope["type"] == "http"

        async def write(chunk: bytes) -> None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

        STREAMS.inc()
        hearing = asyncio.create_task(self._hear(receive))
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            await self._stream.run(write)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            hearing.cancel()
            STREAMS.dec()

    async def _hear(self, receive: Receive) -> None:
        await self.listen_for_disconnect(receive)
        self._stream.leave()
