"""An HTTP/1.1 client that costs next to nothing, so that a measurement on two cores measures the server.

For benchmarks only: one kept connection, answers with Content-Length, no redirects.
"""

from __future__ import annotations

import socket


class QuickDoor:
    """One kept connection to an address, with one token."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._socket = socket.create_connection((host, port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = (
            f" HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\n"
        ).encode()

    def post(self, path: bytes, body: bytes, header: bytes = b"") -> tuple[int, bytes]:
        """The status and the body of the answer; `header` is whole lines, each with its end."""
        self._socket.sendall(
            b"POST %b%b%bContent-Length: %d\r\n\r\n%b" % (path, self._head, header, len(body), body)
        )
        heard = self._socket.recv(65_536)
        while (end := heard.find(b"\r\n\r\n")) < 0:
            heard += self._more()
        at = heard.lower().index(b"content-length: ") + 16
        whole = end + 4 + int(heard[at : heard.index(b"\r", at)])
        while len(heard) < whole:
            heard += self._more()
        return int(heard[9:12]), heard[end + 4 : whole]

    def _more(self) -> bytes:
        some = self._socket.recv(65_536)
        if not some:
            raise ConnectionError("the server hung up in the middle of an answer")
        return some

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
