"""Codes of cells, areas and components; editions and their digests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import shapely

from grid.component import Component
from grid.coordinates import Datum, Position
from grid.edition import Edition
from grid.errors import CodeInvalid, GridError
from grid.unit_grid import (
    Level,
    community_of,
    district_of,
    level_of,
    street_of,
    unit_grid_code,
)
from tests.grid import cities


@pytest.mark.parametrize("code", ["36100200100101", "361002001001001", "36100200100A00Z"])
def test_codes_of_fourteen_digits_and_of_fifteen_characters_are_taken(code: str) -> None:
    assert unit_grid_code(code) == code
    assert level_of(code) is Level.CELL
    assert (district_of(code), street_of(code), community_of(code)) == (
        code[:6],
        code[:9],
        code[:12],
    )


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("", "empty"),
        ("3610020010010", "13 characters"),
        ("3610020010010A", "digits only"),
        ("36100200100a001", "small letters"),
        (" 361002001001001", "blanks"),
        ("361002-001-0010", "punctuation"),
        ("３６１００２００１００１００１", "full-width"),
        ("٣٦١٠٠٢٠٠١٠٠١٠١", "full-width"),
        ("3.61E+13", "spreadsheet"),
        ("361002001001001\n", "blanks"),
        ("36100200100101.0", "spreadsheet"),
    ],
)
def test_a_malformed_code_is_refused_with_what_to_look_at(code: str, hint: str) -> None:
    with pytest.raises(CodeInvalid) as refused:
        unit_grid_code(code)
    assert hint in refused.value.en
    with pytest.raises(CodeInvalid):
        level_of(code)


def test_the_length_of_a_code_says_its_level() -> None:
    levels = [level_of("361002001001001"[:length]) for length in (6, 9, 12, 14, 15)]
    assert levels == [Level.DISTRICT, Level.STREET, Level.COMMUNITY, Level.CELL, Level.CELL]


def test_a_street_has_no_community() -> None:
    with pytest.raises(CodeInvalid):
        community_of("361002001")


@pytest.mark.parametrize(
    ("code", "category"), [("3205080101000001", "0101"), ("36100201001000001", "01001")]
)
def test_a_component_knows_region_class_and_sequence(code: str, category: str) -> None:
    component = Component(code, "雨水井盖", Position(116.35, 27.95, Datum.WGS84))
    assert (component.region, component.category, component.sequence) == (
        code[:6],
        category,
        "000001",
    )


@pytest.mark.parametrize("code", ["", "320508010100000", "320508010100000A", "361002010010000012"])
def test_a_component_with_another_code_is_refused(code: str) -> None:
    with pytest.raises(CodeInvalid):
        Component(code, "路灯", Position(116.35, 27.95, Datum.WGS84))


TWO = ("361002001001002", "361002001001001")


def an_edition(codes: Sequence[str] = TWO, polygons: Any = None) -> Edition:
    shapes = cities.block(2, 1) if polygons is None else polygons
    return Edition.of("x", cities.NEW_YEAR, (codes, shapes), names=["b", "a"])


def test_an_edition_puts_its_cells_in_the_order_of_their_codes() -> None:
    edition = an_edition()
    assert edition.codes.tolist() == ["361002001001001", "361002001001002"]
    assert edition.names.tolist() == ["a", "b"]
    assert edition.polygons[1] == cities.block(2, 1)[0]
    assert [edition.index_of("361002001001002"), edition.index_of("361002001001009")] == [1, None]


def test_a_code_twice_makes_no_edition() -> None:
    with pytest.raises(GridError, match="361002001001002"):
        an_edition(codes=["361002001001002", "361002001001002"])


def test_the_digest_depends_on_codes_and_shapes_and_on_nothing_else() -> None:
    block = cities.block(2, 1)
    digest = an_edition().digest
    assert digest == an_edition(codes=TWO[::-1], polygons=block[::-1]).digest
    assert digest != an_edition(codes=["361002001001003", "361002001001001"]).digest
    moved = shapely.transform(block, lambda at: at + 1e-7)
    assert digest != an_edition(polygons=moved).digest
    deep = shapely.force_3d(block, 5.0)
    assert digest == an_edition(polygons=deep).digest


def test_the_digest_is_the_same_on_every_machine() -> None:
    box = shapely.box(116.35, 27.95, 116.351, 27.951)
    edition = Edition.of("x", cities.NEW_YEAR, (["361002001001001"], [box]))
    assert edition.digest == "91eb3fe9bf1f0c22c73a318ddcbd6247c05dd8d7e9ea260771ecec4a3a26f71e"


def test_areas_are_square_metres() -> None:
    edition = cities.edition_of(cities.squares())
    assert edition.areas_m2 == pytest.approx(np.full(64, 98.41e0 * 110.81e0), rel=2e-3)
    assert edition.cell(3).area_m2 == edition.areas_m2[3]
    assert (edition.cell(3).community, edition.cell(3).district) == ("361002001001", "361002")


def test_an_edition_cannot_be_changed() -> None:
    edition = an_edition()
    with pytest.raises(ValueError, match="read-only"):
        edition.codes[0] = "361002001001009"
