"""A camera's picture all the way: sent, named in an event through the gateway, taken in by a worker, seen at the desk only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from local.ports import free_ports
from tests.api.photos import a_photo
from tests.journey import scene
from tests.journey.parts import Parts, parts
from tests.journey.system import until

pytestmark = pytest.mark.real

CATEGORY = "scene/matter/spillage"
ASKED = ("lead", "intake", "dispatcher", "inspector", "dept-a", "dept-b", "auditor", "wall")


class City:
    """Gateway, one worker and API, and a hand for each account."""

    def __init__(self, here: Parts) -> None:
        self.here = here
        ports = free_ports(("gateway", "api"))
        here.more |= {f"YIWANG_{door.upper()}_PORT": str(port) for door, port in ports.items()}
        here.start("gateway", "streams", "gateway")
        here.start("api", "api", "serve")
        here.workers("w1")
        self._url = {door: f"http://127.0.0.1:{port}" for door, port in ports.items()}
        self._client = httpx.Client(timeout=30)
        until(self._there, 60, here.explain)

    def _there(self) -> bool:
        try:
            answers = [self._client.get(f"{url}/livez") for url in self._url.values()]
        except httpx.TransportError:
            time.sleep(0.1)
            return False
        return all(answer.status_code == 200 for answer in answers)

    def ask(self, method: str, path: str, who: str, door: str = "api", **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {scene.token_of(who)}", **more.pop("headers", {})}
        return self._client.request(method, self._url[door] + path, headers=headers, **more)

    def picture(self, data: bytes) -> Any:
        headers = {"Content-Type": "image/jpeg"}
        return self.ask("POST", "/api/v1/media", "machines", content=data, headers=headers)

    def tell(self, id_: str, media: list[str]) -> Any:
        lon, lat = scene.middle(4, 4)
        event = {
            "id": id_,
            "kind": "spillage",
            "category": CATEGORY,
            "at": int(time.time() * 1000),
            "lon": lon,
            "lat": lat,
            "datum": "wgs84",
            "raw": {"camera": "cam-1"},
            "media": media,
        }
        return self.ask("POST", "/ingest/v1/events", "machines", "gateway", json=event)


@pytest.fixture
def city(database_url: str, kafka: str, tmp_path: Path) -> Iterator[City]:
    bodies: dict[str, dict[str, Any]] = {
        "rules": {"rules": [scene.reported("spillage", [CATEGORY])]},
        "routes": {"routes": [scene.automatic_route("r", [CATEGORY], "A")]},
        "standards": scene.standards([CATEGORY], {CATEGORY: (50.0, 60)}),
    }
    scene.settle(database_url, bodies, {"cam-1": (4, 4)})
    with parts(database_url, kafka, tmp_path) as here:
        yield City(here)


def test_a_cameras_picture_is_seen_with_its_incident_by_those_who_may_and_never_by_a_wall(
    city: City,
) -> None:
    kept = city.picture(a_photo(64, 48))
    assert kept.status_code == 201, kept.text
    first = kept.json()["id"]
    bad = city.picture(b"<svg/>")
    assert (bad.status_code, bad.json()["reason"]) == (415, "markup")
    second = city.picture(a_photo(48, 64)).json()["id"]

    assert city.tell("e1", [first]).json() == {"accepted": 1, "refused": []}
    answer = city.tell("e2", [second, "0" * 32, "http://nvr/1.jpg"]).json()
    assert (answer["accepted"], answer["refused"]) == (1, [])
    assert [(one["index"], one["media"], one["reason"]) for one in answer["media_missing"]] == [
        (0, "0" * 32, "unknown"),
        (0, "http://nvr/1.jpg", "elsewhere"),
    ]
    city.here.wait_quiet()

    (one,) = city.ask("GET", "/api/v1/incidents", "lead").json()["items"]
    assert one["reports"] == 2
    here = f"/api/v1/incidents/{one['number']}"
    shown = city.ask("GET", f"{here}/media", "lead").json()
    assert [(p["id"], p["move"], p["device"]) for p in shown] == [
        (first, "event", "cam-1"),
        (second, "event", "cam-1"),
    ]
    behind = city.ask("GET", f"{here}/explanation", "lead").json()["events"]
    assert [event["pictures"] for event in behind] == [1, 1]
    assert behind[1]["pictures_left_out"] == [
        {"media": "0" * 32, "reason": "unknown"},
        {"media": "http://nvr/1.jpg", "reason": "elsewhere"},
    ]
    lines = city.ask("GET", f"{here}/history", "auditor").json()
    assert [line["data"]["media"] for line in lines if "media" in line["data"]] == [
        [first],
        [second],
    ]
    may = {who: city.ask("GET", f"/api/v1/media/{first}", who).status_code for who in ASKED}
    assert may == dict.fromkeys(ASKED, 200) | {"dept-b": 403, "wall": 403}
    assert city.ask("GET", f"/api/v1/media/{first}", "machines").status_code == 403
    told = city.ask("GET", here, "wall").json()
    assert (told["media"], told["text"]) == ([], "")
    assert city.ask("GET", f"{here}/media", "wall").status_code == 403
