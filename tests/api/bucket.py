"""As much of S3's HTTP as photos need, on a socket of its own: no S3, but what our calls look like to one."""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

Files = dict[str, tuple[bytes, float]]


class _Bucket(http.server.BaseHTTPRequestHandler):
    """PUT with If-None-Match, GET, HEAD, listing, deleting one and many."""

    protocol_version = "HTTP/1.1"
    files: Files

    def log_message(self, *_: object) -> None:
        """Be silent."""

    @property
    def _name(self) -> str:
        return urlsplit(self.path).path.removeprefix("/bucket").strip("/")

    def _say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["If-None-Match"] == "*" and self._name in self.files:
            self._say(412)
            return
        self.files[self._name] = (data, time.time())
        self._say(200, ETag='"1"')

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        if "list-type" in asked:
            self._say(200, self._listed(asked.get("prefix", [""])[0]).encode())
        elif self._name not in self.files:
            self._say(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            data, at = self.files[self._name]
            length = str(len(data))
            self._say(
                200,
                data,
                ETag='"1"',
                Last_Modified=formatdate(at, usegmt=True),
                Content_Length=length,
            )

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        wanted = self.rfile.read(int(self.headers["Content-Length"])).decode()
        gone = re.findall("<Key>(.*?)</Key>", wanted)
        for name in gone:
            self.files.pop(name, None)
        told = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in gone)
        self._say(200, f"<DeleteResult>{told}</DeleteResult>".encode())

    def do_DELETE(self) -> None:
        self.files.pop(self._name, None)
        self._say(204)

    def _listed(self, prefix: str) -> str:
        rows = "".join(
            f"<Contents><Key>{name}</Key><Size>{len(data)}</Size><ETag>1</ETag>"
            f"<LastModified>{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at))}</LastModified></Contents>"
            for name, (data, at) in self.files.items()
            if name.startswith(prefix)
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"


@contextlib.contextmanager
def a_bucket() -> Iterator[tuple[dict[str, str], Files]]:
    """The variables that lead to it, and what lies in it."""
    files: Files = {}
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Bucket", (_Bucket,), {"files": files})
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield (
            {
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_REGION": "here",
                "AWS_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            },
            files,
        )
    finally:
        server.shutdown()
        server.server_close()
