"""A place carries its datum 坐标系: conversion between the four in use, and distances in metres.

Knows longitudes and latitudes only; projected coordinates are undone when a file is loaded.

The offsets of GCJ-02 and BD-09 are not published by their makers. The formulas here are the
ones everybody uses, with their usual constants; they are defined by what they compute.

The customary box. GCJ-02 shifts places in China only; who implements it asks whether a place
lies in the box 72.004–137.8347° E, 0.8293–55.8271° N, and so do we, for GCJ-02 and BD-09 alike,
edge included. The box holds much that is not China (Ulan Bator, Seoul, Manila): places there are
shifted too, as by every other program. It is asked of the WGS-84 place. Within about a kilometre
of the edge the shift is therefore not reversible everywhere: two places may share one shifted
position, and the way back then answers with the one inside the box. The edge runs through sea
and foreign land, so no city of ours meets it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid.errors import DatumMixed, DatumUnknown

Floats = NDArray[np.float64]

WEST, EAST, SOUTH, NORTH = 72.004, 137.8347, 0.8293, 55.8271
"""The customary box in degrees (see above)."""

_KRASOVSKY_AXIS = 6378245.0  # m; GCJ-02 is built on the ellipsoid of 1940
_KRASOVSKY_ECCENTRICITY = 0.00669342162296594323  # squared
_BAIDU_TURN = np.pi * 3000.0 / 180.0

_WGS84_AXIS = 6378137.0  # m
_WGS84_ECCENTRICITY = 0.0066943799901413165  # squared
_MEAN_RADIUS = 6371008.8  # m

_STEPS = 30
"""The inverse shrinks its error at least fivefold a step; it stops long before this."""
_CLOSE_ENOUGH = 1e-12
"""Degrees: a ten-thousandth of a millimetre."""


class Datum(StrEnum):
    """The coordinate systems a source may declare.

    CGCS2000 is computed as WGS-84: both are tied to the ITRF and differ by centimetres to a few
    decimetres (plate motion since 2000), less than any cell or receiver we deal with can tell.
    """

    WGS84 = "wgs84"
    CGCS2000 = "cgcs2000"
    GCJ02 = "gcj02"
    BD09 = "bd09"

    @classmethod
    def of(cls, text: str) -> Datum:
        """The datum of that name, in any of the usual spellings; raises DatumUnknown."""
        plain = "".join(sign for sign in text.lower() if sign.isalnum())
        try:
            return cls(plain)
        except ValueError:
            known = "、".join(cls)
            raise DatumUnknown(
                zh=f"不认识的坐标系 {text!r}，应为 {known} 之一",
                en=f"no datum is called {text!r}; one of {', '.join(cls)} is meant",
                datum=text,
            ) from None


@dataclass(frozen=True, slots=True)
class Position:
    """A place 位置: longitude and latitude in degrees, with their datum."""

    lon: float
    lat: float
    datum: Datum

    def metres_to(self, other: Position) -> float:
        """Metres to another place of the same datum; raises DatumMixed.

        GCJ-02 and BD-09 stretch the map by less than a thousandth between near places.
        """
        if other.datum is not self.datum:
            raise DatumMixed(
                zh=f"坐标系不同，不能比较：{self.datum} 与 {other.datum}",
                en=f"places of two datums cannot be compared: {self.datum} and {other.datum}",
                datums=(str(self.datum), str(other.datum)),
            )
        return float(metres_between(self.lon, self.lat, other.lon, other.lat))

    def into(self, datum: Datum) -> Position:
        """The same place in another datum."""
        lon, lat = convert(self.lon, self.lat, self.datum, datum)
        return Position(lon, lat, datum)


@overload
def convert(lon: float, lat: float, source: Datum, target: Datum) -> tuple[float, float]: ...
@overload
def convert(
    lon: ArrayLike, lat: ArrayLike, source: Datum, target: Datum
) -> tuple[Floats, Floats]: ...
def convert(
    lon: ArrayLike, lat: ArrayLike, source: Datum, target: Datum
) -> tuple[float | Floats, float | Floats]:
    """Degrees of one datum as degrees of another: floats give floats, arrays give arrays.

    Exact both ways (a round trip ends less than a micrometre from where it began, away from the
    edge of the box). NaN stays NaN; infinite and absurd values come back as they were.
    """
    x = np.asarray(lon, dtype=np.float64)
    y = np.asarray(lat, dtype=np.float64)
    if source is not target:
        x, y = _TO_WGS84[source](x, y)
        x, y = _FROM_WGS84[target](x, y)
    if x.ndim == 0:
        return float(x), float(y)
    return x, y


@overload
def to_wgs84(lon: float, lat: float, datum: Datum) -> tuple[float, float]: ...
@overload
def to_wgs84(lon: ArrayLike, lat: ArrayLike, datum: Datum) -> tuple[Floats, Floats]: ...
def to_wgs84(lon: ArrayLike, lat: ArrayLike, datum: Datum) -> tuple[float | Floats, float | Floats]:
    """WGS-84 degrees of places given in `datum`."""
    return convert(lon, lat, datum, Datum.WGS84)


@overload
def from_wgs84(lon: float, lat: float, datum: Datum) -> tuple[float, float]: ...
@overload
def from_wgs84(lon: ArrayLike, lat: ArrayLike, datum: Datum) -> tuple[Floats, Floats]: ...
def from_wgs84(
    lon: ArrayLike, lat: ArrayLike, datum: Datum
) -> tuple[float | Floats, float | Floats]:
    """Degrees in `datum` of places given in WGS-84."""
    return convert(lon, lat, Datum.WGS84, datum)


def in_customary_box(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Whether WGS-84 places are shifted by GCJ-02 and BD-09."""
    x, y = np.asarray(lon), np.asarray(lat)
    inside: NDArray[np.bool_] = (x >= WEST) & (x <= EAST) & (y >= SOUTH) & (y <= NORTH)
    return inside


def metres_between(lon1: ArrayLike, lat1: ArrayLike, lon2: ArrayLike, lat2: ArrayLike) -> Floats:
    """Metres between places of one datum, element by element, as on the WGS-84 ellipsoid.

    The chord, bent to an arc: right to 1 part in 10⁵ over a city, to 0.3 % across the earth.
    """
    x1, y1, z1 = _in_space(lon1, lat1)
    x2, y2, z2 = _in_space(lon2, lat2)
    chord = np.sqrt((x1 - x2) ** 2 + (y1 - y2) ** 2 + (z1 - z2) ** 2)
    half = np.minimum(chord / (2 * _MEAN_RADIUS), 1.0)
    arc: Floats = 2 * _MEAN_RADIUS * np.arcsin(half)
    return arc


def metres_per_degree(lat: ArrayLike) -> tuple[Floats, Floats]:
    """Metres in one degree of longitude and one of latitude at a latitude, WGS-84 ellipsoid."""
    lat = np.asarray(lat, dtype=np.float64)
    sine = np.sin(np.radians(lat))
    bulge = 1 - _WGS84_ECCENTRICITY * sine * sine
    east = _WGS84_AXIS / np.sqrt(bulge) * np.cos(np.radians(lat))
    north = _WGS84_AXIS * (1 - _WGS84_ECCENTRICITY) / bulge**1.5
    return np.radians(east), np.radians(north)


def _in_space(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Metres from the centre of the earth along its three axes."""
    along = np.radians(np.asarray(lon, dtype=np.float64))
    up = np.radians(np.asarray(lat, dtype=np.float64))
    normal = _WGS84_AXIS / np.sqrt(1 - _WGS84_ECCENTRICITY * np.sin(up) ** 2)
    flat = normal * np.cos(up)
    height = normal * (1 - _WGS84_ECCENTRICITY) * np.sin(up)
    return flat * np.cos(along), flat * np.sin(along), height


def _waves(*terms: tuple[float, Floats]) -> Floats:
    """The sum of sine waves that give GCJ-02 its irregular look, in metres."""
    total = np.zeros_like(terms[0][1])
    for size, angle in terms:
        total = total + size * np.sin(angle * np.pi)
    return total * 2 / 3


def _gcj02_shift(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """By how many degrees GCJ-02 moves a WGS-84 place."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    both = _waves((20.0, 6 * x), (20.0, 2 * x))
    east = 300.0 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + both
    east = east + _waves((20.0, x), (40.0, x / 3)) + _waves((150.0, x / 12), (300.0, x / 30))
    north = -100.0 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + both
    north = north + _waves((20.0, y), (40.0, y / 3)) + _waves((160.0, y / 12), (320.0, y / 30))
    up = np.radians(lat)
    bulge = 1 - _KRASOVSKY_ECCENTRICITY * np.sin(up) ** 2
    per_east = _KRASOVSKY_AXIS / np.sqrt(bulge) * np.cos(up)
    per_north = _KRASOVSKY_AXIS * (1 - _KRASOVSKY_ECCENTRICITY) / bulge**1.5
    return np.degrees(east / per_east), np.degrees(north / per_north)


def _to_gcj02_everywhere(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    east, north = _gcj02_shift(lon, lat)
    return lon + east, lat + north


def _to_bd09_everywhere(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    x, y = _to_gcj02_everywhere(lon, lat)
    far = np.sqrt(x * x + y * y) + 0.00002 * np.sin(y * _BAIDU_TURN)
    turned = np.arctan2(y, x) + 0.000003 * np.cos(x * _BAIDU_TURN)
    return far * np.cos(turned) + 0.0065, far * np.sin(turned) + 0.006


_Pair = tuple[Floats, Floats]
_Shift = Callable[[Floats, Floats], _Pair]


def _forward(shifted: _Shift) -> _Shift:
    """A shift that applies inside the customary box only."""

    def forward(lon: Floats, lat: Floats) -> _Pair:
        inside = in_customary_box(lon, lat)
        x, y = shifted(np.where(inside, lon, EAST), np.where(inside, lat, NORTH))
        return np.where(inside, x, lon), np.where(inside, y, lat)

    return forward


def _backward(shifted: _Shift) -> _Shift:
    """The inverse of a shift: look for the place which it moves here."""

    def backward(lon: Floats, lat: Floats) -> _Pair:
        # Only what a shift could have moved out of the box can come back into it.
        near = (lon > WEST - 1) & (lon < EAST + 1) & (lat > SOUTH - 1) & (lat < NORTH + 1)
        aim_x, aim_y = np.where(near, lon, EAST), np.where(near, lat, NORTH)
        x, y = aim_x, aim_y
        arrived = np.zeros_like(near)
        for _ in range(_STEPS):
            there_x, there_y = shifted(x, y)
            off_x, off_y = there_x - aim_x, there_y - aim_y
            # Each place stops by itself: its answer must not depend on who shares its array.
            x, y = np.where(arrived, x, x - off_x), np.where(arrived, y, y - off_y)
            arrived |= ~(np.maximum(np.abs(off_x), np.abs(off_y)) >= _CLOSE_ENOUGH)
            if arrived.all():
                break
        found = near & in_customary_box(x, y)
        return np.where(found, x, lon), np.where(found, y, lat)

    return backward


def _as_is(lon: Floats, lat: Floats) -> _Pair:
    return lon, lat


_FROM_WGS84: dict[Datum, _Shift] = {
    Datum.WGS84: _as_is,
    Datum.CGCS2000: _as_is,
    Datum.GCJ02: _forward(_to_gcj02_everywhere),
    Datum.BD09: _forward(_to_bd09_everywhere),
}
_TO_WGS84: dict[Datum, _Shift] = {
    Datum.WGS84: _as_is,
    Datum.CGCS2000: _as_is,
    Datum.GCJ02: _backward(_to_gcj02_everywhere),
    Datum.BD09: _backward(_to_bd09_everywhere),
}
