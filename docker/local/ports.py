"""Which ports are free on this machine, and the sentence to say when a wanted one is not."""

import json
import socket
from pathlib import Path

from local.trouble import Trouble


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on `host:port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on now. Another process may still take it before we do."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """One free port per name, all different."""
    probes = {name: socket.socket(socket.AF_INET, socket.SOCK_STREAM) for name in names}
    try:
        for probe in probes.values():
            probe.bind(("127.0.0.1", 0))
        return {name: probe.getsockname()[1] for name, probe in probes.items()}
    finally:
        for probe in probes.values():
            probe.close()


def kept_ports(file: Path, names: tuple[str, ...]) -> dict[str, int]:
    """The inner ports of one home: picked free at the first start, the same ever after.

    A kept port that somebody else took meanwhile is replaced. Call it only while nothing of this
    home runs.
    """
    kept: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    gone = tuple(name for name in names if name not in kept or not is_free(kept[name]))
    chosen = {**kept, **free_ports(gone)}
    if chosen != kept:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(chosen, indent=2) + "\n")
        fresh.replace(file)
    return {name: chosen[name] for name in names}


def require_free(port: int, variable: str, host: str = "127.0.0.1") -> None:
    """Refuse with one sentence that names the variable to change."""
    if not is_free(port, host):
        raise Trouble(
            f"端口 {host}:{port} 已被占用 / port {host}:{port} is taken by another program",
            f"{variable}={free_port(host)} make run",
        )
