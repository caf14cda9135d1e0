"""What `python -m incidents` is told from outside, read once from YIWANG_* by the composer and by nobody else."""

from __future__ import annotations

import os

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The operator's settings; docs/operations.md lists all."""

    model_config = SettingsConfigDict(
        env_prefix="YIWANG_",
        # What `make run` wrote of the system of this home, so that an operator's command beside it
        # finds its database and broker; the environment itself is stronger.
        env_file=f"{os.environ.get('YIWANG_HOME', 'var')}/env",
        extra="ignore",
        frozen=True,
    )

    database_url: SecretStr = Field(default=SecretStr(""))
    """PostgreSQL 15 to 18, with or without TimescaleDB."""
    admin_token: SecretStr | None = None
    """The administrator's token on first start; None: one is generated and printed once."""
    city_name: str = "一网"
    """How the city is called until somebody says otherwise."""
    region: str = Field(default="990100", pattern=r"^[0-9A-Z]{6}$")
    """Six characters that number incidents outside every cell, until the city is told."""
    time_zone: str = "Asia/Shanghai"
    """IANA name; decides which day an incident number bears."""
