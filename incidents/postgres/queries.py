"""SQL by name: `-- name: x`, at least one comment line saying what it is for, then the statement."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

_BLOCK = re.compile(
    r"^-- name: (?P<name>[a-z_0-9]+)\n(?P<about>(?:--.*\n)+)(?P<sql>(?:(?!^-- name:).*\n?)+)",
    re.MULTILINE,
)
_NAME = re.compile(r"^-- name:", re.MULTILINE)


@cache
def named(file: str) -> Mapping[str, LiteralString]:
    """The statements of `incidents/postgres/<file>` by name.

    ValueError when a block has no sentence about itself or a name stands twice.
    """
    text = (files("incidents.postgres") / file).read_text(encoding="utf-8")
    found: dict[str, LiteralString] = {}
    for block in _BLOCK.finditer(text):
        name = block["name"]
        if name in found:
            raise ValueError(f"{file}: two statements named {name}")
        found[name] = cast(LiteralString, block["sql"].strip().rstrip(";"))
    if len(found) != len(_NAME.findall(text)):
        raise ValueError(f"{file}: a statement without a sentence saying what it is for")
    return found
