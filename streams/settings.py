"""What the stream processes are told from outside: YIWANG_… variables, read once by the commands in __main__."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Each field is the variable YIWANG_<FIELD>; docs/streams.md lists them with their defaults."""

    model_config = SettingsConfigDict(
        env_prefix="YIWANG_",
        # What `make run` wrote of the system of this home, so that an operator's command beside it
        # finds its database and broker; the environment itself is stronger.
        env_file=f"{os.environ.get('YIWANG_HOME', 'var')}/env",
        extra="ignore",
        frozen=True,
    )

    database_url: str = Field(min_length=1)
    kafka: str = Field(min_length=1, description="bootstrap servers, host:port, comma-separated")
    home: Path = Path("var")
    host: str = "127.0.0.1"
    gateway_port: int = Field(default=8010, ge=0, le=65535)
    topic_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,40}$")
    group: str = "yiwang-intake"
    replication: int = Field(
        default=-1, description="copies of each topic; -1 is the broker's default"
    )

    batch_messages: int = Field(default=20, ge=1, le=500)
    """Envelopes of one topic that may share a transaction."""
    batch_within_s: float = Field(default=0.05, gt=0, le=5)
    """How long the first envelope waits for others."""
    session_timeout_s: float = Field(default=20.0, ge=6, le=300)
    """How long Kafka waits for a worker that fell silent before others get its partitions."""
    stuck_after_s: float = Field(default=60.0, ge=5)
    """Lag without progress for so long ends the worker; its supervisor starts it again."""
    most_failed: int = Field(default=100, ge=1)
    """Messages in a row that fail in our own hands before the worker suspects itself and ends."""
    most_unreadable: int = Field(default=5_000, ge=1)
    """Unreadable messages in a row before the worker ends."""
    gateway_in_flight: int = Field(default=64, ge=1)
    """Requests that may wait for Kafka at once; more are told to come back (503)."""
    gateway_patience_s: float = Field(default=10.0, gt=0)
    """How long a request waits for Kafka's acknowledgement."""
    log_json: bool = False
