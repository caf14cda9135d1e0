"""`python -m demo seed` loads a demo once; `python -m demo traffic` plays it until it is stopped."""

from __future__ import annotations

import sys

from demo.settings import Settings
from grid.errors import CityError

_USAGE = "用法 usage: python -m demo seed | traffic"


def main(words: list[str]) -> int:
    """0 done, 1 refused with the reason, 2 wrong usage."""
    if words not in (["seed"], ["traffic"]):
        print(_USAGE, file=sys.stderr)
        return 2
    settings = Settings()
    try:
        if words == ["seed"]:
            from demo.seed import seed

            print(seed(settings))
            return 0
        from demo.traffic import play

        return play(settings)
    except CityError as fault:
        print(fault, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
