"""派遣: where would this go? The routes asked by a dispatcher, without creating anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import answers
from api.access import READERS, Caller, allow
from api.given import Code, Given, Line, PositionGiven
from api.parts import Opened, Parts, now
from api.problems import Problem
from incidents.decisions import Decisions
from incidents.postgres import decision_store
from incidents.route_trial import Trial, where_to

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

router = APIRouter(prefix="/api/v1", tags=["dispatch 派遣"])


class TrialGiven(Given):
    """试派: a category, a place (a position, or the code of a cell or an area), a source, a time."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"category": "local/matter/11001", "area": "990102001", "source": "person:intake"}
            ]
        },
    )

    category: Code | None = Field(default=None, description="不填为未分类 none: unsorted")
    position: PositionGiven | None = None
    area: Code | None = Field(
        default=None, description="单元网格或区域编码 code of a cell or an area"
    )
    source: Line = Field(default="", examples=["person:intake", "cam-01"])
    at: AwareDatetime | None = Field(
        default=None, description="何时，默认现在；按当时施行的路由 by the edition that holds then"
    )


class DestinationShown(BaseModel):
    """The next that would fit; `route` null is the category's responsible body."""

    route: str | None
    department: str
    name: str


class Assisting(BaseModel):
    """A department that helps 联动."""

    department: str
    name: str


class TrialShown(BaseModel):
    """Where it would go: `queue` true is the dispatcher's to decide; `tried` are routes passed over, and why."""

    category: str
    category_name: str
    areas: list[str]
    source: str
    at: datetime
    queue: bool
    department: str | None
    department_name: str | None
    assisting: list[Assisting]
    automatic: bool
    route: str | None
    why: str
    tried: list[str]
    next: DestinationShown | None
    limit_minutes: int | None
    edition: int


@router.post("/routes/try", response_model=TrialShown, summary="试派 Where would this go?")
def try_routes(given: TrialGiven, _: Annotated[Caller, allow(READERS)], parts: Opened) -> Response:
    """Nothing is created. Which route wins, which comes next, which were passed over and why."""
    at = _moment(given.at)
    trial = Trial(given.category, _areas(given, parts), given.source, at)
    return answers.json(where_to(trial, _decisions(given, parts)))


def _decisions(given: TrialGiven, parts: Parts) -> Decisions:
    if given.at is None:
        return parts.in_force.decisions
    with parts.connection() as connection:
        return decision_store.in_force(connection, given.at)


def _moment(given: datetime | None) -> datetime:
    if given is not None and not EARLIEST <= given < LATEST:
        raise _wrong(
            "/at", "时间须在 2000 年至 2100 年之间", "the time lies before 2000 or after 2099"
        )
    return given or now()


def _areas(given: TrialGiven, parts: Parts) -> tuple[str, ...]:
    if given.position is not None and given.area is not None:
        raise _wrong("/area", "position 与 area 只给其一", "give position or area, not both")
    if given.position is not None:
        place = parts.in_force.place(given.position.lon, given.position.lat, given.position.datum)
        return (place.cell_code,) if place.cell_code else ()
    if given.area is None:
        return ()
    ground = parts.in_force.ground
    if ground is not None and not np.char.startswith(ground.atlas.codes, given.area).any():
        raise _wrong(
            "/area",
            f"没有以 {given.area} 开头的单元网格",
            f"no cell's code begins with {given.area}",
        )
    return (given.area,)


def _wrong(pointer: str, zh: str, en: str) -> Problem:
    errors: list[dict[str, Any]] = [
        {"in": "body", "pointer": pointer, "code": "value_error", "detail": en}
    ]
    return Problem(422, "invalid", (zh, en), errors=errors)
