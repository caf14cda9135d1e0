"""Who does not read what he is sent is hung up on, so that nobody's silence fills our memory.

A live stream keeps one place in the ring and nothing else, whatever its reader does; what is on its way to him is the
transport's. He comes back with Last-Event-ID and misses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.gauges import SLOW_READERS

_log = logging.getLogger(__name__)

LEAST = 4096
"""Bytes to be taken in the time of patience by whom we go on waiting for."""
UNHEARD_S = 45
"""After this without a sign of the other side's computer the kernel ends a connection: a phone that went into a cellar."""


class HangingUp(HttpToolsProtocol):
    """uvicorn's protocol, that waits only so long for a reader who lets its write buffer stand full."""

    patience_s: ClassVar[float] = 30.0
    """Set by the composer."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._left = 0

    def pause_writing(self) -> None:
        """The write buffer is full."""
        super().pause_writing()
        if self._timer is None:
            self._wait()

    def resume_writing(self) -> None:
        """There is room again."""
        self._calm()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._calm()
        super().connection_lost(exc)

    def _calm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._left = self.transport.get_write_buffer_size()
        self._timer = self.loop.call_later(self.patience_s, self._judge)

    def _judge(self) -> None:
        self._timer = None
        if self._left - self.transport.get_write_buffer_size() >= LEAST:
            self._wait()
            return
        SLOW_READERS.inc()
        _log.warning(
            "客户端 %s 在 %.0f 秒内没有读取，连接已断开 / did not read and was hung up on",
            self.client,
            self.patience_s,
        )
        self.transport.abort()


def let_the_kernel_watch(listening: socket.socket) -> None:
    """Connections taken from here end when the other computer gives no sign; where the system knows of it."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        listening.setsockopt(socket.IPPROTO_TCP, option, UNHEARD_S * 1000)
