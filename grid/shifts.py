"""Whether the declared datum can be right: by the numbers, by the box, by the edition in force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from grid.coordinates import Datum, Floats, from_wgs84, in_customary_box, metres_between, to_wgs84
from grid.edition import Edition
from grid.faults import Fault, FaultKind
from grid.layer import Layer

SETTLED_M: Final = 100.0
"""Cells may be redrawn by this much (median) from one edition to the next without a word."""
FITS_M: Final = 30.0
"""Another datum explains a shift if it brings the layer this near to the edition in force."""
ELSEWHERE_M: Final = 5_000.0
"""Farther from the edition in force than any datum could shift it."""
SAME_SIZE_M: Final = 60.0
"""Layers without a common code are compared if their boxes differ by no more than this."""

_WRITTEN = {
    Datum.WGS84: "WGS-84",
    Datum.CGCS2000: "CGCS2000",
    Datum.GCJ02: "GCJ-02",
    Datum.BD09: "BD-09",
}


def out_of_range(layer: Layer) -> Iterator[Fault]:
    """Coordinates that are no degrees: projected metres, or latitude written first."""
    drawn = [shape is not None and not shape.is_empty for shape in layer.polygons]
    if not any(drawn):
        return
    at = shapely.get_coordinates(layer.polygons[drawn])
    wild = ~((np.abs(at[:, 0]) <= 180) & (np.abs(at[:, 1]) <= 90))
    if not wild.any():
        return
    x, y = at[wild][0].tolist()
    turned = bool((np.abs(at[:, 0]) <= 90).all() and (np.abs(at[:, 1]) <= 180).all())
    if turned:
        zh, en = "经纬度写反了；请先经度后纬度", "latitude stands before longitude; exchange them"
    else:
        zh = "不是经纬度，像是投影坐标（米）；用 --epsg 说明投影，例如 4547"
        en = "these are no degrees but look like projected metres; name the projection by --epsg"
    yield Fault(
        FaultKind.DATUM_OUT_OF_RANGE,
        (),
        None,
        None,
        "",
        f"坐标 ({x:.6g}, {y:.6g}) {zh}",
        f"coordinates ({x:.6g}, {y:.6g}): {en}",
    )


def against(layer: Layer, in_force: Edition | None) -> Iterator[Fault]:
    """What speaks against the declared datum."""
    if not layer.areal.any():
        return
    yield from _outside_the_box(layer)
    if in_force is not None and len(in_force):
        yield from _moved(layer, in_force)


def _outside_the_box(layer: Layer) -> Iterator[Fault]:
    """GCJ-02 and BD-09 exist in China only."""
    if layer.datum not in (Datum.GCJ02, Datum.BD09):
        return
    west, south, east, north = shapely.total_bounds(layer.polygons[layer.areal]).tolist()
    if in_customary_box([west, east], [south, north]).all():
        return
    name = _WRITTEN[layer.datum]
    yield Fault(
        FaultKind.DATUM_CONTRADICTED,
        (),
        (west, south),
        None,
        "",
        f"声明为 {name}，但图层不在中国范围内，那里没有 {name}；改为 --datum wgs84",
        f"declared {name}, but the layer is not in China where {name} exists; say --datum wgs84",
    )


@dataclass(frozen=True)
class _Anchors:
    """The same places in the layer and in the edition in force, degrees WGS-84."""

    here: Floats
    there: Floats

    def shift(self, here: Floats) -> float:
        """Median metres between the two, the layer's places being given as `here`."""
        apart = metres_between(here[:, 0], here[:, 1], self.there[:, 0], self.there[:, 1])
        return float(np.median(apart))


def _moved(layer: Layer, in_force: Edition) -> Iterator[Fault]:
    anchors = _common_cells(layer, in_force) or _common_box(layer, in_force)
    if anchors is None:
        return
    shift = anchors.shift(anchors.here)
    if shift <= SETTLED_M:
        return
    place = (float(anchors.here[0, 0]), float(anchors.here[0, 1]))
    actual, residual = _likeliest(layer.datum, anchors)
    if residual < FITS_M:
        yield _misdeclared(layer.datum, actual, shift, residual, place)
    else:
        yield _unexplained(shift, place)


def _common_cells(layer: Layer, in_force: Edition) -> _Anchors | None:
    """Middles of the cells that have one code in both, if there are enough to judge by."""
    known = {code: at for at, code in enumerate(in_force.codes.tolist())}
    pairs = [
        (row, known[layer.codes[row]])
        for row in layer.areal.nonzero()[0].tolist()
        if layer.codes[row] in known
    ]
    if len(pairs) < max(1, len(layer.polygons) // 10):
        return None
    rows, cells = np.array(pairs).T
    return _Anchors(_middles(layer.polygons[rows]), _middles(in_force.polygons[cells]))


def _common_box(layer: Layer, in_force: Edition) -> _Anchors | None:
    """Two corners of the boxes around the whole, if the boxes are of one size."""
    here = np.reshape(shapely.total_bounds(layer.polygons[layer.areal]), (2, 2))
    there = np.reshape(in_force.bounds, (2, 2))
    apart = metres_between(here[:, 0], here[:, 1], there[:, 0], there[:, 1])
    if abs(apart[0] - apart[1]) > SAME_SIZE_M:
        return None
    return _Anchors(here, there)


def _middles(polygons: NDArray[np.object_]) -> Floats:
    middles: Floats = shapely.get_coordinates(shapely.centroid(polygons))
    return middles


def _likeliest(declared: Datum, anchors: _Anchors) -> tuple[Datum, float]:
    """The datum under which the layer lies nearest to the edition in force, and how near."""
    raw = from_wgs84(anchors.here[:, 0], anchors.here[:, 1], declared)
    residuals = {
        datum: anchors.shift(np.column_stack(to_wgs84(raw[0], raw[1], datum)))
        for datum in (Datum.WGS84, Datum.GCJ02, Datum.BD09)
    }
    actual = min(residuals, key=lambda datum: residuals[datum])
    return actual, residuals[actual]


def _misdeclared(
    declared: Datum, actual: Datum, shift: float, residual: float, place: tuple[float, float]
) -> Fault:
    was, looks = _WRITTEN[declared], _WRITTEN[actual]
    return Fault(
        FaultKind.DATUM_SHIFTED,
        (),
        place,
        shift,
        "m",
        f"图层比现行版偏 {shift:.0f} m，像是把 {looks} 声明成了 {was}"
        f"（按 {looks} 换算后只差 {residual:.1f} m）；改为 --datum {actual}",
        f"the layer lies {shift:.0f} m off the edition in force: it looks like {looks} declared "
        f"as {was} (read as {looks} it is {residual:.1f} m off); say --datum {actual}",
    )


def _unexplained(shift: float, place: tuple[float, float]) -> Fault:
    if shift > ELSEWHERE_M:
        return Fault(
            FaultKind.FAR_FROM_EDITION,
            (),
            place,
            shift,
            "m",
            f"图层离现行版 {shift / 1000:,.1f} km；检查是否选错了城市或投影带",
            f"the layer lies {shift / 1000:,.1f} km from the edition in force; "
            "look whether the city and the projection zone are the right ones",
        )
    return Fault(
        FaultKind.DATUM_SHIFTED,
        (),
        place,
        shift,
        "m",
        f"图层比现行版整体偏 {shift:.0f} m，且不是常见坐标系之差；核对坐标系与投影参数",
        f"the layer lies {shift:.0f} m off the edition in force and no usual datum explains it; "
        "look at datum and projection",
    )
