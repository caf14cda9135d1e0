"""Audit 审计 of an incident's history: the hash chain told again, gaps found, a file that proves itself to anybody. Pure.

A line's hash is sha256 of the hash before it and the line's text, which is PostgreSQL's jsonb text of the line
(`history_append` in schema.sql): members by length of their name and then by its bytes. Needs nothing but hashlib and json.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

FILE_SCHEMA = "incident_history.v1"
HOW = (
    "每条记录的 hash = SHA-256(上一条 hash 的 32 个字节（首条为空）‖ text 的 UTF-8 字节)；head 为末条的 hash。"
    "照片的 sha256 是所存文件的摘要。/ hash of a line = SHA-256(the 32 bytes of the hash before it, nothing for the "
    "first, then text in UTF-8); head is the last line's hash; sha256 of a photo is its kept file's."
)
_NUMBER = re.compile(r"[0-9A-Z]{6}\d{13}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it must be: of which incident, at which line (None: the whole), and what to do."""

    number: str
    what: str
    zh: str
    en: str
    seq: int | None = None

    @property
    def words(self) -> str:
        """Both languages."""
        return f"{self.zh} / {self.en}"


@dataclass(frozen=True, slots=True)
class Chained:
    """A line as it is kept: its place, the text it was hashed as, the hash before it and its own."""

    seq: int
    text: str
    prev_hash: bytes | None
    hash: bytes


def line_text(row: Mapping[str, Any], data: str) -> str:
    """The text a line was hashed as; `data` is the jsonb text of its member `data`."""
    members = {
        "at": instant(row["at"]),
        "by": row["by"],
        "seq": row["seq"],
        "data": None,
        "move": row["move"],
        "role": row["role"],
        "reason": row["reason"],
        "to_state": row["to_state"],
        "department": row["department"],
        "from_state": row["from_state"],
    }
    told = (
        f"{json.dumps(name)}: {data if name == 'data' else json.dumps(value, ensure_ascii=False)}"
        for name, value in members.items()
    )
    return "{" + ", ".join(told) + "}"


def instant(at: datetime) -> str:
    """An instant as the ledger writes it: UTC, RFC 3339, no fraction where it is nothing."""
    text = at.astimezone(UTC).isoformat()
    return text.removesuffix("+00:00") + "Z"


def linked(prev: bytes | None, text: str) -> bytes:
    """The hash of a line behind another."""
    return hashlib.sha256((prev or b"") + text.encode()).digest()


def broken(
    number: str, lines: Sequence[Chained], head: bytes | None, version: int
) -> Iterator[Fault]:
    """What is wrong with a chain: gaps, lines that were changed, cut off or put in, a head that is not the last line's."""
    prev: bytes | None = None
    for place, line in enumerate(lines, 1):
        if line.seq != place:
            yield Fault(
                number,
                "gap",
                f"第 {place} 条处是第 {line.seq} 条：有记录被删除或插入；请从备份取回该案件的流转记录比对",
                f"line {line.seq} stands where line {place} should: lines were removed or put in; compare with a backup",
                place,
            )
            return
        if line.prev_hash != prev:
            yield Fault(
                number,
                "unlinked",
                f"第 {place} 条不接在前一条之后；请从备份比对",
                f"line {place} does not follow the line before it; compare with a backup",
                place,
            )
        if linked(line.prev_hash, line.text) != line.hash:
            yield Fault(
                number,
                "changed",
                f"第 {place} 条的内容与其哈希不符：写入后被改动；请从备份取回原文",
                f"line {place} is not what was hashed: it was changed after it was written; compare with a backup",
                place,
            )
        prev = line.hash
    if head != prev:
        yield Fault(
            number,
            "head",
            "案件所记的链头不是末条的哈希：末尾有记录被删除或链被重写；请从备份比对",
            "the incident's head is not the last line's hash: lines were cut off, or the chain was written anew",
        )
    if version != len(lines):
        yield Fault(
            number,
            "version",
            f"案件为第 {version} 版，流转记录却有 {len(lines)} 条；以流转记录为准，查明是谁改的",
            f"the incident is of version {version}, its history has {len(lines)} lines: the history is right, find out who "
            "changed the row",
        )


def numbering(number: str, region_days: Mapping[str, int]) -> Iterator[Fault]:
    """What is wrong with a number: its form, or beyond what was ever given out for its region and day."""
    if not _NUMBER.fullmatch(number):
        yield Fault(
            number,
            "number",
            "编号不合格式：案件不是本系统立的，查明来历",
            "not the form of an incident number: find out where it came from",
        )
        return
    last = region_days.get(number[:14], 0)
    if int(number[14:]) > last:
        yield Fault(
            number,
            "number",
            f"编号大于该日已发出的最大号 {last}：计数被改动，或案件不是本系统立的；与备份比对",
            f"beyond {last}, the last number given out that day: the counter was changed, or the incident put in; compare "
            "with a backup",
        )


def seal(heads: Iterable[tuple[str, bytes | None]]) -> str:
    """One hash over the heads of all incidents in order of their numbers: to be printed, signed, kept elsewhere."""
    whole = hashlib.sha256()
    for number, head in heads:
        whole.update(f"{number} {(head or b'').hex()}\n".encode())
    return whole.hexdigest()


def file_of(
    incident: Mapping[str, Any], lines: Sequence[Chained], media: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A file about one incident that proves itself; `incident` holds its number and what of it may be told."""
    return {
        "schema": FILE_SCHEMA,
        "how": HOW,
        "number": incident["number"],
        "incident": dict(incident),
        "lines": [{"seq": one.seq, "text": one.text, "hash": one.hash.hex()} for one in lines],
        "head": lines[-1].hash.hex() if lines else None,
        "media": [dict(one) for one in media],
    }


def check_file(given: object) -> list[Fault]:
    """What is wrong with such a file, by itself alone; nothing when it is whole."""
    if not isinstance(given, Mapping) or given.get("schema") != FILE_SCHEMA:
        return [Fault("", "file", f"不是 {FILE_SCHEMA} 文件", f"not a file of {FILE_SCHEMA}")]
    number = str(given.get("number"))
    try:
        lines = _read_lines(given["lines"])
        head = bytes.fromhex(given["head"] or "") or None
        told = [dict(json.loads(line.text)) for line in lines]
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        why = f"{type(fault).__name__}: {fault}"
        return [Fault(number, "file", f"文件读不懂（{why}）", f"the file cannot be read ({why})")]
    version = (given.get("incident") or {}).get("version", len(lines))
    faults = list(broken(number, lines, head, version))
    faults += _out_of_place(number, lines, told)
    faults += _ending(number, given.get("incident") or {}, told)
    faults += _photos(number, given.get("media") or (), told)
    return faults


def _read_lines(given: Sequence[Mapping[str, Any]]) -> list[Chained]:
    lines: list[Chained] = []
    prev: bytes | None = None
    for one in given:
        own = bytes.fromhex(one["hash"])
        lines.append(Chained(int(one["seq"]), str(one["text"]), prev, own))
        prev = own
    return lines


def _out_of_place(
    number: str, lines: Sequence[Chained], told: Sequence[Mapping[str, Any]]
) -> Iterator[Fault]:
    for line, text in zip(lines, told, strict=True):
        if text.get("seq") != line.seq:
            words = f"第 {line.seq} 条的内容自称第 {text.get('seq')} 条"
            yield Fault(number, "seq", words, f"line {line.seq} says it is another", line.seq)


def _ending(
    number: str, incident: Mapping[str, Any], told: Sequence[Mapping[str, Any]]
) -> Iterator[Fault]:
    state = incident.get("state")
    if told and state is not None and told[-1].get("to_state") != state:
        yield Fault(
            number,
            "state",
            f"文件称案件为 {state}，末条记录为 {told[-1].get('to_state')}",
            f"the file says {state}, its last line {told[-1].get('to_state')}",
        )


def _photos(
    number: str, media: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]
) -> Iterator[Fault]:
    """A photo that a line names has its digest in the file."""
    there = {one.get("id") for one in media if one.get("sha256")}
    for text in told:
        for named in (text.get("data") or {}).get("media") or ():
            if named not in there:
                words = f"第 {text.get('seq')} 条的照片 {named} 没有摘要"
                yield Fault(number, "photo", words, f"no digest of photo {named}", text.get("seq"))
