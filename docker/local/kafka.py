"""A real Apache Kafka 4.3.1 broker (KRaft, one combined node) from its jars, for one machine.

Stands up in a home folder that keeps its data; survives SIGKILL and starts again on the same data.
"""

import base64
import contextlib
import os
import signal
import socket
import struct
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from local import classes, jars, java, leash
from local.ports import free_ports
from local.trouble import Trouble

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
num.partitions=8
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
num.network.threads=2
num.io.threads=2
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
log.segment.bytes=134217728
"""
# Short broker session: after SIGKILL the restarted broker waits for its old session to lapse;
# 2 s instead of 9 s halves the outage. Both limits measured on two cores.

JVM = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xms64m", "-Djava.awt.headless=true"]
"""C1 only and the serial collector: a broker ready in 4 s instead of 6 s, in 290 MB."""


def cluster_id() -> str:
    """A new cluster's name: 16 random bytes in base64url, never beginning with `-`.

    The format tool takes a leading `-` (one id in 64) for an option and refuses to start.
    """
    while True:
        drawn = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not drawn.startswith("-"):
            return drawn


@dataclass
class LocalKafka:
    """One broker: where it lives and where it listens.

    Args:
        home: folder for data, configuration and log; made when missing.
        port: where clients connect, on 127.0.0.1.
        controller_port: the broker's inner quorum.
        heap_mb: ceiling of the Java heap, in MiB.
        properties: more lines for server.properties, stronger than ours.
        java_words: more words for Java, in place of its class archive.
    """

    home: Path
    port: int
    controller_port: int
    heap_mb: int = 384
    properties: dict[str, str] = field(default_factory=dict)
    java_words: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @classmethod
    def on_free_ports(cls, home: Path, **more: object) -> "LocalKafka":
        """A broker on two ports that are free now."""
        ports = free_ports(("kafka", "controller"))
        return cls(home, ports["kafka"], ports["controller"], **more)  # type: ignore[arg-type]

    @property
    def bootstrap(self) -> str:
        """What clients are given."""
        return f"127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        """Where the broker's own words go."""
        return self.home / "kafka.log"

    @property
    def _properties_file(self) -> Path:
        return self.home / "server.properties"

    def prepare(self) -> None:
        """Fetch the jars (and archive their classes, once), write the configuration, format the data folder once."""
        if not self.java_words:
            classes.make(classes.archive_file(java.find(), jars.fetch()), _load_classes)
        data = self.home / "data"
        data.mkdir(parents=True, exist_ok=True)
        text = PROPERTIES.format(port=self.port, controller=self.controller_port, data=data)
        text += "".join(f"{name}={value}\n" for name, value in self.properties.items())
        self._properties_file.write_text(text)
        if (data / "meta.properties").exists():
            return
        words = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster_id()]
        done = subprocess.run(
            [*self._java(), *words, "-c", str(self._properties_file)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise Trouble(
                f"Kafka 数据目录初始化失败 / Kafka could not format {data}: "
                f"{(done.stderr or done.stdout).strip()[-600:]}",
                "free some disk space, or start afresh: make reset",
            )

    def _java(self) -> list[str]:
        found, class_path = java.find(), jars.fetch()
        more = self.java_words or classes.use(classes.archive_file(found, class_path))
        quiet = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        path = ":".join(map(str, class_path))
        return [found.command, *JVM, *quiet, *more, f"-Xmx{self.heap_mb}m", "-cp", path]

    def command(self) -> list[str]:
        """The words that start the broker in the foreground; `prepare` comes first."""
        where = f"-Dkafka.logs.dir={self.home}"
        start = self._java()
        return [start[0], where, *start[1:], "kafka.Kafka", str(self._properties_file)]

    def start(self, timeout: float = 60) -> None:
        """Start the broker as our child and wait until it answers. It ends with this process."""
        self.prepare()
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=leash.on_leash(signal.SIGKILL),  # noqa: PLW1509 - one C call, no locks
            )
        self.wait_ready(timeout)

    def wait_ready(self, timeout: float = 60) -> None:
        """Return once the broker answers a metadata request. Raises Trouble with its last words."""
        limit = time.monotonic() + timeout
        while not is_ready("127.0.0.1", self.port):
            ended = self.process is not None and self.process.poll() is not None
            if ended or time.monotonic() > limit:
                raise Trouble(
                    f"Kafka 没有就绪 / Kafka on {self.bootstrap} did not become ready: "
                    f"{_last_words(self.log_file)}",
                    f"read {self.log_file}",
                )
            time.sleep(0.1)

    def stop(self, timeout: float = 30) -> None:
        """Clean stop (SIGTERM); SIGKILL when it takes longer than `timeout` seconds."""
        self._end(signal.SIGTERM, timeout)

    def kill(self) -> None:
        """SIGKILL, as in a power cut. `start` brings it back with its data."""
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


QUESTION = 0x59495741
"""Number of our metadata request, which its answer must bear ("YIWA")."""


def _load_classes(folder: Path, java_words: list[str]) -> None:
    """Run a broker once, so that Java sees which classes it needs."""
    broker = LocalKafka.on_free_ports(folder, java_words=java_words)
    broker.start()
    broker.stop()


def is_ready(host: str, port: int, timeout: float = 2.0) -> bool:
    """Whether a broker at `host:port` answers a metadata request with at least one broker.

    A listening port is not readiness. Speaks one Metadata v1 request by hand (Kafka protocol,
    API key 3) so that waiting needs no client and logs nothing.
    """
    client = b"yiwang"
    body = struct.pack(">hhih", 3, 1, QUESTION, len(client)) + client + struct.pack(">i", 0)
    with contextlib.suppress(OSError, struct.error):
        with socket.create_connection((host, port), timeout=timeout) as line:
            line.sendall(struct.pack(">i", len(body)) + body)
            head = line.recv(12, socket.MSG_WAITALL)
        size, echoed, brokers = struct.unpack(">iii", head)
        # Another server answers anything with something of its own: hold it to our question's number.
        return bool(echoed == QUESTION and 0 < brokers < size)
    return False


def _last_words(file: Path, characters: int = 800) -> str:
    """The end of a log file, for an error a person reads."""
    if not file.exists():
        return "(no log)"
    with file.open("rb") as opened:
        opened.seek(max(0, os.fstat(opened.fileno()).st_size - characters))
        return opened.read().decode(errors="replace").strip()
