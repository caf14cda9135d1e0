"""Pictures that machines send to the API: for their events only, in a queue of their own, and theirs alone until then."""

from __future__ import annotations

import threading

import pytest
from starlette.testclient import TestClient

from api.darkroom import MACHINES_WAIT, Darkroom
from api.pictures import Developed, Taken
from api.problems import Problem
from incidents.postgres import media_store
from tests.api.photos import a_photo, fresh, send
from tests.api.town import Town, report, token
from tests.journey.system import until


@pytest.mark.real
def test_a_machines_picture_is_of_the_scene_and_nobody_else_sees_it_yet(
    client: TestClient,
) -> None:
    headers = {**token("ingest"), "Content-Type": "image/png"}
    answer = client.post("/api/v1/media", content=a_photo(40, 30, "PNG"), headers=headers)
    assert (answer.status_code, answer.json()["kind"]) == (201, "scene")
    for who in ("dispatcher", "auditor", "wall", "ingest"):
        assert client.get(answer.json()["url"], headers=token(who)).status_code == 403
    again = client.post("/api/v1/media", content=a_photo(40, 30, "PNG"), headers=headers)
    assert (again.status_code, again.json()["id"]) == (200, answer.json()["id"])


@pytest.mark.real
def test_a_form_of_a_machine_does_as_well(client: TestClient) -> None:
    form = {"file": ("frame.jpg", fresh(), "image/jpeg")}
    answer = client.post("/api/v1/media", files=form, headers=token("ingest"))
    assert (answer.status_code, answer.json()["kind"]) == (201, "scene")


@pytest.mark.real
def test_a_machine_sends_nothing_straight_to_an_incident(client: TestClient) -> None:
    number = report(client, 3, 3)
    answer = send(client, fresh(), "ingest", incident=number)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "media" in answer.json()["detail"]


@pytest.mark.real
def test_a_persons_report_cannot_take_a_machines_picture(client: TestClient) -> None:
    id_ = send(client, fresh(), "ingest").json()["id"]
    body = {"text": "x", "position": {"lon": 0.0, "lat": 0.0, "datum": "wgs84"}, "media": [id_]}
    answer = client.post("/api/v1/reports", json=body, headers=token("inspector"))
    assert (answer.status_code, answer.json()["code"]) == (422, "media_refused")


@pytest.mark.real
def test_hundreds_of_cameras_may_wait_where_a_person_may_not(
    client: TestClient, town: Town
) -> None:
    with town.connect() as connection:
        connection.execute(
            """insert into media (id, account, kind, received_sha256, sha256, size, width, height)
               select md5(n || a), a, 'scene', decode(md5(n || a), 'hex'), '', 1, 1, 1
                 from generate_series(1, %s) n, unnest(array['ingest', 'inspector']) a""",
            [media_store.MOST_UNATTACHED],
        )
        try:
            assert send(client, fresh(), "inspector").json()["code"] == "media_refused"
            assert send(client, fresh(), "ingest").status_code == 201
        finally:
            connection.execute("delete from media where size = 1")


class _SlowRoom(Darkroom):
    """Develops when it is let; a real one in its queues."""

    def __init__(self) -> None:
        super().__init__(places=2)
        self.let = threading.Event()
        self.began = threading.Semaphore(0)

    def _developed(self, data: bytes) -> Developed:
        self.began.release()
        if data == b"camera":
            assert self.let.wait(30)
        return Developed(data, b"", 1, 1, Taken())


def test_a_flood_of_cameras_waits_in_a_queue_of_its_own_and_is_told_to_come_back() -> None:
    room = _SlowRoom()
    cameras = [
        threading.Thread(target=room.develop_of_machine, args=(b"camera",))
        for _ in range(MACHINES_WAIT)
    ]
    for camera in cameras:
        camera.start()
    room.began.acquire(timeout=30)
    until(lambda: room._machines._value == 0, 30, lambda: "they do not queue")
    with pytest.raises(Problem) as told:
        room.develop_of_machine(b"one more")
    assert (told.value.status, told.value.headers) == (503, {"Retry-After": "2"})
    assert room.develop(b"inspector").picture == b"inspector"
    room.let.set()
    for camera in cameras:
        camera.join(30)
    assert room.develop_of_machine(b"after").picture == b"after"
