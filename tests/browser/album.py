"""The folder of the project's pictures, and how one is kept there: small."""

from __future__ import annotations

import json
from io import BytesIO

from PIL import Image

from local.wishes import ROOT
from tests.journey.system import WholeSystem

FOLDER = ROOT / "docs" / "pictures"


def keep(picture: bytes, name: str) -> None:
    """As a PNG of 256 colours, the rare ones among them: a third of the size, and no screen of ours needs more."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with Image.open(BytesIO(picture)) as whole:
        few = whole.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE)
        few.save(FOLDER / f"{name}.png", optimize=True)
    print(f"docs/pictures/{name}.png")


def token(system: WholeSystem, account: str) -> str:
    """The token of a demo account."""
    rows = json.loads((system.home / "accounts.json").read_text(encoding="utf-8"))
    return str(next(row["token"] for row in rows if row["name"] == account))
