"""What the demo is told from outside, read once from YIWANG_* by its two commands."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The demo's settings, the same names the running system uses; docs/operations.md lists them."""

    model_config = SettingsConfigDict(env_prefix="YIWANG_", extra="ignore", frozen=True)

    database_url: str = Field(default="", repr=False)
    kafka: str = "127.0.0.1:9092"
    home: Path = Path("var")
    host: str = "127.0.0.1"
    api_port: int = 8000
    api_host: str = ""
    gateway_port: int = 8010
    gateway_host: str = ""
    demo: str = "1"
    topic_prefix: str = ""
    admin_token: str | None = Field(default=None, repr=False)

    @property
    def nyc(self) -> bool:
        """Whether the real night of New York is played rather than the fictional city."""
        return self.demo == "nyc"

    @property
    def accounts_file(self) -> Path:
        """Where the demo accounts are written for whoever starts the demo."""
        return self.home / "accounts.json"

    @property
    def api(self) -> tuple[str, int]:
        """Where the API is reached: by its own name in containers, else on this machine."""
        return self.api_host or self._nearby, self.api_port

    @property
    def gateway(self) -> tuple[str, int]:
        """Where the gateway is reached."""
        return self.gateway_host or self._nearby, self.gateway_port

    @property
    def _nearby(self) -> str:
        """The address at which this machine reaches what listens on `host`."""
        return "127.0.0.1" if self.host in {"0.0.0.0", "::", "*"} else self.host  # noqa: S104
