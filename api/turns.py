"""Who comes by the thousand is let in a few at a time, so that nobody else waits behind them."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Turns:
    """ASGI middleware, outermost: of one address only so many requests are begun at once; the others wait in line.

    A request is begun when its answer begins: a stream that stands takes no turn. To look who asks, what he may and
    where he was costs a millisecond or two each; after a restart ten thousand phones would be that far ahead of a desk.
    """

    def __init__(self, app: ASGIApp, path: str, at_once: int) -> None:
        self._app = app
        self._path = path
        self._turn = asyncio.Semaphore(at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, in its turn if it is of that address."""
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        await self._turn.acquire()
        waiting = True

        async def begun(message: Message) -> None:
            nonlocal waiting
            if waiting:
                waiting = False
                self._turn.release()
            await send(message)

        try:
            await self._app(scope, receive, begun)
        finally:
            if waiting:
                self._turn.release()
