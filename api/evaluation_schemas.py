"""What evaluation's questions and answers look like, as pydantic models."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from incidents.lifecycle import State
from incidents.postgres.evaluation_views import GROUPS

Code = Annotated[str, StringConstraints(max_length=128, pattern=r"^[^\x00]*$")]
Month = Annotated[str, StringConstraints(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]
_LEVELS = {
    "area": ("district", "street", "community"),
    "category": ("class", "major"),
    "department": ("department",),
    "post": ("post",),
    "person": ("person",),
}


class Narrowed(BaseModel):
    """A period, how it is grouped, and what part of the city it is about."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    by: Literal["area", "category", "department", "post", "person"] = Field(
        description="按区域、类别、部门、岗位（角色）、人员 by area, category, department, post (role), person"
    )
    level: Literal["district", "street", "community", "class", "major"] | None = Field(
        default=None,
        description="区域：区、街道、社区；类别：小类、大类 of areas or categories; district, class",
    )
    period: Month | None = Field(default=None, description="月 a month", examples=["2026-11"])
    first: date | None = Field(default=None, alias="from", description="或：起 or: the first day")
    last: date | None = Field(
        default=None, alias="to", description="止，含当日 the last day, included"
    )
    edition: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        default=None,
        description="关账的第几版；缺省最新一版，0 为现状 which edition of a closed month; 0: as things stand now",
    )
    district: Code | None = None
    street: Code | None = None
    community: Code | None = None
    category: Code | None = None
    major: Code | None = None
    department: Code | None = None

    @property
    def group(self) -> str | None:
        """The group asked for; None when level does not fit."""
        levels = _LEVELS[self.by]
        group = self.level or levels[0]
        return group if group in levels and group in GROUPS else None


class TableAsked(Narrowed):
    """GET /evaluation."""

    limit: Annotated[int, Field(ge=1, le=500)] = 200
    after: Code | None = Field(default=None, description="上一页最后的 code the last code seen")


class ListAsked(Narrowed):
    """GET /evaluation/incidents."""

    figure: Annotated[str, StringConstraints(pattern=r"^[a-z_0-9]{1,60}$")]
    code: Code | None = Field(
        default=None, description="哪一行；空为区外，缺省为合计 whose; empty: in none; missing: all"
    )
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cursor: (
        Annotated[str, StringConstraints(pattern=r"^20\d\d-(0[1-9]|1[0-2])\.\d{1,18}$")] | None
    ) = None


class FigureDefined(BaseModel):
    """A figure: counted when `at` falls into the period, with all of `having` and none of `without`."""

    key: str
    zh: str
    en: str
    at: str
    having: list[str]
    without: list[str]
    sums: str | None


class RateDefined(BaseModel):
    """A rate: `of` ÷ `over`; without `over` the mean of what `of` sums, in `unit`."""

    key: str
    zh: str
    en: str
    of: str
    over: str | None
    unit: str


class EvaluationFigure(BaseModel):
    """A figure; `list` is the address of exactly the `n` incidents it counts, `sum` what they add up to."""

    n: int
    list: str
    sum: int | None = None


class EvaluationRow(BaseModel):
    """A group: every figure by key, every rate by key (null where there is nothing to divide by)."""

    code: str | None
    zh: str | None
    figures: dict[str, EvaluationFigure]
    rates: dict[str, float | None]


class MonthClosed(BaseModel):
    """A month as it was closed, or run again with a reason."""

    month: str
    number: int
    author: str
    made_at: datetime
    reason: str


class EvaluationTable(BaseModel):
    """Figures by group; `editions` are those read, empty: as things stand now, scored up to `as_of`."""

    by: str
    level: str
    first: date
    last: date
    editions: list[MonthClosed]
    as_of: datetime | None
    figures: list[FigureDefined]
    rates: list[RateDefined]
    total: EvaluationRow
    rows: list[EvaluationRow]
    next: str | None


class EvaluationMember(BaseModel):
    """An incident that a figure counts: the day, and what it adds; place and category as counted, the rest as it is now."""

    number: str
    day: date
    value: int | None
    state: State
    zh: str
    category: str
    urgent: bool
    district: str
    street: str
    community: str
    department: str | None
    reported_at: datetime
    opened_at: datetime | None
    dispatched_at: datetime | None
    handled_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None


class EvaluationList(BaseModel):
    """One page of the incidents a figure counts."""

    figure: str
    items: list[EvaluationMember]
    next: str | None


class MonthToClose(BaseModel):
    """Close a month that is over, or run a closed one again as things stand now, with a reason."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"month": "2026-10", "action": "rerun", "reason": "申诉复核后重算"}]
        },
    )

    month: Month
    action: Literal["close", "rerun"] = "close"
    reason: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")] = ""
