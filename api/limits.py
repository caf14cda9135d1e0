"""How large a request may be: refused by its announced length, or as soon as it turns out longer."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import answer


class Limiting:
    """ASGI middleware: 413 as a problem for a body over `largest` bytes, announced or not.

    `elsewhere` gives single addresses a limit of their own.
    """

    def __init__(
        self, app: ASGIApp, largest: int, elsewhere: Mapping[str, int] | None = None
    ) -> None:
        self._app = app
        self._largest = largest
        self._elsewhere = dict(elsewhere or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on while it keeps within the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        largest = self._elsewhere.get(scope["path"], self._largest)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > largest:
            await self._refuse(scope, receive, send, largest)
            return
        body = _Body(receive, largest)
        refused = False

        async def sent(message: Message) -> None:
            nonlocal refused
            if not body.over:
                await send(message)
            elif not refused:  # whatever the application made of the broken-off body
                refused = True
                await self._refuse(scope, receive, send, largest)

        try:
            await self._app(scope, body.receive, sent)
        except _TooLarge:  # nobody in the application reads a body so that it would have noticed
            if not refused:
                await self._refuse(scope, receive, send, largest)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, largest: int) -> None:
        megabytes = largest // (1024 * 1024)
        response = answer(
            413,
            "too_large",
            (f"请求体超过 {megabytes} MiB", f"the body is larger than {megabytes} MiB"),
            {"Connection": "close"},
        )
        await response(scope, receive, send)


class _Body:
    """A body that is counted while it is read, and broken off with _TooLarge."""

    def __init__(self, receive: Receive, largest: int) -> None:
        self._receive = receive
        self._left = largest
        self.over = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        self.over = self.over or self._left < 0
        if self.over:
            raise _TooLarge
        return message


class _TooLarge(Exception):
    """Breaks off the reading of a body."""
