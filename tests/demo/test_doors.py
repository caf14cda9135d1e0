"""The demo's two sides against a door that opens, refuses, and shuts: nothing is lost, nobody hammers."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from api.pictures import develop
from demo import snapshot, staff
from demo.city import build
from demo.door import Door, Shut, Waiting
from demo.machines import Album, Machines, envelope, event_envelope
from demo.patrols import Patrols, walks
from demo.people import Office
from demo.progress import Progress
from demo.script import CityScript, Second
from demo.traffic import Player
from incidents.lifecycle import MOVES, Role, State, check_move
from streams.wire import decode_events, decode_readings, encode


@dataclass
class Street:
    """A small real HTTP server: what it heard, and what it answers next."""

    port: int
    heard: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)
    status: int = 202
    answer: Any = field(default_factory=lambda: {"accepted": 1, "refused": []})


@pytest.fixture
def street() -> Iterator[Street]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            picture = self.headers.get("Content-Type", "").startswith("image/")
            said = body if picture else json.loads(body or "null")
            here.heard.append((self.path, said, dict(self.headers)))
            body = json.dumps(here.answer).encode()
            self.send_response(here.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = _reply  # noqa: N815 - the names http.server asks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Street(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield here
    server.shutdown()
    server.server_close()
    thread.join()


def _machines(street: Street) -> tuple[Machines, list[str]]:
    said: list[str] = []
    return Machines(Door("127.0.0.1", street.port, "t"), said.append), said


def _second() -> Second:
    second = Second()
    second.read("gw", [("A", "m", 1.0)])
    second.see("video", {"id": "1", "kind": "x"})
    return second


def test_what_machines_tell_is_an_envelope_the_intake_can_read() -> None:
    said = CityScript(build()).at(6)
    assert said.readings
    for source, readings in said.readings.items():
        read = decode_readings(encode(envelope(source, "s6", 1_800_000_000_000, readings)))
        assert read.source == source
        assert len(read.device) == len(readings)
    told = event_envelope("video", "s6", 1_800_000_000_000, [{"id": "1", "kind": "x"}])
    assert decode_events(encode(told)).events[0].at == 1_800_000_000_000


def test_a_shut_gateway_loses_nothing_and_keeps_the_order(street: Street) -> None:
    machines, said = _machines(street)
    street.status = 503
    for name in ("s1", "s2", "s3"):
        machines.tell(_second(), name, 1)
    machines.deliver()
    machines.deliver()  # too early: not even tried
    assert len(street.heard) == 1
    assert len(said) == 1
    street.status = 202
    machines._not_before = 0.0
    street.heard.clear()
    machines.deliver()
    assert [body["batch"] for _, body, _ in street.heard] == [
        f"{source}/{name}" for name in ("s1", "s2", "s3") for source in ("gw", "video")
    ]


def test_what_the_gateway_refuses_is_said_and_not_sent_again(street: Street) -> None:
    machines, said = _machines(street)
    street.answer = {"accepted": 0, "refused": [{"index": 0, "reason": "value"}]}
    machines.tell(_second(), "s1", 1)
    machines.deliver()
    machines.deliver()
    assert len(street.heard) == 2
    assert machines.refused == 2
    assert len(said) == 2


def test_nobody_at_the_door_is_shut() -> None:
    with pytest.raises(Shut):
        Door("127.0.0.1", 1, "t").ask("/")


def test_a_kept_connection_the_other_side_let_go_is_made_anew(street: Street) -> None:
    door = Door("127.0.0.1", street.port, "t")
    assert door.tell("/", {"n": 1}).fine
    assert door._connection is not None
    door._connection.sock.shutdown(socket.SHUT_RDWR)  # what an idle time-out looks like from here
    assert door.tell("/", {"n": 2}).fine
    assert [body["n"] for _, body, _ in street.heard] == [1, 2]


def test_waiting_grows_to_a_limit_and_starts_anew_after_success() -> None:
    waiting = Waiting()
    waits = [waiting.longer() for _ in range(8)]
    assert waits == sorted(waits)
    assert waits[-1] == waits[-2]
    waiting.over()
    assert waiting.longer() == waits[0]


def test_every_state_somebody_works_on_is_left_by_a_move_the_table_allows() -> None:
    for state in staff.PACES:
        for n in range(300):
            incident = {"state": state, "number": f"{n}", "version": 3, "verified_at": None}
            for verified in (None, "2026-01-01T00:00:00Z"):
                step = staff.step_for({**incident, "verified_at": verified}, lambda: "CG")
                assert step is not None
                check_move(State(state), step.move, Role(step.role))
                assert set(map(str, MOVES[step.move].needs)) - {"verified"} <= set(step.given)


def test_now_and_then_something_is_voided_sent_back_and_done_again() -> None:
    moves = {
        step.move
        for state in staff.PACES
        for n in range(300)
        if (
            step := staff.step_for(
                {"state": state, "number": f"{n}", "version": 3, "verified_at": None}, lambda: "CG"
            )
        )
    }
    assert {"void", "send_back", "rework"} < moves


def test_a_desk_whose_api_is_away_waits_and_works_on_afterwards(street: Street) -> None:
    said: list[str] = []
    rows = {
        "lead": {"role": "shift_lead"},
        "intake": {"role": "intake_officer"},
        "inspector-1": {"role": "inspector", "area": "1"},
    }
    doors = {name: Door("127.0.0.1", street.port, name) for name in rows}
    office = Office(doors, rows, lambda _: "CG", said.append)
    street.status = 503
    office.work()
    assert not office.report("k", {"text": "x"}, "citizen")
    assert len(said) == 1
    street.status, street.answer = 200, {"items": [], "next": None}
    office._look_at = 0.0
    office.work()
    assert office.report("k", {"text": "x"}, "citizen")
    assert street.heard[-1][2]["Idempotency-Key"] == "k"


def test_patrols_tell_where_they_walk_and_walk_on(street: Street) -> None:
    rows = {"patrol-990102001": {"area": "990102001"}, "inspector-990102": {"area": "990102"}}
    doors = {name: Door("127.0.0.1", street.port, name) for name in rows}
    walk = walks(build(), rows)
    assert list(walk) == ["patrol-990102001"]
    patrols = Patrols(doors, walk)
    for moment in (1000.0, 1001.0, 1200.0):  # the second is too soon
        patrols.walk(moment)
    assert [path for path, _, _ in street.heard] == ["/api/v1/duty/position"] * 2
    first, second = (said["position"] for _, said, _ in street.heard)
    assert first != second
    assert {(p["lon"], p["lat"]) for p in (first, second)} <= set(walk["patrol-990102001"])
    street.status = 503
    patrols.walk(2000.0)
    assert patrols.told == 2


def test_playing_goes_on_from_the_second_at_which_it_stopped(
    street: Street, tmp_path: Path
) -> None:
    file = tmp_path / "traffic.json"
    file.write_text('{"second": 41}')
    progress, stop = Progress(file), threading.Event()
    machines, _ = _machines(street)

    class Once:
        def at(self, second: int) -> Second:
            stop.set()
            assert second == 41
            return _second()

    Player(Once(), progress, stop).run_machines(machines)
    assert Progress(file).second == 42
    assert street.heard[0][1]["batch"] == "gw/s0000041"


def test_a_torn_file_of_progress_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "traffic.json"
    file.write_text('{"sec')
    assert Progress(file).second == 0


_SEEN = {"id": "2", "kind": "spillage", "score": 0.9, "raw": {"camera": "SP-1"}}


def _filmed(street: Street, seen: dict[str, Any] = _SEEN, api: int | None = None) -> Machines:
    door, album = Door("127.0.0.1", street.port, "t"), Door("127.0.0.1", api or street.port, "t")
    machines = Machines(door, print, Album(album, print))
    second = Second()
    second.see("video", dict(seen))
    machines.tell(second, "s1", 1_800_000_000_000)
    return machines


def test_a_camera_sends_what_it_sees_before_its_event_and_the_event_names_it(
    street: Street,
) -> None:
    street.answer = {"id": "f" * 32}
    _filmed(street).deliver()
    (where, picture, headers), (then, event, _) = street.heard
    assert (where, then) == ("/api/v1/media", "/ingest/v1/events")
    assert headers["Content-Type"] == "image/jpeg"
    assert picture == snapshot.draw("SP-1", "spillage", 0.9, 1_800_000_000_000)
    assert event["events"][0]["media"] == ["f" * 32]


def test_an_event_does_not_wait_for_a_picture_that_nobody_takes(
    street: Street, free_port: int
) -> None:
    _filmed(street, api=free_port).deliver()
    assert [body["events"][0]["media"] for _, body, _ in street.heard] == [[]]


def test_a_sensors_event_has_no_picture(street: Street) -> None:
    _filmed(street, {"id": "3", "kind": "x"}).deliver()
    assert [where for where, _, _ in street.heard] == ["/ingest/v1/events"]


@pytest.mark.parametrize("kind", [*snapshot.THINGS, "anything else"])
def test_a_demo_picture_is_small_and_one_the_api_takes(kind: str) -> None:
    drawn = snapshot.draw("SP-1", kind, 0.9, 1_800_000_000_000)
    assert len(drawn) < 20_000
    assert (develop(drawn).width, develop(drawn).height) == snapshot.SIZE


def test_every_kind_of_sight_of_the_demo_has_its_scene() -> None:
    assert {seen.kind for seen in CityScript(build()).day(0).sightings} <= set(snapshot.THINGS)
