"""Our commands, each run to its end in a process of its own, without loading first what all of them load.

One process that only loads stands by and forks one child a command, which has its own words, environment, input and
output as under `python -m`. What this leaves out, that a fresh Python can load and start a command, one test of each
program shows with `afresh`.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from local.wishes import ROOT

_PROGRAMS = ("incidents", "api", "streams")
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([f"{name}.__main__" for name in _PROGRAMS])
PATIENCE_S = 180

Done = subprocess.CompletedProcess[str]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This environment with these settings of ours and no others."""
    return {k: v for k, v in os.environ.items() if not k.startswith("YIWANG_")} | dict(settings)


def afresh(program: str, *words: str, said: str = "", settings: Mapping[str, str]) -> Done:
    """`python -m program words`, as an operator starts it."""
    return subprocess.run(
        [sys.executable, "-m", program, *words],
        env=environment(settings),
        cwd=ROOT,
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def run(program: str, *words: str, said: str = "", settings: Mapping[str, str]) -> Done:
    """The same, forked. TimeoutExpired when it does not end."""
    with tempfile.TemporaryDirectory(prefix="yiwang-test-command-") as folder:
        streams = [Path(folder, name) for name in ("in", "out", "err")]
        for stream in streams:
            stream.write_text(said if stream.name == "in" else "", encoding="utf-8")
        child = _FORKS.Process(
            target=_become, args=(program, words, environment(settings), [*map(str, streams)])
        )
        child.start()
        child.join(PATIENCE_S)
        if child.exitcode is None:
            child.kill()
            child.join()
            raise subprocess.TimeoutExpired([program, *words], PATIENCE_S)
        out, err = (stream.read_text(encoding="utf-8") for stream in streams[1:])
        return Done([program, *words], child.exitcode, out, err)


def _become(
    program: str, words: tuple[str, ...], environ: dict[str, str], streams: list[str]
) -> None:
    """Be that command: its streams, its environment and its words, then run as by `python -m`."""
    for number, (path, flags) in enumerate(
        zip(streams, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)
    ):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", closefd=False)
        for number, mode in enumerate(("r", "w", "w"))
    )
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(ROOT)
    sys.modules.pop(f"{program}.__main__")  # its imports stay; itself is run as if never seen
    sys.argv = [program, *words]
    runpy.run_module(program, run_name="__main__", alter_sys=True)
