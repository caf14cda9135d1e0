"""The parts of the system as plain processes on a database and a broker that stand already: quick, without supervision."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from local import leash
from local.wishes import ROOT
from tests import commands
from tests.journey import books
from tests.journey.system import until

IN = ("city.readings.v1", "city.reports.v1")


@dataclass
class Parts:
    """Some processes of ours and where they work.

    Args:
        database_url: migrated.
        bootstrap: the broker.
        home: a scratch folder.
    """

    database_url: str
    bootstrap: str
    home: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        """What every process is told."""
        return {
            "PYTHONPATH": f"{ROOT}:{ROOT / 'docker'}",
            "PYTHONUNBUFFERED": "1",
            "YIWANG_DATABASE_URL": self.database_url,
            "YIWANG_KAFKA": self.bootstrap,
            "YIWANG_HOME": str(self.home),
            **self.more,
        }

    @property
    def environment(self) -> dict[str, str]:
        """What every process gets."""
        return commands.environment(self.settings)

    def once(self, *words: str) -> str:
        """Run a command to its end; AssertionError with its words when it fails."""
        done = self.run(*words)
        assert done.returncode == 0, f"{words} → {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def run(self, program: str, *words: str) -> commands.Done:
        """Run a command to its end."""
        return commands.run(program, *words, settings=self.settings)

    def afresh(self, program: str, *words: str) -> commands.Done:
        """The same by a Python of its own: for a worker, which is more than a command."""
        return commands.afresh(program, *words, settings=self.settings)

    def start(self, name: str, *words: str) -> None:
        """Start a part."""
        with (self.home / f"{name}.log").open("ab") as out:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=leash.on_leash(signal.SIGKILL),  # noqa: PLW1509 - one C call, no locks
            )

    def workers(self, *names: str) -> None:
        """Start workers."""
        for name in names:
            self.start(name, "streams", "worker", "--name", name)

    def stop(self, *names: str) -> None:
        """Stop parts as the supervisor does: SIGTERM, SIGKILL after 25 s."""
        for name in names:
            self.running[name].terminate()
        for name in names:
            process = self.running.pop(name)
            try:
                process.wait(25)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def connect(self) -> psycopg.Connection[Any]:
        """A connection, autocommit, UTC."""
        return psycopg.connect(self.database_url, autocommit=True, options="-c TimeZone=UTC")

    def explain(self) -> str:
        """The last words of all parts."""
        logs = sorted(self.home.glob("*.log"))
        return "\n".join(
            f"--- {log.stem}\n{log.read_text(errors='replace')[-1500:]}" for log in logs
        )

    def wait_quiet(self, patience: float = 120) -> None:
        """Wait until all that stands in Kafka is taken in and all facts are sent (if a relay runs)."""
        with self.connect() as connection:
            until(
                lambda: self._quiet(connection),
                patience,
                lambda: (
                    f"not quiet: {books.consumed_line(connection, self.bootstrap, IN)}\n{self.explain()}"
                ),
            )

    def _quiet(self, connection: psycopg.Connection[Any]) -> bool:
        dead = [n for n, p in self.running.items() if p.poll() is not None]
        assert not dead, f"{dead} ended\n{self.explain()}"
        if not books.consumed_line(connection, self.bootstrap, IN).sound:
            time.sleep(0.2)
            return False
        unsent = "select count(*) from outbox where sent_at is null"
        return "relay" not in self.running or books.number(connection, unsent) == 0


@contextlib.contextmanager
def parts(database_url: str, bootstrap: str, home: Path) -> Iterator[Parts]:
    """Parts with their topics made; all are gone afterwards."""
    home.mkdir(parents=True, exist_ok=True)
    here = Parts(database_url, bootstrap, home)
    here.once("streams", "topics")
    try:
        yield here
    finally:
        for process in here.running.values():
            process.kill()
            process.wait()
