"""A server between a browser and the system: it hands on what it is asked, as it comes, also a stream without an end."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.journey.system import HOST, WholeSystem

_HOP = {"transfer-encoding", "connection", "content-length"}


@contextlib.contextmanager
def between(system: WholeSystem, target: Callable[[str], str | None]) -> Iterator[str]:
    """Its address; `target` says what a path asks the API for, None what it does not hand on (404)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            path = target(self.path)
            if path is None:
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            line = http.client.HTTPConnection(HOST, system.ports["api"], timeout=30)
            kept = {k: v for k, v in self.headers.items() if "connection" not in k.lower()}
            with contextlib.suppress(OSError):  # a browser may go away in the middle of a stream
                line.request(self.command, path, body=body or None, headers=kept)
                answer = line.getresponse()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                while chunk := answer.read1(65536):
                    self.wfile.write(chunk)
                    self.wfile.flush()
            line.close()
            self.close_connection = True

        do_GET = do_POST = do_PUT = pass_on  # noqa: N815 - their names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - theirs
            return

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A line that breaks is no fault."""

    server = Quiet((HOST, 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
