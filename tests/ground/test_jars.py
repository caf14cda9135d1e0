"""Only the locked jars are ever used, whatever the network brings."""

import functools
import hashlib
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import jars
from local.trouble import Trouble

GOOD = b"the very bytes of a jar"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A Maven repository that says nothing on the terminal."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library names it so
        pass


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository of our own, which the variable for mirrors points at."""
    folder = tmp_path / "repository"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(jars.MIRROR_VARIABLE, f"http://127.0.0.1:{server.server_address[1]}/")
    yield folder
    server.shutdown()
    server.server_close()


def a_lock(folder: Path, *names: str) -> Path:
    lines = [
        f"org.city:{name}:1.0 {hashlib.sha256(GOOD).hexdigest()} {len(GOOD)}" for name in names
    ]
    lock = folder / "some.lock"
    lock.write_text("# a comment\n" + "\n".join(lines) + "\n")
    return lock


def publish(repository: Path, name: str, content: bytes) -> None:
    folder = repository / "org" / "city" / name / "1.0"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}-1.0.jar").write_bytes(content)


def test_the_locked_jars_come_in_the_order_of_the_lock(tmp_path: Path, repository: Path) -> None:
    for name in ("b", "a"):
        publish(repository, name, GOOD)
    cache = tmp_path / "cache"
    found = jars.fetch(cache, a_lock(tmp_path, "b", "a"))
    assert [file.name for file in found] == ["b-1.0.jar", "a-1.0.jar"]
    assert sorted(file.name for file in cache.iterdir()) == ["a-1.0.jar", "b-1.0.jar"]


def test_a_jar_with_other_bytes_is_refused_and_not_kept(tmp_path: Path, repository: Path) -> None:
    publish(repository, "a", GOOD + b"!")
    cache = tmp_path / "cache"
    with pytest.raises(Trouble, match=re.escape("a-1.0.jar is not the locked file")):
        jars.fetch(cache, a_lock(tmp_path, "a"))
    assert list(cache.iterdir()) == []


def test_a_jar_that_went_bad_on_disk_is_fetched_again(tmp_path: Path, repository: Path) -> None:
    publish(repository, "a", GOOD)
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "a-1.0.jar").write_bytes(b"half a j")
    (file,) = jars.fetch(cache, a_lock(tmp_path, "a"))
    assert file.read_bytes() == GOOD


def test_a_broken_download_is_taken_up_where_it_stopped(tmp_path: Path, repository: Path) -> None:
    publish(repository, "a", GOOD)
    lock, cache = a_lock(tmp_path, "a", "b"), tmp_path / "cache"
    with pytest.raises(Trouble, match=r"org\.city:b:1\.0 could not be fetched") as refused:
        jars.fetch(cache, lock)
    assert "YIWANG_MAVEN" in refused.value.remedy
    assert [jar.artifact for jar in jars.missing(jars.read_lock(lock), cache)] == ["b"]
    publish(repository, "b", GOOD)
    (repository / "org" / "city" / "a" / "1.0" / "a-1.0.jar").unlink()  # it is not asked for again
    assert len(jars.fetch(cache, lock)) == 2


def test_two_at_once_do_not_disturb_each_other(tmp_path: Path, repository: Path) -> None:
    names = [f"j{number}" for number in range(12)]
    for name in names:
        publish(repository, name, GOOD)
    lock, cache = a_lock(tmp_path, *names), tmp_path / "cache"
    failures: list[Exception] = []

    def one() -> None:
        try:
            jars.fetch(cache, lock)
        except Exception as failure:  # noqa: BLE001 - carried to the test's own thread
            failures.append(failure)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list(jars.missing(jars.read_lock(lock), cache)) == []


def test_the_project_locks_kafka_4_3_1_with_34_jars() -> None:
    locked = jars.read_lock()
    assert len(locked) == 34
    assert {jar.version for jar in locked if jar.group == "org.apache.kafka"} == {"4.3.1"}
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in locked)
