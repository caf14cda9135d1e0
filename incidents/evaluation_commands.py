"""`python -m incidents evaluate …`: an evaluator's way to close a month, run it again, and see what was counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from incidents.evaluation import Book, EvaluationRefused, Rate, Tally, value
from incidents.postgres import evaluation_editions as editions
from incidents.postgres import evaluation_store as store
from incidents.postgres import evaluation_views as views
from incidents.postgres.connection import Connection
from incidents.postgres.evaluation_editions import Edition

Database = Callable[[], AbstractContextManager[Connection]]
Bodies = Callable[[Path], dict[str, Any]]

Month = Annotated[str, typer.Argument(help="月份，如 a month such as 2026-11")]
Author = Annotated[str, typer.Option(help="谁定的 / who decided.")]
Reason = Annotated[str, typer.Option(help="为什么重算 / why it is run again.")]
AsJson = Annotated[bool, typer.Option("--json", help="给程序读 / for a program to read.")]
By = Annotated[str, typer.Option(help="分组 / grouped by: " + " ".join((*views.GROUPS, views.ALL)))]


def commands(database: Database, body: Bodies) -> typer.Typer:
    """The commands; `body` reads a decision's file."""
    part = typer.Typer(no_args_is_help=True, help="综合评价 / evaluation.")
    _add_closing(part, database)
    _add_looking(part, database)
    _add_figures(part, database, body)
    return part


def _add_closing(part: typer.Typer, database: Database) -> None:
    @part.command("close")
    def close(month: Month, author: Author, as_json: AsJson = False) -> None:
        """关账：该月指标与名单自此不变 / Close a month: its figures and lists change no more."""
        first = month_of(month)
        with database() as conn:
            _say(editions.close(conn, first, author, datetime.now(UTC)), as_json)

    @part.command("rerun")
    def rerun(month: Month, author: Author, reason: Reason, as_json: AsJson = False) -> None:
        """按现状重算已关账的月份，另成一版，旧版照旧可读 / Count a closed month anew, as another edition."""
        first = month_of(month)
        with database() as conn:
            _say(editions.rerun(conn, first, author, datetime.now(UTC), reason), as_json)

    @part.command("rebuild")
    def rebuild(as_json: AsJson = False) -> None:
        """从流转记录重新计分，已关账的不动 / Score every incident anew; closed months stay."""
        with database() as conn:
            scored = store.rebuild(conn, datetime.now(UTC))
        words = f"重新计分 {scored} 件 / incidents scored anew"
        typer.echo(json.dumps({"scored": scored}) if as_json else words)


def _add_looking(part: typer.Typer, database: Database) -> None:
    @part.command("show")
    def show(
        month: Month,
        by: By = "district",
        edition: Annotated[
            int | None,
            typer.Option(help="第几版，0 为现状 / which edition; 0: as things stand now."),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """某月的指标与比率 / A month's figures and rates."""
        first = month_of(month)
        if by not in {*views.GROUPS, views.ALL}:
            raise typer.BadParameter(f"--by: {' '.join((*views.GROUPS, views.ALL))}")
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        with database() as conn:
            parts, used = editions.parts(conn, editions.Asked(first, last, edition))
            table = views.table(conn, parts, by, views.Within())
        if as_json:
            typer.echo(json.dumps(_facts(table, parts[0].book, used), ensure_ascii=False))
            return
        typer.echo("\n".join(_lines(table, parts[0].book, used)))

    @part.command("editions")
    def all_editions(as_json: AsJson = False) -> None:
        """各月关账的版本 / The editions of closed months."""
        with database() as conn:
            found = editions.editions(conn)
        if as_json:
            typer.echo(json.dumps([_about(one) for one in found], ensure_ascii=False))
            return
        for one in found:
            typer.echo(_words(one))


def _add_figures(part: typer.Typer, database: Database, body: Bodies) -> None:
    @part.command("figures")
    def figures() -> None:
        """打印现行指标、比率与除外规则（JSON）/ Print the figures, rates and exclusions in force."""
        with database() as conn:
            typer.echo(json.dumps(store.book_in_force(conn), ensure_ascii=False, indent=2))

    @part.command("put")
    def put(file: Path, author: Author, as_json: AsJson = False) -> None:
        """提交指标的新版本，TOML 或 JSON / Keep another edition of figures; refused whole if not sound."""
        given = store.body_of(body(file))
        with database() as conn:
            number = store.decide(conn, given, author)
        words = f"指标新版本 {number} / edition {number} kept"
        typer.echo(json.dumps({"id": number}) if as_json else words)


def month_of(text: str) -> date:
    """The first day of `YYYY-MM`; EvaluationRefused when it is none."""
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError as fault:
        raise EvaluationRefused(
            zh=f"{text!r} 不是月份，应如 2026-11", en=f"{text!r} is no month such as 2026-11"
        ) from fault


def _say(made: Edition, as_json: bool) -> None:
    typer.echo(json.dumps(_about(made), ensure_ascii=False) if as_json else _words(made))


def _about(one: Edition) -> dict[str, Any]:
    facts = asdict(one)
    del facts["book"], facts["daily"]
    return {
        **facts,
        "month": f"{one.month:%Y-%m}",
        "made_at": one.made_at.astimezone(UTC).isoformat(),
    }


def _words(one: Edition) -> str:
    return (
        f"{one.month:%Y-%m} 第 {one.number} 版 / edition {one.number}: "
        f"{one.author} {one.made_at:%Y-%m-%d %H:%M}Z {one.reason}"
    )


def _facts(table: views.Table, book: Book, used: list[Edition]) -> dict[str, Any]:
    return {
        "editions": [_about(one) for one in used],
        "rows": [
            {
                "code": code,
                "figures": {key: one.n for key, one in row.items()},
                "rates": {rate.key: value(rate, row) for rate in book.rates},
            }
            for code, row in table.items()
        ],
    }


def _lines(table: views.Table, book: Book, used: list[Edition]) -> list[str]:
    found = [_words(one) for one in used] or ["未关账，现状 / not closed, as things stand now"]
    for code, row in table.items():
        found.append(f"\n── {code or '（区外、无 / none）'}")
        found += [
            f"{figure.zh} {figure.en}: {row.get(figure.key, Tally()).n}"
            for figure in book.figures
            if figure.key in row
        ]
        found += [f"{rate.zh} {rate.en}: {_shown(rate, value(rate, row))}" for rate in book.rates]
    return found


def _shown(rate: Rate, worth: float | None) -> str:
    if worth is None:
        return "—"
    return f"{worth:.1%}" if rate.unit == "ratio" else f"{worth:.1f} {rate.unit}"
