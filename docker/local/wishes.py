"""What the operator asked for: the YIWANG_* variables that decide how the parts are started."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.trouble import Trouble

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: our processes are started from here."""


@dataclass(frozen=True)
class Wishes:
    """The variables of `make run`, read once. Our processes read the rest themselves.

    Attributes:
        home: where local data lives (YIWANG_HOME).
        host: where the API and the gateway listen (YIWANG_HOST).
        database_url: an existing PostgreSQL (YIWANG_DATABASE_URL); None: the embedded one.
        kafka: bootstrap of an existing Kafka (YIWANG_KAFKA); None: a broker from its jars.
        demo: "1" the demo city, "nyc" the real New York data, "0" an empty system (YIWANG_DEMO).
    """

    home: Path
    host: str = "127.0.0.1"
    api_port: int = 8000
    gateway_port: int = 8010
    database_url: str | None = None
    kafka: str | None = None
    demo: str = "1"

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Wishes":
        """From an environment. Raises Trouble for a port that is none."""
        return cls(
            home=Path(environ.get("YIWANG_HOME") or ROOT / "var").expanduser().resolve(),
            host=environ.get("YIWANG_HOST") or "127.0.0.1",
            api_port=_port(environ, "YIWANG_API_PORT", 8000),
            gateway_port=_port(environ, "YIWANG_GATEWAY_PORT", 8010),
            database_url=environ.get("YIWANG_DATABASE_URL") or None,
            kafka=environ.get("YIWANG_KAFKA") or None,
            demo=environ.get("YIWANG_DEMO") or "1",
        )

    @property
    def nearby(self) -> str:
        """The address at which this machine itself reaches what listens on `host`."""
        return "127.0.0.1" if self.host in {"0.0.0.0", "::", "*"} else self.host  # noqa: S104


def _port(environ: Mapping[str, str], variable: str, otherwise: int) -> int:
    text = environ.get(variable) or str(otherwise)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise Trouble(
            f"{variable}={text} 不是端口号 / {variable}={text} is not a port number",
            f"{variable}={otherwise} make run",
        )
    return int(text)
