"""What goes out over HTTP, as pydantic models for the OpenAPI; answers are written as bytes and not run through them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.given import Reporter
from incidents.lifecycle import Role, State
from incidents.policy import Mark
from incidents.to_do import Why


class IncidentShown(BaseModel):
    """案件 as a list shows it; `cell` is the code of the unit grid, places are WGS-84 degrees."""

    number: str = Field(examples=["1101012026112400001"])
    state: State
    version: int
    category: str
    text: str
    urgent: bool
    source: str
    rule: str | None
    subject: str | None
    lon: float | None
    lat: float | None
    cell: str | None
    community: str | None
    street: str | None
    district: str | None
    department: str | None
    inspector: str | None
    reports: int
    first_event_at: datetime
    last_event_at: datetime
    reported_at: datetime
    opened_at: datetime | None
    dispatched_at: datetime | None
    accepted_at: datetime | None
    handled_at: datetime | None
    verified_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    changed_at: datetime
    overdue: bool
    media: list[str]
    condition: str | None = Field(description="立案条件 code of the filing condition")
    assisting: list[str] = Field(description="协办部门 departments that help")
    confirmed: bool | None = Field(description="核实结果 属实与否；null 未核实")
    merged_into: str | None = Field(description="并入的案件")
    extensions: int
    suspensions: int
    suspended_until: datetime | None
    urges: int
    urge_due_at: datetime | None = Field(description="督办须答复于 an answer is due")
    reworks: int
    send_backs: int
    reopened: int
    normal_since: datetime | None = Field(description="设备恢复正常自")
    yellow_at: datetime | None = Field(description="黄灯 the deadline is near from then on")
    stage: str | None = Field(description="处置之外在走的计时 the clock running beside handling")
    stage_due_at: datetime | None
    stage_yellow_at: datetime | None = Field(
        description="环节黄灯 the stage is near its end from then on"
    )
    to_do: dict[Role, list[Why]] = Field(
        description="轮到谁办、为什么：按角色的缘由；已结束的为空 whom it waits for and why, by role; empty once it has ended"
    )


class ReviewShown(BaseModel):
    """复核: one of the two; `upheld` is what this person said."""

    by: str
    at: datetime
    upheld: bool
    reason: str | None


class AppealShown(BaseModel):
    """申诉 of a department; `outcome` null while it waits for its reviews, or for the second of them."""

    department: str | None = Field(
        description="何部门；旧申诉或为 null whose; null where not known"
    )
    by: str
    at: datetime
    reason: str | None
    about: list[Mark] = Field(description="就什么 超期、返工… what it is about")
    reviews: list[ReviewShown]
    outcome: Literal["upheld", "refused"] | None


class IncidentWhole(IncidentShown):
    """One incident with what only its own page shows; `reporter` is there for the desk only."""

    state_zh: str
    handler: str | None = None
    asked: dict[str, Any] | None = Field(default=None, description="待批的申请")
    urge: dict[str, Any] | None = Field(default=None, description="待答复的督办")
    appeal: AppealShown | None = Field(
        default=None, description="最近的申诉与复核 the newest appeal and its reviews"
    )
    appeals: list[AppealShown] = Field(
        default=[], description="各部门的申诉，先后为序 each department's appeal, oldest first"
    )
    held: dict[str, list[Mark]] = Field(
        default={}, description="记在各部门名下的，可申诉 what is held against each department"
    )
    appealable: dict[str, datetime] = Field(
        default={},
        description="可申诉而未申诉的部门，至何时 departments that may appeal and have not, until when",
    )
    returned: dict[str, Any] | None = Field(default=None, description="待处理的回退")
    position: dict[str, Any] | None = None
    reporter: Reporter | None = None


class IncidentPage(BaseModel):
    """One page, and the cursor of the next."""

    items: list[IncidentShown]
    next: str | None


class PhotoKept(BaseModel):
    """A photo that was taken in; the last three are there for the desk only."""

    id: str
    url: str
    thumbnail: str
    kind: Literal["before", "after", "scene"]
    kind_zh: str
    sha256: str
    size: int
    width: int
    height: int
    incident: str | None = None
    taken_at: datetime | None = None
    taken_where: dict[str, float] | None = None
    metres_away: float | None = None


class IncidentPhoto(PhotoKept):
    """A photo as evidence: the incident's state when it came, and the move that brought it.

    `move` is `event` where a machine's event did: `by` is then the camera or the source, `at` when it saw it.
    """

    stage: State
    move: str
    by: str
    at: datetime
    lost: bool
    device: str | None
    device_name: str | None


class ReportAccepted(BaseModel):
    """What became of a report: a new incident, or one more voice for an open one (`joined`)."""

    number: str
    state: State
    cell: str | None
    outcome: Literal["opened", "joined"]
    why: str
    version: int


class ReportBehind(BaseModel):
    """One report of a trouble; `incident` is the one it opened or joined, which may have been merged since."""

    incident: str
    source: str
    id: str
    origin: str
    kind: str
    category: str | None
    at: datetime
    received_at: datetime
    outcome: str
    why: str
    score: float | None
    lon: float | None
    lat: float | None
    text: str
    media: list[str]


class ReportsBehind(BaseModel):
    """Reports of one trouble, oldest first; `total` counts them all."""

    number: str
    total: int
    items: list[ReportBehind]


class HistoryLine(BaseModel):
    """One line of the 流转记录; `hash` is over `prev_hash` and the line."""

    seq: int
    at: datetime
    move: str
    by: str
    role: str
    department: str | None
    from_state: State | None
    to_state: State
    reason: str | None
    data: dict[str, Any]
    prev_hash: str | None
    hash: str


class MoveShown(BaseModel):
    """A move open now; `to` null means that the state stays."""

    move: str
    zh: str
    to: State | None
    roles: list[Role]
    needs: list[str]
    departments: list[str] = Field(
        default=[], description="申诉、复核可指明的部门 whose appeal it may be, where it is one"
    )


class PhotoRoom(BaseModel):
    """How many photos one move may bring, and how many more the incident takes; a move that needs one may always bring it."""

    at_once: int
    left: int


class MovesOpen(BaseModel):
    """The moves open to the caller, for the version named."""

    number: str
    state: State
    version: int
    photos: PhotoRoom
    moves: list[MoveShown]


class Located(BaseModel):
    """Where a place lies; `cell` null and the `outcome` why when in no cell."""

    outcome: Literal["found", "outside", "not_a_number", "swapped"]
    cell: str | None
    community: str | None
    street: str | None
    district: str | None
    edition: int


class LocatedMany(BaseModel):
    """The same in columns, in the order of the question."""

    edition: int
    outcome: list[str]
    cell: list[str | None]
    community: list[str | None]
    street: list[str | None]
    district: list[str | None]


class ProblemShown(BaseModel):
    """RFC 9457: why a request was refused, in Chinese and English; `code` is stable."""

    type: str = Field(examples=["urn:yiwang:problem:move_refused"])
    code: str = Field(examples=["move_refused"])
    status: int
    title: str
    title_en: str
    detail: str
    detail_en: str


class EditionShown(BaseModel):
    """An edition of the grid; `datum` is that of the file it came from."""

    id: int
    name: str
    holds_from: date
    digest: str
    datum: str
    cells: int
    loaded_at: datetime
    in_force: bool


class CellShown(BaseModel):
    """A cell with its parents; `polygon` is GeoJSON in WGS-84, `lon`/`lat` a place inside."""

    code: str
    name: str | None
    community: str
    street: str
    district: str
    responsible: str | None
    area_m2: float
    lon: float
    lat: float
    polygon: dict[str, Any]
    edition: int
    edition_name: str
    holds_from: date
    community_name: str | None
    street_name: str | None
    district_name: str | None


class Latest(BaseModel):
    """The newest value of a metric."""

    metric: str
    unit: str | None
    at: datetime
    value: float


class DeviceShown(BaseModel):
    """A device; `position` is the place as given, `lon`/`lat` the same in WGS-84, `cell` its cell's code."""

    id: str
    name: str | None
    kind: str | None
    registered: bool
    component: str | None
    lon: float | None
    lat: float | None
    cell: str | None
    changed_at: datetime
    position: dict[str, Any] | None
    latest: list[Latest] | None = None


class DevicePage(BaseModel):
    """One page of devices, and the cursor of the next."""

    items: list[DeviceShown]
    next: str | None


class Series(BaseModel):
    """A series in columns: by step `at`, `count`, `mean`, `low`, `high`; raw `at`, `value`, `flags`."""

    device: str
    metric: str
    from_: datetime = Field(alias="from")
    to: datetime
    every_s: int | None
    truncated: bool
    at: list[datetime]
    count: list[int] | None = None
    mean: list[float] | None = None
    low: list[float] | None = None
    high: list[float] | None = None
    value: list[float] | None = None
    flags: list[int] | None = None


class QuarantinedShown(BaseModel):
    """A message, or a row of one (`item` ≥ 0), set aside with its reason; `value` is base64, 3 kB at most."""

    id: int
    topic: str
    part: int
    offset: int
    item: int
    key: str | None
    value: str
    bytes: int
    headers: Any
    reason: str
    detail: str
    set_aside_at: datetime
    state: str
    decided_at: datetime | None
    decided_by: str | None


class QuarantineDecided(BaseModel):
    """What was decided of something set aside."""

    id: int
    state: Literal["redriven", "dismissed"]


class QuarantinePage(BaseModel):
    """One page; `next` is what `before` asks for."""

    items: list[QuarantinedShown]
    next: int | None


class AccountShown(BaseModel):
    """An account, without its token."""

    id: int
    name: str
    role: Role
    department: str | None
    area: str | None
    scopes: list[str]
    active: bool


class AccountMade(BaseModel):
    """A new account with its token, told this once."""

    name: str
    role: Role
    department: str | None
    area: str | None
    scopes: list[str]
    token: str


class DecisionShown(BaseModel):
    """An edition in force; id 0 and author `seed` where the city decided nothing itself."""

    id: int
    kind: str
    holds_from: datetime | None
    made_at: datetime | None
    author: str
    body: dict[str, Any]


class DecisionMade(BaseModel):
    """The new edition; `holds_from` null is at once."""

    id: int
    kind: str
    holds_from: datetime | None
