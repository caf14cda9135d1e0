"""Requests served in one round are answered as each alone would be, and what is kept of them is the same."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from psycopg_pool import PoolClosed
from starlette.responses import Response
from starlette.testclient import TestClient

from api import gauges, incident_routes, report_routes
from api.caller import Caller
from api.given import MoveGiven, ReportGiven
from api.parts import Parts
from api.problems import Problem
from api.rounds import Rounds
from grid.errors import CityError
from incidents.errors import MoveForbidden, MoveRefused, Stale
from incidents.lifecycle import Role
from incidents.postgres import audit_store
from incidents.postgres import numbers as numbers_
from incidents.postgres.connection import pool
from incidents.postgres.numbers import ROUNDS_AHEAD, Numbers
from tests.api.town import Town, a_report, move, report, token

pytestmark = pytest.mark.real

INTAKE, LEAD = (Caller(str(role), role) for role in (Role.INTAKE_OFFICER, Role.SHIFT_LEAD))
LITTER = "gb47678.5-2026/matter/06010"
OPEN = {"move": "open"}
Asked = tuple[Callable[..., Response], dict[str, Any]]


def reporting(i: int = 0, j: int = 0, **given: Any) -> Asked:
    """A report, as the short way calls the endpoint."""
    body = ReportGiven.model_validate(a_report(i, j, **given))
    return report_routes.report, {"given": body, "caller": INTAKE, "key": None}


def moving(number: str, given: dict[str, Any], version: int = 1, by: Caller = LEAD) -> Asked:
    """A move, as the short way calls the endpoint."""
    body = MoveGiven.model_validate(given)
    tag = f'"v{version}"'
    values = {"number": number, "given": body, "caller": by, "key": None, "if_match": tag}
    return incident_routes.make_move, values


def keyed(asked: Asked, key: str) -> Asked:
    """The same, sent with an Idempotency-Key."""
    return asked[0], {**asked[1], "key": key}


@pytest.fixture
def parts(client: TestClient) -> Parts:
    """What the API has opened."""
    found: Parts = client.app.state.parts  # type: ignore[attr-defined]
    return found


def served(parts: Parts, asked: Sequence[Asked]) -> list[Response | BaseException]:
    """What each of these, asked at the same moment of one hand, is answered or refused with."""

    async def all_of() -> list[Response | BaseException]:
        rounds = Rounds(hands=1)
        calls = [rounds.serve(endpoint, {**values, "parts": parts}) for endpoint, values in asked]
        return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(all_of())


def told(answer: Response | BaseException) -> Any:
    """An answer's body."""
    assert isinstance(answer, Response), answer
    return json.loads(bytes(answer.body))


def rounds_held() -> float:
    """How many rounds of more than one were held so far."""
    found = {
        (s.name.rpartition("_")[2], s.labels.get("le")): s.value
        for s in next(iter(gauges.ROUNDS.collect())).samples
    }
    return found["count", None] - found["bucket", "1.0"]


def test_reports_and_moves_of_one_round_are_all_done(
    client: TestClient, parts: Parts, town: Town
) -> None:
    known = [report(client, 1, j) for j in range(3)]
    before = rounds_held()
    answers = served(
        parts,
        [
            reporting(2, 0),
            moving(known[0], {**OPEN, "then": [{"move": "dispatch", "department": "SZ"}]}),
            reporting(2, 1, text="有\x01人"),
            moving(known[1], OPEN),
            moving(known[2], {"move": "void", "reason": "重复"}),
        ],
    )
    assert rounds_held() == before + 1
    bodies = [told(answer) for answer in answers]
    assert [b["state"] for b in bodies] == ["reported", "dispatched", "reported", "open", "void"]
    assert bodies[0]["number"] < bodies[2]["number"]
    for body in bodies:
        kept = client.get(f"/api/v1/incidents/{body['number']}", headers=token("shift_lead"))
        assert (kept.json()["state"], kept.json()["version"]) == (body["state"], body["version"])
    with town.connect() as connection:
        held = connection.execute(
            "select count(*) from outbox where key = any(%s)", ([b["number"] for b in bodies],)
        ).fetchone()
        assert held == (3 + 2 + 4,)  # every report, and every move of the three that were known
        assert audit_store.audit(connection, [b["number"] for b in bodies]).faults == []


def test_what_a_round_refuses_to_one_is_done_for_the_others(
    client: TestClient, parts: Parts
) -> None:
    one, other, third = (report(client, 3, j) for j in range(3))
    assert move(client, "shift_lead", third, "note", reason="他人已处理").status_code == 200
    answers = served(
        parts,
        [
            moving(one, {"move": "close"}),
            moving(one, OPEN, by=Caller("wall", Role.WALL)),
            moving(one, OPEN),
            moving(one, OPEN),  # the same once more: one of the two is quicker
            moving(third, OPEN),  # another was quicker, before
            moving(other, OPEN),
            moving("9901012000010199999", OPEN),
        ],
    )
    refused = [type(answer) for answer in answers if isinstance(answer, CityError)]
    assert refused[:2] == [MoveRefused, MoveForbidden]
    assert isinstance(answers[3], Stale)
    assert answers[3].facts["current"].version == 2
    assert isinstance(answers[4], Stale)
    assert [told(answers[n])["version"] for n in (2, 5)] == [2, 2]
    assert "9901012000010199999" in str(answers[6])


def test_what_needs_more_than_a_round_is_done_by_itself(client: TestClient, parts: Parts) -> None:
    same = report(client, 4, 0, category=LITTER)
    child, parent = report(client, 4, 1), report(client, 4, 2)
    answers = served(
        parts,
        [
            keyed(reporting(4, 0, category=LITTER), "joins"),  # locks the neighbourhood
            keyed(moving(child, {"move": "merge", "into": parent}), "merges"),
            keyed(moving(parent, {**OPEN, "media": ["unknown"]}), "with a photo"),
            reporting(4, 4),
        ],
    )
    joined, merged, photo, opened = answers
    assert (told(joined)["outcome"], told(joined)["number"]) == ("joined", same)
    assert (told(merged)["state"], told(merged)["merged_into"]) == ("void", parent)
    assert isinstance(photo, CityError)
    assert told(opened)["outcome"] == "opened"


def test_what_comes_with_a_key_is_kept_with_its_answer(
    client: TestClient, parts: Parts, town: Town
) -> None:
    known = [report(client, 4, j) for j in range(5, 8)]
    asked = [
        keyed(reporting(4, 8, text="门外\x01有人 \\u0000"), "r1"),
        keyed(moving(known[0], OPEN), "m1"),
        keyed(moving(known[1], {**OPEN, "then": [{"move": "dispatch", "department": "SZ"}]}), "m2"),
        moving(known[2], OPEN),
        reporting(4, 9),
    ]
    before = rounds_held()
    first = served(parts, asked)
    assert rounds_held() == before + 1
    again = served(parts, asked[:3])
    for one, other in zip(first, again, strict=False):
        assert isinstance(one, Response)
        assert isinstance(other, Response)
        assert (other.body, other.status_code) == (one.body, one.status_code)
        assert other.headers["etag"] == one.headers["etag"]
        assert other.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in one.headers
    with town.connect() as connection:
        numbers = [told(answer)["number"] for answer in first]
        lines = connection.execute(
            "select count(*) from history h join incident i on i.id = h.incident_id where number = any(%s)",
            (numbers,),
        ).fetchone()
    assert lines == (5 + 1 + 2 + 1,)  # five reports, and four moves: each once


def test_one_key_twice_in_a_round_is_done_once_and_for_another_request_refused(
    client: TestClient, parts: Parts
) -> None:
    known, other = report(client, 5, 3), report(client, 5, 4)
    opening = keyed(moving(known, OPEN), "tapped twice")
    answers = served(
        parts,
        [
            opening,
            opening,
            keyed(reporting(5, 5), "sent twice"),
            keyed(reporting(5, 5), "sent twice"),
            keyed(moving(other, {"move": "close"}), "refused"),
        ],
    )
    assert told(answers[0]) == told(answers[1])
    assert told(answers[2])["number"] == told(answers[3])["number"]
    assert isinstance(answers[4], MoveRefused)
    reused, opened = served(
        parts, [keyed(moving(other, OPEN), "tapped twice"), keyed(moving(other, OPEN), "refused")]
    )
    assert isinstance(reused, Problem)
    assert (reused.status, reused.code) == (422, "key_reused")
    assert told(opened)["version"] == 2


def _asked(parts: Parts, said: list[Response | BaseException], calls: Sequence[Asked]) -> None:
    said.extend(served(parts, calls))


def test_one_key_in_a_round_and_by_itself_at_the_same_moment_is_done_once(
    client: TestClient, parts: Parts, town: Town
) -> None:
    """As when a phone asks a second process again before the first has answered: both wait for a row somebody holds."""
    for n in range(6):
        number = report(client, 6, n)
        one = keyed(moving(number, OPEN), f"at once {n}")
        said: list[Response | BaseException] = []
        with town.connect() as holder:
            ask = partial(_asked, parts, said)
            asking = [
                threading.Thread(target=ask, args=(calls,))
                for calls in ([one, reporting(6, 7)], [one])
            ]
            with holder.transaction():
                holder.execute("select from incident where number = %s for update", (number,))
                for each in asking if n % 2 else reversed(asking):
                    each.start()
                    threading.Event().wait(0.1)
            for each in asking:
                each.join()
            opened = [a for a in said if isinstance(a, Response) and told(a)["number"] == number]
            assert len(opened) == 2, said
            assert opened[0].body == opened[1].body
            lines = holder.execute(
                "select count(*) from history h join incident i on i.id = h.incident_id where number = %s",
                (number,),
            ).fetchone()
            assert lines == (2,)


def test_a_round_that_the_database_refuses_is_done_one_by_one(
    client: TestClient, parts: Parts, town: Town
) -> None:
    one, other = report(client, 5, 0), report(client, 5, 1)
    with town.connect() as holder:
        locked = threading.Event()

        def hold() -> None:
            with holder.transaction():
                holder.execute("select from incident where number = %s for update", (one,))
                locked.set()
                threading.Event().wait(1.3)  # longer than a round has patience

        keeping = threading.Thread(target=hold)
        keeping.start()
        locked.wait()
        answers = served(parts, [moving(one, OPEN), moving(other, OPEN), reporting(5, 2)])
        keeping.join()
    assert [told(answer)["version"] for answer in answers] == [2, 2, 1]


def test_without_a_database_each_of_a_round_is_told(parts: Parts, town: Town) -> None:
    away = replace(parts, pool=pool(town.url, "away", 1))  # never opened: it lends nothing
    answers = served(away, [reporting(6, 0), reporting(6, 1)])
    assert [type(answer) for answer in answers] == [PoolClosed, PoolClosed]


def test_numbers_of_a_round_are_taken_at_once_and_rise(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbers_, "AHEAD_S", 60.0)  # however slow this machine is
    taken: list[int] = []

    class Counted(Numbers):
        def several(self, region: Any, day: Any, wanted: int) -> list[str]:
            taken.append(wanted)
            return super().several(region, day, wanted)

    counted = replace(parts, numbers=Counted(parts.numbers_pool))
    answers = [told(a) for a in served(counted, [reporting(7, j) for j in range(5)])]
    answers += [told(a) for a in served(counted, [reporting(7, j) for j in range(5, 7)])]
    numbers = [int(answer["number"]) for answer in answers]
    assert numbers == list(range(numbers[0], numbers[0] + 7))
    assert taken == [5 * ROUNDS_AHEAD]  # the second round had them from the first
