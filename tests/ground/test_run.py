"""A system of this machine: up by readiness, back after kills, down without a trace."""

import os
import pty
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from local import ports
from local.run import told_token
from local.scratch import scratch_folder

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
TOY = [sys.executable, "-m", "tests.ground.toy_system"]


class Running:
    """One started system, as an operator sees it."""

    def __init__(self, home: Path, words: list[str] = TOY, **variables: str) -> None:
        self.home = home
        self.api_port = ports.free_port()
        home.mkdir(exist_ok=True)
        self.words_file = home.parent / f"{home.name}-{uuid.uuid4().hex[:6]}.out"
        given = {name: text for name, text in os.environ.items() if not name.startswith("YIWANG_")}
        self.environment = {
            **given,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'docker'}",
            "YIWANG_HOME": str(home),
            "YIWANG_API_PORT": str(self.api_port),
            "YIWANG_GATEWAY_PORT": str(ports.free_port()),
            **variables,
        }
        with self.words_file.open("wb") as out:
            self.process = subprocess.Popen(
                words,
                cwd=ROOT,
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    @property
    def said(self) -> str:
        return self.words_file.read_text(errors="replace")

    def wait_ready(self) -> None:
        until(lambda: "已就绪" in self.said or self.process.poll() is not None, 60)
        assert "已就绪" in self.said, self.said

    def processes(self) -> dict[int, str]:
        """Everything alive that was started for this home: by its command line or its environment."""
        found = {}
        mark = str(self.home).encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal() or int(entry.name) == os.getpid():
                continue
            try:
                words = (entry / "cmdline").read_bytes()
                around = (entry / "environ").read_bytes()
            except OSError:  # it has ended, or is not ours
                continue
            if words and (mark in words or b"YIWANG_HOME=" + mark in around):
                found[int(entry.name)] = words.replace(b"\0", b" ").decode(errors="replace")
        return found

    def pid_of(self, words: str) -> int:
        """The one process whose command line has these words, our leash aside."""
        found = [pid for pid, line in self.processes().items() if words in line]
        assert len(found) == 1, self.processes()
        return found[0]

    def end(self, with_signal: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(with_signal)
        return self.process.wait(60)


def until(done: Callable[[], bool], seconds: float = 30) -> None:
    limit = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch_folder("yiwang-run-") as made:
        yield made


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Running]]:
    """Start systems; whatever the test leaves running ends with it."""
    started: list[Running] = []

    def one(name: str = "home", **variables: str) -> Running:
        started.append(Running(folder / name, TOY, **variables))
        return started[-1]

    yield one
    for system in started:
        system.process.kill()
        system.process.wait()
        until(lambda system=system: not system.processes())  # type: ignore[misc]


def database_url_of(running: Running) -> str:
    """From the environment of its toy part, as any of our processes would get it."""
    environment = (
        Path(f"/proc/{running.pid_of('-m http.server')}/environ").read_bytes().split(b"\0")
    )
    pairs = dict(each.split(b"=", 1) for each in environment if b"=" in each)
    return pairs[b"YIWANG_DATABASE_URL"].decode()


def test_ctrl_c_stops_everything_with_exit_0_and_the_next_start_keeps_the_data(
    start: Callable[..., Running],
) -> None:
    first = start()
    first.wait_ready()
    with psycopg.connect(database_url_of(first)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS seven")
    assert first.end() == 0
    assert first.processes() == {}
    assert "已停止" in first.said

    second = start()
    second.wait_ready()
    with psycopg.connect(database_url_of(second)) as connection:
        assert connection.execute("SELECT seven FROM kept").fetchone() == (7,)
    assert second.end(signal.SIGTERM) == 0
    assert second.processes() == {}


def test_what_dies_is_started_again_and_a_dead_starter_takes_everything_with_it(
    start: Callable[..., Running],
) -> None:
    system = start()
    system.wait_ready()
    for words in ("-m http.server", "kafka.Kafka", "/bin/postgres -D"):
        before = system.pid_of(words)
        os.kill(before, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{before}").exists())  # noqa: B023
        until(lambda: any(words in line for line in system.processes().values()))  # noqa: B023
    assert system.end(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: not system.processes())


def test_a_dead_supervisor_takes_everything_with_it_and_the_starter_says_so(
    start: Callable[..., Running],
) -> None:
    system = start()
    system.wait_ready()
    os.kill(system.pid_of("supervisor.supervisord"), signal.SIGKILL)
    assert system.process.wait(30) == 1
    assert "supervisord ended unexpectedly" in system.said
    until(lambda: not system.processes())


def test_one_home_runs_one_system_and_two_homes_run_side_by_side(
    start: Callable[..., Running],
) -> None:
    first, other = start("first"), start("other")
    first.wait_ready()
    other.wait_ready()
    again = Running(first.home.parent / "first")
    assert again.process.wait(30) == 1
    assert f"already running from {first.home}" in again.said
    assert "make stop" in again.said
    assert first.process.poll() is None
    assert first.end() == 0
    assert other.end() == 0


def test_ctrl_c_while_starting_stops_at_once_without_a_trace(start: Callable[..., Running]) -> None:
    system = start()
    until(lambda: any("kafka.Kafka" in line for line in system.processes().values()))
    assert system.end() == 0
    assert system.processes() == {}


def test_a_taken_port_is_one_sentence_that_names_the_variable(
    start: Callable[..., Running],
) -> None:
    first = start("first")
    first.wait_ready()
    second = start("second", YIWANG_API_PORT=str(first.api_port))
    assert second.process.wait(30) == 1
    assert f"port 127.0.0.1:{first.api_port} is taken" in second.said
    assert "YIWANG_API_PORT=" in second.said
    assert "Traceback" not in second.said


def test_a_failing_preparation_is_shown_and_nothing_stays_behind(folder: Path) -> None:
    words = "from local.parts import *; from local.wishes import *; from local.run import run; import os, sys; "
    words += "sys.exit(run(Wishes.read(os.environ), Plan(for_database=(Once('broken', ('no_such_module',)),))))"
    system = Running(folder / "home", [sys.executable, "-c", words])
    assert system.process.wait(60) == 1
    assert "No module named no_such_module" in system.said
    assert "broken.log" in system.said
    assert system.processes() == {}


def test_ctrl_c_in_a_terminal_lets_make_end_with_0(folder: Path) -> None:
    makefile = folder / "Makefile"
    makefile.write_text(f"run:\n\t@exec {' '.join(TOY)}\n")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'docker'}"}
    environment |= {"YIWANG_HOME": str(folder / "home"), "YIWANG_API_PORT": str(ports.free_port())}
    environment |= {"YIWANG_GATEWAY_PORT": str(ports.free_port())}
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execvpe("make", ["make", "-s", "-f", str(makefile), "run"], environment)
    said = b""
    while b"Ctrl-C" not in said:
        said += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    while "已停止".encode() not in said:
        said += os.read(terminal, 1000)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0, said.decode()


def test_the_token_of_an_administrator_just_made_is_told_and_no_other(tmp_path: Path) -> None:
    log = tmp_path / "seed.log"
    assert told_token(log) is None
    log.write_text("已建管理员 admin\n管理员令牌（只显示这一次）: yw_a-B_9\n", "utf-8")
    assert told_token(log) == "yw_a-B_9"
    log.write_text("规则已就绪 / decisions seeded: 无 none (there already)\n", "utf-8")
    assert told_token(log) is None
