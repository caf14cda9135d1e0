"""The SQL of one incident's life, recorded from the desk itself and played by pgbench: what the database alone could do.

No HTTP, no Python, no thinking between the statements: a bound for the whole, not a rival.
"""

from __future__ import annotations

import re
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import psycopg

from grid.coordinates import Datum, Position
from incidents.event import Event, Origin, Place
from incidents.postgres.connection import Connection
from tests.journey import scene

_LITERAL = re.compile(r"(\bE)?'((?:[^']|'')*)'")


class _Recording(psycopg.Cursor[Any]):
    """A cursor that notes what it executes."""

    heard: ClassVar[list[tuple[Any, Any]]] = []

    def execute(self, query: Any, params: Any = None, **more: Any) -> Any:
        self.heard.append((query, params))
        return super().execute(query, params, **more)


@contextmanager
def recorded(url: str) -> Iterator[tuple[Connection, list[tuple[Any, Any]]]]:
    """A connection, and the list that every statement executed on it is noted in."""
    _Recording.heard.clear()
    with psycopg.connect(
        url, autocommit=True, options="-c TimeZone=UTC", cursor_factory=_Recording
    ) as connection:
        yield connection, _Recording.heard


def script(url: str, heard: list[tuple[Any, Any]], number: str, event: str) -> str:
    """A pgbench script of the statements: every incident gets its own number, its event that number for a name.

    Each is a transaction of its own, as with the desk: a report without anything near, and moves without photos.
    """
    lines: list[str] = []
    with psycopg.connect(url) as connection, psycopg.ClientCursor(connection) as cursor:
        for query, params in heard:
            text = cursor.mogrify(query, params) if params else str(query)
            lines.append(_told(text, number, event))
    return "\n".join(lines) + "\n"


def _told(text: str, number: str, event: str) -> str:
    text = " ".join(
        line for line in (part.split("--")[0].strip() for part in text.splitlines()) if line
    ).rstrip(";")
    if "incident_number(" in text:
        return f"{text} as number \\gset"

    def own(found: re.Match[str]) -> str:
        # pgbench takes every :word for a variable of its own, also inside a string.
        inside = found[2] if found[1] else found[2].replace("\\", "\\\\")
        inside = inside.replace(event, number).replace(":", "\\x3a")
        parts = [f"E'{part}'" for part in inside.split(number)]
        kind = "jsonb" if inside[:1] in {"{", "["} else "text"
        whole = f"({' || :number::text || '.join(parts)})::{kind}"
        return parts[0] if len(parts) == 1 else whole

    return _LITERAL.sub(own, text) + ";"


def rate(pgbench: str, url: str, folder: Path, text: str, clients: int, seconds: int) -> float:
    """Lives a second by pgbench with so many connections."""
    file = folder / "life.sql"
    file.write_text(text)
    words = [pgbench, "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds)]
    done = subprocess.run(
        [*words, "-f", str(file), url], capture_output=True, text=True, check=False
    )
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    assert done.returncode == 0, done.stderr[:800]
    assert found, done.stdout
    return float(found[1])


def report_event(connection: Connection, at: datetime) -> Event:
    """A person's report in a cell, as the API makes it."""
    row = connection.execute(
        "select lon, lat, id, code, community, street, district from unit_grid limit 1"
    ).fetchone()
    assert row
    lon, lat, cell, code, community, street, district = row
    place = Place(
        raw=Position(lon, lat, Datum.WGS84),
        lon=lon,
        lat=lat,
        cell=cell,
        cell_code=code,
        community=community,
        street=street,
        district=district,
    )
    return Event(
        source="person:intake",
        id=uuid.uuid4().hex,
        origin=Origin.PERSON,
        kind="report",
        at=at,
        place=place,
        category=scene.UNSORTED,
        text="bench",
    )
