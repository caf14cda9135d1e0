"""The chain of a history told again: every way of tampering with it is found, and a file of it proves itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from incidents import auditing
from incidents.auditing import Chained, check_file, file_of, line_text, linked

NUMBER = "9901022026050100001"


def a_line(seq: int, **changes: Any) -> dict[str, Any]:
    """A line's columns."""
    return {
        "at": datetime(2026, 5, 1, 4, seq, tzinfo=UTC),
        "by": "王五",
        "seq": seq,
        "move": "note",
        "role": "dispatcher",
        "reason": None,
        "to_state": "open",
        "department": None,
        "from_state": "open",
        **changes,
    }


def a_chain(n: int = 3) -> list[Chained]:
    """A whole chain."""
    lines: list[Chained] = []
    prev: bytes | None = None
    for seq in range(1, n + 1):
        text = line_text(a_line(seq), '{"n": 1.50, "media": ["p1"]}')
        lines.append(Chained(seq, text, prev, linked(prev, text)))
        prev = lines[-1].hash
    return lines


def faults(lines: Sequence[Chained], head: bytes | None, version: int) -> list[tuple[str, Any]]:
    return [(f.what, f.seq) for f in auditing.broken(NUMBER, lines, head, version)]


def test_a_line_is_told_as_postgresql_tells_it() -> None:
    told = line_text(
        a_line(2, reason='引号" \\ \t \x01', at=datetime(2026, 5, 1, 4, 0, 0, 120, tzinfo=UTC)),
        '{"a": 1.50}',
    )
    assert told == (
        '{"at": "2026-05-01T04:00:00.000120Z", "by": "王五", "seq": 2, "data": {"a": 1.50}, "move": "note", '
        '"role": "dispatcher", "reason": "引号\\" \\\\ \\t \\u0001", "to_state": "open", "department": null, '
        '"from_state": "open"}'
    )


def test_an_instant_is_the_same_from_whatever_zone() -> None:
    there = datetime(2026, 5, 1, 12, 0, tzinfo=timezone(timedelta(hours=8)))
    assert auditing.instant(there) == "2026-05-01T04:00:00Z"


def test_a_whole_chain_has_no_fault() -> None:
    lines = a_chain()
    assert faults(lines, lines[-1].hash, 3) == []
    assert faults([], None, 0) == []


TAMPERINGS: dict[str, tuple[Callable[[list[Chained]], list[Chained]], tuple[str, Any]]] = {
    "a word changed": (
        lambda c: [c[0], replace(c[1], text=c[1].text.replace("王五", "赵六")), c[2]],
        ("changed", 2),
    ),
    "a line changed with its hash": (
        lambda c: [
            c[0],
            replace(c[1], text="{}", hash=linked(c[0].hash, "{}")),
            c[2],
        ],
        ("unlinked", 3),
    ),
    "a line taken out": (lambda c: [c[0], c[2]], ("gap", 2)),
    "two lines exchanged": (lambda c: [c[1], c[0], c[2]], ("gap", 1)),
    "the last cut off": (lambda c: c[:2], ("head", None)),
}


@pytest.mark.parametrize("how", TAMPERINGS)
def test_every_tampering_is_found_where_it_is(how: str) -> None:
    tamper, expected = TAMPERINGS[how]
    lines = a_chain()
    assert expected in faults(tamper(a_chain()), lines[-1].hash, 3)


def test_numbers_have_their_form_and_were_given_out() -> None:
    day = {NUMBER[:14]: 1}
    assert list(auditing.numbering(NUMBER, day)) == []
    for wrong in ("9901022026050100002", "990102202605010000", "9901032026050100001"):
        (fault,) = auditing.numbering(wrong, day)
        assert fault.what == "number"


def test_a_seal_is_of_every_head_and_of_their_order() -> None:
    heads: list[tuple[str, bytes | None]] = [("a", b"1"), ("b", None)]
    assert auditing.seal(heads) == auditing.seal(list(heads))
    others: list[list[tuple[str, bytes | None]]] = [
        [("a", b"1")],
        [("b", None), ("a", b"1")],
        [("a", b"2"), ("b", None)],
    ]
    assert len({auditing.seal(some) for some in [heads, *others]}) == 4


def a_file(**changes: Any) -> dict[str, Any]:
    lines = a_chain()
    incident = {"number": NUMBER, "state": "open", "version": 3}
    media = [{"id": "p1", "sha256": "00"}]
    return {**json.loads(json.dumps(file_of(incident, lines, media))), **changes}


def test_a_file_is_checked_by_anybody_with_a_few_lines() -> None:
    file = a_file()
    assert check_file(file) == []
    before = b""
    for line in file["lines"]:
        before = hashlib.sha256(before + line["text"].encode()).digest()
        assert before.hex() == line["hash"]
    assert before.hex() == file["head"]


def _with_line(n: int, **changes: Any) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = a_file()["lines"]
    lines[n] |= changes
    return lines


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"schema": "other"}, "file"),
        ({"lines": None}, "file"),
        ({"head": "zz"}, "file"),
        ({"lines": _with_line(1, text="[1]")}, "file"),
        ({"head": "00" * 32}, "head"),
        ({"lines": a_file()["lines"][:2]}, "head"),
        ({"lines": _with_line(1, text="{}")}, "changed"),
        ({"incident": {"state": "closed", "version": 3}}, "state"),
        ({"media": []}, "photo"),
    ],
)
def test_a_file_that_was_changed_says_so(changes: dict[str, Any], what: str) -> None:
    assert what in {fault.what for fault in check_file(a_file(**changes))}
    assert check_file("nothing") != []
