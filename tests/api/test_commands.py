"""python -m api: accounts by the operator, and refusals in one sentence."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest

from api.objects import Objects
from incidents.lifecycle import Role
from incidents.postgres import accounts, passwords, sessions
from incidents.postgres.connection import connect
from tests import commands

pytestmark = pytest.mark.real


def _run(*words: str, said: str = "", **settings: str) -> commands.Done:
    return commands.run("api", *words, said=said, settings=settings)


def test_an_account_is_made_listed_and_withdrawn(database_url: str) -> None:
    told = {"YIWANG_DATABASE_URL": database_url}
    words = ("accounts", "add", "王派遣", "--role", "dispatcher", "--area", "110101")
    made = commands.afresh("api", *words, settings=told)
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    with connect(database_url, "test") as connection:
        found = accounts.find(connection, token)
        assert found is not None
        assert (found.name, found.role, found.area) == ("王派遣", "dispatcher", "110101")
        listed = json.loads(_run("accounts", "list", "--json", **told).stdout)
        assert "王派遣" in {one["name"] for one in listed}
        assert token not in json.dumps(listed)
        assert _run("accounts", "deactivate", "王派遣", **told).returncode == 0
        assert accounts.find(connection, token) is None


def test_what_cannot_be_done_is_said_in_one_sentence(database_url: str) -> None:
    told = {"YIWANG_DATABASE_URL": database_url}
    for words, settings, code in (
        (("accounts", "add", "x", "--role", "department"), told, 1),
        (("accounts", "deactivate", "nobody"), told, 1),
        (("accounts", "add", "x", "--role", "king"), told, 2),
        (("accounts", "list"), {"YIWANG_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, 1),
        (("accounts", "list"), {}, 1),
        (("serve",), told | {"YIWANG_API_PORT": "port"}, 1),
        (("serve",), told | {"YIWANG_MEDIA": "gopher://photos"}, 1),
        (("media", "run", "media_of_mine"), told, 2),
        (("media", "sweep"), {"YIWANG_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, 1),
    ):
        answer = _run(*words, **settings)
        assert answer.returncode == code, answer.stderr
        assert answer.stderr
        assert "Traceback" not in answer.stderr


def test_a_port_that_is_taken_is_said(database_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        answer = _run("serve", YIWANG_DATABASE_URL=database_url, YIWANG_API_PORT=port)
    assert answer.returncode == 1
    assert port in answer.stderr
    assert "Traceback" not in answer.stderr


def test_photos_and_files_are_made_to_agree_by_hand(database_url: str, tmp_path: Path) -> None:
    told = {"YIWANG_DATABASE_URL": database_url, "YIWANG_HOME": str(tmp_path)}
    objects = Objects.at("", tmp_path)
    objects.put("0" * 32, b"picture", b"small")
    long_ago = time.time() - 3 * 86400
    for file in (tmp_path / "media").rglob("*.jpg"):
        os.utime(file, (long_ago, long_ago))
    swept = _run("media", "sweep", **told)
    assert (swept.returncode, swept.stderr) == (0, "")
    assert swept.stdout.startswith("清除无主文件 1 组")
    assert objects.get("0" * 32) is None
    ran = _run("media", "run", "media_unattached", **told)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("media_unattached: 清除未使用的照片 0 张")


def test_a_password_is_invented_printed_once_and_must_be_changed(database_url: str) -> None:
    told = {"YIWANG_DATABASE_URL": database_url}
    with connect(database_url, "test") as connection:
        accounts.add(connection, accounts.Applicant("王派遣", Role.DISPATCHER))
        made = _run("accounts", "password", "王派遣", **told)
        assert made.returncode == 0, made.stderr
        word = made.stdout.strip()
        held = passwords.current(connection, "王派遣")
        assert held is not None
        assert held.must_change
        assert passwords.fits(held, word)
        refused = _run("accounts", "password", "王派遣", "--stdin", said="short\n", **told)
        assert refused.returncode == 1
        assert "口令不合要求" in refused.stderr
        assert _run("accounts", "password", "nobody", **told).returncode == 1
        assert _run("accounts", "unlock", "王派遣", **told).returncode == 0
        (line, *_) = sessions.logged(connection, 1)
        assert (line.account, line.result) == ("王派遣", "unlocked")
        assert (line.by or "").startswith("operator")
