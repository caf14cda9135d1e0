"""Where benchmarks stand: a real PostgreSQL with production settings (fsync on) and a real broker, fresh, on free ports."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from kafka.admin import KafkaAdminClient, NewTopic

from local import leash
from local.kafka import LocalKafka
from local.postgres import LocalPostgres
from local.scratch import scratch_folder
from local.wishes import ROOT


@dataclass
class Ground:
    """A database and a broker, and programs run against them."""

    home: Path
    postgres: LocalPostgres
    kafka: LocalKafka
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What our programs are told."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("YIWANG_")}
        return {
            **clean,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'docker'}",
            "PYTHONUNBUFFERED": "1",
            "YIWANG_DATABASE_URL": self.postgres.url(),
            "YIWANG_KAFKA": self.kafka.bootstrap,
            "YIWANG_HOME": str(self.home),
            "YIWANG_DEMO": "0",
        }

    def connect(self) -> psycopg.Connection[Any]:
        """A connection, autocommit, UTC."""
        return psycopg.connect(
            self.postgres.url(), autocommit=True, options="-c TimeZone=UTC", connect_timeout=5
        )

    def once(self, *words: str, **more: str) -> str:
        """Run `python -m …` to its end; what it printed. AssertionError when it fails."""
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, *words: str, **more: str) -> subprocess.Popen[bytes]:
        """Start `python -m …`; it ends with us, or by `end`."""
        log = self.home / f"{'-'.join(words).replace('/', '_')[:60]}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=ROOT,
                env={**self.environment, **more},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=leash.on_leash(signal.SIGKILL),  # noqa: PLW1509 - one C call, no locks
            )
        self.running.append(process)
        return process

    def end(self, *processes: subprocess.Popen[bytes]) -> None:
        """Stop programs in good order, all at once; SIGKILL after 30 s."""
        for process in processes:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.running.remove(process)

    def topic(self, name: str, partitions: int) -> None:
        """Make a topic."""
        admin = KafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        try:
            admin.create_topics([NewTopic(name, partitions, 1)])
        finally:
            admin.close()

    def processor_seconds(self) -> dict[str, float]:
        """Processor time so far of our running programs, of PostgreSQL with its children, and of the broker."""
        server, broker = self.postgres.process, self.kafka.process
        assert server is not None
        assert broker is not None
        return {
            "ours": sum(_seconds(p.pid) for p in self.running),
            "postgres": sum(map(_seconds, [server.pid, *_children(server.pid)])),
            "kafka": _seconds(broker.pid),
        }

    def logs(self) -> str:
        """The last words of every program."""
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}"
            for log in sorted(self.home.glob("*.log"))
        )


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in listed.read_text().split()]


def _seconds(pid: int) -> float:
    """User and system time of a process and its waited-for children; 0 when it has gone."""
    with contextlib.suppress(OSError):
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in told[11:15]) / os.sysconf("SC_CLK_TCK")
    return 0.0


@contextlib.contextmanager
def ground(prefix: str = "yiwang-bench-") -> Iterator[Ground]:
    """A ground; nothing of it is left afterwards."""
    with scratch_folder(prefix) as home:
        postgres = LocalPostgres.on_free_port(home / "postgres")
        kafka = LocalKafka.on_free_ports(home / "kafka")
        postgres.start()
        kafka.start()
        here = Ground(home, postgres, kafka)
        try:
            yield here
        finally:
            here.end(*here.running[:])
            kafka.stop()
            postgres.stop()
            postgres.remove()
