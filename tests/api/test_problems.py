"""Every refusal is an RFC 9457 problem in Chinese and English with a stable code."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import api
import grid
import incidents
from api import problems
from api.app import create_app
from api.settings import Settings
from grid.errors import CityError
from tests.api.town import a_report, token

pytestmark = pytest.mark.real


def _every_error() -> Iterator[type[CityError]]:
    for package in (grid, incidents, api):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if (
                not module.name.endswith(("__main__", ".compiled"))
                and ".migrations" not in module.name
            ):
                importlib.import_module(module.name)
    waiting = [CityError]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting.extend(kind.__subclasses__())


def test_every_error_of_ours_has_a_status_and_a_title_in_both_languages() -> None:
    kinds = [kind for kind in _every_error() if kind.__module__.split(".")[0] != "tests"]
    assert len(kinds) > 10
    without = [k.__name__ for k in kinds if k.code not in problems.STATUS]
    untitled = [k.__name__ for k in kinds if k.code not in problems.TITLES]
    assert not without, f"give these a status in api/problems.py: {without}"
    assert not untitled, f"give these a title in api/problems.py: {untitled}"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("DELETE", "/api/v1/incidents", 405, "method_not_allowed"),
        ("GET", "/api/v1/incidents/1101012026010199999", 404, "incident_unknown"),
        ("GET", "/api/v1/incidents/nonsense", 404, "incident_unknown"),
        ("GET", "/api/v1/incidents?colour=red", 422, "invalid"),
        ("GET", "/api/v1/incidents?limit=1001", 422, "invalid"),
        ("GET", "/api/v1/incidents?bbox=1,2,3", 422, "invalid"),
        ("GET", "/api/v1/incidents?bbox=nan,nan,nan,nan", 422, "invalid"),
        ("GET", "/api/v1/incidents?cursor=%00", 422, "cursor_invalid"),
        ("GET", "/api/v1/incidents?opened_after=0001-01-01T00:00:00%2B14:00", 422, "invalid"),
        ("GET", "/api/v1/incidents/%00", 422, "invalid"),
        ("GET", "/api/v1/grid/cells/99999999999999", 404, "unknown"),
        ("GET", "/api/v1/devices/nobody/readings?metric=x", 404, "unknown"),
        ("GET", "/assets/..%2fapp.py", 404, "not_found"),
    ],
)
def test_what_is_not_there_or_not_valid_is_named(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path, headers=token("shift_lead"))
    assert answer.status_code == status, answer.text
    _is_problem(answer.headers["content-type"], answer.json(), code)


def _is_problem(media_type: str, body: dict[str, object], code: str) -> None:
    assert media_type == "application/problem+json"
    assert body["code"] == code
    assert body["type"] == f"urn:yiwang:problem:{code}"
    for member in ("title", "title_en", "detail", "detail_en"):
        assert body[member]


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/api/v1/incidents", "GET"),
        ("/api/v1/incidents/1/moves", "GET, POST"),
        ("/api/v1/rules", "GET, PUT"),
    ],
)
def test_a_wrong_method_says_which_are_right(client: TestClient, path: str, right: str) -> None:
    answer = client.delete(path, headers=token("wall"))
    assert answer.status_code == 405
    assert answer.headers["allow"] == right


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"", b'{"text": NaN'])
def test_a_body_that_is_no_json_is_a_400_or_422(client: TestClient, body: bytes) -> None:
    headers = {**token("inspector"), "Content-Type": "application/json"}
    answer = client.post("/api/v1/reports", content=body, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_too_large_is_a_413(client: TestClient, announced: bool) -> None:
    headers = {**token("inspector"), "Content-Type": "application/json"}
    body = b" " * 9_000_000
    content = body if announced else iter([body[:5_000_000], body[5_000_000:]])
    answer = client.post("/api/v1/reports", content=content, headers=headers)
    assert answer.status_code == 413
    _is_problem(answer.headers["content-type"], answer.json(), "too_large")


def test_what_is_wrong_in_a_body_is_pointed_at(client: TestClient) -> None:
    body = a_report()
    del body["position"]["datum"]
    body["position"]["lon"] = 1000
    body["tset"] = "井盖"
    answer = client.post("/api/v1/reports", json=body, headers=token("inspector"))
    assert answer.status_code == 422
    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert pointers == {"/position/datum", "/position/lon", "/tset"}


def test_a_form_nobody_here_writes_is_a_406(client: TestClient) -> None:
    answer = client.get("/api/v1/incidents", headers={**token("wall"), "Accept": "image/png"})
    assert answer.status_code == 406
    assert "text/csv" in answer.json()["have"]


def test_without_its_database_the_api_starts_and_asks_to_wait(
    tmp_path: Path, free_port: int
) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port}/nothing"
    settings = Settings(database_url=url, kafka="127.0.0.1:1", home=tmp_path, api_connections=2)
    with TestClient(create_app(settings), raise_server_exceptions=False) as asked:
        assert asked.get("/livez").status_code == 200
        ready = asked.get("/readyz")
        assert ready.status_code == 503
        assert not ready.json()["checks"]["database"]["ok"]
        answer = asked.get("/api/v1/incidents", headers=token("wall"))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        _is_problem(answer.headers["content-type"], answer.json(), "unavailable")
