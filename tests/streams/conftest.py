"""Fixtures of the streams' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.streams.builders import Bench


@pytest.fixture
def bench(database_url: str, tmp_path: Path) -> Iterator[Bench]:
    """An intake on a fresh database."""
    made = Bench(database_url, tmp_path)
    yield made
    made.close()
