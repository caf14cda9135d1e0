"""The home folder of a system: one system at a time, asked to stop, and emptied."""

import contextlib
import fcntl
import os
import shutil
import signal
import time
from pathlib import Path

from local.postgres import LocalPostgres
from local.terminal import say
from local.trouble import Trouble
from local.wishes import Wishes


def hold(home: Path) -> int:
    """Take the home's lock, for as long as we live. Raises Trouble when another start holds it."""
    home.mkdir(parents=True, exist_ok=True)
    lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 32).decode().strip() or "?"
        raise Trouble(
            f"{home} 已在运行（进程 {holder}） / a system is already running from {home} "
            f"(process {holder})",
            "stop it with Ctrl-C there or `make stop`; or start a second one: "
            "YIWANG_HOME=… YIWANG_API_PORT=… YIWANG_GATEWAY_PORT=… make run",
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def stop(wishes: Wishes, patience: float = 120) -> int:
    """Ask the system that runs from this home to stop, and wait until it has. 0: it does not run."""
    file = wishes.home / "lock"
    if not file.exists():
        say("没有在运行 / not running")
        return 0
    limit = time.monotonic() + patience
    asked = False
    with file.open() as lock:
        while time.monotonic() < limit:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                say("已停止 / stopped" if asked else "没有在运行 / not running")
                return 0
            if not asked:
                os.kill(int(file.read_text()), signal.SIGTERM)
                asked = True
            time.sleep(0.1)
    say(f"{patience:.0f} 秒后仍在运行 / still running after {patience:.0f} s")
    return 1


def reset(wishes: Wishes) -> int:
    """Delete all local data of this home, also what stands outside it. Refuses while it runs."""
    lock = hold(wishes.home)
    LocalPostgres(wishes.home / "postgres", 0).remove()
    shutil.rmtree(wishes.home)
    os.close(lock)
    say(f"已删除 / deleted {wishes.home}")
    return 0
