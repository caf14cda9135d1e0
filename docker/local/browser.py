"""The browser that the screens' tests drive: Debian's Chromium, installed where we may, asked for plainly elsewhere."""

import os
import shutil
import subprocess

from local.terminal import say
from local.trouble import Trouble

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGES = ("chromium", "fonts-noto-cjk")
VARIABLE = "YIWANG_CHROMIUM"


def find() -> str:
    """The browser's program: the one YIWANG_CHROMIUM names, else the first known on the PATH. Trouble without one."""
    named = os.environ.get(VARIABLE)
    for name in (named,) if named else NAMES:
        found = shutil.which(name)
        if found:
            return found
    raise Trouble(
        "没有 Chromium，页面的浏览器测试无法进行 / no Chromium for the browser tests of the screens",
        f"apt-get install {' '.join(PACKAGES)}   (or {VARIABLE}=/path/to/chromium make test)",
    )


def ensure() -> str:
    """The same, after installing Debian's package where this user may."""
    try:
        return find()
    except Trouble:
        apt = shutil.which("apt-get")
        if apt is None or os.geteuid() != 0 or os.environ.get(VARIABLE):
            raise
    say("安装 Chromium / installing Chromium for the browser tests …")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *PACKAGES]):
        subprocess.run([apt, *words], env=environment, capture_output=True, check=False)
    return find()
