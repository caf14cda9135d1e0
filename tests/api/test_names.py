"""The names a phone chooses from: today's only, small, and not sent twice."""

from __future__ import annotations

import gzip

import pytest
from starlette.testclient import TestClient

from tests.api.town import token

pytestmark = pytest.mark.real
NAMES = "/api/v1/standards/names"
INSPECTOR = token("inspector")


def test_names_are_those_that_may_be_filed_today_and_fit_a_weak_network(
    client: TestClient,
) -> None:
    answer = client.get(NAMES, headers=INSPECTOR)
    assert answer.status_code == 200, answer.text
    whole = client.get("/api/v1/standards", headers=INSPECTOR)
    body = whole.json()["body"]
    named = {one["key"] for one in answer.json()["categories"]}
    ended = {one["key"] for one in body["categories"] if one.get("valid_to", "9") < "2026-07-01"}
    assert named
    assert ended
    assert not named & ended
    assert {one["code"] for one in answer.json()["departments"]} == {
        one["code"] for one in body["departments"]
    }
    assert all(one["zh"] and one["major"] for one in answer.json()["categories"])
    assert len(gzip.compress(answer.content)) < 15_000
    assert len(answer.content) * 5 < len(whole.content)


def test_names_the_phone_has_are_not_sent_again(client: TestClient) -> None:
    tag = client.get(NAMES, headers=INSPECTOR).headers["etag"]
    again = client.get(NAMES, headers={**INSPECTOR, "If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(NAMES, headers=token("wall")).status_code == 403
