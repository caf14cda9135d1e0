"""The component 部件: a facility of the city with a code, somebody responsible, a place, a state."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from grid.coordinates import Position
from grid.errors import CodeInvalid
from grid.unit_grid import UnitGridCode

_CODE = re.compile(r"[0-9]{16}|[0-9]{17}", re.ASCII)


class ComponentState(StrEnum):
    """How a component is (GLBJZT of GB/T 47678.5): 完好 破损 丢失 废弃 移除."""

    SOUND = "sound"
    DAMAGED = "damaged"
    LOST = "lost"
    ABANDONED = "abandoned"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Component:
    """One facility 部件.

    The code is 16 digits (CJ/T 214, GB/T 30428.2: 6 region + 2 + 2 class + 6 sequence) or 17
    (GB/T 47678.5: 6 + 2 + 3 + 6). `owner` 权属, `maintainer` 养护 and `responsible` 主管 are
    codes of bodies; a component may lie in no cell. Raises CodeInvalid.
    """

    code: str
    name: str
    position: Position
    cell: UnitGridCode | None = None
    state: ComponentState = ComponentState.SOUND
    responsible: str = ""
    owner: str = ""
    maintainer: str = ""

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise CodeInvalid(
                zh=f"部件标识码 {self.code!r} 应为 16 或 17 位数字",
                en=f"component code {self.code!r}: 16 or 17 digits are needed",
                text=self.code,
            )

    @property
    def region(self) -> str:
        """The six digits of the district."""
        return self.code[:6]

    @property
    def category(self) -> str:
        """The class: two major digits and two (16) or three (17) minor ones."""
        return self.code[6:-6]

    @property
    def sequence(self) -> str:
        """The running number within region and class."""
        return self.code[-6:]
