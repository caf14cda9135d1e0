"""Incidents as files 导出: a list or one incident as an Excel workbook or a PDF, made of what the caller may read anyway."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from api import incident_tables as tables
from api import workbook
from api.caller import Caller
from api.objects import Objects
from api.shapes import shown
from api.taken import Cell, Taken, marked
from incidents.decisions import Decisions
from incidents.errors import Unavailable
from incidents.incident import Incident
from incidents.postgres import decision_store, media_store, views
from incidents.postgres.connection import Connection
from incidents.postgres.listing import Page

XLSX, PDF = workbook.MEDIA, "application/pdf"
FORMS = (XLSX, PDF)
REPORTS = 200
"""Reports in a file of one incident at most; the paper says how many there are."""
PHOTOS = 24
"""Photos on paper at most, the newest, some 60 KB each; it says how many there are."""
_LOST = "照片文件已遗失，请管理员从备份恢复 the file is lost; restore it from a backup"
_AWAY = "照片存储此刻无应答，请稍后再导出 the store of photos did not answer"
_ENDING = {XLSX: "xlsx", PDF: "pdf"}
_LIST_MM = (38, 22, 34, 64, 32, 26, 26, 26)
_CLOCK_MM = (22, 20, 30, 34, 46, 30)
_HISTORY_MM = (10, 32, 24, 20, 26, 24, 46)
_REPORT_MM = (32, 28, 62, 20, 20, 20)
_PHOTOS_MM = 84
"""That must be left on a page for a first row of photos."""
_WIDTHS = (20, 10, 8, 16, 28, 40)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a file, when, by which decisions things are named."""

    caller: Caller
    at: datetime
    decisions: Decisions

    def taken(self, title: str, *more: str) -> Taken:
        """The file's title and mark."""
        zone = ZoneInfo(self.decisions.time_zone)
        mark = marked(self.caller.name, self.at, zone, *more)
        return Taken(title, self.caller.name, self.at, mark, zone)


def of_list(page: Page, form: str, asked: Asked, headers: dict[str, str]) -> Response:
    """A page of a list; where more would follow, the file says so."""
    part = f"前 {len(page.rows)} 件，其后还有" if page.after else f"{len(page.rows)} 件"
    taken = asked.taken("案件列表", part)
    if form == XLSX:
        heads, rows = tables.whole_list(page.rows, asked.decisions)
        data = workbook.workbook(taken, [workbook.Sheet("案件", heads, rows, _WIDTHS)])
    else:
        from api import papers  # typesetting is read in when somebody wants paper

        heads, rows = tables.short_list(page.rows, asked.decisions)
        grid = papers.Grid(heads, rows, _LIST_MM, frozenset({1, 2, 3, 4, 6, 7}))
        data = papers.paper(taken, [papers.Text(part), grid], wide=True)
    return _sent(data, form, f"incidents-{asked.at:%Y%m%dT%H%M%SZ}", headers)


def of_one(whole: Whole, form: str, asked: Asked, objects: Objects) -> Response:
    """One incident with its clocks, history and reports, as `GET` of each tells this caller; on paper with its photos."""
    found = whole.incident
    taken = asked.taken(f"案件 {found.number}", f"第 {found.version} 版")
    data = _book(taken, whole) if form == XLSX else _paper(taken, whole, objects)
    headers = {"Vary": "Accept, Authorization", "Cache-Control": "private, no-cache"}
    return _sent(data, form, f"incident-{found.number}", headers)


@dataclass(frozen=True, slots=True)
class Whole:
    """One incident in tables; `of` says how many reports there are. `photos` are known by name, their files not read."""

    incident: Incident
    text: str
    facts: list[tuple[str, Cell]]
    clocks: list[list[Cell]]
    history: list[list[Cell]]
    reports: list[list[Cell]]
    of: int
    photos: list[media_store.UsedPhoto]


def read(connection: Connection, found: Incident, asked: Asked) -> Whole:
    """What a file of one incident is made of, all that needs the database."""
    view: dict[str, Any] = shown(found, asked.caller, asked.decisions.policy, asked.at)
    lines = json.loads(views.history(connection, found.number))
    reports, total = views.reports_of(connection, found.number, REPORTS, 0)
    facts = tables.facts({**view, "text": None}, asked.decisions)
    return Whole(
        incident=found,
        text=str(view["text"]),
        facts=facts,
        clocks=tables.clock_rows(
            found.clocks,
            lambda clock: decision_store.calendar_of(connection, clock, asked.decisions),
            asked.at,
        ),
        history=tables.history_rows(lines, asked.decisions),
        reports=tables.report_rows(reports),
        of=total,
        photos=media_store.of_incident(connection, found.number),
    )


def _book(taken: Taken, whole: Whole) -> bytes:
    facts: list[Sequence[Cell]] = [(tables.HEADS["text"][0], whole.text), *whole.facts]
    sheet = workbook.Sheet
    return workbook.workbook(taken, [
        sheet("案件", ("项目 item", "内容 value"), facts, (20, 60), 1),
        sheet("计时", tables.CLOCK_HEADS, whole.clocks, (10, 8, 14, 12, 20), 1),
        sheet("流转", tables.HISTORY_HEADS, whole.history, (6, 20, 14, 10, 16, 20, 60), 1),
        sheet("上报", tables.REPORT_HEADS, whole.reports, (20, 20, 60), 1),
    ])  # fmt: skip


def _paper(taken: Taken, whole: Whole, objects: Objects) -> bytes:
    from api import papers

    more = f"（前 {len(whole.reports)} 条）" if whole.of > len(whole.reports) else ""
    blocks: list[papers.Block] = [
        papers.Text(whole.text or "（无文字）"),
        papers.Facts(whole.facts),
        papers.Heading("计时 Clocks"),
        papers.Grid(tables.CLOCK_HEADS, whole.clocks, _CLOCK_MM, frozenset({2})),
        papers.Heading("流转记录 History"),
        papers.Grid(tables.HISTORY_HEADS, whole.history, _HISTORY_MM, frozenset({2, 3, 4, 5, 6})),
        papers.Heading(f"上报 {whole.of} 次{more} Reports"),
        papers.Grid(tables.REPORT_HEADS, whole.reports, _REPORT_MM, frozenset({1, 2, 3})),
    ]
    if whole.photos:
        blocks += _photos(whole.photos, taken, objects)
    return papers.paper(taken, blocks)


def _photos(photos: Sequence[media_store.UsedPhoto], taken: Taken, objects: Objects) -> list[Any]:
    """The newest photos in the order they came, each with stage, move, time and who brought it."""
    from api import papers

    last = photos[-PHOTOS:]
    more = f"（最近 {len(last)} 张）" if len(photos) > len(last) else ""
    rows = [
        papers.Photo(
            data,
            (
                f"{media_store.KINDS[each.kind]} · {tables.stage_named(each.stage)} · {tables.move_named(each.move)}",
                f"{taken.words(each.at)} · {each.by}",
            ),
            why,
        )
        for each, (data, why) in zip(last, _files(last, objects), strict=True)
    ]
    return [papers.Heading(f"照片 {len(photos)} 张{more} Photos", _PHOTOS_MM), papers.Photos(rows)]


def _files(
    photos: Sequence[media_store.UsedPhoto], objects: Objects
) -> Iterator[tuple[bytes | None, str]]:
    """The file of each photo, or why there is none; a store that does not answer is not asked again."""
    away = False
    for each in photos:
        data = None
        try:
            data = None if away else objects.get(each.id)
        except Unavailable:
            away = True
        yield data, _AWAY if away else _LOST


def _sent(data: bytes, form: str, name: str, headers: dict[str, str]) -> Response:
    kept = f'attachment; filename="{name}.{_ENDING[form]}"'
    return Response(data, 200, {**headers, "Content-Disposition": kept}, media_type=form)
