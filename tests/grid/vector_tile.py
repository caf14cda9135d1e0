"""A reader of vector tiles written from the standard alone, to judge what our writer wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Feature:
    """What a tile tells of one thing; rings or points on the tile's lattice."""

    id: int = 0
    kind: int = 0
    tags: list[int] = field(default_factory=list)
    geometry: list[int] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)

    def rings(self) -> list[list[tuple[int, int]]]:
        """The commands carried out."""
        out: list[list[tuple[int, int]]] = []
        x = y = at = 0
        while at < len(self.geometry):
            command, times = self.geometry[at] & 7, self.geometry[at] >> 3
            at += 1
            if command == 7:
                assert times == 1
                out[-1].append(out[-1][0])
                continue
            for _ in range(times):
                x += _signed(self.geometry[at])
                y += _signed(self.geometry[at + 1])
                at += 2
                if command == 1:
                    out.append([])
                out[-1].append((x, y))
        return out


def read(data: bytes) -> dict[str, list[Feature]]:
    """Features by layer."""
    layers = {}
    for number, body in _fields(data):
        assert number == 3
        told: dict[int, list[Any]] = {}
        for member, value in _fields(body):
            told.setdefault(member, []).append(value)
        assert (told[15], told[5]) == ([2], [4096])
        keys = [key.decode() for key in told.get(3, [])]
        values = [_value(value) for value in told.get(4, [])]
        features = [_feature(one) for one in told.get(2, [])]
        for one in features:
            pairs = zip(one.tags[::2], one.tags[1::2], strict=True)
            one.properties = {keys[k]: values[v] for k, v in pairs}
        layers[told[1][0].decode()] = features
    return layers


def _feature(data: bytes) -> Feature:
    found = Feature()
    for number, value in _fields(data):
        if number == 1:
            found.id = value
        elif number == 2:
            found.tags = list(_packed(value))
        elif number == 3:
            found.kind = value
        elif number == 4:
            found.geometry = list(_packed(value))
    return found


def _value(data: bytes) -> Any:
    ((number, value),) = list(_fields(data))
    return value.decode() if number == 1 else value


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        head, at = _varint(data, at)
        if head & 7 == 0:
            value, at = _varint(data, at)
            yield head >> 3, value
        else:
            assert head & 7 == 2
            size, at = _varint(data, at)
            yield head >> 3, data[at : at + size]
            at += size


def _packed(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def _signed(number: int) -> int:
    return (number >> 1) ^ -(number & 1)
