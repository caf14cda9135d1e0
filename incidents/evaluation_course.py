"""The course of an incident as evaluation reads it: its history folded into moments, who made them, and spells.

A spell is the time a department had it. What it counts as is `incidents.evaluation_score`'s question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from incidents.evaluation import Flag, Moment

LAST = frozenset({Moment.HANDLED, Moment.VERIFIED, Moment.CLOSED, Moment.SETTLED})
"""Of these the last counts, of the other moments the first."""


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the history, as much of it as is evaluated; `seat` is where the roster had its maker sit then 岗位."""

    at: datetime
    move: str
    by: str
    role: str
    department: str | None
    to_state: str
    data: Mapping[str, Any] = field(default_factory=dict)
    seat: str | None = None

    @property
    def maker(self) -> Maker:
        """Who made it, in which role, on which seat."""
        return self.by, self.role, self.seat


Maker = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class Case:
    """What is read of the incident itself: where it stands now; `due_at` is its handling clock's while that runs.

    `upheld` is of an appeal from before each department had its own: later ones the history tells.
    """

    state: str
    due_at: datetime | None
    merged: bool = False
    public: bool = False
    upheld: bool = False


@dataclass(slots=True, eq=False)
class Spell:
    """The time a department had it, from 派遣 to whoever had it next."""

    department: str
    persons: set[str] = field(default_factory=set)
    posts: set[str] = field(default_factory=set)
    seats: set[str] = field(default_factory=set)
    moments: dict[Moment, datetime] = field(default_factory=dict)
    flags: int = Flag.DISPATCHED
    returned: bool = False
    clock_due: datetime | None = None
    clock_overdue: bool | None = None
    handling_s: int | None = None


@dataclass(slots=True)
class Course:
    """What the fold knows so far."""

    moments: dict[Moment, datetime] = field(default_factory=dict)
    makers: dict[Moment, list[tuple[datetime, Maker]]] = field(default_factory=dict)
    flags: int = 0
    spells: list[Spell] = field(default_factory=list)
    dispatchers: list[Maker] = field(default_factory=list)  # of each spell
    appeals: dict[str | None, tuple[Spell, frozenset[str]]] = field(default_factory=dict)
    """Of which time an appeal is and against what, by whose it is; None: from before each department had its own."""
    acceptance_s: int | None = None
    satisfaction: int = 0

    @property
    def spell(self) -> Spell | None:
        """Who has it now, or had it last."""
        return self.spells[-1] if self.spells else None


def folded(case: Case, history: Sequence[Step], now: datetime) -> Course:
    """The course by the whole history, oldest line first."""
    course = Course(flags=Flag.PUBLIC if case.public else 0)
    for number, step in enumerate(history):
        if number == 0:
            _mark(course, Moment.REPORTED, step)
        _read_clocks(course, step)  # first: what a 改派 stopped is the clock of who had it
        _READ.get(step.move, _nothing)(course, step)
        _read_answer(course, step)
        if step.to_state == "suspended" and course.spell:
            course.spell.flags |= Flag.EVER_SUSPENDED
    if case.state == "suspended" and course.spell:
        course.spell.flags |= Flag.SUSPENDED
    if case.upheld and course.spell:
        owner = next((s for s in reversed(course.spells) if Flag.APPEALED & s.flags), course.spell)
        owner.flags |= Flag.UPHELD | Flag.EVER_UPHELD
        owner.flags &= ~Flag.APPEAL_WAITS
    for spell in course.spells:
        _settle(spell, case, now, current=spell is course.spell)
    return course


def _mark(course: Course, moment: Moment, step: Step) -> None:
    """The moment fell: for the incident, and for who made the move."""
    if moment in LAST or moment not in course.moments:
        course.moments[moment] = step.at
    course.makers.setdefault(moment, []).append((step.at, step.maker))


def _nothing(course: Course, step: Step) -> None:
    """A move that evaluation does not ask about."""


def _accepted(course: Course, step: Step) -> None:
    if Moment.ACCEPTED not in course.moments:
        _mark(course, Moment.ACCEPTED, step)
    course.flags |= Flag.ACCEPTED


def _opened(course: Course, step: Step) -> None:
    _accepted(course, step)
    if Moment.OPENED not in course.moments:
        _mark(course, Moment.OPENED, step)
    course.flags |= Flag.OPENED


def _voided(course: Course, _: Step) -> None:
    course.flags |= Flag.VOIDED


def _dispatched(course: Course, step: Step) -> None:
    department = step.data.get("department") or step.data.get("receiver")
    if not department:
        return
    before = course.spell
    if before is not None and before.department != department:
        before.flags |= Flag.REDISPATCHED
    spell = Spell(str(department))
    spell.moments[Moment.DISPATCHED] = step.at
    _mark(course, Moment.DISPATCHED, step)
    course.spells.append(spell)
    course.dispatchers.append(step.maker)


def _taken(course: Course, step: Step) -> None:
    if course.spell:
        course.spell.persons.add(step.by)
        course.spell.posts.add(step.role)
        course.spell.seats |= {step.seat} if step.seat else set()


def _sent_back(course: Course, step: Step) -> None:
    _of_spell(course, step, Moment.SENT_BACK, Flag.SENT_BACK)
    if course.spell:
        course.spell.returned = True


def _handled(course: Course, step: Step) -> None:
    _taken(course, step)
    _of_spell(course, step, Moment.HANDLED, Flag.HANDLED)


def _verified(course: Course, step: Step) -> None:
    _mark(course, Moment.VERIFIED, step)
    course.flags |= Flag.VERIFIED


def _reworked(course: Course, step: Step) -> None:
    _of_spell(course, step, Moment.REWORKED, Flag.REWORKED)
    _undone(course)


def _undone(course: Course) -> None:
    course.flags &= ~(Flag.VERIFIED | Flag.CLOSED | Flag.BY_ORDER | Flag.BY_ITSELF)
    if course.spell:
        course.spell.flags &= ~Flag.HANDLED


def _closed(course: Course, step: Step) -> None:
    _mark(course, Moment.CLOSED, step)
    course.flags |= Flag.CLOSED
    if step.move == "close_by_order":
        course.flags |= Flag.BY_ORDER
    if step.move == "self_close":
        course.flags |= Flag.BY_ITSELF


def _reopened(course: Course, _: Step) -> None:
    _undone(course)
    course.flags |= Flag.REOPENED
    if course.spell:
        course.spell.returned = True  # to be dispatched anew: nobody's deadline runs


def _urged(course: Course, step: Step) -> None:
    _of_spell(course, step, Moment.URGED, Flag.URGED)


def _appealed(course: Course, step: Step) -> None:
    spell = _appellant(course, step)
    _of_spell(course, step, Moment.APPEALED, Flag.APPEALED | Flag.APPEAL_WAITS, spell)
    if spell:
        about = frozenset(step.data.get("about", ("overdue",)))
        course.appeals[step.data.get("for")] = spell, about


def _reviewed(course: Course, step: Step) -> None:
    """申诉成立: of what the department appealed against, and of nobody else's."""
    appeal = course.appeals.get(step.data.get("for")) or course.appeals.get(None)
    if appeal is None or step.data.get("outcome") is None:
        return
    appeal[0].flags &= ~Flag.APPEAL_WAITS
    if step.data["outcome"] != "upheld":
        return
    spell, about = appeal
    spell.flags |= Flag.EVER_UPHELD
    if about & {"overdue", "anything"}:
        spell.flags |= Flag.UPHELD
    if about & {"rework", "anything"}:
        for own in course.spells[: course.spells.index(spell) + 1]:
            if own.department == spell.department and own.flags & Flag.REWORKED:
                own.flags |= Flag.REWORK_UPHELD


def _appellant(course: Course, step: Step) -> Spell | None:
    """The last time the department had it whose appeal it is."""
    whose = step.data.get("for")
    own = (s for s in reversed(course.spells) if s.department == whose)
    return next(own, course.spell)


def _granted(course: Course, step: Step) -> None:
    if course.spell and step.to_state != "suspended":
        course.spell.flags |= Flag.EXTENDED


def _of_spell(
    course: Course, step: Step, moment: Moment, flag: int, whose: Spell | None = None
) -> None:
    """A moment of the incident, of its maker, and of the department that has it, or `whose` it is."""
    _mark(course, moment, step)
    spell = whose or course.spell
    if spell is None:
        course.flags |= flag
        return
    spell.flags |= flag
    if moment in LAST or moment not in spell.moments:
        spell.moments[moment] = step.at


_READ: Mapping[str, Callable[[Course, Step], None]] = {
    "confirm": _accepted,
    "open": _opened,
    "void": _voided,
    "dispatch": _dispatched,
    "redispatch": _dispatched,
    "accept": _taken,
    "send_back": _sent_back,
    "report_handled": _handled,
    "verified": _verified,
    "rework": _reworked,
    "close": _closed,
    "close_by_order": _closed,
    "self_close": _closed,
    "reopen": _reopened,
    "urge": _urged,
    "appeal": _appealed,
    "review": _reviewed,
    "grant": _granted,
}


def _read_clocks(course: Course, step: Step) -> None:
    """`data.clocks`: every clock the move stopped or paused, with what it used until then."""
    for clock in step.data.get("clocks") or ():
        kind, used = clock.get("kind"), clock.get("used_s")
        if kind == "acceptance" and used is not None:
            course.acceptance_s = round(used)
            course.flags &= ~Flag.ACCEPTED_LATE
            course.flags |= Flag.ACCEPTED_LATE if clock.get("overdue") else 0
        if kind == "handling" and course.spell:
            _read_handling(course.spell, clock)


def _read_handling(spell: Spell, clock: Mapping[str, Any]) -> None:
    if spell.flags & Flag.HANDLED:
        return  # it stood still since 处置反馈; what ends the incident only says so again
    due, used = clock.get("due_at"), clock.get("used_s")
    spell.clock_due = datetime.fromisoformat(due) if isinstance(due, str) else spell.clock_due
    spell.clock_overdue = bool(clock.get("overdue"))
    spell.handling_s = spell.handling_s if used is None else round(used)


def _read_answer(course: Course, step: Step) -> None:
    """`satisfaction` 1–5 in a line's data, or in what its maker gave with it; the newest answer holds."""
    given = step.data.get("given")
    answer = step.data.get("satisfaction")
    if answer is None and isinstance(given, Mapping):
        answer = given.get("satisfaction")
    if isinstance(answer, int) and not isinstance(answer, bool) and 1 <= answer <= 5:
        course.satisfaction = answer


def _settle(spell: Spell, case: Case, now: datetime, *, current: bool) -> None:
    """Whether it was done in time, once that is known: done, or the deadline passed (time base: domain.md §1.5)."""
    running = case.due_at if current and not spell.returned else None
    done = spell.moments.get(Moment.HANDLED) if spell.flags & Flag.HANDLED else None
    due = spell.clock_due if spell.clock_due is not None else running
    if done is not None:
        late = spell.clock_overdue
        if late is None and due is not None:
            late = done > due
        if late is not None:
            spell.flags |= Flag.OVERDUE if late else Flag.ON_TIME
            spell.moments[Moment.SETTLED] = (due or done) if late else done
    elif running is not None and case.state not in _ENDED:
        if running < now:
            spell.flags |= Flag.OVERDUE
            spell.moments[Moment.SETTLED] = running
    elif spell.clock_overdue and spell.clock_due is not None:
        spell.flags |= Flag.OVERDUE
        spell.moments[Moment.SETTLED] = spell.clock_due


_ENDED = frozenset({"closed", "void"})
