"""The fictional city 云汀市, whole: its grid, areas, facilities and machines, the same on every machine.

Made with the same tool a real city uses (`grid.division`); nothing of a real place is in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from demo import names
from demo.fleet import Device, furnish
from demo.geography import SHEET, Land, draw
from grid.component import Component
from grid.division import Cell, divide
from grid.edition import Edition
from grid.unit_grid import ResponsibleGrid, UnitGridCode, community_of

CELL_M2 = 10_000.0
"""万米单元网格: about ten thousand square metres a cell."""

HOLDS_FROM = date(2020, 1, 1)
_PATCH = 9
"""Cells of a responsible grid 责任网格, about."""


@dataclass(frozen=True)
class City:
    """A city ready to be loaded."""

    name: str
    region: str
    time_zone: str
    edition: Edition
    devices: tuple[Device, ...]
    components: tuple[Component, ...]


@cache
def build() -> City:
    """The demo city; takes some seconds the first time."""
    land = draw()
    edition = divide_land(land)
    devices, components = furnish(land, edition)
    return City(names.CITY, names.REGION, names.TIME_ZONE, edition, devices, components)


def divide_land(land: Land) -> Edition:
    """The communities of the land cut into cells, with the names of everything."""
    communities = {
        names.community_code(names.DISTRICTS[i][0], j, k): SHEET.on_earth(land.communities[key])
        for i, side in enumerate(names.SIDE_OF_DISTRICT)
        for key in sorted(land.communities)
        if key[0] == side
        for j, k in (key[1:],)
    }
    lines = [SHEET.on_earth(line) for line in land.cutting_lines]
    cells = divide(communities, lines, CELL_M2)
    titles = names.area_names()
    return Edition.of(
        f"{names.CITY}单元网格 2020 版",
        HOLDS_FROM,
        ([cell.code for cell in cells], [cell.polygon for cell in cells]),
        names=[_cell_name(cell.code, titles) for cell in cells],
        area_names=titles,
        responsible=_patches(cells, titles),
    )


def _cell_name(code: str, titles: dict[str, str]) -> str:
    return f"{titles[community_of(code)].removesuffix('社区')}{code[12:]}网格"


def _patches(cells: Sequence[Cell], titles: dict[str, str]) -> dict[str, ResponsibleGrid]:
    """Each community in patches of about nine cells in the order of their numbers."""
    by_community: dict[str, list[UnitGridCode]] = defaultdict(list)
    for cell in cells:
        by_community[community_of(cell.code)].append(cell.code)
    patches: dict[str, ResponsibleGrid] = {}
    for community, codes in by_community.items():
        count = max(1, round(len(codes) / _PATCH))
        size = -(-len(codes) // count)
        for nth in range(count):
            code = f"{community}-{nth + 1}"
            name = f"{titles[community].removesuffix('社区')}第{nth + 1}责任网格"
            mine = tuple(codes[nth * size : (nth + 1) * size])
            if mine:
                patches[code] = ResponsibleGrid(code, name, mine)
    return patches
