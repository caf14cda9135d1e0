"""What is taken out of the system as a file: a title, who took it and when, and the cells it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

Cell = str | int | float | bool | datetime | None
"""What stands in a table; bytes, lists and codes have been turned into words before."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A file by its title, who took it out and when; times in it are shown as in `zone`."""

    title: str
    who: str
    at: datetime
    mark: str
    """The line that stands over every sheet, or at the foot of every page."""
    zone: ZoneInfo

    def words(self, cell: Cell) -> str:
        """A cell as it is read on paper; empty for None."""
        if cell is None:
            return ""
        if isinstance(cell, bool):
            return "是" if cell else "否"
        if isinstance(cell, datetime):
            return f"{cell.astimezone(self.zone):%Y-%m-%d %H:%M:%S}"
        return str(cell)


def marked(who: str, at: datetime, zone: ZoneInfo, *more: str) -> str:
    """The mark of a file: who, when by the city's clock, and what else is to be known of it."""
    return " · ".join((f"导出人 {who}", f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}", *more))
