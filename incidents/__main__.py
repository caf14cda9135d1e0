"""`python -m incidents`: what an operator does with the store; exit 0 done, 1 refused with reasons, 2 wrong usage."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import psycopg
import typer
from pydantic import SecretStr, ValidationError

from grid.atlas import Atlas
from grid.coordinates import Datum, to_wgs84
from grid.errors import CityError
from incidents import (
    audit_commands,
    calendar_commands,
    rehearsal_commands,
    route_trial,
    standards_commands,
)
from incidents.errors import DecisionRefused, Unavailable
from incidents.evaluation_commands import commands as evaluation_commands
from incidents.lifecycle import Role
from incidents.postgres import (
    accounts,
    balance,
    city,
    decision_store,
    grid_store,
    jobs,
    migrate,
    timescale,
)
from incidents.postgres.connection import Connection
from incidents.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="存储与规则 / the store and the city's decisions. YIWANG_DATABASE_URL names the database.",
)
rules = typer.Typer(no_args_is_help=True, help="研判规则 / rules.")
routes = typer.Typer(no_args_is_help=True, help="派遣路由 / routes.")
standards = typer.Typer(
    no_args_is_help=True, help="分类与部门 / categories, nearness, departments."
)
calendar = typer.Typer(no_args_is_help=True, help="工作日历 / working hours and days off.")
job = typer.Typer(no_args_is_help=True, help="后台任务 / jobs.")
store = typer.Typer(no_args_is_help=True, help="读数存储 / how readings are kept.")
for name, part in (
    ("rules", rules),
    ("routes", routes),
    ("standards", standards),
    ("calendar", calendar),
    ("jobs", job),
    ("store", store),
):
    app.add_typer(part, name=name)

AsJson = Annotated[bool, typer.Option("--json", help="给程序读 / for a program to read.")]


@app.command("migrate")
def migrate_(
    sql: Annotated[
        bool, typer.Option("--sql", help="只打印语句 / only print the statements.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """把数据库升级到最新结构 / Bring the database to the newest schema."""
    if sql:
        print(migrate.sql_for_review())
        return
    revision = migrate.migrate(_url(_settings()))
    _tell(as_json, {"revision": revision}, f"数据库结构已是最新 / schema is at {revision}")


@app.command()
def seed(as_json: AsJson = False) -> None:
    """首次启动：城市、规则、管理员；可重复执行 / First start: city, decisions, administrator; safe to repeat."""
    settings = _settings()
    with _database(settings) as conn:
        if city.get(conn) is None:
            city.put(conn, city.City(settings.city_name, settings.region, settings.time_zone))
        kinds = decision_store.seed(conn)
        token, made = _administrator(conn, settings.admin_token)
    said: dict[str, Any] = {"decisions": list(kinds), "administrator": made}
    words = [f"规则已就绪 / decisions seeded: {', '.join(kinds) or '无 none (there already)'}"]
    if made:
        words.append("已建管理员 admin / administrator 'admin' made")
    if token is not None:
        said["token"] = token
        words.append(f"管理员令牌（只显示这一次）/ administrator's token, shown once: {token}")
    _tell(as_json, said, "\n".join(words))


@app.command("balance")
def balance_(
    sql: Annotated[
        bool, typer.Option("--sql", help="打印每行的语句 / print each line's statement.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """对账：收到的与留下的逐行相等 / The books: what came in is what is there, line by line."""
    with _database(_settings()) as conn:
        books = balance.read(conn)
    if as_json:
        print(json.dumps({"exact": books.exact, **asdict(books)}, ensure_ascii=False))
    else:
        if sql:
            for line in books.lines:
                print(f"-- {line.name}: {line.zh} / {line.en}\n{line.sql};\n")
        print(balance.table(books))
    if not books.exact:
        raise typer.Exit(1)


@app.command()
def lifecycle() -> None:
    """案件生命周期图与表 / The incident's lifecycle, drawn from its table."""
    from incidents.lifecycle_drawing import markdown

    print(markdown())


def _show(kind: str) -> None:
    with _database(_settings()) as conn:
        kept = decision_store.editions_in_force(conn).get(kind)
    if kept is None:
        raise Unavailable(
            zh=f"尚无 {kind}；请先 python -m incidents seed",
            en=f"no {kind} were decided yet; python -m incidents seed",
        )
    about = {"id": kept.id, "author": kept.author, "holds_from": kept.holds_from.isoformat()}
    print(json.dumps({**about, "kind": kind, "body": kept.body}, ensure_ascii=False, indent=2))


def _put(kind: str, file: Path, author: str, holds_from: datetime | None, as_json: bool) -> None:
    body = _body(kind, file)
    moment = holds_from.astimezone(UTC) if holds_from else None
    with _database(_settings()) as conn:
        number = decision_store.keep(conn, kind, body, author, moment)
    _tell(as_json, {"kind": kind, "id": number}, f"{kind} 新版本 {number} / edition {number} kept")


Author = Annotated[str, typer.Option(help="谁定的 / who decided.")]
From = Annotated[
    datetime | None, typer.Option("--from", help="何时施行，缺省为现在 / when it begins; now.")
]


def _add_decision(part: typer.Typer, kind: str) -> None:
    """`show` and `put` of one kind; all kinds are put alike, and shown alike but the standards."""
    if kind != "standards":

        @part.command("show")
        def show() -> None:
            """打印现行版本（JSON）/ Print the edition in force, as JSON."""
            _show(kind)

    @part.command("put")
    def put(file: Path, author: Author, holds_from: From = None, as_json: AsJson = False) -> None:
        """提交新版本，TOML 或 JSON；不合规则整份拒收 / Keep a new edition; refused whole if not sound."""
        _put(kind, file, author, holds_from, as_json)


for _part, _kind in (
    (rules, "rules"),
    (routes, "routes"),
    (standards, "standards"),
    (calendar, "calendar"),
):
    _add_decision(_part, _kind)


@routes.command("try")
def routes_try(  # noqa: PLR0913, PLR0917 - each option is a part of the question
    category: Annotated[str | None, typer.Option(help="编码体系/matter/编码，缺省未分类")] = None,
    area: Annotated[str | None, typer.Option(help="区域编码 code of a cell or an area")] = None,
    lon: Annotated[float | None, typer.Option(min=-180, max=180)] = None,
    lat: Annotated[float | None, typer.Option(min=-90, max=90)] = None,
    datum: Annotated[Datum, typer.Option(help="坐标系 of lon and lat")] = Datum.WGS84,
    source: Annotated[str, typer.Option(help="来源 who tells it")] = "",
    at: Annotated[
        datetime | None,
        typer.Option(help="何时（本市时间），缺省为现在 / when, by the city's clock; now."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """这样的案件会派到哪里；不产生任何案件 / Where would this go? Creates nothing."""
    moment = at.astimezone(UTC) if at else datetime.now(UTC)
    if (lon is None) != (lat is None) or (lon is not None and area is not None):
        raise typer.BadParameter(
            "lon 与 lat 须同时给出，且不与 area 并用 / give lon and lat, or area"
        )
    with _database(_settings()) as conn:
        here = city.get(conn)
        zone = ZoneInfo(here.time_zone if here else "UTC")
        moment = at.replace(tzinfo=zone) if at else datetime.now(zone)
        if lon is not None and lat is not None:
            area = _cell_at(conn, lon, lat, datum)
        decisions = decision_store.in_force(conn, moment)
    trial = route_trial.Trial(category, (area,) if area else (), source, moment)
    answer = route_trial.where_to(trial, decisions)
    if as_json:
        print(json.dumps({**answer, "at": moment.isoformat()}, ensure_ascii=False))
    else:
        print(route_trial.words(answer))


@job.command("list")
def jobs_list(as_json: AsJson = False) -> None:
    """每个任务何时运行、说了什么 / When each job ran and what it said."""
    with _database(_settings()) as conn:
        rows = jobs.everything(conn)
    if as_json:
        print(json.dumps([asdict(row) for row in rows], ensure_ascii=False, default=str))
        return
    for row in rows:
        ran = f"{row.last_ended:%Y-%m-%d %H:%M}Z" if row.last_ended else "从未 never"
        print(f"{row.name:<22} {row.every!s:>9}  {ran:<18} {row.setting}  {row.last_result or ''}")


@job.command("run")
def jobs_run(
    name: Annotated[
        str | None, typer.Argument(help="只运行它，不论到期与否 / run this one, due or not.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """运行到期的任务 / Run the jobs that are due."""
    if name is not None:
        _known_job(name)
    with _database(_settings()) as conn:
        said = jobs.run_due(conn, datetime.now(UTC), name)
        failed = [row.name for row in jobs.everything(conn) if row.failures]
    _tell(
        as_json, {"ran": said, "failing": failed}, "\n".join(said) or "无到期任务 / nothing is due"
    )
    if failed:
        raise typer.Exit(1)


@job.command("set")
def jobs_set(
    name: str,
    setting: Annotated[str, typer.Argument(help='JSON，如 e.g. {"days": 400}')],
    every_minutes: Annotated[
        int | None, typer.Option(min=1, help="多久运行一次 / how often it runs.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """改任务的设置，如数据保存多少天 / Change a job's setting, such as for how many days readings are kept."""
    _known_job(name)
    try:
        given = json.loads(setting)
    except ValueError as fault:
        raise typer.BadParameter(f"不是 JSON / not JSON: {fault}") from fault
    if not isinstance(given, dict):
        raise typer.BadParameter("须为 JSON 对象 / a JSON object is needed")
    every = timedelta(minutes=every_minutes) if every_minutes else None
    with _database(_settings()) as conn:
        row = jobs.adjust(conn, name, given, every)
    facts = {"name": row.name, "every_s": row.every.total_seconds(), "setting": row.setting}
    _tell(as_json, facts, f"{row.name}: {json.dumps(row.setting)}, {row.every}")


def _cell_at(conn: Connection, lon: float, lat: float, datum: Datum) -> str | None:
    """The code of the cell that holds a place, None outside the city."""
    atlas = Atlas.of(grid_store.load_edition(conn)[2])
    index = atlas.locate_one(*to_wgs84(lon, lat, datum))
    return str(atlas.codes[index]) if index >= 0 else None


def _known_job(name: str) -> None:
    known = [one.name for one in jobs.JOBS]
    if name not in known:
        raise typer.BadParameter(f"没有任务 no such job: {name}; {', '.join(known)}")


@store.command("kind")
def store_kind(as_json: AsJson = False) -> None:
    """现用哪种存储 / How readings are kept: plain, apache or tsl."""
    with _database(_settings()) as conn:
        found = timescale.look(conn)
    _tell(as_json, asdict(found), timescale.words(found))


@store.command("to-timescaledb")
def to_timescaledb(as_json: AsJson = False) -> None:
    """把运行中的原生分区改为 TimescaleDB 超表 / Turn native partitions into a hypertable, in one transaction."""
    with _database(_settings()) as conn:
        done = timescale.switch(conn)
    _tell(as_json, asdict(done), timescale.switched_words(done))


def _administrator(conn: Connection, token: SecretStr | None) -> tuple[str | None, bool]:
    """Make the first administrator if there is none; the token to print (None: it was given) and whether one was made."""
    if accounts.has_administrator(conn):
        return None, False
    given = (token.get_secret_value() or None) if token else None
    made = accounts.add(conn, accounts.Applicant("admin", Role.ADMINISTRATOR, token=given))
    return (None if given else made), True


def _body(kind: str, file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        body = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as fault:
        raise DecisionRefused(
            zh=f"{file} 读不了（{fault}）；须为 UTF-8 的 .toml 或 .json",
            en=f"{file} cannot be read ({fault}); a .toml or .json in UTF-8 is needed",
        ) from fault
    if not isinstance(body, dict):
        raise DecisionRefused(zh=f"{file} 应为一张表", en=f"{file} should hold a table")
    return body.get("body", body) if body.get("kind") == kind else body


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as fault:
        first = fault.errors()[0]
        name = f"YIWANG_{'_'.join(map(str, first['loc'])).upper()}"
        raise typer.BadParameter(f"{name}: {first['msg']}") from fault


def _url(settings: Settings) -> str:
    url = settings.database_url.get_secret_value()
    if not url:
        raise typer.BadParameter(
            "未设 YIWANG_DATABASE_URL / YIWANG_DATABASE_URL is not set: postgresql://user:password@host/database"
        )
    return url


@contextmanager
def _database(settings: Settings) -> Iterator[Connection]:
    """The database, of a version and a schema that this program knows."""
    with migrate.reached(_url(settings), "operator") as conn:
        migrate.refuse_unfit(conn)
        if migrate.pending(conn):
            raise Unavailable(
                zh="数据库结构不是最新；请先 python -m incidents migrate",
                en="the schema is not the newest; python -m incidents migrate comes first",
            )
        yield conn


def _tell(as_json: bool, facts: dict[str, Any], words: str) -> None:
    print(json.dumps(facts, ensure_ascii=False) if as_json else words)


standards_commands.add(standards, lambda: _database(_settings()))
calendar_commands.add(calendar, lambda: _database(_settings()))

app.add_typer(
    evaluation_commands(lambda: _database(_settings()), lambda file: _body("evaluation", file)),
    name="evaluate",
)
app.add_typer(rehearsal_commands.commands(lambda: _database(_settings()), _body), name="rehearse")
app.add_typer(audit_commands.commands(lambda: _database(_settings())), name="audit")


MOST_FAULTS = 50
"""Faults a refusal tells one by one: of hundreds that are one mistake, the first would scroll away."""


def main() -> None:
    """Run the command; refusals are one sentence on stderr and exit 1."""
    try:
        app()
    except CityError as refusal:
        print(refusal, file=sys.stderr)
        faults = refusal.facts.get("faults", ())
        for row, reason in faults[:MOST_FAULTS]:
            print(f"  {row}: {reason}", file=sys.stderr)
        if len(faults) > MOST_FAULTS:
            more = len(faults) - MOST_FAULTS
            print(f"  …另有 {more} 处 / and {more} more", file=sys.stderr)
        sys.exit(1)
    except psycopg.OperationalError as fault:
        print(migrate.unreachable(fault), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
