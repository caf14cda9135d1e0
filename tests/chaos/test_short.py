"""The short form of `make chaos`: every part is killed once, the broker or the database is away for a while."""

from __future__ import annotations

import pytest

from tests.chaos.__main__ import told
from tests.chaos.run import Wish, run


@pytest.mark.real
@pytest.mark.chaos
@pytest.mark.slow
def test_after_kills_and_an_outage_nothing_is_lost_or_doubled_and_the_books_balance() -> None:
    report = run(Wish(kills=7, outages=1, seconds=30, seed=20261124, outage_seconds=(4, 6)))
    assert report.sound, told(report, 0)
