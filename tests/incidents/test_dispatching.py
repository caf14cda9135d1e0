"""Routes in their order: the first that fits, explained, and never a dead end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.dispatching import Route, RouteBook, route
from incidents.rules_book import matches
from tests.incidents.builders import FLOOD, LITTER, the_decisions

EAST = Route("east", ("gb47678.5-2026/matter/06",), ("990103",), "E")
ALL = Route("all", ("gb47678.5-2026/matter/06",), (), "A", automatic=True, limit_minutes=90)
GLOB = Route("glob", ("*/matter/06010",), (), "G")
BOOK = RouteBook(4, (EAST, ALL, GLOB))


def test_the_first_route_that_fits_holds() -> None:
    found = route(LITTER, "99010300100101", BOOK)
    assert (found.department, found.route, found.automatic, found.due) == ("E", "east", False, None)
    assert "其次为 all（A）" in found.why
    assert found.tried == ()


def test_what_did_not_fit_before_it_is_said() -> None:
    found = route(LITTER, "99010200100101", BOOK)
    assert (found.department, found.due) == ("A", timedelta(minutes=90))
    assert found.tried == ("east：区域不符 / area differs",)
    assert "glob" in found.why


def test_outside_every_cell_only_routes_without_an_area_fit() -> None:
    found = route(LITTER, None, BOOK)
    assert found.route == "all"
    assert "outside every cell" in found.tried[0]


def test_without_a_fitting_route_the_dispatcher_decides() -> None:
    found = route(FLOOD, "99010300100101", BOOK)
    assert (found.department, found.automatic, found.route) == (None, False, None)
    assert len(found.tried) == 3
    assert "派遣员" in found.why
    assert "dispatcher" in found.why


def test_every_sorted_matter_of_the_demonstration_city_finds_a_department() -> None:
    decisions = the_decisions()
    matters = [k for k in decisions.categories if "/matter/" in k and k != decisions.unsorted]
    lost = [k for k in matters if route(k, "99010200100101", decisions.routes).department is None]
    assert lost == []
    assert len(matters) == 255


def test_one_district_has_its_own_sanitation_office() -> None:
    routes = the_decisions().routes
    assert route(LITTER, "99010300100101", routes).department == "QB-HW"
    assert route(LITTER, "99010200100101", routes).department == "CG-HW"


@given(
    st.lists(
        st.builds(
            Route,
            st.sampled_from("abc"),
            st.lists(st.sampled_from(["x/", "x/1", "y", "*2"]), max_size=2).map(tuple),
            st.lists(st.sampled_from(["1", "12", "3"]), max_size=2).map(tuple),
            st.sampled_from("DEF"),
        ),
        max_size=6,
    ).map(tuple),
    st.sampled_from(["x/1", "x/2", "y/2", "z"]),
    st.sampled_from(["123", "14", "3", None]),
)
def test_the_winner_is_the_first_and_all_before_it_were_tried(
    routes: tuple[Route, ...], category: str, cell: str | None
) -> None:
    found = route(category, cell, RouteBook(1, routes))
    fitting = [n for n, row in enumerate(routes) if _fits(row, category, cell)]
    assert found.department == (routes[fitting[0]].department if fitting else None)
    assert len(found.tried) == (fitting[0] if fitting else len(routes))


def _fits(row: Route, category: str, cell: str | None) -> bool:
    patterns = [p if "*" in p else p + "*" for p in row.categories]
    of = not patterns or any(matches(p, category) for p in patterns)
    inside = not row.areas or any((cell or "").startswith(a) for a in row.areas)
    return of and inside


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
