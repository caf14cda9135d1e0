"""Composes the API: opens its parts, adds its routes, and refuses to start when a route does not say who may call it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable

from fastapi import FastAPI
from psycopg_pool import ConnectionPool
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from api import (
    access,
    admin_routes,
    base_map_routes,
    device_routes,
    dispatch_routes,
    duty_routes,
    evaluation_routes,
    grid_routes,
    handover_routes,
    health_routes,
    incident_routes,
    live_routes,
    login_routes,
    media_routes,
    openapi,
    page_routes,
    problems,
    rehearsal_routes,
    report_routes,
    standards_routes,
    tile_routes,
    wall_map_routes,
    wall_routes,
)
from api.access import Doorkeeper
from api.express import Express
from api.gauges import Counting
from api.headers import Guarding
from api.in_force import InForce
from api.limits import Limiting
from api.live import Follower
from api.live_ring import Ring
from api.objects import Objects
from api.parts import Parts
from api.server import on_signal
from api.settings import Settings
from api.slow_readers import HangingUp
from api.turns import Turns
from api.uploads import FORM_ROOM
from api.version import version
from incidents.postgres import accounts, sessions, views
from incidents.postgres.accounts import Account
from incidents.postgres.connection import Connection
from incidents.postgres.connection import pool as make_pool
from incidents.postgres.numbers import Numbers
from incidents.postgres.sessions import Limits, Session

LARGEST_BODY = 8 * 1024 * 1024
"""Bytes: a hundred thousand places to locate, with room to spare."""

ROUTERS = (
    # The busiest first: routes are tried in their order.
    incident_routes.router,
    report_routes.router,
    wall_routes.router,
    wall_map_routes.router,
    grid_routes.router,
    tile_routes.router,
    base_map_routes.router,
    device_routes.router,
    live_routes.router,
    login_routes.router,
    media_routes.router,
    health_routes.router,
    admin_routes.router,
    standards_routes.router,
    dispatch_routes.router,
    duty_routes.router,
    evaluation_routes.router,
    handover_routes.router,
    rehearsal_routes.router,
    page_routes.router,
)

RUSH = (("POST", "/api/v1/incidents/{number}/moves"), ("POST", "/api/v1/reports"))
"""What a desk does all day: answered by the shortest way (express)."""


class _City(FastAPI):
    """The application, with the short way of the rush hour before it."""

    short: Express | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.short or self.ordinary)(scope, receive, send)

    async def ordinary(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Through everything the framework puts around an endpoint."""
        await super().__call__(scope, receive, send)


COMING_IN = 2
"""Live streams being opened at once; what stands already does not count. More only get in each other's way: ten thousand
came in later with six, and others waited six times as long."""


def create_app(settings: Settings) -> FastAPI:
    """The application; nothing is opened before its lifespan begins. AccessUndeclared if a route keeps silent."""
    app = _City(
        title="一网 Yiwang",
        version=version(),
        lifespan=_lifespan(settings),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for router in ROUTERS:
        app.include_router(router)
    problems.install(app)
    photos = {"/api/v1/media": settings.media_largest + FORM_ROOM}
    app.add_middleware(Limiting, largest=LARGEST_BODY, elsewhere=photos)
    app.add_middleware(Guarding)
    app.add_middleware(Counting)
    app.add_middleware(Turns, path="/api/v1/live", at_once=COMING_IN)
    app.short = Express(app.ordinary, app, RUSH)
    app.state.access = access.table(app)
    openapi.install(app)
    return app


def _lifespan(
    settings: Settings,
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        parts = _opened(settings)
        app.state.parts = parts
        # Both pools connect in the background: a database that is away makes 503s, not a process that dies.
        parts.pool.open(wait=False)
        parts.numbers_pool.open(wait=False)
        await run_in_threadpool(parts.keep_fresh)
        tasks = [
            asyncio.create_task(parts.follower.run(), name="follower"),
            asyncio.create_task(parts.follower.ring.tick(), name="tick"),
            asyncio.create_task(_every_second(parts), name="keep fresh"),
            asyncio.create_task(_every_minute(parts), name="photos"),
        ]
        try:
            with on_signal(parts.follower.ring.close):
                yield
        finally:
            await _closed(parts, tasks)

    return lifespan


def _opened(settings: Settings) -> Parts:
    pool = make_pool(settings.database_url, "api", settings.api_connections)
    numbers_pool = make_pool(settings.database_url, "api-numbers", 2, hasty=True)
    ring = Ring(settings.api_live_ring)
    HangingUp.patience_s = settings.api_patience_s
    return Parts(
        settings=settings,
        pool=pool,
        numbers_pool=numbers_pool,
        numbers=Numbers(numbers_pool),
        doorkeeper=Doorkeeper(_finder(pool), _session_finder(pool, settings.limits)),
        in_force=InForce(settings.home / "atlas"),
        follower=Follower(settings.kafka, settings.incidents_topic, ring, settings.api_live_ring),
        objects=Objects.at(settings.media, settings.home),
    )


def _finder(pool: ConnectionPool[Connection]) -> Callable[[str], Account | None]:
    def find(token: str) -> Account | None:
        with pool.connection() as connection:
            return accounts.find(connection, token)

    return find


def _session_finder(pool: ConnectionPool[Connection], limits: Limits) -> sessions.Find:
    def find(id_: str, used: bool) -> Session | None:
        with pool.connection() as connection:
            return sessions.find(connection, id_, limits, used=used)

    return find


async def _every_second(parts: Parts) -> None:
    while True:
        await asyncio.sleep(1)
        await run_in_threadpool(parts.keep_fresh)


async def _every_minute(parts: Parts) -> None:
    while True:
        await asyncio.sleep(60)
        await run_in_threadpool(parts.look_after_photos)


async def _closed(parts: Parts, tasks: list[asyncio.Task[None]]) -> None:
    parts.follower.ring.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    with contextlib.suppress(Exception):
        await run_in_threadpool(_goodbye, parts)
    await run_in_threadpool(parts.rehearsing.close)
    await run_in_threadpool(parts.numbers_pool.close)
    await run_in_threadpool(parts.pool.close)


def _goodbye(parts: Parts) -> None:
    with parts.pool.connection(timeout=1) as connection:
        views.part_gone(connection, f"api-{os.getpid()}", "api")
