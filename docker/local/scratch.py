"""A temporary folder that goes when we go, even by SIGKILL."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_WHEN_WE_ARE_GONE = 'read -r _; [ "$_" = kept ] || sleep 1; rm -rf -- "$1"'
# `read` returns when the pipe closes: we said "kept" (all is stopped), or we died. Then servers on
# our leash need a moment to end before their folder goes.


@contextlib.contextmanager
def scratch_folder(prefix: str = "yiwang-") -> Iterator[Path]:
    """A fresh folder that others may enter (a server under another account lives in it)."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    janitor = subprocess.Popen(
        ["/bin/sh", "-c", _WHEN_WE_ARE_GONE, "sh", str(folder)],
        stdin=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
    )
    try:
        yield folder
    finally:
        janitor.communicate(b"kept\n")
