"""The page for the city says what every refusal means."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.faults import FaultKind

PAGE = (Path(__file__).parents[2] / "docs/grid.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", FaultKind)
def test_every_kind_of_fault_is_explained(kind: FaultKind) -> None:
    assert f"| `{kind}` |" in PAGE
