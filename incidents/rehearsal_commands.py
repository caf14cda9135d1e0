"""`python -m incidents rehearse …`: what a proposed edition would have made of stored history, asked and held at once."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from incidents.errors import Unavailable
from incidents.postgres import city, rehearsal_run, rehearsal_store
from incidents.postgres.connection import Connection
from incidents.postgres.rehearsal_store import Rehearsal
from incidents.rehearsal import RehearsalRefused, Window

Database = Callable[[], AbstractContextManager[Connection]]
Bodies = Callable[[str, Path], dict[str, Any]]
SHOWN = 20
"""Lines of each list that a person is shown; `--json` has all that are kept."""
LEAST_PRIORITY = 10

File = Annotated[Path, typer.Argument(help="拟议的版本，TOML 或 JSON / the proposed edition.")]
From = Annotated[
    datetime | None,
    typer.Option("--from", help="起始（本市时间），缺省为昨天零点 / begins, by the city's clock."),
]
To = Annotated[
    datetime | None,
    typer.Option("--to", help="结束（不含），缺省为起始后一天，至多现在 / ends, not included."),
]
By = Annotated[str, typer.Option(help="谁要求的 / who asks.")]
AsJson = Annotated[bool, typer.Option("--json", help="给程序读 / for a program to read.")]

_HELP = {
    "rules": "规则预演：会立哪些案 / What these rules would have opened, and what not.",
    "routes": "路由预演：会派往何处 / Where these routes would have sent what was sent out.",
    "limits": "时限预演：标准或日历，哪些会超期 / Standards or a calendar: what would have been overdue.",
}


def commands(database: Database, body: Bodies) -> typer.Typer:
    """The commands; `body` reads a decision's file."""
    part = typer.Typer(
        no_args_is_help=True,
        help="预演 / rehearse an edition over stored history; changes nothing.",
    )
    for kind in rehearsal_store.KINDS:
        _add(part, kind, database, body)
    _add_work(part, database)
    return part


def _add(part: typer.Typer, kind: str, database: Database, body: Bodies) -> None:
    @part.command(kind, help=_HELP[kind])
    def rehearse(
        file: File,
        begins: From = None,
        ends: To = None,
        by: By = "operator",
        as_json: AsJson = False,
    ) -> None:
        given = body(kind, file)
        if given.get("kind") in {"standards", "calendar"}:  # as `show` prints an edition
            given = given["body"]
        with database() as conn:
            window = _window(conn, begins, ends)
            number = _held(conn, kind, given, window, by)
            found = rehearsal_store.one(conn, number)
            assert found is not None
            lists = {name: list(_whole(conn, number, name)) for name in _lists(conn, number)}
        _tell(found, lists, as_json)
        if found.state != "done":
            raise typer.Exit(1)


def _add_work(part: typer.Typer, database: Database) -> None:
    @part.command(
        "work", help="依次执行等候的预演（由 API 调用）/ Hold what waits; the API runs this."
    )
    def work(
        leashed: Annotated[
            bool, typer.Option(help="标准输入关闭即结束 / ends when its input is closed.")
        ] = False,
    ) -> None:
        if leashed:
            threading.Thread(target=_end_with_input, daemon=True).start()
        os.nice(LEAST_PRIORITY)
        with database() as conn:
            held = rehearsal_run.hold_all(conn)
        typer.echo(f"执行 {held} 个预演 / rehearsals held")


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def _held(conn: Connection, kind: str, given: Mapping[str, Any], window: Window, by: str) -> int:
    if not rehearsal_store.hold(conn):
        raise Unavailable(
            zh="另一个预演正在进行，请在其结束后重试",
            en="another rehearsal is being held; try again when it is over",
        )
    number = rehearsal_store.ask(conn, kind, given, window, by)
    claimed = rehearsal_store.claim(conn, number)
    assert claimed is not None
    rehearsal_run.perform(conn, claimed)
    return number


def _window(conn: Connection, begins: datetime | None, ends: datetime | None) -> Window:
    here = city.get(conn)
    zone = ZoneInfo(here.time_zone if here else "UTC")
    now = datetime.now(UTC)
    if begins is None and ends is not None:
        raise RehearsalRefused(zh="给了 --to 也须给 --from", en="--to needs a --from beside it")
    yesterday = datetime.combine(now.astimezone(zone) - timedelta(days=1), time(), zone)
    first = yesterday if begins is None else begins.replace(tzinfo=zone)
    last = min(first + timedelta(days=1), now) if ends is None else ends.replace(tzinfo=zone)
    return Window(first, last)


def _lists(conn: Connection, number: int) -> list[str]:
    return sorted(rehearsal_store.sizes(conn, number))


def _whole(conn: Connection, number: int, name: str) -> Iterator[dict[str, Any]]:
    after = 0
    while some := rehearsal_store.lines(conn, number, name, after, 1000):
        yield from (body for _, body in some)
        after = some[-1][0]


def _tell(found: Rehearsal, lists: Mapping[str, list[dict[str, Any]]], as_json: bool) -> None:
    if as_json:
        whole = {**asdict(found), "lists": lists}
        typer.echo(json.dumps(whole, ensure_ascii=False, default=str))
        return
    span = f"{found.begins:%Y-%m-%d %H:%M}Z – {found.ends:%Y-%m-%d %H:%M}Z"
    typer.echo(f"预演 rehearsal {found.id} · {found.kind} · {span} · {found.state}")
    if found.fault:
        typer.echo(found.fault)
    figures = (found.result or {}).items()
    for name, value in sorted(figures, key=lambda one: isinstance(one[1], dict)):
        _tell_figures(name, value)
    for name, lines in lists.items():
        typer.echo(f"{name}（{len(lines)}）")
        for line in lines[:SHOWN]:
            typer.echo("  " + words(line))
        if len(lines) > SHOWN:
            typer.echo(f"  … {len(lines) - SHOWN}（--json）")


def _tell_figures(name: str, value: object) -> None:
    if not isinstance(value, dict):
        typer.echo(f"  {name:<20} {value}")
        return
    for row, figures in value.items():
        told = ", ".join(f"{key} {figure}" for key, figure in figures.items())
        typer.echo(f"  {name:<20} {row or '—'}: {told}")


def words(line: Mapping[str, Any]) -> str:
    """A line of a list for a terminal: what it is about, then its reason."""
    about = [
        str(line[key]) for key in ("number", "device", "category", "cell", "at") if line.get(key)
    ]
    if "changes" in line:
        sides = ("present", "proposed", "happened")
        about += [f"{side}: {line[side]['department'] or '—'}" for side in sides]
    if "would_be" in line:
        about.append(
            f"{line['clock_zh']} {line['used']} {line['unit']} / {line['would_be']['amount']}"
        )
    return " · ".join([*about, str(line.get("why") or "")]).removesuffix(" · ")
