"""The store of photos does the same in memory and in a folder: what is there stays as it was put."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.objects import Objects
from incidents.errors import Unavailable
from tests.api.bucket import a_bucket

ID = "5f" + "0" * 30
Make = Callable[[Path], Objects]
STORES: dict[str, Make] = {
    "memory": lambda home: Objects.at("memory:///", home),
    "home": lambda home: Objects.at("", home),
    "folder": lambda home: Objects.at(f"file://{home}/elsewhere", home),
}


@pytest.fixture(params=[*STORES, "s3"])
def objects(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Objects]:
    """Each kind of store; of S3 as much as its calls show."""
    if request.param != "s3":
        yield STORES[request.param](tmp_path)
        return
    with a_bucket() as (told, _):
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        yield Objects.at("s3://bucket/photos", tmp_path)


def test_what_is_put_is_got_until_it_is_removed(objects: Objects) -> None:
    assert objects.get(ID) is None
    objects.put(ID, b"picture", b"small")
    assert (objects.get(ID), objects.get(ID, small=True)) == (b"picture", b"small")
    assert objects.whole(ID)
    objects.remove(ID)
    objects.remove(ID)
    assert objects.get(ID) is None
    assert not objects.whole(ID)


def test_nothing_is_written_over(objects: Objects) -> None:
    objects.put(ID, b"picture", b"small")
    with pytest.raises(Unavailable):
        objects.put(ID, b"other", b"other")
    assert objects.get(ID) == b"picture"


def test_a_listing_tells_what_is_whole_and_since_when(objects: Objects) -> None:
    objects.put(ID, b"picture", b"small")
    found = objects.under("5f")
    assert list(found) == [ID]
    assert found[ID].whole
    assert abs(found[ID].newest - datetime.now(UTC)) < timedelta(minutes=1)
    assert objects.under("5e") == {}


def test_the_folder_is_ours_alone_and_a_lone_file_is_not_whole(tmp_path: Path) -> None:
    objects = Objects.at("", tmp_path)
    objects.put(ID, b"picture", b"small")
    folder = tmp_path / "media"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "5f" / f"{ID}.small.jpg").unlink()
    assert not objects.under("5f")[ID].whole
    assert not objects.whole(ID)


def test_a_name_that_climbs_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    objects = Objects.at("", tmp_path)
    with pytest.raises(ValueError, match="illegal"):
        objects.get("../../secret")


def test_a_store_that_is_away_says_so_soon_and_tells_no_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_bucket() as (told, _):
        for name, value in told.items():
            monkeypatch.setenv(name, value)
    objects = Objects.at("s3://bucket/photos", tmp_path)
    with pytest.raises(Unavailable) as refused:
        objects.get(ID)
    assert "127.0.0.1" not in str(refused.value)


def test_an_address_nobody_knows_is_refused_by_its_variable() -> None:
    with pytest.raises(ValueError, match="YIWANG_MEDIA"):
        Objects.at("gopher://photos", Path("/nowhere"))
