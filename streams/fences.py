"""The strict fence shown, and moved by a person who accepts that messages are lost; the books keep how many."""

from __future__ import annotations

from collections.abc import Iterator

from incidents.postgres import connection as connections
from incidents.postgres import intake as store
from streams.app import READ
from streams.settings import Settings
from streams.trouble import Trouble


def run(settings: Settings, move: str | None) -> Iterator[str]:
    """One line per partition; after a move, the new place."""
    with connections.connect(settings.database_url, "fence") as connection:
        if move is not None:
            topic, part, offset = _parsed(move)
            skipped = store.move_fence(connection, (topic, part), offset)
            if skipped is None:
                raise Trouble(f"{topic}/{part} 还没有账", f"{topic}/{part} has no books yet")
        for (topic, part), offset in sorted(
            store.offsets(connection, [t.name for t in READ]).items()
        ):
            yield f"{topic}/{part} {offset}"


def _parsed(move: str) -> tuple[str, int, int]:
    try:
        partition, offset = move.rsplit("=", 1)
        topic, part = partition.rsplit("/", 1)
        return topic, int(part), int(offset)
    except ValueError as fault:
        raise Trouble(
            f"“{move}”应写作 主题/分区=偏移", f"{move!r} is to be written topic/partition=offset"
        ) from fault
