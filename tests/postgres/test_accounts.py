"""Accounts: one token each, never kept as it is, void the moment it is changed."""

import hashlib

import pytest

from incidents.errors import AccountRefused
from incidents.lifecycle import Role
from incidents.postgres import accounts, city
from incidents.postgres.accounts import Applicant
from incidents.postgres.connection import connect

pytestmark = pytest.mark.real


def test_a_token_finds_its_account_and_stands_nowhere_in_the_database(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        token = accounts.add(
            conn, Applicant("派遣一", Role.DISPATCHER, area="110101", scopes=["x"])
        )
        found = accounts.find(conn, token)
        kept = conn.execute("select row_to_json(a)::text, token_hash from account a").fetchone()
    assert found is not None
    assert (found.name, found.role, found.area, found.scopes) == (
        "派遣一",
        Role.DISPATCHER,
        "110101",
        ("x",),
    )
    assert kept is not None
    assert token not in kept[0]
    assert kept[1] == hashlib.sha256(token.encode()).digest()


def test_our_tokens_are_long_and_never_the_same(database_url: str) -> None:
    tokens = {accounts.new_token() for _ in range(50)}
    assert len(tokens) == 50
    assert all(token.startswith("yw_") and len(token) >= 46 for token in tokens)


def test_a_stranger_s_token_finds_nobody(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        accounts.add(conn, Applicant("a", Role.AUDITOR))
        assert accounts.find(conn, "yw_guess") is None
        assert accounts.find(conn, "") is None


def test_an_ingest_account_has_the_scope_ingest(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        found = accounts.find(conn, accounts.add(conn, Applicant("gw-1", Role.INGEST)))
    assert found is not None
    assert found.scopes == ("ingest",)


def test_rotating_voids_the_old_token_at_once(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        old = accounts.add(conn, Applicant("a", Role.WALL))
        new = accounts.rotate(conn, "a")
        assert accounts.find(conn, old) is None
        assert accounts.find(conn, new) is not None


def test_an_account_that_was_deactivated_is_nobody(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        token = accounts.add(conn, Applicant("a", Role.WALL))
        accounts.deactivate(conn, "a")
        assert accounts.find(conn, token) is None
        assert [one.active for one in accounts.everybody(conn)] == [False]


def test_the_last_administrator_cannot_be_deactivated(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        assert not accounts.has_administrator(conn)
        accounts.add(conn, Applicant("a", Role.ADMINISTRATOR))
        with pytest.raises(AccountRefused, match="最后一名管理员"):
            accounts.deactivate(conn, "a")
        accounts.add(conn, Applicant("b", Role.ADMINISTRATOR))
        accounts.deactivate(conn, "a")
        assert accounts.has_administrator(conn)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (Applicant("", Role.WALL), "1–64"),
        (Applicant("taken", Role.WALL), "已被使用"),
        (Applicant("a", Role.WALL, token="given-before"), "已被使用"),
        (Applicant("a", Role.WALL, token="short"), "至少 8"),
        (Applicant("a", Role.SYSTEM), "system"),
        (Applicant("a", Role.DEPARTMENT), "须指明部门"),
        (Applicant("a", Role.DEPARTMENT, "nowhere"), "没有部门 nowhere"),
    ],
)
def test_an_account_that_makes_no_sense_is_refused_and_leaves_nothing(
    database_url: str, bad: Applicant, why: str
) -> None:
    with connect(database_url, "test") as conn:
        accounts.add(conn, Applicant("taken", Role.WALL, token="given-before"))
        with pytest.raises(AccountRefused, match=why):
            accounts.add(conn, bad)
        assert [one.name for one in accounts.everybody(conn)] == ["taken"]


def test_rotating_or_deactivating_nobody_is_refused(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        with pytest.raises(AccountRefused, match="没有这个账户"):
            accounts.rotate(conn, "nobody")
        with pytest.raises(AccountRefused, match="没有这个账户"):
            accounts.deactivate(conn, "nobody")


def test_departments_may_come_in_any_order_and_a_department_s_account_names_one(
    database_url: str,
) -> None:
    given = [city.Department("b1", "环卫一所", "b"), city.Department("b", "环卫")]
    with connect(database_url, "test") as conn:
        city.put_departments(conn, given)
        city.put_departments(conn, given)
        accounts.add(conn, Applicant("环卫", Role.DEPARTMENT, "b1"))
        assert [one.code for one in city.departments(conn)] == ["b", "b1"]
