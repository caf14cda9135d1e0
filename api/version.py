"""Which version of the program this is."""

from __future__ import annotations

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    """The installed distribution's version, or 0+source when run from a checkout."""
    try:
        return metadata.version("yiwang")
    except metadata.PackageNotFoundError:
        return "0+source"
