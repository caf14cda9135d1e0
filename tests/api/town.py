"""The town the API's tests stand in: ten by ten cells, two departments' worth of people, an account for every role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import shapely
from starlette.testclient import TestClient

from grid.edition import Edition
from incidents.lifecycle import Role
from incidents.postgres import accounts, city, decision_store, grid_store
from incidents.postgres.connection import Connection, connect
from incidents.standards import tables

WEST, SOUTH, SIDE = 116.30, 39.90, 0.01
DISTRICT = "110101"
COVER = "gb47678.5-2026/component/01001"
OTHER = "gb47678.5-2026/component/01002"
ROLES = tuple(role for role in Role if role is not Role.SYSTEM)


@dataclass(frozen=True)
class Town:
    """Its database; tokens are `token-<account>`. Both departments stand below `bureau`, whose account is named so, too."""

    url: str
    departments: tuple[str, str]
    bureau: str

    def connect(self) -> Connection:
        """A look into the database."""
        return connect(self.url, "test")


def settle(url: str) -> Town:
    """Make the town in a migrated database."""
    with connect(url, "settle") as connection:
        city.put(connection, city.City("试城", DISTRICT))
        decisions = decision_store.in_force(connection)
        city.put_departments(
            connection,
            [city.Department(d.code, d.name_zh, d.parent) for d in decisions.departments.values()],
        )
        grid_store.keep_edition(connection, an_edition())
        bureau, (first, second) = next(
            (code, below) for code, below in decisions.below.items() if len(below) == 2
        )
        for role in ROLES:
            own = first if role is Role.DEPARTMENT else None
            enrol(connection, str(role), role, own)
        enrol(connection, "neighbour", Role.DEPARTMENT, second)
        enrol(connection, "bureau", Role.DEPARTMENT, bureau)
        enrol(connection, "street-2", Role.SHIFT_LEAD, None, f"{DISTRICT}002")
    return Town(url, (first, second), bureau)


def enrol(
    connection: Connection, name: str, role: Role, department: str | None, area: str | None = None
) -> None:
    """An account whose token is `token-<name>`."""
    who = accounts.Applicant(name, role, department, area, token=f"token-{name}")
    accounts.add(connection, who)


def an_edition() -> Edition:
    """A hundred square cells in two streets of two communities each."""
    codes, squares = [], []
    for i in range(10):
        for j in range(10):
            street, community, cell = 1 + i // 5, 1 + j // 5, (i % 5) * 5 + j % 5 + 1
            codes.append(f"{DISTRICT}{street:03}{community:03}{cell:02}")
            west, south = WEST + SIDE * i, SOUTH + SIDE * j
            squares.append(shapely.box(west, south, west + SIDE, south + SIDE))
    return Edition.of("试城网格", date(2020, 1, 1), (codes, squares))


def decide(client: TestClient, town: Town, **policy: Any) -> None:
    """The seed's standards with this of their policy changed, in force at once."""
    body = tables.seed()["standards"]
    changed = {**body, "policy": {**body["policy"], **policy}}
    with town.connect() as connection:
        decision_store.keep(connection, "standards", changed, "test")
    client.app.state.parts.keep_fresh()  # type: ignore[attr-defined]


def middle(i: int, j: int) -> dict[str, Any]:
    """The middle of a cell, as a position."""
    return {
        "lon": WEST + SIDE * (i + 0.5),
        "lat": SOUTH + SIDE * (j + 0.5),
        "datum": "wgs84",
    }


def token(account: str) -> dict[str, str]:
    """The header an account sends."""
    return {"Authorization": f"Bearer token-{account}"}


def a_report(i: int = 0, j: int = 0, **more: Any) -> dict[str, Any]:
    """What a person tells, in the middle of a cell."""
    return {"text": "井盖缺失", "position": middle(i, j), **more}


def report(client: TestClient, i: int = 0, j: int = 0, **more: Any) -> str:
    """Report something and return the incident's number."""
    answer = client.post("/api/v1/reports", json=a_report(i, j, **more), headers=token("inspector"))
    assert answer.status_code == 201, answer.text
    number: str = answer.json()["number"]
    return number


def move(client: TestClient, who: str, number: str, name: str, **more: Any) -> Any:
    """Make a move on the newest version; the answer."""
    etag = client.get(f"/api/v1/incidents/{number}", headers=token("shift_lead")).headers["etag"]
    return client.post(
        f"/api/v1/incidents/{number}/moves",
        json={"move": name, **more},
        headers={**token(who), "If-Match": etag},
    )


def dispatched(client: TestClient, department: str, i: int = 0, j: int = 0, **more: Any) -> str:
    """An incident that lies before a department."""
    number = report(client, i, j, **more)
    assert move(client, "intake_officer", number, "open").status_code == 200
    answer = move(client, "dispatcher", number, "dispatch", department=department)
    assert answer.status_code == 200, answer.text
    return number
