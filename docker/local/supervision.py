"""Keeps every part running: supervisord with a configuration of ours, spoken to over its socket.

supervisord restarts what dies and never gives up; this module decides only order.
"""

import http.client
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from local import leash
from local.trouble import Trouble

_HEAD = """\
[supervisord]
nodaemon=true
silent=true
logfile={logs}/supervisord.log
logfile_maxbytes=10MB
logfile_backups=1
pidfile={home}/supervisord.pid
loglevel=info
{user}
[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

_PROGRAM = """
[program:{name}]
command={command}
directory={directory}
priority={floor}
autostart=false
autorestart=true
startsecs=1
startretries=1000000
stopsignal={stop_signal}
stopwaitsecs={patience}
stopasgroup={whole_group}
killasgroup=true
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=2
"""


@dataclass(frozen=True)
class Program:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    floor: int
    directory: Path
    patience: int = 15
    stop_signal: str = "TERM"
    whole_group: bool = True

    def section(self, logs: Path) -> str:
        """Its section of the configuration file."""
        return _PROGRAM.format(
            name=self.name,
            command=_plain(shlex.join(self.command)),
            directory=_plain(str(self.directory)),
            floor=self.floor,
            stop_signal=self.stop_signal,
            patience=self.patience,
            whole_group="true" if self.whole_group else "false",
            logs=_plain(str(logs)),
        )


def _plain(text: str) -> str:
    """A value in which supervisor expands nothing."""
    return text.replace("%", "%%")


class Supervision:
    """One supervisord and the programs under it.

    Args:
        home: where its configuration, pid and logs go.
        programs: all it may run; nothing runs before `start`.
    """

    def __init__(self, home: Path, programs: Iterable[Program]) -> None:
        self.home = home
        self.logs = home / "logs"
        self.programs = {program.name: program for program in programs}
        self.process: subprocess.Popen[bytes] | None = None
        near = home / "supervisor.sock"
        # A unix socket's path has at most 107 characters; supervisord adds up to 12 while it opens it.
        fits = len(str(near)) < 90
        self._socket = (
            near if fits else Path(tempfile.mkdtemp(prefix="yiwang-")) / "supervisor.sock"
        )

    @property
    def _calls(self) -> Any:
        """The methods of supervisord, over a connection of their own: a call that was interrupted (by Ctrl-C)
        leaves nothing half-sent for the next.
        """
        transport: Any = SupervisorTransport(serverurl=f"unix://{self._socket}")
        return xmlrpc.client.ServerProxy("http://localhost", transport=transport).supervisor

    def open(self, environment: dict[str, str], keep_open: Sequence[int] = ()) -> None:
        """Start supervisord (no program yet). It ends with this process.

        Args:
            environment: what every program gets.
            keep_open: descriptors supervisord holds as long as it lives (the home's lock).
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        user = "user=root\n" if os.geteuid() == 0 else ""  # silences its warning; it stays root
        head = _HEAD.format(
            home=_plain(str(self.home)),
            logs=_plain(str(self.logs)),
            socket=_plain(str(self._socket)),
            user=user,
        )
        file = self.home / "supervisord.conf"
        file.write_text(head + "".join(each.section(self.logs) for each in self.programs.values()))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(file)],
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches us alone; we stop the programs in order
            pass_fds=tuple(keep_open),
            preexec_fn=leash.on_leash(signal.SIGTERM),  # noqa: PLW1509 - one C call, no locks
        )
        limit = time.monotonic() + 15
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > limit:
                raise Trouble(
                    "监管进程没有启动 / supervisord did not start",
                    f"read {self.logs / 'supervisord.log'}",
                )
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return bool(self._calls.getState())
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return False

    @property
    def alive(self) -> bool:
        """Whether supervisord itself still runs."""
        return self.process is not None and self.process.poll() is None

    def start(self, *names: str) -> None:
        """Start programs, without waiting for them."""
        for name in names:
            self._calls.startProcess(name, False)

    def states(self) -> dict[str, str]:
        """What supervisord says of each program: RUNNING, BACKOFF, STOPPED, …"""
        return {each["name"]: each["statename"] for each in self._calls.getAllProcessInfo()}

    def close(self) -> None:
        """Stop floor by floor from the top, then supervisord itself."""
        if not self.alive:
            return
        for floor in sorted({each.floor for each in self.programs.values()}, reverse=True):
            self._stop_floor(floor)
        self._calls.shutdown()
        assert self.process is not None
        self.process.wait(30)

    def _stop_floor(self, floor: int) -> None:
        """Stop all programs of one floor together and wait for the slowest."""
        here = {each.name for each in self.programs.values() if each.floor == floor}
        down = {"STOPPED", "EXITED", "FATAL", "UNKNOWN"}
        for name, state in self.states().items():
            if name in here and state not in down:
                self._stop_one(name)
        while any(state not in down for name, state in self.states().items() if name in here):
            time.sleep(0.05)

    def _stop_one(self, name: str) -> None:
        try:
            self._calls.stopProcess(name, False)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in str(fault):
                raise
