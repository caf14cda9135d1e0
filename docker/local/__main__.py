"""Commands of the local ground: run, stop, doctor, reset, jars, web, browser."""

import os
import sys

from local.trouble import Trouble
from local.wishes import Wishes

USAGE = """\
用法 / usage: python -m local COMMAND
  run      启动全部，前台运行，Ctrl-C 停止 / start everything in the foreground, Ctrl-C stops it
  stop     停止本目录的系统 / stop the system of this home
  doctor   检查本机缺什么 / say what this machine lacks and what mends it
  reset    删除本地数据 / delete the local data of this home
  jars     下载并校验 Kafka 的 jar / fetch and check Kafka's jars
  web      构建页面（源码有变时） / build the screens where their sources changed
  browser  找到或安装测试用的 Chromium / find or install the Chromium of the browser tests"""

COMMANDS = {"run", "stop", "doctor", "reset", "jars", "web", "browser"}


def main(words: list[str]) -> int:
    """Run one command: 0 done, 1 refused with reasons, 2 wrong usage."""
    command = words[0] if len(words) == 1 else ""
    if command in {"-h", "--help"}:
        print(USAGE)
        return 0
    if command not in COMMANDS:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        return _obey(command, Wishes.read(os.environ))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1


def _obey(command: str, wishes: Wishes) -> int:
    # Imported late: doctor must work before anything is installed.
    if command == "doctor":
        from local import doctor

        return doctor.report(wishes)
    if command == "jars":
        from local import jars

        print(f"{len(jars.fetch())} jars · {jars.kafka_folder()}")
        return 0
    if command == "web":
        from local import pages

        print("页面已构建 / built" if pages.build() else "页面已是最新 / up to date")
        return 0
    if command == "browser":
        from local import browser

        print(browser.ensure())
        return 0
    from local import home, parts, run

    if command == "run":
        return run.run(wishes, parts.plan(wishes))
    return {"stop": home.stop, "reset": home.reset}[command](wishes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
