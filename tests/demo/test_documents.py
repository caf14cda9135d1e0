"""What a newcomer reads is true of what is there: words, links, commands, figures of the demos."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from demo import names
from demo.city import build
from demo.nyc import requests
from incidents.lifecycle import MOVES, Role, State
from incidents.standards import tables

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (
    "README.md",
    "README.en.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/architecture.md",
    "docs/glossary.md",
    "docs/demo.md",
)
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)\)")


def _text(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_something(document: str) -> None:
    here = (ROOT / document).parent
    dead = [link for link in _LINK.findall(_text(document)) if not (here / link).exists()]
    assert dead == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_make_it_names_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", _text("Makefile"), re.MULTILINE))
    named = re.findall(r"(?:`|^)(?:\w+=\S+ )?make ([a-z]+)", _text(document), re.MULTILINE)
    assert set(named) <= targets


def test_every_state_move_and_role_is_in_the_glossary() -> None:
    glossary = _text("docs/glossary.md")
    words = [*map(str, State), *MOVES, *map(str, Role)]
    assert [word for word in words if f"`{word}`" not in glossary] == []


def test_every_state_and_move_bears_its_chinese_name_in_the_glossary() -> None:
    rows: dict[str, str] = defaultdict(str)
    for line in _text("docs/glossary.md").splitlines():
        if line.startswith("| `") and len(cells := line.split("|")) > 3:
            rows[cells[1].strip().strip("`")] += cells[2]
    for state in State:
        assert state.zh in rows[str(state)], state
    for move in MOVES.values():
        for part in move.zh.split("/"):
            assert part in rows[move.name], move.name


@pytest.mark.parametrize("document", ["README.md", "README.en.md"])
def test_the_readme_names_the_two_commands(document: str) -> None:
    text = _text(document)
    assert re.search(r"^make run ", text, re.MULTILINE)
    assert re.search(r"^make test ", text, re.MULTILINE)


def test_the_figures_of_the_demos_are_those_of_the_demos() -> None:
    text, city = _text("docs/demo.md"), build()
    assert f"{len(city.edition):,} 个单元网格" in text
    assert f"{len(city.edition.responsible)} 个责任网格" in text
    assert f"{len(city.components)} 处部件，其中 {len(city.devices)} 处" in text
    assert f"{len(requests())} 条真实的市民请求" in text
    assert names.CITY in text
    assert f"{len(tables.seed()['standards']['departments'])} 个部门" in text


def test_no_document_says_what_was_left_to_fill_in() -> None:
    for document in DOCUMENTS:
        assert not re.search(r"\b(TODO|TBD|MEASURED|XXX)\b", _text(document)), document
