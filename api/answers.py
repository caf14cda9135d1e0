"""Answers as bytes: JSON by msgspec, without a detour through models that were right already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.responses import Response


def as_json(value: Any) -> bytes:
    """JSON bytes; times as RFC 3339, NaN as null."""
    return msgspec.json.encode(value)


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The value as a JSON answer."""
    return Response(as_json(value), status, headers, media_type="application/json")


def etag(version: int) -> str:
    """The validator of an incident's version."""
    return f'"v{version}"'


def dated(value: dict[str, Any], data_at: datetime | None) -> dict[str, Any]:
    """The value with `data_at`, the time of the newest data, and `lag_s`, how long that is ago; null before any."""
    lag = None if data_at is None else max(0.0, (datetime.now(UTC) - data_at).total_seconds())
    return {"data_at": data_at, "lag_s": None if lag is None else round(lag, 3), **value}
