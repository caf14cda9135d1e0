"""案件: lists, one incident with its history and explanation, and the moves that lead it on."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response

from api import answers, incident_files, listing
from api.access import READERS, SCREENS, STAFF, Caller, allow
from api.given import MoveGiven
from api.idempotency import Key, once
from api.incident_files import FORMS, PDF, XLSX
from api.negotiation import preferred
from api.parts import Opened, Parts, now
from api.problems import Problem
from api.schemas import HistoryLine, IncidentPage, IncidentWhole, MovesOpen, ReportsBehind
from api.shapes import move_shown, shown
from incidents import clocks, desk
from incidents.calendar import WorkingCalendar
from incidents.clocks import Clock
from incidents.incident import Incident
from incidents.lifecycle import Role
from incidents.postgres import decision_store, media_store, views
from incidents.postgres import listing as lists
from incidents.postgres.connection import Connection
from incidents.postgres.duty_store import PostgresRoster
from incidents.standing import Asking, whose

router = APIRouter(prefix="/api/v1", tags=["incidents 案件"])

Number = Annotated[
    str, Path(max_length=40, examples=["1101012026112400001"], description="案件编号")
]
MOVERS = STAFF | {Role.EVALUATOR}
"""Who may make a move at all; the evaluator reviews appeals."""
_JSON, _GEOJSON, _CSV = "application/json", "application/geo+json", "text/csv"
_FILE = {"schema": {"type": "string", "format": "binary"}}
_VALIDATOR = re.compile(r'(?:W/)?"v(\d{1,9})"', re.ASCII)


@router.get(
    "/incidents",
    response_model=IncidentPage,
    summary="案件列表 List incidents",
    responses={200: {"content": {_GEOJSON: {}, _CSV: {}, XLSX: _FILE, PDF: _FILE}}},
)
def incidents(
    request: Request,
    question: Annotated[listing.Question, Query()],
    caller: Annotated[Caller, allow(SCREENS)],
    parts: Opened,
) -> Response:
    """Newest first; `next` and the Link header lead on. `Accept` chooses JSON, GeoJSON, CSV, Excel or PDF."""
    form = preferred(request.headers.get("accept"), (_JSON, _GEOJSON, _CSV, *FORMS))
    ground = parts.in_force.ground
    wanted = listing.wanted(question, caller, ground.atlas.edition.bounds if ground else None)
    if question.appeal is not None:
        policy = parts.in_force.decisions.policy
        asked = listing.appeals(question.appeal, caller, policy, now())
        wanted = replace(wanted, appeals=asked)
    with parts.connection() as connection:
        read = lists.as_rows if form in {_CSV, *FORMS} else lists.as_json
        page = read(connection, wanted)
    next_ = None if page.after is None else listing.cursor(question, caller, page.after)
    headers = {"Vary": "Accept, Authorization", "Cache-Control": "private, no-cache"}
    if next_ is not None:
        headers["Link"] = f'<{_address(request, next_)}>; rel="next"'
    if form == _CSV:
        headers["Content-Disposition"] = 'attachment; filename="incidents.csv"'
        return Response(listing.csv_page(page), 200, headers, media_type="text/csv; charset=utf-8")
    if form in FORMS:
        return incident_files.of_list(page, form, _asked(caller, parts), headers)
    body = listing.geojson_page if form == _GEOJSON else listing.json_page
    return Response(body(page, next_), 200, headers, media_type=form)


@router.get(
    "/incidents/{number}",
    response_model=IncidentWhole,
    summary="一个案件 One incident",
    responses={200: {"content": {XLSX: _FILE, PDF: _FILE}}},
)
def incident(
    request: Request, number: Number, caller: Annotated[Caller, allow(SCREENS)], parts: Opened
) -> Response:
    """The incident as the caller may read it; its ETag is what a move's If-Match asks for.

    `Accept` chooses Excel or PDF, which tell its clocks, history and reports as well, the PDF with its photos; not to a wall.
    """
    files = FORMS if caller.role in READERS else ()
    form = preferred(request.headers.get("accept"), (_JSON, *files))
    if form == _JSON:
        return _whole(_load(parts, caller, number), caller, parts)
    with parts.connection() as connection:
        found = parts.ledger(connection, caller).load(number)
        asked = _asked(caller, parts)
        whole = incident_files.read(connection, found, asked)
    return incident_files.of_one(whole, form, asked, parts.objects)


def _asked(caller: Caller, parts: Parts) -> incident_files.Asked:
    return incident_files.Asked(caller, now(), parts.in_force.decisions)


@router.get(
    "/incidents/{number}/history",
    response_model=list[HistoryLine],
    summary="流转记录 Its history",
)
def history(number: Number, caller: Annotated[Caller, allow(READERS)], parts: Opened) -> Response:
    """Append-only, oldest first, hash-chained."""
    with parts.connection() as connection:
        parts.ledger(connection, caller).load(number)
        text = views.history(connection, number)
    return Response(text, media_type="application/json")


@router.get("/incidents/{number}/explanation", summary="为什么 Why it is as it is")
def explanation(
    number: Number, caller: Annotated[Caller, allow(READERS)], parts: Opened
) -> Response:
    """Why opened, why this cell, category, department and deadline; every clock, stretch by stretch; the events behind it."""
    decisions, at = parts.in_force.decisions, now()
    with parts.connection() as connection:
        found = parts.ledger(connection, caller).load(number)
        events = views.events_of(connection, number)
        told, earlier = (
            [
                _clock(clock, decision_store.calendar_of(connection, clock, decisions), at)
                for clock in some
            ]
            for some in (
                [clocks.from_json(kept) for kept in found.clocks.values()],
                [clocks.from_json(kept) for kept in views.runs_of(connection, number)],
            )
        )
    today = decisions.equivalent(found.category, at).as_json()
    body = _explained(found, events, today, told)
    return answers.json({**body, "earlier_clocks": earlier})


@router.get(
    "/incidents/{number}/reports",
    response_model=ReportsBehind,
    summary="一案多报 The reports of one trouble",
    responses={200: {"content": {_GEOJSON: {}}}},
)
def reports(
    request: Request,
    number: Number,
    caller: Annotated[Caller, allow(READERS)],
    parts: Opened,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """Every report of the incident and of those merged into it 并案, by time: for a timeline, and as GeoJSON for a map."""
    form = preferred(request.headers.get("accept"), (_JSON, _GEOJSON))
    with parts.connection() as connection:
        parts.ledger(connection, caller).load(number)
        rows, total = views.reports_of(connection, number, limit, offset)
    told = [row._asdict() for row in rows]
    if form == _GEOJSON:
        body = {"type": "FeatureCollection", "features": [_feature(one) for one in told]}
        return Response(answers.as_json(body), media_type=_GEOJSON)
    return answers.json({"number": number, "total": total, "items": told})


def _feature(report: dict[str, Any]) -> dict[str, Any]:
    lon, lat = report.pop("lon"), report.pop("lat")
    place = None if lon is None else {"type": "Point", "coordinates": [lon, lat]}
    return {"type": "Feature", "geometry": place, "properties": report}


@router.get(
    "/incidents/{number}/moves", response_model=MovesOpen, summary="可办理的操作 Moves open now"
)
def moves(number: Number, caller: Annotated[Caller, allow(READERS)], parts: Opened) -> Response:
    """The moves of the lifecycle that the caller may make now; of an appeal and a review also whose it may be."""
    decisions, at = parts.in_force.decisions, now()
    policy = decisions.policy
    asking = Asking(caller.actor, at, policy)
    with parts.connection() as connection:
        found = parts.ledger(connection, caller).load(number)
        brought = media_store.photos_of_people(connection, number)
    body = {
        "number": found.number,
        "state": found.state,
        "version": found.version,
        "photos": {
            "at_once": policy.max_photos_at_once,
            "left": max(0, policy.max_photos - brought),
        },
        "moves": [
            move_shown(m, whose(found, m.name, asking))
            for m in desk.moves_for(found, caller.actor, at, decisions)
        ],
    }
    return answers.json(body, headers={"ETag": answers.etag(found.version)})


@router.post("/incidents/{number}/moves", response_model=IncidentWhole, summary="办理 Make a move")
def make_move(
    number: Number,
    given: MoveGiven,
    caller: Annotated[Caller, allow(MOVERS)],
    parts: Opened,
    key: Key = None,
    if_match: Annotated[
        str | None,
        Header(description='案件的 ETag，如 "v7" the ETag the decision was based on'),
    ] = None,
) -> Response:
    """409 lists the moves that are possible, 412 carries the incident as it is now, 428 asks for If-Match."""
    version = _version(if_match)
    asked = given.model_dump(exclude_none=True)
    at = now()

    def act(connection: Connection) -> Response:
        after = _moved(connection, parts, number, asked, (caller, version, at))
        return _whole(after, caller, parts)

    photos = _photos(asked)
    if parts.round is not None and photos:
        parts.round.apart()
    with parts.connection() as connection:
        if key is None and not photos:  # two round trips, each whole by itself
            return act(connection)
        request = (f"POST /incidents/{number}/moves", answers.as_json(asked))
        return once(connection, caller, key, request, lambda: act(connection), parts.round)


def _moved(
    connection: Connection,
    parts: Parts,
    number: str,
    asked: dict[str, Any],
    by: tuple[Caller, int | None, datetime],
) -> Incident:
    caller, version, at = by
    ledger = parts.ledger(connection, caller)
    policy, photos = parts.in_force.decisions.policy, _photos(asked)
    together = (asked, *asked.get("then", ()))
    for one in together:
        media_store.refuse_many(one.get("media", ()), policy.max_photos_at_once)
    before = ledger.load(number) if version is None or photos else None
    if before is not None and version is None:  # If-Match: * is any version there is
        version = before.version
    if photos:
        media_store.check(connection, photos, caller.name)
    after = desk.move(
        ledger,
        number,
        asked["move"],
        caller.actor,
        at,
        asked,
        cast(int, version),
        parts.in_force.decisions,
        PostgresRoster(connection),
    )
    if photos and before is not None:
        steps = views.steps_since(connection, number, before.version)
        for one, (name, state) in zip(together, steps, strict=True):
            use = media_store.Use(number, state, name, caller.name, at)
            due = policy.needs_photo(name, after.category)
            media_store.attach(connection, one.get("media", ()), use, policy.max_photos, due=due)
    return after


def _photos(asked: dict[str, Any]) -> list[str]:
    """Every photo that came with the moves."""
    return [id_ for one in (asked, *asked.get("then", ())) for id_ in one.get("media", ())]


def _load(parts: Parts, caller: Caller, number: str) -> Incident:
    with parts.connection() as connection:
        return parts.ledger(connection, caller).load(number)


def _whole(found: Incident, caller: Caller, parts: Parts) -> Response:
    headers = {"ETag": answers.etag(found.version), "Cache-Control": "private, no-cache"}
    view = shown(found, caller, parts.in_force.decisions.policy)
    return answers.json(view, headers=headers)


def _explained(
    found: Incident,
    events: list[views.EventBehind],
    today: dict[str, Any],
    told: list[dict[str, Any]],
) -> dict[str, Any]:
    explanation_ = dict(found.explanation)
    dispatch = explanation_.pop("dispatch", None) or {}
    return {
        "number": found.number,
        "version": found.version,
        "opened": explanation_.pop("opened", None),
        "cell": {"code": found.cell_code, **(explanation_.pop("cell", None) or {})},
        "category": {
            "key": found.category,
            "condition": found.condition,
            **(explanation_.pop("category", None) or {}),
            "today": today,
        },
        "department": {
            "code": found.department,
            **dispatch,
        },
        "deadline": {
            "due_at": found.due_at,
            "yellow_at": found.yellow_at,
            "limit": dispatch.get("limit"),
            "limit_zh": dispatch.get("limit_zh"),
            "limit_minutes": dispatch.get("limit_minutes"),
        },
        "clocks": told,
        **explanation_,
        "events": [event._asdict() for event in events],
    }


def _clock(clock: Clock, calendar: WorkingCalendar, at: datetime) -> dict[str, Any]:
    """A clock with every stretch of its life; the counted ones add up to what was used."""
    used = clocks.used(clock, at, calendar)
    return {
        "kind": clock.kind,
        "zh": clocks.Stage(clock.kind).zh,
        "state": str(clock.state),
        "limit": clock.limit.as_json(),
        "limit_zh": clock.limit.zh,
        "limit_en": clock.limit.en,
        "extended": clock.extended,
        "area": clock.area,
        "began_at": clock.began_at,
        "due_at": clock.due_at,
        "yellow_at": clock.yellow_at,
        "provisional": clock.provisional,
        "overdue": clocks.overdue(clock, at),
        "used": float(used.amount),
        "used_s": float(used.seconds),
        "segments": [
            {
                "from": segment.begin,
                "to": segment.end,
                "counted": segment.counted,
                "why": segment.why,
                "used": float(segment.used.amount),
                "used_s": float(segment.used.seconds),
            }
            for segment in clocks.explain(clock, at, calendar)
        ],
    }


def _version(if_match: str | None) -> int | None:
    if if_match is None:
        raise Problem(
            428,
            "precondition_required",
            (
                "办理须带 If-Match，值为所见案件的 ETag",
                "give the ETag you decided on as If-Match",
            ),
        )
    text = if_match.strip()
    if text == "*":
        return None
    found = _VALIDATOR.fullmatch(text)
    if found is None:
        raise Problem(
            412,
            "stale",
            (
                f"If-Match 不是本案件的 ETag：{text[:60]}",
                f"not an ETag of this incident: {text[:60]}",
            ),
        )
    return int(found[1])


def _address(request: Request, cursor: str) -> str:
    asked = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
    return f"{request.url.path}?{urlencode([*asked, ('cursor', cursor)])}"
