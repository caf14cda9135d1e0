"""One system on this machine: its ground (database and broker) and its parts, brought up by readiness."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from local import jars, leash
from local.kafka import LocalKafka, is_ready
from local.parts import Door, Floor, Once, Plan
from local.ports import kept_ports
from local.postgres import LocalPostgres
from local.supervision import Program, Supervision
from local.terminal import say
from local.trouble import Trouble
from local.wishes import ROOT, Wishes

START_LIMIT = 240.0
"""Seconds for everything to become ready, the demo city's first seed included."""


class Asked(Exception):
    """We were asked to stop (Ctrl-C, SIGTERM, or the terminal went away)."""


@dataclass(frozen=True)
class Ground:
    """The database and the broker of one system: ours, or the operator's."""

    postgres: LocalPostgres | None
    kafka: LocalKafka | None
    database_url: str
    bootstrap: str

    @classmethod
    def choose(cls, wishes: Wishes) -> "Ground":
        """By the operator's variables. Call it while nothing of this home runs."""
        inner = kept_ports(wishes.home / "ports.json", ("postgres", "kafka", "controller"))
        postgres = kafka = None
        if wishes.database_url is None:
            postgres = LocalPostgres(wishes.home / "postgres", inner["postgres"])
        if wishes.kafka is None:
            kafka = LocalKafka(wishes.home / "kafka", inner["kafka"], inner["controller"])
        return cls(
            postgres,
            kafka,
            wishes.database_url or (postgres.url() if postgres else ""),
            wishes.kafka or (kafka.bootstrap if kafka else ""),
        )

    def prepare(self) -> None:
        """Data folders, configuration, jars."""
        if self.kafka and any(jars.missing(jars.read_lock(), jars.kafka_folder())):
            say("  下载 Kafka / fetching Kafka's jars …")
            jars.fetch()
        with ThreadPoolExecutor(max_workers=2) as pool:
            for done in [pool.submit(each.prepare) for each in (self.postgres, self.kafka) if each]:
                done.result()

    def programs(self) -> Iterator[Program]:
        """What supervisord runs of it."""
        python = [sys.executable, "-m", "local.leash"]
        root = Path("/")
        if self.postgres:
            account = self.postgres.account
            lend = ["--account", account.name] if account else []
            words = [*python, "INT", *lend, "--", *self.postgres.command()]
            # SIGINT is PostgreSQL's fast shutdown, and its children must not get it themselves.
            yield Program("postgres", words, Floor.DATABASE, root, 60, "INT", whole_group=False)
        if self.kafka:
            words = [*python, "TERM", "--", *self.kafka.command()]
            yield Program("kafka", words, Floor.BROKER, root, 60)


class System:
    """One running system.

    Args:
        wishes: what the operator asked for.
        plan: its parts beside database and broker.
        lock: the held lock of its home; supervisord holds it too, until it has gone.
    """

    def __init__(self, wishes: Wishes, plan: Plan, lock: int) -> None:
        self.wishes = wishes
        self.lock = lock
        self.stopping = threading.Event()
        self.ground = Ground.choose(wishes)
        self.plan = plan
        self.environment = {
            **os.environ,
            "YIWANG_HOME": str(wishes.home),
            "YIWANG_HOST": wishes.host,
            "YIWANG_API_PORT": str(wishes.api_port),
            "YIWANG_GATEWAY_PORT": str(wishes.gateway_port),
            "YIWANG_DATABASE_URL": self.ground.database_url,
            "YIWANG_KAFKA": self.ground.bootstrap,
            "YIWANG_DEMO": wishes.demo,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'docker'}",
            "PYTHONUNBUFFERED": "1",
        }

    def bring_up(self) -> None:
        """Everything, in order of need; returns when the API and the gateway are ready."""
        self.ground.prepare()
        self._say_where()
        ours = [*self.ground.programs(), *self._our_programs()]
        self.supervision = Supervision(self.wishes.home, ours)
        self.supervision.open(self.environment, keep_open=[self.lock])
        self.supervision.start(*(each.name for each in self.ground.programs()))
        with ThreadPoolExecutor(max_workers=2) as pool:  # neither waits for the other
            both = [pool.submit(self._fill_database), pool.submit(self._fill_broker)]
            try:
                for done in both:
                    done.result()
            except BaseException:
                self.stopping.set()
                raise
        self.supervision.start(*(part.name for part in self.plan.parts if not part.demo_only))
        self._wait_ready()
        # A demo's traffic knocks at the doors: before they open it would only take their processor.
        self.supervision.start(*(part.name for part in self.plan.parts if part.demo_only))

    def _say_where(self) -> None:
        """Leave in the home where database and broker are: an operator's command reads it, nobody else may."""
        file = self.wishes.home / "env"
        file.touch(mode=0o600)
        file.chmod(0o600)
        told = ("YIWANG_DATABASE_URL", "YIWANG_KAFKA")
        file.write_text("".join(f"{name}='{self.environment[name]}'\n" for name in told))

    def _our_programs(self) -> Iterator[Program]:
        for part in self.plan.parts:
            yield Program(part.name, part.command, part.floor, ROOT, part.patience)

    def _fill_database(self) -> None:
        if self.ground.postgres:
            self._until(self.ground.postgres.answers, "PostgreSQL")
        for once in self.plan.for_database:
            self._run_once(once)

    def _fill_broker(self) -> None:
        if self.ground.kafka:
            port = self.ground.kafka.port
            self._until(lambda: is_ready("127.0.0.1", port), "Kafka")
        for once in self.plan.for_broker:
            self._run_once(once)

    def _run_once(self, once: Once) -> None:
        """Run a preparing command; its words go to its log, its owner's to read, and to the terminal if it fails."""
        log = self.supervision.logs / f"{once.name}.log"
        log.touch(mode=0o600)
        with log.open("w") as out:
            process = subprocess.Popen(
                once.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=leash.on_leash(signal.SIGTERM),  # noqa: PLW1509 - one C call, no locks
            )
        try:
            self._until(lambda: process.poll() is not None, once.name)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if process.returncode:
            raise Trouble(
                f"{once.name} 失败 / `python -m {' '.join(once.words)}` failed:\n"
                f"{log.read_text(errors='replace').strip()[-1500:]}",
                f"read {log}",
            )

    def _wait_ready(self) -> None:
        """Wait until the doors answer. Raises Trouble naming what did not come up."""
        for door in self.plan.doors:
            self._until(lambda door=door: self._answers(door), door.part)  # type: ignore[misc]

    def _until(self, done: Callable[[], bool], name: str) -> None:
        """Wait for one thing. Raises Trouble after START_LIMIT, Asked when another part gave up."""
        limit = time.monotonic() + START_LIMIT
        while not done():
            if self.stopping.is_set():
                raise Asked
            if not self.supervision.alive or time.monotonic() > limit:
                states = self.supervision.states() if self.supervision.alive else {}
                raise Trouble(
                    f"{name} 没有就绪 / {name} did not become ready within {START_LIMIT:.0f} s "
                    f"({', '.join(f'{part} {state}' for part, state in states.items())})",
                    f"read {self.supervision.logs}/{name.lower()}.log",
                )
            time.sleep(0.05)

    def _answers(self, door: Door) -> bool:
        """Whether a part is ready, by its own word."""
        line = http.client.HTTPConnection(self.wishes.nearby, door.port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException):
            line.request("GET", door.path)
            status = line.getresponse().status
            return status < 500 if door.any_answer else status == 200
        return False

    def watch(self) -> None:
        """Return only by `Asked`; raises Trouble if supervisord itself is gone."""
        while self.supervision.alive:
            time.sleep(0.5)
        raise Trouble("监管进程意外结束 / supervisord ended unexpectedly", "make run")

    def take_down(self) -> None:
        """Stop in order; nothing of it runs afterwards."""
        if hasattr(self, "supervision"):
            self.supervision.close()
