"""Rehearsing routes and limits over what was sent out: by hand, a clock at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from incidents import clocks
from incidents.calendar import StageLimit, TimeLimit, Unit
from incidents.category import FilingCondition
from incidents.clocks import Clock, Stage
from incidents.decisions import Decisions
from incidents.dispatching import Route
from incidents.rehearsal_limits import Retiming
from incidents.rehearsal_routes import Rerouting, Sent
from tests.incidents.builders import CELL, LITTER, NOON, minutes, the_decisions

HOURS_2 = TimeLimit(2, Unit.URGENT_HOUR)


def decisions(*routes: Route, limit: TimeLimit | None = None) -> Decisions:
    """The demonstration city with these routes, and with one filing condition or none."""
    now = the_decisions()
    condition = FilingCondition("1", "条件", limit, "完成") if limit else None
    category = replace(
        now.categories[LITTER], conditions=(condition,) if condition else (), responsible=None
    )
    return replace(
        now,
        routes=replace(now.routes, routes=routes),
        categories={**now.categories, LITTER: category},
    )  # fmt: skip


def to(department: str, **more: Any) -> Route:
    return Route("r", (LITTER,), (), department, **more)


def sent(*of: Clock, **changes: Any) -> Sent:
    given: dict[str, Any] = {
        "number": "9901022026050100001",
        "category": LITTER,
        "condition": None,
        "areas": (CELL,),
        "source": "cam-01",
        "at": NOON,
        "department": "PS",
        "by": "system",
        "clocks": tuple(map(clocks.as_json, of)),
    }
    return Sent(**{**given, **changes})


@pytest.mark.parametrize(
    ("proposed", "changes"),
    [
        (to("PS"), []),
        (to("CG-HW"), ["department"]),
        (to("PS", automatic=True), ["automatic"]),
        (to("PS", assisting=("CG-HW",)), ["assisting"]),
        (to("PS", limit_minutes=30), ["limit"]),
    ],
)
def test_what_changes_is_said_one_by_one(proposed: Route, changes: list[str]) -> None:
    rerouting = Rerouting(decisions(proposed), decisions(to("PS")))
    lines = list(rerouting.take(sent()))
    assert [body["changes"] for _, body in lines] == ([changes] if changes else [])
    told = rerouting.summary()
    assert (told["sent"], told["changed"]) == (1, bool(changes))
    assert told["as_happened"] == (proposed.department == "PS")


def test_what_no_route_takes_is_counted_as_the_dispatchers_queue() -> None:
    rerouting = Rerouting(decisions(), decisions(to("PS")))
    ((name, line),) = rerouting.take(sent(department="CG-HW"))
    assert name == "changed"
    assert line["proposed"]["department"] is None
    assert rerouting.summary()["by_department"] == {
        "": {"proposed": 1, "present": 0, "happened": 0},
        "CG-HW": {"proposed": 0, "present": 0, "happened": 1},
        "PS": {"proposed": 0, "present": 1, "happened": 0},
    }


def handling(ran: float, paused: float, again: float, limit: TimeLimit = HOURS_2) -> Clock:
    """A clock that ran, stood still and ran again, in minutes, and was stopped."""
    calendar = the_decisions().calendar
    clock = clocks.begin(Stage.HANDLING, limit, NOON, calendar)
    clock = clocks.pause(clock, NOON + minutes(ran), "挂账", calendar)
    clock = clocks.resume(clock, NOON + minutes(ran + paused), "恢复", calendar)
    return clocks.stop(clock, NOON + minutes(ran + paused + again), "结案", calendar)


@pytest.mark.parametrize(
    ("limit_minutes", "names"),
    [(119, []), (90, []), (89, ["newly_overdue"]), (240, [])],
)
def test_the_time_it_stood_still_does_not_count(limit_minutes: int, names: list[str]) -> None:
    retiming = Retiming(decisions(to("PS", limit_minutes=limit_minutes)), NOON + minutes(1000))
    lines = list(retiming.take(sent(handling(60, 500, 30))))
    assert [name for name, _ in lines] == names
    for _, line in lines:
        assert (line["used"], line["used_s"]) == (1.5, 5400)


def test_a_limit_in_another_unit_counts_the_same_spans_in_its_own() -> None:
    over = handling(100, 10, 100)  # 12:00-15:30 at noon of the city: the lunch hours do not count
    retiming = Retiming(decisions(limit=TimeLimit(2, Unit.WORK_HOUR)), NOON + minutes(1000))
    ((name, line),) = retiming.take(sent(over))
    calendar = the_decisions().calendar
    counted = sum(
        float(calendar.used(one, one + minutes(100), Unit.WORK_HOUR).seconds)
        for one in (NOON, NOON + minutes(110))
    )
    assert (name, line["used_s"]) == ("no_longer_overdue", counted)
    assert counted < 7200
    assert retiming.summary()["by_department"] == {
        "PS": {"newly_overdue": 0, "no_longer_overdue": 1}
    }


def test_a_clock_that_runs_is_counted_until_now_and_one_without_a_limit_is_only_counted() -> None:
    calendar = the_decisions().calendar
    stage = clocks.begin(Stage.DEPARTMENT_ACCEPTANCE, TimeLimit(1, Unit.DAY), NOON, calendar)
    shorter: dict[str, StageLimit] = {
        Stage.DEPARTMENT_ACCEPTANCE: StageLimit(TimeLimit(1, Unit.URGENT_HOUR))
    }
    proposed = decisions()
    proposed = replace(proposed, calendar=replace(calendar, stages=shorter))
    for after, over in ((timedelta(minutes=59), 0), (timedelta(minutes=61), 1)):
        retiming = Retiming(proposed, NOON + after)
        lines = list(retiming.take(sent(stage, handling(1, 1, 1))))
        assert len(lines) == over
        told = retiming.summary()["by_clock"]
        assert told["department_acceptance"]["would_be_overdue"] == over
        assert told["handling"]["without_limit"] == 1
