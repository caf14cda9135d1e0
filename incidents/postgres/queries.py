"""SQL by name: `-- name: x`, at least one comment line saying what it is for, then the statement.

What several statements list alike stands here once: `{incident_columns}` are the columns of an incident in the order of
its fields, `{incident_changes}` sets those that a move may change to the ones of a row `b`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

from incidents.incident import Incident

_BLOCK = re.compile(
    r"^-- name: (?P<name>[a-z_0-9]+)\n(?P<about>(?:--.*\n)+)(?P<sql>(?:(?!^-- name:).*\n?)+)",
    re.MULTILINE,
)
_NAME = re.compile(r"^-- name:", re.MULTILINE)

BEGAN = frozenset(
    {"number", "text", "source", "rule", "reporter", "first_event_at", "reported_at"}
    | {"raw_lon", "raw_lat", "datum"}
)
"""What an incident began with: no move changes it."""
_COLUMNS = tuple(f.name for f in fields(Incident))
_LISTS = {
    "{incident_columns}": ", ".join(_COLUMNS),
    "{incident_changes}": ", ".join(f"{c} = b.{c}" for c in _COLUMNS if c not in BEGAN),
}


@cache
def named(file: str) -> Mapping[str, LiteralString]:
    """The statements of `incidents/postgres/<file>` by name.

    ValueError when a block has no sentence about itself or a name stands twice.
    """
    text = _text(file)
    found: dict[str, LiteralString] = {}
    for block in _BLOCK.finditer(text):
        name = block["name"]
        if name in found:
            raise ValueError(f"{file}: two statements named {name}")
        found[name] = cast(LiteralString, block["sql"].strip().rstrip(";"))
    if len(found) != len(_NAME.findall(text)):
        raise ValueError(f"{file}: a statement without a sentence saying what it is for")
    return found


@cache
def sentence(file: str, name: str) -> str:
    """What a statement's first comment line says it is for; KeyError when there is no such statement."""
    for block in _BLOCK.finditer(_text(file)):
        if block["name"] == name:
            return block["about"].splitlines()[0].removeprefix("--").strip()
    raise KeyError(name)


def _text(file: str) -> str:
    text = (files("incidents.postgres") / file).read_text(encoding="utf-8")
    for name, columns in _LISTS.items():
        text = text.replace(name, columns)
    return text
