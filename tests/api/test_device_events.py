"""What a device told of late: to desks and departments, each as far as it may see; to no wall."""

from __future__ import annotations

import pytest
from psycopg.types.json import Jsonb
from starlette.testclient import TestClient

from tests.api.photos import fresh, sent
from tests.api.town import Town, dispatched, middle, token

pytestmark = pytest.mark.real

ADDRESS = "/api/v1/devices/cam-7/events"
_EVENT = """insert into event (source, id, origin, kind, at, subject, outcome, why, incident_id, media)
select 'video', %(id)s, 'stream', 'litter', now(), 'device:cam-7', 'joined', '', i.id, %(media)s from incident i
 where i.number = %(number)s"""


@pytest.fixture(scope="module")
def told(client: TestClient, town: Town) -> dict[str, str]:
    """A camera, and its event of an incident of the first department, with a photo kept here and an address elsewhere."""
    body = {"name": "枪机", "kind": "camera", "position": middle(4, 4)}
    assert (
        client.put("/api/v1/devices/cam-7", json=body, headers=token("shift_lead")).status_code
        == 201
    )
    number = dispatched(client, town.departments[0], 4, 4)
    photo = sent(client, fresh(), incident=number)
    media = Jsonb([photo, "https://video.example/frame.jpg"])
    with town.connect() as connection:
        connection.execute(_EVENT, {"id": "e-1", "media": media, "number": number})
    return {"number": number, "photo": photo}


def test_its_newest_events_name_the_incident_and_the_photos_kept_here(
    client: TestClient, told: dict[str, str]
) -> None:
    for who in ("dispatcher", "department"):
        (one,) = client.get(ADDRESS, headers=token(who)).json()["items"]
        assert (one["kind"], one["incident"]) == ("litter", told["number"])
        assert one["pictures"] == [f"/api/v1/media/{told['photo']}"]
        assert client.get(one["pictures"][0], headers=token(who)).status_code == 200


def test_of_an_incident_one_may_not_see_not_even_the_number_is_told(
    client: TestClient, town: Town, told: dict[str, str]
) -> None:
    other = dispatched(client, town.departments[1], 4, 5)
    with town.connect() as connection:
        connection.execute(_EVENT, {"id": "e-2", "media": Jsonb([]), "number": other})
    newest = client.get(f"{ADDRESS}?limit=1", headers=token("department")).json()["items"]
    assert [(one["id"], one["incident"], one["pictures"]) for one in newest] == [("e-2", None, [])]


def test_an_event_that_names_its_camera_beside_is_of_the_camera_too(
    client: TestClient, town: Town, told: dict[str, str]
) -> None:
    with town.connect() as connection:
        connection.execute(_EVENT, {"id": "e-3", "media": Jsonb([]), "number": told["number"]})
        connection.execute(
            "update event set subject = null, raw = %s where id = 'e-3'",
            (Jsonb({"camera": "cam-7"}),),
        )
    newest = client.get(f"{ADDRESS}?limit=1", headers=token("dispatcher")).json()["items"]
    assert [(one["id"], one["incident"]) for one in newest] == [("e-3", told["number"])]


def test_a_wall_is_not_told(client: TestClient, told: dict[str, str]) -> None:
    assert client.get(ADDRESS, headers=token("wall")).status_code == 403


def test_a_device_that_is_none_is_said(client: TestClient) -> None:
    assert client.get("/api/v1/devices/nobody/events", headers=token("auditor")).status_code == 404
