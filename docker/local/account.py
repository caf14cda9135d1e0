"""Who runs PostgreSQL, and where: PostgreSQL refuses root, so root lends it an unprivileged account.

Nothing here changes the mode of a folder we did not make ourselves: what the account cannot reach is
copied, or put under /var/lib/yiwang, instead of opening somebody's home to the world.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.trouble import Trouble

CANDIDATES = ("postgres", "nobody")
"""Accounts that every Linux has one of; the first that exists is used when we are root."""

SHARED = Path("/var/lib/yiwang")
"""Where root puts what the account must reach when the home folder is closed to it."""


@dataclass(frozen=True)
class Account:
    """An account to run a server as: its name and numbers. `None` in its place means: as ourselves."""

    name: str
    uid: int
    gid: int

    def popen_words(self) -> dict[str, Any]:
        """The arguments that make `subprocess` run a child as this account and nothing more."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """Whether this account can walk to `folder`, through every parent."""
        words = ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)]
        me = self.popen_words()
        return (
            subprocess.run(words, capture_output=True, check=False, cwd="/", **me).returncode == 0
        )


def for_server(owned: Path | None = None) -> Account | None:
    """The account to run a server as: None for an ordinary user, else an unprivileged one.

    Args:
        owned: an existing data folder; its owner goes on running it, so that a new account on the
            machine does not change who may read the data.
    """
    if os.geteuid() != 0:
        return None
    if owned is not None and owned.exists() and owned.stat().st_uid != 0:
        entry = pwd.getpwuid(owned.stat().st_uid)
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise Trouble(
        "root 不能运行 PostgreSQL，且没有可用的普通账户 / PostgreSQL refuses to run as root and "
        f"none of the accounts {', '.join(CANDIDATES)} exists",
        "useradd --system --user-group postgres, or run as an ordinary user",
    )


def reachable_home(home: Path, account: Account | None) -> Path:
    """`home`, or a folder in its stead under /var/lib/yiwang when `account` cannot reach it.

    Makes neither.
    """
    standing = home
    while not standing.exists():
        standing = standing.parent
    if account is None or account.can_enter(standing):
        return home
    name = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]
    return SHARED / f"home-{name}"


def reachable_copy(package: Path, libraries: Path, version: str, account: Account | None) -> Path:
    """`package`, or a copy of it and its `libraries` beside it that `account` can read.

    Both stay side by side: the binaries find their libraries by that relative path.
    """
    if account is None or account.can_enter(package):
        return package
    place = SHARED / f"postgresql-{version}"
    if not place.exists():
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".copying-", dir=SHARED))
        for source in (package, libraries):
            shutil.copytree(source, staging / source.name, symlinks=True)
        staging.chmod(0o755)
        try:
            staging.rename(place)
        except OSError:  # somebody else was quicker; theirs is the same
            shutil.rmtree(staging)
    return place / package.name
