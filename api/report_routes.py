"""上报: what people report, answered at once with the incident's number."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Annotated

from fastapi import APIRouter
from psycopg.pq import TransactionStatus
from starlette.responses import Response

from api import answers
from api.access import STAFF, Caller, allow
from api.given import ReportGiven
from api.idempotency import Key, once
from api.parts import Opened, Parts, now
from api.problems import Problem
from api.schemas import ReportAccepted
from incidents import desk
from incidents.event import Event, Origin
from incidents.postgres import media_store
from incidents.postgres.connection import Connection

router = APIRouter(prefix="/api/v1", tags=["reports 上报"])

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_PROCESS, _COUNTED = secrets.token_hex(8), count()
"""A report's name for ever: this process, and its how-manyeth. Drawn at random, each would let other threads in front."""
AHEAD = timedelta(minutes=5)
"""How far a clock in the field may run ahead of ours."""


@router.post(
    "/reports", status_code=201, response_model=ReportAccepted, summary="上报 Report a trouble"
)
def report(
    given: ReportGiven, caller: Annotated[Caller, allow(STAFF)], parts: Opened, key: Key = None
) -> Response:
    """A new incident in state `reported`, or one more voice for the open incident of the same trouble."""
    at = now()
    seen = _seen_at(given.at, at)
    if given.category is not None:  # a code out of use is told with what took its place
        parts.in_force.decisions.fileable(given.category, at)
    place = parts.in_force.place(given.position.lon, given.position.lat, given.position.datum)
    event = Event(
        source=f"person:{caller.name}",
        id=f"{_PROCESS}{next(_COUNTED):016x}",
        origin=Origin.PERSON,
        kind="report",
        at=seen,
        place=place,
        category=given.category,
        text=given.text,
        media=tuple(given.media),
        raw={"accuracy": given.position.accuracy} if given.position.accuracy is not None else None,
        reporter=given.reporter.model_dump(exclude_none=True) if given.reporter else None,
    )
    if parts.round is not None and event.media:
        parts.round.apart()
    with parts.connection() as connection:
        if key is None and not event.media:
            # One statement where nothing else can be the same trouble; in a transaction as soon as something is locked.
            with ExitStack() as held:
                return _received(parts, connection, event, at, _beginner(connection, held))
        request = ("POST /reports", given.model_dump_json().encode())
        act = partial(_received, parts, connection, event, at)
        return once(connection, caller, key, request, act, parts.round)


def _beginner(connection: Connection, held: ExitStack) -> Callable[[], None]:
    """Begins a transaction, once, that ends with what is held."""

    def begin() -> None:
        if connection.info.transaction_status == TransactionStatus.IDLE:
            held.enter_context(connection.transaction())

    return begin


def _received(
    parts: Parts,
    connection: Connection,
    event: Event,
    at: datetime,
    lock: Callable[[], None] | None = None,
) -> Response:
    reporter = event.source.removeprefix("person:")
    policy = parts.in_force.decisions.policy
    media_store.refuse_many(event.media, policy.max_photos_at_once)
    media_store.check(connection, event.media, reporter)
    ledger = parts.whole_ledger(connection, lock)
    receipt = desk.receive(ledger, event, parts.in_force.decisions, at, fresh=True)
    incident = receipt.incident
    if incident is None:  # no rule of the city wants to hear this
        raise Problem(422, "not_accepted", (receipt.why, receipt.why))
    use = media_store.Use(incident.number, str(incident.state), "report", reporter, at)
    media_store.attach(connection, event.media, use, policy.max_photos)
    body = {
        "number": incident.number,
        "state": incident.state,
        "cell": incident.cell_code,
        "outcome": receipt.outcome,
        "why": receipt.why,
        "version": incident.version,
    }
    headers = {
        "Location": f"/api/v1/incidents/{incident.number}",
        "ETag": answers.etag(incident.version),
    }
    return answers.json(body, 201, headers)


def _seen_at(given: datetime | None, at: datetime) -> datetime:
    if given is None:
        return at
    if not EARLIEST <= given <= at + AHEAD:
        raise Problem(
            422,
            "invalid",
            ("发现时间不能在将来，也不能早于 2000 年", "`at` lies in the future or before 2000"),
            errors=[
                {
                    "in": "body",
                    "pointer": "/at",
                    "code": "out_of_range",
                    "detail": given.isoformat(),
                }
            ],
        )
    return given
