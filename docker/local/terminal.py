"""The terminal we run in: words on it, and who gets its Ctrl-C."""

import contextlib
import os
import signal


def say(words: str = "") -> None:
    """Print at once; a terminal that has gone is no reason to stop working."""
    with contextlib.suppress(OSError, ValueError):
        print(words, flush=True)


def take_foreground() -> None:
    """Make ourselves the terminal's foreground group, so that Ctrl-C reaches us and not `make`.

    Then `make` sees a child that ended with 0 instead of being interrupted itself.
    """
    with contextlib.suppress(OSError):
        if os.tcgetpgrp(0) == os.getpgrp():
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpgrp())
