"""The unit grid 单元网格 with its code 标识码, and the responsible grid 责任网格 made of several.

A code is 14 digits (CJ/T 213, GB/T 30428.1: 6 region + 3 street + 3 community + 2 sequence) or
15 characters 0-9 A-Z (GB/T 47678.3; Beijing 6+3+3+3). Parents are prefixes of it. Whether the
first digits name a region that exists (GB/T 2260, GB/T 10114) is not asked here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from shapely.geometry.base import BaseGeometry

from grid.errors import CodeInvalid

UnitGridCode = NewType("UnitGridCode", str)
"""A code that `unit_grid_code` has looked at."""

DISTRICT_LENGTH, STREET_LENGTH, COMMUNITY_LENGTH = 6, 9, 12

_CELL = re.compile(r"[0-9]{14}|[0-9A-Z]{15}", re.ASCII)
_AREA = re.compile(r"[0-9A-Z]+", re.ASCII)


class Level(StrEnum):
    """The levels of a city, from the whole 区县 down to the cell."""

    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"
    CELL = "cell"


_LEVELS = {
    DISTRICT_LENGTH: Level.DISTRICT,
    STREET_LENGTH: Level.STREET,
    COMMUNITY_LENGTH: Level.COMMUNITY,
    14: Level.CELL,
    15: Level.CELL,
}


def unit_grid_code(text: str) -> UnitGridCode:
    """The text as a code of a cell; raises CodeInvalid saying what is wrong with it."""
    if not _CELL.fullmatch(text):
        zh, en = _why_not(text)
        raise CodeInvalid(
            zh=f"单元网格标识码 {text!r} 不合规：{zh}；应为 14 位数字或 15 位数字、大写字母",
            en=f"unit grid code {text!r}: {en}; 14 digits or 15 characters 0-9 A-Z are needed",
            text=text,
        )
    return UnitGridCode(text)


def level_of(code: str) -> Level:
    """What a code names, by its length: 6, 9, 12 or 14–15 characters; raises CodeInvalid."""
    level = _LEVELS.get(len(code))
    sound = _CELL if level is Level.CELL else _AREA
    if level is None or not sound.fullmatch(code):
        raise CodeInvalid(
            zh=f"{code!r} 不是区县(6)、街道(9)、社区(12)或单元网格(14、15)的标识码",
            en=f"{code!r} is no code of a district (6), street (9), community (12) or cell (14, 15)",
            text=code,
        )
    return level


def district_of(code: str) -> str:
    """The district 区县 of a cell, community or street: the first 6 characters."""
    return _prefix(code, DISTRICT_LENGTH)


def street_of(code: str) -> str:
    """The street 街道 of a cell or community: the first 9 characters."""
    return _prefix(code, STREET_LENGTH)


def community_of(code: str) -> str:
    """The community 社区 of a cell: the first 12 characters."""
    return _prefix(code, COMMUNITY_LENGTH)


@dataclass(frozen=True, slots=True)
class UnitGrid:
    """One cell of an edition; the polygon is in WGS-84 degrees, the area in square metres."""

    code: UnitGridCode
    name: str
    area_m2: float
    polygon: BaseGeometry

    @property
    def community(self) -> str:
        """Code of the community it lies in."""
        return community_of(self.code)

    @property
    def street(self) -> str:
        """Code of the street it lies in."""
        return street_of(self.code)

    @property
    def district(self) -> str:
        """Code of the district it lies in."""
        return district_of(self.code)


@dataclass(frozen=True, slots=True)
class ResponsibleGrid:
    """The patch of one inspector 责任网格: a set of cells, codes ascending."""

    code: str
    name: str
    cells: tuple[UnitGridCode, ...]


def _prefix(code: str, length: int) -> str:
    level_of(code)
    if len(code) < length:
        raise CodeInvalid(
            zh=f"{code!r} 太短，没有前 {length} 位",
            en=f"{code!r} is too short to have a first {length}",
            text=code,
        )
    return code[:length]


def _why_not(text: str) -> tuple[str, str]:
    """What a person should look at first in a malformed code."""
    if not text:
        return "为空", "it is empty"
    if re.fullmatch(r"[0-9.]+[eE][+]?[0-9]+|[0-9]+\.0*", text):
        return "被表格软件当作数字保存过", "a spreadsheet has turned it into a number"
    if text != text.strip():
        return "前后有空格", "it has blanks around it"
    if text.upper() != text and _CELL.fullmatch(text.upper()):
        return "含小写字母", "it has small letters"
    if not text.isascii():
        return "含全角或其他字符", "it has full-width or other signs"
    if not text.isalnum():
        return "含标点或空格", "it has punctuation or blanks"
    if len(text) not in (14, 15):
        return f"有 {len(text)} 位", f"it has {len(text)} characters"
    return "14 位标识码只能是数字", "a code of 14 may have digits only"
