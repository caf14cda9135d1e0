"""The bytes of a Mapbox Vector Tile 2.1, written for whole layers at a time; knows nothing of cities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

Properties = dict[str, "str | int"]
Ints = NDArray[np.int64]

_MOVE, _LINE, _CLOSE = 1, 2, 7
_POINT, _POLYGON = 1, 3
_VERSION: Final = 2


@dataclass(frozen=True, slots=True)
class Rings:
    """Polygons as closed rings without their last point, on whole numbers.

    `points` (n × 2) of all rings one after another, `begins` where each ring begins, `owner` which feature each ring is
    of, counted among those that are left, `features` which geometry each of these was.
    """

    points: Ints
    begins: Ints
    owner: Ints
    features: Ints


def polygons_of(shapes: NDArray[Any], coarse: int = 1) -> Rings | None:
    """Polygonal geometries rounded to multiples of `coarse`; None when nothing is left of any.

    Exterior rings come out with the sign the standard asks for. Points that fall together are one; a ring that is no
    area any more is gone, and with its exterior ring the whole polygon.
    """
    parts, of = shapely.get_parts(shapes, return_index=True)
    surfaces = shapely.get_type_id(parts) == 3
    parts, of = shapely.orient_polygons(parts[surfaces], exterior_cw=False), of[surfaces]
    if len(parts) == 0:
        return None
    rings, of_part = shapely.get_rings(parts, return_index=True)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    points = np.rint(coordinates / coarse).astype(np.int64) * coarse
    same = np.r_[False, (np.diff(points, axis=0) == 0).all(axis=1) & (np.diff(ring) == 0)]
    points, ring = points[~same], ring[~same]
    last = np.r_[np.diff(ring) != 0, True]  # the point that repeats a ring's first
    points, ring = points[~last], ring[~last]
    kept = _areas(points, ring, len(rings))
    exterior = np.r_[True, np.diff(of_part) != 0]
    flat = (kept <= 0) & exterior
    good = (kept != 0) & ~flat[np.maximum.accumulate(np.where(exterior, np.arange(len(rings)), 0))]
    if not good.any():
        return None
    chosen = good[ring]
    points, ring = points[chosen], ring[chosen]
    begins = np.flatnonzero(np.r_[True, np.diff(ring) != 0])
    geometry = of[of_part[ring[begins]]]
    features, owner = np.unique(geometry, return_inverse=True)
    return Rings(points, begins.astype(np.int64), owner.astype(np.int64), features.astype(np.int64))


def _areas(points: Ints, ring: Ints, count: int) -> Ints:
    """Twice the signed area of each ring."""
    first = np.r_[True, np.diff(ring) != 0]
    begins = np.flatnonzero(first)
    after = np.arange(1, len(points) + 1)
    after[np.r_[begins[1:], len(points)] - 1] = begins
    cross = points[:, 0] * points[after, 1] - points[after, 0] * points[:, 1]
    return np.bincount(ring, weights=cross.astype(np.float64), minlength=count).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer ready to be written: for each feature its id, its geometry's bytes, its properties."""

    name: str
    kind: int
    ids: Ints
    geometries: list[bytes]
    properties: Sequence[Properties] | None

    @classmethod
    def of_polygons(
        cls, name: str, rings: Rings, ids: Ints, properties: Sequence[Properties] | None
    ) -> Layer:
        """From rings; `ids` and `properties` in the order of `rings.features`."""
        return cls(name, _POLYGON, ids, _polygon_bytes(rings), properties)

    @classmethod
    def of_points(
        cls, name: str, places: Ints, ids: Ints, properties: Sequence[Properties] | None
    ) -> Layer:
        """From one place each."""
        moves = np.full((len(places), 1), _command(_MOVE, 1))
        numbers = np.hstack([moves, _zigzag(places)])
        written, sizes = _varints(numbers.ravel())
        ends = np.cumsum(sizes.reshape(-1, 3).sum(axis=1))
        return cls(name, _POINT, ids, _cut(written, ends), properties)

    def encode(self) -> bytes:
        """The layer's message."""
        keys: dict[str, int] = {}
        values: dict[str | int, int] = {}
        features = []
        for n, geometry in enumerate(self.geometries):
            tags = b""
            if self.properties is not None:
                for key, value in self.properties[n].items():
                    tags += _varint(keys.setdefault(key, len(keys)))
                    tags += _varint(values.setdefault(value, len(values)))
            body = b"\x08" + _varint(int(self.ids[n]))
            body += b"\x12" + _sized(tags) if tags else b""
            body += b"\x18" + _varint(self.kind) + b"\x22" + _sized(geometry)
            features.append(b"\x12" + _sized(body))
        head = b"\x78" + _varint(_VERSION) + b"\x0a" + _sized(self.name.encode())
        tail = b"".join(b"\x1a" + _sized(key.encode()) for key in keys)
        tail += b"".join(b"\x22" + _sized(_value(value)) for value in values)
        return head + b"".join(features) + tail + b"\x28" + _varint(4096)


def encode(layers: Sequence[Layer]) -> bytes:
    """A tile of layers; empty when there are none."""
    return b"".join(b"\x1a" + _sized(layer.encode()) for layer in layers)


def _polygon_bytes(rings: Rings) -> list[bytes]:
    """The geometry of each feature: for every ring MoveTo, LineTo, ClosePath, relative to the point before."""
    count = len(rings.points)
    ends = np.r_[rings.begins[1:], count]
    lengths = ends - rings.begins
    starts_feature = np.r_[True, np.diff(rings.owner) != 0]
    steps = np.diff(rings.points, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
    anew = rings.begins[starts_feature]
    steps[anew] = rings.points[anew]
    steps = _zigzag(steps)
    # Each ring takes 2n + 3 numbers: MoveTo, the first step, LineTo, the other steps, ClosePath.
    sizes = 2 * lengths + 3
    offsets = np.cumsum(sizes) - sizes
    numbers = np.empty(int(sizes.sum()), dtype=np.int64)
    numbers[offsets] = _command(_MOVE, 1)
    numbers[offsets + 3] = _command(_LINE, 0) + ((lengths - 1) << 3)
    numbers[offsets + sizes - 1] = _command(_CLOSE, 1)
    ring = np.repeat(np.arange(len(lengths)), lengths)
    nth = np.arange(count) - rings.begins[ring]
    place = offsets[ring] + 1 + 2 * nth + (nth > 0)
    numbers[place], numbers[place + 1] = steps[:, 0], steps[:, 1]
    written, widths = _varints(numbers)
    upto = np.cumsum(widths)
    feature_ends = np.r_[offsets[np.flatnonzero(starts_feature)[1:]], len(numbers)]
    return _cut(written, upto[feature_ends - 1])


def _command(what: int, times: int) -> int:
    return what | times << 3


def _zigzag(numbers: Ints) -> Ints:
    return (numbers << 1) ^ (numbers >> 63)


def _varints(numbers: Ints) -> tuple[bytes, Ints]:
    """Unsigned numbers below 2³⁵ as protobuf varints, and how many bytes each takes."""
    widths = np.ones(len(numbers), dtype=np.int64)
    for bits in (7, 14, 21, 28):
        widths += numbers >= (1 << bits)
    groups = (numbers[:, None] >> np.arange(0, 35, 7)) & 0x7F
    place = np.arange(5)
    more = place < (widths - 1)[:, None]
    written = (groups | (more << 7)).astype(np.uint8)
    return written[place < widths[:, None]].tobytes(), widths


def _cut(written: bytes, ends: Ints) -> list[bytes]:
    begin, parts = 0, []
    for end in ends.tolist():
        parts.append(written[begin:end])
        begin = end
    return parts


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _sized(data: bytes) -> bytes:
    return _varint(len(data)) + data


def _value(value: str | int) -> bytes:
    return b"\x0a" + _sized(value.encode()) if isinstance(value, str) else b"\x28" + _varint(value)
