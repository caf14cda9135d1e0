"""What people, duty and hand-overs look like over HTTP: requests checked by pydantic, answers for the OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from api.given import Code, Given, Line, PositionGiven, Text
from incidents.lifecycle import Role

Area = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{6,15}$")]
_DUTY = {
    "account": "inspector-990102",
    "role": "inspector",
    "from": "2026-11-24T20:00:00+08:00",
    "to": "2026-11-25T08:00:00+08:00",
    "area": "990102001",
    "responsible": ["990102001001-1"],
}


def _example(**body: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", populate_by_name=True, json_schema_extra={"examples": [body]})


class RoleGiven(Given):
    """A further role of a person, with the department and the area it holds for."""

    role: Role
    department: Code | None = None
    area: Area | None = None


class RolesGiven(Given):
    """兼任: all further roles of a person, in place of those he had."""

    model_config = _example(roles=[{"role": "dispatcher", "area": "990102"}])

    roles: list[RoleGiven] = Field(max_length=50)


class PostGiven(Given):
    """岗位: a seat that somebody of a role takes for a shift."""

    model_config = _example(name="一号派遣席", role="dispatcher")

    name: Annotated[Line, StringConstraints(min_length=1)]
    role: Role
    department: Code | None = None
    area: Area | None = None
    active: bool = True


class DutyGiven(Given):
    """值班: who, in which role, from when to before when, where."""

    model_config = _example(**_DUTY)

    account: Code
    role: Role
    from_: AwareDatetime = Field(alias="from")
    to: AwareDatetime
    area: Area | None = Field(
        default=None, description="不填为其所辖 none: as far as his role goes"
    )
    department: Code | None = None
    responsible: list[Code] = Field(default=[], max_length=200, description="责任网格 codes")
    post: Code | None = None


class RosterGiven(Given):
    """排班: duties to be added, all or none."""

    model_config = _example(duties=[_DUTY])

    duties: list[DutyGiven] = Field(min_length=1, max_length=2000)


class RosterReplaced(Given):
    """换班表: what begins in [from, to) and has not begun yet is replaced by these duties, all or none."""

    model_config = _example(**{"from": _DUTY["from"], "to": _DUTY["to"], "duties": [_DUTY]})

    from_: AwareDatetime = Field(alias="from")
    to: AwareDatetime
    role: Role | None = Field(default=None, description="只换此角色 only this role's duties")
    duties: list[DutyGiven] = Field(max_length=2000)


class EndGiven(Given):
    """改班: when a duty that is not over ends instead."""

    model_config = _example(to="2026-11-25T02:00:00+08:00")

    to: AwareDatetime


class WhereGiven(Given):
    """位置: where somebody on duty is, told by his phone."""

    model_config = _example(position={"lon": 123.4, "lat": 30.6, "datum": "gcj02", "accuracy": 8})

    position: PositionGiven
    at: AwareDatetime | None = Field(default=None, description="定位时间，默认现在 when; now")


class HandoverGiven(Given):
    """交班: a note for the next; what is open, urgent and overdue is listed by the system."""

    model_config = _example(note="北闸街道积水待复查，供电公司已到场。", post="D1")

    note: Annotated[Text, StringConstraints(min_length=1, strip_whitespace=True)]
    post: Code | None = None


class SignatureGiven(Given):
    """接班签收: a remark of the one who receives, if there is one."""

    model_config = _example(note="已知悉，积水案件优先。")

    note: Text | None = None


class RoleShown(BaseModel):
    """A role held."""

    role: Role
    department: str | None
    area: str | None


class PersonShown(BaseModel):
    """A person: the first role, the further ones, whether on duty now in any role."""

    name: str
    role: Role
    department: str | None
    area: str | None
    further: list[RoleShown]
    active: bool
    on_duty: bool


class PostShown(BaseModel):
    """A post 岗位."""

    code: str
    name: str
    role: Role
    department: str | None
    area: str | None
    active: bool


class DepartmentShown(BaseModel):
    """A department in the tree: the one above it, all above it from the top, how deep, and who lies below."""

    code: str
    name: str
    name_en: str
    parent: str | None
    path: list[str]
    level: int
    children: list[str]


class WhereShown(BaseModel):
    """The last position told during the duty that runs; WGS-84."""

    lon: float
    lat: float
    at: datetime


class DutyShown(BaseModel):
    """A duty; `position` and `tasks` for the desk only."""

    id: int
    account: str
    role: Role
    department: str | None
    area: str | None
    responsible: list[str]
    post: str | None
    post_name: str | None
    from_: datetime = Field(alias="from")
    to: datetime
    planned_by: str
    position: WhereShown | None = None
    tasks: int | None = None


class DutyPage(BaseModel):
    """Duties between two instants (equal: those that hold at it), in order of their beginning."""

    from_: datetime = Field(alias="from")
    to: datetime
    items: list[DutyShown]


class DutyPlanned(BaseModel):
    """The numbers of the duties, in the order they were given."""

    ids: list[int]


class DutyEnded(BaseModel):
    """`ended`: it ran and ends now. `cancelled`: it had not begun and is no more."""

    id: int
    outcome: str


class DutyEnds(BaseModel):
    """When the duty ends from now on."""

    id: int
    to: datetime


class HandoverShown(BaseModel):
    """交接班: `counts` and `incidents` as they stood when it was left; unsigned while `received_by` is null."""

    id: int
    role: Role
    area: str | None
    post: str | None
    left_by: str
    left_at: datetime
    note: str
    counts: dict[str, Any]
    incidents: list[dict[str, Any]]
    received_by: str | None
    received_at: datetime | None
    received_note: str | None


class HandoverPage(BaseModel):
    """One page without the lists; `next` is what `before` asks for."""

    items: list[HandoverShown]
    next: int | None
