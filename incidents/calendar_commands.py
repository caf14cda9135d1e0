"""`python -m incidents calendar import|confirm|check|deadline`: an operator's way to the working calendar.

Importing shows what would change and keeps nothing until asked to; confirming is a person's word, in an edition of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from incidents.calendar import TimeLimit, Unit, WorkingCalendar
from incidents.calendar_outlook import Urgency, outlook
from incidents.errors import DecisionRefused
from incidents.postgres import decision_store, wakes
from incidents.postgres.connection import Connection
from incidents.standards import notices, seeds, tables

Database = Callable[[], AbstractContextManager[Connection]]

PACKAGE = "holidays"

Author = Annotated[str | None, typer.Option(help="谁定的 / who decided.")]
Keep = Annotated[bool, typer.Option("--keep", help="采用为新版本 / keep it as a new edition.")]
AsJson = Annotated[bool, typer.Option("--json", help="给程序读 / for a program to read.")]
From = Annotated[
    datetime | None, typer.Option("--from", help="何时施行，缺省为现在 / when it begins; now.")
]


def add(part: typer.Typer, database: Database) -> None:
    """Give the calendar its commands beside `show` and `put`."""
    _add_import(part, database)
    _add_confirm(part, database)
    _add_check(part, database)
    _add_deadline(part, database)


def _add_import(part: typer.Typer, database: Database) -> None:
    @part.command("import")
    def import_(  # noqa: PLR0913, PLR0917 - each option is a word of the operator's
        source: Annotated[
            str, typer.Argument(help="holidays（Python 包 package），或文件 or .csv .json .toml")
        ],
        year: Annotated[int | None, typer.Option(min=1990, max=2200)] = None,
        country: Annotated[str, typer.Option(help="holidays 包的国家 / its country.")] = "CN",
        keep_others: Annotated[
            bool, typer.Option("--keep-others", help="该年其余日期不动 / other dates stay.")
        ] = False,
        keep: Keep = False,
        author: Author = None,
        holds_from: From = None,
        as_json: AsJson = False,
    ) -> None:
        """读入一年的放假调休：先看差异，加 --keep 才采用 / A year's days off: the difference first, kept with --keep."""
        who = _who(author) if keep else None
        notice = _notice(source, year, country)
        with database() as conn, conn.transaction():
            if who:
                decision_store.guard(conn)
            before = _body(conn)
            after = notices.applied(before, notice, keep_others=keep_others)
            tables.read("calendar", after)
            changes = notices.difference(before, after)
            kept = None
            if who and changes:
                kept = decision_store.keep(conn, "calendar", after, who, _instant(holds_from))
        _told_import(before, after, changes, (notice.year, kept), as_json=as_json)


def _add_confirm(part: typer.Typer, database: Database) -> None:
    @part.command("confirm")
    def confirm(
        until: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="2027-12-31")],
        author: Annotated[str, typer.Option(help="谁定的 / who decided.")],
        no_make_up_days: Annotated[
            bool, typer.Option("--no-make-up-days", help="确无调休 / there are none, it is known.")
        ] = False,
        as_json: AsJson = False,
    ) -> None:
        """确认日历到某日：暂定的到期时间随后重算 / The calendar is known until that day; provisional deadlines follow."""
        with database() as conn, conn.transaction():
            decision_store.guard(conn)
            body = _body(conn)
            if not no_make_up_days:
                _refuse_unannounced(body, until.date())
            after = {**body, "confirmed_until": until.date().isoformat()}
            number = decision_store.keep(conn, "calendar", after, author)
        _say(
            as_json,
            {"id": number, "confirmed_until": after["confirmed_until"]},
            f"日历已确认到 {until:%Y-%m-%d}，新版本 {number} / confirmed until then: edition {number}",
        )


def _add_check(part: typer.Typer, database: Database) -> None:
    @part.command("check")
    def check(as_json: AsJson = False) -> None:
        """日历确认到哪天、缺哪年；须处理时退出码 1 / How far it is confirmed; exit 1 when somebody has to act."""
        with database() as conn:
            found = outlook(decision_store.in_force(conn).calendar, datetime.now(UTC))
            unsure = wakes.provisional(conn)
        facts = {**asdict(found), "zh": found.zh, "en": found.en, "provisional": unsure}
        told = f"暂定到期的未结案件 open incidents with a provisional deadline: {unsure}"
        _say(as_json, facts, f"{found.zh}\n{found.en}\n{told}")
        if found.urgency is not Urgency.GOOD:
            raise typer.Exit(1)


def _add_deadline(part: typer.Typer, database: Database) -> None:
    @part.command("deadline")
    def deadline(
        at: Annotated[datetime, typer.Argument(help="2026-11-24T10:00，本市时间 / city time")],
        amount: Annotated[float, typer.Argument(help="4")],
        unit: Annotated[Unit, typer.Argument(help="单位 / unit")],
        area: Annotated[str | None, typer.Option(help="区域或网格编码 / code of a place.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """试算一个时限何时到期，逐段说明 / When a limit would end, and what of the time counts."""
        limit = TimeLimit(amount, unit)
        with database() as conn:
            calendar = decision_store.in_force(conn).calendar
        begin = at if at.tzinfo else at.replace(tzinfo=calendar.zone)
        _told_deadline(calendar, begin, limit, area, as_json=as_json)


def _notice(source: str, year: int | None, country: str) -> notices.Notice:
    if source != PACKAGE:
        path = Path(source)
        try:
            return notices.from_file(path.name, path.read_bytes(), year)
        except OSError as fault:
            raise DecisionRefused(
                zh=f"{source} 读不了（{fault}）", en=f"{source} cannot be read ({fault})"
            ) from fault
    if year is None:
        raise typer.BadParameter("请用 --year 指明年份 / say which year: --year 2027")
    return notices.from_package(year, country)


def _told_import(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    changes: list[notices.Change],
    made: tuple[int, int | None],
    *,
    as_json: bool,
) -> None:
    year, kept = made
    counts = [notices.working_days(body, year) for body in (before, after)]
    announced = notices.confirmable(after, year)
    facts = {
        "year": year,
        "changes": [asdict(change) for change in changes],
        "working_days": counts,
        "make_up_days": announced,
        "id": kept,
    }
    lines = [change.line for change in changes] or ["没有差异 / nothing differs"]
    lines.append(f"{year} 年工作日 working days: {counts[0]} → {counts[1]}")
    if not announced:
        lines.append(
            f"注意：{year} 年没有调休上班日，多半是通知还没发布；请勿确认 / "
            f"{year} has no make-up days: most likely it was not announced yet, do not confirm it"
        )
    off = notices.days_off(after, year)
    if off < notices.BY_LAW:
        lines.append(
            f"注意：{year} 年只有 {off} 天放假，法定 {notices.BY_LAW} 天；文件没写到的日子按平常上班算 / "
            f"{year} has {off} days off, the law gives {notices.BY_LAW}: what the file leaves out is worked as usual"
        )
    if kept is not None:
        lines.append(
            f"已采用为新版本 {kept}；核对通知后 / kept as edition {kept}; compared with the notice, then: "
            f"python -m incidents calendar confirm {year}-12-31"
        )
    elif changes:
        lines.append("尚未采用；加 --keep --author / nothing kept yet: --keep --author NAME")
    _say(as_json, facts, "\n".join(lines))


def _told_deadline(
    calendar: WorkingCalendar,
    begin: datetime,
    limit: TimeLimit,
    area: str | None,
    *,
    as_json: bool,
) -> None:
    due = calendar.add(begin, limit, area)
    told = calendar.segments(begin, due.at, limit.unit, area)
    facts = {
        "due_at": due.at,
        "provisional": due.provisional,
        "segments": [
            {"from": one.begin, "to": one.end, "counted": one.counted, "why": one.why}
            for one in told
        ],
    }
    lines = [
        f"{_local(one.begin, calendar)} – {_local(one.end, calendar)}  "
        f"{_hours(one.end - one.begin) if one.counted else '  —  '}  {one.why}"
        for one in told
    ]
    unsure = "（暂定：日历未确认到该日 / provisional）" if due.provisional else ""
    words = f"{limit.zh} → {_local(due.at, calendar)} {unsure}"
    _say(as_json, facts, "\n".join([*lines, words.rstrip()]))


def _refuse_unannounced(body: Mapping[str, Any], until: date) -> None:
    """Every year from what is confirmed now on needs its make-up days: a year without was not announced."""
    known = body.get("confirmed_until")
    first = until.year if known is None else date.fromisoformat(known).year + 1
    bare = [y for y in range(first, until.year + 1) if not notices.confirmable(body, y)]
    if bare:
        years = "、".join(map(str, bare))
        raise DecisionRefused(
            zh=f"{years} 年没有调休上班日，多半是通知还没发布或没有读入；确无调休请加 --no-make-up-days",
            en=f"{years} has no make-up days: most likely its notice is not out or not imported; "
            "if there are none indeed, --no-make-up-days",
            faults=(),
        )


def _body(conn: Connection) -> dict[str, Any]:
    """The body in force, or the seed's where nobody decided."""
    kept = decision_store.editions_in_force(conn).get("calendar")
    return kept.body if kept else seeds.calendar()


def _who(author: str | None) -> str:
    if not author:
        raise typer.BadParameter("采用须署名：--author / who decides? --author NAME")
    return author


def _instant(given: datetime | None) -> datetime | None:
    return given.astimezone(UTC) if given else None


def _local(at: datetime, calendar: WorkingCalendar) -> str:
    return f"{at.astimezone(calendar.zone):%Y-%m-%d %H:%M}"


def _hours(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):5.2f} h"


def _say(as_json: bool, facts: Mapping[str, Any], words: str) -> None:
    print(json.dumps(facts, ensure_ascii=False, default=str) if as_json else words)
