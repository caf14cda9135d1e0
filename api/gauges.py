"""What Prometheus may read of the API: requests by route template, and a middleware that counts them."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from incidents.calendar import WorkingCalendar
from incidents.calendar_outlook import outlook

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
REQUESTS = Counter(
    "yiwang_api_requests",
    "Requests answered, by method, route template and status.",
    ("method", "route", "status"),
    registry=REGISTRY,
)
SECONDS = Histogram(
    "yiwang_api_seconds",
    "Seconds from a request's arrival to its last byte, by method and route template; live streams excepted.",
    ("method", "route"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
STREAMS = Gauge("yiwang_api_live_streams", "Live streams open now.", registry=REGISTRY)
CONFIRMED = Gauge(
    "yiwang_calendar_confirmed_until_seconds",
    "End of the last day whose holidays and make-up days are confirmed, seconds since 1970; 0 for none.",
    registry=REGISTRY,
)
MISSING = Gauge(
    "yiwang_calendar_missing_years",
    "Years whose holidays somebody has to confirm now; from 1 November on next year counts.",
    registry=REGISTRY,
)
SLOW_READERS = Counter(
    "yiwang_api_slow_readers",
    "Connections hung up on because the other side did not read.",
    registry=REGISTRY,
)
ROUNDS = Histogram(
    "yiwang_api_round_requests",
    "Reports and moves served together in one round.",
    buckets=(1, 2, 4, 8, 16, 32),
    registry=REGISTRY,
)
FACTS = Counter("yiwang_api_live_facts", "Facts taken into the live ring.", registry=REGISTRY)


def tell_calendar(calendar: WorkingCalendar, now: datetime) -> None:
    """Set what Prometheus reads of the working calendar."""
    found = outlook(calendar, now)
    MISSING.set(len(found.missing))
    if found.confirmed_until is None:
        CONFIRMED.set(0)
        return
    after = found.confirmed_until + timedelta(days=1)
    CONFIRMED.set(datetime.combine(after, datetime.min.time(), calendar.zone).timestamp())


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
_LIVE = "/api/v1/live"


def note(method: str, route: str, status: int, began: float) -> None:
    """One request answered, under its route's template; `began` by the clock `time.perf_counter`."""
    _requests(method, route, status).inc()
    if route != _LIVE:
        _seconds(method, route).observe(time.perf_counter() - began)


# A child is found by its labels at a price that every request would pay; there are as many as the API has answers.
@cache
def _requests(method: str, route: str, status: int) -> Counter:
    return REQUESTS.labels(method, route, str(status))


@cache
def _seconds(method: str, route: str) -> Histogram:
    return SECONDS.labels(method, route)


class Counting:
    """ASGI middleware: one count per request, under the template, never under the address itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note what was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "(none)")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            note(method, route, status, began)
