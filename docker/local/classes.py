"""An archive of Kafka's loaded classes (AppCDS), which lets the broker start in half the time.

Made once per Java and set of jars by starting a throw-away broker and stopping it; kept beside the jars.
Java itself checks that the archive fits and does without where it does not.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from local.java import Java
from local.scratch import scratch_folder
from local.trouble import Trouble


def archive_file(java: Java, class_path: list[Path]) -> Path:
    """Where the archive for this Java and these jars is kept."""
    names = "\n".join([java.command, java.banner, *map(str, class_path)])
    return class_path[0].parent / f"classes-{hashlib.sha256(names.encode()).hexdigest()[:12]}.jsa"


def use(file: Path) -> list[str]:
    """Java's words to start with the archive; nothing where there is none."""
    if not file.exists():
        return []
    return [
        f"-XX:SharedArchiveFile={file}",
        "-Xshare:auto",
        "-Xlog:cds=off",
        "-Xlog:cds+dynamic=off",
    ]


def make(file: Path, run_once: Callable[[Path, list[str]], None]) -> None:
    """Make the archive if it is missing. Without it everything works, only slower: failing is no trouble.

    Args:
        file: where it goes, in one step.
        run_once: starts a broker in a folder with extra words for Java, and stops it cleanly.
    """
    if file.exists():
        return
    with contextlib.suppress(Trouble, OSError), scratch_folder("yiwang-classes-") as folder:
        fresh = file.with_suffix(f".{os.getpid()}")
        try:
            run_once(
                folder,
                [f"-XX:ArchiveClassesAtExit={fresh}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"],
            )
            fresh.replace(file)
        finally:
            fresh.unlink(missing_ok=True)
