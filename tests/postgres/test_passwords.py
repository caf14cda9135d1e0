"""Passwords and logins in the store: argon2id as asked for, five tries, no name told from another."""

from __future__ import annotations

import statistics
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents.errors import AccountRefused, LoginLocked, LoginRefused, PasswordRefused
from incidents.lifecycle import Role
from incidents.postgres import accounts, passwords, sessions
from incidents.postgres.connection import Connection, connect
from incidents.postgres.password_rules import faults
from incidents.postgres.sessions import ATTEMPTS, LOCKED_FOR, Attempt, Limits

GOOD = "Tong-Hua-Lu 7"
LIMITS = Limits()


@pytest.fixture
def conn(database_url: str) -> Connection:
    """A database with one who has a password, one who has none, and a machine."""
    made = connect(database_url, "test")
    for name, role in (("wang", Role.DISPATCHER), ("li", Role.AUDITOR), ("gate", Role.INGEST)):
        accounts.add(made, accounts.Applicant(name, role, token=f"token-{name}"))
    passwords.put_hash(made, "wang", _good())
    return made


@cache
def _good() -> str:
    """The hash of GOOD, made once: to make one is meant to take long."""
    return passwords.hashed(GOOD)


def attempt(conn: Connection, password: str, name: str = "wang") -> str:
    return sessions.log_in(conn, Attempt(name, password, "10.0.0.9"), LIMITS)


def results(conn: Connection) -> list[tuple[str | None, str]]:
    return [(line.account, line.result) for line in reversed(sessions.logged(conn, 100))]


@pytest.mark.parametrize(
    ("password", "codes"),
    [
        (GOOD, []),
        ("人民路口三号井盖 Aa", []),
        ("Short-1", ["length"]),
        ("x" * 200 + "A1", ["length"]),
        ("only small letters", ["kinds"]),
        ("alllowercase123", ["kinds"]),
        ("Wang-is-here-1", ["name"]),
        ("Admin-2026-x", ["guessed"]),
        ("My Passw0rd!!", ["guessed"]),
        ("Zhong\tHua 77", ["control"]),
        ("", ["length", "kinds"]),
    ],
)
def test_a_password_is_refused_for_every_reason_there_is(password: str, codes: list[str]) -> None:
    assert [code for code, _, _ in faults(password, "wang")] == codes


@given(st.text(max_size=140))
def test_no_text_breaks_the_rules_themselves(text: str) -> None:
    assert isinstance(faults(text, "wang"), list)


def test_an_invented_password_keeps_the_rules() -> None:
    made = {passwords.invented() for _ in range(200)}
    assert len(made) == 200
    assert not any(faults(each, "wang") for each in made)


@pytest.mark.real
def test_a_password_is_kept_as_argon2id_with_the_parameters_asked_for(conn: Connection) -> None:
    held = passwords.current(conn, "wang")
    assert held is not None
    assert held.hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert GOOD not in held.hash
    assert passwords.fits(held, GOOD)
    assert not passwords.fits(held, GOOD.lower())
    assert not passwords.fits(None, GOOD)


@pytest.mark.real
def test_the_same_characters_however_composed_are_the_same_password(conn: Connection) -> None:
    passwords.put(conn, "li", "Caf\u00e9 au lait 7")
    held = passwords.current(conn, "li")
    assert passwords.fits(held, "Cafe\u0301 au lait 7")


@pytest.mark.real
def test_a_hash_of_older_parameters_is_renewed_at_the_next_login(conn: Connection) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    passwords.put_hash(conn, "li", weak)
    attempt(conn, GOOD, "li")
    held = passwords.current(conn, "li")
    assert held is not None
    assert held.hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.real
def test_the_last_five_passwords_may_not_come_again_and_the_sixth_may(conn: Connection) -> None:
    row = [f"Tong-Hua-Lu {n}" for n in range(8, 12)]
    for each in row:
        passwords.put(conn, "wang", each)
    for used in (GOOD, *row):
        with pytest.raises(PasswordRefused) as refused:
            passwords.put(conn, "wang", used)
        assert [code for code, _ in refused.value.facts["faults"]] == ["used"]
    passwords.put(conn, "wang", "Tong-Hua-Lu 12")
    passwords.put(conn, "wang", GOOD)
    count = conn.execute("select count(*) from password").fetchone()
    assert count == (passwords.HISTORY,)


@pytest.mark.real
@pytest.mark.parametrize("name", ["nobody", "gate", "wang-withdrawn"])
def test_neither_strangers_nor_machines_get_a_password(conn: Connection, name: str) -> None:
    accounts.add(conn, accounts.Applicant("wang-withdrawn", Role.AUDITOR))
    accounts.deactivate(conn, "wang-withdrawn")
    with pytest.raises(AccountRefused):
        passwords.put(conn, name, GOOD)


@pytest.mark.real
def test_whoever_cannot_log_in_is_told_the_same_whatever_the_reason(conn: Connection) -> None:
    said = set()
    for name in ("wang", "li", "gate", "nobody", "", "x" * 64):
        with pytest.raises(LoginRefused) as refused:
            attempt(conn, "Wrong-Word 1", name)
        said.add(str(refused.value))
    assert len(said) == 1
    assert results(conn) == [
        ("wang", "wrong"),
        ("li", "wrong"),
        ("gate", "wrong"),
        *[(None, "wrong")] * 3,
    ]


@pytest.mark.real
def test_a_password_typed_into_the_name_is_kept_nowhere(conn: Connection) -> None:
    with pytest.raises(LoginRefused):
        attempt(conn, "x", "My Secret 77!")
    for table in ("login_log", "login_attempt"):
        assert "Secret" not in str(conn.execute(f"select * from {table}").fetchall())


@pytest.mark.real
def test_an_unknown_name_takes_as_long_as_a_wrong_password(conn: Connection) -> None:
    held = passwords.current(conn, "wang")
    passwords.fits(None, "warm up")

    def seconds(of: passwords.Held | None) -> float:
        begun = time.perf_counter()
        passwords.fits(of, "Wrong-Word 1")
        return time.perf_counter() - begun

    known, unknown = zip(*((seconds(held), seconds(None)) for _ in range(9)), strict=True)
    ratio = statistics.median(unknown) / statistics.median(known)
    assert 0.5 < ratio < 2  # one of them without hashing would be a thousandth


@pytest.mark.real
@pytest.mark.parametrize("name", ["wang", "nobody"])
def test_after_five_wrong_ones_even_the_right_one_waits_a_quarter_of_an_hour(
    conn: Connection, name: str
) -> None:
    for _ in range(ATTEMPTS):
        with pytest.raises(LoginRefused):
            attempt(conn, "Wrong-Word 1", name)
    for password in (GOOD, "Wrong-Word 1"):
        with pytest.raises(LoginLocked) as locked:
            attempt(conn, password, name)
        assert 0 < locked.value.facts["retry_after_s"] <= LOCKED_FOR.total_seconds()
    conn.execute("update login_attempt set locked_until = now() - interval '1 second'")
    if name == "wang":
        assert attempt(conn, GOOD)
        assert conn.execute("select count(*) from login_attempt").fetchone() == (0,)
    else:
        with pytest.raises(LoginRefused):
            attempt(conn, GOOD, name)


@pytest.mark.real
def test_a_success_before_the_fifth_takes_the_failures_back(conn: Connection) -> None:
    for _ in range(3):
        for _ in range(ATTEMPTS - 1):
            with pytest.raises(LoginRefused):
                attempt(conn, "Wrong-Word 1")
        assert attempt(conn, GOOD)


@pytest.mark.real
def test_twenty_guesses_at_once_count_as_twenty(conn: Connection, database_url: str) -> None:
    def guess(_: int) -> str:
        with connect(database_url, "guess") as own:
            try:
                attempt(own, "Wrong-Word 1")
            except (LoginLocked, LoginRefused) as refusal:
                return refusal.code
        return "in"

    with ThreadPoolExecutor(8) as thieves:
        said = list(thieves.map(guess, range(20)))
    assert said.count("login_refused") == ATTEMPTS
    assert said.count("login_locked") == 20 - ATTEMPTS


@pytest.mark.real
def test_a_lock_outlives_a_restart_and_an_operator_may_take_it_away(
    conn: Connection, database_url: str
) -> None:
    for _ in range(ATTEMPTS):
        with pytest.raises(LoginRefused):
            attempt(conn, "Wrong-Word 1")
    conn.close()
    with connect(database_url, "restarted") as again:
        with pytest.raises(LoginLocked):
            attempt(again, GOOD)
        assert sessions.unlock(again, "wang", "operator:root")
        assert attempt(again, GOOD)
        assert not sessions.unlock(again, "wang", "operator:root")


@pytest.mark.real
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["right", "wrong", "later"]), max_size=16))
def test_whatever_the_order_nobody_gets_more_than_five_wrong_ones_in_a_quarter_of_an_hour(
    conn: Connection, steps: list[str]
) -> None:
    name = uuid.uuid4().bytes
    values = {"name": name, "lock": LOCKED_FOR, "most": ATTEMPTS}
    failures = 0
    for step in steps:
        if step == "later":
            conn.execute(
                "update login_attempt set last_at = last_at - %s, locked_until = locked_until - %s"
                " where name_hash = %s",
                (LOCKED_FOR * 1.01, LOCKED_FOR * 1.01, name),
            )
            failures = 0
            continue
        allowed = conn.execute(sessions._SQL["charge"], values).fetchone() is not None
        assert allowed is (failures < ATTEMPTS)
        if allowed and step == "right":
            conn.execute(sessions._SQL["clear"], {"name": name})
            failures = 0
        elif allowed:
            failures += 1


@pytest.mark.real
def test_every_attempt_leaves_a_line_that_stays(conn: Connection) -> None:
    id_ = attempt(conn, GOOD)
    with pytest.raises(LoginRefused):
        attempt(conn, "Wrong-Word 1")
    sessions.log_out(conn, id_, "10.0.0.9")
    sessions.set_password(conn, "wang", "Another-Word 1", "operator:root", must_change=True)
    lines = sessions.logged(conn, 10)
    assert results(conn) == [("wang", "in"), ("wang", "wrong"), ("wang", "out"), ("wang", "set")]
    assert (lines[-1].address, lines[0].by) == ("10.0.0.9", "operator:root")
    for change in (
        "update login_log set result = 'in'",
        "delete from login_log",
        "truncate login_log",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(change)
    assert sessions.logged(conn, 1, before=lines[0].id) == [lines[1]]


@pytest.mark.real
def test_a_session_ends_unused_and_ends_at_last_however_busy(conn: Connection) -> None:
    id_ = attempt(conn, GOOD)
    conn.execute("update session set seen_at = now() - interval '29 minutes'")
    assert sessions.find(conn, id_, LIMITS, used=False)
    conn.execute("update session set seen_at = now() - interval '29 minutes'")
    assert sessions.find(conn, id_, LIMITS)
    assert conn.execute("select now() - seen_at < interval '5 s' from session").fetchone() == (
        True,
    )
    conn.execute("update session set seen_at = now() - interval '31 minutes'")
    assert sessions.find(conn, id_, LIMITS) is None
    conn.execute("update session set seen_at = now(), ends_at = now()")
    assert sessions.find(conn, id_, LIMITS) is None
    attempt(conn, GOOD)
    assert conn.execute("select count(*) from session").fetchone() == (1,)  # the dead one went


@pytest.mark.real
def test_a_session_is_kept_as_its_hash_and_ends_with_its_account(conn: Connection) -> None:
    id_ = attempt(conn, GOOD)
    assert id_ not in str(conn.execute("select * from session").fetchall())
    assert len(id_) > 40
    accounts.deactivate(conn, "wang")
    assert sessions.find(conn, id_, LIMITS) is None


@pytest.mark.real
def test_a_password_is_due_when_somebody_else_chose_it_or_it_is_old(conn: Connection) -> None:
    def due() -> bool:
        found = sessions.find(conn, id_, LIMITS)
        assert found is not None
        return found.password_due

    id_ = attempt(conn, GOOD)
    assert not due()
    conn.execute("update password set set_at = now() - interval '91 days'")
    assert due()
    sessions.set_password(conn, "wang", "Another-Word 1", "operator", must_change=True)
    assert sessions.find(conn, id_, LIMITS) is None  # what was open under the old one is closed
    id_ = attempt(conn, "Another-Word 1")
    assert due()
    change = Attempt("wang", "Another-Word 1")
    id_ = sessions.change_password(conn, change, "My-Own-Word 1", LIMITS)
    assert not due()
