"""Live changes from a real broker: in order, without gap or double, to each what he may see."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from local import ports
from local.kafka import LocalKafka
from local.postgres import LocalPostgres
from tests.api.town import DISTRICT, Town, settle, token
from tests.conftest import cloned_database

pytestmark = pytest.mark.real

TOPIC = "city.incidents.v1"
RING = 100


@dataclass
class Api:
    """The API as a process of its own, as it is run in earnest."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, path: str, who: str, **headers: str) -> http.client.HTTPResponse:
        """One request; a stream's answer is read by who asked."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        line.request("GET", path, headers={**token(who), **headers})
        return line.getresponse()


@contextlib.contextmanager
def an_api(url: str, kafka: str, home: Path, **settings: str) -> Iterator[Api]:
    """Started and stopped; killed if it will not stop."""
    port = int(settings.get("YIWANG_API_PORT", 0)) or ports.free_port()
    environ = {k: v for k, v in os.environ.items() if not k.startswith("YIWANG_")} | {
        "YIWANG_DATABASE_URL": url,
        "YIWANG_KAFKA": kafka,
        "YIWANG_HOME": str(home),
        "YIWANG_API_PORT": str(port),
        **settings,
    }
    log = home / "api.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "api", "serve"], env=environ, stdout=out, stderr=out
        )
    api = Api(port, process, log)
    try:
        _until(lambda: _answers(api), 60, log.read_text)
        yield api
    finally:
        process.kill()
        process.wait()


def _answers(api: Api) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        answer = api.ask("/readyz", "wall")
        told = json.loads(answer.read())
        return bool(told["checks"]["kafka"]["ok"])
    return False


def _until(condition: Any, seconds: float, explain: Any = lambda: "") -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, explain()
        time.sleep(0.02)


@pytest.fixture(scope="module")
def town(postgres_server: LocalPostgres) -> Iterator[Town]:
    with cloned_database(postgres_server) as url:
        yield settle(url)


@pytest.fixture(scope="module")
def topic(kafka_server: LocalKafka) -> Iterator[str]:
    """A topic of this module alone: the prefix before its name."""
    prefix = f"live{os.getpid()}-{time.monotonic_ns()}-"
    admin = KafkaAdminClient(bootstrap_servers=kafka_server.bootstrap)
    admin.create_topics([NewTopic(prefix + TOPIC, 1, 1)])
    yield prefix
    admin.delete_topics([prefix + TOPIC])
    admin.close()


@pytest.fixture(scope="module")
def api(
    town: Town, kafka_server: LocalKafka, topic: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    home = tmp_path_factory.mktemp("home")
    with an_api(
        town.url,
        kafka_server.bootstrap,
        home,
        YIWANG_TOPIC_PREFIX=topic,
        YIWANG_API_LIVE_RING=str(RING),
    ) as started:
        yield started


@dataclass
class Teller:
    """Puts facts on the topic."""

    producer: Any
    topic: str
    told: int = 0

    def tell(self, name: str, times: int = 1, **incident: Any) -> int:
        """A fact of that id; the offset of its last copy."""
        view = {"number": name, "state": "open", "version": 1, "category": COVER, "text": "王先生家门前",
                "source": "person:li", "department": None, "cell_code": f"{DISTRICT}00100101",
                "community": f"{DISTRICT}001001", "inspector": None, "media": [], **incident}  # fmt: skip
        fact = {"schema": "incident_fact.v1", "fact_id": f"{name}/1", "fact": "incident_opened", "number": name,
                "version": 1, "at": "2026-11-24T00:00:00Z", "by_role": "system", "from_state": None,
                "incident": view}  # fmt: skip
        sent = [self.producer.send(self.topic, msgspec.json.encode(fact)) for _ in range(times)]
        return int([one.get(10).offset for one in sent][-1])


COVER = "gb47678.5-2026/component/01001"


@pytest.fixture(scope="module")
def teller(kafka_server: LocalKafka, topic: str) -> Iterator[Teller]:
    producer = KafkaProducer(bootstrap_servers=kafka_server.bootstrap, linger_ms=0)
    yield Teller(producer, topic + TOPIC)
    producer.close()


@dataclass
class Stream:
    """An open stream, read in a thread."""

    answer: http.client.HTTPResponse
    events: list[tuple[str, str, Any]] = field(default_factory=list)
    last_id: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    def read(self) -> None:
        """Until it ends."""
        fields: dict[str, str] = {}
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            while raw := self.answer.readline():
                line = raw.decode().rstrip("\n")
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                    continue
                self.last_id = fields.get("id", self.last_id)
                if "data" in fields:
                    self.events.append(
                        (self.last_id, fields.get("event", ""), json.loads(fields["data"]))
                    )
                fields = {}
        self.ended.set()

    @property
    def numbers(self) -> list[str]:
        """The incidents told of, in order."""
        return [data["number"] for _, event, data in self.events if event == "incident"]

    def wait_for(self, number: str) -> None:
        """Until that incident was told of."""
        _until(lambda: number in self.numbers, 20, lambda: str(self.events[-5:]))


@contextlib.contextmanager
def watching(
    api: Api, who: str = "shift_lead", query: str = "", **headers: str
) -> Iterator[Stream]:
    """A stream that is open: its first id has come."""
    answer = api.ask(f"/api/v1/live{query}", who, **headers)
    assert answer.status == 200, answer.read()
    assert answer.headers["content-type"].startswith("text/event-stream")
    stream = Stream(answer)
    reader = threading.Thread(target=stream.read, daemon=True)
    reader.start()
    time.sleep(0.2)
    try:
        yield stream
    finally:
        with contextlib.suppress(OSError, AttributeError):
            answer.fp.raw._sock.shutdown(2)  # type: ignore[attr-defined]
        reader.join(5)


def test_changes_come_in_order_and_a_repeated_fact_once(api: Api, teller: Teller) -> None:
    with watching(api) as stream:
        for n in range(5):
            teller.tell(f"order-{n}", times=2)
        stream.wait_for("order-4")
        teller.tell("order-2")
        teller.tell("order-5")
        stream.wait_for("order-5")
    assert stream.numbers == [f"order-{n}" for n in range(6)]
    ids = [int(i) for i, _, _ in stream.events]
    assert ids == sorted(ids)
    assert stream.events[0][2]["incident"]["cell"] == f"{DISTRICT}00100101"


def test_a_phone_hears_only_of_what_its_holder_reported_or_inspects(
    api: Api, teller: Teller
) -> None:
    name = "inspector"
    with watching(api, "inspector", "?mine=true") as stream:
        teller.tell("mine-0")
        teller.tell("mine-1", inspector=name)
        teller.tell("mine-2", inspector="another")
        teller.tell("mine-3", source=f"person:{name}")
        stream.wait_for("mine-3")
    assert stream.numbers == ["mine-1", "mine-3"]


def test_who_reconnects_misses_nothing_and_sees_nothing_twice(api: Api, teller: Teller) -> None:
    with watching(api) as before:
        teller.tell("gap-0", times=2)
        before.wait_for("gap-0")
    for n in range(1, 6):
        teller.tell(f"gap-{n}")
    teller.tell("gap-0")
    with watching(api, **{"Last-Event-ID": before.last_id}) as after:
        teller.tell("gap-6")
        after.wait_for("gap-6")
    assert after.numbers == [f"gap-{n}" for n in range(1, 7)]


def test_who_saw_nothing_yet_resumes_from_where_he_came(api: Api, teller: Teller) -> None:
    with watching(api) as before:
        _until(lambda: before.last_id != "", 5)
    assert before.events == []
    teller.tell("quiet-1")
    with watching(api, **{"Last-Event-ID": before.last_id}) as after:
        after.wait_for("quiet-1")
    assert after.numbers == ["quiet-1"]


def test_who_was_away_longer_than_the_ring_gets_it_from_kafka(api: Api, teller: Teller) -> None:
    with watching(api) as before:
        teller.tell("long-first")
        before.wait_for("long-first")
        last = before.last_id
    names = [f"long-{n}" for n in range(2 * RING)]
    for name in names:
        teller.tell(name)
    teller.tell("long-first")  # a repetition far behind its first telling
    teller.tell("long-end")
    with watching(api) as now:
        teller.tell("long-now")
        now.wait_for("long-now")
    with watching(api, **{"Last-Event-ID": last}) as after:
        after.wait_for("long-now")
    assert after.numbers == [*names, "long-end", "long-now"]


def test_an_id_from_the_future_is_told_to_read_the_list_again(api: Api, teller: Teller) -> None:
    with watching(api, **{"Last-Event-ID": "999999999"}) as stream:
        _until(lambda: stream.events, 10)
        teller.tell("future")
        stream.wait_for("future")
    assert stream.events[0][1] == "reset"
    assert int(stream.events[0][0]) < 999999999


def test_an_id_that_is_none_is_refused(api: Api) -> None:
    for wrong in ("abc", "-1", "1.5", "9" * 30):
        assert api.ask("/api/v1/live", "wall", **{"Last-Event-ID": wrong}).status == 422


def test_each_sees_what_is_his(api: Api, teller: Teller, town: Town) -> None:
    mine, theirs = town.departments
    with (
        watching(api, "department") as department,
        watching(api, "bureau") as bureau,
        watching(api, "street-2") as street,
        watching(api, "wall") as wall,
        watching(api, "shift_lead") as lead,
    ):
        teller.tell("his-1", department=mine)
        teller.tell("his-2", department=theirs)
        teller.tell("his-3", cell_code=f"{DISTRICT}00200101", department=mine)
        teller.tell("his-4", cell_code=None, community=None)
        teller.tell("his-5", cell_code=f"{DISTRICT}00200101", department=mine)
        for stream in (department, bureau, street, wall, lead):
            stream.wait_for("his-5")
    assert department.numbers == ["his-1", "his-3", "his-5"]
    assert bureau.numbers == ["his-1", "his-2", "his-3", "his-5"], "a department above"
    assert street.numbers == ["his-3", "his-5"]
    assert wall.numbers == lead.numbers == [f"his-{n}" for n in range(1, 6)]
    assert "王先生" in json.dumps(lead.events, ensure_ascii=False)
    assert "王先生" not in json.dumps(wall.events, ensure_ascii=False)
    assert "person:li" not in json.dumps(wall.events)


def test_what_is_no_fact_is_passed_over(api: Api, teller: Teller) -> None:
    with watching(api) as stream:
        for rubbish in (b"", b"{", b"[]", b"\xff", b'{"schema":"incident_fact.v1"}', None):
            teller.producer.send(teller.topic, rubbish, key=b"k").get(10)
        teller.tell("after-rubbish")
        stream.wait_for("after-rubbish")


@pytest.mark.slow
def test_a_stream_ends_by_itself_and_so_does_the_process_with_streams_open(
    town: Town, kafka_server: LocalKafka, topic: str, teller: Teller, tmp_path: Path
) -> None:
    settings = {"YIWANG_TOPIC_PREFIX": topic, "YIWANG_API_LIVE_MINUTES": "0.02"}
    with an_api(town.url, kafka_server.bootstrap, tmp_path, **settings) as api:
        with watching(api) as short:
            assert short.ended.wait(10)
        api.process.send_signal(signal.SIGTERM)
        api.process.wait(10)
    with an_api(town.url, kafka_server.bootstrap, tmp_path, YIWANG_TOPIC_PREFIX=topic) as api:
        with watching(api), watching(api, "wall"):
            began = time.monotonic()
            api.process.send_signal(signal.SIGTERM)
            assert api.process.wait(10) in {0, -signal.SIGTERM}
            assert time.monotonic() - began < 5
        assert re.search("Application shutdown complete", api.log.read_text())


@pytest.mark.slow
def test_an_outage_of_the_broker_is_survived(town: Town, scratch: Path, tmp_path: Path) -> None:
    broker = LocalKafka.on_free_ports(scratch / "own-kafka")
    broker.start()
    try:
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        admin.create_topics([NewTopic(TOPIC, 1, 1)])
        admin.close()
        with an_api(town.url, broker.bootstrap, tmp_path) as api, watching(api) as stream:
            broker.kill()
            _until(lambda: not _answers(api), 30)
            broker.start()
            producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
            Teller(producer, TOPIC).tell("after-the-outage")
            producer.close()
            stream.wait_for("after-the-outage")
            assert stream.numbers == ["after-the-outage"]
    finally:
        broker.stop()
