"""The shapes of the standards' answers and requests: the difference a new edition makes, and the edition asked for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.given import DecisionGiven


class StandardsGiven(DecisionGiven):
    """A new edition of the standards, whole."""

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
