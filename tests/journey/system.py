"""A whole system in a scratch folder on free ports, started as `make run` starts it, gone afterwards.

Drives `python -m local run` itself, so that supervision, restarts and the order of stopping are what is tested.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from supervisor.xmlrpc import SupervisorTransport

from local.ports import free_ports
from local.postgres import LocalPostgres
from local.scratch import scratch_folder
from local.wishes import ROOT

ADMIN_TOKEN = "journey-administrator-token-0123456789"
HOST = "127.0.0.1"


@dataclass
class WholeSystem:
    """One running system: where its doors are, and the hands to look inside and to break it.

    Args:
        home: its scratch folder.
        ports: "api" and "gateway"; those of the database and the broker it picks itself.
        environment: what it was started with.
    """

    home: Path
    ports: Mapping[str, int]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def words(self) -> str:
        """What `make run` said so far."""
        return (self.home / "run.log").read_text(errors="replace")

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return f"{HOST}:{self._kept('kafka')}"

    @property
    def database_url(self) -> str:
        """The database's address."""
        return LocalPostgres(self.home / "postgres", self._kept("postgres")).url()

    def _kept(self, name: str) -> int:
        kept: dict[str, int] = json.loads((self.home / "ports.json").read_text())
        return kept[name]

    def url(self, door: str) -> str:
        """The address of a door: "api" or "gateway"."""
        return f"http://{HOST}:{self.ports[door]}"

    def start(self, patience: float = 180) -> None:
        """Start it and wait until it says that it is ready; AssertionError with its words if it does not."""
        with (self.home / "run.log").open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local", "run"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        before = self.words.count("/ ready in")
        limit = time.monotonic() + patience
        while self.words.count("/ ready in") == before:
            assert self.process.poll() is None, f"it ended\n{self.explain()}"
            assert time.monotonic() < limit, f"not ready in {patience} s\n{self.explain()}"
            time.sleep(0.1)

    def stop(self, patience: float = 90) -> int:
        """Ask it to stop as Ctrl-C does; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not stop within {patience} s\n{self.explain()}") from None

    def end(self) -> None:
        """Make sure that nothing of it runs."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(AssertionError):
                self.stop()

    def explain(self) -> str:
        """The last words of everything, for a failed assertion."""
        parts = [f"--- run\n{self.words[-2000:]}"]
        for log in sorted((self.home / "logs").glob("*.log")):
            tail = log.read_text(errors="replace")[-1200:].strip()
            if tail:
                parts.append(f"--- {log.stem}\n{tail}")
        return "\n".join(parts)

    def run(self, *words: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
        """An operator's command `python -m …` beside the running system; AssertionError if it fails."""
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            env=self.inner_environment,
            input=stdin.decode() if stdin else None,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        said = f"python -m {' '.join(words)} → {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, said
        return done

    @property
    def inner_environment(self) -> dict[str, str]:
        """What an operator's command needs to reach it."""
        return {
            **self.environment,
            "YIWANG_DATABASE_URL": self.database_url,
            "YIWANG_KAFKA": self.bootstrap,
        }

    def connect(self) -> psycopg.Connection[Any]:
        """A connection to its database, autocommit, UTC."""
        return psycopg.connect(
            self.database_url, autocommit=True, options="-c TimeZone=UTC", connect_timeout=5
        )

    @property
    def _supervisor(self) -> Any:
        transport: Any = SupervisorTransport(serverurl=f"unix://{self._socket()}")
        return xmlrpc.client.ServerProxy("http://localhost", transport=transport).supervisor

    def _socket(self) -> Path:
        for line in (self.home / "supervisord.conf").read_text().splitlines():
            if line.startswith("file="):
                return Path(line.removeprefix("file="))
        raise AssertionError("supervisord.conf names no socket")

    def programs(self) -> dict[str, tuple[str, int]]:
        """State and process number (0: none) of every program under supervision."""
        told = self._supervisor.getAllProcessInfo()
        return {each["name"]: (each["statename"], each["pid"]) for each in told}

    def kill(self, name: str) -> int:
        """SIGKILL one program, as a crash does; its process number, 0 when it was just not running."""
        state, pid = self.programs()[name]
        if state not in {"RUNNING", "STARTING"} or not pid:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return pid
        return 0

    @contextlib.contextmanager
    def frozen(self, name: str) -> Iterator[int]:
        """A program that does not answer, its children neither: SIGSTOP, SIGCONT afterwards."""
        _, pid = self.programs()[name]
        stopped = [pid] if pid else []
        for each in stopped:  # the parent first, so that no child is born meanwhile
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGSTOP)
                stopped.extend(_children(each))
        try:
            yield pid
        finally:
            for each in reversed(stopped):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, signal.SIGCONT)

    @contextlib.contextmanager
    def absent(self, name: str) -> Iterator[None]:
        """A program that is down: stopped through the supervisor, started again afterwards."""
        with contextlib.suppress(xmlrpc.client.Fault):
            self._supervisor.stopProcess(name, True)
        try:
            yield
        finally:
            with contextlib.suppress(xmlrpc.client.Fault):
                self._supervisor.startProcess(name, False)

    def wait_running(self, patience: float = 90) -> None:
        """Wait until every program runs and both doors answer."""
        until(self._all_running, patience, lambda: f"not all running\n{self.explain()}")

    def _all_running(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Error):
            running = all(state == "RUNNING" for state, _ in self.programs().values())
            return running and self.ready()
        return False

    def ready(self, naming: str = "") -> bool:
        """Whether the API says that it is ready, its answer naming something."""
        line = http.client.HTTPConnection(HOST, self.ports["api"], timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException):
            line.request("GET", "/readyz")
            answer = line.getresponse()
            return naming in answer.read().decode() and answer.status == 200
        return False

    def wait_grid(self) -> None:
        """Wait until the API has seen the grid that was just loaded."""
        until(lambda: self.ready("网格版本"), 30, lambda: f"no grid\n{self.explain()}")


def _children(pid: int) -> list[int]:
    """The processes whose parent is this one."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in listed.read_text().split()] if listed.exists() else []


def until(done: Callable[[], bool], patience: float, why: Callable[[], str]) -> None:
    """Wait for something; AssertionError with the reason when it does not come."""
    limit = time.monotonic() + patience
    while not done():
        assert time.monotonic() < limit, why()
        time.sleep(0.05)


@contextlib.contextmanager
def whole_system(demo: str = "0", **more: str) -> Iterator[WholeSystem]:
    """A whole system, not started yet; nothing of it is left afterwards.

    Args:
        demo: YIWANG_DEMO.
        more: further YIWANG_* variables.
    """
    with scratch_folder("yiwang-journey-") as home:
        ports = free_ports(("api", "gateway"))
        clean = {k: v for k, v in os.environ.items() if not k.startswith("YIWANG_")}
        environment = {
            **clean,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'docker'}",
            "PYTHONUNBUFFERED": "1",
            "YIWANG_HOME": str(home),
            "YIWANG_HOST": HOST,
            "YIWANG_API_PORT": str(ports["api"]),
            "YIWANG_GATEWAY_PORT": str(ports["gateway"]),
            "YIWANG_ADMIN_TOKEN": ADMIN_TOKEN,
            "YIWANG_DEMO": demo,
            **more,
        }
        system = WholeSystem(home, ports, environment)
        try:
            yield system
        finally:
            system.end()
