"""A whole system with one toy part instead of ours: `python -m tests.ground.toy_system`."""

import os
import sys

from local.parts import Door, Floor, Once, Part, Plan
from local.run import run
from local.wishes import Wishes


def toy_plan(wishes: Wishes) -> Plan:
    """Python's own file server as the API, and one preparing command."""
    words = ("http.server", str(wishes.api_port), "--bind", wishes.host)
    return Plan(
        parts=(Part("api", words, Floor.EDGES),),
        for_database=(Once("version", ("platform",)),),
        doors=(Door("api", wishes.api_port, "/README.md", any_answer=True),),
    )


if __name__ == "__main__":
    asked = Wishes.read(os.environ)
    sys.exit(run(asked, toy_plan(asked)))
