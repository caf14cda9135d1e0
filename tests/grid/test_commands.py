"""`python -m grid` as an operator runs it: what it prints, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import shapely
from typer.testing import CliRunner, Result

from grid import loading
from grid.__main__ import app
from grid.coordinates import Datum
from tests.grid import cities
from tests.grid.faulty import box, geojson, moved, rows


def grid(*words: str | Path, database: str = "") -> Result:
    """The command in this process: the same code, without a second of start-up each time."""
    environment = {"YIWANG_DATABASE_URL": database, "COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(app, list(map(str, words)), env=environment)


def said(ended: Result) -> Any:
    return json.loads(ended.stdout)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return geojson(tmp_path / "sound.geojson", rows(box(0, 0), box(1, 0), box(2, 0)))


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    return geojson(tmp_path / "faulty.geojson", rows(box(0, 0), box(0.5, 0)))


def test_a_sound_file_ends_with_0(sound: Path) -> None:
    ended = grid("check", sound, "--datum", "wgs84")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert "3 cells, 0 faults" in ended.stdout


def test_a_faulty_file_ends_with_1_and_says_why_in_both_languages(faulty: Path) -> None:
    ended = grid("check", faulty, "--datum", "wgs84")
    assert ended.exit_code == 1
    assert "[overlap] 361002001001001 361002001001002 @ 116.3507" in ended.stdout
    assert "把公共边界画成同一条线" in ended.stdout
    assert "draw their common limit as one line" in ended.stdout


def test_a_program_reads_the_faults_as_json(faulty: Path) -> None:
    told = said(grid("check", faulty, "--datum", "wgs84", "--json"))
    assert (told["ok"], told["cells"], told["notices"]) == (False, 2, [])
    (fault,) = told["faults"]
    assert fault["kind"] == "overlap"
    assert fault["codes"] == ["361002001001001", "361002001001002"]
    assert fault["unit"] == "m²"
    assert 5_000 < fault["size"] < 6_000


@pytest.mark.parametrize(
    "words",
    [
        ("check", "sound.geojson"),
        ("check", "sound.geojson", "--datum", "xian80"),
        ("check", "sound.geojson", "--datum", "wgs84", "--fields", "geoid"),
        ("load", "sound.geojson", "--datum", "wgs84", "--from", "1.1.2026"),
        ("divide", "sound.geojson", "--datum", "wgs84"),
        ("survey",),
        (),
    ],
)
def test_wrong_usage_ends_with_2(words: tuple[str, ...]) -> None:
    assert grid(*words).exit_code == 2


def test_it_is_a_command_of_its_own(faulty: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "grid", "check", str(faulty), "--datum", "wgs84"],
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (ended.returncode, ended.stderr) == (1, b"")
    assert "重叠" in ended.stdout.decode()


def test_help_is_there_for_every_command() -> None:
    for words in ((), ("check",), ("load",), ("divide",), ("export",)):
        ended = grid(*words, "--help")
        assert ended.exit_code == 0
        assert "Usage" in ended.stdout


def test_loading_without_a_database_says_so(sound: Path) -> None:
    ended = grid("load", sound, "--datum", "wgs84")
    assert ended.exit_code == 1
    assert "YIWANG_DATABASE_URL" in ended.stderr
    unreachable = "postgresql://nobody@127.0.0.1:1/none"
    assert (
        said(grid("load", sound, "--datum", "wgs84", "--json", database=unreachable))["ok"] is False
    )


def test_communities_are_divided_into_a_file_that_passes_the_check(tmp_path: Path) -> None:
    west, south = cities.HERE
    areas = geojson(
        tmp_path / "communities.geojson",
        [
            (
                {"sq": "361002001001", "name": "滨江社区"},
                shapely.box(west, south, west + 0.004, south + 0.004),
            ),
            (
                {"sq": "361002001002", "name": "新城社区"},
                shapely.box(west + 0.004, south, west + 0.008, south + 0.004),
            ),
        ],
    )
    road = geojson(
        tmp_path / "roads.geojson",
        [({}, shapely.LineString([(west - 0.01, south + 0.0021), (west + 0.01, south + 0.0019)]))],
    )
    out = tmp_path / "cells.geojson"
    ended = grid(
        "divide",
        areas,
        "--datum",
        "wgs84",
        "--fields",
        "code=sq",
        "--lines",
        road,
        "--out",
        out,
        "--json",
    )
    assert ended.exit_code == 0, ended.stderr
    told = said(ended)
    assert (told["ok"], told["communities"]) == (True, 2)
    assert 30 <= told["cells"] <= 40
    assert grid("check", out, "--datum", "wgs84").exit_code == 0
    edition = loading.read(out, Datum.WGS84, holds_from=cities.NEW_YEAR)
    assert edition.area_names == {"361002001001": "滨江社区", "361002001002": "新城社区"}
    # in another datum, the same ground
    again = grid("divide", areas, "--datum", "gcj02", "--fields", "code=sq", "--out", out, "--json")
    assert again.exit_code == 0
    assert grid("check", out, "--datum", "gcj02").exit_code == 0


def test_communities_with_one_code_are_refused(tmp_path: Path) -> None:
    areas = geojson(tmp_path / "a.geojson", rows(box(0, 0), box(1, 0), codes=["361002001001"] * 2))
    ended = grid("divide", areas, "--datum", "wgs84", "--out", tmp_path / "cells.geojson")
    assert ended.exit_code == 1
    assert "361002001001" in ended.stderr
    assert not (tmp_path / "cells.geojson").exists()


@pytest.mark.real
def test_an_edition_is_loaded_and_comes_out_as_it_went_in(
    tmp_path: Path, database_url: str
) -> None:
    source = geojson(tmp_path / "a.geojson", rows(*cities.block(5, 5)))
    loaded = grid(
        "load", source, "--datum", "wgs84", "--from", "2026-01-01", "--json", database=database_url
    )
    assert loaded.exit_code == 0, loaded.stderr
    told = said(loaded)
    assert (told["ok"], told["cells"]) == (True, 25)
    out = tmp_path / "b.geojson"
    exported = grid(
        "export", out, "--datum", "wgs84", "--on", "2026-02-01", "--json", database=database_url
    )
    assert exported.exit_code == 0, exported.stderr
    assert said(exported)["digest"] == told["digest"]
    again = loading.read(out, Datum.WGS84, holds_from=cities.NEW_YEAR)
    assert again.digest == told["digest"]


@pytest.mark.real
def test_a_layer_shifted_against_the_edition_in_force_is_not_loaded(
    tmp_path: Path, database_url: str
) -> None:
    cells = cities.block(5, 5)
    first = geojson(tmp_path / "a.geojson", rows(*cells))
    shifted = geojson(tmp_path / "b.geojson", rows(*moved(cells, Datum.GCJ02)))
    options = ("--datum", "wgs84", "--json")
    assert (
        grid("load", first, *options, "--from", "2026-01-01", database=database_url).exit_code == 0
    )
    for words in (("check", shifted), ("load", shifted, "--from", "2026-06-01")):
        ended = grid(*words, *options, database=database_url)
        assert ended.exit_code == 1
        assert [fault["kind"] for fault in said(ended)["faults"]] == ["datum_shifted"]
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM grid_edition").fetchone()
    assert row == (1,)


@pytest.mark.real
def test_a_refused_file_leaves_no_row(tmp_path: Path, faulty: Path, database_url: str) -> None:
    assert grid("load", faulty, "--datum", "wgs84", database=database_url).exit_code == 1
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM grid_edition").fetchone()
    assert row == (0,)


@pytest.mark.real
def test_exporting_before_the_first_edition_says_so(tmp_path: Path, database_url: str) -> None:
    ended = grid("export", tmp_path / "a.geojson", "--datum", "wgs84", database=database_url)
    assert ended.exit_code == 1
    assert "python -m grid load" in ended.stderr
    assert not (tmp_path / "a.geojson").exists()
