"""Headers every answer carries: what a page of ours may load (only from us), and that types are meant as told."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def policy(hosts: Sequence[str] = ()) -> str:
    """A Content-Security-Policy: no inline script or style, nothing from outside but pictures from these hosts."""
    pictures = " ".join(("'self' data:", *hosts))
    return (
        f"default-src 'self'; img-src {pictures}; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )


POLICY = policy()
"""Content-Security-Policy of every answer that brings no other: nothing from outside."""

_ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(self)",
}

_RAW = [(name.lower().encode(), value.encode()) for name, value in _ALWAYS.items()]


def guarded(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """An answer's headers, which names none of them itself, with those every answer carries."""
    return headers + _RAW


class Guarding:
    """ASGI middleware that sets them, unless the answer brought its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; the headers go with the answer's first message."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded)
