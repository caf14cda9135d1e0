"""A PMTiles 3 archive written by hand, as its specification has it: head, one directory, tiles one after another."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Mapping

_KINDS = {"mvt": 1, "png": 2}
_PLAIN, _GZIP = 1, 2
Place = tuple[int, int, int]


def packed(
    tiles: Mapping[Place, bytes],
    kind: str,
    bounds: tuple[float, float, float, float] = (-180, -85, 180, 85),
) -> bytes:
    """The archive of tiles by zoom, column and row; vectors are compressed."""
    laid = sorted((_number(*place), data) for place, data in tiles.items())
    bodies = [gzip.compress(data) if kind == "mvt" else data for _, data in laid]
    numbers = [number for number, _ in laid]
    steps = [b - a for a, b in zip([0, *numbers], numbers, strict=False)]
    # In order and without gaps, so every place after the first is "just behind the one before".
    columns = (steps, [1] * len(laid), [len(body) for body in bodies], [1] + [0] * (len(laid) - 1))
    directory = gzip.compress(
        b"".join(map(_varint, [len(laid), *(n for column in columns for n in column)]))
    )
    about, data = gzip.compress(b"{}"), b"".join(bodies)
    zooms = [z for z, _, _ in tiles]
    at = 127
    places: list[int] = []
    for part in (directory, about, b"", data):
        places += [at, len(part)]
        at += len(part)
    whole = b"PMTiles\x03" + struct.pack("<11Q", *places, len(laid), len(laid), len(laid))
    whole += bytes([1, _GZIP, _GZIP if kind == "mvt" else _PLAIN, _KINDS[kind]])
    whole += bytes([min(zooms), max(zooms)]) + struct.pack("<4i", *(round(n * 1e7) for n in bounds))
    whole += struct.pack("<B2i", min(zooms), 0, 0)
    return whole + directory + about + data


def _number(z: int, x: int, y: int) -> int:
    """A tile's place along the Hilbert curve, after all tiles of lower zooms."""
    number = sum(1 << 2 * n for n in range(z))
    side = 1 << z >> 1
    while side:
        right, down = int(bool(x & side)), int(bool(y & side))
        number += side * side * ((3 * right) ^ down)
        if not down:
            if right:
                x, y = 2 * side - 1 - (x & (2 * side - 1)), 2 * side - 1 - (y & (2 * side - 1))
            x, y = y, x
        side //= 2
    return number


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
