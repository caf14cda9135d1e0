"""uvicorn as we run it, and the closing of live streams as soon as a signal asks the process to end."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from api.settings import Settings
from api.slow_readers import HangingUp, let_the_kernel_watch

GRACE_S = 4
"""Requests under way get so long to end; the whole stop takes at most five seconds."""
KNOCKING = 4096
"""Connections that may wait to be taken: after a restart everybody comes back at once."""


def serve(settings: Settings) -> bool:
    """Serve until SIGINT or SIGTERM; False when the port is taken or the application does not start."""
    _as_many_connections_as_allowed()
    config = uvicorn.Config(
        "api.__main__:application",
        factory=True,
        host=settings.host,
        port=settings.api_port,
        workers=settings.api_workers,
        loop="uvloop",
        http=HangingUp,
        backlog=KNOCKING,
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=30,
        access_log=False,
        server_header=False,
        # Whoever is believed may say who asked and whether over HTTPS: nobody, unless the operator names him.
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=settings.proxies,
        log_level="info",
    )
    try:
        listening = config.bind_socket()
    except SystemExit:
        return False
    let_the_kernel_watch(listening)
    if settings.api_workers > 1:
        Multiprocess(config, sockets=[listening]).run()
        return True
    server = uvicorn.Server(config)
    with contextlib.suppress(
        KeyboardInterrupt
    ):  # uvicorn raises the signal again when all is closed
        server.run(sockets=[listening])
    return server.started


def _as_many_connections_as_allowed() -> None:
    """Each connection is an open file; many systems allow a process a thousand until it asks for more."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextlib.contextmanager
def on_signal(act: Callable[[], None]) -> Iterator[None]:
    """Within it, SIGTERM and SIGINT call `act` in the running loop before whoever handled them so far.

    uvicorn waits for open connections before it ends the lifespan; an event stream must hear of the end earlier.
    Does nothing outside the main thread, where Python lets nobody set handlers.
    """
    loop = asyncio.get_running_loop()
    before: dict[signal.Signals, Any] = {}

    def heard(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)
        handler = before.get(signal.Signals(number))
        if callable(handler):
            handler(number, frame)

    try:
        for of in (signal.SIGTERM, signal.SIGINT):
            before[of] = signal.signal(of, heard)
    except ValueError:
        pass
    try:
        yield
    finally:
        for of, handler in before.items():
            signal.signal(of, handler)
