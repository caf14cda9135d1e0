"""What comes in over HTTP, checked by pydantic models: an unknown member is refused, not ignored."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from grid.coordinates import Datum
from incidents.lifecycle import Role

Line = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
Text = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00]*$")]
Code = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Degrees = Annotated[float, Field(allow_inf_nan=False)]


class Given(BaseModel):
    """Base of requests: an unknown member is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid")


class PositionGiven(Given):
    """A place with its declared datum 坐标系."""

    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, examples=[116.397])]
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, examples=[39.908])]
    datum: Datum = Field(examples=["wgs84"])
    accuracy: Annotated[float, Field(ge=0, allow_inf_nan=False, description="米 metres")] | None = (
        None
    )


class Reporter(Given):
    """上报人: personal data, shown to the desk only."""

    name: Line | None = Field(default=None, examples=["王先生"])
    phone: Annotated[str, StringConstraints(max_length=40, pattern=r"^[0-9+()\-\s#*]*$")] | None = (
        Field(default=None, examples=["13800001234"])
    )
    note: Line | None = None


class ReportGiven(Given):
    """上报: what a person saw, where and when."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "text": "人行道井盖缺失，有绊倒危险",
                    "position": {"lon": 116.397, "lat": 39.908, "datum": "wgs84", "accuracy": 8},
                    "reporter": {"name": "王先生", "phone": "13800001234"},
                    "media": [],
                }
            ]
        },
    )

    text: Annotated[Text, StringConstraints(min_length=1, strip_whitespace=True)]
    category: Code | None = Field(
        default=None, description="编码体系/component|matter/编码；不填由受理员归类"
    )
    position: PositionGiven
    at: AwareDatetime | None = Field(
        default=None, description="发现时间，默认为现在 when it was seen"
    )
    reporter: Reporter | None = None
    media: list[Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]] = Field(
        default=[], max_length=20
    )


class MoveGiven(Given):
    """办理: a move of the lifecycle's table and what it needs (docs/lifecycle.md says which move takes what)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"move": "dispatch", "department": "roads", "reason": "属道路养护职责"}]
        },
    )

    move: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    reason: Text | None = None
    department: Code | None = Field(
        default=None,
        description="派给谁；申诉、复核：哪个部门的 sent to; of an appeal or a review: whose it is",
    )
    assisting: list[Code] | None = Field(
        default=None, max_length=10, description="协办部门（联动） departments that help"
    )
    handler: Line | None = Field(default=None, description="部门内经办人 who in the department")
    inspector: Code | None = Field(
        default=None, description="核实、核查由谁去；不填按值班表 the roster chooses without it"
    )
    category: Code | None = Field(default=None, description="更正类别 another category")
    condition: Code | None = Field(default=None, description="立案条件 filing condition's code")
    media: list[Code] | None = Field(
        default=None, max_length=20, description="照片编号 ids of POST /media"
    )
    until: AwareDatetime | None = Field(default=None, description="挂账至 suspended until")
    into: Code | None = Field(default=None, description="并入的案件 incident to merge into")
    upheld: bool | None = Field(default=None, description="申诉成立与否 the appeal is upheld")
    data: dict[str, Any] | None = Field(
        default=None, description="附于流转记录 kept with the history"
    )
    then: list[MoveGiven] | None = Field(
        default=None,
        max_length=5,
        description="随后的办理，全部成功或全部不办 further moves by the same person, all or none",
    )


class Points(Given):
    """Places to locate: one, or columns of equal length. null stands for a missing number."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"lon": [116.39, 116.41], "lat": [39.91, 39.92], "datum": "wgs84"}]
        },
    )

    lon: float | Annotated[list[float | None], Field(max_length=100_000)]
    lat: float | Annotated[list[float | None], Field(max_length=100_000)]
    datum: Datum


class DeviceGiven(Given):
    """设备登记: what a person says of a device; a fixed device is located once, here."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "中山路积水监测",
                    "kind": "water_level",
                    "position": {"lon": 116.397, "lat": 39.908, "datum": "gcj02"},
                }
            ]
        },
    )

    name: Line | None = None
    kind: Line | None = None
    component: Code | None = Field(
        default=None, description="部件标识码 code of the component it hangs on"
    )
    position: PositionGiven | None = None


class AccountGiven(Given):
    """A person or a program that may ask."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "李派遣", "role": "dispatcher"}]},
    )

    name: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]
    role: Role
    department: Code | None = None
    area: Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{6,15}$")] | None = Field(
        default=None, description="区域编码前缀 code prefix"
    )
    scopes: list[Code] = Field(default=[], max_length=20)


class LoginGiven(Given):
    """登录: a name and a password."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "lead", "password": "一句只有自己知道的话 7A"}]},
    )

    name: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]
    password: Secret


class PasswordGiven(Given):
    """修改口令: the one in force, and the new one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"old": "旧口令 Old-1", "new": "新口令 New-22"}]},
    )

    old: Secret
    new: Secret


class DecisionGiven(Given):
    """A new edition of rules, routes, standards or calendar, whole."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "holds_from": "2027-01-01T00:00:00+08:00",
                    "body": {
                        "routes": [
                            {
                                "code": "roads",
                                "categories": ["gb47678.5-2026/component/01*"],
                                "areas": [],
                                "department": "SZ",
                                "automatic": True,
                                "limit_minutes": 480,
                            }
                        ]
                    },
                }
            ]
        },
    )

    holds_from: AwareDatetime | None = Field(
        default=None, description="生效时间，默认立即 at once by default"
    )
    body: dict[str, Any]
