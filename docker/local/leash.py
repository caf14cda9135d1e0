"""Ties a child process to its parent: when the parent is gone, however it went, the child ends too.

Linux only (`prctl(PR_SET_PDEATHSIG)`). `python -m local.leash INT [--account NAME] -- command …` does the
same for a child that a supervisor starts.
"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable, Sequence

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def end_with_parent(with_signal: signal.Signals, parent: int) -> None:
    """Ask the kernel to send us `with_signal` when `parent` ends; end at once if it already has.

    Must come after any change of user: the kernel forgets the wish when credentials change.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), with_signal)


def on_leash(with_signal: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` for `subprocess.Popen` that ties the child to the calling process."""
    parent = os.getpid()
    return lambda: end_with_parent(with_signal, parent)


def become(account: str) -> None:
    """Change this process to an account for good, groups included."""
    entry = pwd.getpwnam(account)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def main(words: Sequence[str]) -> None:
    """Parse `SIGNAL [--account NAME] -- command …` and become that command."""
    parent = os.getppid()
    split = words.index("--")
    options, command = words[:split], words[split + 1 :]
    if "--account" in options:
        become(options[options.index("--account") + 1])
    end_with_parent(signal.Signals[f"SIG{options[0]}"], parent)
    os.execvp(command[0], list(command))


if __name__ == "__main__":
    main(sys.argv[1:])
