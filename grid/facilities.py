"""Components 部件 of a layer of points, each in its cell, or every reason why the layer is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from grid.atlas import Atlas
from grid.component import Component, ComponentState
from grid.coordinates import Datum, Position
from grid.errors import CodeInvalid, GridRefused
from grid.faults import Fault, FaultKind, refusing
from grid.layer import Layer
from grid.unit_grid import unit_grid_code

_POINT = 0
STATES = {
    "": ComponentState.SOUND,
    "完好": ComponentState.SOUND,
    "破损": ComponentState.DAMAGED,
    "丢失": ComponentState.LOST,
    "废弃": ComponentState.ABANDONED,
    "移除": ComponentState.REMOVED,
    **{str(state): state for state in ComponentState},
}
"""What the column `state` may say (GLBJZT of GB/T 47678.5), in Chinese or by our own word."""


def components_of(
    layer: Layer, atlas: Atlas | None
) -> tuple[tuple[Component, ...], tuple[Fault, ...]]:
    """The components of a layer and what is worth knowing of them; raises GridRefused with all faults.

    A component outside the city, or before the city has a grid (`atlas` None), has no cell: a
    notice, not a fault. Nothing of a refused layer is kept.
    """
    faults = [*_twice(layer.codes)]
    places = np.full((len(layer.polygons), 2), np.nan)
    for row, shape in enumerate(layer.polygons):
        fault = _not_a_place(layer, row, shape)
        if fault is not None:
            faults.append(fault)
        else:
            places[row] = shape.x, shape.y
    cells = None if atlas is None else atlas.locate(places[:, 0], places[:, 1])
    found: list[Component] = []
    for row, (lon, lat) in enumerate(places.tolist()):
        code = None if atlas is None or cells is None or cells[row] < 0 else atlas.codes[cells[row]]
        made = _component(layer, row, (lon, lat), code)
        if isinstance(made, Fault):
            faults.append(made)
            continue
        found.append(made)
        if cells is not None and made.cell is None and not np.isnan(lon):
            faults.append(_outside(made, (lon, lat)))
    if against := refusing(faults):
        raise GridRefused(
            zh=f"部件图层有 {len(against)} 处问题，未载入",
            en=f"{len(against)} faults in the components, nothing was loaded",
            faults=tuple(faults),
        )
    return tuple(found), tuple(faults)


def _component(
    layer: Layer, row: int, place: tuple[float, float], cell: str | None
) -> Component | Fault:
    told = layer.column("state")[row].strip()
    state = STATES.get(told.lower())
    if state is None:
        return Fault(
            FaultKind.STATE_UNKNOWN,
            (layer.label(row),),
            None,
            None,
            "",
            f"状态“{told}”应为 完好、破损、丢失、废弃、移除 之一",
            f"the state {told!r} is none of sound, damaged, lost, abandoned, removed",
        )
    try:
        return Component(
            code=layer.codes[row].strip(),
            name=layer.column("name")[row],
            position=Position(*place, Datum.WGS84),
            cell=None if cell is None else unit_grid_code(str(cell)),
            state=state,
            responsible=layer.column("responsible_body")[row],
            owner=layer.column("owner")[row],
            maintainer=layer.column("maintainer")[row],
        )
    except CodeInvalid as why:
        return Fault(FaultKind.CODE_MALFORMED, (layer.label(row),), None, None, "", why.zh, why.en)


def _not_a_place(layer: Layer, row: int, shape: shapely.Geometry | None) -> Fault | None:
    where = (layer.label(row),)
    if shape is None or shape.is_empty or shapely.get_type_id(shape) != _POINT:
        zh, en = "部件须为一个点", "a component is one point"
        return Fault(FaultKind.GEOMETRY_NOT_POINT, where, None, None, "", zh, en)
    if not (abs(shape.x) <= 180 and abs(shape.y) <= 90):
        zh = f"({shape.x:g}, {shape.y:g}) 不是经纬度；投影坐标请用 --epsg 声明"
        en = "not degrees; name the projection of metres with --epsg"
        return Fault(FaultKind.DATUM_OUT_OF_RANGE, where, None, None, "", zh, en)
    return None


def _outside(component: Component, place: tuple[float, float]) -> Fault:
    zh, en = "不在任何单元网格内", "lies in no cell of the grid in force"
    return Fault(FaultKind.OUTSIDE_GRID, (component.code,), place, None, "", zh, en, notice=True)


def _twice(codes: Sequence[str]) -> list[Fault]:
    seen: dict[str, int] = {}
    for code in codes:
        seen[code] = seen.get(code, 0) + 1
    zh, en = "标识码出现 {} 次", "the code stands {} times"
    return [
        Fault(FaultKind.CODE_TWICE, (code,), None, None, "", zh.format(count), en.format(count))
        for code, count in seen.items()
        if code and count > 1
    ]
