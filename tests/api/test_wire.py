"""The published schemas of what travels through Kafka are those the code reads.

Written anew by `python -m tests.api.test_wire`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams import wire

FOLDER = Path("docs/wire")
MESSAGES: dict[str, type[msgspec.Struct]] = {
    "readings.v1": wire.Readings,
    "events.v1": wire.Events,
    "incident_fact.v1": wire.IncidentFact,
}


def described(message: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a message."""
    schema = msgspec.json.schema(message)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


@pytest.mark.parametrize("name", MESSAGES)
def test_the_published_schema_is_the_one_that_is_read(name: str) -> None:
    published = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert published == described(MESSAGES[name]), "python -m tests.api.test_wire writes it anew"


if __name__ == "__main__":
    for name, message in MESSAGES.items():
        text = json.dumps(described(message), ensure_ascii=False, indent=1)
        (FOLDER / f"{name}.schema.json").write_text(text + "\n", encoding="utf-8")
