"""A fault of a grid that was handed in: what, where, how big, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    """The kinds of fault `python -m grid check` knows, as a program reads them."""

    FILE_UNREADABLE = "file_unreadable"
    NO_CELLS = "no_cells"
    FIELD_MISSING = "field_missing"
    DATUM_CONTRADICTED = "datum_contradicted"
    DATUM_OUT_OF_RANGE = "datum_out_of_range"
    DATUM_SHIFTED = "datum_shifted"
    FAR_FROM_EDITION = "far_from_edition"
    CODE_MALFORMED = "code_malformed"
    CODE_TWICE = "code_twice"
    CODE_CONTRADICTS_PARENT = "code_contradicts_parent"
    GEOMETRY_EMPTY = "geometry_empty"
    GEOMETRY_NOT_AREA = "geometry_not_area"
    RING_INVALID = "ring_invalid"
    OVERLAP = "overlap"
    GAP = "gap"
    SLIVER = "sliver"
    HOLE_LEFT_OUT = "hole_left_out"
    COMMUNITY_SCATTERED = "community_scattered"
    GEOMETRY_NOT_POINT = "geometry_not_point"
    STATE_UNKNOWN = "state_unknown"
    OUTSIDE_GRID = "outside_grid"


OF_COMPONENTS = frozenset(
    {FaultKind.GEOMETRY_NOT_POINT, FaultKind.STATE_UNKNOWN, FaultKind.OUTSIDE_GRID}
)
"""The kinds only `python -m grid components` tells."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a layer, or worth knowing about it.

    `place` is longitude and latitude in WGS-84, or None where the fault has no place;
    `size` is in `unit` (m, m² or °). A notice is told but does not refuse the layer.
    """

    kind: FaultKind
    codes: tuple[str, ...]
    place: tuple[float, float] | None
    size: float | None
    unit: str
    zh: str
    en: str
    notice: bool = False

    def __str__(self) -> str:
        """One line: kind, codes, place, size, then what to do in both languages."""
        where = "" if self.place is None else f" @ {self.place[0]:.7f},{self.place[1]:.7f}"
        big = "" if self.size is None else f" {_readable(self.size)} {self.unit}"
        named = " ".join(self.codes[:6]) + (" …" if len(self.codes) > 6 else "")
        return f"[{self.kind}] {named}{where}{big} — {self.zh} / {self.en}"

    def as_json(self) -> dict[str, Any]:
        """The same as plain values for `--json`."""
        return {
            "kind": str(self.kind),
            "codes": list(self.codes),
            "place": None if self.place is None else list(self.place),
            "size": self.size,
            "unit": self.unit,
            "zh": self.zh,
            "en": self.en,
            "notice": self.notice,
        }


def refusing(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Those that keep a layer out; the notices left aside."""
    return tuple(fault for fault in faults if not fault.notice)


def _readable(size: float) -> str:
    return f"{size:.3f}" if abs(size) < 10 else f"{size:,.1f}"
