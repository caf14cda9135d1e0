"""`make run`: starts a whole system in the foreground, says where it is, and takes it down in order."""

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

from local import doctor, leash, terminal
from local.home import hold
from local.parts import Plan
from local.system import Asked, Ground, System
from local.terminal import say
from local.trouble import Trouble
from local.wishes import Wishes


def _asked(_number: int, _frame: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise Asked


def _check(wishes: Wishes) -> None:
    """Refuse with all that is missing, before anything is started."""
    findings = list(doctor.examine(wishes))
    for finding in findings:
        if finding.remedy and not finding.blocking:
            say(f"注意 / note: {finding.words}\n  → {finding.remedy}")
    wrong = [finding for finding in findings if finding.blocking]
    if wrong:
        raise Trouble("\n".join(f"{each.words}\n  → {each.remedy}" for each in wrong))


def run(wishes: Wishes, plan: Plan) -> int:
    """`make run`: 0 after a clean stop, 1 when it could not start (said in one sentence)."""
    began = time.monotonic()
    system: System | None = None
    leash.end_with_parent(signal.SIGTERM, os.getppid())
    terminal.take_foreground()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _asked)
    try:
        lock = hold(wishes.home)
        _check(wishes)
        say("一网 正在启动 / starting …")
        system = System(wishes, plan, lock)
        system.bring_up()
        say(welcome(wishes, system.ground, time.monotonic() - began))
        system.watch()
    except Asked:
        say("\n正在停止 / stopping …")
        return 0
    except (Trouble, OSError) as trouble:
        say(f"\n{trouble}")
        return 1
    finally:
        if system is not None:
            system.take_down()
            say("已停止 / stopped")
    return 0


def welcome(wishes: Wishes, ground: Ground, seconds: float) -> str:
    """What a person reads when everything is ready: addresses, accounts, time taken."""
    here = f"http://{wishes.nearby}"
    lines = [
        "",
        f"一网 已就绪 / ready in {seconds:.1f} s",
        f"  页面与接口 / page and API    {here}:{wishes.api_port}/   {here}:{wishes.api_port}/docs",
        f"  设备入口 / machines' door    {here}:{wishes.gateway_port}/ingest/v1/readings",
        f"  Kafka                       {ground.bootstrap}",
        f"  数据与日志 / data and logs   {wishes.home}",
    ]
    accounts = read_accounts(wishes.home / "accounts.json")
    if accounts:
        lines += ["", "  账号与令牌 / accounts and tokens (Authorization: Bearer …)"]
        lines += [
            f"    {each.get('name', ''):20} {each.get('role', ''):16} {each.get('token', '')}"
            for each in accounts
        ]
    token = told_token(wishes.home / "logs" / "seed.log")
    if token:
        lines += [
            "",
            f"  管理员 admin 的令牌，只显示这一次 / administrator's token, shown once    {token}",
        ]
    word = next((each["password"] for each in accounts if "password" in each), None)
    if word:
        lines += ["", f"  演示口令 / password of all demo accounts but the machines'    {word}"]
    lines += ["", "  Ctrl-C 停止 / stops everything"]
    return "\n".join(lines)


def told_token(log: Path) -> str | None:
    """The token of the administrator the seed made just now; None when there was one already, or it was given."""
    found = re.search(r"\byw_[\w-]+", log.read_text(errors="replace")) if log.exists() else None
    return found[0] if found else None


def read_accounts(file: Path) -> list[dict[str, Any]]:
    """The accounts the seed wrote: a list of {name, role, token}. None there: an empty list."""
    if not file.exists():
        return []
    accounts: list[dict[str, Any]] = json.loads(file.read_text())
    return accounts
