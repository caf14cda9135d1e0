"""What an incident counts as: its history folded into scores, one for each subject it counts before and month.

A fold, so that the same history gives the same scores at any time; `now` matters only for a deadline that passed
without anybody doing anything. 一案一主体一次: whoever had it twice is counted once. A merged child counts nowhere.
A moment belongs to who made the move; whether in time (SETTLED) to the department and those of it who took or handled it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from incidents.evaluation import NO_FLAGS, SATISFIED_FROM, Axis, Flag, Moment, Score, packed


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the history, as much of it as is evaluated."""

    at: datetime
    move: str
    by: str
    role: str
    department: str | None
    to_state: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """What is read of the incident itself: where it stands now; `due_at` is its handling clock's while that runs."""

    state: str
    due_at: datetime | None
    merged: bool = False
    public: bool = False
    upheld: bool = False


@dataclass(slots=True)
class _Spell:
    """The time a department had it, from 派遣 to whoever had it next."""

    department: str
    persons: set[str] = field(default_factory=set)
    posts: set[str] = field(default_factory=set)
    moments: dict[Moment, datetime] = field(default_factory=dict)
    flags: Flag = Flag.DISPATCHED
    returned: bool = False
    clock_due: datetime | None = None
    clock_overdue: bool | None = None
    handling_s: int | None = None


@dataclass(slots=True)
class _Course:
    """What the fold knows so far."""

    moments: dict[Moment, datetime] = field(default_factory=dict)
    makers: dict[Moment, list[tuple[datetime, str, str]]] = field(default_factory=dict)
    flags: Flag = NO_FLAGS
    spells: list[_Spell] = field(default_factory=list)
    dispatchers: list[tuple[str, str]] = field(default_factory=list)  # of each spell: person, post
    acceptance_s: int | None = None
    satisfaction: int = 0

    @property
    def spell(self) -> _Spell | None:
        return self.spells[-1] if self.spells else None


@dataclass(slots=True)
class _Subject:
    """What a subject counts for, gathered before it is cut into months."""

    moments: dict[Moment, datetime] = field(default_factory=dict)
    flags: Flag = NO_FLAGS
    handling_s: int | None = None

    def first(self, moment: Moment, at: datetime) -> None:
        self.moments[moment] = min(at, self.moments.get(moment, at))

    def last(self, moment: Moment, at: datetime) -> None:
        self.moments[moment] = max(at, self.moments.get(moment, at))

    def take(self, moment: Moment, at: datetime) -> None:
        (self.last if moment in _LAST else self.first)(moment, at)


_LAST = frozenset({Moment.HANDLED, Moment.VERIFIED, Moment.CLOSED, Moment.SETTLED})
_OF_SPELLS = (
    Flag.SENT_BACK | Flag.REDISPATCHED | Flag.REWORKED | Flag.URGED | Flag.APPEALED | Flag.UPHELD
    | Flag.SUSPENDED | Flag.EVER_SUSPENDED | Flag.EXTENDED | Flag.ON_TIME | Flag.OVERDUE | Flag.DISPATCHED
    | Flag.HANDLED
)  # fmt: skip
_OF_THE_LAST = Flag.ON_TIME | Flag.OVERDUE | Flag.HANDLED | Flag.SUSPENDED
"""Of several spells of one subject the last decides; everything else stays true once it was."""
_OF_WHO_HAS_IT = Flag.CLOSED | Flag.VERIFIED | Flag.BY_ORDER | Flag.BY_ITSELF | Flag.REOPENED
_RESPONSIBLE = (Moment.REPORTED, Moment.ACCEPTED, Moment.OPENED, Moment.VERIFIED, Moment.CLOSED)


def scores(case: Case, history: Sequence[Step], now: datetime, zone: ZoneInfo) -> list[Score]:
    """The scores of an incident by its whole history, oldest line first; days are the zone's."""
    if case.merged or not history:
        return []
    course = _folded(case, history)
    for spell in course.spells:
        _settle(spell, case, now, current=spell is course.spell)
    found = {
        (Axis.INCIDENT, ""): _whole(course),
        **_departments(course),
        **_makers(course, Axis.POST, 2),
        **_makers(course, Axis.PERSON, 1),
    }
    return [
        score
        for (axis, name), subject in found.items()
        for score in _months(axis, name, subject, course, zone)
    ]


def _folded(case: Case, history: Sequence[Step]) -> _Course:
    course = _Course(flags=Flag.PUBLIC if case.public else NO_FLAGS)
    for number, step in enumerate(history):
        if number == 0:
            _mark(course, Moment.REPORTED, step)
        _READ.get(step.move, _nothing)(course, step)
        _read_clocks(course, step)
        _read_answer(course, step)
        if step.to_state == "suspended" and course.spell:
            course.spell.flags |= Flag.EVER_SUSPENDED
    if case.state == "suspended" and course.spell:
        course.spell.flags |= Flag.SUSPENDED
    if case.upheld and course.spell:
        owner = next((s for s in reversed(course.spells) if Flag.APPEALED & s.flags), course.spell)
        owner.flags |= Flag.UPHELD
    return course


def _mark(course: _Course, moment: Moment, step: Step) -> None:
    """The moment fell: for the incident, and for who made the move."""
    if moment in _LAST or moment not in course.moments:
        course.moments[moment] = step.at
    course.makers.setdefault(moment, []).append((step.at, step.by, step.role))


def _nothing(course: _Course, step: Step) -> None:
    """A move that evaluation does not ask about."""


def _accepted(course: _Course, step: Step) -> None:
    if Moment.ACCEPTED not in course.moments:
        _mark(course, Moment.ACCEPTED, step)
    course.flags |= Flag.ACCEPTED


def _opened(course: _Course, step: Step) -> None:
    _accepted(course, step)
    if Moment.OPENED not in course.moments:
        _mark(course, Moment.OPENED, step)
    course.flags |= Flag.OPENED


def _voided(course: _Course, _: Step) -> None:
    course.flags |= Flag.VOIDED


def _dispatched(course: _Course, step: Step) -> None:
    department = step.data.get("department") or step.data.get("receiver")
    if not department:
        return
    before = course.spell
    if before is not None and before.department != department:
        before.flags |= Flag.REDISPATCHED
    spell = _Spell(str(department))
    spell.moments[Moment.DISPATCHED] = step.at
    _mark(course, Moment.DISPATCHED, step)
    course.spells.append(spell)
    course.dispatchers.append((step.by, step.role))


def _taken(course: _Course, step: Step) -> None:
    if course.spell:
        course.spell.persons.add(step.by)
        course.spell.posts.add(step.role)


def _sent_back(course: _Course, step: Step) -> None:
    _of_spell(course, step, Moment.SENT_BACK, Flag.SENT_BACK)
    if course.spell:
        course.spell.returned = True


def _handled(course: _Course, step: Step) -> None:
    _taken(course, step)
    _of_spell(course, step, Moment.HANDLED, Flag.HANDLED)


def _verified(course: _Course, step: Step) -> None:
    _mark(course, Moment.VERIFIED, step)
    course.flags |= Flag.VERIFIED


def _reworked(course: _Course, step: Step) -> None:
    _of_spell(course, step, Moment.REWORKED, Flag.REWORKED)
    _undone(course)


def _undone(course: _Course) -> None:
    course.flags &= ~(Flag.VERIFIED | Flag.CLOSED | Flag.BY_ORDER | Flag.BY_ITSELF)
    if course.spell:
        course.spell.flags &= ~Flag.HANDLED


def _closed(course: _Course, step: Step) -> None:
    _mark(course, Moment.CLOSED, step)
    course.flags |= Flag.CLOSED
    if step.move == "close_by_order":
        course.flags |= Flag.BY_ORDER
    if step.move == "self_close":
        course.flags |= Flag.BY_ITSELF


def _reopened(course: _Course, _: Step) -> None:
    _undone(course)
    course.flags |= Flag.REOPENED


def _urged(course: _Course, step: Step) -> None:
    _of_spell(course, step, Moment.URGED, Flag.URGED)


def _appealed(course: _Course, step: Step) -> None:
    _of_spell(course, step, Moment.APPEALED, Flag.APPEALED)


def _granted(course: _Course, step: Step) -> None:
    if course.spell and step.to_state != "suspended":
        course.spell.flags |= Flag.EXTENDED


def _of_spell(course: _Course, step: Step, moment: Moment, flag: Flag) -> None:
    """A moment of the incident, of its maker, and of the department that has it."""
    _mark(course, moment, step)
    spell = course.spell
    if spell is None:
        course.flags |= flag
        return
    spell.flags |= flag
    if moment in _LAST or moment not in spell.moments:
        spell.moments[moment] = step.at


_READ: Mapping[str, Callable[[_Course, Step], None]] = {
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
    "grant": _granted,
}


def _read_clocks(course: _Course, step: Step) -> None:
    """`data.clocks`: every clock the move stopped or paused, with what it used."""
    for clock in step.data.get("clocks") or ():
        kind, used = clock.get("kind"), clock.get("used_s")
        if kind == "acceptance" and course.acceptance_s is None and used is not None:
            course.acceptance_s = round(used)
            course.flags |= Flag.ACCEPTED_LATE if clock.get("overdue") else NO_FLAGS
        spell = course.spell
        if kind != "handling" or spell is None:
            continue
        due = clock.get("due_at")
        spell.clock_due = datetime.fromisoformat(due) if isinstance(due, str) else spell.clock_due
        spell.clock_overdue = bool(clock.get("overdue"))
        spell.handling_s = spell.handling_s if used is None else round(used)


def _read_answer(course: _Course, step: Step) -> None:
    """`satisfaction` 1–5 in a line's data, or in what its maker gave with it; the newest answer holds."""
    given = step.data.get("given")
    answer = step.data.get("satisfaction")
    if answer is None and isinstance(given, Mapping):
        answer = given.get("satisfaction")
    if isinstance(answer, int) and not isinstance(answer, bool) and 1 <= answer <= 5:
        course.satisfaction = answer


def _settle(spell: _Spell, case: Case, now: datetime, *, current: bool) -> None:
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


def _whole(course: _Course) -> _Subject:
    whole = _Subject(dict(course.moments), course.flags | _flags(course.spells))
    if course.spells:
        _take_settled(whole, course.spells)
    return whole


def _flags(spells: Sequence[_Spell]) -> Flag:
    found = NO_FLAGS
    for spell in spells:
        found = (found & ~_OF_THE_LAST) | spell.flags
    return found


def _departments(course: _Course) -> dict[tuple[Axis, str], _Subject]:
    found: dict[tuple[Axis, str], _Subject] = {}
    for name in dict.fromkeys(s.department for s in course.spells):
        own = [s for s in course.spells if s.department == name]
        responsible = own[-1] is course.spell
        subject = _Subject(flags=_common(course, own, responsible=responsible))
        _take_spells(subject, own)
        if responsible:
            for moment in _RESPONSIBLE:
                if moment in course.moments:
                    subject.take(moment, course.moments[moment])
        found[Axis.DEPARTMENT, name] = subject
    return found


def _common(course: _Course, own: Sequence[_Spell], *, responsible: bool) -> Flag:
    base = course.flags & ~_OF_SPELLS
    return (base if responsible else base & ~_OF_WHO_HAS_IT) | _flags(own)


def _take_spells(subject: _Subject, own: Sequence[_Spell]) -> None:
    for spell in own:
        for moment, at in spell.moments.items():
            if moment is not Moment.SETTLED:
                subject.take(moment, at)
    _take_settled(subject, own)


def _take_settled(subject: _Subject, own: Sequence[_Spell]) -> None:
    """Of several spells the last says whether in time, and how long it took."""
    subject.handling_s = own[-1].handling_s
    if Moment.SETTLED in own[-1].moments:
        subject.moments[Moment.SETTLED] = own[-1].moments[Moment.SETTLED]


def _makers(course: _Course, axis: Axis, place: int) -> dict[tuple[Axis, str], _Subject]:
    """Posts (place 2) or persons (place 1) and what counts for them; the system holds a post and is no person."""
    found: dict[str, _Subject] = {}
    for moment, made in course.makers.items():
        for entry in made:
            found.setdefault(str(entry[place]), _Subject()).take(moment, entry[0])
    for spell in course.spells:
        for name in _takers(spell, place):
            found.setdefault(name, _Subject())
    for name, subject in found.items():
        own = [s for n, s in enumerate(course.spells) if name in _held_by(course, n, place)]
        base = course.flags & ~_OF_SPELLS if own else course.flags
        subject.flags = base | _flags(own or course.spells)
        took = [s for s in own if name in _takers(s, place)]
        if took:
            _take_settled(subject, took)
    if axis is Axis.PERSON:
        found.pop("system", None)
    return {(axis, name): subject for name, subject in found.items()}


def _takers(spell: _Spell, place: int) -> set[str]:
    return spell.posts if place == 2 else spell.persons


def _held_by(course: _Course, number: int, place: int) -> set[str]:
    return {course.dispatchers[number][place - 1]} | _takers(course.spells[number], place)


def _months(
    axis: Axis, name: str, subject: _Subject, course: _Course, zone: ZoneInfo
) -> Iterable[Score]:
    months: dict[date, dict[Moment, int]] = {}
    for moment, at in subject.moments.items():
        day = at.astimezone(zone).date()
        months.setdefault(day.replace(day=1), {})[moment] = day.day
    handling, acceptance = subject.handling_s, course.acceptance_s
    flags = subject.flags
    flags |= NO_FLAGS if handling is None else Flag.TIMED
    flags |= NO_FLAGS if acceptance is None else Flag.ACCEPTANCE_TIMED
    flags |= Flag.ANSWERED if course.satisfaction else NO_FLAGS
    flags |= Flag.SATISFIED if course.satisfaction >= SATISFIED_FROM else NO_FLAGS
    for month, days in months.items():
        yield Score(
            axis,
            name,
            month,
            packed(days),
            flags,
            handling or 0,
            acceptance or 0,
            course.satisfaction,
        )
