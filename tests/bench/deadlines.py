"""How long a deadline takes against walking the calendar day by day: `python -m tests.bench.deadlines`.

The desk reckons one or two in every move; the aim is under 50 µs for five working days. Every method takes its turn in
each round: trust the ratios. Seconds are those of the processor in this thread.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from statistics import median

from incidents import clocks
from incidents.calendar import TimeLimit, Unit, WorkingCalendar
from tests.incidents.calendars import MARKET, here, plainly_worked, the_seed

ROUNDS, EACH = 7, 300
AT = here("2026-11-24 10:17")


def walking(calendar: WorkingCalendar, at: datetime, days: int) -> datetime:
    """The plain way: one day after the other until the working days are used, then the moment within the last."""
    begin, used = at, Fraction(0)
    while True:
        end = begin + timedelta(days=1)
        more = plainly_worked(calendar, begin, end, MARKET)[1]
        if used + more >= days:
            return end
        begin, used = end, used + more


def methods(calendar: WorkingCalendar) -> dict[str, Callable[[], object]]:
    """What is measured, by what is printed."""
    five, sixty = TimeLimit(5, Unit.WORK_DAY), TimeLimit(60, Unit.WORK_DAY)
    hours = TimeLimit(4, Unit.WORK_HOUR)
    clock = clocks.begin("handling", five, AT, calendar, MARKET)
    paused = clocks.pause(clock, AT + timedelta(days=1), "回退", calendar)
    later = AT + timedelta(days=3)
    return {
        "add 5 work_day": lambda: calendar.add(AT, five, MARKET),
        "add 60 work_day": lambda: calendar.add(AT, sixty, MARKET),
        "add 4 work_hour": lambda: calendar.add(AT, hours, MARKET),
        "used over 30 days": lambda: calendar.used(
            AT, AT + timedelta(days=30), Unit.WORK_DAY, MARKET
        ),
        "clock begun": lambda: clocks.begin("handling", five, AT, calendar, MARKET),
        "clock resumed": lambda: clocks.resume(paused, later, "改派", calendar),
        "clock explained, 7 days": lambda: clocks.explain(clock, AT + timedelta(days=7), calendar),
        "walking 5 work_day": lambda: walking(calendar, AT, 5),
        "walking 60 work_day": lambda: walking(calendar, AT, 60),
    }


def main() -> None:
    """Print microseconds of each, one JSON object a line."""
    measured = methods(the_seed())
    taken: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(ROUNDS):
        for name, method in measured.items():
            times = EACH // 10 if name.startswith("walking") else EACH
            began = time.thread_time()
            for _ in range(times):
                method()
            taken[name].append((time.thread_time() - began) / times * 1e6)
    for name, micros in taken.items():
        print(json.dumps({"what": name, "us": round(median(micros), 1)}))


if __name__ == "__main__":
    main()
