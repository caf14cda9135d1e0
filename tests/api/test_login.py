"""People log in: the cookie and its guards, what a session may, how it ends, and that no other site rides on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from api import access
from api.access import READERS, REMEMBERED_S
from api.app import create_app
from api.cookies import BACKGROUND_HEADER, CSRF_HEADER
from api.settings import Settings
from incidents.lifecycle import Role
from incidents.postgres import passwords, sessions
from incidents.postgres.sessions import ATTEMPTS
from tests.api.photos import a_photo
from tests.api.test_access import TABLE, _address
from tests.api.town import ROLES, Town, a_report, enrol, report, token

pytestmark = pytest.mark.real

WORD = "Tong-Hua-Lu 7"
PEOPLE = tuple(role for role in ROLES if role is not Role.INGEST)
OURS = {CSRF_HEADER: "1"}
_HASH = passwords.hashed(WORD)


@pytest.fixture(scope="module")
def people(town: Town) -> Town:
    """The town, in which everybody but the machines has the same password."""
    with town.connect() as connection:
        for name in (*map(str, PEOPLE), "neighbour"):
            passwords.put_hash(connection, name, _HASH)
    return town


@pytest.fixture
def browser(client: TestClient, people: Town) -> Iterator[TestClient]:
    """A browser of somebody nobody knows yet."""
    fresh = TestClient(client.app, base_url="http://testserver", raise_server_exceptions=False)
    yield fresh
    fresh.close()


def come_in(browser: TestClient, name: str = "dispatcher", word: str = WORD, **headers: str) -> Any:
    answer = browser.post("/api/v1/login", json={"name": name, "password": word}, headers=headers)
    browser.cookies.update(answer.cookies)
    return answer


def id_of(browser: TestClient) -> str:
    (value,) = browser.cookies.values()
    return value


def newcomer(town: Town, name: str, *, must_change: bool = False) -> None:
    with town.connect() as connection:
        enrol(connection, name, Role.DISPATCHER, None)
        passwords.put(connection, name, WORD, must_change=must_change)


def test_whoever_gives_name_and_password_is_in_and_known(browser: TestClient) -> None:
    answer = come_in(browser)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["name"], told["role"], told["session"]) == ("dispatcher", "dispatcher", True)
    assert (told["password_due"], told["idle_s"]) == (False, 1800)
    assert WORD not in answer.text
    me = browser.get("/api/v1/me").json()
    assert (me["name"], me["idle_s"]) == ("dispatcher", 1800)
    by_token = browser.get("/api/v1/me", headers=token("dispatcher")).json()
    assert (by_token["session"], by_token["idle_s"]) == (False, None)
    assert browser.get("/api/v1/incidents").status_code == 200


def test_the_cookie_is_for_this_server_and_no_script(browser: TestClient) -> None:
    answer = come_in(browser)
    (cookie,) = answer.headers.get_list("set-cookie")
    parts = {part.strip().lower().partition("=")[0] for part in cookie.split(";")[1:]}
    assert cookie.startswith("yiwang-8000=ys_")
    assert {"httponly", "path", "samesite", "max-age"} <= parts
    assert "samesite=strict" in cookie.lower()
    assert "domain" not in parts
    assert "secure" not in parts
    assert answer.headers["cache-control"] == "no-store"


def test_over_https_the_cookie_goes_over_https_only(client: TestClient, people: Town) -> None:
    safe = TestClient(client.app, base_url="https://testserver")
    answer = come_in(safe)
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-yiwang-8000=")
    assert "; secure" in cookie.lower()
    plain = {"Cookie": f"yiwang-8000={id_of(safe)}"}  # planted by whoever answers plain HTTP
    bare = TestClient(client.app, base_url="https://testserver")
    assert bare.get("/api/v1/me", headers=plain).status_code == 401


@pytest.mark.parametrize(
    "given",
    [{"name": "dispatcher", "password": "Wrong-Word 1"}, {"name": "nobody", "password": WORD}],
)
def test_a_wrong_name_and_a_wrong_password_are_told_alike(browser: TestClient, given: Any) -> None:
    answer = browser.post("/api/v1/login", json=given)
    assert (answer.status_code, answer.json()["code"]) == (403, "login_refused")
    assert "set-cookie" not in answer.headers
    assert given["password"] not in answer.text
    come_in(browser)  # takes the failure back


@pytest.mark.parametrize(
    "given",
    [{}, {"name": "x"}, {"name": "", "password": "x"}, {"name": "x", "password": "y" * 2000}],
)
def test_what_is_no_login_is_refused_without_telling_the_password(
    browser: TestClient, given: Any
) -> None:
    answer = browser.post("/api/v1/login", json=given)
    assert answer.status_code == 422
    assert "yyyy" not in answer.text


def test_five_wrong_passwords_lock_and_say_for_how_long(browser: TestClient, people: Town) -> None:
    newcomer(people, "locked-out")
    for _ in range(ATTEMPTS):
        assert come_in(browser, "locked-out", "Wrong-Word 1").status_code == 403
    answer = come_in(browser, "locked-out")
    assert (answer.status_code, answer.json()["code"]) == (429, "login_locked")
    assert 0 < int(answer.headers["retry-after"]) <= 900
    assert come_in(browser).status_code == 200  # others are not locked with him


@pytest.mark.parametrize("role", PEOPLE)
def test_a_session_may_exactly_what_its_accounts_token_may(browser: TestClient, role: Role) -> None:
    assert come_in(browser, str(role)).status_code == 200
    for (method, path), roles in TABLE.items():
        if roles is None or path in {"/api/v1/live", "/api/v1/logout"}:
            continue
        answer = browser.request(method, _address(path), headers=OURS)
        if role in roles:
            assert answer.status_code not in {401, 403}, (method, path, answer.text)
        else:
            assert answer.status_code == 403, (method, path, answer.text)


def test_a_machine_has_no_login(browser: TestClient) -> None:
    assert come_in(browser, "ingest").status_code == 403


def test_a_change_that_no_page_of_ours_asked_for_is_refused(browser: TestClient) -> None:
    come_in(browser, "inspector")
    for headers in (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "http://testserver:81"},
        {"Referer": "http://testserver/desk/"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        for method, path in (
            ("POST", "/api/v1/reports"),
            ("POST", "/api/v1/media?kind=scene"),
            ("POST", "/api/v1/logout"),
        ):
            answer = browser.request(method, path, json=a_report(), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "foreign_page"), headers
    assert browser.get("/api/v1/me", headers={"Origin": "https://evil.example"}).status_code == 200
    for headers in (OURS, {"Origin": "http://testserver"}):
        answer = browser.post("/api/v1/reports", json=a_report(1, 1), headers=headers)
        assert answer.status_code == 201, answer.text


def test_a_token_needs_no_page_of_ours(client: TestClient) -> None:
    headers = {**token("inspector"), "Origin": "https://another.example"}
    answer = client.post("/api/v1/reports", json=a_report(1, 2), headers=headers)
    assert answer.status_code == 201


def test_another_sites_page_cannot_log_anybody_in(browser: TestClient) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = come_in(browser, **headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_page")
    assert come_in(browser, Origin="http://testserver").status_code == 200


def test_a_token_beside_a_cookie_counts_and_the_cookie_does_not(browser: TestClient) -> None:
    come_in(browser, "administrator")
    headers = {**token("auditor")}
    assert browser.get("/api/v1/me", headers=headers).json()["name"] == "auditor"
    wrong = browser.get("/api/v1/me", headers={"Authorization": "Bearer wrong"})
    assert wrong.status_code == 401


def test_an_id_that_was_planted_before_the_login_opens_nothing_after_it(
    browser: TestClient,
) -> None:
    planted = {"Cookie": "yiwang-8000=ys_planted-by-somebody-else"}
    answer = come_in(browser, **planted)
    assert answer.status_code == 200
    assert "planted" not in id_of(browser)
    assert TestClient(browser.app, headers=planted).get("/api/v1/me").status_code == 401


def test_each_login_has_an_id_of_its_own_and_ends_the_one_before(browser: TestClient) -> None:
    come_in(browser)
    first = id_of(browser)
    assert browser.get("/api/v1/me").status_code == 200
    come_in(browser, "auditor")
    assert id_of(browser) != first
    thief = TestClient(browser.app, cookies={"yiwang-8000": first})
    assert thief.get("/api/v1/me").status_code == 401


def test_whoever_logs_out_is_out_at_once_and_everywhere(browser: TestClient) -> None:
    come_in(browser)
    kept = id_of(browser)
    assert browser.get("/api/v1/me").status_code == 200
    answer = browser.post("/api/v1/logout", headers=OURS)
    assert answer.status_code == 204
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    again = TestClient(browser.app, cookies={"yiwang-8000": kept})
    assert again.get("/api/v1/me").status_code == 401


def test_a_session_left_alone_ends_and_a_page_that_asks_by_itself_keeps_none_awake(
    browser: TestClient, people: Town
) -> None:
    come_in(browser)
    aged = "update session set seen_at = now() - interval '20 minutes'"
    seen = "select max(seen_at) < now() - interval '19 minutes' from session"
    with people.connect() as connection:
        connection.execute(
            "delete from session where id_hash <> sha256(%s::bytea)", (id_of(browser).encode(),)
        )
        connection.execute(aged)
        time.sleep(REMEMBERED_S + 0.1)
        assert browser.get("/api/v1/incidents", headers={BACKGROUND_HEADER: "1"}).status_code == 200
        assert connection.execute(seen).fetchone() == (True,)
        time.sleep(REMEMBERED_S + 0.1)
        assert browser.get("/api/v1/incidents").status_code == 200
        assert connection.execute(seen).fetchone() == (False,)
        connection.execute("update session set seen_at = now() - interval '31 minutes'")
    time.sleep(REMEMBERED_S + 0.1)
    answer = browser.get("/api/v1/incidents")
    assert answer.status_code == 401
    assert "登录" in answer.json()["detail"]


def test_a_password_that_somebody_else_chose_opens_nothing_but_its_own_change(
    browser: TestClient, people: Town
) -> None:
    newcomer(people, "newcomer", must_change=True)
    assert come_in(browser, "newcomer").json()["password_due"] is True
    for method, path, body in (
        ("GET", "/api/v1/incidents", None),
        ("POST", "/api/v1/reports", a_report()),
        ("GET", "/api/v1/live", None),
    ):
        answer = browser.request(method, path, json=body, headers=OURS)
        assert (answer.status_code, answer.json()["code"]) == (403, "password_due"), path
    assert browser.get("/api/v1/me").status_code == 200
    before = id_of(browser)
    changed = browser.post(
        "/api/v1/me/password", json={"old": WORD, "new": "My-Own-Word 1"}, headers=OURS
    )
    assert changed.status_code == 200, changed.text
    browser.cookies.update(changed.cookies)
    assert changed.json()["password_due"] is False
    assert id_of(browser) != before
    assert browser.get("/api/v1/incidents").status_code == 200
    assert (
        TestClient(browser.app, cookies={"yiwang-8000": before}).get("/api/v1/me").status_code
        == 401
    )


@pytest.mark.parametrize(
    ("old", "new", "status", "code"),
    [
        ("Wrong-Word 1", "My-Own-Word 1", 403, "login_refused"),
        (WORD, "short", 422, "password_refused"),
        (WORD, WORD, 422, "password_refused"),
    ],
)
def test_a_change_that_is_refused_changes_nothing(
    browser: TestClient, old: str, new: str, status: int, code: str
) -> None:
    come_in(browser, "evaluator")
    answer = browser.post("/api/v1/me/password", json={"old": old, "new": new}, headers=OURS)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert browser.get("/api/v1/me").status_code == 200
    assert come_in(browser, "evaluator").status_code == 200


def test_a_changed_password_ends_every_other_session(browser: TestClient, people: Town) -> None:
    newcomer(people, "two-desks")
    other = TestClient(browser.app)
    come_in(other, "two-desks")
    come_in(browser, "two-desks")
    body = {"old": WORD, "new": "My-Own-Word 2"}
    assert browser.post("/api/v1/me/password", json=body, headers=OURS).status_code == 200
    time.sleep(REMEMBERED_S + 0.1)
    assert other.get("/api/v1/me").status_code == 401


def test_every_login_leaves_a_line_that_auditors_read(browser: TestClient, people: Town) -> None:
    newcomer(people, "audited")
    come_in(browser, "audited", "Wrong-Word 1")
    come_in(browser, "audited")
    browser.post("/api/v1/logout", headers=OURS)
    lines = browser.get("/api/v1/logins?account=audited", headers=token("auditor")).json()
    assert [line["result"] for line in reversed(lines)] == ["wrong", "in", "out"]
    assert all(line["at"] and line["address"] == "testclient" for line in lines)
    older = browser.get(
        f"/api/v1/logins?account=audited&before={lines[0]['id']}&limit=1", headers=token("auditor")
    ).json()
    assert older == lines[1:2]


def test_a_session_shows_photos_and_takes_them_in(browser: TestClient) -> None:
    come_in(browser, "inspector")
    sent = browser.post(
        "/api/v1/media?kind=scene", content=a_photo(50, 40, comment=b"by session"), headers=OURS
    )
    assert sent.status_code == 201, sent.text
    assert browser.get(sent.json()["url"]).status_code == 200  # as an <img> asks: cookie, no header
    assert TestClient(browser.app).get(sent.json()["url"]).status_code == 401


def test_the_incident_is_moved_by_whoever_is_logged_in(
    browser: TestClient, client: TestClient
) -> None:
    number = report(client, 7, 3)
    come_in(browser, "intake_officer")
    etag = browser.get(f"/api/v1/incidents/{number}").headers["etag"]
    address = f"/api/v1/incidents/{number}/moves"
    body = {"move": "open"}
    foreign = browser.post(address, json=body, headers={"If-Match": etag})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign_page")
    moved = browser.post(address, json=body, headers={"If-Match": etag, **OURS})
    assert moved.status_code == 200, moved.text
    history = browser.get(f"/api/v1/incidents/{number}/history").json()
    assert history[-1]["by"] == "intake_officer"


def test_how_long_things_last_is_the_operators_to_say() -> None:
    told = Settings(
        database_url="postgresql://nowhere",
        session_idle_minutes=5,
        session_hours=8,
        password_days=30,
    )
    assert (told.limits.idle.seconds, told.limits.lasts.seconds, told.limits.age.days) == (
        300,
        28800,
        30,
    )
    limits = sessions.Limits()
    assert (limits.idle.seconds, limits.lasts.seconds, limits.age.days) == (1800, 43200, 90)


def test_reading_needs_a_role_however_one_came_in() -> None:
    table = access.table(create_app(Settings(database_url="postgresql://nowhere")))
    assert table["GET", "/api/v1/logins"] == frozenset({Role.ADMINISTRATOR, Role.AUDITOR})
    assert table["GET", "/api/v1/media/{id}"] == READERS
