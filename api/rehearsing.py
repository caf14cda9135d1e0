"""Rehearsals are held in a process of their own, at the lowest priority: the API answers as if nobody rehearsed.

One at a time in the whole system: whoever comes second finds another at it and ends. The process ends with the one that
began it, whatever ended that: it holds an end of a pipe.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

PATIENCE_S = 3.0
"""How long its process may take to end when the API does."""

_ROOT = Path(__file__).parent.parent
_COMMAND = [sys.executable, "-s", "-m", "incidents", "rehearse", "work", "--leashed"]
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "PGSSLROOTCERT", "PGSSLMODE")


class Rehearsing:
    """The process that holds what waits; begun when something does."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = threading.Lock()

    def begin(self, database_url: str) -> None:
        """See to it that what waits is held: nothing when this process has somebody at it already."""
        with self._one_at_a_time:
            if self._process is not None and self._process.poll() is None:
                return
            self._process = subprocess.Popen(
                _COMMAND,
                cwd=_ROOT,
                env=_environment(database_url),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def close(self) -> None:
        """Let go of the process: it ends."""
        with self._one_at_a_time:
            process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(database_url: str) -> dict[str, str]:
    """What the process needs, and none of the passwords it does not."""
    known = os.environ  # noqa: TID251 - libpq's own variables go on to libpq
    kept = {name: known[name] for name in _PASSED_ON if name in known}
    return {
        **kept,
        "PYTHONPATH": str(_ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "YIWANG_HOME": os.devnull,
        "YIWANG_DATABASE_URL": database_url,
    }
