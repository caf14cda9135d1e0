"""Every fault of a layer, each with its place, its size and its remedy; nothing is repaired."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import shapely

from grid import seams, shifts
from grid.edition import Edition
from grid.errors import CodeInvalid
from grid.faults import Fault, FaultKind
from grid.layer import PARENTS, Layer
from grid.unit_grid import Level, community_of, district_of, street_of, unit_grid_code

_PREFIX = {
    Level.DISTRICT: district_of,
    Level.STREET: street_of,
    Level.COMMUNITY: community_of,
}
_NAMED = {Level.DISTRICT: "区县", Level.STREET: "街道", Level.COMMUNITY: "社区"}


def faults_of(layer: Layer, in_force: Edition | None = None) -> list[Fault]:
    """All faults and notices of a layer, datum first, then codes, shapes, seams.

    Seams are not looked at while coordinates are out of range: they would mean nothing.
    """
    if len(layer.polygons) == 0:
        return [_no_cells()]
    wild = list(shifts.out_of_range(layer))
    if wild:
        return [*wild, *_of_codes(layer)]
    return [
        *shifts.against(layer, in_force),
        *_of_codes(layer),
        *_of_shapes(layer),
        *seams.faults_of(layer),
    ]


def _of_codes(layer: Layer) -> Iterator[Fault]:
    rows = defaultdict(list)
    for row, code in enumerate(layer.codes):
        rows[code].append(row)
        yield from _malformed(layer, row)
        yield from _contradicted(layer, row)
    for code, several in rows.items():
        if code and len(several) > 1:
            yield Fault(
                FaultKind.CODE_TWICE,
                (code,),
                _place(layer, several[1]),
                float(len(several)),
                "cells",
                f"标识码出现 {len(several)} 次（第 {_numbers(several)} 行）；每个网格须有自己的标识码",
                f"the code stands in {len(several)} rows ({_numbers(several)}); "
                "give each cell its own, or merge the parts of one cell into a MultiPolygon",
            )


def _malformed(layer: Layer, row: int) -> Iterator[Fault]:
    try:
        unit_grid_code(layer.codes[row])
    except CodeInvalid as why:
        yield Fault(
            FaultKind.CODE_MALFORMED,
            (layer.label(row),),
            _place(layer, row),
            None,
            "",
            f"第 {row + 1} 行：{why.zh}",
            f"row {row + 1}: {why.en}; if another column holds it, say --fields code=COLUMN",
        )


def _contradicted(layer: Layer, row: int) -> Iterator[Fault]:
    code = layer.codes[row]
    for level, column in PARENTS.items():
        given = layer.column(column)[row]
        try:
            prefix = _PREFIX[level](code)
        except CodeInvalid:
            return
        if given and given != prefix:
            yield Fault(
                FaultKind.CODE_CONTRADICTS_PARENT,
                (code,),
                _place(layer, row),
                None,
                "",
                f"标识码属于{_NAMED[level]} {prefix}，而 {column} 列写的是 {given}；"
                "改正其中一个（社区划归调整后标识码要随之改变）",
                f"the code belongs to {level} {prefix}, column {column} says {given}; "
                "correct one of the two (a cell moved to another community gets a new code)",
            )


def _of_shapes(layer: Layer) -> Iterator[Fault]:
    for row in (~layer.areal).nonzero()[0].tolist():
        yield _shape_fault(layer, row)


def _shape_fault(layer: Layer, row: int) -> Fault:
    shape = layer.polygons[row]
    named = (layer.label(row),)
    if shape is None or shape.is_empty:
        return Fault(
            FaultKind.GEOMETRY_EMPTY,
            named,
            None,
            None,
            "",
            f"第 {row + 1} 行没有图形；画上网格或删去该行",
            f"row {row + 1} has no shape; draw the cell or delete the row",
        )
    if shape.geom_type not in ("Polygon", "MultiPolygon"):
        return Fault(
            FaultKind.GEOMETRY_NOT_AREA,
            named,
            _place(layer, row),
            None,
            "",
            f"第 {row + 1} 行是 {shape.geom_type}，不是面；网格须为闭合多边形",
            f"row {row + 1} is a {shape.geom_type}; a cell must be a closed polygon",
        )
    reason = shapely.is_valid_reason(shape)
    return Fault(
        FaultKind.RING_INVALID,
        named,
        _place_in(reason) or _place(layer, row),
        None,
        "",
        f"第 {row + 1} 行边界无效（{reason}）；在该处拆开自相交，或用 make valid 后复核",
        f"row {row + 1}: the ring is not valid ({reason}); untangle it at that place, "
        "or run 'make valid' in a GIS and look at the result",
    )


def _place(layer: Layer, row: int) -> tuple[float, float] | None:
    """Some place of the row's shape, if it has one."""
    shape = layer.polygons[row]
    if shape is None or shape.is_empty:
        return None
    lon, lat = shapely.get_coordinates(shape)[0].tolist()
    return lon, lat


def _place_in(reason: str) -> tuple[float, float] | None:
    """The place that GEOS puts in brackets behind its reason."""
    found = re.search(r"\[(\S+) (\S+)\]", reason)
    return (float(found[1]), float(found[2])) if found else None


def _numbers(rows: list[int]) -> str:
    return ", ".join(str(row + 1) for row in rows[:5]) + (" …" if len(rows) > 5 else "")


def _no_cells() -> Fault:
    return Fault(
        FaultKind.NO_CELLS,
        (),
        None,
        None,
        "",
        "图层里没有任何网格；检查是否选错了文件或图层",
        "the layer holds no cell; look whether this is the right file and layer",
    )
