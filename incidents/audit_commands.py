"""`python -m incidents audit …`: every hash chain and every incident looked at; one incident as a file that proves itself."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from typer.core import TyperGroup

from incidents import auditing
from incidents.auditing import Fault
from incidents.postgres import audit_store
from incidents.postgres.connection import Connection

Database = Callable[[], AbstractContextManager[Connection]]
AsJson = Annotated[bool, typer.Option("--json", help="给程序读 / for a program to read.")]


class _VerifyUnlessTold(TyperGroup):
    """`audit` and `audit NUMBER…` verify; the other commands are named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the word in where it was left out."""
        if not ({"--help", *self.commands} & set(args[:1])):
            args = ["verify", *args]
        return super().parse_args(ctx, args)


def commands(database: Database) -> typer.Typer:
    """The commands; `check` needs no database."""
    part = typer.Typer(
        cls=_VerifyUnlessTold, help="审计：流转记录的哈希链 / audit: the hash chains of history."
    )

    @part.command("verify")
    def verify(
        numbers: Annotated[
            list[str] | None, typer.Argument(help="只查这些案件 / only these incidents.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """核验哈希链、案件与流转记录是否相符、编号；有问题则退出码为 1 / Chains, folds, numbers; exit 1 with faults."""
        with database() as conn:
            report = audit_store.audit(conn, numbers or (), _step(as_json))
        _tell(report, as_json)
        _end(report.faults)

    @part.command("export")
    def export(
        number: str,
        out: Annotated[
            Path | None, typer.Option(help="写入文件，缺省打印 / write to a file; printed if not.")
        ] = None,
    ) -> None:
        """把一个案件的流转记录导出为可自证的 JSON / One incident's history as a file that proves itself."""
        with database() as conn:
            text = msgspec.json.format(
                msgspec.json.encode(audit_store.export(conn, number)), indent=1
            )
        if out is None:
            typer.echo(text.decode())
        else:
            out.write_bytes(text + b"\n")
            typer.echo(f"已写入 {out} / written")

    @part.command("check")
    def check(
        file: Path,
        media: Annotated[
            Path | None,
            typer.Option(help="照片文件夹，按编号查找并核对摘要 / a folder of photos to compare."),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """核验导出的文件，不需要数据库 / Verify an exported file; needs no database."""
        given = _read(file)
        faults = [*auditing.check_file(given), *(_photos(given, media) if media else ())]
        head = given.get("head") if isinstance(given, Mapping) else None
        if as_json:
            whole = {"sound": not faults, "head": head, "faults": [asdict(f) for f in faults]}
            typer.echo(json.dumps(whole, ensure_ascii=False))
        elif not faults:
            typer.echo(f"完好，链头 {head} / sound, head as shown")
        else:
            _list(faults)
        _end(faults)

    return part


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise typer.BadParameter(f"{file}: {fault}") from fault


def _photos(given: Mapping[str, Any], folder: Path) -> Iterable[Fault]:
    """Each photo of the file is in the folder, under a name that begins with its id, with its digest."""
    for one in given.get("media") or ():
        name, digest = str(one.get("id")), one.get("sha256")
        files = [path for path in folder.rglob(f"{name}*") if path.is_file()]
        if not any(hashlib.sha256(path.read_bytes()).hexdigest() == digest for path in files):
            zh = f"照片 {name} {'与摘要不符' if files else '不在文件夹中'}"
            en = (
                f"photo {name} {'is not what its digest says' if files else 'is not in the folder'}"
            )
            yield Fault(str(given.get("number")), "photo", zh, en)


def _step(as_json: bool) -> audit_store.Step:
    def told(n: int, of: int) -> None:
        if not as_json and sys.stderr.isatty():
            print(f"\r{n} / {of}", end="", file=sys.stderr, flush=True)

    return told


def _tell(report: audit_store.Report, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"sound": not report.faults, **asdict(report)}, ensure_ascii=False))
        return
    _list(report.faults)
    typer.echo(f"案件 {report.incidents}，流转记录 {report.lines} 条 / incidents, lines of history")
    if report.numbers_unused is not None:
        typer.echo(
            f"未用的编号 {report.numbers_unused}：回滚的立案也会用掉编号，本身不是问题 / "
            "numbers not used: an opening that was rolled back uses one up; by itself no fault"
        )
    if report.seal is not None:
        typer.echo(
            f"封印 seal {report.seal}（可打印、签字、另存 print it, sign it, keep it elsewhere）"
        )
    if not report.faults:
        typer.echo("完好 / sound")


def _list(faults: Iterable[Fault]) -> None:
    for one in faults:
        where = one.number if one.seq is None else f"{one.number} #{one.seq}"
        typer.echo(f"✘ {where} [{one.what}] {one.words}")


def _end(faults: Iterable[Fault]) -> None:
    if any(True for _ in faults):
        raise typer.Exit(1)
