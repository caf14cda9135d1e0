"""The machines' door: who may send, what is taken, what is refused and why, and what happens without Kafka."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from incidents.lifecycle import Role
from incidents.postgres import accounts, connection
from local import ports
from local.kafka import LocalKafka
from local.postgres import LocalPostgres
from streams.wire import decode_events, decode_readings
from tests.conftest import cloned_database, empty
from tests.journey import books
from tests.journey.parts import Parts, parts
from tests.streams.builders import NOON, envelope, events

pytestmark = pytest.mark.real

READINGS, REPORTS = "city.readings.v1", "city.reports.v1"
ROW = {"device": "d1", "metric": "level", "at": NOON, "value": 1.0}


class Door:
    """A running gateway and a machine that may send."""

    def __init__(self, here: Parts, port: int) -> None:
        self.here = here
        self.seen: dict[tuple[str, int], int] = {}
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        with connection.connect(here.database_url, "test") as found:
            self.tokens = {
                name: accounts.add(found, accounts.Applicant(name, role))
                for name, role in (("gw-7", Role.INGEST), ("wall", Role.WALL))
            }
        here.more |= {"YIWANG_GATEWAY_PORT": str(port), "YIWANG_GATEWAY_PATIENCE_S": "3"}
        here.start("gateway", "streams", "gateway")

    def wait_ready(self, ready: bool = True, seconds: float = 60) -> None:
        limit = time.monotonic() + seconds
        while self._status() != (200 if ready else 503):
            assert time.monotonic() < limit, self.here.explain()
            time.sleep(0.1)

    def _status(self) -> int:
        try:
            return int(self.client.get("/readyz").status_code)
        except httpx.TransportError:
            return 0

    def post(self, what: str, who: str = "gw-7", **more: Any) -> Any:
        headers = more.pop("headers", {})
        if who:
            headers = {"authorization": f"Bearer {self.tokens.get(who, who)}", **headers}
        return self.client.post(f"/ingest/v1/{what}", headers=headers, **more)

    def forget(self) -> None:
        """Look only at what comes from now on."""
        self.seen = books.end_offsets(self.here.bootstrap, (READINGS, REPORTS))

    def in_kafka(self, topic: str) -> list[tuple[bytes, bytes]]:
        return [
            (record.key, record.value)
            for record in books.read_topic(self.here.bootstrap, topic)
            if record.offset >= self.seen.get((topic, record.partition), 0)
        ]


@pytest.fixture(scope="module")
def standing(
    postgres_server: LocalPostgres,
    kafka_server: LocalKafka,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Door]:
    """One gateway for all tests of what it answers, with a database and topics of its own."""
    home = tmp_path_factory.mktemp("door")
    with (
        cloned_database(postgres_server) as url,
        parts(url, kafka_server.bootstrap, home) as here,
    ):
        made = Door(here, ports.free_port())
        made.wait_ready()
        yield made
        made.client.close()
    empty(kafka_server.bootstrap)


@pytest.fixture
def door(standing: Door) -> Door:
    standing.forget()
    return standing


def as_json(body: bytes) -> dict[str, Any]:
    return {"content": body, "headers": {"content-type": "application/json"}}


def assert_problem(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert " / " in answer.json()["detail"]


def test_strangers_the_wrong_role_and_wrong_tokens_are_turned_away(door: Door) -> None:
    for what in ("readings", "events"):
        assert_problem(door.post(what, who="", json=[ROW]), 401, "unauthenticated")
        assert_problem(door.post(what, who="nobody", json=[ROW]), 401, "unauthenticated")
        assert_problem(door.post(what, who="wall", json=[ROW]), 403, "forbidden")
    assert door.in_kafka(READINGS) == []


def test_an_envelope_is_in_kafka_byte_for_byte_when_it_is_accepted(door: Door) -> None:
    body = envelope([("d1", 0, 1.0), ("d2", 0, 2.0)])

    answer = door.post("readings", **as_json(body))

    assert (answer.status_code, answer.json()) == (202, {"accepted": 2, "refused": []})
    assert door.in_kafka(READINGS) == [(b"gw-1", body)]


def test_rows_are_refused_one_by_one_with_their_reasons_and_the_others_travel(door: Door) -> None:
    rows: list[dict[str, Any]] = [
        ROW,
        {**ROW, "device": ""},
        {**ROW, "at": 5},
        {**ROW, "value": None},
        {"device": "d9"},
        {**ROW, "at": "2026-09-22T08:00:00+08:00"},
        {**ROW, "lon": 116.0, "lat": 40.0},
        {**ROW, "at": "2026-09-22T08:00:00"},
        {**ROW, "metric": "x" * 200},
    ]
    answer = door.post("readings", json=rows)

    refused = {one["index"]: one["reason"] for one in answer.json()["refused"]}
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert refused == {
        1: "device_unfit",
        2: "at_out_of_range",
        3: "value_missing",
        4: "not_the_schema",
        6: "datum_missing",
        7: "at_unreadable",
        8: "metric_unfit",
    }
    ((key, value),) = door.in_kafka(READINGS)
    kept = decode_readings(value)
    assert (key, kept.source, len(kept.device)) == (b"gw-7", "gw-7", 2)


def test_rows_with_places_of_two_datums_travel_in_two_envelopes(door: Door) -> None:
    place = {"lon": 116.4, "lat": 39.9}
    rows = [{**ROW, **place, "datum": "gcj02"}, {**ROW, "device": "d2", **place, "datum": "wgs84"}]
    assert door.post("readings", json=rows).json()["accepted"] == 2

    kept = [decode_readings(value) for _, value in door.in_kafka(READINGS)]
    assert sorted(str(one.datum) for one in kept) == ["gcj02", "wgs84"]


def test_one_event_an_array_and_an_envelope_of_them_are_taken(door: Door) -> None:
    one = {"id": "e1", "kind": "smoke", "at": NOON}
    assert door.post("events", json=one).json()["accepted"] == 1
    some = door.post("events", json=[{**one, "id": "e2"}, {**one, "kind": ""}, {"id": "e3"}]).json()
    assert (some["accepted"], [r["reason"] for r in some["refused"]]) == (
        1,
        ["kind_unfit", "not_the_schema"],
    )
    assert door.post("events", **as_json(events({}, {}, source="cam-2"))).json()["accepted"] == 2

    kept = [decode_events(value) for _, value in door.in_kafka(REPORTS)]
    assert sorted((e.source, len(e.events)) for e in kept) == [
        ("cam-2", 2),
        ("gw-7", 1),
        ("gw-7", 1),
    ]


def test_what_is_too_large_of_another_kind_or_not_to_be_read_is_a_problem(door: Door) -> None:
    assert_problem(door.post("readings", **as_json(b" " * 900_001)), 413, "too_large")
    text = {"content-type": "text/plain"}
    assert_problem(door.post("readings", content=b"x", headers=text), 415, "media_type")
    assert_problem(door.post("readings", **as_json(b'{"schema"')), 422, "not_json")
    assert_problem(door.post("readings", **as_json(b"\xff")), 422, "not_json")
    assert_problem(door.post("readings", **as_json(b"{}")), 422, "not_the_schema")
    for deep in (b"[" * 5000, b'{"schema":"readings.v1","x":' + b"[" * 5000):
        assert_problem(door.post("readings", **as_json(deep)), 422, "too_deep")
    uneven = envelope([("d1", 0, 1.0)], at=[])
    assert_problem(door.post("readings", **as_json(uneven)), 422, "columns_differ")
    nameless = envelope([("d1", 0, 1.0)], source="")
    assert_problem(door.post("readings", **as_json(nameless)), 422, "source_unfit")
    answer = door.post("readings", json=[{**ROW, "value": None}])
    assert_problem(answer, 422, "nothing_accepted")
    assert answer.json()["refused"][0]["reason"] == "value_missing"
    assert door.in_kafka(READINGS) == []


def test_an_unknown_feed_is_answered_with_those_that_are_known(door: Door) -> None:
    answer = door.post("frigate", json={})

    assert_problem(answer, 404, "feed_unknown")
    assert answer.json()["known"] == ["readings", "events"]
    pictures = door.post("media", content=b"x")
    assert_problem(pictures, 404, "feed_unknown")
    assert "POST /api/v1/media" in pictures.json()["detail"]


def test_the_same_key_and_body_get_the_same_answer_and_no_second_message(door: Door) -> None:
    body = as_json(envelope([("d1", 0, 1.0), ("d2", 0, None)]))
    body["headers"]["idempotency-key"] = "once"

    answers = [door.post("readings", **body).content for _ in range(3)]

    assert len(set(answers)) == 1
    assert len(door.in_kafka(READINGS)) == 1


@pytest.mark.slow
def test_without_kafka_nothing_is_accepted_and_with_it_again_everything_is(
    postgres_server: LocalPostgres, tmp_path: Path, free_port: int
) -> None:
    broker = LocalKafka.on_free_ports(tmp_path / "kafka")
    broker.start()
    try:
        with (
            cloned_database(postgres_server) as url,
            parts(url, broker.bootstrap, tmp_path / "home") as here,
        ):
            door = Door(here, free_port)
            door.wait_ready()
            broker.kill()

            answer = door.post("readings", json=[ROW])
            assert_problem(answer, 503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
            assert door.client.get("/livez").status_code == 200
            door.wait_ready(ready=False)

            broker.start()
            door.wait_ready()
            assert door.post("readings", json=[ROW]).status_code == 202
            stored = {decode_readings(v).device[0] for _, v in door.in_kafka(READINGS)}
            assert stored == {"d1"}
            door.client.close()
    finally:
        broker.stop()


def test_when_too_many_wait_the_next_is_told_to_come_back(
    door: Door, tmp_path: Path, free_port: int
) -> None:
    """A body that never ends holds the one place there is."""
    port = free_port
    here = Parts(door.here.database_url, door.here.bootstrap, tmp_path)
    here.more = {"YIWANG_GATEWAY_PORT": str(port), "YIWANG_GATEWAY_IN_FLIGHT": "1"}
    here.start("narrow", "streams", "gateway")
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
    headers = {"authorization": f"Bearer {door.tokens['gw-7']}"}
    try:
        limit = time.monotonic() + 60
        while True:
            try:
                if client.get("/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            assert time.monotonic() < limit, here.explain()
            time.sleep(0.1)
        with socket.create_connection(("127.0.0.1", port)) as held:
            held.sendall(
                b"POST /ingest/v1/readings HTTP/1.1\r\nhost: x\r\nauthorization: "
                + headers["authorization"].encode()
                + b"\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n["
            )
            time.sleep(0.5)
            answer = client.post("/ingest/v1/readings", headers=headers, json=[ROW])
            assert_problem(answer, 503, "full")
            assert int(answer.headers["retry-after"]) > 0
        time.sleep(0.5)
        assert client.post("/ingest/v1/readings", headers=headers, json=[ROW]).status_code == 202
    finally:
        client.close()
        process = here.running.pop("narrow")
        process.kill()
        process.wait()
