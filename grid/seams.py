"""What is wrong between cells: overlaps, gaps, slivers, and communities that fall apart.

All sizes are measured in a local plane in metres. The *width* of a piece of ground is twice its
area over its perimeter: right for what is long and thin, half too small for a square.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from grid.errors import CodeInvalid
from grid.faults import Fault, FaultKind
from grid.layer import Layer
from grid.unit_grid import community_of

TOUCH_M: Final = 0.02
"""Neighbours nearer than this meet: seven decimals of a degree are 1 cm."""
SLIVER_M: Final = 0.5
"""Narrower than this, ground is a remnant of drawing and not a place."""
SLIVER_M2: Final = 1.0
"""Smaller than this as well."""
GAP_M2: Final = 10_000.0
"""Enclosed ground below the size of one cell was forgotten; above it is a lake or a barracks."""
GAP_M: Final = 5.0
"""Enclosed ground narrower than this was forgotten however long it is."""
CLEFT_M: Final = 10.0
"""A cleft open to the outside is told when longer: a shorter one is a corner of the shore."""
SCATTER_M: Final = 1_000.0
"""Parts of a community farther apart than this belong to two communities."""


def faults_of(layer: Layer) -> Iterator[Fault]:
    """The faults and notices between the sound cells of a layer."""
    rows = layer.areal.nonzero()[0]
    if len(rows) == 0:
        return
    shapes = layer.frame.metres(layer.polygons[rows])
    yield from _thin_cells(layer, rows, shapes)
    yield from _overlaps(layer, rows, shapes)
    yield from _gaps(layer, rows, shapes)
    yield from _scattered(layer, rows, shapes)


def _width(shapes: Any) -> Any:
    """Metres across, as defined above; 0 for what has no area."""
    around = shapely.length(shapes)
    return np.where(around > 0, 2 * shapely.area(shapes) / np.where(around > 0, around, 1), 0.0)


def _thin_cells(layer: Layer, rows: NDArray[Any], shapes: NDArray[Any]) -> Iterator[Fault]:
    """Cells, and detached parts of cells, too small to be meant."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    bad = (_width(parts) < SLIVER_M) | (shapely.area(parts) < SLIVER_M2)
    for part, row in zip(parts[bad], rows[owner[bad]], strict=True):
        area = float(part.area)
        yield Fault(
            FaultKind.SLIVER,
            (layer.label(row),),
            layer.frame.inside(part),
            area,
            "m²",
            f"网格的一部分是碎片：{area:.2f} m²，宽 {_width(part):.2f} m；并入相邻网格或删去",
            f"a part of the cell is a remnant of {area:.2f} m², {_width(part):.2f} m wide; "
            "give it to a neighbour or delete it",
        )


def _overlaps(layer: Layer, rows: NDArray[Any], shapes: NDArray[Any]) -> Iterator[Fault]:
    """Ground that two cells claim."""
    if shapely.coverage_is_valid(shapes):
        return
    # Where a cell lies upon another, at least one of the two has an edge that is out of order.
    suspects = np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(shapes)))
    at, other = shapely.STRtree(shapes).query(shapes[suspects], predicate="intersects")
    pairs = np.unique(np.sort(np.column_stack([suspects[at], other]), axis=1), axis=0)
    one, other = pairs[pairs[:, 0] < pairs[:, 1]].T
    common = shapely.intersection(shapes[one], shapes[other])
    for at in np.flatnonzero(shapely.area(common) > 0).tolist():
        named = (layer.label(rows[one[at]]), layer.label(rows[other[at]]))
        yield from _overlap(layer, named, common[at])


def _overlap(layer: Layer, named: tuple[str, str], common: Any) -> Iterator[Fault]:
    pieces = [piece for piece in shapely.get_parts(common) if piece.area > 0]
    widest = max(pieces, key=_width)
    if _width(widest) < TOUCH_M:
        return
    area = sum(float(piece.area) for piece in pieces)
    width = float(_width(widest))
    thin = width < SLIVER_M
    yield Fault(
        FaultKind.SLIVER if thin else FaultKind.OVERLAP,
        named,
        layer.frame.inside(widest),
        area,
        "m²",
        f"两个网格重叠 {area:.2f} m²（最宽处约 {width:.2f} m）；把公共边界画成同一条线",
        f"two cells share {area:.2f} m² (about {width:.2f} m wide); "
        "draw their common limit as one line",
    )


def _gaps(layer: Layer, rows: NDArray[Any], shapes: NDArray[Any]) -> Iterator[Fault]:
    """Ground between cells that nobody claims: enclosed, or narrow and open at an end."""
    whole = _together(shapes)
    tree = shapely.STRtree(shapes)
    for open_cleft, grounds in ((False, _enclosed(whole)), (True, _narrow(whole))):
        for ground in grounds:
            if _width(ground) < TOUCH_M:
                continue
            around = tree.query(ground, predicate="dwithin", distance=TOUCH_M)
            named = tuple(sorted(layer.label(rows[at]) for at in around.tolist()))
            if not (open_cleft and len(named) < 2):  # of one cell alone: the shape of its shore
                yield _gap(layer, named, ground)


def _gap(layer: Layer, named: tuple[str, ...], ground: Any) -> Fault:
    width, area = float(_width(ground)), float(ground.area)
    place = layer.frame.inside(ground)
    if area >= GAP_M2 and width >= GAP_M:
        return Fault(
            FaultKind.HOLE_LEFT_OUT,
            named,
            place,
            area,
            "m²",
            f"四周是网格而中间 {area:,.0f} m² 不属于任何网格；若是湖泊、营区等，不必处理",
            f"{area:,.0f} m² amid cells belong to none; nothing to do if it is a lake or the like",
            notice=True,
        )
    kind = FaultKind.SLIVER if width < SLIVER_M else FaultKind.GAP
    return Fault(
        kind,
        named,
        place,
        area,
        "m²",
        f"网格之间有 {area:.2f} m² 空隙（宽约 {width:.2f} m）；把它并入相邻网格",
        f"{area:.2f} m² between cells belong to none (about {width:.2f} m wide); "
        "give them to a neighbour",
    )


def _together(shapes: NDArray[Any]) -> Any:
    """The ground of all cells as one shape."""
    if shapely.coverage_is_valid(shapes):
        return shapely.coverage_union_all(shapes)
    return shapely.union_all(shapes)


def _enclosed(whole: Any) -> list[Any]:
    """The holes of the whole."""
    parts = shapely.get_parts(whole)
    filled = shapely.polygons(shapely.get_exterior_ring(parts))
    return list(shapely.get_parts(shapely.difference(shapely.union_all(filled), whole)))


def _narrow(whole: Any) -> list[Any]:
    """Clefts up to `SLIVER_M` wide that reach the outside: what a closing would fill."""
    filled = shapely.union_all(
        shapely.polygons(shapely.get_exterior_ring(shapely.get_parts(whole)))
    )
    half = SLIVER_M / 2
    grown = shapely.buffer(filled, half, join_style="mitre", mitre_limit=2.0)
    closed = shapely.buffer(grown, -half, join_style="mitre", mitre_limit=2.0)
    clefts = shapely.get_parts(shapely.difference(closed, filled))
    return [cleft for cleft in clefts if cleft.length / 2 > CLEFT_M]


def _scattered(layer: Layer, rows: NDArray[Any], shapes: NDArray[Any]) -> Iterator[Fault]:
    """Cells of a community that lie away from the rest of it."""
    members: dict[str, list[int]] = {}
    for at, row in enumerate(rows.tolist()):
        try:
            members.setdefault(community_of(layer.codes[row]), []).append(at)
        except CodeInvalid:
            continue  # told as malformed already
    for community, several in members.items():
        cells = shapes[several]
        # Between their boxes: what is told is then surely far, and the answer is quick.
        reach = shapely.bounds(cells) + np.array([-1, -1, 1, 1]) * SCATTER_M / 2
        patches = shapely.get_parts(shapely.union_all(shapely.box(*reach.T)))
        if len(patches) > 1:
            codes = [layer.label(rows[at]) for at in several]
            yield _stray(layer, community, codes, cells, patches)


def _stray(
    layer: Layer, community: str, codes: list[str], cells: NDArray[Any], patches: NDArray[Any]
) -> Fault:
    """The cells that do not lie in the largest patch of their community."""
    home = max(
        patches,
        key=lambda patch: float(shapely.area(cells[shapely.intersects(patch, cells)]).sum()),
    )
    away = ~shapely.intersects(home, cells)
    rest = cells[~away]
    far = float(shapely.distance(cells[away][0], shapely.union_all(rest)))
    named = tuple(code for code, stray in zip(codes, away.tolist(), strict=True) if stray)
    return Fault(
        FaultKind.COMMUNITY_SCATTERED,
        named,
        layer.frame.inside(cells[away][0]),
        far,
        "m",
        f"社区 {community} 的网格离该社区其余部分 {far:,.0f} m；核对标识码是否写错社区",
        f"cells of community {community} lie {far:,.0f} m from the rest of it; "
        "see whether their codes name the wrong community",
    )
