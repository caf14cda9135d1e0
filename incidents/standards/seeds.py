"""The decisions of the demonstration city, as bodies, from the TOML files beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from incidents.rules_book import matches

_CODE_SETS = ("categories.toml", "categories_gb30428.toml", "categories_cjt214.toml")

Row = dict[str, Any]


def bodies() -> dict[str, dict[str, Any]]:
    """The bodies by kind; the caller may change what it gets."""
    return {
        "rules": {"rules": _toml("rules.toml")["rule"]},
        "routes": {"routes": _toml("routes.toml")["route"]},
        "standards": _standards(),
        "calendar": calendar(),
    }


def calendar() -> dict[str, Any]:
    """The body of the working calendar alone: what holds where a city decided none."""
    return _toml("working_days.toml")


def _standards() -> dict[str, Any]:
    filed = [_toml(name) for name in _CODE_SETS]
    sets = {one["code"]: one for file in filed for one in file["set"]}
    rows = [
        row
        for file in filed
        for major in file["major"]
        for row in _filed(major, sets[major["code_set"]])
    ]
    correspondences = list(_correspondences())
    _give_conditions(rows)
    _give_responsible(rows, correspondences)
    return {
        "categories": rows,
        "correspondences": correspondences,
        "nearby": _toml("nearby.toml")["nearby"],
        "departments": _toml("departments.toml")["department"],
        "unsorted": filed[0]["unsorted"],
        "policy": _toml("policy.toml"),
    }


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads(_text(name))


@cache
def _text(name: str) -> str:
    return (files("incidents.standards") / name).read_text(encoding="utf-8")


def _filed(major: Mapping[str, Any], code_set: Mapping[str, Any]) -> Iterator[Row]:
    head = f"{major['code_set']}/{major['kind']}"
    days = {m: code_set[m].isoformat() for m in ("valid_from", "valid_to") if m in code_set}
    for code, zh, en in major["rows"]:
        yield {"key": f"{head}/{code}", "zh": zh, "en": en, "major": major["zh"], **days}


def _give_conditions(rows: list[Row]) -> None:
    file = _toml("conditions.toml")
    for row in rows:
        block = _first(file["conditions"], row["key"])
        if block is not None:
            row["conditions"] = [_condition(one, file["basis"], block) for one in block["rows"]]


def _condition(row: list[Any], words: Mapping[str, str], block: Mapping[str, Any]) -> Row:
    code, zh, amount, unit, closing, en, *own = row
    limit = {"amount": amount, "unit": unit}
    basis = words[own[0] if own else block["basis"]]
    return {"code": code, "zh": zh, "limit": limit, "closing": closing, "en": en, "basis": basis}


def _give_responsible(rows: list[Row], correspondences: list[Row]) -> None:
    """A code of an older set answers to the body of the code that took its place, if there is one."""
    table = _toml("responsible.toml")["responsible"]
    newer: dict[str, str] = {
        one["from"]: one["to"] for one in reversed(correspondences) if "to" in one
    }
    for row in rows:
        key: str = row["key"]
        block = _first(table, newer.get(key, key))
        if block is not None:
            row["responsible"] = block["department"]


def _first(blocks: list[Row], key: str) -> Row | None:
    """The first block one of whose patterns fits the key."""
    return next(
        (block for block in blocks if any(matches(one, key) for one in block["categories"])), None
    )


def _correspondences() -> Iterator[Row]:
    for block in _toml("correspondence.toml")["correspondence"]:
        old, new = (f"{block[end]}/{block['kind']}" for end in ("from_set", "to_set"))
        for code, successor, likeness, *note in block["rows"]:
            row = {"from": f"{old}/{code}", "likeness": likeness}
            row |= {"to": f"{new}/{successor}"} if successor else {}
            yield row | ({"note": note[0]} if note else {})
