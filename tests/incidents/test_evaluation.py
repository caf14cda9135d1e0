"""What an incident counts as, against counting it the plain way."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.evaluation import Adding, fell
from incidents.evaluation_score import scores
from incidents.standards import evaluation_tables
from tests.incidents import evaluation_oracle as oracle
from tests.incidents.evaluation_stories import stories

NOW = datetime(2026, 11, 20, tzinfo=UTC)
BOOK = evaluation_tables.read(evaluation_tables.seed())
_AXES = {0: "all", 1: "department", 2: "post", 3: "person"}


@given(st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
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
