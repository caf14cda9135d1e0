"""Vector tiles on disk: one folder per edition, named by its digest, written elsewhere and renamed into place whole.

Tiles are kept compressed (gzip), as they are sent. A folder without its manifest is not there.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from grid import tiles
from grid.edition import Edition

VERSION: Final = 1
"""Of the tiles' contents; tiles of another version are made anew."""
_MANIFEST: Final = "tiles.json"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Shelved:
    """The tiles of one edition: zooms, bounds (west, south, east, north in WGS-84 degrees), cells, and their folder."""

    folder: Path
    lowest: int
    highest: int
    bounds: tuple[float, float, float, float]
    cells: int

    def read(self, z: int, x: int, y: int) -> bytes | None:
        """One tile as gzip; None where nothing is."""
        file = self.folder / str(z) / f"{x}-{y}.mvt.gz"
        return file.read_bytes() if file.is_file() else None


def find(shelf: Path, digest: str) -> Shelved | None:
    """The tiles of an edition; None when they are not made yet, or by another version of this program."""
    if not _DIGEST.fullmatch(digest):
        return None
    folder = shelf / digest
    try:
        told = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        if told["version"] != VERSION:
            return None
        west, south, east, north = map(float, told["bounds"])
        zooms = int(told["lowest"]), int(told["highest"])
        return Shelved(folder, *zooms, (west, south, east, north), int(told["cells"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def make(edition: Edition, shelf: Path) -> Shelved:
    """The tiles of an edition, made if they are not there."""
    known = find(shelf, edition.digest)
    if known is not None:
        return known
    shelf.mkdir(parents=True, exist_ok=True)
    plan = tiles.Plan.of(edition)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=shelf))
    try:
        for tile in tiles.tiles(edition, plan):
            file = building / str(tile.z) / f"{tile.x}-{tile.y}.mvt.gz"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(gzip.compress(tile.data, 6, mtime=0))
        told = {
            "version": VERSION,
            "lowest": plan.lowest,
            "highest": plan.highest,
            "bounds": plan.bounds,
            "cells": len(edition),
        }
        (building / _MANIFEST).write_text(json.dumps(told), encoding="utf-8")
        building.chmod(0o755)
        _put(building, shelf / edition.digest, shelf)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    made = find(shelf, edition.digest)
    assert made is not None, "the tiles just put there are gone"
    return made


def _put(building: Path, home: Path, shelf: Path) -> None:
    """Rename into place; tiles somebody else made meanwhile stay, unsound ones go."""
    for _ in range(3):
        try:
            building.rename(home)
        except OSError:
            if find(shelf, home.name) is not None:
                return
            shutil.rmtree(home, ignore_errors=True)
        else:
            return
