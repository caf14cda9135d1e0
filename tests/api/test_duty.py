"""People, the roster, positions and the hand-over of a shift, through the API: first the stranger, then the wrong role."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents.lifecycle import Role
from tests.api.town import DISTRICT, ROLES, Town, enrol, middle, move, report, token

pytestmark = pytest.mark.real

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
STREET = f"{DISTRICT}002"


@pytest.fixture(scope="module", autouse=True)
def people(town: Town) -> None:
    """Two inspectors of the streets and a second dispatcher."""
    with town.connect() as connection:
        enrol(connection, "patrol-1", Role.INSPECTOR, None, f"{DISTRICT}001")
        enrol(connection, "patrol-2", Role.INSPECTOR, None, STREET)
        enrol(connection, "dispatcher-2", Role.DISPATCHER, None)


def a_duty(account: str = "patrol-1", hours: float = 8, **more: Any) -> dict[str, Any]:
    begins = more.pop("begins", NOW - HOUR)
    ends = begins + hours * HOUR
    row = {"account": account, "role": "inspector", "from": _text(begins), "to": _text(ends)}
    return {**row, **more}


def _text(at: datetime) -> str:
    return at.isoformat()


def plan(client: TestClient, *duties: dict[str, Any], who: str = "shift_lead") -> Any:
    return client.post("/api/v1/duty", json={"duties": list(duties)}, headers=token(who))


def planned(client: TestClient, *duties: dict[str, Any]) -> list[int]:
    answer = plan(client, *duties)
    assert answer.status_code == 201, answer.text
    ids: list[int] = answer.json()["ids"]
    return ids


def on_duty(client: TestClient, who: str = "dispatcher", **asked: str) -> list[dict[str, Any]]:
    answer = client.get("/api/v1/duty", params=asked, headers=token(who))
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def tell(client: TestClient, who: str, **more: Any) -> Any:
    body = {"position": middle(1, 1), **more}
    return client.put("/api/v1/duty/position", json=body, headers=token(who))


# ── who may what ──


@pytest.mark.parametrize(
    ("method", "path", "roles"),
    [
        ("POST", "/duty", {"shift_lead", "administrator"}),
        ("PUT", "/duty", {"shift_lead", "administrator"}),
        ("DELETE", "/duty/1", {"shift_lead", "administrator"}),
        ("PATCH", "/duty/1", {"shift_lead", "administrator"}),
        ("PUT", "/duty/position", {"inspector"}),
        ("PUT", "/people/nobody/roles", {"administrator"}),
        ("PUT", "/posts/X", {"administrator"}),
        ("POST", "/handovers", {"shift_lead", "dispatcher", "intake_officer"}),
        ("POST", "/handovers/1/sign", {"shift_lead", "dispatcher", "intake_officer"}),
    ],
)
def test_only_those_roles_change_anything(
    client: TestClient, method: str, path: str, roles: set[str]
) -> None:
    assert client.request(method, f"/api/v1{path}", json={}).status_code == 401
    for role in ROLES:
        answer = client.request(method, f"/api/v1{path}", json={"nonsense": 1}, headers=token(role))
        assert (answer.status_code != 403) is (role in roles), (role, answer.text)
        assert answer.status_code in {403, 404, 422}


def test_a_wall_and_a_machine_see_nobody(client: TestClient) -> None:
    for path in ("/duty", "/people", "/handovers", "/posts"):
        for role in ("wall", "ingest"):
            assert client.get(f"/api/v1{path}", headers=token(role)).status_code == 403


# ── the roster ──


def test_who_is_on_duty_now_is_found_by_role_and_area(client: TestClient) -> None:
    planned(client, a_duty(), a_duty("patrol-2"), a_duty("dispatcher", role="dispatcher"))
    assert [row["account"] for row in on_duty(client, role="inspector")] == ["patrol-1", "patrol-2"]
    assert [row["account"] for row in on_duty(client, role="inspector", area=STREET)] == [
        "patrol-2"
    ]
    there = on_duty(client, area=f"{STREET}001")  # the dispatcher's area is the whole city
    assert {row["account"] for row in there} == {"patrol-2", "dispatcher"}
    assert on_duty(client, at=_text(NOW + 30 * HOUR)) == []
    first = on_duty(client, role="inspector")[0]
    assert (first["area"], first["planned_by"]) == (f"{DISTRICT}001", "person:shift_lead")
    assert datetime.fromisoformat(first["to"]) == NOW + 7 * HOUR


def test_a_roster_with_a_fault_is_refused_whole_with_row_and_reason(client: TestClient) -> None:
    begins = NOW + 40 * HOUR
    good = a_duty(begins=begins)
    bad = a_duty("dispatcher", begins=begins, responsible=["nowhere-1"])
    answer = plan(client, good, bad, a_duty("nobody", begins=begins))
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "duty_refused"
    assert [row for row, _ in problem["faults"]] == ["duties[1] dispatcher", "duties[2] nobody"]
    assert on_duty(client, at=_text(begins)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"from": "2026-11-24T08:00:00"},
        {"area": "99-01"},
        {"role": "king"},
        {"account": ""},
        {"until": "2026-11-24T08:00:00Z"},
    ],
)
def test_a_duty_that_is_not_well_formed_is_refused(
    client: TestClient, wrong: dict[str, Any]
) -> None:
    answer = plan(client, {**a_duty(), **wrong})
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid"


def test_a_lead_of_a_street_plans_his_street_and_no_other(client: TestClient) -> None:
    begins = NOW + 50 * HOUR
    assert plan(client, a_duty("patrol-2", begins=begins), who="street-2").status_code == 201
    refused = plan(client, a_duty("patrol-1", begins=begins), who="street-2")
    assert refused.status_code == 422
    assert STREET in refused.json()["faults"][0][1]
    [number] = planned(client, a_duty("patrol-1", begins=begins))
    ended = client.delete(f"/api/v1/duty/{number}", headers=token("street-2"))
    assert ended.status_code == 422


def test_a_window_is_planned_anew_and_what_runs_stays(client: TestClient) -> None:
    begins = NOW + 60 * HOUR
    planned(client, a_duty(begins=begins), a_duty("patrol-2", begins=begins))
    body = {
        "from": _text(begins - HOUR),
        "to": _text(begins + 24 * HOUR),
        "role": "inspector",
        "duties": [a_duty("patrol-2", begins=begins + HOUR)],
    }
    for _ in range(2):  # the same again changes nothing
        answer = client.put("/api/v1/duty", json=body, headers=token("administrator"))
        assert answer.status_code == 200, answer.text
    window = {"from": _text(begins), "to": _text(begins + 24 * HOUR)}
    found = client.get("/api/v1/duty/roster", params=window, headers=token("evaluator")).json()
    assert [row["account"] for row in found["items"]] == ["patrol-2"]


def test_a_window_backwards_or_too_long_is_refused(client: TestClient) -> None:
    for to in (NOW - HOUR, NOW, NOW + timedelta(days=63)):
        window = {"from": _text(NOW), "to": _text(to)}
        answer = client.get("/api/v1/duty/roster", params=window, headers=token("dispatcher"))
        assert answer.status_code == 422


def test_a_running_duty_ends_and_a_coming_one_is_cancelled(client: TestClient) -> None:
    running, coming = planned(
        client,
        a_duty("patrol-2", begins=NOW - 2 * HOUR),
        a_duty("patrol-2", begins=NOW + 70 * HOUR),
    )
    ended = client.delete(f"/api/v1/duty/{running}", headers=token("shift_lead"))
    assert ended.json() == {"id": running, "outcome": "ended"}
    cancelled = client.delete(f"/api/v1/duty/{coming}", headers=token("shift_lead"))
    assert cancelled.json() == {"id": coming, "outcome": "cancelled"}
    again = client.delete(f"/api/v1/duty/{coming}", headers=token("shift_lead"))
    assert (again.status_code, again.json()["code"]) == (404, "duty_unknown")
    over = client.delete(f"/api/v1/duty/{running}", headers=token("shift_lead"))
    assert (over.status_code, over.json()["code"]) == (422, "duty_refused")


def test_a_duty_ends_sooner_or_later_than_planned_and_never_in_the_past(client: TestClient) -> None:
    running, coming = planned(
        client,
        a_duty("patrol-1", begins=NOW - 5 * HOUR),
        a_duty("patrol-1", begins=NOW + 80 * HOUR),
    )

    def end_at(number: int, ends: datetime, who: str = "shift_lead") -> Any:
        return client.patch(f"/api/v1/duty/{number}", json={"to": _text(ends)}, headers=token(who))

    for number, ends in ((running, NOW + HOUR), (coming, NOW + 90 * HOUR)):
        answer = end_at(number, ends)
        assert answer.status_code == 200, answer.text
        assert datetime.fromisoformat(answer.json()["to"]) == ends
        shown = on_duty(client, at=_text(ends - HOUR / 2), role="inspector")
        assert number in {row["id"] for row in shown}
        shown = on_duty(client, at=_text(ends), role="inspector")
        assert number not in {row["id"] for row in shown}
    for number, ends in (
        (running, NOW - HOUR),
        (coming, NOW + 80 * HOUR),
        (coming, NOW + timedelta(days=40)),
    ):
        answer = end_at(number, ends)
        assert (answer.status_code, answer.json()["code"]) == (422, "duty_refused")
    assert end_at(coming, NOW + 85 * HOUR, "street-2").status_code == 422
    assert client.delete(f"/api/v1/duty/{running}", headers=token("shift_lead")).status_code == 200
    assert end_at(running, NOW + 2 * HOUR).json()["code"] == "duty_refused"
    assert client.delete(f"/api/v1/duty/{coming}", headers=token("shift_lead")).status_code == 200
    assert end_at(coming, NOW + 85 * HOUR).json()["code"] == "duty_unknown"


# ── positions ──


def test_a_position_is_seen_by_the_desk_and_by_oneself_only(client: TestClient) -> None:
    planned(client, a_duty(begins=NOW - 3 * HOUR))
    assert tell(client, "patrol-1").status_code == 204
    for role in ROLES:
        if role in {Role.WALL, Role.INGEST}:
            continue
        rows = on_duty(client, role, role="inspector")
        seen = [row["position"] for row in rows if row["account"] == "patrol-1" and row["position"]]
        assert bool(seen) is (role in {"dispatcher", "shift_lead", "intake_officer"}), role
    mine = [row for row in on_duty(client, "patrol-1") if row["position"]]
    assert mine[0]["position"]["lon"] == pytest.approx(middle(1, 1)["lon"])
    assert {
        row["position"] for row in on_duty(client, "patrol-2") if row["account"] != "patrol-2"
    } == {None}


def test_a_position_off_duty_is_not_kept(client: TestClient) -> None:
    answer = tell(client, "inspector")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_on_duty")


def test_a_position_is_turned_into_wgs84(client: TestClient) -> None:
    planned(client, a_duty(begins=NOW - 4 * HOUR))
    moved = {**middle(1, 1), "datum": "gcj02"}
    assert tell(client, "patrol-1", position=moved).status_code == 204
    place = next(r["position"] for r in on_duty(client) if r["position"])
    assert 0.001 < abs(place["lon"] - moved["lon"]) < 0.02


@pytest.mark.parametrize("ago", [31 * 60, -6 * 60])
def test_an_old_position_and_one_from_the_future_are_refused(client: TestClient, ago: int) -> None:
    at = datetime.now(UTC) - timedelta(seconds=ago)
    answer = tell(client, "patrol-1", at=_text(at))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


# ── people, posts, departments ──


def test_a_further_role_is_given_and_found_by(client: TestClient) -> None:
    roles = {"roles": [{"role": "dispatcher", "area": STREET}, {"role": "inspector"}]}
    answer = client.put(
        "/api/v1/people/intake_officer/roles", json=roles, headers=token("administrator")
    )
    assert answer.status_code == 200, answer.text
    assert [one["role"] for one in answer.json()["further"]] == ["dispatcher", "inspector"]
    found = client.get("/api/v1/people?role=dispatcher", headers=token("shift_lead")).json()
    assert {"dispatcher", "dispatcher-2", "intake_officer"} <= {one["name"] for one in found}
    assert not any("token" in one for one in found)
    body = {"roles": [{"role": "department"}]}
    refused = client.put(
        "/api/v1/people/dispatcher/roles", json=body, headers=token("administrator")
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "account_refused")


def test_departments_stand_in_their_tree(client: TestClient) -> None:
    found = client.get("/api/v1/departments", headers=token("dispatcher")).json()
    by_code = {one["code"]: one for one in found}
    assert by_code["CG-HW"]["path"] == ["CG"]
    assert (by_code["CG-HW"]["level"], by_code["CG"]["level"]) == (1, 0)
    assert by_code["CG"]["children"] == ["CG-HW", "CG-ZF"]
    codes = [one["code"] for one in found]
    assert codes.index("CG") < codes.index("CG-HW")


def test_a_post_is_made_changed_and_taken_by_a_duty(client: TestClient) -> None:
    seat = {"name": "一号派遣席", "role": "dispatcher"}
    for body in ({**seat, "name": "席"}, seat):
        made = client.put("/api/v1/posts/D1", json=body, headers=token("administrator"))
        assert made.status_code == 200, made.text
    assert (
        client.get("/api/v1/posts", headers=token("dispatcher")).json()[0]["name"] == "一号派遣席"
    )
    planned(client, a_duty("dispatcher-2", role="dispatcher", post="D1"))
    row = next(r for r in on_duty(client) if r["account"] == "dispatcher-2")
    assert row["post_name"] == "一号派遣席"
    wrong = plan(client, a_duty("patrol-1", begins=NOW + 80 * HOUR, post="D1"))
    assert wrong.status_code == 422
    auditor = {"name": "席", "role": "auditor"}
    refused = client.put("/api/v1/posts/A1", json=auditor, headers=token("administrator"))
    assert (refused.status_code, refused.json()["code"]) == (422, "duty_refused")


# ── the hand-over ──


def leave(client: TestClient, who: str = "dispatcher", **more: Any) -> Any:
    headers = {**token(who), **more.pop("headers", {})}
    return client.post("/api/v1/handovers", json={"note": "注意积水", **more}, headers=headers)


def sign(client: TestClient, number: int, who: str, **body: Any) -> Any:
    return client.post(f"/api/v1/handovers/{number}/sign", json=body, headers=token(who))


def test_a_shift_is_left_with_its_list_and_signed_by_another(client: TestClient) -> None:
    number = report(client, 8, 8)
    made = leave(client)
    assert made.status_code == 201, made.text
    left = made.json()
    assert number in {row["number"] for row in left["incidents"]}
    assert left["counts"]["open"] == len(left["incidents"])
    assert left["received_by"] is None
    assert move(client, "intake_officer", number, "void", reason="重复").status_code == 200
    address = made.headers["location"]
    assert client.get(address, headers=token("auditor")).json() == left

    own = sign(client, left["id"], "dispatcher")
    assert (own.status_code, own.json()["code"]) == (409, "handover_refused")
    other_role = sign(client, left["id"], "intake_officer")
    assert other_role.status_code == 403
    signed = sign(client, left["id"], "dispatcher-2", note="知悉")
    assert signed.status_code == 200, signed.text
    assert {k: v for k, v in signed.json().items() if not k.startswith("received")} == {
        k: v for k, v in left.items() if not k.startswith("received")
    }
    assert (signed.json()["left_by"], signed.json()["received_by"]) == (
        "dispatcher",
        "dispatcher-2",
    )
    assert signed.json()["received_at"] > left["left_at"]
    again = sign(client, left["id"], "shift_lead")
    assert (again.status_code, again.json()["received_by"]) == (409, "dispatcher-2")


def test_a_hand_over_is_left_once_however_often_it_is_sent(client: TestClient) -> None:
    key = {"Idempotency-Key": "leave-1"}
    first, second = leave(client, headers=key), leave(client, headers=key)
    assert first.json()["id"] == second.json()["id"]


def test_a_street_leads_hand_over_is_of_his_street(client: TestClient) -> None:
    here, there = report(client, 8, 2), report(client, 0, 9)
    left = leave(client, "street-2").json()
    numbers = {row["number"] for row in left["incidents"]}
    assert here in numbers
    assert there not in numbers
    city = leave(client).json()["id"]
    for address in (f"/api/v1/handovers/{city}",):
        assert client.get(address, headers=token("street-2")).status_code == 403
    assert sign(client, city, "street-2").status_code == 403
    seen = client.get("/api/v1/handovers", headers=token("street-2")).json()["items"]
    assert {row["area"] for row in seen} == {STREET}


def test_hand_overs_are_turned_page_by_page(client: TestClient) -> None:
    numbers = [leave(client).json()["id"] for _ in range(3)]
    first = client.get("/api/v1/handovers?waiting=true&limit=2", headers=token("evaluator")).json()
    assert [row["id"] for row in first["items"]] == numbers[:0:-1]
    assert first["items"][0]["incidents"] == []
    address = f"/api/v1/handovers?waiting=true&limit=2&before={first['next']}"
    second = client.get(address, headers=token("evaluator")).json()
    assert second["items"][0]["id"] == numbers[0]


def test_what_is_not_there_is_said_not_to_be(client: TestClient) -> None:
    missing = client.get("/api/v1/handovers/999999", headers=token("dispatcher"))
    assert (missing.status_code, missing.json()["code"]) == (404, "handover_unknown")
    assert sign(client, 999999, "dispatcher").status_code == 404
    assert leave(client, note="  ").status_code == 422
    post = leave(client, post="nowhere")
    assert (post.status_code, post.json()["code"]) == (409, "handover_refused")


# ── several roles ──


def roles_of(client: TestClient, name: str, *roles: dict[str, Any]) -> None:
    answer = client.put(
        f"/api/v1/people/{name}/roles", json={"roles": list(roles)}, headers=token("administrator")
    )
    assert answer.status_code == 200, answer.text


def acting(who: str, role: str) -> dict[str, str]:
    return {**token(who), "Yiwang-Role": role}


def test_a_person_acts_in_one_of_his_roles_at_a_time(client: TestClient, town: Town) -> None:
    with town.connect() as connection:
        enrol(connection, "two-hats", Role.EVALUATOR, None)
    roles_of(client, "two-hats", {"role": "dispatcher"}, {"role": "intake_officer", "area": STREET})
    number = report(client, 9, 9)
    address = f"/api/v1/incidents/{number}/moves"
    first = client.get(address, headers=token("two-hats")).json()["moves"]
    then = client.get(address, headers=acting("two-hats", "intake_officer")).json()["moves"]
    assert "open" not in {row["move"] for row in first}
    assert "open" in {row["move"] for row in then}
    etag = client.get(f"/api/v1/incidents/{number}", headers=token("shift_lead")).headers["etag"]
    opened = client.post(
        address,
        json={"move": "open"},
        headers={**acting("two-hats", "intake_officer"), "If-Match": etag},
    )
    assert opened.status_code == 200, opened.text
    line = client.get(f"/api/v1/incidents/{number}/history", headers=token("auditor")).json()[1]
    assert (line["by"], line["role"]) == ("two-hats", "intake_officer")


def test_one_is_told_in_which_roles_one_may_act_and_how_to_ask_for_each(
    client: TestClient, town: Town
) -> None:
    with town.connect() as connection:
        enrol(connection, "three-hats", Role.EVALUATOR, None)
    first = town.departments[0]
    roles_of(
        client,
        "three-hats",
        {"role": "dispatcher", "area": STREET},
        {"role": "department", "department": first},
    )
    me = client.get("/api/v1/me", headers=token("three-hats")).json()
    assert [one["ask"] for one in me["roles"]] == [
        "evaluator",
        f"department/{first}",
        f"dispatcher/{STREET}",
    ]
    for one in me["roles"]:
        as_one = client.get("/api/v1/me", headers=acting("three-hats", one["ask"])).json()
        assert as_one["roles"] == me["roles"]
        told = {name: as_one[name] for name in ("role", "department", "area")}
        assert told == {name: one[name] for name in told}
    wall = client.get("/api/v1/me", headers=token("wall")).json()
    assert [one["ask"] for one in wall["roles"]] == ["wall"]


def test_the_area_of_a_further_role_holds(client: TestClient) -> None:
    roles_of(client, "evaluator", {"role": "dispatcher", "area": STREET})
    there = report(client, 0, 1)
    one = f"/api/v1/incidents/{there}"
    assert client.get(one, headers=token("evaluator")).status_code == 200
    assert client.get(one, headers=acting("evaluator", "dispatcher")).status_code == 403
    assert client.get(one, headers=acting("evaluator", f"dispatcher/{STREET}")).status_code == 403


@pytest.mark.parametrize("role", ["administrator", "dispatcher/110101001", "king", "department"])
def test_a_role_that_is_not_held_opens_nothing(client: TestClient, role: str) -> None:
    roles_of(client, "evaluator", {"role": "dispatcher", "area": STREET})
    answer = client.get("/api/v1/people", headers=acting("evaluator", role))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert answer.json()["roles"] == ["evaluator", "dispatcher"]


def test_a_role_taken_back_opens_nothing_any_more(client: TestClient) -> None:
    roles_of(client, "evaluator", {"role": "administrator"})
    asked = acting("evaluator", "administrator")
    assert client.get("/api/v1/accounts", headers=asked).status_code == 200
    roles_of(client, "evaluator")
    assert client.get("/api/v1/accounts", headers=asked).status_code == 403
    assert client.get("/api/v1/people", headers=acting("evaluator", "evaluator")).status_code == 200


def test_a_stranger_gains_nothing_by_naming_a_role(client: TestClient) -> None:
    asked = {"Authorization": "Bearer wrong", "Yiwang-Role": "administrator"}
    assert client.get("/api/v1/accounts", headers=asked).status_code == 401


# ── and the desk gives its tasks to them ──


def test_a_task_goes_to_the_nearest_on_duty_then_to_the_next_then_to_the_queue(
    client: TestClient, town: Town
) -> None:
    with town.connect() as connection:
        for name in ("near", "far"):
            enrol(connection, name, Role.INSPECTOR, None, f"{DISTRICT}001002")
        connection.execute("delete from duty")
    planned(client, a_duty("near"), a_duty("far"))
    assert tell(client, "near", position=middle(3, 8)).status_code == 204
    assert tell(client, "far", position=middle(0, 5)).status_code == 204

    number = report(client, 3, 8)
    asked = move(client, "intake_officer", number, "confirm")
    assert asked.status_code == 200, asked.text
    assert asked.json()["inspector"] == "near"
    first = _task(client, number)
    assert first["inspector"] == "near"
    assert "其次 far" in first["why"]

    declined = move(client, "near", number, "decline", reason="正在处理另一任务")
    assert declined.json()["inspector"] == "far"
    second = _task(client, number)
    assert "已拒接：near" in second["why"]

    again = move(client, "far", number, "decline", reason="不在附近")
    assert (again.json()["state"], again.json()["inspector"]) == ("confirming", None)
    third = _task(client, number)
    assert third["inspector"] is None
    assert "均已拒接" in third["why"]


def test_with_nobody_on_duty_the_task_waits_in_the_queue_and_says_why(
    client: TestClient, town: Town
) -> None:
    with town.connect() as connection:
        connection.execute("delete from duty")
    number = report(client, 2, 7)
    asked = move(client, "intake_officer", number, "confirm")
    assert (asked.status_code, asked.json()["inspector"]) == (200, None)
    assert "没有网格员值班" in _task(client, number)["why"]


def _task(client: TestClient, number: str) -> Any:
    address = f"/api/v1/incidents/{number}/explanation"
    return client.get(address, headers=token("dispatcher")).json()["task"]
