"""GET /live: the changes a caller may see, as server-sent events that can be resumed without gap or double."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from api.access import SCREENS, Caller, allow
from api.live_stream import Line, Stream
from api.problems import Problem

router = APIRouter(prefix="/api/v1", tags=["live 实时"])


@router.get(
    "/live",
    summary="案件变更 Incident changes as they happen",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def live(
    request: Request,
    caller: Annotated[Caller, allow(SCREENS)],
    mine: Annotated[
        bool,
        Query(
            description="只要本人上报或核查的 only what I reported or inspect; a phone pays by the byte"
        ),
    ] = False,
    last_event_id: Annotated[
        str | None, Header(description="从这一事件之后继续 resume behind this event's id")
    ] = None,
) -> StreamingResponse:
    """`event: incident` carries a fact; `event: reset` says that changes were missed and the list must be read again.

    The token travels in the Authorization header, so a page reads the stream with `fetch`, not with EventSource.
    A stream ends itself after some minutes and at shutdown, and who does not read for half a minute is hung up on;
    reconnect with Last-Event-ID after the `retry` told first.
    """
    return Line(Stream(request, caller, _after(last_event_id), mine=mine))


def _after(last_event_id: str | None) -> int | None:
    if last_event_id is None or not last_event_id.strip():
        return None
    text = last_event_id.strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise Problem(
            422,
            "invalid",
            ("Last-Event-ID 须为此前事件的 id", "Last-Event-ID is the id of an event sent before"),
            errors=[
                {"in": "header", "pointer": "/Last-Event-ID", "code": "not_an_id", "detail": text}
            ],
        )
    return int(text)
