"""What an incident counts as, against counting it the plain way."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.evaluation import Adding, Axis, fell
from incidents.evaluation_course import Case, Step
from incidents.evaluation_score import scores
from incidents.incident import Incident
from incidents.standards import evaluation_tables
from tests.incidents import evaluation_oracle as oracle
from tests.incidents.counter import (
    CREW,
    DAY,
    DISPATCHER,
    DRAINAGE,
    FIRST_REVIEW,
    LEAD,
    OFFICER,
    ZHAO,
    Bench,
)
from tests.incidents.evaluation_stories import stories

NOW = datetime(2026, 11, 20, tzinfo=UTC)
BOOK = evaluation_tables.read(evaluation_tables.seed())
_AXES = {0: "all", 1: "department", 2: "post", 3: "person"}


@given(st.integers(0, 2**32))
@settings(max_examples=300)
def test_every_figure_is_what_counting_the_plain_way_gives(seed: int) -> None:
    told = stories(seed, 4)
    got: dict[tuple[str, str, str], int] = defaultdict(int)
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    adding = Adding(BOOK)
    for story in told:
        for score in scores(story.case, story.steps, NOW, oracle.ZONE):
            values = (score.handling_s, score.acceptance_s, score.satisfaction)
            key = (_AXES[score.axis], score.subject)
            adding.add([key], (score.flags, fell(score.days)), values)
    for key, row in adding.rows.items():
        for figure, one in adding.tallies(row).items():
            got[*key, figure] += one.n
            sums[*key, figure] += one.total
    plain = {k: v for k, v in oracle.counted(told, NOW).items() if k[0] in _AXES.values()}
    assert dict(got) == {key: len(rows) for key, rows in plain.items()}
    summed = {f.key for f in BOOK.figures if f.sums}
    assert {k: v for k, v in sums.items() if k[2] in summed} == {
        k: sum(value for _, _, value in rows) for k, rows in plain.items() if k[2] in summed
    }


@given(st.integers(0, 2**32))
@settings(max_examples=50)
def test_a_seat_counts_what_was_done_on_it(seed: int) -> None:
    """Where everybody has a seat of his own it counts what he does; a seat nobody sits on counts nothing."""
    for story in stories(seed, 3):
        steps = [replace(s, seat=None if s.by == "system" else f"post:{s.by}") for s in story.steps]
        found = scores(story.case, steps, NOW, oracle.ZONE)
        seats = [s for s in found if s.axis is Axis.POST and s.subject.startswith("post:")]
        persons = [s for s in found if s.axis is Axis.PERSON]
        named = [replace(s, axis=Axis.POST, subject=f"post:{s.subject}") for s in persons]
        assert sorted(named, key=repr) == sorted(seats, key=repr)
        without = scores(story.case, story.steps, NOW, oracle.ZONE)
        assert [s for s in found if s not in seats] == without


def _taken_while_overdue(bench: Bench) -> Incident:
    """From CREW's department when it was late already; DRAINAGE's had it last and had to do it twice."""
    incident = bench.handling()
    bench.now += 10 * DAY
    bench.do(incident, "redispatch", DISPATCHER, department="PS")
    for name, by in (
        ("accept", DRAINAGE), ("report_handled", DRAINAGE), ("rework", ZHAO), ("report_handled", DRAINAGE),
        ("verified", ZHAO), ("close", OFFICER),
    ):  # fmt: skip
        incident = bench.do(incident, name, by, reason="未净")
    return incident


def _figures(bench: Bench, incident: Incident, *keys: str) -> dict[str, list[str]]:
    """Before whom the incident counts in these figures; the incident itself (areas, categories) is ``."""
    steps = [
        Step(r.at, r.move, r.by, r.role, r.department, r.to_state, r.data)
        for r in bench.ledger.history[incident.number]
    ]
    now = bench.ledger.load(incident.number)
    case = Case(str(now.state), now.due_at)
    found: dict[str, list[str]] = {key: [] for key in keys}
    for score in scores(case, steps, bench.now, oracle.ZONE):
        if score.axis not in {Axis.DEPARTMENT, Axis.INCIDENT}:
            continue
        adding = Adding(BOOK)
        adding.add([0], (score.flags, fell(score.days)), (0, 0, 0))
        for key in found.keys() & adding.tallies(adding.rows.get(0, [0] * adding.width)).keys():
            found[key].append(score.subject)
    return found


def test_what_is_taken_from_a_department_that_was_late_stays_its_mark() -> None:
    bench = Bench()
    incident = _taken_while_overdue(bench)
    assert _figures(bench, incident, "overdue", "due_on_time", "handled_reworked") == {
        "overdue": ["CG-HW"], "due_on_time": ["", "PS"], "handled_reworked": ["", "PS"],
    }  # fmt: skip


def test_an_appeal_upheld_takes_out_the_mark_of_that_department_alone() -> None:
    bench = Bench()
    incident = _taken_while_overdue(bench)
    asked = ("overdue", "overdue_all", "due", "handled_reworked", "reworked", "upheld")
    bench.do(incident, "appeal", CREW, reason="派错了部门")
    for by in (FIRST_REVIEW, LEAD):
        bench.do(incident, "review", by, upheld=True)
    assert _figures(bench, incident, *asked) == {
        "overdue": [], "overdue_all": ["CG-HW"], "due": ["", "PS"], "handled_reworked": ["", "PS"],
        "reworked": ["", "PS"], "upheld": ["", "CG-HW"],
    }  # fmt: skip
    bench.do(incident, "appeal", DRAINAGE, reason="雨又冲来了")
    for by in (FIRST_REVIEW, LEAD):
        bench.do(incident, "review", by, upheld=True)
    assert _figures(bench, incident, *asked) == {
        "overdue": [], "overdue_all": ["CG-HW"], "due": ["", "PS"], "handled_reworked": [],
        "reworked": ["", "PS"], "upheld": ["", "CG-HW", "PS"],
    }  # fmt: skip


@pytest.mark.parametrize("said", [True, False])
def test_an_appeal_from_before_each_department_had_its_own_is_decided_as_it_began(
    said: bool,
) -> None:
    bench = Bench()
    incident = bench.handling()
    bench.now += 10 * DAY
    for name, by in (("report_handled", CREW), ("verified", ZHAO), ("close", OFFICER)):
        bench.do(incident, name, by)
    bench.do(incident, "appeal", CREW, reason="因故")
    lines = bench.ledger.history[incident.number]
    lines[-1] = replace(lines[-1], data={})  # it said neither whose it was nor against what
    assert _figures(bench, incident, "appeal_waiting")["appeal_waiting"] == ["", "CG-HW"]
    for by in (FIRST_REVIEW, LEAD):
        bench.do(incident, "review", by, upheld=said)
    everybody = ["", "CG-HW"]
    assert _figures(bench, incident, "overdue", "upheld", "appeal_waiting") == {
        "overdue": [] if said else everybody,
        "upheld": everybody if said else [],
        "appeal_waiting": [],
    }
