"""What the API is told from outside, read once from YIWANG_* by the composer and by nobody else."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from incidents.postgres.sessions import Limits


class Settings(BaseSettings):
    """The API's settings; docs/operations.md lists all."""

    model_config = SettingsConfigDict(
        env_prefix="YIWANG_",
        # What `make run` wrote of the system of this home, so that an operator's command beside it
        # finds its database and broker; the environment itself is stronger.
        env_file=f"{os.environ.get('YIWANG_HOME', 'var')}/env",
        extra="ignore",
        frozen=True,
    )

    database_url: str = Field(repr=False)
    """PostgreSQL to speak to."""
    kafka: str = "127.0.0.1:9092"
    """Bootstrap of the broker whose incident facts are shown live."""
    home: Path = Path("var")
    """Where local data lives; the atlas is built there once and mapped by every process."""
    host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65535)
    api_workers: int = Field(default=1, ge=1, le=64)
    """Processes; each has its own connections and its own ring of live changes."""
    api_connections: int = Field(default=12, ge=2, le=200)
    """Database connections of one process."""
    api_live_ring: int = Field(default=20_000, ge=100)
    """How many live changes one process remembers for those who reconnect."""
    api_live_minutes: float = Field(default=15.0, gt=0)
    """After this a live stream ends itself and the client reconnects: nothing lives for ever."""
    api_patience_s: float = Field(default=30.0, gt=0, le=600)
    """Who reads nothing for so long of what he is sent is hung up on; he comes back and is told what he missed."""
    proxies: str = ""
    """Addresses of the proxies in front, by commas: they are believed in X-Forwarded-Proto and -For. Empty: none."""
    media: str = Field(
        default="", repr=False, pattern=r"^$|^(s3|s3a|gs|az|azure|abfs|abfss|file|memory)://"
    )
    """Where photos lie: `s3://bucket/prefix` and the like, `file:///folder`; empty: `media` in the home."""
    media_largest_mb: float = Field(default=15.0, gt=0, le=100)
    """MiB of one photo as it is sent."""
    base_map: str = ""
    """The file that declares a map below ours; empty: `basemap.json` in the home, where there is one."""
    session_idle_minutes: float = Field(default=30.0, gt=0, le=24 * 60)
    """A session that nobody used for so long ends."""
    session_hours: float = Field(default=12.0, gt=0, le=24 * 7)
    """After this a session ends however busy it is."""
    password_days: float = Field(default=90.0, gt=0, le=3650)
    """After this a password must be changed."""
    demo: str = "0"
    """Not 0: the start page says that the figures are of a demonstration."""
    topic_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,40}$")
    """Before every topic's name, as the streams have it."""

    @property
    def incidents_topic(self) -> str:
        """The topic whose facts are shown live."""
        return f"{self.topic_prefix}city.incidents.v1"

    @property
    def limits(self) -> Limits:
        """How long sessions and passwords last."""
        return Limits(
            timedelta(minutes=self.session_idle_minutes),
            timedelta(hours=self.session_hours),
            timedelta(days=self.password_days),
        )

    @property
    def base_map_file(self) -> Path:
        """Where the map below ours is declared; there need be no such file."""
        return Path(self.base_map) if self.base_map else self.home / "basemap.json"

    @property
    def media_largest(self) -> int:
        """Bytes of one photo as it is sent."""
        return int(self.media_largest_mb * 1024 * 1024)

    @property
    def demonstration(self) -> bool:
        """Whether this system shows invented traffic."""
        return self.demo not in ("", "0")
