"""Evaluation counted again the plain way: for each figure a sentence of Python over an incident's whole history.

Shares nothing with the fold it checks but the history itself; slow, and easy to read beside domain.md §1.5.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from incidents.evaluation_course import Step
from tests.incidents.evaluation_stories import Story

ZONE = ZoneInfo("Asia/Shanghai")
Counted = dict[tuple[str, str, str], list[tuple[int, date, int]]]
"""(group, code, figure) -> (incident, day, value)."""

_DISPATCHES = ("dispatch", "redispatch")


@dataclass
class Spell:
    """Lines from one dispatch to before the next, and the next, which stops this one's clock."""

    lines: list[Step]
    next: Step | None
    current: bool
    story: Story
    now: datetime

    @property
    def department(self) -> str:
        return str(self.lines[0].data["department"])

    def of(self, *moves: str) -> list[Step]:
        return [line for line in self.lines if line.move in moves]

    def takers(self, what: str) -> set[str]:
        return {getattr(line, what) for line in self.of("accept", "report_handled")}

    @property
    def handling_clock(self) -> dict[str, Any] | None:
        lines = [*self.lines[1:], *([self.next] if self.next else [])]
        told = [c for line in lines for c in line.data.get("clocks", ()) if c["kind"] == "handling"]
        told = [
            c for c in told if c["due_at"]
        ]  # without one it stood still before, and was told of then
        return told[-1] if told else None

    @property
    def done(self) -> datetime | None:
        """Handed back as handled, and nobody asked for it again."""
        last = [line for line in self.lines if line.move in {"report_handled", "rework", "reopen"}]
        return last[-1].at if last and last[-1].move == "report_handled" else None

    @property
    def returned(self) -> bool:
        return bool(self.of("send_back", "reopen"))

    def settled(self) -> tuple[str, datetime] | None:
        """on_time or overdue, and since when that is known."""
        clock = self.handling_clock
        running = self.story.due_at if self.current and not self.returned else None
        due = datetime.fromisoformat(clock["due_at"]) if clock else running
        if self.done:
            if clock is None and due is None:
                return None
            late = clock["overdue"] if clock else self.done > (due or self.done)
            return ("overdue", due or self.done) if late else ("on_time", self.done)
        if running is not None and self.story.state not in {"closed", "void"}:
            return ("overdue", running) if running < self.now else None
        return ("overdue", due) if clock and clock["overdue"] and due else None


@dataclass
class Appeal:
    """What a department said against what is held against it, and whether it was upheld."""

    line: Step
    number: int
    """Of the spell it is about: the last its department had by then."""
    about: set[str]
    upheld: bool = False
    waits: bool = True


def _decide(found: list[Appeal], one: Appeal, *, upheld: bool) -> None:
    one.upheld |= upheld
    for same in (a for a in found if a.number == one.number):
        same.waits = False


class Life:
    """What may be asked of an incident before one subject: the whole of it, or the spells and moves that were somebody's."""

    def __init__(self, story: Story, now: datetime) -> None:
        self.story, self.lines = story, story.steps
        starts = [n for n, line in enumerate(self.lines) if line.move in _DISPATCHES]
        ends = [*starts[1:], len(self.lines)]
        self.spells = [
            Spell(
                self.lines[a:b],
                next(iter(self.lines[b : b + 1]), None),
                b == len(self.lines),
                story,
                now,
            )
            for a, b in zip(starts, ends, strict=False)
        ]

        self.appeals = self._appeals()

    def at(self, *moves: str) -> list[Step]:
        return [line for line in self.lines if line.move in moves]

    def _appeals(self) -> list[Appeal]:
        found: list[Appeal] = []
        had: list[str] = []
        for line in self.lines:
            if line.move in _DISPATCHES:
                had.append(line.data["department"])
            whose = line.data.get("for")
            if line.move == "appeal" and had:
                last = [n for n, name in enumerate(had) if whose in {None, name}][-1]
                found.append(Appeal(line, last, set(line.data.get("about", ()))))
            said = [a for a in found if a.line.data.get("for") == whose][-1:]
            if line.move == "review" and line.data.get("outcome") and said:
                _decide(found, said[0], upheld=line.data["outcome"] == "upheld")
        if self.story.upheld and found:  # from before each department had its own
            newest = max(found, key=lambda a: a.number)
            newest.about = {"overdue"}
            _decide(found, newest, upheld=True)
        return found

    @property
    def answer(self) -> int:
        given = [line.data.get("given", {}).get("satisfaction") for line in self.lines]
        good = [g for g in given if isinstance(g, int) and 1 <= g <= 5]
        return good[-1] if good else 0

    @property
    def acceptance(self) -> dict[str, Any] | None:
        told = [
            c
            for line in self.lines
            for c in line.data.get("clocks", ())
            if c["kind"] == "acceptance"
        ]
        return told[-1] if told else None

    @property
    def closed_stands(self) -> str | None:
        last = [
            x
            for x in self.lines
            if x.move in {"close", "close_by_order", "self_close", "reopen", "rework"}
        ]
        return last[-1].move if last and "close" in last[-1].move else None


@dataclass
class View:
    """One subject's: lines it made (or all), spells that are its (or all), whether it is who has it now."""

    life: Life
    made: Callable[[Step], bool]
    spells: list[Spell]
    settling: list[Spell]
    responsible: bool
    all_of_it: bool

    def first(self, *moves: str) -> datetime | None:
        found = [line.at for line in self.life.at(*moves) if self.made(line)]
        return min(found) if found else None

    def last(self, *moves: str) -> datetime | None:
        found = [line.at for line in self.life.at(*moves) if self.made(line)]
        return max(found) if found else None

    def any(self, *moves: str) -> bool:
        return any(spell.of(*moves) for spell in self.spells)

    @property
    def appeals(self) -> list[Appeal]:
        return [a for a in self.life.appeals if self.life.spells[a.number] in self.spells]

    @property
    def excused(self) -> bool:
        """An appeal was upheld against being late the last time."""
        last = [a for a in self.appeals if self.life.spells[a.number] is self.spells[-1]]
        return any(a.upheld and a.about & {"overdue", "anything"} for a in last)

    @property
    def reworked(self) -> bool:
        """Done again, and no appeal upheld against that."""
        for spell in (s for s in self.spells if s.of("rework")):
            taken_back = [
                a for a in self.life.appeals
                if a.upheld and a.about & {"rework", "anything"}
                and self.life.spells[a.number].department == spell.department
                and self.life.spells.index(spell) <= a.number
            ]  # fmt: skip
            if not taken_back:
                return True
        return False


def _moments(view: View) -> dict[str, datetime | None]:
    life = view.life
    first_line = life.lines[0]
    accepted = life.at("confirm", "open")[:1]
    opened = life.at("open")[:1]
    settled = view.settling[-1].settled() if view.settling else None
    return {
        "reported": first_line.at if view.made(first_line) else None,
        "accepted": accepted[0].at if accepted and view.made(accepted[0]) else None,
        "opened": opened[0].at if opened and view.made(opened[0]) else None,
        "dispatched": view.first(*_DISPATCHES),
        "handled": view.last("report_handled"),
        "verified": view.last("verified"),
        "settled": settled[1] if settled else None,
        "closed": view.last("close", "close_by_order", "self_close"),
        "urged": view.first("urge"),
        "sent_back": view.first("send_back"),
        "reworked": view.first("rework"),
        "appealed": view.first("appeal"),
    }


def _figures(view: View) -> dict[str, tuple[datetime | None, int]]:
    """Figure -> the moment it counts at (None: it does not count), and what it adds up."""
    life, m = view.life, _moments(view)
    moves = {line.move for line in life.lines}
    last = view.spells[-1] if view.spells else None
    settled = last.settled() if last else None
    outcome = settled[0] if settled else None
    done = bool(last and last.done)
    redispatched = any(
        a in view.spells and a.department != b.department
        for a, b in zip(life.spells, life.spells[1:], strict=False)
    )
    suspended_now = bool(last and last.current and life.story.state == "suspended")
    closed = life.closed_stands if view.responsible else None
    clock = view.settling[-1].handling_clock if view.settling else None
    used = _last_used(view.settling[-1]) if view.settling else None
    out = view.excused or suspended_now
    urged = "urge" in moves if view.all_of_it else view.any("urge")
    accepted_clock = life.acceptance

    def when(moment: str, condition: object = True) -> tuple[datetime | None, int]:
        return (m[moment] if condition else None), 0

    assert clock is None or used is not None
    return {
        "reported": when("reported"),
        "reported_accepted": when("reported", moves & {"confirm", "open"}),
        "reported_opened": when("reported", "open" in moves),
        "reported_voided": when("reported", "void" in moves),
        "accepted": when("accepted"),
        "accepted_timed": (
            m["accepted"] if accepted_clock else None,
            round((accepted_clock or {}).get("used_s", 0)),
        ),
        "accepted_in_time": when("accepted", accepted_clock and not accepted_clock["overdue"]),
        "opened": when("opened"),
        "opened_public": when("opened", life.story.public),
        "opened_dispatched": when("opened", view.spells),
        "opened_closed": when("opened", closed),
        "dispatched": when("dispatched"),
        "dispatched_accurately": when("dispatched", not view.any("send_back") and not redispatched),
        "dispatched_sent_back": when("dispatched", view.any("send_back")),
        "dispatched_redispatched": when("dispatched", redispatched),
        "dispatched_urged": when("dispatched", urged),
        "dispatched_suspended": when(
            "dispatched", any(x.to_state == "suspended" for s in view.spells for x in s.lines)
        ),
        "dispatched_extended": when(
            "dispatched",
            any(
                x.move == "grant" and x.to_state != "suspended"
                for s in view.spells
                for x in s.lines
            ),
        ),
        "sent_back": when("sent_back"),
        "handled": when("handled"),
        "handled_timed": (m["handled"] if used is not None else None, used or 0),
        "handled_reworked": when("handled", view.reworked),
        "reworked": when("reworked"),
        "verified": when("verified"),
        "due": when("settled", not out),
        "due_handled": when("settled", not out and done),
        "due_on_time": when("settled", not out and outcome == "on_time"),
        "due_late": when("settled", not out and outcome == "overdue" and done),
        "due_unhandled": when("settled", not out and outcome == "overdue" and not done),
        "overdue": when("settled", not out and outcome == "overdue"),
        "overdue_all": when("settled", outcome == "overdue"),
        "due_closed": when("settled", not out and closed),
        "due_closed_on_time": when("settled", not out and closed and outcome == "on_time"),
        "closed": when("closed", closed),
        "closed_by_order": when("closed", closed == "close_by_order"),
        "closed_by_itself": when("closed", closed == "self_close"),
        "closed_appealed": when("closed", closed and view.appeals),
        "closed_reopened": when("closed", closed and "reopen" in moves),
        "urged": when("urged"),
        "appealed": when("appealed"),
        "upheld": when("appealed", any(a.upheld for a in view.appeals)),
        "appeal_waiting": when("appealed", any(a.waits for a in view.appeals)),
        "answered": (m["closed"] if closed and life.answer else None, life.answer),
        "satisfied": when("closed", closed and life.answer >= 4),
    }


def _last_used(spell: Spell) -> int | None:
    clock = spell.handling_clock
    return None if clock is None else round(clock["used_s"])


def _views(life: Life) -> dict[tuple[str, str], View]:
    """Everybody the incident counts before, the whole of it under the group `incident`."""
    everything = View(life, lambda _: True, life.spells, life.spells, True, True)
    found = {("incident", ""): everything}
    for name in {s.department for s in life.spells}:
        own = [s for s in life.spells if s.department == name]
        has_it = own[-1] is life.spells[-1]
        found["department", name] = View(
            life, _of_department(life, name, has_it), own, own, has_it, False
        )
    for group, what in (("post", "role"), ("person", "by")):
        names = {
            getattr(line, what)
            for line in life.lines
            if line.move in _COUNTED or line is life.lines[0]
        }
        for name in names - ({"system"} if group == "person" else set()):
            own = [
                s
                for s in life.spells
                if getattr(s.lines[0], what) == name or name in s.takers(what)
            ]
            took = [s for s in own if name in s.takers(what)]
            mine = _made_by(what, name)
            found[group, name] = View(life, mine, own or life.spells, took, True, not own)
    return found


_COUNTED = {*_DISPATCHES, "open", "confirm", "accept", "report_handled", "verified", "close", "close_by_order", "self_close", "urge",
            "send_back", "rework", "appeal"}  # fmt: skip


def _made_by(what: str, name: str) -> Callable[[Step], bool]:
    return lambda line: getattr(line, what) == name


def _of_department(life: Life, name: str, has_it: bool) -> Callable[[Step], bool]:
    mine = [line for spell in life.spells if spell.department == name for line in spell.lines]
    general = {"report", "confirm", "open", "verified", "close", "close_by_order", "self_close"}

    def made(line: Step) -> bool:
        if line.move in general:
            return has_it
        if line.move == "appeal" and "for" in line.data:
            return bool(line.data["for"] == name)
        return any(line is one for one in mine)

    return made


def counted(stories: Sequence[Story], now: datetime) -> Counted:
    """Everything counted, by group, code and figure; groups as the API names them, and `all`."""
    found: Counted = defaultdict(list)
    for number, story in enumerate(stories):
        if story.merged:
            continue
        for (group, code), view in _views(Life(story, now)).items():
            for key, (at, value) in _figures(view).items():
                if at is None:
                    continue
                day = at.astimezone(ZONE).date()
                for name, label in _groups(story, group, code):
                    found[name, label, key].append((number, day, value))
    return found


def _groups(story: Story, group: str, code: str) -> list[tuple[str, str]]:
    if group != "incident":
        return [(group, code)]
    district, street, community = story.place
    head, _, tail = story.category.rpartition("/")
    return [
        ("all", ""), ("district", district), ("street", street), ("community", community),
        ("class", story.category), ("major", f"{head}/{tail[:2]}"),
    ]  # fmt: skip
