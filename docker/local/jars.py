"""Brings exactly the locked Kafka jars onto this machine and refuses any that is not the one locked.

`requirements/kafka-4.3.1-jars.lock` names each jar with its SHA-256. jgo fetches them from a Maven
repository without Maven; nothing is resolved, so nothing can slip in. Safe to run in parallel.
"""

import concurrent.futures
import functools
import hashlib
import logging
import os
import shutil
import ssl
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local.trouble import Trouble

KAFKA_VERSION = "4.3.1"
LOCK = Path(__file__).parents[2] / "requirements" / f"kafka-{KAFKA_VERSION}-jars.lock"
MIRROR_VARIABLE = "YIWANG_MAVEN"


@dataclass(frozen=True)
class Jar:
    """One locked jar: Maven coordinates and the SHA-256 its bytes must have."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """Its name on disk, as Maven has it."""
        return f"{self.artifact}-{self.version}.jar"


def read_lock(file: Path = LOCK) -> list[Jar]:
    """The jars of a lock file, in its order: `group:artifact:version sha256 bytes` a line."""
    jars = []
    for line in file.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            coordinates, sha256, _bytes = line.split()
            group, artifact, version = coordinates.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def cache_folder() -> Path:
    """Where this user's downloads are kept between checkouts (`XDG_CACHE_HOME`, else `~/.cache`).

    Falls back to a folder of this user under the temporary folder where there is no usable home.
    """
    chosen = os.environ.get("XDG_CACHE_HOME")
    base = Path(chosen) if chosen else Path.home() / ".cache"
    folder = base / "yiwang"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"yiwang-cache-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def kafka_folder() -> Path:
    """Where the locked Kafka jars of this version are kept."""
    return cache_folder() / f"kafka-{KAFKA_VERSION}"


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal; read once as long as the file is untouched."""
    now = file.stat()
    return _read_sha256(file, now.st_ino, now.st_size, now.st_mtime_ns)


@functools.cache
def _read_sha256(file: Path, *_as_it_is: int) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def missing(jars: Iterable[Jar], folder: Path) -> Iterator[Jar]:
    """The jars that are not in `folder` with the bytes the lock names."""
    for jar in jars:
        file = folder / jar.file_name
        if not file.exists() or sha256_of(file) != jar.sha256:
            yield jar


def fetch(folder: Path | None = None, lock: Path = LOCK) -> list[Path]:
    """All locked jars on disk, checked, in the lock's order: a class path.

    A jar that is there with the right bytes is not fetched again, so a broken download is taken up
    where it stopped. Raises Trouble when the repository cannot be reached or bytes are wrong.
    """
    jars = read_lock(lock)
    folder = folder or kafka_folder()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = list(missing(jars, folder))
    if wanted:
        _trust_the_system()
        staging = Path(tempfile.mkdtemp(prefix=".fetching-", dir=folder))
        try:
            with concurrent.futures.ThreadPoolExecutor(max_workers=6) as pool:
                for _ in pool.map(lambda jar: _fetch_one(jar, staging, folder), wanted):
                    pass
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return [folder / jar.file_name for jar in jars]


def _trust_the_system() -> None:
    """Let jgo's client (requests) believe the certificates this system believes, not only its own list.

    An office may have a certificate authority of its own.
    """
    known = ssl.get_default_verify_paths()
    authorities = known.cafile or known.capath
    if authorities:
        os.environ.setdefault("REQUESTS_CA_BUNDLE", authorities)


def _fetch_one(jar: Jar, staging: Path, folder: Path) -> None:
    """Download one jar into `staging`, check it, and move it into `folder` in one step."""
    from jgo.maven import MavenContext

    logging.getLogger("jgo").setLevel(logging.ERROR)
    mirror = os.environ.get(MIRROR_VARIABLE)
    context = MavenContext(
        repo_cache=staging,
        remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
        timeout=60,
    )
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    try:
        came = Path(artifact.resolve())
    except Exception as failure:  # jgo raises RuntimeError and whatever requests raises
        raise Trouble(
            f"取不到 {jar.file_name} / {jar.group}:{jar.artifact}:{jar.version} could not be fetched "
            f"from Maven Central ({type(failure).__name__})",
            f"check the network and run again (finished jars are kept); or name a nearer mirror: "
            f"{MIRROR_VARIABLE}=https://… make run; or an existing broker: YIWANG_KAFKA=host:9092",
        ) from failure
    accept(jar, came, folder)


def accept(jar: Jar, came: Path, folder: Path) -> Path:
    """Move a downloaded jar into `folder` if its bytes are the locked ones; else refuse it."""
    found = sha256_of(came)
    if found != jar.sha256:
        came.unlink()
        raise Trouble(
            f"{jar.file_name} 校验和不符，拒绝使用 / {jar.file_name} is not the locked file: "
            f"SHA-256 {found}, expected {jar.sha256}",
            "somebody between you and Maven Central changed it, or the download broke: run again; "
            f"if it stays, use another network or mirror ({MIRROR_VARIABLE})",
        )
    place = folder / jar.file_name
    came.replace(place)
    return place
