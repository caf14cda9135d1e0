"""The question GET /incidents asks: filters as they come in an address, a cursor that fits no other question."""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from api import answers
from api.access import Caller
from api.problems import Problem
from incidents.appeals import acts_for
from incidents.lifecycle import Role, State
from incidents.policy import Policy
from incidents.postgres.appeal_lists import Appeals
from incidents.postgres.listing import COLUMNS, MOST, Page, Wanted
from incidents.postgres.turns import Whose

WIDE = 0.02
"""A box that covers more than this part of the city is read along the times, a smaller one by place."""

_NUMBER = re.compile(r"\d{4,19}", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def _apart(value: Any) -> Any:
    """`state=open,handling` and `state=open&state=handling` mean the same."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        return [p for v in value for p in (v.split(",") if isinstance(v, str) else [v]) if p != ""]
    return value


_Code = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]
_Codes = Annotated[list[_Code], BeforeValidator(_apart), Field(max_length=50)]
_States = Annotated[list[State], BeforeValidator(_apart), Field(max_length=50)]
_Time = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC))]


class Question(BaseModel):
    """Filters, order and page; an unknown one is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")

    state: _States = Field(
        default=[], description="状态，可多个 states, several allowed", examples=[["open"]]
    )
    district: _Code | None = None
    street: _Code | None = None
    community: _Code | None = None
    cell: _Code | None = None
    department: _Codes = []
    category: _Codes = []
    source: _Codes = []
    overdue: bool | None = Field(default=None, description="超时未结 overdue and not ended")
    urgent: bool | None = None
    asked: bool | None = Field(
        default=None, description="有待批的延期或挂账申请 a request waits for its answer"
    )
    returned: bool | None = Field(
        default=None, description="被部门回退、待改派 given back by a department"
    )
    to_do: bool = Field(
        default=False,
        description="待办：轮到来访者的角色办的（项内 to_do 说明为什么） what waits for the caller's role, as each item's to_do says",
    )
    appeal: Literal["waiting", "review", "second", "open"] | None = Field(
        default=None,
        description="waiting 申诉待复核的，不论多久：其中 review 待来访者复核，second 待另一人；open 本部门仍可申诉的 "
        "waiting for a review, however old: of these for mine, or for another's; open to my department until its time is over",
    )
    assisting: _Code | None = Field(
        default=None, description="该部门协办的未结案件 what this department helps with, not ended"
    )
    opened_after: _Time | None = None
    opened_before: _Time | None = None
    bbox: str | None = Field(
        default=None,
        description="西,南,东,北 west,south,east,north (WGS-84)",
        examples=["116.3,39.9,116.4,40.0"],
    )
    q: (
        Annotated[str, StringConstraints(min_length=2, max_length=100, pattern=r"^[^\x00]*$")]
        | None
    ) = Field(default=None, description="编号前缀或文字 a number's beginning, or words of the text")
    mine: bool = Field(
        default=False,
        description="本部门的；否则本人上报或核查的 my department's; else what I reported or inspect",
    )
    sort: Literal["-reported_at", "reported_at", "due_at", "burning"] = Field(
        default="-reported_at",
        description="burning：未结的，紧急在前，按最早到期的计时；不计时的在后 "
        "open ones, the urgent first, by the clock that ends soonest, those without one last",
    )
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50
    cursor: Annotated[str, StringConstraints(max_length=400)] | None = None


def wanted(
    question: Question, caller: Caller, bounds: tuple[float, float, float, float] | None
) -> Wanted:
    """The question as this caller may ask it; `appeals` is added to it where `question.appeal` asks."""
    box = None if question.bbox is None else _box(question.bbox)
    number, words = _searched(question.q, caller)
    scope = caller.scope
    own_department = question.mine and caller.role is Role.DEPARTMENT
    departments, only_department = _departments(question, caller)
    return Wanted(
        states=tuple(str(s) for s in dict.fromkeys(question.state)),
        departments=departments,
        categories=tuple(dict.fromkeys(question.category)),
        sources=tuple(dict.fromkeys(question.source)),
        district=question.district,
        street=question.street,
        community=question.community,
        cell=question.cell,
        overdue=question.overdue,
        urgent=question.urgent,
        asked=question.asked,
        returned=question.returned,
        to_do=_whose(caller) if question.to_do else None,
        opened_after=question.opened_after,
        opened_before=question.opened_before,
        box=box,
        wide_box=box is not None and bounds is not None and _covers(box, bounds) > WIDE,
        number_prefix=number,
        words=words,
        mine=caller.name if question.mine and not own_department else None,
        only_department=only_department,
        assisting=question.assisting,
        area=scope.area,
        sort=question.sort,
        limit=question.limit,
        after=None if question.cursor is None else _turned(question, caller),
        unsigned=not caller.sees_text,
    )


def _whose(caller: Caller) -> Whose:
    """Who asks for his own: a department with those it may act for."""
    return Whose(caller.role, caller.name, acts_for(caller.actor))


def appeals(
    which: Literal["waiting", "review", "second", "open"],
    caller: Caller,
    policy: Policy,
    at: datetime,
) -> Appeals:
    """Of a department what concerns it: what waits it sees, what is open under the policy it may appeal."""
    if which != "open":
        return Appeals(which, caller.scope.departments, caller.name)
    since = at - timedelta(days=policy.appeal_within_days)
    return Appeals("open", acts_for(caller.actor), "", policy.appeal_for, since)


def _departments(question: Question, caller: Caller) -> tuple[tuple[str, ...], str | None]:
    """The departments asked for, and the one beyond which the caller may not look; one above sees those below it too."""
    asked = tuple(dict.fromkeys(question.department))
    scope = caller.scope
    if scope.departments is None:
        return asked, None
    if question.assisting in scope.departments or question.appeal is not None:
        return asked, None  # the condition itself looks at no other's
    own = question.mine or (question.to_do and acts_for(caller.actor) == scope.departments[:1])
    if own or len(scope.departments) == 1:
        return asked, scope.department
    his = tuple(one for one in asked or scope.departments if one in scope.departments)
    return (his, None) if his else ((), "")  # what is asked for is none of his: nothing fits


def cursor(question: Question, caller: Caller, after: tuple[datetime, int]) -> str:
    """Where the next page begins; opaque, and good for this question of this caller only."""
    packed = msgspec.json.encode([_fingerprint(question, caller), after[0], after[1]])
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _turned(question: Question, caller: Caller) -> tuple[datetime, int]:
    text = question.cursor or ""
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        fingerprint, at, number = msgspec.json.decode(packed, type=tuple[str, datetime, int])
    except (binascii.Error, ValueError, msgspec.MsgspecError) as fault:
        raise _bad_cursor("翻页标记已损坏", "the cursor is damaged") from fault
    if fingerprint != _fingerprint(question, caller):
        raise _bad_cursor(
            "翻页标记属于另一组筛选条件", "the cursor belongs to another set of filters"
        )
    if not 0 <= number < 2**63 or at.tzinfo is None:
        raise _bad_cursor("翻页标记已损坏", "the cursor is damaged")
    return at, number


def _bad_cursor(zh: str, en: str) -> Problem:
    return Problem(422, "cursor_invalid", (zh, en))


def _fingerprint(question: Question, caller: Caller) -> str:
    asked = question.model_dump_json(exclude={"cursor", "limit"})
    return hashlib.sha256(f"{caller.name}\n{caller.scope}\n{asked}".encode()).hexdigest()[:16]


def _box(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        west = south = east = north = float("nan")
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise Problem(
            422,
            "invalid",
            ("bbox 须为 西,南,东,北 四个度数", "bbox is west,south,east,north in degrees"),
            errors=[{"in": "query", "pointer": "/bbox", "code": "not_a_box", "detail": text[:100]}],
        )
    return west, south, east, north


def _covers(box: tuple[float, ...], city: tuple[float, ...]) -> float:
    """Which part of the city's box a box covers."""
    wide = max(0.0, min(box[2], city[2]) - max(box[0], city[0]))
    high = max(0.0, min(box[3], city[3]) - max(box[1], city[1]))
    whole = (city[2] - city[0]) * (city[3] - city[1])
    return wide * high / whole if whole > 0 else 1.0


def _searched(q: str | None, caller: Caller) -> tuple[str | None, str | None]:
    if q is None:
        return None, None
    if _NUMBER.fullmatch(q) or not caller.sees_text:  # who may not read words may not search them
        return q, None
    return None, q


def json_page(page: Page, next_: str | None) -> bytes:
    """The page as `{"items": […], "next": …}`; the items are JSON already."""
    items = ",".join(row[0] for row in page.rows)
    return f'{{"items":[{items}],"next":{answers.as_json(next_).decode()}}}'.encode()


def geojson_page(page: Page, next_: str | None) -> bytes:
    """The page as an RFC 7946 FeatureCollection; an incident without a place has a null geometry."""
    features = ",".join(_feature(*row) for row in page.rows)
    more = answers.as_json(next_).decode()
    return f'{{"type":"FeatureCollection","features":[{features}],"next":{more}}}'.encode()


def _feature(properties: str, number: str, lon: float | None, lat: float | None) -> str:
    place = (
        "null"
        if lon is None or lat is None
        else f'{{"type":"Point","coordinates":[{lon!r},{lat!r}]}}'
    )
    return f'{{"type":"Feature","id":"{number}","geometry":{place},"properties":{properties}}}'


def csv_page(page: Page) -> bytes:
    """The page as RFC 4180 CSV in UTF-8; a cell that a spreadsheet would take for a formula gets a quote before it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([_cell(value) for value in row] for row in page.rows)
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return "'" + value if value.startswith(_FORMULA) else value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):  # to_do: reasons by role
        return " ".join(f"{role}:{','.join(whys)}" for role, whys in value.items())
    if isinstance(value, Sequence):
        return _cell(" ".join(str(v) for v in value))
    return "" if value is None else value
