"""A report and a move are answered the same way by the short way and by the ordinary one.

`application/json` travels express, `application/json; charset=utf-8` does not: every question is asked both ways.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from fastapi import Body, FastAPI
from starlette.testclient import TestClient

from api import problems
from api.express import LARGEST, Express
from tests.api.town import report, token

pytestmark = pytest.mark.real

EXPRESS, ORDINARY = "application/json", "application/json; charset=utf-8"
VOLATILE = {
    "stage_due_at",
    "stage_yellow_at",
    "number",
    "version",
    "changed_at",
    "reported_at",
    "opened_at",
    "first_event_at",
    "last_event_at",
}
PLACE = {"lon": 116.0, "lat": 39.0, "datum": "wgs84"}
REPORT = {"text": "井盖缺失", "position": PLACE}
OPEN = {"move": "open"}
OFFICER = {**token("intake_officer"), "If-Match": "*"}

ASKED = {
    "a report": ("reports", REPORT, token("intake_officer")),
    "a report without a place": ("reports", {"text": "x"}, token("intake_officer")),
    "a report with a member nobody knows": ("reports", {**REPORT, "x": 1}, token("inspector")),
    "a report of the future": (
        "reports",
        {**REPORT, "at": "2999-01-01T00:00:00Z"},
        token("inspector"),
    ),
    "a report from a stranger": ("reports", REPORT, {}),
    "a report with a token nobody gave": ("reports", REPORT, {"Authorization": "Bearer nope"}),
    "a report from the wall": ("reports", REPORT, token("wall")),
    "a key that is too long": (
        "reports",
        REPORT,
        {**token("inspector"), "Idempotency-Key": "k" * 300},
    ),
    "a move": ("incidents/{}/moves", OPEN, OFFICER),
    "a move without If-Match": ("incidents/{}/moves", OPEN, token("intake_officer")),
    "a move on another version": ("incidents/{}/moves", OPEN, {**OFFICER, "If-Match": '"v9"'}),
    "a move of another state": ("incidents/{}/moves", {"move": "close"}, OFFICER),
    "a move of another role": (
        "incidents/{}/moves",
        OPEN,
        {**token("inspector"), "If-Match": "*"},
    ),
    "a move that lacks its reason": ("incidents/{}/moves", {"move": "void"}, OFFICER),
    "a move without a name": ("incidents/{}/moves", {}, OFFICER),
    "a move of nothing there": ("incidents/9901012000010199999/moves", OPEN, OFFICER),
    "a number that is too long": (f"incidents/{'9' * 50}/moves", OPEN, OFFICER),
    "a list where an object belongs": ("incidents/{}/moves", [OPEN], OFFICER),
    "broken JSON": ("incidents/{}/moves", b'{"move": ', OFFICER),
    "an empty body": ("reports", b"", token("intake_officer")),
}


@pytest.mark.parametrize("name", ASKED)
def test_both_ways_give_one_answer(client: TestClient, name: str) -> None:
    path, body, headers = ASKED[name]
    number = report(client)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def ask(kind: str) -> tuple[int, Any, dict[str, str]]:
        answer = client.post(
            f"/api/v1/{path.format(number if kind == EXPRESS else other)}",
            content=content,
            headers={**headers, "Content-Type": kind},
        )
        told = json.loads(json.dumps(answer.json()).replace(number, "N").replace(other, "N"))
        heads = {k: v for k, v in answer.headers.items() if k not in {"location", "content-length"}}
        return answer.status_code, _steady(told), heads

    other = report(client)
    assert ask(EXPRESS) == ask(ORDINARY)


def _steady(told: Any) -> Any:
    if isinstance(told, dict):
        return {k: _steady(v) for k, v in told.items() if k not in VOLATILE}
    return [_steady(v) for v in told] if isinstance(told, list) else told


def test_what_travels_express_is_counted_under_its_template(client: TestClient) -> None:
    client.post("/api/v1/reports", json=REPORT, headers=token("intake_officer"))
    text = client.get("/metrics").text
    assert 'route="/api/v1/reports",status="201"' in text


def _clumsy() -> FastAPI:
    """An application whose one endpoint fails in a way nobody foresaw."""
    app = FastAPI()

    @app.post("/fall")
    def fall(given: Annotated[dict[str, int], Body()]) -> None:
        raise ZeroDivisionError(given)

    problems.install(app)
    return app


def test_what_nobody_foresaw_is_a_500_on_either_way_and_is_raised_for_the_log() -> None:
    app = _clumsy()
    express = Express(app, app, (("POST", "/fall"),))
    quiet = TestClient(express, raise_server_exceptions=False)
    for kind in (EXPRESS, ORDINARY):
        answer = quiet.post("/fall", content=b'{"a": 1}', headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        with pytest.raises(ZeroDivisionError):
            TestClient(express).post("/fall", content=b'{"a": 1}', headers={"Content-Type": kind})


def test_a_body_too_large_for_express_is_answered_the_ordinary_way(client: TestClient) -> None:
    body = json.dumps({**REPORT, "text": "x" * LARGEST}).encode()
    headers = {**token("intake_officer"), "Content-Type": EXPRESS}
    answer = client.post("/api/v1/reports", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/text"
