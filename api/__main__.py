"""Commands of the API: `serve`, and accounts made, listed and withdrawn by the operator."""

from __future__ import annotations

import gc
import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, NoReturn

import psycopg
import typer
from pydantic import ValidationError

from api import media_upkeep
from api.objects import Objects
from api.settings import Settings
from grid.errors import CityError
from incidents.lifecycle import Role
from incidents.postgres import accounts as kept
from incidents.postgres import jobs, passwords, sessions
from incidents.postgres.connection import Connection, connect

if TYPE_CHECKING:
    from fastapi import FastAPI

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="一网接口 The API of 一网 Yiwang."
)
accounts = typer.Typer(
    no_args_is_help=True, help="账户 Accounts: people and programs that may ask."
)
app.add_typer(accounts, name="accounts")
media = typer.Typer(no_args_is_help=True, help="照片 Photos and their store.")
app.add_typer(media, name="media")

GARBAGE = 20_000
"""New objects after which garbage is looked for; Python's own 700 suits a script."""

AsJson = Annotated[bool, typer.Option("--json", help="供程序读取 for programs")]


def application() -> FastAPI:
    """The application from the environment's settings: what uvicorn calls in each process."""
    from api.app import create_app  # accounts are made without the whole API being loaded

    made = create_app(_settings())
    # What is loaded by now stays: it need not be looked through for garbage again and again (a tenth of the processor).
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)
    return made


@app.command()
def serve() -> None:
    """启动接口服务 Serve until SIGINT or SIGTERM."""
    from api.server import serve as run_server

    settings = _settings()
    if not run_server(settings):
        _refuse(
            f"未能在 {settings.host}:{settings.api_port} 启动，原因见上；YIWANG_API_PORT 可另选端口 / "
            "did not start, see above; YIWANG_API_PORT chooses another port"
        )


@app.command()
def openapi() -> None:
    """打印接口描述 Print the OpenAPI description."""
    from api.app import create_app

    settings = Settings(database_url="postgresql://nowhere")
    print(json.dumps(create_app(settings).openapi(), ensure_ascii=False, indent=1))


@accounts.command()
def add(
    name: Annotated[str, typer.Argument(help="名称 its name")],
    role: Annotated[Role, typer.Option(help="角色")],
    department: Annotated[str | None, typer.Option(help="部门代码 department's code")] = None,
    area: Annotated[str | None, typer.Option(help="区域编码前缀 code prefix")] = None,
    scopes: Annotated[str, typer.Option(help="逗号分隔 comma-separated")] = "",
    json_: AsJson = False,
) -> None:
    """新建账户并打印一次令牌 Make an account and print its token, once."""
    named = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    with _store() as connection:
        token = kept.add(connection, kept.Applicant(name, role, department, area, named))
    if json_:
        print(json.dumps({"name": name, "role": str(role), "token": token}, ensure_ascii=False))
    else:
        print(token)
        print("令牌只显示这一次，请妥善保存 / shown this once", file=sys.stderr)


@accounts.command("list")
def list_(json_: AsJson = False) -> None:
    """列出账户 List accounts, without tokens."""
    with _store() as connection:
        everybody = kept.everybody(connection)
    if json_:
        print(json.dumps([asdict(one) for one in everybody], ensure_ascii=False))
        return
    for one in everybody:
        state = "" if one.active else "  已停用 inactive"
        print(f"{one.name}\t{one.role}\t{one.department or '-'}\t{one.area or '-'}{state}")


@accounts.command()
def deactivate(name: Annotated[str, typer.Argument(help="名称 its name")]) -> None:
    """停用账户 Withdraw an account: its token is refused within two seconds."""
    with _store() as connection:
        kept.deactivate(connection, name)
    print(f"已停用 {name} / withdrawn")


@accounts.command()
def password(
    name: Annotated[str, typer.Argument(help="名称 its name")],
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="从标准输入读取 read it from stdin, not invent it")
    ] = False,
    lasting: Annotated[
        bool,
        typer.Option("--lasting", help="首次登录不必修改 need not be changed at the first login"),
    ] = False,
) -> None:
    """设置口令并打印一次 Set a password and print it, once; it must be changed at the first login."""
    new = sys.stdin.readline().rstrip("\r\n") if from_stdin else passwords.invented()
    with _store() as connection:
        sessions.set_password(connection, name, new, _operator(), must_change=not lasting)
    if not from_stdin:
        print(new)
    print("原有会话已结束 / its sessions have ended", file=sys.stderr)


@accounts.command()
def unlock(name: Annotated[str, typer.Argument(help="名称 its name")]) -> None:
    """解除登录锁定 Let an account log in again before its quarter of an hour is over."""
    with _store() as connection:
        counted = sessions.unlock(connection, name, _operator())
    print("已解锁 / unlocked" if counted else "未被锁定 / was not locked")


def _operator() -> str:
    try:
        return f"operator:{getpass.getuser()}"
    except (OSError, KeyError):  # a container's user without a name
        return "operator"


@media.command()
def run(
    job: Annotated[str, typer.Argument(help="media_unattached · media_sweep")] = "media_sweep",
) -> None:
    """立即运行照片任务 Run a job over photos now, due or not."""
    objects = _objects()
    tasks = media_upkeep.runs(objects)
    if job not in tasks:
        raise typer.BadParameter(f"没有任务 no such job: {job}; {', '.join(tasks)}")
    with _store() as connection:
        print("\n".join(jobs.run_due(connection, datetime.now(UTC), job, tasks)))
        if any(row.failures for row in jobs.everything(connection) if row.name == job):
            sys.exit(1)


@media.command()
def sweep(
    surely: Annotated[
        bool, typer.Option("--surely", help="无主文件再多也删 remove strangers however many")
    ] = False,
) -> None:
    """核对照片与文件 Make the table and the store of photos agree, for all that is older than a day."""
    objects = _objects()
    with _store() as connection:
        now = datetime.now(UTC)
        print(media_upkeep.sweep(connection, objects, now, timedelta(days=1), surely=surely))


def _objects() -> Objects:
    settings = _settings()
    try:
        return Objects.at(settings.media, settings.home)
    except (ValueError, OSError) as fault:
        _refuse(f"照片存储打不开 / the store of photos cannot be opened: {fault}")


def _settings() -> Settings:
    try:
        return Settings()  # type: ignore[call-arg]  # from the environment
    except ValidationError as fault:
        wrong = "; ".join(f"YIWANG_{str(e['loc'][0]).upper()}: {e['msg']}" for e in fault.errors())
        _refuse(f"设置不对 / settings are wrong: {wrong}")


@contextmanager
def _store() -> Iterator[Connection]:
    try:
        with connect(_settings().database_url, "accounts") as connection:
            yield connection
    except CityError as fault:
        _refuse(str(fault))
    except psycopg.OperationalError as fault:
        _refuse(f"数据库无法连接 / the database cannot be reached: {str(fault).splitlines()[0]}")


def _refuse(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    app()
