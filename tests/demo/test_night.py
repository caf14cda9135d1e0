"""New York's night goes through Kafka by a replay: timed by the script, on from where it stopped, nothing told twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import staff
from demo.night import Night
from demo.progress import Progress
from demo.script import NightScript, Second
from demo.settings import Settings
from streams import topics
from streams.settings import Settings as StreamSettings
from streams.wire import decode_events, decode_readings
from tests.journey.books import read_topic

UNUSED = "postgresql://nobody@127.0.0.1:1/none"


class Short:
    """One event and one reading a second; told to stop after the fourth."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def at(self, second: int) -> Second:
        said = Second()
        said.see("nyc311", {"id": str(second), "kind": "request"})
        said.read("beijing", [("BJ", "air.pm25", float(second))])
        if second >= 3:
            self._stop.set()
        return said


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    stop = threading.Event()
    yield Night(Short(stop), Progress(tmp_path / "traffic.json"), stop)
    stop.set()


def test_a_second_is_timed_by_this_machines_clock_and_a_second_after_the_one_before(
    night: Night,
) -> None:
    began = time.time() * 1000
    records = list(night._records())
    assert [r.topic for r in records[:2]] == [topics.READINGS, topics.REPORTS]
    assert [r.at_ms - records[0].at_ms for r in records] == [
        0,
        0,
        1000,
        1000,
        2000,
        2000,
        3000,
        3000,
    ]
    assert records[0].at_ms == pytest.approx(began, abs=5000)
    assert decode_readings(records[0].value).batch == "beijing/s0000000"
    assert decode_events(records[3].value).events[0].id == "1"


def test_after_a_standstill_it_goes_on_from_now(night: Night) -> None:
    clock = iter([0, 0, 1_000, 3_600_000, 3_601_000])
    night.clock = lambda: next(clock)
    at = [record.at_ms for record in night._records()]
    assert at == [0, 0, 1_000, 1_000, 3_600_000, 3_600_000, 3_601_000, 3_601_000]


@pytest.mark.real
def test_what_kafka_acknowledged_counts_as_played_and_the_next_start_goes_on(
    kafka: str, tmp_path: Path
) -> None:
    settings = StreamSettings(kafka=kafka, database_url=UNUSED, topic_prefix="night.")
    topics.ensure(kafka, "night.")
    stop = threading.Event()
    progress = Progress(tmp_path / "traffic.json")
    progress.second = 1
    Night(Short(stop), progress, stop).play(settings)
    assert Progress(tmp_path / "traffic.json").second == 3
    assert sorted(_events(kafka)) == ["1", "2", "3"]


def _events(kafka: str) -> list[str]:
    told = read_topic(kafka, f"night.{topics.REPORTS.name}")
    return [one.id for got in told for one in decode_events(got.value).events]


def test_the_real_script_has_something_for_the_replay_in_its_first_minute() -> None:
    script = NightScript()
    said = [script.at(second) for second in range(60)]
    assert any(each.events for each in said)
    assert any(each.readings for each in said)


def test_in_containers_the_doors_are_reached_by_their_names() -> None:
    near = Settings(host="0.0.0.0", api_port=1, gateway_port=2)
    assert (near.api, near.gateway) == (("127.0.0.1", 1), ("127.0.0.1", 2))
    named = Settings(api_host="api", gateway_host="gateway")
    assert (named.api, named.gateway) == (("api", 8000), ("gateway", 8010))


def test_the_first_incidents_of_a_district_and_day_are_closed_within_the_first_minute() -> None:
    """A call comes in the tenth second; each of seven steps waits for its rest and for the next look at the queues."""
    look_s = 1.5
    took = 10.0
    for state in (
        "reported",
        "open",
        "dispatched",
        "handling",
        "handled",
        "verifying",
        "verifying",
    ):
        incident = {"number": "9901022026112400003", "state": state, "version": 1}
        step = staff.step_for({**incident, "verified_at": None}, lambda: "CG")
        assert step is not None
        assert step.move not in {"void", "send_back", "rework"}
        took += staff.rest_s(incident) + look_s
    assert took < 55


def test_what_comes_later_and_what_machines_told_keep_their_pace() -> None:
    fourth = {"number": "9901022026112400004", "state": "handling", "version": 1}
    assert staff.rest_s(fourth) >= staff.PACES["handling"].least
    told = {"number": "9901022026112400001", "subject": "device:x/rule:y", "version": 1}
    assert staff.rest_s({**told, "state": "handling"}) >= 80
