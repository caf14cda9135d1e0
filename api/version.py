"""Which version of the program this is."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path


@cache
def version() -> str:
    """The installed distribution's version; run from a checkout, the one its description says."""
    try:
        return metadata.version("yiwang")
    except metadata.PackageNotFoundError:
        pass
    description = Path(__file__).parent.parent / "pyproject.toml"
    try:
        return (
            f"{tomllib.loads(description.read_text(encoding='utf-8'))['project']['version']}+source"
        )
    except (OSError, ValueError, KeyError):
        return "0+source"
