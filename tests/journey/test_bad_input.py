"""A tour of bad input through Kafka: every message, row and event has exactly one fate, and nothing stops or is doubled."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.journey import books, scene
from tests.journey.machines import kafka_machine
from tests.journey.oracle import Level
from tests.journey.parts import Parts, parts

pytestmark = pytest.mark.real

READINGS, REPORTS = "city.readings.v1", "city.reports.v1"
AT = 1_767_225_600_000
LON, LAT = scene.middle(5, 5)
LEVEL = Level("level", "level", 70, 60, for_s=0, gap_s=900)
CATEGORY = "scene/matter/seen"


@dataclass(frozen=True, slots=True)
class Case:
    """One message and what must become of it.

    Attributes:
        name: also its key and its source.
        aside: reasons of what goes to quarantine; `-1` whole, else by the index of the row.
        stored: how many readings of it are stored.
        kept: how many of its events are kept (opened, joined or filtered).
    """

    name: str
    topic: str
    body: bytes
    aside: tuple[tuple[int, str], ...] = ()
    stored: int = 0
    kept: int = 0


def readings(name: str, **columns: Any) -> bytes:
    """An envelope of one row unless columns say otherwise."""
    whole = {
        "schema": "readings.v1",
        "batch": name,
        "source": name,
        "sent_at": "2026-01-01T00:00:00Z",
        "device": [name],
        "metric": "level",
        "at": [AT],
        "value": [1.0],
    }
    return json.dumps({k: v for k, v in {**whole, **columns}.items() if v is not ...}).encode()


def events(name: str, *items: dict[str, Any], **head: Any) -> bytes:
    """An envelope of events; id, kind and at are there unless given."""
    filled = [{"id": f"e{n}", "kind": "seen", "at": AT, **item} for n, item in enumerate(items)]
    whole = {
        "schema": "events.v1",
        "batch": name,
        "source": name,
        "sent_at": "2026-01-01T00:00:00Z",
        "events": filled,
    }
    return json.dumps({k: v for k, v in {**whole, **head}.items() if v is not ...}).encode()


def whole_messages() -> Iterator[Case]:
    """What cannot be understood at all."""
    bad: dict[str, tuple[bytes, str]] = {
        "no-bytes": (b"", "not_json"),
        "blanks": (b"   ", "not_json"),
        "binary": (bytes(range(256)), "not_json"),
        "cut-short": (readings("cut-short")[:-3], "not_json"),
        "two-documents": (readings("x") + readings("x"), "not_json"),
        "half-utf8": (readings("half-utf8").replace(b"level", b"le\xc3"), "not_json"),
        "a-list": (b"[1,2]", "not_the_schema"),
        "null": (b"null", "not_the_schema"),
        "nested": (b'{"schema":"readings.v1","x":' + b"[" * 9000, "too_deep"),
        "tomorrows-schema": (readings("s", schema="readings.v2"), "not_the_schema"),
        "no-source": (readings("s", source=...), "not_the_schema"),
        "at-is-text": (readings("s", at=["noon"]), "not_the_schema"),
        "at-is-float": (readings("s", at=[1.5]), "not_the_schema"),
        "value-is-text": (readings("s", value=["1.0"]), "not_the_schema"),
        "value-is-nan": (readings("s", value=[float("nan")]), "not_json"),
        "device-is-number": (readings("s", device=[7]), "not_the_schema"),
        "uneven": (readings("s", value=[1.0, 2.0]), "columns_differ"),
        "half-a-place": (readings("s", lon=[LON]), "half_a_place"),
        "no-datum": (readings("s", lon=[LON], lat=[LAT]), "datum_missing"),
        "datum-of-mars": (readings("s", lon=[LON], lat=[LAT], datum="mars"), "not_the_schema"),
        "events-among-readings": (events("s", {}), "not_the_schema"),
    }
    for name, (body, reason) in bad.items():
        yield Case(name, READINGS, body, ((-1, reason),))
    yield Case("readings-among-events", REPORTS, readings("s"), ((-1, "not_the_schema"),))
    yield Case("events-is-object", REPORTS, events("s", events={}), ((-1, "not_the_schema"),))
    yield Case("event-without-id", REPORTS, events("s", {"id": 5}), ((-1, "not_the_schema"),))


def rows() -> Iterator[Case]:
    """Good envelopes with bad rows, and rows that look bad and are not."""
    yield Case("value-null", READINGS,
               readings("value-null", device=["value-null"] * 3, at=[AT, AT + 1, AT + 2], value=[1.0, None, 3.0]),
               ((1, "value_missing"),), stored=2)  # fmt: skip
    times = [AT, 0, -(10**12), 10**30, AT + 10 * 365 * 86_400_000, 946_684_800_000]
    yield Case("wild-times", READINGS,
               readings("wild-times", device=["wild-times"] * 6, at=times, value=[1.0] * 6),
               tuple((n, "at_out_of_range") for n in (1, 2, 3, 4)), stored=2)  # fmt: skip
    names = [
        "fine",
        "",
        "x" * 129,
        "a\x00b",
        "tab\there",
        " blank ",
        "井盖🕳",
        "'; drop table reading; --",
    ]
    yield Case("odd-names", READINGS, readings("odd-names", device=names, at=[AT] * 8, value=[1.0] * 8),
               tuple((n, "device_unfit") for n in (1, 2, 3, 4, 5)), stored=3)  # fmt: skip
    yield Case("odd-metrics", READINGS,
               readings("odd-metrics", device=["om"] * 3, metric=["level", "", "m" * 200], at=[AT] * 3, value=[1.0] * 3),
               ((1, "metric_unfit"), (2, "metric_unfit")), stored=1)  # fmt: skip
    extremes = [1e308, -1e308, 1e18, 5e-324, -0.0]
    yield Case(
        "extremes",
        READINGS,
        readings("extremes", device=[f"ex{n}" for n in range(5)], at=[AT] * 5, value=extremes),
        ((0, "value_out_of_range"), (1, "value_out_of_range")),
        stored=3,
    )
    yield Case("same-key-twice", READINGS,
               readings("same-key-twice", device=["twice"] * 2, at=[AT] * 2, value=[1.0, 2.0]), stored=1)  # fmt: skip
    places = [(LON, LAT), (LAT, LON), (0.0, 0.0), (1e300, 1e300), (None, None), (181.0, -91.0)]
    yield Case("odd-places", READINGS,
               readings("odd-places", device=[f"place-{n}" for n in range(6)], at=[AT] * 6, value=[1.0] * 6,
                        lon=[p[0] for p in places], lat=[p[1] for p in places], datum="gcj02"), stored=6)  # fmt: skip
    yield Case("odd-quality", READINGS, readings("odd-quality", quality=[10**9]), stored=1)
    yield Case("nothing", READINGS, readings("nothing", device=[], at=[], value=[]))
    yield Case(
        "unknown-members", READINGS, readings("unknown-members", future={"a": [1]}), stored=1
    )


def seen() -> Iterator[Case]:
    """Events: bad ones beside good ones."""
    bad: list[tuple[dict[str, Any], str | None]] = [
        ({}, None),
        ({"id": ""}, "id_unfit"),
        ({"kind": "a\x00b"}, "kind_unfit"),
        ({"at": "yesterday"}, "at_unreadable"),
        ({"at": "2026-01-01T00:00:00"}, "at_unreadable"),
        ({"at": 10**20}, "at_unreadable"),
        ({"at": 5}, "at_out_of_range"),
        ({"lon": LON}, "half_a_place"),
        ({"lon": LON, "lat": LAT}, "datum_missing"),
        ({"text": "x" * 10_001}, "text_too_long"),
        ({"subject": ""}, "subject_unfit"),
        ({"category": "\x07"}, "category_unfit"),
        ({"at": "2026-01-01T08:00:00+08:00", "lon": LON, "lat": LAT, "datum": "bd09"}, None),
        ({"category": "no such category"}, None),
        ({"text": "nul \x00 inside", "raw": {"a\x00": "b\x00"}, "zones": ["z\x00"]}, None),
        ({"score": -1e308, "media": [""] * 50}, None),
        ({"lon": 1e300, "lat": -1e300, "datum": "wgs84"}, None),
        ({"subject": "device:never-heard-of"}, None),
    ]
    aside = tuple((n, why) for n, (_, why) in enumerate(bad) if why)
    yield Case(
        "events",
        REPORTS,
        events("events", *[item for item, _ in bad]),
        aside,
        kept=len(bad) - len(aside),
    )
    opening = {"category": CATEGORY, "lon": LON, "lat": LAT, "datum": "wgs84"}
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"d": deep}
    odd = [
        opening,
        {**opening, "subject": "component:\u202e1", "text": "\x00"},
        {**opening, "raw": deep, "id": "deep"},
    ]
    yield Case("opening", REPORTS, events("opening", *odd), ((1, "subject_unfit"),), kept=2)
    yield Case(
        "same-id-twice",
        REPORTS,
        events("same-id-twice", {"id": "one"}, {"id": "one", "text": "other"}),
        kept=1,
    )
    yield Case("no-events", REPORTS, events("no-events"))


@pytest.fixture
def here(database_url: str, kafka: str, tmp_path: Path) -> Iterator[Parts]:
    bodies: dict[str, dict[str, Any]] = {
        "rules": {"rules": [scene.threshold(LEVEL, CATEGORY), scene.reported("seen", [CATEGORY])]},
        "routes": {"routes": [scene.automatic_route("all", [CATEGORY], "A")]},
        "standards": scene.standards([CATEGORY]),
    }
    scene.settle(database_url, bodies, people=False)
    with parts(database_url, kafka, tmp_path) as found:
        yield found


def send(here: Parts, cases: list[Case]) -> None:
    with kafka_machine(here.bootstrap) as machine:
        for case in cases:
            machine.send(case.topic, case.name, case.body)
    here.wait_quiet()


def fates(connection: books.Reader) -> dict[str, dict[str, Any]]:
    """What became of every message, by its key."""
    found: dict[str, dict[str, Any]] = {}
    rows = connection.execute(
        "select convert_from(key, 'utf8'), item, reason, value from quarantine order by id"
    )
    for key, item, reason, value in rows.fetchall():
        found.setdefault(key, {}).setdefault("aside", []).append((item, reason))
        if item == -1:
            found[key]["bytes"] = bytes(value)
    for source, n in connection.execute(
        "select source, count(*) from event where origin = 'stream' group by 1"
    ):
        found.setdefault(source, {})["kept"] = n
    return found


def check(connection: books.Reader, cases: list[Case]) -> None:
    found = fates(connection)
    must, told = {}, {}
    for case in cases:
        is_whole = bool(case.aside) and case.aside[0][0] == -1
        must[case.name] = (case.aside, case.kept, case.body if is_whole else None)
        one = found.get(case.name, {})
        told[case.name] = (tuple(one.get("aside", ())), one.get("kept", 0), one.get("bytes"))
    assert {n: v for n, v in told.items() if v != must[n]} == {}
    assert books.number(connection, "select count(*) from reading") == sum(c.stored for c in cases)
    lines = [*books.inner_lines(connection)]
    assert [line for line in lines if not line.sound] == []


def test_every_bad_message_row_and_event_has_one_fate_and_the_good_beside_them_are_kept(
    here: Parts,
) -> None:
    cases = [*whole_messages(), *rows(), *seen()]
    assert Counter(c.name for c in cases).most_common(1)[0][1] == 1
    here.workers("w1", "w2")
    here.start("relay", "streams", "relay")
    send(here, cases)
    with here.connect() as connection:
        check(connection, cases)
        told = books.read_topic(here.bootstrap, "city.quarantine.v1")
        assert len(told) == sum(len(c.aside) for c in cases)
    here.once("incidents", "balance")

    redrive_what_stays_bad(here, cases)
    redrive_what_was_our_fault(here)
    here.once("incidents", "balance")


def redrive_what_stays_bad(here: Parts, cases: list[Case]) -> None:
    """Sent again without a fix, it comes back to quarantine, and nothing else happens."""
    with here.connect() as connection:
        before = books.number(connection, "select count(*) from quarantine")
        stored = books.number(connection, "select count(*) from reading")
        kept = books.number(connection, "select count(*) from event")
        here.once("streams", "redrive", "--reason", "columns_differ")
        here.once("streams", "redrive", "--reason", "value_missing")
        here.wait_quiet()
        assert books.number(connection, "select count(*) from quarantine") == before + 2
        assert (
            books.number(connection, "select count(*) from quarantine where state = 'redriven'")
            == 2
        )
        assert books.number(connection, "select count(*) from reading") == stored
        assert books.number(connection, "select count(*) from event") == kept


def redrive_what_was_our_fault(here: Parts) -> None:
    """A good message that a mended fault of ours had set aside: what of it is known already is not doubled."""
    body = readings("late", device=["late", "fine"], at=[AT + 5, AT], value=[99.0, 1.0])
    with here.connect() as connection:
        stored = books.number(connection, "select count(*) from reading")
        row = connection.execute(
            'insert into quarantine (topic, part, "offset", key, value, reason, detail) '
            "select topic, part, next_offset + 1000000, 'late', %s, 'failed', 'mended since' from stream_offset "
            "where topic = 'city.readings.v1' limit 1 returning id", (body,)
        ).fetchone()  # fmt: skip
        assert row
        here.once("streams", "redrive", str(row[0]))
        assert here.run("streams", "redrive", str(row[0])).returncode == 1
        here.wait_quiet()
        assert books.number(connection, "select count(*) from reading") == stored + 1
        opened = "select count(*) from incident where subject = 'device:late/rule:level'"
        assert books.number(connection, opened) == 1
        connection.execute("delete from quarantine where id = %s", (row[0],))
        lines = [*books.inner_lines(connection), *books.topic_lines(connection, here.bootstrap)]
        assert [line for line in lines if not line.sound] == []
