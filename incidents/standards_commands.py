"""`python -m incidents standards show|diff|import|export`: an operator's way to the categories and filing conditions."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from incidents.category import Category
from incidents.errors import DecisionRefused
from incidents.postgres import decision_store, standards_store
from incidents.postgres.connection import Connection
from incidents.postgres.standards_store import Asked, Proposal
from incidents.standards import sheets
from incidents.standards.category_tables import write_category

Database = Callable[[], AbstractContextManager[Connection]]

File = Annotated[Path, typer.Argument(help=".xlsx .csv，或整份 or the whole as .toml .json")]
Author = Annotated[str, typer.Option(help="谁定的 / who decided.")]
From = Annotated[
    datetime | None, typer.Option("--from", help="何时施行，缺省为现在 / when it begins; now.")
]
Partial = Annotated[
    bool, typer.Option("--partial", help="文件只是一部分，缺行不动 / rows not in the file stay.")
]
AsJson = Annotated[bool, typer.Option("--json", help="给程序读 / for a program to read.")]


def add(part: typer.Typer, database: Database) -> None:
    """Give the standards their commands beside `put`."""
    _add_looking(part, database)
    _add_import(part, database)


def _add_looking(part: typer.Typer, database: Database) -> None:
    @part.command("show")
    def show(
        category: Annotated[
            str | None, typer.Argument(help="类别，如 gb47678.5-2026/matter/06010 / one category.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """打印现行版本（JSON），或一个类别 / Print the edition in force as JSON, or one category of it."""
        with database() as conn:
            _show(conn, category, as_json=as_json)

    @part.command("diff")
    def diff(
        file: File, holds_from: From = None, partial: Partial = False, as_json: AsJson = False
    ) -> None:
        """与现行版本比较，不改动任何东西 / What the file would change; changes nothing."""
        asked = Asked(_instant(holds_from), partial)
        with database() as conn:
            _tell(standards_store.propose(conn, _given(file), asked), as_json=as_json)

    @part.command("export")
    def export(
        file: Annotated[Path, typer.Argument(help=".xlsx 全部 all sheets; .csv 一张 one sheet")],
        sheet: Annotated[
            str,
            typer.Option(
                help="CSV 写哪一张 / which sheet: " + ", ".join(f.code for f in sheets.FORMS)
            ),
        ] = "conditions",
        holds_from: Annotated[
            datetime | None, typer.Option("--at", help="哪一刻的版本 / the edition of that moment.")
        ] = None,
    ) -> None:
        """导出为 Excel 或 CSV，改后可再导入 / Write what holds as .xlsx or .csv, to be changed and imported."""
        with database() as conn:
            _, body = standards_store.in_force(conn, _instant(holds_from))
        file.write_bytes(standards_store.export(body, _sheet(file, sheet)))
        print(file)


def _add_import(part: typer.Typer, database: Database) -> None:
    @part.command("import")
    def import_(
        file: File,
        author: Author,
        holds_from: From = None,
        partial: Partial = False,
        yes: Annotated[bool, typer.Option("--yes", help="不再询问 / do not ask.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """先列出差异，再在一个事务里采用为新版本 / Show the difference, then adopt it as a new edition."""
        given, asked = _given(file), Asked(_instant(holds_from), partial)
        with database() as conn:
            proposal = standards_store.propose(conn, given, asked)
            if not as_json:
                _tell(proposal, as_json=False)
            if not proposal.difference.nothing and not yes:
                _ask()
            asked = Asked(asked.holds_from, partial, proposal.base)
            number, proposal = standards_store.adopt(conn, given, author, asked)
        if as_json:
            print(json.dumps({"id": number, **_facts(proposal)}, ensure_ascii=False))
        elif number is not None:
            print(f"standards 新版本 {number} / edition {number} kept")


def _show(conn: Connection, category: str | None, *, as_json: bool) -> None:
    if category is None:
        number, body = standards_store.in_force(conn)
        kept = decision_store.editions_in_force(conn).get("standards")
        about = {"id": number, "author": kept.author if kept else "seed"}
        about |= {"holds_from": kept.holds_from.isoformat() if kept else None, "kind": "standards"}
        print(json.dumps({**about, "body": body}, ensure_ascii=False, indent=2))
        return
    decisions = decision_store.in_force(conn)
    found = decisions.category(category)
    today = decisions.equivalent(category, datetime.now(UTC))
    if as_json:
        print(json.dumps({**write_category(found), "today": today.as_json()}, ensure_ascii=False))
        return
    print("\n".join([*_words(found), f"今日编码 today: {today.zh} / {today.en}"]))


def _words(found: Category) -> list[str]:
    days = f"{found.valid_from or '…'} — {found.valid_to or '…'}"
    lines = [
        f"{found.key}  {found.name_zh} / {found.name_en}",
        f"大类 major: {found.major}  主管部门 responsible: {found.responsible or '—'}  有效 valid: {days}",
    ]
    for one in found.conditions:
        lines.append(f"  [{one.code}] {one.text_zh}  时限 {one.limit.zh}  结案：{one.closing_zh}")
        lines.append(f"      {one.text_en}  {one.limit.en}  {one.basis}")
    return lines


def _tell(proposal: Proposal, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_facts(proposal), ensure_ascii=False))
        return
    found = proposal.difference
    for row in found.rows:
        print(f"{sheets.form(row.sheet).zh} {row.line}")
    for member in found.others:
        print(f"修改 changed  {member}")
    for code, counted in found.counted().items():
        told = "  ".join(f"{what} {many}" for what, many in counted.items())
        print(f"{sheets.form(code).zh} {code}: {told}")
    if found.nothing:
        print("无变化 / nothing changes")


def _facts(proposal: Proposal) -> dict[str, Any]:
    return {"base": proposal.base, "difference": proposal.difference.as_json()}


def _ask() -> None:
    """A person says yes, or nothing happens; a program says --yes."""
    if not sys.stdin.isatty():
        raise DecisionRefused(
            zh="未采用：差异如上；确认无误后加 --yes",
            en="not adopted: the difference is above; add --yes to adopt it",
        )
    if not typer.confirm("采用为新版本？/ Adopt it?"):
        raise typer.Exit(1)


def _given(file: Path) -> bytes | Mapping[str, Any]:
    try:
        if file.suffix.lower() not in {".toml", ".json"}:
            return file.read_bytes()
        text = file.read_text(encoding="utf-8")
        body = json.loads(text) if file.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as fault:
        raise DecisionRefused(
            zh=f"{file} 读不了（{fault}）", en=f"{file} cannot be read ({fault})"
        ) from fault
    if not isinstance(body, dict):
        raise DecisionRefused(zh=f"{file} 应为一张表", en=f"{file} should hold a table")
    inner = body.get("body")
    return inner if isinstance(inner, dict) else body


def _sheet(file: Path, name: str) -> sheets.Form | None:
    if file.suffix.lower() == ".xlsx":
        return None
    if file.suffix.lower() != ".csv":
        raise typer.BadParameter("须为 .xlsx 或 .csv / .xlsx or .csv is needed")
    try:
        return sheets.form(name)
    except KeyError as fault:
        known = ", ".join(one.code for one in sheets.FORMS)
        raise typer.BadParameter(f"没有这张表 no such sheet: {name}; {known}") from fault


def _instant(given: datetime | None) -> datetime | None:
    return given.astimezone(UTC) if given else None
