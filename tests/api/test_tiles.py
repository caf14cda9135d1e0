"""The grid's vector tiles over HTTP: described, immutable, and never somebody else's file."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from grid import tile_shelf, tiles
from tests.api.town import Town, an_edition, token
from tests.grid import vector_tile

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def cut(client: TestClient, town: Town) -> tile_shelf.Shelved:
    """The town's tiles, cut by hand."""
    home: Path = client.app.state.parts.settings.home  # type: ignore[attr-defined]
    return tile_shelf.make(an_edition(), home / "tiles")


def test_the_tiles_of_the_edition_in_force_are_described(
    client: TestClient, cut: tile_shelf.Shelved
) -> None:
    told = client.get("/api/v1/grid/tiles", headers=token("wall")).json()
    assert told["ready"] is True
    assert told["digest"] == cut.folder.name
    assert (told["lowest"], told["highest"], told["cells"]) == (cut.lowest, cut.highest, 100)
    numbering = client.get("/api/v1/wall/cells", headers=token("wall")).json()["numbering"]
    assert told["numbering"] == numbering


def test_a_tile_is_sent_as_it_was_cut_and_kept_for_ever(
    client: TestClient, cut: tile_shelf.Shelved
) -> None:
    first = next(tiles.tiles(an_edition()))
    path = f"/api/v1/grid/tiles/{cut.folder.name}/{first.z}/{first.x}/{first.y}"
    answer = client.get(path, headers=token("wall"))
    assert answer.content == first.data
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert "immutable" in answer.headers["cache-control"]
    assert len(vector_tile.read(answer.content)["cells"]) > 0


def test_where_no_cell_is_there_is_nothing_and_no_other_file_is_given(
    client: TestClient, cut: tile_shelf.Shelved
) -> None:
    root = "/api/v1/grid/tiles"
    assert client.get(f"{root}/{cut.folder.name}/12/0/0", headers=token("wall")).status_code == 204
    assert client.get(f"{root}/{'0' * 64}/12/0/0", headers=token("wall")).status_code == 404
    assert client.get(f"{root}/..%2f..%2fenv/1/0/0", headers=token("wall")).status_code in {
        404,
        422,
    }
    assert client.get(f"{root}/{cut.folder.name}/12/0/0").status_code == 401
