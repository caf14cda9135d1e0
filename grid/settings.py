"""What the grid's commands are told from outside, read once from YIWANG_* by `grid.__main__` alone."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """YIWANG_DATABASE_URL; empty where it is not set."""

    model_config = SettingsConfigDict(env_prefix="YIWANG_", extra="ignore", frozen=True)

    database_url: str = ""
