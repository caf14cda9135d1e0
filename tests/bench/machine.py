"""The machine and the versions a benchmark ran on, as a reader needs them beside the numbers."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

PACKAGES = (
    "faust-streaming",
    "aiokafka",
    "psycopg",
    "numpy",
    "shapely",
    "msgspec",
    "fastapi",
    "uvicorn",
)


def described(servers: str) -> str:
    """A short list in Markdown; `servers` names database and broker."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    numba = _version("numba")
    lines = [
        f"- 日期 / date: {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC",
        f"- 机器 / machine: {_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB",
        f"- Linux {platform.release()}; load average before: {os.getloadavg()[0]:.2f}",
        f"- {servers}; Python {platform.python_version()}",
        f"- {versions}, numba {numba}",
        f"- commit {_commit()}",
    ]
    return "\n".join(lines)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "–"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "–"
