"""The one error of the local ground: what is wrong, and what a person does about it."""


class Trouble(Exception):
    """Something this machine lacks or refuses, with its remedy.

    Args:
        problem: what is wrong, Chinese first, English beside it.
        remedy: the exact command or variable that mends it; may be empty.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}\n  → {remedy}" if remedy else problem)
