"""Routes in their order: the first that fits, explained, and never a dead end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents import desk
from incidents.dispatching import (
    Calendar,
    Days,
    Route,
    RouteBook,
    RouteQuestion,
    Routing,
    When,
    route,
)
from incidents.errors import DecisionRefused
from incidents.lifecycle import Role
from incidents.rules_book import matches
from incidents.standards import tables
from tests.incidents.builders import (
    CELL,
    FLOOD,
    LITTER,
    NOON,
    a_verdict,
    an_actor,
    minutes,
    the_decisions,
)
from tests.memory import MemoryLedger

EAST = Route("east", ("gb47678.5-2026/matter/06",), ("990103",), "E")
ALL = Route("all", ("gb47678.5-2026/matter/06",), (), "A", automatic=True, limit_minutes=90)
GLOB = Route("glob", ("*/matter/06010",), (), "G")
BOOK = RouteBook(4, (EAST, ALL, GLOB))
SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Filed:
    """A category as far as routes ask."""

    responsible: str | None


@dataclass(frozen=True)
class Office:
    """A calendar: Monday to Friday, eight to six."""

    def is_work_time(self, at: datetime, area: str | None = None) -> bool:
        return self.is_work_day(at.date()) and 8 <= at.hour < 18

    def is_work_day(self, day: date, area: str | None = None) -> bool:
        return day.weekday() < 5


OFFICE: Calendar = Office()


def asked(category: str = LITTER, *areas: str, **more: Any) -> RouteQuestion:
    return RouteQuestion(category, areas, **more)


def at(text: str) -> datetime:
    """A moment by the city's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def goes(when: When, text: str, calendar: Calendar | None = OFFICE) -> bool:
    """Whether a route with this window takes an incident at that moment."""
    book = RouteBook(1, (Route("r", (), (), "D", when=(when,)),))
    return route(asked(at=at(text).astimezone(UTC)), book, calendar).route == "r"


def test_the_first_route_that_fits_holds() -> None:
    found = route(asked(LITTER, "99010300100101"), BOOK)
    assert (found.department, found.route, found.automatic, found.due) == ("E", "east", False, None)
    assert "其次为 all（A）" in found.why
    assert found.tried == ()
    assert found.next is not None
    assert (found.next.route, found.next.department) == ("all", "A")


def test_what_did_not_fit_before_it_is_said() -> None:
    found = route(asked(LITTER, "99010200100101"), BOOK)
    assert (found.department, found.due) == ("A", timedelta(minutes=90))
    assert found.tried == ("east：区域不符 / area differs",)
    assert "glob" in found.why


def test_outside_every_cell_only_routes_without_an_area_fit() -> None:
    found = route(asked(LITTER), BOOK)
    assert found.route == "all"
    assert "outside every cell" in found.tried[0]


def test_without_a_fitting_route_the_dispatcher_decides() -> None:
    found = route(asked(FLOOD, "99010300100101"), BOOK)
    assert (found.department, found.automatic, found.route) == (None, False, None)
    assert len(found.tried) == 3
    assert "派遣员" in found.why
    assert "dispatcher" in found.why


def test_departments_are_called_by_their_names() -> None:
    book = RouteBook(4, BOOK.routes, {"E": "东区环卫所", "A": "环卫处"})
    why = route(asked(LITTER, "99010300100101"), book).why
    assert "派往 东区环卫所 E" in why
    assert "其次为 all（环卫处 A）" in why


def test_who_assists_is_carried_and_named() -> None:
    joint = Route("pipe", (), (), "PS", assisting=("JJ", "SZ"))
    found = route(asked(), RouteBook(1, (joint,), {"JJ": "交警支队", "SZ": "市政处"}))
    assert found.assisting == ("JJ", "SZ")
    assert "协办：交警支队 JJ、市政处 SZ" in found.why


def test_a_source_is_a_prefix_or_a_pattern() -> None:
    book = RouteBook(1, (Route("cam", (), (), "V", sources=("cam-", "*hotline")),))
    taken = {s for s in ("cam-01", "city-hotline", "webcam-1", "") if _routed(book, source=s)}
    assert taken == {"cam-01", "city-hotline"}


def test_any_code_of_the_place_may_lie_in_a_routes_area() -> None:
    book = RouteBook(1, (Route("patch", (), ("990102001001-3",), "P"),))
    assert route(asked(LITTER, CELL, "990102001001-3"), book).department == "P"
    assert route(asked(LITTER, CELL), book).department is None


def _routed(book: RouteBook, **more: Any) -> bool:
    return route(asked(**more), book).department is not None


def test_without_a_route_the_responsible_body_is_proposed_and_the_dispatcher_confirms() -> None:
    book = RouteBook(1, (), {"PS": "排水管理处"})
    found = route(asked(FLOOD), book, None, {FLOOD: Filed("PS")})
    assert (found.department, found.automatic, found.route) == ("PS", False, None)
    assert "责任单位 排水管理处 PS" in found.why


def test_the_responsible_body_comes_after_the_last_route() -> None:
    book = RouteBook(1, (ALL,), {"A": "环卫处", "CG": "城管局"})
    found = route(asked(LITTER), book, None, {LITTER: Filed("CG")})
    assert found.department == "A"
    assert found.next is not None
    assert (found.next.route, found.next.department) == (None, "CG")
    assert "责任单位 城管局 CG" in found.why


def test_a_responsible_body_the_city_does_not_have_leaves_it_to_the_dispatcher() -> None:
    found = route(asked(), RouteBook(1, (), {"A": "环卫处"}), None, {LITTER: Filed("GONE")})
    assert found.department is None
    assert "派遣员" in found.why


@pytest.mark.parametrize(
    ("when", "inside", "outside"),
    [
        (When(480, 1080), ["2026-11-24T08:00", "2026-11-24T17:59"], ["2026-11-24T18:00"]),
        (
            When(1320, 360),
            ["2026-11-24T22:00", "2026-11-25T05:59"],
            ["2026-11-24T06:00", "2026-11-24T21:59"],
        ),
        (When(1080, 1440), ["2026-11-24T23:59"], ["2026-11-25T00:00"]),
        (When(days=Days.WORK_TIME), ["2026-11-24T09:00"], ["2026-11-24T19:00", "2026-11-28T09:00"]),
        (When(days=Days.OFF_TIME), ["2026-11-24T19:00", "2026-11-28T09:00"], ["2026-11-24T09:00"]),
        (When(days=Days.WORK_DAY), ["2026-11-27T23:00"], ["2026-11-28T09:00"]),
        (When(days=Days.DAY_OFF), ["2026-11-28T09:00"], ["2026-11-27T23:00"]),
        # Friday's night lasts till Saturday morning, Sunday's is no working day's
        (
            When(1320, 360, Days.WORK_DAY),
            ["2026-11-27T23:00", "2026-11-28T03:00"],
            ["2026-11-28T23:00", "2026-11-30T03:00"],
        ),
        (When(months=frozenset({6, 7})), ["2026-07-31T23:59"], ["2026-08-01T00:00"]),
        # a night that began in July ends in July's window
        (
            When(1320, 360, months=frozenset({7})),
            ["2026-08-01T03:00"],
            ["2026-07-01T03:00", "2026-08-01T22:00"],
        ),
    ],
)
def test_a_window_holds_by_the_citys_clock_and_calendar(
    when: When, inside: list[str], outside: list[str]
) -> None:
    assert [text for text in inside if not goes(when, text)] == []
    assert [text for text in outside if goes(when, text)] == []


def test_holidays_and_make_up_days_are_those_of_the_citys_calendar() -> None:
    calendar = the_decisions().calendar
    off, work = When(days=Days.DAY_OFF), When(days=Days.WORK_TIME)
    spring_festival, make_up_saturday = "2026-02-17T10:00", "2026-02-14T10:00"
    assert goes(off, spring_festival, calendar)
    assert not goes(work, spring_festival, calendar)
    assert goes(work, make_up_saturday, calendar)
    assert not goes(work, "2026-02-13T13:00", calendar)  # Friday's noon rest


def test_one_of_several_windows_is_enough() -> None:
    lunch, night = When(720, 840), When(1320, 360)
    book = RouteBook(1, (Route("r", (), (), "D", when=(lunch, night)),))
    hours = [h for h in range(24) if route(asked(at=at(f"2026-11-24T{h:02}:00")), book).department]
    assert hours == [0, 1, 2, 3, 4, 5, 12, 13, 22, 23]


@pytest.mark.parametrize("days", [d for d in Days if d is not Days.ANY])
def test_without_a_calendar_days_cannot_be_judged_and_that_is_said(days: Days) -> None:
    book = RouteBook(1, (Route("r", (), (), "D", when=(When(days=days),)),))
    found = route(asked(at=NOON), book, None)
    assert found.department is None
    assert "没有工作日历" in found.tried[0]


def test_a_route_with_hours_does_not_take_what_has_no_time() -> None:
    book = RouteBook(1, (Route("r", (), (), "D", when=(When(0, 720),)),))
    assert route(asked(), book).tried == ("r：未给出时间 / no time was given",)


def test_every_sorted_matter_of_the_demonstration_city_finds_a_department() -> None:
    decisions = the_decisions()
    matters = [k for k in decisions.categories if "/matter/" in k and k != decisions.unsorted]
    lost = [k for k in matters if route(asked(k, CELL), decisions.routes).department is None]
    assert [k for k in lost if k.startswith(("gb47678.5-2026/", "local/"))] == []


def test_one_district_has_its_own_sanitation_office() -> None:
    routes = the_decisions().routes
    assert route(asked(LITTER, "99010300100101"), routes).department == "QB-HW"
    assert route(asked(LITTER, "99010200100101"), routes).department == "CG-HW"


_CODES = st.sampled_from("DEF")
_WINDOWS = st.builds(
    When,
    st.integers(0, 1439),
    st.integers(1, 1440),
    st.sampled_from(Days),
    st.frozensets(st.integers(1, 12), max_size=3),
).filter(lambda w: w.begins != w.ends)
ROUTES = st.lists(
    st.builds(
        Route,
        st.sampled_from("abc"),
        st.lists(st.sampled_from(["x/", "x/1", "y", "*2"]), max_size=2).map(tuple),
        st.lists(st.sampled_from(["1", "12", "3"]), max_size=2).map(tuple),
        _CODES,
        automatic=st.booleans(),
        sources=st.lists(st.sampled_from(["cam", "*9"]), max_size=2).map(tuple),
        when=st.lists(_WINDOWS, max_size=2).map(tuple),
        assisting=st.sampled_from([(), ("G",), ("G", "H")]),
    ),
    max_size=6,
).map(tuple)
QUESTIONS = st.builds(
    RouteQuestion,
    st.sampled_from(["x/1", "x/2", "y/2", "z"]),
    st.sampled_from([("123",), ("14",), ("3",), ()]),
    st.sampled_from(["cam-1", "box9", ""]),
    st.none()
    | st.datetimes(
        NOON.replace(tzinfo=None),
        (NOON + minutes(800_000)).replace(tzinfo=None),
        timezones=st.just(UTC),
    ),
)


@given(ROUTES, QUESTIONS, st.sampled_from([None, OFFICE]), st.sampled_from([None, "D", "GONE"]))
def test_every_question_ends_at_a_department_or_in_the_queue_with_a_reason(
    routes: tuple[Route, ...],
    question: RouteQuestion,
    calendar: Calendar | None,
    responsible: str | None,
) -> None:
    book = RouteBook(1, routes, dict.fromkeys("DEFGH", "某处"))
    categories = {question.category: Filed(responsible)}
    found = route(question, book, calendar, categories)
    assert route(question, book, calendar, categories) == found
    first = next((n for n, r in enumerate(routes) if _fits(r, question, calendar)), None)
    assert len(found.tried) == (len(routes) if first is None else first)
    assert found.why.count(" / ") >= 1
    if first is not None:
        assert found.route == routes[first].code
        assert found.department == routes[first].department
    else:
        _fell(found, responsible)


def _fell(found: Routing, responsible: str | None) -> None:
    """Nothing fitted: the responsible body the city has, else the queue; never by itself."""
    assert found.route is None
    assert not found.automatic
    assert found.department == ("D" if responsible == "D" else None)
    assert "派遣员" in found.why


def _fits(row: Route, question: RouteQuestion, calendar: Calendar | None) -> bool:
    """The plain reading of a row, minute by minute where hours are asked."""

    def like(patterns: tuple[str, ...], text: str) -> bool:
        return not patterns or any(matches(p if "*" in p else p + "*", text) for p in patterns)

    inside = not row.areas or any(c.startswith(a) for c in question.areas for a in row.areas)
    timely = not row.when or any(_open(w, question.at, calendar) for w in row.when)
    return (
        like(row.categories, question.category)
        and inside
        and like(row.sources, question.source)
        and timely
    )


def _open(when: When, moment: datetime | None, calendar: Calendar | None) -> bool:
    if moment is None:
        return False
    local = moment.astimezone(SHANGHAI)
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        midnight = datetime.combine(day, time(), SHANGHAI)
        ends = when.ends if when.ends > when.begins else when.ends + 1440
        begins_at, ends_at = midnight + minutes(when.begins), midnight + minutes(ends)
        if begins_at <= local < ends_at and (not when.months or day.month in when.months):
            return _day_fits(when.days, local, day, calendar)
    return False


def _day_fits(days: Days, local: datetime, day: date, calendar: Calendar | None) -> bool:
    if days is Days.ANY:
        return True
    if calendar is None:
        return False
    if days in {Days.WORK_DAY, Days.DAY_OFF}:
        return calendar.is_work_day(day) == (days is Days.WORK_DAY)
    return calendar.is_work_time(local) == (days is Days.WORK_TIME)


@pytest.mark.parametrize(
    ("pattern", "text", "yes"),
    [
        ("abc", "abc", True),
        ("abc", "abcd", False),
        ("*", "", True),
        ("a*", "abc", True),
        ("*c", "abc", True),
        ("a*c", "ac", True),
        ("a*c", "a", False),
        ("aa*a", "aa", False),
        ("*b*", "abc", True),
        ("a*b*c", "axbxbxc", True),
        ("a*b*c", "acb", False),
        ("", "", True),
        ("", "a", False),
        ("a.c", "abc", False),
    ],
)
def test_a_star_stands_for_anything_and_everything_else_for_itself(
    pattern: str, text: str, yes: bool
) -> None:
    assert matches(pattern, text) is yes


def test_at_night_construction_noise_goes_to_those_on_the_street() -> None:
    decisions = the_decisions()
    noise = "gb47678.5-2026/matter/08001"
    night = route(asked(noise, CELL, at=at("2026-11-24T23:30")), decisions.routes)
    day = route(asked(noise, CELL, at=at("2026-11-24T10:00")), decisions.routes)
    assert (night.department, night.assisting, day.department) == ("CG-ZF", ("ZJ",), "ZJ")
    assert night.next is not None
    assert night.next.department == "ZJ"
    assert "construction-night“夜间施工扰民”：时段不符" in day.tried[-1]


# ── as a city writes them ──

ROW: dict[str, Any] = {
    "code": "night",
    "name": "夜间积水",
    "categories": ["local/matter/11001"],
    "areas": ["990102"],
    "sources": ["water-"],
    "when": [{"from": "22:00", "to": "06:00", "days": "work_day", "months": [6, 7, 8]}],
    "department": "PS",
    "assisting": ["JJ", "SZ"],
    "automatic": True,
    "limit_minutes": 60,
}


def test_a_route_is_read_whole_and_written_back_the_same() -> None:
    body = {"routes": [ROW, {"code": "rest", "department": "CG"}]}
    routes = tables.read("routes", body)
    assert routes[0].when == (When(1320, 360, Days.WORK_DAY, frozenset({6, 7, 8})),)
    assert routes[0].assisting == ("JJ", "SZ")
    assert tables.write("routes", routes) == body


@given(ROUTES)
def test_whatever_is_written_is_read_back(routes: tuple[Route, ...]) -> None:
    once = {row.code: row for row in routes}
    assert tables.read("routes", tables.write("routes", tuple(once.values()))) == tuple(
        once.values()
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"when": "at night"}, "when should be a list of windows"),
        ({"when": ["night"]}, "should be a table"),
        ({"when": [{"from": "25:00"}]}, "from should be 00:00 to 24:00"),
        ({"when": [{"from": "8:00"}]}, "from should be 00:00 to 24:00"),
        ({"when": [{"from": "08:00", "to": "08:00"}]}, "from must differ from to"),
        ({"when": [{"days": "sunday"}]}, "days should be one of"),
        ({"when": [{"months": [0, 6]}]}, "months should be a list of 1 to 12"),
        ({"when": [{"months": "June"}]}, "months should be a list of 1 to 12"),
        ({"when": [{"form": "08:00"}]}, "unknown member form"),
        ({"assisting": ["PS"]}, "assisting must name each department once"),
        ({"assisting": ["JJ", "JJ"]}, "assisting must name each department once"),
        ({"sources": "cam"}, "sources should be a list of texts"),
        ({"source": ["cam"]}, "unknown member source"),
    ],
)
def test_an_unsound_row_is_refused_with_its_reason(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(DecisionRefused) as refused:
        tables.read("routes", {"routes": [{**ROW, **change}]})
    faults = refused.value.facts["faults"]
    assert [row.split(" when")[0] for row, _ in faults] == ["routes[0] night"]
    assert reason in faults[0][1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"assisting": ["NOBODY"]}, "no department NOBODY"),
        ({"categories": ["local/matter/98765"]}, "no category fits local/matter/98765"),
    ],
)
def test_a_route_that_can_lead_nowhere_is_refused(change: dict[str, Any], reason: str) -> None:
    bodies = {**tables.seed(), "routes": {"routes": [{**ROW, **change}]}}
    with pytest.raises(DecisionRefused) as refused:
        tables.decide(bodies, {})
    [(row, why)] = refused.value.facts["faults"]
    assert row == "routes[0] night"
    assert reason in why


# ── editions ──


def test_an_incident_in_flight_keeps_its_edition_until_it_is_dispatched_again() -> None:
    first = the_decisions()
    elsewhere = {"routes": [{"code": "other", "department": "SZ", "automatic": True}]}
    second = tables.decide({**tables.seed(), "routes": elsewhere}, {"routes": 2})
    ledger = MemoryLedger()
    receipt = desk.receive(ledger, a_verdict(), first, NOON)
    number = str(receipt.number)
    sent = ledger.load(number)
    assert (sent.department, sent.explanation["dispatch"]["edition"]) == ("PS", 1)

    crew = an_actor(Role.DEPARTMENT, "PS")
    accepted = desk.move(ledger, number, "accept", crew, NOON, {}, sent.version, second)
    assert (accepted.department, accepted.explanation["dispatch"]["edition"]) == ("PS", 1)

    back = desk.move(
        ledger, number, "send_back", crew, NOON, {"reason": "不属本处"}, accepted.version, second
    )
    given = {"department": "SZ", "reason": "改派市政"}
    again = desk.move(
        ledger, number, "dispatch", an_actor(Role.DISPATCHER), NOON, given, back.version, second
    )
    assert again.department == "SZ"
    assert again.explanation["dispatch"]["edition"] == 2
    assert again.explanation["dispatch"]["route"] == "other"
