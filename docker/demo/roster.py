"""The demo's posts and its roster 值班表: who sits at the desk and who walks which street, by day and by night.

Accounts are named after posts; nobody in it is a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from demo.city import City
from incidents.duty import Duty
from incidents.lifecycle import Role
from incidents.postgres import duty_store
from incidents.postgres.connection import Connection

AUTHOR = "demo"
DAYS_AHEAD = 31
DAY, NIGHT = time(8), time(20)

POSTS = (
    duty_store.Post("L1", "值班长席", Role.SHIFT_LEAD),
    duty_store.Post("D1", "一号派遣席", Role.DISPATCHER),
    duty_store.Post("D2", "二号派遣席", Role.DISPATCHER),
    duty_store.Post("I1", "一号受理席", Role.INTAKE_OFFICER),
    duty_store.Post("I2", "二号受理席", Role.INTAKE_OFFICER),
)
SEATED = {
    "lead": "L1",
    "dispatcher": "D1",
    "intake": "I1",
    "lead-2": "L1",
    "dispatcher-2": "D2",
    "intake-2": "I2",
}
"""Who takes which seat; those with a 2 have the night."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One account of the roster: its role, and the area it walks."""

    account: str
    role: Role
    area: str | None = None


def plan(conn: Connection, city: City, turns: Iterable[Turn], now: datetime) -> int:
    """Keep posts and a month of duties from yesterday on; how many. Again on the same day it changes nothing."""
    for post in POSTS:
        duty_store.put_post(conn, post)
    today = now.astimezone(ZoneInfo(city.time_zone)).date()
    days = [today + timedelta(days=n) for n in range(-1, DAYS_AHEAD)]
    everybody = list(turns)
    duties = [duty for day in days for duty in of_day(city, everybody, day)]
    return len(duty_store.plan(conn, duties, AUTHOR, now))


def of_day(city: City, turns: Iterable[Turn], day: date) -> Iterator[Duty]:
    """The duties that begin on a day: departments round the clock, streets by day, districts by night."""
    zone = ZoneInfo(city.time_zone)
    morning, evening, next_morning = (
        datetime.combine(on, at, zone)
        for on, at in ((day, DAY), (day, NIGHT), (day + timedelta(days=1), DAY))
    )
    for turn in turns:
        if turn.role is Role.DEPARTMENT or (
            turn.role is Role.INSPECTOR and not city.edition.responsible
        ):
            begins, ends = morning, next_morning
        elif _by_night(turn):
            begins, ends = evening, next_morning
        else:
            begins, ends = morning, evening
        yield Duty(
            account=turn.account,
            role=turn.role,
            begins=begins,
            ends=ends,
            area=turn.area,
            responsible=_grids(city, turn),
            post=SEATED.get(turn.account),
        )


def _by_night(turn: Turn) -> bool:
    """The second seats, and the inspectors of whole districts; those of streets walk by day."""
    if turn.role is Role.INSPECTOR:
        return len(turn.area or "") == 6
    return turn.account.endswith("-2")


def _grids(city: City, turn: Turn) -> tuple[str, ...]:
    """The responsible grids of the street an inspector walks."""
    if turn.role is not Role.INSPECTOR or len(turn.area or "") != 9:
        return ()
    return tuple(code for code in city.edition.responsible if code.startswith(turn.area or ""))
