"""The darkroom: develops each photo in a process of its own, a few at a time, and outlives whatever they do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from api.developing import unpacked
from api.pictures import Developed, Unfit
from api.problems import Problem

PATIENCE_S = 20.0
"""Seconds for one photo: a slow machine under load included; the process's own ten of processor end it first."""
QUEUE_S = 15.0
"""Seconds that a photo waits for its turn before its sender is told to come back."""
MACHINES_WAIT = 8
"""Pictures of machines that wait or are developed at once, one after the other; who comes next is told to come back. A
thousand cameras that see the same rain must not keep an inspector's photo waiting."""

_ROOT = Path(__file__).parent.parent


class Darkroom:
    """Develops photos; `places` is how many at once in this process of the API."""

    def __init__(self, places: int = max(1, (os.cpu_count() or 2) // 2)) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._machines = threading.BoundedSemaphore(MACHINES_WAIT)
        self._machine = threading.Lock()

    def develop(self, data: bytes) -> Developed:
        """The clean picture; Unfit with its reason, Problem 503 when too many wait."""
        if not self._places.acquire(timeout=QUEUE_S):
            raise _too_many(10)
        try:
            return self._developed(data)
        finally:
            self._places.release()

    def develop_of_machine(self, data: bytes) -> Developed:
        """The same for a picture that a machine sent: one at a time, behind which people's photos do not queue."""
        if not self._machines.acquire(blocking=False):
            raise _too_many(2)
        try:
            with self._machine:
                return self.develop(data)
        finally:
            self._machines.release()

    def _developed(self, data: bytes) -> Developed:
        # The environment holds passwords: the process gets none of it.
        process = subprocess.Popen(
            [sys.executable, "-s", "-m", "api.developing"],
            cwd=_ROOT,
            env={"PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with process:
            try:
                answer, _ = process.communicate(data, timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                answer = b""
            finally:
                process.kill()
        try:
            return unpacked(answer)
        except (
            ValueError
        ) as fault:  # it was ended: by its limits, by us, or by a fault of a decoder
            raise Unfit("costly") from fault


def _too_many(seconds: int) -> Problem:
    return Problem(
        503,
        "unavailable",
        ("照片太多，请稍后再传", "too many photos are waiting; send it again soon"),
        {"Retry-After": str(seconds)},
    )
