"""GET /live: the changes a caller may see, as server-sent events that can be resumed without gap or double."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from api.access import SCREENS, Caller, allow, caller_of
from api.live import Change, Follower, Ring
from api.problems import Problem

router = APIRouter(prefix="/api/v1", tags=["live 实时"])

KEEP_ALIVE_S = 15.0
"""A comment is sent after so much silence, so that nobody in between takes the line for dead."""
BETWEEN_WRITES_S = 0.2
"""At most five writes a second and client; what comes meanwhile travels together."""
_AT_ONCE = 1000


@router.get(
    "/live",
    summary="案件变更 Incident changes as they happen",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def live(
    request: Request,
    caller: Annotated[Caller, allow(SCREENS)],
    mine: Annotated[
        bool,
        Query(
            description="只要本人上报或核查的 only what I reported or inspect; a phone pays by the byte"
        ),
    ] = False,
    last_event_id: Annotated[
        str | None, Header(description="从这一事件之后继续 resume behind this event's id")
    ] = None,
) -> StreamingResponse:
    """`event: incident` carries a fact; `event: reset` says that changes were missed and the list must be read again.

    The token travels in the Authorization header, so a page reads the stream with `fetch`, not with EventSource.
    A stream ends itself after some minutes and at shutdown; reconnect with Last-Event-ID.
    """
    follower: Follower = request.app.state.parts.follower
    stream = _Stream(request, (caller, mine), follower, _after(last_event_id))
    return StreamingResponse(
        stream.frames(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _after(last_event_id: str | None) -> int | None:
    if last_event_id is None or not last_event_id.strip():
        return None
    text = last_event_id.strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise Problem(
            422,
            "invalid",
            ("Last-Event-ID 须为此前事件的 id", "Last-Event-ID is the id of an event sent before"),
            errors=[
                {"in": "header", "pointer": "/Last-Event-ID", "code": "not_an_id", "detail": text}
            ],
        )
    return int(text)


class _Stream:
    """One open stream: where it stands in the ring and when it must end."""

    def __init__(
        self,
        request: Request,
        who: tuple[Caller, bool],
        follower: Follower,
        after: int | None,
    ) -> None:
        self._request = request
        self._caller, self._mine = who
        self._follower = follower
        self._scope = self._caller.scope
        self._ring: Ring = follower.ring
        self._after = after
        self._place = self._ring.next
        minutes: float = request.app.state.parts.settings.api_live_minutes
        self._ends = time.monotonic() + 60 * minutes

    async def frames(self) -> AsyncIterator[bytes]:
        """What is sent, write by write."""
        head = self._ring.head if self._after is None else self._after
        # An id without data is taken by the client as its Last-Event-ID and shown to nobody.
        yield b"retry: 2000\n" + (b"id: %d\n\n" % head if head >= 0 else b"\n")
        if self._after is not None:
            async for chunk in self._resumed(self._after):
                yield chunk
        written = time.monotonic()
        while not self._ring.closed and time.monotonic() < self._ends:
            chunk = self._take()
            if chunk:
                yield chunk
                written = time.monotonic()
                await asyncio.sleep(BETWEEN_WRITES_S)
            elif time.monotonic() - written >= KEEP_ALIVE_S:
                if not await self._still_welcome():
                    return
                yield b": keep-alive\n\n"
                written = time.monotonic()
            elif self._place >= self._ring.next:
                until = min(written + KEEP_ALIVE_S, self._ends)
                await self._ring.news(max(0.0, until - time.monotonic()) + 0.01)

    async def _resumed(self, after: int) -> AsyncIterator[bytes]:
        """What was missed: from the ring, else from Kafka, else the word that it is lost."""
        place = self._ring.after(after) if after <= self._ring.head else None
        if place is not None:
            self._place = place
            return
        self._place = self._ring.first
        until = (
            self._ring.at(self._place).offset
            if self._place < self._ring.next
            else self._ring.head + 1
        )
        missed = None if after > self._ring.head else await self._follower.read_back(after, until)
        if missed is None:
            self._place = self._ring.next
            yield self._reset()
            return
        chunk = b"".join(c.frame(self._caller) for c in missed if self._wanted(c))
        if chunk:
            yield chunk

    def _take(self) -> bytes:
        """The frames since last time that this caller may see; the word of a loss when the ring overtook us."""
        ring = self._ring
        if self._place < ring.first:
            self._place = ring.next
            return self._reset()
        upto = min(ring.next, self._place + _AT_ONCE)
        changes: list[Change] = [ring.at(place) for place in range(self._place, upto)]
        self._place = upto
        return b"".join(c.frame(self._caller) for c in changes if self._wanted(c))

    def _wanted(self, change: Change) -> bool:
        if self._mine and not change.concerns(self._caller.name):
            return False
        return change.within(self._scope)

    def _reset(self) -> bytes:
        told = (
            '{"reason":"missed","zh":"部分变更已错过，请重新读取列表","en":"read the list again"}'
        )
        return f"id: {self._ring.head}\nevent: reset\ndata: {told}\n\n".encode()

    async def _still_welcome(self) -> bool:
        try:
            return (await caller_of(self._request)).role is self._caller.role
        except Problem:
            return False
