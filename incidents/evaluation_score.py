"""What an incident counts as: its course cut into scores, one for each subject it counts before and each month.

The same history gives the same scores at any time; `now` matters only for a deadline that passed without anybody doing
anything. 一案一主体一次: whoever had it twice is counted once. A merged child counts nowhere. A moment belongs to who made
the move; whether in time (SETTLED) to the department and to those of it who took or handled it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from incidents.evaluation import SATISFIED_FROM, Axis, Flag, Moment, Score, packed
from incidents.evaluation_course import LAST, Case, Course, Spell, Step, folded


@dataclass(slots=True)
class _Subject:
    """What a subject counts for, gathered before it is cut into months."""

    moments: dict[Moment, datetime] = field(default_factory=dict)
    flags: int = 0
    handling_s: int | None = None

    def first(self, moment: Moment, at: datetime) -> None:
        self.moments[moment] = min(at, self.moments.get(moment, at))

    def last(self, moment: Moment, at: datetime) -> None:
        self.moments[moment] = max(at, self.moments.get(moment, at))

    def take(self, moment: Moment, at: datetime) -> None:
        (self.last if moment in LAST else self.first)(moment, at)


_OF_SPELLS = (
    Flag.SENT_BACK | Flag.REDISPATCHED | Flag.REWORKED | Flag.URGED | Flag.APPEALED | Flag.UPHELD
    | Flag.SUSPENDED | Flag.EVER_SUSPENDED | Flag.EXTENDED | Flag.ON_TIME | Flag.OVERDUE | Flag.DISPATCHED
    | Flag.HANDLED | Flag.EVER_UPHELD | Flag.REWORK_UPHELD | Flag.APPEAL_WAITS
)  # fmt: skip
_OF_THE_LAST = Flag.ON_TIME | Flag.OVERDUE | Flag.HANDLED | Flag.SUSPENDED | Flag.UPHELD
"""Of several spells of one subject the last decides; everything else stays true once it was."""
_OF_WHO_HAS_IT = Flag.CLOSED | Flag.VERIFIED | Flag.BY_ORDER | Flag.BY_ITSELF | Flag.REOPENED
_RESPONSIBLE = (Moment.REPORTED, Moment.ACCEPTED, Moment.OPENED, Moment.VERIFIED, Moment.CLOSED)


def scores(case: Case, history: Sequence[Step], now: datetime, zone: ZoneInfo) -> list[Score]:
    """The scores of an incident by its whole history, oldest line first; days are the zone's."""
    if case.merged or not history:
        return []
    course = folded(case, history, now)
    found = {
        (Axis.INCIDENT, ""): _whole(course),
        **_departments(course),
        **_makers(course, Axis.PERSON, 0),
        **_makers(course, Axis.POST, 1),
        **_makers(course, Axis.POST, 2),
    }
    days = {at: at.astimezone(zone).date() for at in _instants(found.values())}
    return [
        score
        for (axis, name), subject in found.items()
        for score in _months(axis, name, subject, course, days)
    ]


def _instants(subjects: Iterable[_Subject]) -> set[datetime]:
    return {at for subject in subjects for at in subject.moments.values()}


def _whole(course: Course) -> _Subject:
    whole = _Subject(dict(course.moments), course.flags | _flags(course.spells))
    if course.spells:
        _take_settled(whole, course.spells)
    return whole


def _flags(spells: Sequence[Spell]) -> int:
    found = 0
    for spell in spells:
        found = (found & ~_OF_THE_LAST) | spell.flags
    if found & Flag.REWORK_UPHELD and any(_reworked_still(spell) for spell in spells):
        found &= ~Flag.REWORK_UPHELD
    return found


def _reworked_still(spell: Spell) -> bool:
    """返工 that nobody took back: of several, one such is enough."""
    return bool(spell.flags & Flag.REWORKED) and not spell.flags & Flag.REWORK_UPHELD


def _departments(course: Course) -> dict[tuple[Axis, str], _Subject]:
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


def _common(course: Course, own: Sequence[Spell], *, responsible: bool) -> int:
    base = course.flags & ~_OF_SPELLS
    return (base if responsible else base & ~_OF_WHO_HAS_IT) | _flags(own)


def _take_spells(subject: _Subject, own: Sequence[Spell]) -> None:
    for spell in own:
        for moment, at in spell.moments.items():
            if moment is not Moment.SETTLED:
                subject.take(moment, at)
    _take_settled(subject, own)


def _take_settled(subject: _Subject, own: Sequence[Spell]) -> None:
    """Of several spells the last says whether in time, and how long it took."""
    subject.handling_s = own[-1].handling_s
    if Moment.SETTLED in own[-1].moments:
        subject.moments[Moment.SETTLED] = own[-1].moments[Moment.SETTLED]


def _makers(course: Course, axis: Axis, place: int) -> dict[tuple[Axis, str], _Subject]:
    """Who made the moves, by their place in a Maker, and what counts for them; the system holds a post and is no person."""
    found = _by_maker(course, place)
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


def _by_maker(course: Course, place: int) -> dict[str, _Subject]:
    found: dict[str, _Subject] = {}
    for moment, made in course.makers.items():
        for at, maker in made:
            name = maker[place]
            if name is not None:
                found.setdefault(name, _Subject()).take(moment, at)
    return found


def _takers(spell: Spell, place: int) -> set[str]:
    return (spell.persons, spell.posts, spell.seats)[place]


def _held_by(course: Course, number: int, place: int) -> set[str | None]:
    return {course.dispatchers[number][place], *_takers(course.spells[number], place)}


def _months(
    axis: Axis, name: str, subject: _Subject, course: Course, on: Mapping[datetime, date]
) -> Iterable[Score]:
    months: dict[tuple[int, int], dict[Moment, int]] = {}
    for moment, at in subject.moments.items():
        day = on[at]
        months.setdefault((day.year, day.month), {})[moment] = day.day
    handling, acceptance = subject.handling_s, course.acceptance_s
    flags = subject.flags
    flags |= 0 if handling is None else Flag.TIMED
    flags |= 0 if acceptance is None else Flag.ACCEPTANCE_TIMED
    flags |= Flag.ANSWERED if course.satisfaction else 0
    flags |= Flag.SATISFIED if course.satisfaction >= SATISFIED_FROM else 0
    for (year, month), days in months.items():
        yield Score(
            axis,
            name,
            date(year, month, 1),
            packed(days),
            flags,
            handling or 0,
            acceptance or 0,
            course.satisfaction,
        )
