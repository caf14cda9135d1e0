"""The machines' door over HTTP: envelopes and rows in, to Kafka, answered only after Kafka has them.

Knows no feed of its own: an outside format is a module of streams/feeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import NoReturn

import msgspec
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from incidents.postgres.accounts import Account
from streams import doorway, snapshots
from streams.admission import Admission, Unadmitted
from streams.doorway import Sender, Taken
from streams.publisher import Publisher, PublishRefused
from streams.settings import Settings
from streams.wire import MAX_ENVELOPE_BYTES, Unreadable

REMEMBERED = 10_000
"""Answers kept for Idempotency-Key; forgotten ones only cost a repeated envelope, which the intake makes nothing of."""
FEEDS: tuple[str, ...] = ()
"""Outside formats this door takes; none yet."""

_PICTURES = "POST /api/v1/media"
_log = structlog.get_logger("streams.gateway")


class _Missing(msgspec.Struct, frozen=True):
    """A picture that an accepted event names in vain: the event's index, what it names, why."""

    index: int
    media: str
    reason: str
    detail: str


class _Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    accepted: int
    refused: list[doorway.Refused]
    media_missing: list[_Missing] = []


class Problem(Exception):
    """An RFC 9457 answer; `more` are members of its own."""

    def __init__(self, status: int, code: str, told: tuple[str, str, str], **more: object) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.title, self.zh, self.en = told
        self.more = more

    def response(self) -> Response:
        """The problem as application/problem+json."""
        body = {
            "type": f"urn:yiwang:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": f"{self.zh} / {self.en}",
            **self.more,
        }
        headers = {}
        if self.status == 503:
            headers["Retry-After"] = "2"
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="yiwang ingest"'
        return Response(msgspec.json.encode(body), self.status, headers, "application/problem+json")


class Gateway:
    """The door's three routes and its limits."""

    def __init__(self, settings: Settings, admission: Admission, publisher: Publisher) -> None:
        self._settings = settings
        self._admission = admission
        self._publisher = publisher
        self._in_flight = 0
        self._answers: OrderedDict[tuple[int, str, bytes], bytes] = OrderedDict()

    def app(self) -> Starlette:
        """The ASGI application; its lifespan holds the producer."""

        @contextlib.asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            async with self._publisher:
                yield

        return Starlette(
            routes=[
                Route("/livez", self._livez),
                Route("/readyz", self._readyz),
                Route("/ingest/v1/readings", self._guarded(doorway.readings), methods=["POST"]),
                Route("/ingest/v1/events", self._guarded(doorway.events), methods=["POST"]),
                Route("/ingest/v1/{feed}", self._unknown_feed, methods=["POST"]),
            ],
            lifespan=lifespan,
        )

    async def _livez(self, _: Request) -> Response:
        return Response(b'{"alive":true}', media_type="application/json")

    async def _readyz(self, _: Request) -> Response:
        kafka = self._publisher.ready
        database = await asyncio.to_thread(self._admission.database_answers)
        body = {"kafka": kafka, "database": database}
        status = 200 if kafka and database else 503
        return Response(msgspec.json.encode(body), status, media_type="application/json")

    async def _unknown_feed(self, request: Request) -> Response:
        known = ["readings", "events", *FEEDS]
        zh, en = f"可用的有：{'、'.join(known)}", f"known feeds: {', '.join(known)}"
        if request.path_params["feed"] == "media":
            zh, en = f"图片请送接口进程的 {_PICTURES}", f"pictures go to the API: {_PICTURES}"
        told = ("没有这种格式 / no such feed", zh, en)
        return Problem(
            404, "feed_unknown", told, feed=request.path_params["feed"], known=known
        ).response()

    def _guarded(self, read: Callable[[bytes, Sender], Taken]) -> Callable[[Request], object]:
        async def route(request: Request) -> Response:
            if self._in_flight >= self._settings.gateway_in_flight:
                return _full().response()
            self._in_flight += 1
            try:
                return await self._ingest(request, read)
            except Problem as problem:
                return problem.response()
            except ClientDisconnect:
                return Response(status_code=400)
            finally:
                self._in_flight -= 1

        return route

    async def _ingest(self, request: Request, read: Callable[[bytes, Sender], Taken]) -> Response:
        account = await self._admitted(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            told = ("格式不支持 / unsupported", "请用 application/json", "send application/json")
            raise Problem(415, "media_type", told)
        body = await _body(request)
        key = request.headers.get("idempotency-key", "")
        mark = (account.id, key, hashlib.sha256(body).digest())
        if key and mark in self._answers:
            return Response(self._answers[mark], 202, media_type="application/json")
        batch = key if 0 < len(key) <= 100 and key.isprintable() else uuid.uuid4().hex
        taken = _read(read, body, Sender(account.name, batch, datetime.now(UTC)))
        missing = await self._missing(taken, account)
        await self._publish(taken, account)
        taken.refused.sort(key=lambda one: one.index)
        answer = msgspec.json.encode(_Answer(taken.accepted, taken.refused, missing))
        if key:
            self._remember(mark, answer)
        return Response(answer, 202, media_type="application/json")

    async def _admitted(self, request: Request) -> Account:
        try:
            return await self._admission.admit(request.headers.get("authorization", ""))
        except Unadmitted as no:
            raise Problem(no.status, no.code, no.told) from no

    async def _missing(self, taken: Taken, account: Account) -> list[_Missing]:
        """Pictures that the events name in vain, told at once; the intake asks again and has the last word."""
        if not taken.pictures:
            return []
        ids = {named for _, named in taken.pictures if snapshots.is_id(named)}
        found = await self._admission.pictures(sorted(ids)) if ids else {}
        if found is None:
            return []
        told = []
        for index, named in taken.pictures:
            reason = snapshots.fault(named, found, account.name)
            if reason is not None:
                told.append(_Missing(index, named[:64], reason, snapshots.REASONS[reason]))
        return told

    async def _publish(self, taken: Taken, account: Account) -> None:
        try:
            await self._publisher.publish(
                taken.topic,
                taken.key,
                taken.values,
                self._settings.gateway_patience_s,
                [(snapshots.ACCOUNT, account.name.encode())],
            )
        except PublishRefused as no:
            _log.warning("Kafka 未确认 / not acknowledged by Kafka", fault=str(no))
            told = (
                "暂时收不下 / cannot take it now",
                "Kafka 未在限时内确认，请稍后以同样内容重发",
                "Kafka did not acknowledge in time; send the same again later",
            )
            raise Problem(503, "unavailable", told) from no

    def _remember(self, mark: tuple[int, str, bytes], answer: bytes) -> None:
        self._answers[mark] = answer
        while len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)


def _read(read: Callable[[bytes, Sender], Taken], body: bytes, sender: Sender) -> Taken:
    try:
        taken = read(body, sender)
    except Unreadable as fault:
        zh, _, en = fault.detail.partition(" / ")
        status = 413 if fault.reason == "too_large" else 422
        told = ("内容读不懂 / unreadable", zh, en)
        raise Problem(status, fault.reason, told) from fault
    if not taken.accepted:
        told = ("没有一行可收 / nothing to take", "各行均被拒收，原因见 refused", "see refused")
        refused = msgspec.to_builtins(taken.refused)
        raise Problem(422, "nothing_accepted", told, refused=refused)
    return taken


async def _body(request: Request) -> bytes:
    """The body, as long as it is not too large; 413 as soon as that shows."""
    size = 0
    parts: list[bytes] = []
    async for part in request.stream():
        size += len(part)
        if size > MAX_ENVELOPE_BYTES:
            told = (
                "内容过大 / too large",
                f"不得超过 {MAX_ENVELOPE_BYTES} 字节，请分批发送",
                f"at most {MAX_ENVELOPE_BYTES} bytes; send it in parts",
            )
            raise Problem(413, "too_large", told)
        parts.append(part)
    return b"".join(parts)


def _full() -> Problem:
    told = (
        "忙 / busy",
        "同时等待的请求已满，请稍后重发",
        "too many requests are waiting; come back",
    )
    return Problem(503, "full", told)


def run(settings: Settings) -> NoReturn:
    """Serve until told to stop."""
    gateway = Gateway(settings, Admission(settings.database_url), Publisher(settings))
    uvicorn.run(
        gateway.app(),
        host=settings.host,
        port=settings.gateway_port,
        log_config=None,
        access_log=False,
        loop="uvloop",
        timeout_graceful_shutdown=10,
    )
    raise SystemExit(0)
