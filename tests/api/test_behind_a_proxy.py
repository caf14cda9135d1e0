"""The served program behind a proxy: told of HTTPS and of the caller's address by those it was told to believe, and by no other."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from incidents.lifecycle import Role
from incidents.postgres import accounts, passwords, sessions
from incidents.postgres.connection import connect

pytestmark = pytest.mark.real

WORD = "Tong-Hua-Lu 7"
TOLD = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}


@contextmanager
def served(database_url: str, home: Path, port: int, proxies: str) -> Iterator[str]:
    """`python -m api serve`, ready."""
    told = {
        "YIWANG_DATABASE_URL": database_url,
        "YIWANG_HOME": str(home),
        "YIWANG_API_PORT": str(port),
        "YIWANG_KAFKA": "127.0.0.1:1",
        "YIWANG_PROXIES": proxies,
    }
    environ = {k: v for k, v in os.environ.items() if not k.startswith("YIWANG_")} | told
    process = subprocess.Popen(
        [sys.executable, "-m", "api", "serve"], env=environ, stderr=subprocess.DEVNULL
    )
    try:
        _until_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):
        assert process.poll() is None
        try:
            httpx2.get(f"{address}/livez")
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the API did not come up")


@pytest.mark.parametrize(
    ("proxies", "cookie", "address"),
    [
        ("127.0.0.1", "__Host-yiwang-", "203.0.113.9"),
        ("", "yiwang-", "127.0.0.1"),
        ("192.0.2.1", "yiwang-", "127.0.0.1"),
    ],
)
def test_only_a_proxy_that_was_named_is_believed(
    database_url: str, tmp_path: Path, free_port: int, proxies: str, cookie: str, address: str
) -> None:
    with connect(database_url, "test") as connection:
        accounts.add(connection, accounts.Applicant("wang", Role.DISPATCHER))
        passwords.put(connection, "wang", WORD)
        with served(database_url, tmp_path, free_port, proxies) as here:
            answer = httpx2.post(
                f"{here}/api/v1/login", json={"name": "wang", "password": WORD}, headers=TOLD
            )
        assert answer.status_code == 200, answer.text
        given = answer.headers["set-cookie"]
        assert given.startswith(f"{cookie}{free_port}=")
        assert ("; secure" in given.lower()) is cookie.startswith("__Host-")
        assert [line.address for line in sessions.logged(connection, 10)] == [address]
