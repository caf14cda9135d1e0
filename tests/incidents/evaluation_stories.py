"""Made-up lives of incidents for evaluation's tests: random walks over the contract's moves, clocks and all."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from incidents.evaluation_course import Case, Step

BEGIN = datetime(2026, 9, 20, tzinfo=UTC)
DEPARTMENTS = ("D1", "D2", "D3")
CATEGORIES = ("gb47678.5-2026/matter/06010", "gb47678.5-2026/matter/06028", "local/matter/11001")
PLACES = (
    ("110101", "110101001", "110101001001"),
    ("110101", "110101001", "110101001002"),
    ("110101", "110101002", "110101002001"),
    ("110102", "110102001", "110102001001"),
    ("", "", ""),
)
_NEXT: dict[str, tuple[tuple[str, str], ...]] = {
    "reported": (("open", "open"), ("confirm", "confirming"), ("void", "void"), ("note", "reported")),
    "confirming": (("confirmed", "reported"), ("not_confirmed", "reported"), ("open", "open")),
    "open": (("dispatch", "dispatched"), ("dispatch", "dispatched"), ("void", "void"), ("urge", "open")),
    "dispatched": (
        ("accept", "handling"), ("accept", "handling"), ("send_back", "open"), ("redispatch", "dispatched"),
        ("urge", "dispatched"),
    ),
    "handling": (
        ("report_handled", "handled"), ("report_handled", "handled"), ("send_back", "open"), ("urge", "handling"),
        ("ask_suspend", "handling"), ("grant", "suspended"), ("grant", "handling"), ("close_by_order", "closed"),
    ),
    "suspended": (("resume", "handling"),),
    "handled": (("verify", "verifying"), ("verified", "verifying"), ("rework", "handling"), ("self_close", "closed")),
    "verifying": (("verified", "verifying"), ("close", "closed"), ("close", "closed"), ("rework", "handling")),
    "closed": (
        ("appeal", "closed"), ("appeal", "closed"), ("review", "closed"), ("review", "closed"), ("review", "closed"),
        ("note", "closed"), ("reopen", "open"),
    ),
    "void": (),
}  # fmt: skip
_BY = {
    "open": ("intake_officer", ("li", "zhou")),
    "confirm": ("intake_officer", ("li", "zhou")),
    "void": ("intake_officer", ("li", "zhou")),
    "dispatch": ("dispatcher", ("wu", "zheng")),
    "redispatch": ("dispatcher", ("wu", "zheng")),
    "accept": ("department", ("crew-1", "crew-2")),
    "send_back": ("department", ("crew-1", "crew-2")),
    "report_handled": ("department", ("crew-1", "crew-2")),
    "ask_suspend": ("department", ("crew-1", "crew-2")),
    "verified": ("inspector", ("sun", "qian")),
    "rework": ("inspector", ("sun", "qian")),
    "confirmed": ("inspector", ("sun", "qian")),
    "urge": ("shift_lead", ("chen",)),
    "close": ("intake_officer", ("li", "zhou")),
}


_ABOUT = (("overdue",), ("rework",), ("overdue", "rework"), ("anything",), ("urge",))
_OUTCOMES = ("upheld", "upheld", "refused", None)


@dataclass
class Story:
    """An incident's life so far, and what the incident itself says now."""

    category: str
    place: tuple[str, str, str]
    public: bool
    clocks: bool
    """Whether moves tell of their clocks, as they do since there are clocks."""
    steps: list[Step] = field(default_factory=list)
    state: str = "reported"
    department: str | None = None
    due_at: datetime | None = None
    upheld: bool = False
    merged: bool = False
    each_its_own: bool = True
    """Whether an appeal says whose it is and against what, as it does since each department has its own."""

    @property
    def case(self) -> Case:
        """The incident itself, as evaluation reads it."""
        return Case(self.state, self.due_at, self.merged, self.public, self.upheld)


def a_story(dice: Random) -> Story:
    """A life just begun: told by a person, or opened by a rule."""
    story = Story(
        dice.choice(CATEGORIES), dice.choice(PLACES), dice.random() < 0.3, dice.random() < 0.8
    )
    story.each_its_own = dice.random() < 0.7
    at = BEGIN + timedelta(minutes=dice.randrange(60 * 24 * 20))
    if dice.random() < 0.3:
        story.state = "open"
        story.steps.append(Step(at, "open", "system", "system", None, "open"))
    else:
        name = dice.choice(("sun", "qian", "citizen"))
        story.steps.append(Step(at, "report", name, "inspector", None, "reported"))
    return story


def go_on(story: Story, dice: Random, most: int = 12) -> None:
    """Up to so many moves more."""
    for _ in range(dice.randrange(most + 1)):
        choices = _NEXT[story.state]
        if not choices or dice.random() < 0.05:
            return
        _move(story, dice, *dice.choice(choices))


def _had(story: Story) -> list[str]:
    """The departments that had it."""
    return [step.data["department"] for step in story.steps if "department" in step.data]


def merge(story: Story) -> None:
    """Into another incident: it counts nowhere any more."""
    story.merged, story.state, story.due_at = True, "void", None
    at = story.steps[-1].at + timedelta(minutes=5)
    story.steps.append(Step(at, "merge", "li", "intake_officer", None, "void"))


def _move(story: Story, dice: Random, move: str, target: str) -> None:
    at = story.steps[-1].at + timedelta(minutes=dice.choice((3, 40, 300, 1500, 6000)))
    role, names = _BY.get(move, ("shift_lead", ("chen",)))
    by = dice.choice(names)
    if move == "dispatch" and dice.random() < 0.2:
        by, role = "system", "system"
    data: dict[str, Any] = {}
    if move in {"dispatch", "redispatch"}:
        story.department = data["department"] = dice.choice(DEPARTMENTS)
    if move == "note" and dice.random() < 0.7:
        data["given"] = {"satisfaction": dice.choice((1, 3, 4, 5, "好", 9))}
    if move == "appeal" and story.each_its_own:
        data |= {"for": dice.choice(_had(story)), "about": dice.choice(_ABOUT)}
    if move == "review" and any(s.move == "appeal" for s in story.steps):
        if story.each_its_own:
            data |= {"for": dice.choice(_had(story)), "outcome": dice.choice(_OUTCOMES)}
        else:
            story.upheld = dice.random() < 0.6
    if story.clocks:
        told = _clocks(story, move, target, at, dice)
        data |= {"clocks": told} if told else {}
    _run_clock(story, move, target, at, dice)
    story.state = target
    department = story.department if role == "department" else None
    story.steps.append(Step(at, move, by, role, department, target, data))


def _clocks(
    story: Story, move: str, target: str, at: datetime, dice: Random
) -> list[dict[str, Any]]:
    told = []
    if story.state in {"reported", "confirming"} and target in {"open", "void", "confirming"}:
        told.append(
            {"kind": "acceptance", "used_s": dice.randrange(2000), "overdue": dice.random() < 0.3}
        )
    if target == "closed" and story.state in {"handled", "verifying"} and story.due_at is not None:
        told.append(
            {"kind": "handling", "used_s": 7, "due_at": None, "overdue": dice.random() < 0.5}
        )
    stops = target in {"handled", "suspended", "closed", "open"} or move == "redispatch"
    if (
        stops
        and story.state in {"dispatched", "handling"}
        and story.due_at is not None
        and move != "urge"
    ):
        told.append({
            "kind": "handling",
            "used_s": dice.randrange(100_000) + 0.25,
            "limit": {"amount": 4, "unit": "work_hour"},
            "due_at": story.due_at.isoformat(),
            "overdue": at > story.due_at,
        })  # fmt: skip
    return told


def _run_clock(story: Story, move: str, target: str, at: datetime, dice: Random) -> None:
    if move in {"dispatch", "redispatch", "resume", "rework"}:
        limit = (
            dice.choice((None, 60, 600, 6000, 40_000))
            if not story.clocks
            else dice.choice((60, 600, 40_000))
        )
        story.due_at = None if limit is None else at + timedelta(minutes=limit)
    elif move in {"send_back", "reopen"} or target == "suspended":
        story.due_at = None


def stories(seed: int, many: int) -> list[Story]:
    """So many lives, each at some point of it."""
    dice = Random(seed)
    found = []
    for _ in range(many):
        story = a_story(dice)
        go_on(story, dice, 20)
        if dice.random() < 0.08:
            merge(story)
        found.append(story)
    return found
