"""The files that no Python runs: containers, shell, Makefile, lock files."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ("docker/compose.yaml", "docker/compose.cluster.yaml")
CONTRACT = ("run", "test", "check", "bench", "chaos", "doctor", "clean", "reset")


def tool(name: str) -> str:
    """A program of the virtual environment."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    assert found, f"{name} is in requirements/dev.lock: make install-dev"
    return found


def quietly(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", COMPOSE)
def test_compose_files_follow_the_compose_specification(file: str) -> None:
    quietly(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", file)


def test_the_dockerfile_passes_its_linter() -> None:
    quietly(tool("hadolint"), "docker/Dockerfile")


def test_shell_passes_its_linter() -> None:
    scripts = [
        ".ci/run",
        *(str(file.relative_to(ROOT)) for file in (ROOT / "docker").rglob("*.sh")),
    ]
    assert len(scripts) >= 4
    quietly(tool("shellcheck"), *scripts)


def test_the_image_runs_as_nobody_special_and_copies_only_what_exists() -> None:
    lines = (ROOT / "docker" / "Dockerfile").read_text().splitlines()
    assert "USER 10001" in lines
    sources = [
        word for line in lines if re.match(r"COPY (?!--from)", line) for word in line.split()[1:-1]
    ]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored


def test_compose_runs_the_parts_that_make_run_runs() -> None:
    from local.parts import plan
    from local.wishes import Wishes

    whole = plan(Wishes(Path("/nowhere")))
    services = yaml.safe_load((ROOT / COMPOSE[0]).read_text())["services"]
    composed = {" ".join(each.get("command", [])) for each in services.values()}
    ours = [each.words for each in whole.parts]
    ours += [each.words for each in (*whole.for_database, *whole.for_broker)]
    for words in ours:
        assert any(" ".join(words) in command for command in composed), words


def test_every_service_of_ours_drops_its_privileges_and_every_server_has_a_health_check() -> None:
    services = yaml.safe_load((ROOT / COMPOSE[0]).read_text())["services"]
    for name, service in services.items():
        if "build" in service:
            assert service["cap_drop"] == ["ALL"], name
            assert service["read_only"] is True, name
    for server in ("kafka", "database", "gateway", "api"):
        assert "healthcheck" in services[server]


def test_make_lists_every_command_of_the_contract() -> None:
    said = subprocess.run(["make"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    listed = re.findall(r"^ {2}([a-z-]+)  +\S", said, re.MULTILINE)
    assert [command for command in CONTRACT if command not in listed] == []


def test_every_listed_command_says_what_it_does_in_both_languages() -> None:
    said = re.findall(r"^[a-z-]+:.*## (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert len(said) >= len(CONTRACT)
    for words in said:
        assert re.search(r"[\u4e00-\u9fff].* / .*[a-z]", words), words


def test_ci_runs_the_test_command_and_nothing_else() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    deeds = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert deeds == ["exec make test"]


@pytest.mark.parametrize("name", ["uv", "run", "dev", "image"])
def test_lock_files_pin_every_package_with_a_hash_and_name_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    assert "://" not in text
    packages = [block for block in re.split(r"\n(?=[A-Za-z0-9])", text) if block.strip()]
    for package in packages:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==", package), package[:60]
        assert "--hash=sha256:" in package, package[:60]


def test_what_runs_is_locked_alike_everywhere() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / f"{name}.lock").read_text()
        return set(re.findall(r"^([A-Za-z0-9._-]+==[^ ;]+)", text, re.MULTILINE))

    assert pins("run") <= pins("dev")
    assert pins("image") <= pins("run")
