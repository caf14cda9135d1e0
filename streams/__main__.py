"""The commands of the machines' side: python -m streams topics | worker | gateway | relay | watch | replay | redrive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from streams.settings import Settings
from streams.trouble import EX_REFUSED, Trouble

cli = typer.Typer(
    help="流：设备侧的各进程 / streams: the processes on the machines' side",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _settings(part: str) -> Settings:
    from streams import speech

    try:
        settings = Settings()  # type: ignore[call-arg]  # read from the environment
    except ValidationError as fault:
        names = ", ".join(f"YIWANG_{e['loc'][0]}".upper() for e in fault.errors())
        raise Trouble(
            f"环境变量缺失或不对：{names}", f"missing or wrong in the environment: {names}"
        ) from fault
    speech.set_up(settings.log_json, part)
    return settings


@cli.command()
def topics() -> None:
    """建立并核对 Kafka 主题 / make the Kafka topics and check them."""
    from streams import topics as table

    settings = _settings("topics")
    made = table.ensure(settings.kafka, settings.topic_prefix, settings.replication)
    print(f"主题齐备 / topics are in order; 新建 made: {', '.join(made) or '无 none'}")


@cli.command()
def worker(name: Annotated[str, typer.Option(help="固定名字 / its static name")]) -> None:
    """消费消息并入库 / read messages into the store."""
    settings = _settings(name)
    from streams import worker as process

    process.run(settings, name)


@cli.command()
def relay() -> None:
    """把待发的业务事实送到 Kafka / send facts from the outbox to Kafka."""
    settings = _settings("relay")
    from streams import relay as process

    process.run(settings)


@cli.command()
def gateway() -> None:
    """设备的 HTTP 入口 / the machines' door over HTTP."""
    settings = _settings("gateway")
    from streams import gateway as process

    process.run(settings)


@cli.command()
def watch() -> None:
    """按时唤醒作业 / wake the jobs in time."""
    settings = _settings("watch")
    from streams import watch as process

    process.run(settings)


@cli.command()
def replay(  # noqa: PLR0913, PLR0917 - each option is one of the command line
    file: Annotated[
        Path, typer.Argument(help="信封 .ndjson[.gz]，或 .csv[.gz] / envelopes or a CSV")
    ],
    speed: Annotated[str, typer.Option(help="倍速，或 max / times faster, or max")] = "1",
    kind: Annotated[str, typer.Option(help="CSV 里是 readings 还是 events")] = "readings",
    source: Annotated[str, typer.Option(help="CSV 的来源名 / source of the rows")] = "",
    field: Annotated[
        list[str] | None, typer.Option(help='CSV 字段 / e.g. "device={station}" metric=pm25')
    ] = None,
    at_format: Annotated[str | None, typer.Option(help="strptime 格式 / of at")] = None,
    zone: Annotated[str, typer.Option(help="时区 / time zone of at")] = "UTC",
    datum: Annotated[str | None, typer.Option(help="坐标系 / of lon, lat")] = None,
    from_now: Annotated[
        bool, typer.Option(help="时间平移到现在 / shift so that the first is now")
    ] = False,
) -> None:
    """把录下的或历史的数据重放 / play recorded or historic data back in."""
    settings = _settings("replay")
    from streams import replaying

    how = replaying.Asked(file, kind, source, tuple(field or ()), at_format, zone, datum, from_now)
    played = replaying.play(settings, how, speed)
    print(
        f"已重放 {played.messages} 条消息、{played.rows} 行，{played.seconds:.1f} 秒 / played "
        f"{played.messages} messages, {played.rows} rows in {played.seconds:.1f} s"
    )


@cli.command()
def redrive(
    ids: Annotated[list[int] | None, typer.Argument(help="隔离编号 / ids in quarantine")] = None,
    reason: Annotated[str | None, typer.Option(help="此原因的全部 / all of this reason")] = None,
    by: Annotated[str, typer.Option(help="谁决定的 / who decided")] = "operator",
) -> None:
    """把隔离的消息按原编号重新投递 / send quarantined messages again under their ids."""
    settings = _settings("redrive")
    from incidents.postgres import connection as connections
    from incidents.postgres import quarantine

    if not ids and reason is None:
        raise typer.BadParameter("给出编号或 --reason / give ids or --reason")
    with connections.connect(settings.database_url, "redrive") as connection:
        chosen = list(ids or []) or quarantine.waiting(connection, reason)
        sent = quarantine.redrive(connection, chosen, by)
    print(f"已交重投 {len(sent)} 条 / {len(sent)} on their way again: {sent[:20]}")
    if len(sent) < len(chosen):
        raise Trouble(
            f"{len(chosen) - len(sent)} 条不存在或已处理",
            f"{len(chosen) - len(sent)} are unknown or were decided before",
        )


@cli.command()
def fence(
    move: Annotated[
        str | None, typer.Option(help="主题/分区=偏移 / e.g. city.readings.v1/3=1200")
    ] = None,
) -> None:
    """查看各分区的位置，或在确认消息已丢失后放行 / where partitions stand; move after a loss."""
    settings = _settings("fence")
    from streams import fences

    for line in fences.run(settings, move):
        print(line)


def main() -> None:
    """Run a command; one clear sentence and exit 1 where a person has to act."""
    import psycopg
    from kafka.errors import KafkaError

    from streams.topics import TopicsDiffer

    try:
        cli()
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        raise SystemExit(EX_REFUSED) from None
    except TopicsDiffer as differ:
        print("\n".join(differ.faults), file=sys.stderr)
        raise SystemExit(EX_REFUSED) from None
    except psycopg.OperationalError as fault:
        print(f"数据库连不上 / the database cannot be reached: {fault}", file=sys.stderr)
        raise SystemExit(EX_REFUSED) from None
    except KafkaError as fault:
        print(f"Kafka 连不上 / Kafka cannot be reached: {fault}", file=sys.stderr)
        raise SystemExit(EX_REFUSED) from None


if __name__ == "__main__":
    main()
