"""A browser that watches itself: every console error, page error and request to another host is kept and judged."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from local import browser

WORDS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
)
"""As on a wall without a graphics card: everything is drawn by the processor."""


@dataclass
class Watched:
    """A page and what went wrong on it so far."""

    page: Page
    host: str
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """Parts of error messages that a test brings about itself, such as a server that is gone."""

    def listen(self) -> None:
        """Begin to watch."""
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda fault: self.errors.append(f"page error: {fault}"))
        self.page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} @ {message.location.get('url', '')}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        self.requests.append(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.netloc != self.host:
            self.outside.append(request.url)

    def unexpected(self) -> list[str]:
        """Errors that nobody brought about."""
        return [e for e in self.errors if not any(part in e for part in self.expected)]

    def check(self) -> None:
        """Nothing went wrong, and nothing was asked of another host."""
        assert not self.outside, self.outside
        assert not self.unexpected(), self.unexpected()


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium under Playwright."""
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=browser.find(), args=list(WORDS))
        try:
            yield opened
        finally:
            opened.close()


@contextlib.contextmanager
def watched(opened: Browser, url: str, **context: Any) -> Iterator[Watched]:
    """A fresh page under watch, as a person with an empty browser has it; checked at its end.

    Args:
        opened: the browser.
        url: where our server is.
        context: what Playwright calls a context's options: viewport, locale, …
    """
    given = {"viewport": {"width": 1920, "height": 1080}, "locale": "zh-CN", **context}
    inside = opened.new_context(timezone_id="Asia/Shanghai", **given)
    seen = Watched(inside.new_page(), urlsplit(url).netloc)
    seen.listen()
    try:
        yield seen
        seen.check()
    finally:
        inside.close()
