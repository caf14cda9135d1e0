"""Evaluation's figures as they are shown: each with the address of the list it counts, as JSON, CSV and a workbook."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from api.evaluation_schemas import Narrowed
from api.shapes import states
from api.taken import Cell, Taken
from api.workbook import Sheet
from api.workbook import workbook as written
from incidents.evaluation import Book, Figure, Flag, Rate, Tally, value
from incidents.lifecycle import Role
from incidents.postgres.evaluation_editions import Edition
from incidents.postgres.evaluation_views import Member, Table

POSTS = {
    str(role): zh
    for role, zh in (
        (Role.SHIFT_LEAD, "值班长"),
        (Role.DISPATCHER, "派遣员"),
        (Role.INTAKE_OFFICER, "受理员"),
        (Role.INSPECTOR, "网格员/监督员"),
        (Role.DEPARTMENT, "专业部门"),
        (Role.ADMINISTRATOR, "系统管理员"),
        (Role.SYSTEM, "系统自动"),
    )
}
"""What posts are called."""

LIST = "/api/v1/evaluation/incidents"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_COLUMNS = (
    "number", "day", "value", "state", "category", "urgent", "district", "street", "community", "department",
    "reported_at", "opened_at", "dispatched_at", "handled_at", "closed_at", "due_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answered:
    """A table that was asked for: figures of groups and of all, by which book and editions."""

    asked: Narrowed
    group: str
    period: tuple[date, date]
    book: Book
    editions: Sequence[Edition]
    table: Table
    total: Mapping[str, Tally]
    names: Mapping[str, str]

    @property
    def query(self) -> list[tuple[str, str]]:
        """What every list of it is asked with; a closed month's edition is named, so that the list never changes."""
        given = self.asked.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude={"limit", "after", "edition"}
        )
        if self.asked.period is not None:
            given["edition"] = self.editions[0].number if self.editions else 0
        elif self.asked.edition is not None:
            given["edition"] = self.asked.edition
        return [(key, str(each)) for key, each in given.items()]


def body(answered: Answered, as_of: datetime | None, next_: str | None) -> dict[str, Any]:
    """The table as JSON's members."""
    first, last = answered.period
    base = f"{LIST}?{urlencode(answered.query)}"
    return {
        "by": answered.asked.by,
        "level": answered.group,
        "first": first,
        "last": last,
        "editions": [edition_shown(one) for one in answered.editions],
        "as_of": as_of,
        **definitions(answered.book),
        "total": _row(answered, base, (None, "合计 total"), answered.total),
        "rows": [
            _row(
                answered,
                f"{base}&{urlencode({'code': code})}",
                (code or None, answered.names.get(code) or ("" if code else "区外或无 none")),
                row,
            )
            for code, row in answered.table.items()
        ],
        "next": next_,
    }


def definitions(book: Book) -> dict[str, Any]:
    """What the figures and rates mean."""
    return {
        "figures": [
            {
                "key": f.key,
                "zh": f.zh,
                "en": f.en,
                "at": f.at.name.lower(),
                "having": _flags(f.having),
                "without": _flags(f.without),
                "sums": f.sums,
            }
            for f in book.figures
        ],
        "rates": [asdict(rate) for rate in book.rates],
    }


def edition_shown(one: Edition) -> dict[str, Any]:
    """An edition without its book."""
    return {
        "month": f"{one.month:%Y-%m}",
        "number": one.number,
        "author": one.author,
        "made_at": one.made_at,
        "reason": one.reason,
    }


def member_shown(one: Member) -> dict[str, Any]:
    """A member of a list as JSON's members."""
    shown = asdict(one)
    del shown["incident_id"]
    return shown | {"zh": states()[one.state]}


def csv_page(members: Sequence[Member]) -> bytes:
    """A page of a list as RFC 4180 CSV in UTF-8; what a spreadsheet would take for a formula gets a quote before it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    writer.writerows([_cell(getattr(one, name)) for name in _COLUMNS] for one in members)
    return out.getvalue().encode()


def workbook(answered: Answered, who: str, at: datetime) -> bytes:
    """The table as an Excel workbook: figures, rates, what they mean; who took it out and when stands on every sheet."""
    first, last = answered.period
    mark = f"导出人 {who} · {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC · {first} 至 {last} · {_said(answered)}"
    rows = [("合计 total", "", answered.total)] + [
        (code or "—", answered.names.get(code, ""), row) for code, row in answered.table.items()
    ]
    figures, rates = answered.book.figures, answered.book.rates
    sheets = (
        _sheet("指标", [f"{f.zh}\n{f.en}" for f in figures], [
            (code, name, *(row.get(f.key, Tally()).n for f in figures)) for code, name, row in rows
        ]),
        _sheet("比率", [f"{r.zh}\n{r.en} ({r.unit})" for r in rates], [
            (code, name, *(value(r, row) for r in rates)) for code, name, row in rows
        ]),
        _sheet("含义", ["含义 meaning"], [
            *((f.key, f.zh, _meaning(f)) for f in figures), *((r.key, r.zh, _formula(r)) for r in rates)
        ]),
    )  # fmt: skip
    return written(Taken("综合评价", who, at, mark, ZoneInfo("UTC")), sheets)


def _sheet(title: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Sheet:
    return Sheet(title, ("代码 code", "名称 name", *heads), rows)


def _said(answered: Answered) -> str:
    if not answered.editions:
        return "现状，未关账 as things stand now"
    return "；".join(f"{one.month:%Y-%m} 第 {one.number} 版" for one in answered.editions)


def _meaning(figure: Figure) -> str:
    having = "、".join(_flags(figure.having)) or "—"
    without = "、".join(_flags(figure.without)) or "—"
    return f"at {figure.at.name.lower()}; having {having}; without {without}"


def _formula(rate: Rate) -> str:
    return f"{rate.of} ÷ {rate.over}" if rate.over else f"mean of {rate.of} ({rate.unit})"


def _row(
    answered: Answered, base: str, who: tuple[str | None, str], row: Mapping[str, Tally]
) -> dict[str, Any]:
    none = Tally()
    figures = {}
    for figure in answered.book.figures:
        one = row.get(figure.key, none)
        shown: dict[str, Any] = {"n": one.n, "list": f"{base}&figure={figure.key}"}
        if figure.sums:
            shown["sum"] = one.total
        figures[figure.key] = shown
    rates = {rate.key: value(rate, row) for rate in answered.book.rates}
    return {"code": who[0], "zh": who[1] or None, "figures": figures, "rates": rates}


def _flags(flags: int) -> list[str]:
    return [flag.name.lower() for flag in Flag if flag & flags]


def _cell(cell: Any) -> Any:
    if isinstance(cell, str):
        return "'" + cell if cell.startswith(_FORMULA) else cell
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else cell
