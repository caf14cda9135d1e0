"""Who may call what: the whole table, route by role, beginning with the stranger."""

from __future__ import annotations

import time
from typing import Annotated

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api import access
from api.access import DESK, AccessUndeclared, Caller, allow, anyone
from api.app import create_app
from api.settings import Settings
from incidents.lifecycle import Role
from incidents.postgres import accounts
from tests.api.photos import sent
from tests.api.town import DISTRICT, ROLES, Town, dispatched, enrol, move, report, token

pytestmark = pytest.mark.real

TABLE = access.table(create_app(Settings(database_url="postgresql://nowhere")))
PUBLIC = {"/", "/docs", "/openapi.json", "/assets/{name}", "/demo/account", "/livez", "/readyz", "/version",
          "/metrics", "/api/v1/login", "/wall", "/wall/", "/desk", "/desk/", "/field", "/field/", "/field/sw.js"}  # fmt: skip
_GIVEN = {"number": "9999992020010100001", "code": "11010100100101", "device": "d-1", "id": "1",
          "name": "nobody", "digest": "0" * 64, "z": "1", "x": "0", "y": "0"}  # fmt: skip


def _address(path: str) -> str:
    return path.format(**_GIVEN)


def test_only_what_is_meant_for_everybody_is_open() -> None:
    assert {path for (_, path), roles in TABLE.items() if roles is None} == PUBLIC


@pytest.mark.parametrize(("method", "path"), [key for key, roles in TABLE.items() if roles])
def test_a_stranger_is_asked_who_he_is(client: TestClient, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic dG9rZW4="}):
        answer = client.request(method, _address(path), headers=headers)
        assert answer.status_code == 401, (headers, answer.text)
        assert answer.json()["code"] == "unauthenticated"
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), [key for key, roles in TABLE.items() if roles])
def test_every_role_gets_in_where_the_table_says_so_and_nowhere_else(
    client: TestClient, method: str, path: str
) -> None:
    roles = TABLE[method, path] or frozenset()
    for role in ROLES:
        if path == "/api/v1/live" and role in roles:
            continue  # never ends; test_live follows it
        answer = client.request(method, _address(path), headers=token(role))
        if role in roles:
            assert answer.status_code not in {401, 403}, (role, answer.text)
        else:
            assert answer.status_code == 403, (role, answer.text)
            assert answer.json()["code"] == "forbidden"


def test_a_token_in_the_address_opens_nothing(client: TestClient) -> None:
    assert client.get("/api/v1/wall/summary?token=token-wall").status_code == 401


def test_a_route_that_says_nothing_keeps_the_whole_from_starting() -> None:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.get("/open")(lambda: "me")
    with pytest.raises(AccessUndeclared, match="/open"):
        access.table(app)


def test_a_route_that_says_two_things_keeps_it_from_starting_too() -> None:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[anyone])

    @app.get("/both")
    def both(_: Annotated[Caller, allow(DESK)]) -> None: ...

    with pytest.raises(AccessUndeclared, match="/both"):
        access.table(app)


def test_a_withdrawn_token_dies_within_two_seconds(client: TestClient, town: Town) -> None:
    with town.connect() as connection:
        enrol(connection, "leaver", Role.AUDITOR, None)
        assert client.get("/api/v1/wall/summary", headers=token("leaver")).status_code == 200
        accounts.deactivate(connection, "leaver")
    time.sleep(access.REMEMBERED_S + 0.2)
    assert client.get("/api/v1/wall/summary", headers=token("leaver")).status_code == 401


def test_a_department_sees_its_own_incidents_and_no_other(client: TestClient, town: Town) -> None:
    mine, theirs = town.departments
    own = dispatched(client, mine, 1, 1)
    other = dispatched(client, theirs, 1, 2)
    untouched = report(client, 1, 3)
    listed = client.get("/api/v1/incidents?limit=1000", headers=token("department")).json()["items"]
    numbers = {row["number"] for row in listed}
    assert own in numbers
    assert not numbers & {other, untouched}
    assert client.get(f"/api/v1/incidents/{own}", headers=token("department")).status_code == 200
    for foreign in (other, untouched):
        for part in ("", "/history", "/explanation", "/reports", "/moves"):
            address = f"/api/v1/incidents/{foreign}{part}"
            assert client.get(address, headers=token("department")).status_code == 403


def test_a_refused_move_of_a_foreign_incident_tells_nothing_of_it(
    client: TestClient, town: Town
) -> None:
    other = dispatched(client, town.departments[1], 2, 2, text="只给邻居看的话")
    answer = client.post(
        f"/api/v1/incidents/{other}/moves",
        json={"move": "accept"},
        headers={**token("department"), "If-Match": '"v1"'},
    )
    assert answer.status_code == 403
    assert "邻居" not in answer.text


def test_an_area_account_sees_its_street_and_no_other(client: TestClient) -> None:
    here, there = report(client, 7, 7), report(client, 0, 7)
    listed = client.get("/api/v1/incidents?limit=1000", headers=token("street-2")).json()["items"]
    assert {row["street"] for row in listed} == {f"{DISTRICT}002"}
    assert here in {row["number"] for row in listed}
    assert client.get(f"/api/v1/incidents/{there}", headers=token("street-2")).status_code == 403
    assert move(client, "street-2", there, "open").status_code == 403
    summary = client.get("/api/v1/wall/areas", headers=token("street-2")).json()
    assert {area["code"] for area in summary["areas"]} == {f"{DISTRICT}002"}


def test_who_reported_is_shown_to_the_desk_only(client: TestClient, town: Town) -> None:
    phone = "13812345678"
    number = dispatched(
        client,
        town.departments[0],
        3,
        3,
        text="我是王先生",
        reporter={"name": "王先生", "phone": phone},
    )
    for role in ROLES:
        answers = [
            client.get(f"/api/v1/incidents/{number}{part}", headers=token(role)).text
            for part in ("", "/history", "/explanation")
        ]
        answers.append(client.get("/api/v1/incidents?limit=1000", headers=token(role)).text)
        if role in DESK:
            assert phone in answers[0]
        else:
            assert phone not in answers[0]
        assert not any(phone in answer for answer in answers[1:]), role


def test_a_wall_shows_no_words_and_no_names(client: TestClient) -> None:
    photo = sent(client)
    number = report(client, 4, 4, text="请找王先生", media=[photo])
    one = client.get(f"/api/v1/incidents/{number}", headers=token("wall"))
    many = client.get("/api/v1/incidents?limit=1000", headers=token("wall"))
    table = client.get(
        "/api/v1/incidents?limit=1000", headers={**token("wall"), "Accept": "text/csv"}
    )
    for answer in (one, many, table):
        assert answer.status_code == 200
        assert number in answer.text
        assert "王先生" not in answer.text
        assert "person:" not in answer.text
        assert photo not in answer.text
    searched = client.get("/api/v1/incidents?q=王先生", headers=token("wall")).json()
    assert searched["items"] == []
