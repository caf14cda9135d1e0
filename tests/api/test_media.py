"""Photos through the API: taken in, attached, and shown to the right people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from api.access import DESK, READERS
from api.parts import Parts
from incidents.lifecycle import Role
from incidents.postgres import media_store
from tests.api.photos import a_photo, animated, exif, files_of, fresh, opened, png_bomb, send, sent
from tests.api.town import ROLES, Town, a_report, dispatched, middle, move, report, token

pytestmark = pytest.mark.real

HERE = middle(2, 2)


@pytest.fixture
def parts(client: TestClient) -> Parts:
    """The opened parts behind the API."""
    found: Parts = client.app.state.parts  # type: ignore[attr-defined]
    return found


def degrees(value: float) -> tuple[float, float, float]:
    """As a camera writes it."""
    whole = int(value)
    return (float(whole), 0.0, (value - whole) * 3600)


def test_a_photo_is_taken_in_and_served_with_every_guard(client: TestClient) -> None:
    answer = send(client, fresh(exif=exif()), kind="before")
    assert answer.status_code == 201
    told = answer.json()
    assert answer.headers["location"] == told["url"]
    assert (told["kind"], told["width"], told["height"]) == ("before", 64, 48)
    served = client.get(told["url"], headers=token("inspector"))
    assert served.status_code == 200
    assert hashlib.sha256(served.content).hexdigest() == told["sha256"]
    assert served.headers["content-type"] == "image/jpeg"
    assert served.headers["x-content-type-options"] == "nosniff"
    assert served.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert served.headers["content-disposition"] == f'inline; filename="{told["id"]}.jpg"'
    assert served.headers["cache-control"] == "private, no-cache"
    assert not opened(served.content).getexif()
    small = client.get(told["thumbnail"], headers=token("inspector"))
    assert small.status_code == 200
    assert small.headers["etag"] != served.headers["etag"]
    again = client.get(
        told["url"], headers={**token("inspector"), "If-None-Match": served.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_a_form_does_as_well_as_the_bare_body(client: TestClient) -> None:
    form = {"file": ("井盖 <1>.jpg", fresh(), "image/jpeg")}
    answer = client.post(
        "/api/v1/media", data={"kind": "after"}, files=form, headers=token("inspector")
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["kind"] == "after"


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (b"", 422, "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "markup"),
        (b"<!doctype html><script>1</script>", 415, "markup"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), 415, "heic"),
        (b"PK\x03\x04" + bytes(40), 415, "format"),
        (animated("GIF"), 422, "animated"),
        (a_photo()[:3000], 422, "damaged"),
        (a_photo() + b"<script>1</script>", 422, "hidden"),
        (png_bomb(8000, 8000), 422, "pixels"),
    ],
)
def test_a_bad_file_is_refused_with_a_reason_a_person_can_act_on(
    client: TestClient, parts: Parts, data: bytes, status: int, reason: str
) -> None:
    before = files_of(parts.objects)
    answer = send(client, data)
    assert answer.status_code == status
    told = answer.json()
    assert (told["code"], told["reason"]) == ("photo_unfit", reason)
    assert told["detail"]
    assert told["detail_en"]
    assert files_of(parts.objects) == before


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("as_form", [True, False])
def test_a_photo_that_is_too_large_is_broken_off(
    client: TestClient, announced: bool, as_form: bool
) -> None:
    body = bytes(16 << 20)
    kind = "image/jpeg"
    if as_form:
        kind = "multipart/form-data; boundary=b"
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        body = head + body + b"\r\n--b--\r\n"

    def slowly() -> Iterator[bytes]:
        for at in range(0, len(body), 1 << 20):
            yield body[at : at + (1 << 20)]

    answer = client.post(
        "/api/v1/media?kind=scene",
        content=body if announced else slowly(),
        headers={**token("inspector"), "Content-Type": kind},
    )
    assert answer.status_code == 413, answer.text
    assert answer.json()["code"] == "too_large"


def test_a_limit_of_a_photos_own_is_kept_below_that_of_the_form(client: TestClient) -> None:
    answer = send(client, bytes((15 << 20) + 10))
    assert answer.status_code == 413
    assert "15 MiB" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("content", "kind", "headers"),
    [
        (b"x", "", {}),
        (b"x", "evidence", {}),
        (b"--b\r\n\r\n", "scene", {"Content-Type": "multipart/form-data"}),
        (b"--b--\r\n", "scene", {"Content-Type": "multipart/form-data; boundary=b"}),
    ],
)
def test_a_request_that_lacks_something_says_what(
    client: TestClient, content: bytes, kind: str, headers: dict[str, str]
) -> None:
    params = {"kind": kind} if kind else {}
    answer = client.post(
        "/api/v1/media", params=params, content=content, headers={**token("inspector"), **headers}
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


def test_the_same_bytes_from_the_same_person_are_the_same_photo(client: TestClient) -> None:
    data = fresh()
    first = send(client, data)
    second = send(client, data)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    other = send(client, data, who="dispatcher")
    assert other.status_code == 201
    assert other.json()["id"] != first.json()["id"]


def test_the_same_bytes_sent_at_once_are_kept_once(client: TestClient, parts: Parts) -> None:
    data = fresh()
    before = files_of(parts.objects)
    with ThreadPoolExecutor(4) as people:
        answers = list(people.map(lambda _: send(client, data), range(4)))
    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    assert {answer.status_code for answer in answers} == {200, 201}
    assert len(files_of(parts.objects) - before) == 2


def test_a_key_is_for_one_photo(client: TestClient, parts: Parts) -> None:
    headers = {"Idempotency-Key": "photo-key"}
    data = fresh()
    first = send(client, data, headers=headers)
    again = send(client, data, headers=headers)
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.json()) == (201, first.json())
    before = files_of(parts.objects)
    other = send(client, fresh(), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert files_of(parts.objects) == before


def test_a_photo_becomes_another_kind_only_while_it_is_evidence_of_nothing(
    client: TestClient,
) -> None:
    data = fresh()
    id_ = sent(client, data, kind="before")
    assert send(client, data, kind="after").json()["kind"] == "after"
    report(client, 2, 3, media=[id_])
    refused = send(client, data, kind="before")
    assert (refused.status_code, refused.json()["code"]) == (422, "media_refused")


def test_a_report_carries_its_photos_to_the_incident(client: TestClient) -> None:
    one, two = sent(client, fresh()), sent(client, fresh(), kind="before")
    number = report(client, 2, 4, media=[one, two])
    listed = client.get(f"/api/v1/incidents/{number}/media", headers=token("intake_officer")).json()
    assert {(p["id"], p["kind"], p["stage"], p["move"]) for p in listed} == {
        (one, "scene", "reported", "report"),
        (two, "before", "reported", "report"),
    }
    shown = client.get(f"/api/v1/incidents/{number}", headers=token("intake_officer")).json()
    assert shown["media"] == [one, two]


@pytest.mark.parametrize("bad", ["a.jpg", "0" * 32, "theirs"])
def test_a_report_with_a_photo_that_is_not_his_is_refused_whole(
    client: TestClient, town: Town, bad: str
) -> None:
    good = sent(client, fresh())
    if bad == "theirs":
        bad = sent(client, fresh(), who="dispatcher")
    with town.connect() as connection:
        before = connection.execute("select count(*) from incident").fetchone()
    answer = client.post(
        "/api/v1/reports", json=a_report(2, 5, media=[good, bad]), headers=token("inspector")
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "media_refused")
    assert [fault[0] for fault in answer.json()["faults"]] == [bad]
    with town.connect() as connection:
        assert connection.execute("select count(*) from incident").fetchone() == before


def test_photos_are_seen_by_whoever_sees_the_incident_and_by_nobody_else(
    client: TestClient, town: Town
) -> None:
    mine, theirs = town.departments
    id_ = sent(client, fresh())
    url = f"/api/v1/media/{id_}"
    number = dispatched(client, mine, 3, 1, media=[id_])
    for path in (url, f"{url}/thumbnail", f"/api/v1/incidents/{number}/media"):
        assert client.get(path).status_code == 401
        for role in ROLES:
            status = client.get(path, headers=token(role)).status_code
            assert status == (200 if role in READERS else 403), (path, role)
        assert client.get(path, headers=token("neighbour")).status_code == 403
        assert client.get(path, headers=token("street-2")).status_code == 403
    second = sent(client, fresh())
    dispatched(client, theirs, 3, 2, media=[second])
    assert client.get(f"/api/v1/media/{second}", headers=token("department")).status_code == 403
    assert client.get(f"/api/v1/media/{second}", headers=token("neighbour")).status_code == 200


def test_before_it_is_attached_only_the_sender_sees_his_photo(client: TestClient) -> None:
    id_ = sent(client, fresh(), who="department")
    for role in ROLES:
        status = client.get(f"/api/v1/media/{id_}", headers=token(role)).status_code
        assert status == (200 if role is Role.DEPARTMENT else 403), role
    assert client.get(f"/api/v1/media/{'0' * 32}", headers=token("auditor")).status_code == 404


def test_where_and_when_it_was_taken_is_told_to_the_desk_only(
    client: TestClient, town: Town
) -> None:
    place = (degrees(HERE["lat"] + 0.001), degrees(HERE["lon"]))
    data = fresh(exif=exif(place=place))
    answer = send(client, data)
    assert "taken_at" not in answer.json()
    number = dispatched(client, town.departments[0], 2, 2, media=[answer.json()["id"]])
    for role in sorted(READERS):
        photo = client.get(f"/api/v1/incidents/{number}/media", headers=token(role)).json()[0]
        if role in DESK:
            assert photo["taken_at"] == "2026-11-20T01:30:00Z"  # 09:30 by the city's clock
            assert photo["taken_where"]["lat"] == pytest.approx(HERE["lat"] + 0.001, abs=1e-6)
            assert photo["metres_away"] == pytest.approx(111, abs=1)
        else:
            assert not {"taken_at", "taken_where", "metres_away"} & set(photo), role
    everywhere = [
        client.get(f"/api/v1/incidents/{number}{part}", headers=token("department")).text
        for part in ("", "/history", "/explanation", "/media")
    ]
    assert not any("01:30:00" in text for text in everywhere)
    told = send(client, fresh(exif=exif(place=place)), who="dispatcher").json()
    assert told["taken_at"] == "2026-11-20T01:30:00Z"


def test_a_photo_may_go_straight_to_an_incident_that_has_not_ended(
    client: TestClient, town: Town
) -> None:
    number = dispatched(client, town.departments[0], 4, 1)
    answer = send(client, fresh(), who="department", kind="before", incident=number)
    assert (answer.status_code, answer.json()["incident"]) == (201, number)
    listed = client.get(f"/api/v1/incidents/{number}/media", headers=token("auditor")).json()
    assert [(p["stage"], p["move"], p["by"]) for p in listed] == [
        ("dispatched", "add", "department")
    ]
    assert send(client, fresh(), who="neighbour", incident=number).status_code == 403
    assert send(client, fresh(), incident="9999992020010100001").status_code == 404
    ended = report(client, 4, 2)
    assert move(client, "intake_officer", ended, "void", reason="重复").status_code == 200
    assert send(client, fresh(), who="shift_lead", incident=ended).status_code == 409


def test_a_move_brings_its_photos_as_evidence_of_its_stage(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0], 9, 1)
    assert move(client, "department", number, "accept").status_code == 200
    before = sent(client, fresh(), "department", kind="before")
    assert (
        move(client, "department", number, "note", media=[before], reason="到场").status_code == 200
    )
    after = sent(client, fresh(), "department", kind="after")
    handled = move(client, "department", number, "report_handled", media=[after])
    assert handled.status_code == 200, handled.text
    listed = client.get(f"/api/v1/incidents/{number}/media", headers=token("auditor")).json()
    assert [(p["id"], p["kind"], p["stage"], p["move"], p["by"]) for p in listed] == [
        (before, "before", "handling", "note", "department"),
        (after, "after", "handling", "report_handled", "department"),
    ]
    history = client.get(f"/api/v1/incidents/{number}/history", headers=token("auditor")).json()
    assert history[-1]["data"]["media"] == [after]


def test_a_move_that_is_refused_leaves_its_photo_unused(client: TestClient, town: Town) -> None:
    number = dispatched(client, town.departments[0], 9, 3)
    own, theirs = sent(client, fresh(), "department"), sent(client, fresh(), "neighbour")
    for media, name, status, code in (
        ([own, theirs], "accept", 422, "media_refused"),
        (["0" * 32], "accept", 422, "media_refused"),
        ([own], "close", 409, "move_refused"),
    ):
        answer = move(client, "department", number, name, media=media)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    with town.connect() as connection:
        photo = media_store.find(connection, own)
        assert photo is not None
        assert not photo.attached
    listed = client.get(f"/api/v1/incidents/{number}/media", headers=token("auditor")).json()
    assert listed == []


def test_photos_of_a_merged_incident_are_seen_with_the_one_it_became_part_of(
    client: TestClient, town: Town
) -> None:
    id_ = sent(client, fresh())
    child = report(client, 8, 1, media=[id_])
    parent = dispatched(client, town.departments[0], 8, 3)
    url = f"/api/v1/media/{id_}"
    assert client.get(url, headers=token("department")).status_code == 403
    with town.connect() as connection:
        connection.execute(
            "update incident set merged_into = %s where number = %s", (parent, child)
        )
    listed = client.get(f"/api/v1/incidents/{parent}/media", headers=token("department")).json()
    assert [(p["id"], p["incident"]) for p in listed] == [(id_, child)]
    assert client.get(url, headers=token("department")).status_code == 200
    assert client.get(url, headers=token("neighbour")).status_code == 403


def test_whoever_hoards_photos_is_asked_to_use_them(client: TestClient, town: Town) -> None:
    with town.connect() as connection:
        connection.execute(
            "insert into media (id, account, kind, received_sha256, sha256, size, width, height)"
            " select md5(n::text), 'administrator', 'scene', sha256(n::text::bytea), '', 1, 1, 1"
            "   from generate_series(1, 200) n"
        )
        answer = send(client, fresh(), who="administrator")
        assert (answer.status_code, answer.json()["code"]) == (422, "media_refused")
        connection.execute("delete from media where account = 'administrator'")


def test_every_photo_is_in_the_books_of_openapi(client: TestClient) -> None:
    described = json.loads(client.get("/openapi.json").text)["paths"]
    assert "multipart/form-data" in described["/api/v1/media"]["post"]["requestBody"]["content"]
    assert "415" in described["/api/v1/media"]["post"]["responses"]
