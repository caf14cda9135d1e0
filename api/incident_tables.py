"""Incidents as tables that people read: headings in two languages, names beside codes; only what the caller was given.

Nothing is looked up here: who may see what was decided where the rows come from (`shapes.shown`, the list's columns).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from api.shapes import states
from api.taken import Cell
from incidents import clocks
from incidents.calendar import WorkingCalendar
from incidents.clocks import Clock
from incidents.decisions import Decisions
from incidents.lifecycle import BESIDE, MOVES
from incidents.postgres.listing import COLUMNS
from incidents.to_do import Why

HEADS: dict[str, tuple[str, str]] = {
    "number": ("编号", "number"),
    "state": ("状态", "state"),
    "version": ("版次", "version"),
    "category": ("类别", "category"),
    "text": ("案情", "text"),
    "urgent": ("紧急", "urgent"),
    "source": ("来源", "source"),
    "rule": ("规则", "rule"),
    "subject": ("部件或设备", "subject"),
    "lon": ("经度", "longitude"),
    "lat": ("纬度", "latitude"),
    "cell": ("单元网格", "cell"),
    "community": ("社区", "community"),
    "street": ("街道", "street"),
    "district": ("区县", "district"),
    "department": ("部门", "department"),
    "inspector": ("网格员", "inspector"),
    "reports": ("上报次数", "reports"),
    "first_event_at": ("首次上报", "first report"),
    "last_event_at": ("最近上报", "last report"),
    "reported_at": ("上报时间", "reported"),
    "opened_at": ("立案时间", "opened"),
    "dispatched_at": ("派遣时间", "dispatched"),
    "accepted_at": ("签收时间", "accepted"),
    "handled_at": ("处置时间", "handled"),
    "verified_at": ("核查时间", "verified"),
    "closed_at": ("结案时间", "closed"),
    "due_at": ("到期时间", "due"),
    "changed_at": ("变更时间", "changed"),
    "overdue": ("超时", "overdue"),
    "media": ("照片", "photos"),
    "condition": ("立案条件", "filing condition"),
    "assisting": ("协办部门", "assisting"),
    "confirmed": ("核实属实", "confirmed"),
    "merged_into": ("并入", "merged into"),
    "extensions": ("延期次数", "extensions"),
    "suspensions": ("挂账次数", "suspensions"),
    "suspended_until": ("挂账至", "suspended until"),
    "urges": ("督办次数", "urges"),
    "urge_due_at": ("督办须答复于", "answer to the urge due"),
    "reworks": ("返工次数", "reworks"),
    "send_backs": ("回退次数", "given back"),
    "reopened": ("重开次数", "reopened"),
    "normal_since": ("设备恢复正常自", "normal since"),
    "yellow_at": ("黄灯时间", "near due from"),
    "stage": ("环节", "stage"),
    "stage_due_at": ("环节到期", "stage due"),
    "stage_yellow_at": ("环节黄灯", "stage near due from"),
    "to_do": ("待办", "to do"),
    # of one incident only
    "handler": ("经办人", "handler"),
    "reporter": ("上报人", "reporter"),
    "position": ("上报位置", "reported position"),
    "asked": ("待批申请", "request that waits"),
    "urge": ("待答复的督办", "urge that waits"),
    "appeal": ("申诉", "appeal"),
    "returned": ("回退", "return that stands"),
}
"""What each member of an incident is called."""

FEW = ("number", "state", "category", "text", "department", "cell", "reported_at", "due_at")
"""The columns of a list on paper."""
_LEFT_OUT = frozenset({"version", "changed_at", "state_zh", "media", "clocks"})
_OUTCOMES = {"opened": "立案", "joined": "并案"}
_WRITTEN = ("kind", "by", "from", "at", "reason", "until", "outcome")

Row = Mapping[str, Any]
Table = tuple[list[str], list[list[Cell]]]


def head(name: str) -> str:
    """A member's name in both languages, each in its own line."""
    return "\n".join(HEADS[name])


def whole_list(rows: Iterable[Sequence[Any]], decisions: Decisions) -> Table:
    """Every column of a list; a category and a department are named, their codes stand beside them."""
    heads: list[str] = []
    for name in COLUMNS:
        heads.append(head(name))
        if name in {"category", "department"}:
            zh, en = HEADS[name]
            heads.append(f"{zh}编码\n{en} code")
    return heads, [_listed(row, decisions) for row in rows]


def _listed(row: Sequence[Any], decisions: Decisions) -> list[Cell]:
    cells: list[Cell] = []
    for name, value in zip(COLUMNS, row, strict=True):
        cells.append(told(name, value, decisions))
        if name in {"category", "department"}:
            cells.append(value)
    return cells


def short_list(rows: Iterable[Sequence[Any]], decisions: Decisions) -> Table:
    """The columns that fit on paper; what is urgent or overdue says so beside its state."""
    found: list[list[Cell]] = []
    for values in rows:
        row = dict(zip(COLUMNS, values, strict=True))
        cells = [told(name, row[name], decisions) for name in FEW]
        signs = [HEADS[sign][0] for sign in ("urgent", "overdue") if row[sign]]
        cells[1] = " ".join([str(cells[1]), *signs])
        found.append(cells)
    return [HEADS[name][0] for name in FEW], found


def told(name: str, value: Any, decisions: Decisions) -> Cell:
    """A member's value in words."""
    if value is None or value == "":
        return None
    named = _NAMED.get(name)
    if named is not None:
        return named(value, decisions)
    if isinstance(value, bool):
        return "是" if value else None
    if isinstance(value, float):
        return _degrees(value)
    if isinstance(value, list | tuple):
        return " ".join(str(one) for one in value) or None
    if isinstance(value, Mapping):
        return _joined(name, value)
    return value if isinstance(value, str | int | float | datetime) else str(value)


def _joined(name: str, value: Mapping[str, Any]) -> str:
    if name == "to_do":  # the same words for several roles once
        return "、".join(dict.fromkeys(Why(why).zh for whys in value.values() for why in whys))
    if name == "reporter":
        return " ".join(str(value[key]) for key in ("name", "phone", "note") if value.get(key))
    if name == "position":
        lon, lat = _degrees(value["lon"]), _degrees(value["lat"])
        return f"{lon}, {lat} ({value.get('datum') or 'wgs84'})"
    return " · ".join(str(value[key]) for key in _WRITTEN if value.get(key))


def category_named(key: str, decisions: Decisions) -> str:
    """What a category is called, its key when nobody knows it any more."""
    one = decisions.categories.get(key)
    return one.name_zh if one else key


def department_named(code: str, decisions: Decisions) -> str:
    """What a department is called, its code when nobody knows it any more."""
    one = decisions.departments.get(code)
    return one.name_zh if one else code


_NAMED: dict[str, Callable[[Any, Decisions], str]] = {
    "state": lambda value, _: states()[str(value)],
    "stage": lambda value, _: clocks.Stage(value).zh,
    "category": category_named,
    "department": department_named,
    "assisting": lambda value, known: "、".join(department_named(code, known) for code in value),
}
"""Members whose values are codes of something that has a name."""


def facts(view: Row, decisions: Decisions) -> list[tuple[str, Cell]]:
    """All that one incident says of itself, in order, without what is empty or none."""
    found: list[tuple[str, Cell]] = []
    for name in HEADS:
        value = view.get(name)
        if name in _LEFT_OUT or value in (None, "", [], (), {}, 0, False):
            continue
        found.append((HEADS[name][0], told(name, value, decisions)))
        if name in {"category", "department"}:
            found.append((f"{HEADS[name][0]}编码", str(value)))
    return found


CLOCK_HEADS = [
    "计时 clock",
    "状态 state",
    "时限 limit",
    "已用小时 hours used",
    "到期 due",
    "超时 overdue",
]
_CLOCK_STATES = {"running": "在走", "paused": "停", "stopped": "止"}


def clock_rows(
    kept: Mapping[str, Mapping[str, Any]],
    calendar_of: Callable[[Clock], WorkingCalendar],
    at: datetime,
) -> list[list[Cell]]:
    """Every clock of an incident: its limit and what was used of it, in hours that counted by the clock's calendar."""
    rows: list[list[Cell]] = []
    for one in kept.values():
        clock = clocks.from_json(one)
        used = clocks.used(clock, at, calendar_of(clock))
        rows.append([
            clocks.Stage(clock.kind).zh, _CLOCK_STATES[str(clock.state)], clock.limit.zh,
            round(float(used.seconds) / 3600, 2), clock.due_at, "是" if clocks.overdue(clock, at) else None,
        ])  # fmt: skip
    return rows


HISTORY_HEADS = [
    "序 no.",
    "时间 at",
    "办理 move",
    "状态 state",
    "经手 by",
    "部门 department",
    "理由 reason",
]


_OF_PHOTOS = {"report": "上报", "add": "补充", "event": "设备拍摄"}
"""How a photo came, where no move brought it."""


def move_named(move: str) -> str:
    """What a move is called, and the ways beside moves in which photos come."""
    if move in MOVES:
        return MOVES[move].zh
    return _OF_PHOTOS.get(move) or BESIDE.get(move, (move,))[0]


def stage_named(state: str) -> str:
    """What the state is called in which a photo came."""
    return states().get(state, state)


def history_rows(lines: Iterable[Row], decisions: Decisions) -> list[list[Cell]]:
    """流转记录: what was done, by whom, where it led and why."""
    names = states()
    rows: list[list[Cell]] = []
    for line in lines:
        move = str(line["move"])
        department = line["department"]
        rows.append([
            int(line["seq"]), datetime.fromisoformat(line["at"]),
            move_named(move),
            names[line["to_state"]], str(line["by"]),
            department_named(department, decisions) if department else None, line["reason"],
        ])  # fmt: skip
    return rows


REPORT_HEADS = [
    "时间 at",
    "来源 source",
    "案情 text",
    "处理 outcome",
    "经度 longitude",
    "纬度 latitude",
]


def report_rows(reports: Iterable[Any]) -> list[list[Cell]]:
    """一案多报: the reports of one trouble."""
    return [
        [
            r.at,
            r.source,
            r.text,
            _OUTCOMES.get(r.outcome, r.outcome),
            _degrees(r.lon),
            _degrees(r.lat),
        ]
        for r in reports
    ]


def _degrees(value: float | None) -> float | None:
    """To a tenth of a metre: more is no place."""
    return None if value is None else round(value, 6)
