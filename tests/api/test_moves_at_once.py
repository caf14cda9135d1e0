"""Every move by two people at once, and every move twice under one key, over HTTP on a real database (issue 4 §6)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents.lifecycle import MOVES
from tests.api.town import Town, token
from tests.api.ways import Way, walked, ways

pytestmark = pytest.mark.real

BY_PEOPLE = sorted(set(MOVES) - {"self_close"})


def test_there_is_a_way_to_every_move_a_person_makes(town: Town) -> None:
    assert sorted(ways(town)) == BY_PEOPLE


def _etag(client: TestClient, number: str) -> str:
    answer = client.get(f"/api/v1/incidents/{number}", headers=token("shift_lead"))
    return str(answer.headers["etag"])


def _history(client: TestClient, number: str) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/incidents/{number}/history", headers=token("auditor"))
    rows: list[dict[str, Any]] = answer.json()
    return rows


def _at_once(client: TestClient, number: str, asked: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """The answers to requests that are sent at one moment on the version seen before."""
    etag = _etag(client, number)
    start = threading.Barrier(len(asked))

    def ask(one: tuple[str, dict[str, Any]]) -> Any:
        start.wait()
        return client.post(
            f"/api/v1/incidents/{number}/moves",
            json=one[1],
            headers={**token(one[0]), "If-Match": etag},
        )

    with ThreadPoolExecutor(len(asked)) as people:
        return list(people.map(ask, asked))


@pytest.mark.parametrize("name", BY_PEOPLE)
def test_of_two_who_make_a_move_at_once_one_wins_and_the_other_sees_how_it_stands(
    client: TestClient, town: Town, name: str
) -> None:
    way = ways(town)[name]
    number, given = walked(client, way, name)
    before = _history(client, number)
    body = {"move": name, **given}
    answers = _at_once(client, number, [(way.who, body), (way.rival or way.who, body)])
    assert sorted(a.status_code for a in answers) == [200, 412], [a.text for a in answers]
    won, lost = sorted(answers, key=lambda answer: int(answer.status_code))
    current = client.get(f"/api/v1/incidents/{number}", headers=token("shift_lead")).json()
    assert lost.json()["current"]["version"] == won.json()["version"] == current["version"]
    assert lost.json()["current"]["state"] == current["state"]
    assert lost.headers["etag"] == won.headers["etag"]
    added = _history(client, number)[len(before) :]
    assert [row["move"] for row in added].count(name) == 1


@pytest.mark.parametrize("name", BY_PEOPLE)
def test_a_move_sent_twice_under_one_key_is_made_once(
    client: TestClient, town: Town, name: str
) -> None:
    way: Way = ways(town)[name]
    number, given = walked(client, way, name)
    before = _history(client, number)
    headers = {
        **token(way.who),
        "If-Match": _etag(client, number),
        "Idempotency-Key": f"k {number}",
    }
    path, body = f"/api/v1/incidents/{number}/moves", {"move": name, **given}
    first, again = (client.post(path, json=body, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200), first.text
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]
    added = _history(client, number)[len(before) :]
    assert [row["move"] for row in added].count(name) == 1


def test_a_move_sent_twice_at_once_under_one_key_is_made_once(
    client: TestClient, town: Town
) -> None:
    way = ways(town)["accept"]
    number, given = walked(client, way, "accept")
    headers = {
        **token(way.who),
        "If-Match": _etag(client, number),
        "Idempotency-Key": f"2 {number}",
    }
    start = threading.Barrier(2)

    def ask(_: int) -> int:
        start.wait()
        path = f"/api/v1/incidents/{number}/moves"
        return int(client.post(path, json={"move": "accept", **given}, headers=headers).status_code)

    with ThreadPoolExecutor(2) as people:
        told = sorted(people.map(ask, range(2)))
    assert told in ([200, 200], [200, 409]), "the second is answered the same, or told to wait"
    assert [row["move"] for row in _history(client, number)].count("accept") == 1


def test_two_incidents_merged_into_each_other_at_once_do_not_both_vanish(
    client: TestClient, town: Town
) -> None:
    first, given = walked(client, ways(town)["merge"], "merge")
    second = given["into"]
    start = threading.Barrier(2)

    def merge(pair: tuple[str, str]) -> int:
        etag = _etag(client, pair[0])
        start.wait()
        answer = client.post(
            f"/api/v1/incidents/{pair[0]}/moves",
            json={"move": "merge", "into": pair[1]},
            headers={**token("intake_officer"), "If-Match": etag},
        )
        return int(answer.status_code)

    with ThreadPoolExecutor(2) as people:
        told = sorted(people.map(merge, [(first, second), (second, first)]))
    assert told[0] == 200
    assert told[1] in (412, 422), told
    states = [
        client.get(f"/api/v1/incidents/{number}", headers=token("shift_lead")).json()["state"]
        for number in (first, second)
    ]
    assert sorted(states) == ["reported", "void"]
