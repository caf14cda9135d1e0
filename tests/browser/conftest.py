"""One whole system and one browser for all tests of the screens, started as `make run` starts them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from local import pages
from local.trouble import Trouble
from tests.browser import town
from tests.browser.eyes import chromium
from tests.journey.system import WholeSystem, whole_system

expect.set_options(timeout=20_000)  # a machine shared with the whole system it looks at


@pytest.fixture(scope="session")
def built() -> None:
    """The pages as their sources say."""
    pages.build()


@pytest.fixture(scope="session")
def system(built: None) -> Iterator[WholeSystem]:
    """A small town on real Kafka and PostgreSQL."""
    with whole_system() as found:
        found.start()
        town.settle(found)
        found.wait_grid()
        yield found


@pytest.fixture(autouse=True)
def all_running(request: pytest.FixtureRequest) -> None:
    """Whatever the test before killed is back, even if it failed in between."""
    if "system" in request.fixturenames:
        request.getfixturevalue("system").wait_running()


@pytest.fixture(scope="session")
def browser_() -> Iterator[Browser]:
    """Chromium; a failure that says how to get it where it is missing."""
    try:
        with chromium() as opened:
            yield opened
    except Trouble as trouble:
        pytest.fail(str(trouble), pytrace=False)
