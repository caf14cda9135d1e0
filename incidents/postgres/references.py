"""What the store's rows refer to in the city's standards, so that no edition loses it: categories, conditions, departments."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from incidents.errors import DecisionRefused
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

_SQL = named("references.sql")


class Kept:
    """The store as `incidents.standards.revision` asks it: of these, which are referred to?"""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def categories(self, keys: Collection[str]) -> frozenset[str]:
        """Categories that an incident was filed under or a component is of."""
        return self._found("categories", {"keys": sorted(keys)}) if keys else frozenset()

    def departments(self, codes: Collection[str]) -> frozenset[str]:
        """Departments that an incident or an account belongs to."""
        return self._found("departments", {"codes": sorted(codes)}) if codes else frozenset()

    def conditions(self, pairs: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """(category, condition) that an incident was filed by."""
        if not pairs:
            return frozenset()
        keys, codes = zip(*sorted(pairs), strict=True)
        values = {"keys": list(keys), "codes": list(codes)}
        rows = self._conn.execute(_SQL["conditions"], values).fetchall()
        return frozenset((row[0], row[1]) for row in rows)

    def _found(self, name: str, values: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(row[0] for row in self._conn.execute(_SQL[name], values))


def refuse_loss(conn: Connection, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """DecisionRefused when the next standards leave out what is referred to, each with its way out."""
    faults = tuple(_losses(Kept(conn), before, after))
    if faults:
        zh, _, en = faults[0][1].partition(" / ")
        raise DecisionRefused(
            zh=f"standards 有 {len(faults)} 处不合规，未采用；首处 {faults[0][0]}：{zh}",
            en=f"standards: {faults[0][0]}: {en}",
            kind="standards",
            faults=faults,
        )


def _losses(
    kept: Kept, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    old, new = _keys(before), _keys(after)
    for key in sorted(kept.categories(old.keys() - new.keys())):
        yield (
            f"categories {key}",
            "有案件或部件属于它，不能删除；请写 valid_to 停用 / incidents or components are of it: close it with valid_to",
        )
    gone = {(key, code) for key, codes in old.items() for code in codes - new.get(key, set())}
    for key, code in sorted(kept.conditions(gone)):
        yield (
            f"categories {key} condition {code}",
            "有案件按它立案，不能删除；可改文字与时限 / incidents were filed by it: it cannot go, only change",
        )
    codes = {row["code"] for row in before["departments"]}
    left = {row["code"] for row in after["departments"]}
    for code in sorted(kept.departments(codes - left)):
        yield (
            f"departments {code}",
            "有案件或账户属于它，不能删除 / incidents or accounts belong to it: it cannot go",
        )


def _keys(body: Mapping[str, Any]) -> dict[str, set[str]]:
    return {
        row["key"]: {one["code"] for one in row.get("conditions", ())} for row in body["categories"]
    }
