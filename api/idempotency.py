"""Idempotency-Key: the same request with the same key is done once and answered the same way for a day.

The answer is kept in the transaction of its effect, so that neither is ever there without the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import Header
from psycopg.errors import UniqueViolation
from starlette.responses import Response

from api.access import Caller
from api.problems import Problem
from grid.errors import CityError
from incidents.postgres import views
from incidents.postgres.connection import Connection
from incidents.postgres.rounds import Answer, Round

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="同一键的同一请求只办理一次 the same request with the same key is done once",
        examples=["0f8f6a9e-7f0e-4b8e-9d5c-2f4f7e1a1c11"],
    ),
]


def once(
    connection: Connection,
    caller: Caller,
    key: str | None,
    request: tuple[str, bytes],
    act: Callable[[], Response],
    round_: Round | None = None,
) -> Response:
    """What `act` answers, in one transaction with its effect; with a key seen before, the answer given then.

    `request` is (method and path, body). 422 when the key belongs to another request, 409 while it is being handled.
    Refusals are not kept: they had no effect and may be tried again. In a round, whose keys are known to be new, effect
    and answer are noted together.
    """
    if key is None:
        with connection.transaction():
            return act()
    digest = hashlib.sha256(request[0].encode() + b"\n" + request[1]).digest()
    if round_ is not None:
        return _noted(round_, caller, key, digest, act)
    try:
        with connection.transaction():
            return _claimed(connection, caller, key, digest, act)
    except (CityError, UniqueViolation):
        # What is sent twice at once may be refused because the other of the two was done: then its answer holds.
        before = views.answered(connection, caller.name, key)
        if before is None:
            raise
        return _again(before, digest)


def _noted(
    round_: Round, caller: Caller, key: str, digest: bytes, act: Callable[[], Response]
) -> Response:
    since = len(round_)
    response = act()
    if len(round_) == since:  # nothing to keep the answer with
        round_.apart()
    kept = _kept(response, digest)
    values = {**kept._asdict(), "request_hash": f"\\x{digest.hex()}"}
    round_.answer(Answer(caller.name, key, **values))
    return response


def _claimed(
    connection: Connection, caller: Caller, key: str, digest: bytes, act: Callable[[], Response]
) -> Response:
    if not views.claim_key(connection, caller.name, key):
        raise Problem(
            409,
            "key_in_flight",
            ("同一幂等键的请求正在办理，请稍后", "a request with this key is being handled"),
            {"Retry-After": "1"},
        )
    before = views.answered(connection, caller.name, key)
    if before is not None:
        return _again(before, digest)
    response = act()
    views.remember_answer(connection, caller.name, key, _kept(response, digest))
    return response


def _kept(response: Response, digest: bytes) -> views.Answered:
    headers = {
        name: value
        for name, value in response.headers.items()
        if name in ("content-type", "etag", "location")
    }
    return views.Answered(digest, response.status_code, bytes(response.body).decode(), headers)


def _again(before: views.Answered, digest: bytes) -> Response:
    if before.request_hash != digest:
        raise Problem(
            422,
            "key_reused",
            (
                "此幂等键已用于内容不同的另一请求",
                "this Idempotency-Key was used for another request",
            ),
        )
    return Response(before.body, before.status, {**before.headers, "Idempotency-Replayed": "true"})
