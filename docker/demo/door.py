"""A door of the running system as the demo knocks on it: JSON over HTTP, one kept connection, waiting that grows.

Knows nothing of what is said. Uses the standard library only, as a small device would.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 15.0
_PATIENCE_S = 10.0


class Shut(Exception):
    """Nobody answers at the door, or it says that it is full; knocking later helps."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: HTTP status, the JSON body (or None), the headers in small letters."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def fine(self) -> bool:
        """Whether what was asked was done."""
        return 200 <= self.status < 300


class Door:
    """One address with one token; not for several threads."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._host, self._port, self._token = host, port, token
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, path: str) -> Answer:
        """What a GET answers; raises Shut."""
        return self._call("GET", path, None, {})

    def tell(self, path: str, said: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """What a POST of JSON answers; raises Shut."""
        return self._call("POST", path, json.dumps(said).encode(), headers or {})

    def send(self, path: str, data: bytes, form: str) -> Answer:
        """What a POST of bytes of that media type answers; raises Shut."""
        return self._call("POST", path, data, {"Content-Type": form})

    def put(self, path: str, said: Any) -> Answer:
        """What a PUT of JSON answers; raises Shut."""
        return self._call("PUT", path, json.dumps(said).encode(), {})

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _call(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        sent = {"Authorization": f"Bearer {self._token}", "Accept": "application/json", **headers}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        while True:
            fresh = self._connection is None
            try:
                return self._asked(method, path, body, sent)
            except (OSError, http.client.HTTPException) as fault:
                self.close()
                if fresh:
                    raise Shut(str(fault) or type(fault).__name__) from fault
                # A kept connection that the other side let go meanwhile: once more on a new one.
                # Nothing is doubled: batches, events, reports and moves all bear their names.

    def _asked(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                self._host, self._port, timeout=_PATIENCE_S
            )
        self._connection.request(method, path, body, dict(headers))
        response = self._connection.getresponse()
        answer = _answer(response.status, response.read(), response.getheaders())
        if answer.status in (429, 502, 503, 504):
            raise Shut(f"HTTP {answer.status}")
        return answer


class Waiting:
    """How long to wait before the next try: longer after each failure, back to nothing after a success."""

    def __init__(self) -> None:
        self._next = _FIRST_WAIT

    def longer(self) -> float:
        """Seconds to wait now."""
        now, self._next = self._next, min(self._next * 2, _LONGEST_WAIT)
        return now

    def over(self) -> None:
        """It went well again."""
        self._next = _FIRST_WAIT


def _answer(status: int, body: bytes, headers: list[tuple[str, str]]) -> Answer:
    try:
        said = json.loads(body) if body else None
    except ValueError:
        said = body.decode(errors="replace")
    return Answer(status, said, {name.lower(): value for name, value in headers})
