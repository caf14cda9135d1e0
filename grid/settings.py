"""What the grid's commands are told from outside, read once from YIWANG_* by `grid.__main__` alone."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """YIWANG_DATABASE_URL, empty where it is not set, and YIWANG_HOME."""

    model_config = SettingsConfigDict(
        env_prefix="YIWANG_",
        # What `make run` wrote of the system of this home, so that an operator's command beside it
        # finds its database and broker; the environment itself is stronger.
        env_file=f"{os.environ.get('YIWANG_HOME', 'var')}/env",
        extra="ignore",
        frozen=True,
    )

    database_url: str = ""
    home: Path = Path("var")
    """Where local data lives; vector tiles are put there."""
