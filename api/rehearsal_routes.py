"""预演: rules, routes or limits over stored history, asked for here and held in the background; what would change."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import answers
from api.access import Caller, R, allow
from api.given import Given
from api.parts import Opened, Parts
from api.problems import Problem
from incidents.postgres import rehearsal_store
from incidents.postgres.connection import Connection
from incidents.postgres.rehearsal_store import Rehearsal
from incidents.rehearsal import Window

router = APIRouter(prefix="/api/v1/rehearsals", tags=["rehearsals 预演"])
Asker = Annotated[Caller, allow(R.ADMINISTRATOR, R.SHIFT_LEAD)]
Id = Annotated[int, Path(ge=1, le=2**62)]


class RehearsalGiven(Given):
    """What is proposed, as its PUT takes it, and over which span of time; `limits`: a body of standards or of calendar."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "kind": "routes",
                    "from": "2026-11-23T00:00:00+08:00",
                    "to": "2026-11-24T00:00:00+08:00",
                    "body": {"routes": []},
                }
            ]
        },
    )

    kind: Literal["rules", "routes", "limits"]
    body: dict[str, Any]
    begins: AwareDatetime = Field(alias="from", description="起始 begins")
    ends: AwareDatetime = Field(
        alias="to", description="结束（不含），至多 31 天、不晚于现在 before it; 31 days at most"
    )


class RehearsalShown(BaseModel):
    """A rehearsal as it stands; `result` are its counts, null before the end; `lists` how many lines of each are kept."""

    id: int
    kind: Literal["rules", "routes", "limits"]
    begins: datetime
    ends: datetime
    asked_by: str
    asked_at: datetime
    state: Literal["waiting", "running", "done", "failed", "interrupted"]
    started_at: datetime | None
    ended_at: datetime | None
    progress: float = Field(description="0–1")
    editions: dict[str, int] = Field(description="所比对的现行版本 editions held against")
    result: dict[str, Any] | None
    fault: str | None
    lists: dict[str, int] | None = None


class RehearsalAsked(BaseModel):
    """It waits or is being held; ask at its address."""

    id: int
    state: str


class RehearsalLines(BaseModel):
    """A stretch of a list; `next` is the `after` of the following stretch, null at the end."""

    items: list[dict[str, Any]]
    next: int | None


@router.post("", status_code=202, response_model=RehearsalAsked, summary="预演 Rehearse an edition")
def ask(given: RehearsalGiven, caller: Asker, parts: Opened) -> Response:
    """Nothing is changed. Refused whole, with row and reason, where the proposal's PUT would be."""
    _whole_city(caller)
    window = Window(given.begins, given.ends)
    with parts.connection() as connection:
        number = rehearsal_store.ask(
            connection, given.kind, given.body, window, f"person:{caller.name}"
        )
    return _begun(number, parts)


@router.get("", response_model=list[RehearsalShown], summary="最近的预演 The newest rehearsals")
def newest(
    caller: Asker,
    parts: Opened,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
) -> Response:
    """The newest first, without their lists."""
    _whole_city(caller)
    with parts.connection() as connection:
        return answers.json(rehearsal_store.newest(connection, limit, before))


@router.get("/{id}", response_model=RehearsalShown, summary="一个预演 One rehearsal")
def one(id: Id, caller: Asker, parts: Opened) -> Response:  # noqa: A002 - the contract's name
    """How far it is, and its counts when it is over."""
    _whole_city(caller)
    with parts.connection() as connection:
        found = _found(connection, id)
        sizes = rehearsal_store.sizes(connection, id)
        idle = found.state == "waiting" and rehearsal_store.idle(connection)
    if idle:
        parts.rehearsing.begin(parts.settings.database_url)
    return answers.json(_shown(found) | {"lists": sizes})


@router.get(
    "/{id}/lines", response_model=RehearsalLines, summary="预演的名单 The lines of one of its lists"
)
def lines(
    id: Id,  # noqa: A002
    caller: Asker,
    parts: Opened,
    list: Annotated[  # noqa: A002
        Literal["new", "same", "gone", "changed", "newly_overdue", "no_longer_overdue"], Query()
    ],
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """What would be opened (`new`), is opened anyway (`same`), would not be (`gone`); what would go elsewhere; what would be
    overdue. At most ten thousand lines of each are kept.
    """
    _whole_city(caller)
    with parts.connection() as connection:
        _found(connection, id)
        found = rehearsal_store.lines(connection, id, list, after, limit + 1)
    more = len(found) > limit
    items = [body for _, body in found[:limit]]
    return answers.json({"items": items, "next": found[limit - 1][0] if more else None})


@router.post(
    "/{id}/again", status_code=202, response_model=RehearsalAsked, summary="重新预演 Once more"
)
def again(id: Id, caller: Asker, parts: Opened) -> Response:  # noqa: A002
    """One that was interrupted or failed waits once more; the same proposal over the same span."""
    _whole_city(caller)
    with parts.connection() as connection:
        state = _found(connection, id).state
        if not rehearsal_store.again(connection, id):
            raise Problem(
                409,
                "already_decided",
                (f"预演 {id} 为 {state}，不能重新进行", f"rehearsal {id} is {state}"),
                state=state,
            )
    return _begun(id, parts)


def _begun(number: int, parts: Parts) -> Response:
    parts.rehearsing.begin(parts.settings.database_url)
    address = {"Location": f"/api/v1/rehearsals/{number}"}
    return answers.json({"id": number, "state": "waiting"}, 202, address)


def _found(connection: Connection, number: int) -> Rehearsal:
    found = rehearsal_store.one(connection, number)
    if found is None:
        raise Problem(404, "unknown", (f"没有预演 {number}", f"no rehearsal {number}"))
    return found


def _shown(found: Rehearsal) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Rehearsal.__slots__}


def _whole_city(caller: Caller) -> None:
    """A rehearsal tells of the whole city: not for an account of an area."""
    if caller.area is not None:
        raise Problem(
            403,
            "forbidden",
            ("预演涉及全市，辖区账户不能使用", "a rehearsal tells of the whole city"),
        )
