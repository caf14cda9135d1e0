"""Editions of the grid in the store: whole or not at all, the same when read back, old cells kept."""

from dataclasses import replace
from datetime import date

import numpy as np
import psycopg
import pytest
import shapely

from grid.coordinates import Datum
from grid.edition import Edition
from grid.unit_grid import ResponsibleGrid, UnitGridCode
from incidents.postgres import city, grid_store
from incidents.postgres.connection import connect
from incidents.postgres.grid_store import EditionTaken, EditionUnknown

pytestmark = pytest.mark.real


def an_edition(
    holds_from: date = date(2026, 1, 1), *, cells: int = 6, shift: float = 0.0
) -> Edition:
    """A row of squares in two communities of one street."""
    codes = [f"1101010010{1 + n % 2:02}{n:02}" for n in range(cells)]
    shapes = [
        shapely.box(116 + n / 100 + shift, 39, 116.01 + n / 100 + shift, 39.01)
        for n in range(cells)
    ]
    patch = ResponsibleGrid("R1", "东片", tuple(UnitGridCode(code) for code in sorted(codes)[:2]))
    return Edition.of(
        f"版本 {holds_from}",
        holds_from,
        (codes, shapes),
        names=[f"格 {n}" for n in range(cells)],
        area_names={"110101": "东城区", "110101001": "东华门街道", "110101001001": "一社区"},
        responsible={"R1": patch},
    )


def test_an_edition_comes_back_as_it_was_kept(database_url: str) -> None:
    edition = an_edition()
    with connect(database_url, "test") as conn:
        number = grid_store.keep_edition(conn, edition, Datum.CGCS2000)
        same_number, first_cell, back = grid_store.load_edition(conn, date(2026, 6, 1))
        kept = grid_store.edition_in_force(conn, date(2026, 6, 1))
    assert (same_number, first_cell) == (number, 1)
    assert back == edition
    assert back.names.tolist() == edition.names.tolist()
    assert back.responsible == edition.responsible
    assert back.area_names["110101001"] == "东华门街道"
    assert back.area_names["110101001002"] == "110101001002"
    assert kept is not None
    assert (kept.digest, kept.datum) == (edition.digest, "cgcs2000")


def test_the_cell_of_an_index_is_the_row_of_its_code(database_url: str) -> None:
    edition = an_edition()
    with connect(database_url, "test") as conn:
        grid_store.keep_edition(conn, an_edition(date(2025, 1, 1), cells=3))
        grid_store.keep_edition(conn, edition)
        _, first_cell, back = grid_store.load_edition(conn, date(2026, 6, 1))
        rows: dict[int, str] = dict(
            conn.execute("select id, code from unit_grid where id >= %s", (first_cell,)).fetchall()
        )
    assert rows == {first_cell + n: code for n, code in enumerate(back.codes.tolist())}
    assert first_cell == 4


def test_each_cell_has_a_point_inside_and_its_parents(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        grid_store.keep_edition(conn, an_edition())
        rows = conn.execute(
            "select lon, lat, polygon, community, street, district, responsible, code from unit_grid"
        ).fetchall()
    for lon, lat, polygon, community, street, district, patch, code in rows:
        assert shapely.from_wkb(polygon).contains(shapely.Point(lon, lat))
        assert (community, street, district) == (code[:12], code[:9], code[:6])
        assert patch in {"R1", None}
    assert sum(row[6] == "R1" for row in rows) == 2


def test_keeping_the_same_cells_again_only_takes_over_names(database_url: str) -> None:
    edition = an_edition()
    renamed = replace(edition, names=np.array(["新名"] * 6), area_names={"110101001": "新街道"})
    with connect(database_url, "test") as conn:
        first = grid_store.keep_edition(conn, edition)
        assert grid_store.keep_edition(conn, renamed) == first
        _, _, back = grid_store.load_edition(conn, date(2026, 6, 1))
        assert len(grid_store.editions(conn)) == 1
    assert set(back.names.tolist()) == {"新名"}
    assert back.area_names["110101001"] == "新街道"


def test_of_two_editions_the_one_of_the_day_holds_and_old_cells_stay(database_url: str) -> None:
    old, new = an_edition(date(2026, 1, 1)), an_edition(date(2026, 7, 1), shift=0.001)
    with connect(database_url, "test") as conn:
        grid_store.keep_edition(conn, new)
        grid_store.keep_edition(conn, old)
        assert grid_store.load_edition(conn, date(2026, 6, 30))[2] == old
        assert grid_store.load_edition(conn, date(2026, 7, 1))[2] == new
        assert grid_store.edition_in_force(conn, date(2025, 12, 31)) is None
        count = conn.execute("select count(*) from unit_grid").fetchone()
    assert count == (12,)


def test_other_cells_from_the_very_same_day_are_refused(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        grid_store.keep_edition(conn, an_edition())
        with pytest.raises(EditionTaken, match="另定日期"):
            grid_store.keep_edition(conn, an_edition(shift=0.001))
        assert len(grid_store.editions(conn)) == 1


def test_today_is_the_city_s_day_and_not_the_server_s(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        row = conn.execute("select (now() at time zone 'Pacific/Kiritimati')::date").fetchone()
        assert row is not None
        grid_store.keep_edition(conn, an_edition(row[0]))
        city.put(conn, city.City("基里巴斯", "110101", "Pacific/Kiritimati"))
        assert grid_store.edition_in_force(conn) is not None
        city.put(conn, city.City("中途岛", "110101", "Etc/GMT+12"))
        assert grid_store.edition_in_force(conn) is None


def test_without_an_edition_it_is_said_how_to_get_one(database_url: str) -> None:
    with connect(database_url, "test") as conn, pytest.raises(EditionUnknown, match="grid load"):
        grid_store.load_edition(conn)


def test_an_edition_that_breaks_off_leaves_nothing(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        conn.execute("alter table unit_grid add constraint no_fifth check (id < 5)")
        with pytest.raises(psycopg.errors.CheckViolation):
            grid_store.keep_edition(conn, an_edition())
        assert grid_store.editions(conn) == []


def test_rollups_find_their_street_by_code(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        number = grid_store.keep_edition(conn, an_edition())
        streets = grid_store.area_ids(conn, number, "street")
        assert streets.keys() == {"110101001"}
        assert grid_store.area_ids(conn, number, "responsible").keys() == {"R1"}
