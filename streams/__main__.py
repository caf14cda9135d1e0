"""The commands of the machines' side: python -m streams topics | worker | gateway | relay | watch | replay | redrive."""

from __future__ import annotations

import sys
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


def main() -> None:
    """Run a command; one clear sentence and exit 1 where a person has to act."""
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
    except KafkaError as fault:
        print(f"Kafka 连不上 / Kafka cannot be reached: {fault}", file=sys.stderr)
        raise SystemExit(EX_REFUSED) from None


if __name__ == "__main__":
    main()
