"""The shapes of the standards' answers and requests: the difference a new edition makes, and the edition asked for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.given import DecisionGiven

EXAMPLE: dict[str, Any] = {
    "base": 3,
    "holds_from": "2027-01-01T00:00:00+08:00",
    "body": {
        "categories": [
            {
                "key": "gb47678.5-2026/matter/06010",
                "zh": "暴露垃圾",
                "en": "exposed litter",
                "major": "市容环境类",
                "responsible": "CG-HW",
                "valid_from": "2026-07-01",
                "conditions": [
                    {
                        "code": "1",
                        "zh": "公共场地有散落、成堆的生活垃圾",
                        "limit": {"amount": 4, "unit": "work_hour"},
                        "closing": "清运，地面无残留",
                        "basis": "本市标准",
                    }
                ],
            },
            {"key": "gb30428.2-2013/matter/0110", "zh": "暴露生活垃圾", "valid_to": "2026-06-30"},
        ],
        "correspondences": [
            {
                "from": "gb30428.2-2013/matter/0110",
                "to": "gb47678.5-2026/matter/06010",
                "likeness": "near_name",
            }
        ],
        "nearby": [{"categories": ["*"], "metres": 50, "within_minutes": 1440}],
        "departments": [{"code": "CG-HW", "zh": "城管局环境卫生处"}],
        "unsorted": "gb47678.5-2026/matter/06010",
    },
}


class StandardsGiven(DecisionGiven):
    """A new edition of the standards, whole."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    base: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        default=None,
        description="所据版本，已被取代则拒绝 the edition it was decided on; refused when another holds by now",
    )


class CellChange(BaseModel):
    """One cell that differs; empty is "" ."""

    column: str
    before: str
    after: str


class RowChange(BaseModel):
    """One row that changes; `closed` is a category whose last day is set."""

    sheet: Literal["categories", "conditions", "correspondences", "departments"]
    key: str
    name: str
    change: Literal["added", "changed", "closed", "removed"]
    cells: list[CellChange]


class DifferenceShown(BaseModel):
    """`counts` by sheet and change, with `unchanged`; `others` names members that are no sheet and differ."""

    counts: dict[str, dict[str, int]]
    rows: list[RowChange]
    others: list[str]


class StandardsPreview(BaseModel):
    """What would change against edition `base`; `body` and `base` are what PUT /standards takes."""

    base: int
    difference: DifferenceShown
    body: dict[str, Any]


class CategoryNamed(BaseModel):
    """A category that something may be filed under today; `major` is its 大类."""

    key: str
    zh: str
    en: str
    major: str


class DepartmentNamed(BaseModel):
    """A department by name."""

    code: str
    zh: str
    en: str


class NamesShown(BaseModel):
    """The names of one edition of the standards, and how many photos it lets a report or a move bring."""

    edition: int
    photos_at_once: int
    categories: list[CategoryNamed]
    departments: list[DepartmentNamed]
