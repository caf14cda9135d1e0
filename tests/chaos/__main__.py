"""`python -m tests.chaos`: kills and outages under load, then the balance sheet; exit 1 if anything is off."""

from __future__ import annotations

import argparse
import sys
import time

from tests.chaos.run import Report, Wish, run
from tests.journey.books import table


def main() -> int:
    """Parse what is wished, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=28, help="SIGKILLs (default 28)")
    parser.add_argument("--outages", type=int, default=4, help="outages of 10-30 s (default 4)")
    parser.add_argument(
        "--seconds", type=float, default=300, help="length of the load (default 300)"
    )
    parser.add_argument("--seed", type=int, default=0, help="default: by the clock")
    given = parser.parse_args()
    seed = given.seed or int(time.time())
    began = time.monotonic()
    wish = Wish(given.kills, given.outages, given.seconds, seed)
    report = run(
        wish, lambda words: print(f"{time.monotonic() - began:6.1f} s  {words}", flush=True)
    )
    print(told(report, time.monotonic() - began))
    return 0 if report.sound else 1


def told(report: Report, seconds: float) -> str:
    """What a person reads at the end."""
    verdict = "账平 / the books balance" if report.sound else "账不平 / THE BOOKS DO NOT BALANCE"
    size = ", ".join(f"{name} {value}" for name, value in report.told.items())
    blows = "\n".join(str(blow) for blow in report.blows)
    return f"{blows}\n\n{size}\n\n{table(report.lines)}\n\n{verdict} ({seconds:.0f} s)"


if __name__ == "__main__":
    sys.exit(main())
