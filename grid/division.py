"""Cuts communities 社区 into cells near ten thousand square metres 万米单元网格 and numbers them.

Cells follow the given lines (roads, water, walls), stay within one community, and fit together
without gap or overlap: every limit is drawn once. The same input gives the same cells.

Numbering. CJ/T 213 and GB/T 30428.1 number cells within their community; the Beijing rules say
west to east, then north to south. Exactly, here: a community is sliced from its northern end into
rows as high as a square cell is; a cell belongs to the row in which its centroid lies; rows are
counted from north to south, cells of a row from west to east, and by the centroid's height, then
longitude, where that leaves a doubt. The sequence has three digits and begins at 001.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from grid import seams
from grid.coordinates import Datum, Floats, metres_per_degree
from grid.errors import GridError, GridRefused
from grid.faults import Fault, FaultKind
from grid.layer import Layer
from grid.unit_grid import Level, UnitGridCode, level_of, unit_grid_code

UNIT: Final = 1e7
"""We draw on whole ten-millionths of a degree (about a centimetre)."""
SMALL: Final = 0.4
"""Ground below this share of the target is given to a neighbour."""
LARGE: Final = 1.5
"""Ground above this share of the target is cut."""
MOST: Final = 999
"""Cells that three digits can number."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell made: its code of fifteen characters and its polygon in WGS-84 degrees."""

    code: UnitGridCode
    polygon: Any


def divide(
    communities: Mapping[str, Any], lines: Sequence[Any] = (), target_m2: float = 10_000.0
) -> list[Cell]:
    """The cells of communities, codes ascending.

    `communities` are polygons in WGS-84 degrees by their codes of twelve characters; `lines` are
    drawn where cells should end, in the same degrees; one that ends within a block cuts nothing,
    and a block too small for a cell joins its neighbour across a line. Raises GridRefused where communities are
    not sound, and GridError where one has more than 999 cells.
    """
    codes = sorted(communities)
    _refuse_unsound(codes, [communities[code] for code in codes])
    sheet = _Sheet.under([communities[code] for code in codes], target_m2)
    grounds = sheet.draw([communities[code] for code in codes])
    # Sorted, so that the order in which lines are given does not show in the noding.
    drawn = sheet.draw(sorted((line for line in lines if not line.is_empty), key=shapely.to_wkb))
    blocks = _merged(sheet, *_faces(grounds, [shapely.boundary(grounds), drawn]))
    cuts = [cut for ground, _ in blocks for cut in _cuts(sheet, ground)]
    limits = [shapely.boundary([ground for ground, _ in blocks]), np.array(cuts, dtype=object)]
    cells = _merged(sheet, *_faces(grounds, limits))
    return [
        cell
        for owner, code in enumerate(codes)
        for cell in _numbered(sheet, code, [shape for shape, of in cells if of == owner])
    ]


@dataclass(frozen=True)
class _Sheet:
    """Drawing paper: whole numbers of `UNIT` from a corner, and how many metres one is."""

    corner: tuple[float, float]
    metres: tuple[float, float]
    target: float

    @classmethod
    def under(cls, polygons: Sequence[Any], target_m2: float) -> _Sheet:
        west, south, _, north = shapely.total_bounds(np.array(polygons, dtype=object)).tolist()
        east_m, north_m = metres_per_degree((south + north) / 2)
        corner = (math.floor(west * UNIT), math.floor(south * UNIT))
        scale = (float(east_m) / UNIT, float(north_m) / UNIT)
        return cls(corner, scale, target_m2 / (scale[0] * scale[1]))

    @property
    def side(self) -> float:
        """Height of a row of cells on the sheet."""
        return math.sqrt(self.target * self.metres[0] * self.metres[1]) / self.metres[1]

    def draw(self, shapes: Sequence[Any]) -> NDArray[Any]:
        """Degrees onto the sheet."""
        array = np.empty(len(shapes), dtype=object)
        array[:] = shapely.force_2d(np.asarray(shapes, dtype=object))
        return _moved(array, lambda at: np.round(at * UNIT) - self.corner)

    def degrees(self, shape: Any) -> Any:
        """From the sheet to degrees, each the nearest float to its seven decimals."""
        return shapely.normalize(shapely.transform(shape, lambda at: (at + self.corner) / UNIT))

    def in_metres(self, shape: Any) -> Any:
        """A shape with the proportions it has on the ground."""
        return shapely.transform(shape, lambda at: at * self.metres)


def _moved(shapes: NDArray[Any], move: Any) -> NDArray[Any]:
    moved: NDArray[Any] = shapely.transform(shapes, move)
    return moved


def _faces(grounds: NDArray[Any], limits: Sequence[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """What limits enclose, with the ground (its position) that each piece belongs to."""
    every = np.concatenate([shapely.boundary(grounds), *limits])
    noded = shapely.union_all(every, grid_size=1.0)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    inside = shapely.point_on_surface(faces)
    face, ground = shapely.STRtree(grounds).query(inside, predicate="intersects")
    _, first = np.unique(face, return_index=True)
    return faces[face[first]], ground[first]


def _merged(sheet: _Sheet, faces: NDArray[Any], owner: NDArray[np.intp]) -> list[tuple[Any, int]]:
    """Faces with the small ones given to neighbours, each with its ground."""
    result: list[tuple[Any, int]] = []
    for ground in np.unique(owner).tolist():
        mine = faces[owner == ground]
        result.extend((shape, ground) for shape in _without_small(sheet, mine))
    return result


def _without_small(sheet: _Sheet, faces: NDArray[Any]) -> list[Any]:
    """Smallest first, each joins the neighbour with which it shares the longest limit."""
    shapes = dict(enumerate(faces[np.lexsort(shapely.bounds(faces).T)]))
    while len(shapes) > 1:
        small = min(shapes, key=lambda key: (shapes[key].area, key))
        if shapes[small].area >= SMALL * sheet.target:
            break
        others = [key for key in shapes if key != small]
        common = shapely.length(
            shapely.intersection(
                shapely.boundary(shapes[small]), shapely.boundary([shapes[key] for key in others])
            )
        )
        best = int(np.argmax(common))
        if common[best] == 0:
            small_alone = shapes.pop(small)  # an island: it stays as it is
            return [*_without_small(sheet, np.array(list(shapes.values()))), small_alone]
        shapes[others[best]] = shapely.coverage_union(shapes[others[best]], shapes.pop(small))
        shapes[others[best]] = _single(shapes[others[best]])
    return list(shapes.values())


def _single(shape: Any) -> Any:
    """A collection of one polygon as that polygon."""
    parts = shapely.get_parts(shape)
    return parts[0] if len(parts) == 1 else shapely.union_all(parts)


def _cuts(sheet: _Sheet, ground: Any) -> list[Any]:
    """Lines that cut a piece of ground into cells near the target, halves first."""
    pieces = round(ground.area / sheet.target)
    if ground.area <= LARGE * sheet.target or pieces < 2:
        return []
    share = (pieces // 2) / pieces
    across, one, other = _cut(sheet, ground, share)
    cuts = list(shapely.get_parts(shapely.intersection(across, ground)))
    for side in (one, other):
        for part in shapely.get_parts(side):
            cuts.extend(_cuts(sheet, part))
    return [cut for cut in cuts if shapely.get_type_id(cut) == 1]


def _cut(sheet: _Sheet, ground: Any, share: float) -> tuple[Any, Any, Any]:
    """A line across the long side of some ground, and the two sides, one with that share of it."""
    direction = _long_side(sheet, ground)
    middle = np.array(shapely.get_coordinates(ground.centroid)[0])
    ahead = direction / np.array(sheet.metres)
    aside = np.array([-direction[1], direction[0]]) / np.array(sheet.metres)
    reach = 2 * shapely.length(shapely.box(*ground.bounds)) * float(np.min(sheet.metres))
    low, high = -reach, reach
    for _ in range(40):
        at = (low + high) / 2
        if _behind(ground, middle, ahead, aside, at, reach).area < share * ground.area:
            low = at
        else:
            high = at
    behind = _behind(ground, middle, ahead, aside, low, reach)
    foot = middle + ahead * low
    line = shapely.linestrings([foot - aside * reach, foot + aside * reach])
    return line, behind, shapely.difference(ground, _half(middle, ahead, aside, low, reach))


def _half(middle: Floats, ahead: Floats, aside: Floats, at: float, reach: float) -> Any:
    """The half plane behind a line, as far as it matters."""
    foot, back = middle + ahead * at, middle - ahead * 2 * reach
    return shapely.polygons(
        [foot - aside * reach, foot + aside * reach, back + aside * reach, back - aside * reach]
    )


def _behind(
    ground: Any, middle: Floats, ahead: Floats, aside: Floats, at: float, reach: float
) -> Any:
    """The part of some ground behind a line."""
    return shapely.intersection(ground, _half(middle, ahead, aside, at, reach))


def _long_side(sheet: _Sheet, ground: Any) -> Floats:
    """The direction (metres, length 1) in which some ground is longest."""
    box = shapely.minimum_rotated_rectangle(sheet.in_metres(ground))
    sides = np.diff(shapely.get_coordinates(box)[:3], axis=0)
    lengths = np.hypot(*sides.T)
    long_: Floats = sides[int(np.argmax(lengths))] / lengths.max()
    # One direction of the two, so that rounding elsewhere cannot turn the whole about.
    return long_ if (round(float(long_[0]), 9), long_[1]) >= (0.0, 0.0) else -long_


def _numbered(sheet: _Sheet, community: str, shapes: list[Any]) -> list[Cell]:
    """The cells of one community with their codes."""
    if len(shapes) > MOST:
        raise GridError(
            zh=f"社区 {community} 有 {len(shapes)} 个网格，三位顺序号最多 {MOST}；加大面积或拆分社区",
            en=f"community {community} has {len(shapes)} cells, three digits number {MOST}; "
            "take a larger target or divide the community",
            community=community,
        )
    if not shapes:
        return []
    middle = shapely.get_coordinates(shapely.centroid(shapes))
    top = max(shape.bounds[3] for shape in shapes)
    row = np.floor((top - middle[:, 1]) / sheet.side)
    order = np.lexsort((middle[:, 0], -middle[:, 1], middle[:, 0].round(), row))
    return [
        Cell(unit_grid_code(f"{community}{nth:03d}"), sheet.degrees(shapes[at]))
        for nth, at in enumerate(order.tolist(), start=1)
    ]


def _refuse_unsound(codes: list[str], polygons: list[Any]) -> None:
    """Raises GridRefused if communities are not areas, lie on each other or have wrong codes."""
    array = np.empty(len(polygons), dtype=object)
    array[:] = polygons
    layer = Layer(array, {"code": codes}, Datum.WGS84)
    faults = [_bad_code(code) for code in codes if _is_no_community(code)]
    faults += [_bad_shape(layer, row) for row in (~layer.areal).nonzero()[0].tolist()]
    if not faults:
        faults = [fault for fault in seams.faults_of(layer) if fault.kind is FaultKind.OVERLAP]
    if faults or not codes:
        raise GridRefused(
            zh=f"社区图层有 {len(faults)} 处问题，不能划分" if codes else "没有社区可划分",
            en=f"the communities have {len(faults)} faults" if codes else "there is no community",
            faults=tuple(faults),
        )


def _is_no_community(code: str) -> bool:
    try:
        return level_of(code) is not Level.COMMUNITY
    except GridError:
        return True


def _bad_code(code: str) -> Fault:
    return Fault(
        FaultKind.CODE_MALFORMED,
        (code,),
        None,
        None,
        "",
        f"社区标识码 {code!r} 应为 12 位数字或大写字母",
        f"community code {code!r}: twelve characters 0-9 A-Z are needed",
    )


def _bad_shape(layer: Layer, row: int) -> Fault:
    return Fault(
        FaultKind.RING_INVALID,
        (layer.label(row),),
        None,
        None,
        "",
        "社区边界不是有效的多边形",
        "the limit of the community is no valid polygon",
    )
