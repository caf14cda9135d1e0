"""Every variable that a process of ours reads is in docs/operations.md, with the default it has."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

import api.settings
import demo.settings
import grid.settings
import incidents.settings
import streams.settings

ROOT = Path(__file__).parents[2]
ALL: list[type[BaseSettings]] = [
    api.settings.Settings,
    demo.settings.Settings,
    grid.settings.Settings,
    incidents.settings.Settings,
    streams.settings.Settings,
]
GIVEN_BY_RUN = {"database_url", "kafka", "home", "host", "demo", "api_port", "gateway_port"}
"""What `make run` hands to every process: the table says its default there."""

FIELDS = [(settings, name) for settings in ALL for name in settings.model_fields]


def told() -> dict[str, str]:
    """Variable -> default, from the tables of the page."""
    text = (ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `(YIWANG_[A-Z_]+)` \| (.*?) \|", text, re.MULTILINE)
    return dict(rows)


def written(default: Any) -> str:
    """A default as an operator would set it."""
    return str(default).lower() if isinstance(default, bool) else str(default)


@pytest.mark.parametrize(
    ("settings", "name"), FIELDS, ids=[f"{each.__module__}.{name}" for each, name in FIELDS]
)
def test_a_variable_is_told_with_its_default(settings: type[BaseSettings], name: str) -> None:
    variable = f"YIWANG_{name.upper()}"
    assert variable in told()
    default = settings.model_fields[name].default
    if name not in GIVEN_BY_RUN and default not in ("", None):
        assert told()[variable].replace(".0`", "`") == f"`{written(default)}`".replace(".0`", "`")


def test_no_variable_is_told_that_nobody_reads() -> None:
    known = {f"YIWANG_{name.upper()}" for _, name in FIELDS} | {"YIWANG_MAVEN"}
    assert told().keys() - known == set()
