"""What a benchmark says: an aim, the values of its runs, and the page they are written to."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One measured line.

    Attributes:
        group: heading it stands under.
        what: what was measured, Chinese / English.
        unit: of the values.
        values: one per run, in the order of the runs.
        aim: what is wanted of the median, None: for information.
        at_most: the aim is a ceiling, not a floor.
        note: conditions a reader must know.
    """

    group: str
    what: str
    unit: str
    values: Sequence[float]
    aim: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def median(self) -> float:
        """The value that counts; NaN without runs."""
        return statistics.median(self.values) if self.values else math.nan

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None without an aim."""
        if self.aim is None:
            return None
        return self.median <= self.aim if self.at_most else self.median >= self.aim

    def row(self) -> str:
        """Its line of the table."""
        sign = "≤" if self.at_most else "≥"
        aim = f"{sign} {shown(self.aim)}" if self.aim is not None else "–"
        mark = {True: "✓", False: "✗", None: ""}[self.met]
        span = f"{shown(min(self.values))} – {shown(max(self.values))}" if self.values else "–"
        cells = (self.what, aim, f"**{shown(self.median)}** {mark}", span, str(len(self.values)))
        return f"| {' | '.join(cells)} | {self.unit} | {self.note} |"


def shown(value: float) -> str:
    """Three or four digits that matter, thousands apart."""
    if math.isnan(value):
        return "–"
    if abs(value) >= 1000:
        return f"{round(value, 3 - math.floor(math.log10(abs(value))) - 1):,.0f}"
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.3g}"


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Run by run, so that what slowed the machine slowed both."""
    return [a / b for a, b in zip(above, below, strict=False)]


HEAD = """| 测了什么 / what | 目标 / aim | 中位数 / median | 范围 / range | n | 单位 / unit | 条件 / conditions |
| --- | --- | --- | --- | --- | --- | --- |"""


def page(machine: str, results: Sequence[Result], how: str) -> str:
    """The whole page in Markdown."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.group, []).append(result)
    tables = [
        f"## {group}\n\n{HEAD}\n" + "\n".join(result.row() for result in found)
        for group, found in groups.items()
    ]
    return "\n\n".join(
        [
            "# 基准 / Benchmarks",
            "由 `make bench` 写成，请勿手改 / written by `make bench`, not by hand.",
            machine,
            how,
            *tables,
        ]
    ) + "\n"  # fmt: skip
