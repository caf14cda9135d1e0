"""An incident is led from report to close by those whose move it is, each on the version they saw."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents import moves
from incidents.incident import SYSTEM
from incidents.postgres.ledger import PostgresLedger
from tests.api.photos import fresh, sent
from tests.api.town import COVER, Town, decide, dispatched, move, report, token
from tests.api.ways import walked, ways

pytestmark = pytest.mark.real


def _post(client: TestClient, who: str, number: str, body: dict[str, Any], **headers: str) -> Any:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(
        f"/api/v1/incidents/{number}/moves", json=body, headers={**token(who), **given}
    )


def test_from_report_to_close(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0])
    steps = [
        ("department", "accept", {}, "handling"),
        ("department", "report_handled", {}, "handled"),
        ("intake_officer", "verify", {"inspector": "inspector"}, "verifying"),
        ("inspector", "verified", {}, "verifying"),
        ("intake_officer", "close", {}, "closed"),
    ]
    for who, name, given, state in steps:
        answer = move(client, who, number, name, **given)
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == state
        assert answer.headers["etag"] == f'"v{answer.json()["version"]}"'
    rows = client.get(f"/api/v1/incidents/{number}/history", headers=token("auditor")).json()
    assert [row["move"] for row in rows] == [
        "report", "open", "dispatch", "accept", "report_handled", "verify", "verified", "close",
    ]  # fmt: skip
    assert [row["seq"] for row in rows] == list(range(1, 9))
    assert all(after["prev_hash"] == before["hash"] for before, after in itertools.pairwise(rows))


def test_without_if_match_it_is_asked_for(client: TestClient) -> None:
    answer = _post(client, "intake_officer", report(client), {"move": "open"})
    assert (answer.status_code, answer.json()["code"]) == (428, "precondition_required")


@pytest.mark.parametrize("etag", ['"v9"', '"7"', "nonsense", '"v99999999999999"'])
def test_another_version_than_the_newest_is_refused(client: TestClient, etag: str) -> None:
    answer = _post(client, "intake_officer", report(client), {"move": "open"}, If_Match=etag)
    assert (answer.status_code, answer.json()["code"]) == (412, "stale")


def test_the_one_who_came_second_gets_the_incident_as_it_is_now(client: TestClient) -> None:
    number = report(client)
    assert move(client, "intake_officer", number, "open").status_code == 200
    late = _post(client, "shift_lead", number, {"move": "void", "reason": "重复"}, If_Match='"v1"')
    assert late.status_code == 412
    assert late.json()["current"]["state"] == "open"
    assert late.json()["current"]["version"] == 2
    assert late.headers["etag"] == '"v2"'


def test_a_star_is_any_version(client: TestClient) -> None:
    answer = _post(client, "intake_officer", report(client), {"move": "open"}, If_Match="*")
    assert answer.status_code == 200


def test_a_move_of_another_state_is_answered_with_those_that_are_possible(
    client: TestClient, town: Town
) -> None:
    number = dispatched(client, town.departments[0])
    answer = move(client, "department", number, "report_handled")
    assert answer.status_code == 409
    body = answer.json()
    assert body["code"] == "move_refused"
    assert {"accept", "send_back"} <= set(body["allowed"])
    assert body["state"] == "dispatched"
    unknown = move(client, "department", number, "teleport")
    assert unknown.status_code == 409


def test_a_move_of_another_role_is_forbidden(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0])
    assert move(client, "dispatcher", number, "accept").status_code == 403
    assert move(client, "neighbour", number, "accept").status_code == 403
    assert move(client, "wall", number, "accept").status_code == 403


def test_a_move_that_lacks_its_reason_says_so(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0])
    answer = move(client, "department", number, "send_back")
    assert (answer.status_code, answer.json()["code"]) == (422, "move_incomplete")
    assert answer.json()["needs"] == "reason"


def test_a_department_nobody_knows_is_refused(client: TestClient) -> None:
    number = report(client)
    move(client, "intake_officer", number, "open")
    answer = move(client, "dispatcher", number, "dispatch", department="moon")
    assert answer.status_code == 422


def test_the_same_key_makes_a_move_once(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0])
    given = {"If_Match": '"v3"', "Idempotency_Key": f"accept {number}"}
    first = _post(client, "department", number, {"move": "accept"}, **given)
    again = _post(client, "department", number, {"move": "accept"}, **given)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content
    assert again.headers["etag"] == '"v4"'
    rows = client.get(f"/api/v1/incidents/{number}/history", headers=token("auditor")).json()
    assert [row["move"] for row in rows].count("accept") == 1


def test_a_refused_move_with_a_key_may_be_tried_again(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0])
    key = {"Idempotency_Key": f"again {number}"}
    early = _post(client, "department", number, {"move": "accept"}, If_Match='"v1"', **key)
    assert early.status_code == 412
    late = _post(client, "department", number, {"move": "accept"}, If_Match='"v3"', **key)
    assert late.status_code == 200


def test_the_moves_open_to_a_caller_are_those_that_succeed(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0])
    for who in ("department", "dispatcher", "intake_officer", "auditor"):
        told = client.get(f"/api/v1/incidents/{number}/moves", headers=token(who)).json()
        names = {one["move"] for one in told["moves"]}
        assert ("accept" in names) == (who == "department")
        assert told["version"] == 3
        for one in told["moves"]:
            assert one["zh"]


def test_why_it_is_as_it_is(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0], 4, 5)
    why = client.get(f"/api/v1/incidents/{number}/explanation", headers=token("auditor")).json()
    assert why["opened"]["why"]
    assert why["cell"]["code"] == "11010100100221"
    assert why["department"]["code"] == town.departments[0]
    assert why["department"]["why"]
    assert len(why["events"]) == 1
    assert why["events"][0]["source"] == "person:inspector"


def test_a_fact_of_every_move_waits_to_be_sent(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0])
    with town.connect() as connection:
        rows = connection.execute(
            "select body::json ->> 'fact' from outbox where key = %s order by id", (number,)
        ).fetchall()
    assert [row[0] for row in rows] == [
        "incident_reported",
        "incident_opened",
        "incident_dispatched",
    ]


def test_moves_asked_together_are_one_call_with_a_line_and_a_fact_each(
    client: TestClient, town: Town
) -> None:
    number = report(client, 7, 7)
    send = {"move": "dispatch", "department": town.departments[0]}
    answer = move(client, "shift_lead", number, "open", then=[send])
    assert (answer.status_code, answer.json()["state"]) == (200, "dispatched")
    done = move(client, "department", number, "accept", then=[{"move": "report_handled"}])
    assert done.json()["state"] == "handled"
    end = move(client, "shift_lead", number, "verified", then=[{"move": "close"}])
    assert (end.json()["state"], end.json()["version"]) == ("closed", 7)
    rows = client.get(f"/api/v1/incidents/{number}/history", headers=token("auditor")).json()
    assert [row["seq"] for row in rows] == list(range(1, 8))
    with town.connect() as connection:
        facts = connection.execute("select count(*) from outbox where key = %s", (number,))
        assert facts.fetchone() == (7,)


def test_of_moves_asked_together_none_is_made_when_one_may_not_be(
    client: TestClient, town: Town
) -> None:
    number = report(client, 7, 8)
    send = {"move": "dispatch", "department": town.departments[0]}
    refused = move(client, "intake_officer", number, "open", then=[send])
    assert refused.status_code == 403
    now = client.get(f"/api/v1/incidents/{number}", headers=token("shift_lead")).json()
    assert (now["state"], now["version"]) == ("reported", 1)


def test_every_clock_is_explained_stretch_by_stretch(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0], 6, 6, category=COVER)
    move(client, "department", number, "send_back", reason="不属本部门")
    why = client.get(f"/api/v1/incidents/{number}/explanation", headers=token("auditor")).json()
    clocks = {one["kind"]: one for one in why["clocks"]}
    assert set(clocks) == {"acceptance", "dispatch", "handling", "department_acceptance"}
    handling = clocks["handling"]
    assert (handling["state"], handling["zh"], handling["limit"]["amount"]) == ("paused", "处置", 2)
    for clock in clocks.values():
        counted = sum(s["used_s"] for s in clock["segments"] if s["counted"])
        assert counted == pytest.approx(clock["used_s"], abs=1e-6)
        assert all(s["why"] for s in clock["segments"])
    assert not handling["segments"][-1]["counted"]
    assert "回退" in handling["segments"][-1]["why"]


def test_a_clock_that_began_anew_is_explained_run_by_run(client: TestClient, town: Town) -> None:
    first, second = town.departments
    number = dispatched(client, first, 7, 6, category=COVER)
    assert move(client, "dispatcher", number, "redispatch", department=second).status_code == 200
    why = client.get(f"/api/v1/incidents/{number}/explanation", headers=token("auditor")).json()
    assert [one["kind"] for one in why["earlier_clocks"]] == ["handling", "department_acceptance"]
    rows = client.get(f"/api/v1/incidents/{number}/history", headers=token("auditor")).json()
    told = {one["kind"]: one["used_s"] for one in rows[-1]["data"]["clocks"]}
    for clock in why["earlier_clocks"]:
        counted = sum(s["used_s"] for s in clock["segments"] if s["counted"])
        assert clock["state"] == "stopped"
        assert counted == pytest.approx(clock["used_s"], abs=1e-6)
        assert counted == pytest.approx(told[clock["kind"]], abs=1e-3)


def test_a_photo_brought_with_a_move_is_its_evidence(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0], 6, 7)
    move(client, "department", number, "accept")
    photo = sent(client, who="department", kind="after")
    answer = move(client, "department", number, "report_handled", media=[photo])
    assert answer.status_code == 200, answer.text
    with town.connect() as connection:
        use = connection.execute("select stage, move from media_use where media = %s", (photo,))
        assert use.fetchone() == ("handling", "report_handled")
    rows = client.get(f"/api/v1/incidents/{number}/history", headers=token("auditor")).json()
    assert rows[-1]["data"]["media"] == [photo]


def test_each_of_the_moves_asked_together_has_its_photo_in_the_state_it_was_made_in(
    client: TestClient, town: Town
) -> None:
    number = dispatched(client, town.departments[0], 7, 9)
    before, after = (
        sent(client, fresh(), who="department", kind=kind) for kind in ("before", "after")
    )
    then = [{"move": "report_handled", "media": [after]}]
    answer = move(client, "department", number, "accept", media=[before], then=then)
    assert answer.status_code == 200, answer.text
    with town.connect() as connection:
        uses = connection.execute(
            "select media, stage, move from media_use where media = any(%s)", ([before, after],)
        ).fetchall()
    assert set(uses) == {(before, "dispatched", "accept"), (after, "handling", "report_handled")}


def test_what_a_citizen_says_after_closing_is_written_down_by_the_desk(
    client: TestClient, town: Town
) -> None:
    number, _ = walked(client, ways(town)["reopen"], "reopen")
    said = {"reason": "电话回访", "data": {"satisfaction": 5}}
    answer = move(client, "intake_officer", number, "note", **said)
    assert (answer.status_code, answer.json()["state"]) == (200, "closed")
    assert move(client, "department", number, "note", **said).status_code == 409
    wrong = move(client, "shift_lead", number, "note", reason="回访", data={"satisfaction": 9})
    assert (wrong.status_code, wrong.json()["needs"]) == (422, "satisfaction")


def test_a_photo_nobody_sent_stops_the_move(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0], 6, 8)
    answer = move(client, "department", number, "accept", media=["0" * 32])
    assert (answer.status_code, answer.json()["code"]) == (422, "media_refused")
    now = client.get(f"/api/v1/incidents/{number}", headers=token("shift_lead")).json()
    assert now["state"] == "dispatched"


def test_a_list_shows_what_one_incident_shows(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0], 6, 9, category=COVER)
    move(client, "shift_lead", number, "urge", reason="市民再次来电")
    one = client.get(f"/api/v1/incidents/{number}", headers=token("dispatcher")).json()
    page = client.get(f"/api/v1/incidents?q={number}", headers=token("dispatcher")).json()
    [row] = page["items"]
    assert row["urges"] == 1
    assert {name: _spelt(one[name]) for name in row} == {k: _spelt(v) for k, v in row.items()}
    assert one["urge"]["reason"] == "市民再次来电"


@pytest.mark.parametrize("name", ["report_handled", "accept", "send_back"])
def test_who_was_overtaken_by_another_process_is_told_so_before_anything_else(
    client: TestClient, town: Town, name: str
) -> None:
    number = dispatched(client, town.departments[0])
    with town.connect() as connection:  # as another process would
        elsewhere = PostgresLedger(connection, lambda _region, _day: "")
        before = elsewhere.load(number)
        note = moves.move(before, "note", SYSTEM, before.changed_at, {"reason": "他处"})
        elsewhere.keep(before, [note])
        connection.commit()
    answer = _post(client, "department", number, {"move": name, "reason": "因故"}, If_Match='"v3"')
    assert (answer.status_code, answer.json()["current"]["version"]) == (412, 4)


def test_what_a_department_above_may_do_is_the_citys_word(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0], 8, 8)
    decide(client, town, parent_may="nothing")
    assert client.get(f"/api/v1/incidents/{number}", headers=token("bureau")).status_code == 403
    decide(client, town, parent_may="act")
    told = client.get(f"/api/v1/incidents/{number}/moves", headers=token("bureau")).json()
    assert "accept" in {one["move"] for one in told["moves"]}
    answer = move(client, "bureau", number, "accept")
    assert (answer.status_code, answer.json()["state"]) == (200, "handling")
    decide(client, town, parent_may="see")
    assert move(client, "bureau", number, "report_handled").status_code == 403


def test_a_department_it_was_taken_from_appeals_what_is_held_against_it(
    client: TestClient, town: Town
) -> None:
    mine, theirs = town.departments
    number = dispatched(client, mine, 9, 9)
    made(client, number, *_again(theirs), ("inspector", "verified"), ("intake_officer", "close"))
    one = f"/api/v1/incidents/{number}"
    seen = client.get(one, headers=token("department")).json()
    assert (seen["department"], seen["held"], seen["appeal"]) == (theirs, {mine: ["rework"]}, None)
    open_ = client.get(f"{one}/moves", headers=token("department")).json()["moves"]
    assert [row["move"] for row in open_] == ["appeal"]
    assert move(client, "neighbour", number, "appeal", reason="因故").status_code == 409
    assert move(client, "department", number, "note", reason="因故").status_code == 403
    assert move(client, "department", number, "appeal", reason="雨又冲来了").status_code == 200
    wrong = move(client, "evaluator", number, "review", upheld=True, department=theirs)
    assert (wrong.status_code, wrong.json()["needs"]) == (422, "department")
    for who in ("evaluator", "shift_lead"):
        answer = move(client, who, number, "review", upheld=True, department=mine)
        assert answer.status_code == 200, answer.text
    told = client.get(one, headers=token("evaluator")).json()
    assert told["appeal"] == told["appeals"][0]
    assert (told["appeal"]["department"], told["appeal"]["about"]) == (mine, ["rework"])
    assert (told["appeal"]["outcome"], len(told["appeal"]["reviews"])) == ("upheld", 2)


def test_of_two_appeals_a_reviewer_is_told_whose_he_may_review_and_names_one(
    client: TestClient, town: Town
) -> None:
    mine, theirs = town.departments
    number = dispatched(client, mine, 9, 8)
    made(client, number, *_again(theirs), ("inspector", "rework"), ("neighbour", "report_handled"),
         ("inspector", "verified"), ("intake_officer", "close"))  # fmt: skip
    assert whose(client, "department", number) == {"appeal": [mine]}
    assert whose(client, "neighbour", number) == {"appeal": [theirs]}
    one = f"/api/v1/incidents/{number}"
    closed = client.get(one, headers=token("shift_lead")).json()
    until = datetime.fromisoformat(closed["closed_at"]) + timedelta(days=30)
    told = {of: datetime.fromisoformat(at) for of, at in closed["appealable"].items()}
    assert told == {theirs: until, mine: until}
    for who in ("department", "neighbour"):
        assert move(client, who, number, "appeal", reason="因故").status_code == 200
    assert client.get(one, headers=token("shift_lead")).json()["appealable"] == {}
    assert whose(client, "evaluator", number) == {"review": [mine, theirs]}
    said = move(client, "evaluator", number, "review", upheld=True, department=theirs)
    assert said.status_code == 200, said.text
    assert whose(client, "evaluator", number) == {"review": [mine]}
    assert whose(client, "shift_lead", number)["review"] == [mine, theirs]
    shown = {each["department"]: each for each in said.json()["appeals"]}
    assert [len(shown[of]["reviews"]) for of in (mine, theirs)] == [0, 1]


def made(client: TestClient, number: str, *steps: tuple[str, str] | tuple[str, str, str]) -> None:
    """Moves one after the other: who, which, and to which department."""
    for who, name, *to in steps:
        given = {"department": to[0]} if to else {}
        answer = move(client, who, number, name, reason="因故", **given)
        assert answer.status_code == 200, answer.text


def _again(theirs: str) -> tuple[tuple[str, str] | tuple[str, str, str], ...]:
    """The first department has to do it again, then it is given to another, which does it."""
    return (
        ("department", "accept"), ("department", "report_handled"), ("inspector", "rework"),
        ("dispatcher", "redispatch", theirs), ("neighbour", "accept"), ("neighbour", "report_handled"),
    )  # fmt: skip


def whose(client: TestClient, who: str, number: str) -> dict[str, list[str]]:
    """By the moves open to somebody that are about an appeal: whose it may be."""
    told = client.get(f"/api/v1/incidents/{number}/moves", headers=token(who)).json()["moves"]
    return {one["move"]: one["departments"] for one in told if one["departments"]}


def test_a_department_finds_what_it_helps_with(client: TestClient, town: Town) -> None:
    mine, theirs = town.departments
    number = report(client, 8, 9)
    to = {"department": "PS", "assisting": [mine]}
    sent_ = move(client, "shift_lead", number, "open", then=[{"move": "dispatch", **to}])
    assert sent_.status_code == 200, sent_.text
    for who, code, found in (
        ("department", mine, True), ("bureau", mine, True), ("shift_lead", mine, True),
        ("neighbour", mine, False), ("neighbour", theirs, False),
    ):  # fmt: skip
        rows = client.get(f"/api/v1/incidents?assisting={code}", headers=token(who)).json()["items"]
        assert ({row["number"] for row in rows} == {number}) is found, (who, code)


def _spelt(value: Any) -> Any:
    """Instants are spelt with Z here, with an offset and without trailing zeros there."""
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value
