"""The replay command: from its words to records and their pace."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from streams import playback, replay
from streams.playback import Reading, Record
from streams.replay import Played
from streams.settings import Settings
from streams.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's words as they came."""

    file: Path
    kind: str
    source: str
    fields: tuple[str, ...]
    at_format: str | None
    zone: str
    datum: str | None
    from_now: bool


def play(settings: Settings, asked: Asked, speed: str) -> Played:
    """Play the file; Trouble when the words or the file are not sound."""
    pace = _pace(speed)
    shift = 0
    if asked.from_now:
        first, _ = playback.first_and_rest(_records(asked, 0))
        shift = 0 if first is None else int(time.time() * 1000) - first.at_ms
    return replay.play(settings, _records(asked, shift), pace)


def _pace(speed: str) -> float | None:
    if speed == "max":
        return None
    try:
        pace = float(speed)
    except ValueError:
        pace = 0.0
    if not 0 < pace < float("inf"):
        raise Trouble(f"倍速“{speed}”应为正数或 max", f"speed {speed!r}: a positive number or max")
    return pace


def _records(asked: Asked, shift_ms: int) -> Iterator[Record]:
    if not asked.file.is_file():
        raise Trouble(f"没有文件 {asked.file}", f"there is no file {asked.file}")
    names = asked.file.suffixes
    if ".csv" in names:
        return _of_csv(asked, shift_ms)
    if ".ndjson" in names or ".jsonl" in names:
        return _of_envelopes(asked.file, shift_ms)
    raise Trouble(
        f"{asked.file.name} 应为 .ndjson[.gz] 或 .csv[.gz]",
        f"{asked.file.name}: .ndjson[.gz] or .csv[.gz] is meant",
    )


def _of_envelopes(file: Path, shift_ms: int) -> Iterator[Record]:
    with playback.open_text(file) as text:
        yield from playback.envelopes(text, shift_ms)


def _of_csv(asked: Asked, shift_ms: int) -> Iterator[Record]:
    fields: dict[str, str] = {}
    for word in asked.fields:
        name, sign, template = word.partition("=")
        if not sign:
            raise Trouble(f"“{word}”应写作 字段=列", f"{word!r} is to be written field=template")
        fields[name] = template
    needed = {"device", "metric", "at", "value"} if asked.kind == "readings" else {"kind", "at"}
    if asked.kind not in {"readings", "events"} or needed - fields.keys():
        raise Trouble(
            f"CSV 须说明 --kind readings|events 及字段 {'、'.join(sorted(needed - fields.keys()))}",
            f"a CSV needs --kind readings|events and the fields {', '.join(sorted(needed - fields.keys()))}",
        )
    how = Reading(asked.kind, asked.source or asked.file.name, fields, asked.at_format, asked.zone)
    how = replace(how, datum=asked.datum, shift_ms=shift_ms)
    with playback.open_text(asked.file) as text:
        yield from playback.rows(csv.DictReader(text), how)
