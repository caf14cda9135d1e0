"""How far the calendar is known, and whether somebody has to act: from 1 November next year's notice is asked for.

The State Council announces a year's holidays and make-up days in the November before; nobody can know them earlier.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from incidents.calendar import WorkingCalendar

ASKED_FROM_MONTH = 11


class Urgency(StrEnum):
    """Good: known as far as needed. Soon: next year is missing. Over: not even today is confirmed."""

    GOOD = "good"
    SOON = "soon"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an operator is to know; `missing` are the years without confirmed days, up to where they are needed."""

    urgency: Urgency
    confirmed_until: date | None
    missing: tuple[int, ...]

    @property
    def zh(self) -> str:
        """One sentence, and what to do."""
        if self.urgency is Urgency.GOOD:
            return f"工作日历已确认到 {self.confirmed_until}"
        years = "、".join(map(str, self.missing))
        until = f"只确认到 {self.confirmed_until}" if self.confirmed_until else "尚未确认"
        since = "现在起" if self.urgency is Urgency.OVER else "跨过这一天"
        return (
            f"工作日历{until}，缺 {years} 年放假调休安排；{since}的工作时、工作日到期时间都是暂定的。"
            f"通知发布后：python -m incidents calendar import，再 calendar confirm"
        )

    @property
    def en(self) -> str:
        """The same."""
        if self.urgency is Urgency.GOOD:
            return f"the calendar is confirmed until {self.confirmed_until}"
        years = ", ".join(map(str, self.missing))
        until = f"only until {self.confirmed_until}" if self.confirmed_until else "for no day"
        since = "from now on" if self.urgency is Urgency.OVER else "beyond that day"
        return (
            f"the calendar is confirmed {until}, {years} missing; deadlines in working time {since} are provisional. "
            f"Once the notice is out: python -m incidents calendar import, then calendar confirm"
        )


def outlook(calendar: WorkingCalendar, now: datetime) -> Outlook:
    """How it stands at an instant: this year has to be known, and from November on the next one."""
    today = now.astimezone(calendar.zone).date()
    last = today.year + 1 if today.month >= ASKED_FROM_MONTH else today.year
    known = calendar.confirmed_until
    if known is not None and known >= date(last, 12, 31):
        return Outlook(Urgency.GOOD, known, ())
    first = today.year
    if known is not None and known >= date(today.year, 12, 31):
        first = today.year + 1
    over = known is None or known < today
    years = tuple(range(first, last + 1))
    return Outlook(Urgency.OVER if over else Urgency.SOON, known, years)
