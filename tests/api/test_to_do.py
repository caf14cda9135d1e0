"""待办 and 申诉 as the API lists them: what waits for the caller, told why; what waits for a review, however old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.town import Town, decide, dispatched, move, report, token

pytestmark = pytest.mark.real

Steps = tuple[tuple[str, str] | tuple[str, str, dict[str, Any]], ...]


def made(client: TestClient, number: str, *steps: tuple[Any, ...]) -> str:
    """Moves one after the other: who, which, and with what."""
    for who, name, *more in steps:
        answer = move(client, who, number, name, reason="因故", **(more[0] if more else {}))
        assert answer.status_code == 200, answer.text
    return number


def listed(client: TestClient, who: str, query: str) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/incidents?{query}&limit=1000", headers=token(who))
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def numbers(client: TestClient, town: Town) -> dict[str, str]:
    """One of each kind of waiting."""
    first, second = town.departments
    until = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    went = {"inspector": "inspector"}
    handled = (("department", "accept"), ("department", "report_handled"))
    return {
        "reported": report(client, 0, 0),
        "denied": made(client, report(client, 0, 1), ("intake_officer", "confirm", went), ("inspector", "not_confirmed")),
        "open": made(client, report(client, 0, 2), ("intake_officer", "open")),
        "returned": made(client, dispatched(client, first, 0, 3), ("department", "send_back")),
        "dispatched": dispatched(client, first, 0, 4),
        "theirs": dispatched(client, second, 0, 5),
        "asked": made(client, dispatched(client, first, 0, 6), ("department", "accept"), ("department", "ask_suspend", {"until": until})),
        "urged": made(client, dispatched(client, first, 0, 7), ("shift_lead", "urge")),
        "handled": made(client, dispatched(client, first, 0, 8), *handled),
        "verifying": made(client, dispatched(client, first, 0, 9), *handled, ("dispatcher", "verify", went)),
        "verified": made(client, dispatched(client, first, 1, 0), *handled, ("inspector", "verified")),
        "closed": made(client, dispatched(client, first, 1, 1), *handled, ("inspector", "verified"), ("shift_lead", "close")),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("intake_officer", {"reported": ["file"], "denied": ["void"], "handled": ["ask_verify"], "verified": ["close"]}),
        ("dispatcher", {"open": ["dispatch"], "returned": ["redispatch"], "asked": ["suspension"], "handled": ["ask_verify"]}),
        ("shift_lead", {"reported": ["file"], "denied": ["void"], "open": ["dispatch"], "returned": ["redispatch"],
                        "asked": ["suspension"], "handled": ["ask_verify"], "verified": ["close"]}),
        ("department", {"dispatched": ["accept"], "asked": ["handle"], "urged": ["accept", "answer"]}),
        ("neighbour", {"theirs": ["accept"]}),
        ("bureau", {}),
        ("inspector", {"verifying": ["verify"]}),
        ("evaluator", {}),
        ("wall", {}),
    ],
)  # fmt: skip
def test_each_role_is_told_what_waits_for_it_and_why(
    client: TestClient, numbers: dict[str, str], who: str, expected: dict[str, list[str]]
) -> None:
    role = "department" if who in {"neighbour", "bureau"} else who
    for sort in ("burning", "reported_at"):
        rows = listed(client, who, f"to_do=true&sort={sort}")
        told = {row["number"]: row["to_do"][role] for row in rows}
        assert told == {numbers[name]: whys for name, whys in expected.items()}


def test_a_department_above_that_may_act_has_to_do_what_those_below_have(
    client: TestClient, town: Town, numbers: dict[str, str]
) -> None:
    decide(client, town, parent_may="act")
    try:
        found = {row["number"] for row in listed(client, "bureau", "to_do=true")}
    finally:
        decide(client, town, parent_may="see")
    assert found == {numbers[name] for name in ("dispatched", "theirs", "asked", "urged")}


def test_one_incident_tells_it_too_and_so_do_files(
    client: TestClient, numbers: dict[str, str]
) -> None:
    one = client.get(f"/api/v1/incidents/{numbers['asked']}", headers=token("dispatcher")).json()
    assert one["to_do"] == {
        "dispatcher": ["suspension"],
        "shift_lead": ["suspension"],
        "department": ["handle"],
    }
    headers = {**token("dispatcher"), "Accept": "text/csv"}
    text = client.get("/api/v1/incidents?asked=true", headers=headers).text
    assert "shift_lead:suspension" in text


def test_an_appeal_is_listed_until_it_is_decided_however_old_the_incident_is(
    client: TestClient, town: Town
) -> None:
    first, second = town.departments
    decide(client, town, appeal_for=["rework"], appeal_within_days=5)
    steps: tuple[tuple[Any, ...], ...] = (
        ("department", "accept"), ("department", "report_handled"), ("inspector", "rework"),
        ("dispatcher", "redispatch", {"department": second}), ("neighbour", "accept"), ("neighbour", "report_handled"),
        ("inspector", "verified"), ("shift_lead", "close"),
    )  # fmt: skip
    number = made(client, dispatched(client, first, 5, 5), *steps)

    def found(who: str, appeal: str) -> bool:
        return number in {row["number"] for row in listed(client, who, f"appeal={appeal}")}

    assert found("department", "open")
    assert not found("neighbour", "open")  # has it, and nothing is held against it
    assert not found("evaluator", "waiting")
    made(client, number, ("department", "appeal"))
    assert not found("department", "open")
    with town.connect() as connection:
        connection.execute(
            "update incident set reported_at = reported_at - interval '3 years', "
            "closed_at = closed_at - interval '3 years' where number = %s",
            (number,),
        )
    assert all(found(who, "waiting") for who in ("evaluator", "shift_lead", "department"))
    assert not found("bureau", "open")
    made(client, number, ("evaluator", "review", {"upheld": True, "department": first}))
    assert found("shift_lead", "waiting")
    made(client, number, ("shift_lead", "review", {"upheld": True, "department": first}))
    assert not any(found(who, "waiting") for who in ("evaluator", "shift_lead", "department"))


def test_what_may_be_appealed_is_listed_for_as_long_as_the_city_gives(
    client: TestClient, town: Town
) -> None:
    decide(client, town, appeal_for=["rework"], appeal_within_days=5)
    steps = (("department", "accept"), ("department", "report_handled"), ("inspector", "rework"),
             ("department", "report_handled"), ("inspector", "verified"), ("shift_lead", "close"))  # fmt: skip
    number = made(client, dispatched(client, town.departments[0], 5, 6), *steps)

    def open_to(who: str) -> bool:
        return number in {row["number"] for row in listed(client, who, "appeal=open")}

    with town.connect() as connection:
        for days, heard in ((4, True), (2, False)):
            connection.execute(
                "update incident set closed_at = closed_at - %s * interval '1 day' where number = %s",
                (days, number),
            )
            assert open_to("department") is heard
            assert not open_to("shift_lead")
