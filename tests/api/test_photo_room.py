"""照片数量: how many photos a report, a move and an incident may have is the city's word, told beforehand and kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents.postgres import media_store
from tests.api.photos import fresh, send, sent
from tests.api.town import Town, a_report, decide, dispatched, move, report, token

pytestmark = pytest.mark.real

LITTER = "gb47678.5-2026/matter/06010"
MOST, AT_ONCE = 4, 3


@pytest.fixture(autouse=True)
def narrow(client: TestClient, town: Town) -> None:
    """A city with room for four photos of an incident, three at once; what is handled needs one."""
    duty = {"categories": ["*"], "moves": ["report_handled"]}
    decide(client, town, max_photos=MOST, max_photos_at_once=AT_ONCE, photos=[duty])


def photos(client: TestClient, count: int, who: str = "inspector") -> list[str]:
    return [sent(client, fresh(), who) for _ in range(count)]


def room(client: TestClient, number: str) -> Any:
    answer = client.get(f"/api/v1/incidents/{number}/moves", headers=token("shift_lead"))
    return answer.json()["photos"]


def refused(answer: Any, left: int) -> None:
    """A refusal that says the number that is left and what to do, in both tongues."""
    assert answer.status_code == 422, answer.text
    told = answer.json()
    assert (told["code"], told["left"]) == ("photos_too_many", left)
    assert "请去掉" in told["detail"]
    assert "take" in told["detail_en"]


def test_one_report_brings_so_many_at_once_and_no_more(client: TestClient) -> None:
    many = photos(client, AT_ONCE + 1)
    body = a_report(0, 0, media=many)
    refused(client.post("/api/v1/reports", json=body, headers=token("inspector")), AT_ONCE)
    number = report(client, 0, 0, media=many[:AT_ONCE])  # the refusal left them all unused
    assert room(client, number) == {"at_once": AT_ONCE, "left": MOST - AT_ONCE}


def test_a_full_incident_takes_words_but_no_more_photos(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0], 1, 1, media=photos(client, AT_ONCE))
    more = photos(client, 2, "department")
    refused(move(client, "department", number, "note", media=more, reason="到场"), 1)
    assert move(client, "department", number, "note", media=more[:1], reason="到场").is_success
    assert room(client, number) == {"at_once": AT_ONCE, "left": 0}
    refused(move(client, "department", number, "note", media=more[1:], reason="又到"), 0)
    assert move(client, "department", number, "note", reason="又到").is_success
    assert move(client, "department", number, "note", media=more[:1], reason="同一张").is_success
    refused(send(client, fresh(), who="shift_lead", incident=number), 0)


def test_what_the_city_asks_for_is_taken_even_when_the_incident_is_full(
    client: TestClient, town: Town
) -> None:
    number = dispatched(client, town.departments[0], 2, 2, media=photos(client, AT_ONCE))
    last, proof, another = photos(client, 3, "department")
    assert move(client, "department", number, "accept", media=[last]).is_success
    refused(move(client, "department", number, "report_handled", media=[proof, another]), 1)
    assert move(client, "department", number, "report_handled", media=[proof]).is_success


def test_a_report_that_joins_a_full_incident_is_refused_with_its_photos_only(
    client: TestClient, town: Town
) -> None:
    number = report(client, 3, 3, category=LITTER, media=photos(client, AT_ONCE))
    again = a_report(3, 3, category=LITTER)
    pair = {**again, "media": photos(client, 2)}
    refused(client.post("/api/v1/reports", json=pair, headers=token("inspector")), 1)
    with town.connect() as connection:
        heard = connection.execute(
            "select count(*) from event where lon is not null and incident_id = (select id from incident where number = %s)",
            (number,),
        ).fetchone()
    assert heard == (1,)
    joined = client.post("/api/v1/reports", json=again, headers=token("inspector")).json()
    assert (joined["outcome"], joined["number"]) == ("joined", number)


def test_photos_that_come_at_once_do_not_pass_the_limit_together(
    client: TestClient, town: Town
) -> None:
    number = report(client, 4, 4)
    with ThreadPoolExecutor(4) as people:
        bring = [fresh() for _ in range(MOST + 3)]
        answers = list(
            people.map(lambda one: send(client, one, who="shift_lead", incident=number), bring)
        )
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] * MOST + [422] * 3
    with town.connect() as connection:
        assert media_store.photos_of_people(connection, number) == MOST


def test_the_phone_is_told_how_many_before_it_takes_them(client: TestClient) -> None:
    told = client.get("/api/v1/standards/names", headers=token("inspector")).json()
    assert told["photos_at_once"] == AT_ONCE
