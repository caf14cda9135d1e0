"""Seeding on a real database: complete, and the same the second time."""

from __future__ import annotations

import contextlib
import json
import shutil
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from demo import fleet
from demo.seed import read_accounts, seed
from demo.settings import Settings
from incidents.duty import choose_inspector
from incidents.lifecycle import Role
from incidents.postgres import accounts, decision_store, grid_store, passwords
from incidents.postgres.connection import connect
from incidents.postgres.duty_store import PostgresRoster
from incidents.rules_book import ReportRule
from local.postgres import LocalPostgres
from tests.conftest import cloned_database

pytestmark = pytest.mark.real

_TABLES = ("city", "decision", "department", "account", "grid_edition", "unit_grid", "grid_area")
_MORE = ("component", "device", "metric", "post", "duty")


Seeded = Callable[[str], Settings]


def _settings(database_url: str, home: Path, demo: str = "1") -> Settings:
    return Settings(database_url=database_url, home=home, demo=demo)


@pytest.fixture(scope="module")
def seeded(
    postgres_server: LocalPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seeded]:
    """Each demo seeded once, for all who change nothing in it; nobody stays connected."""
    with contextlib.ExitStack() as stack:

        @cache
        def made(demo: str) -> Settings:
            url = stack.enter_context(cloned_database(postgres_server))
            settings = _settings(url, tmp_path_factory.mktemp("seeded"), demo)
            seed(settings)
            return settings

        yield made


@pytest.fixture
def copied(seeded: Seeded, postgres_server: LocalPostgres, tmp_path: Path) -> Iterator[Seeded]:
    """The same as just seeded, database and files, to be changed."""
    with contextlib.ExitStack() as stack:

        def copy(demo: str) -> Settings:
            original = seeded(demo)
            name = original.database_url.rsplit("/", 1)[1]
            url = stack.enter_context(cloned_database(postgres_server, name))
            home = shutil.copytree(original.home, tmp_path / "home")
            return _settings(url, home, demo)

        yield copy


def _everything(database_url: str) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(database_url) as conn:
        return {
            table: sorted(conn.execute(f"select * from {table}").fetchall(), key=repr)
            for table in (*_TABLES, *_MORE)
        }


@pytest.mark.parametrize("demo", ["1", "nyc"])
def test_seeding_twice_changes_nothing(copied: Seeded, demo: str) -> None:
    settings = copied(demo)
    first, file = _everything(settings.database_url), settings.accounts_file.read_text()
    seed(settings)
    assert _everything(settings.database_url) == first
    assert settings.accounts_file.read_text() == file


def test_every_role_has_an_account_whose_token_opens_the_door(seeded: Seeded) -> None:
    settings = seeded("1")
    rows = json.loads(settings.accounts_file.read_text())
    with connect(settings.database_url, "test") as conn:
        for row in rows:
            found = accounts.find(conn, row["token"])
            assert found is not None
            assert (found.name, str(found.role)) == (row["name"], row["role"])
    assert {row["role"] for row in rows} == {str(r) for r in Role} - {"system"}
    assert all(row["zh"] for row in rows)


def test_every_person_of_the_demo_may_log_in_with_the_one_password(copied: Seeded) -> None:
    settings = copied("1")
    rows = read_accounts(settings.accounts_file)
    (word,) = {row["password"] for row in rows.values() if "password" in row}
    assert {row["role"] for row in rows.values() if "password" not in row} == {"ingest"}
    with connect(settings.database_url, "test") as conn:
        assert passwords.fits(passwords.current(conn, "lead"), word)
        passwords.put(conn, "lead", "My-Own-Word 1")
        seed(settings)
        assert passwords.fits(passwords.current(conn, "lead"), "My-Own-Word 1")
        settings.accounts_file.unlink()
        seed(settings)
        (new,) = {
            r["password"] for r in read_accounts(settings.accounts_file).values() if "password" in r
        }
        assert new != word
        assert passwords.fits(passwords.current(conn, "lead"), new)


def test_only_its_owner_may_read_the_tokens(seeded: Seeded) -> None:
    assert stat.S_IMODE(seeded("1").accounts_file.stat().st_mode) == 0o600


def test_a_lost_file_of_accounts_is_written_anew_with_new_tokens(copied: Seeded) -> None:
    settings = copied("1")
    old = read_accounts(settings.accounts_file)
    settings.accounts_file.unlink()
    seed(settings)
    new = read_accounts(settings.accounts_file)
    assert set(new) == set(old)
    with connect(settings.database_url, "test") as conn:
        assert accounts.find(conn, new["lead"]["token"]) is not None
        assert accounts.find(conn, old["lead"]["token"]) is None


def test_the_administrator_has_the_token_he_was_given(database_url: str, tmp_path: Path) -> None:
    settings = Settings(database_url=database_url, home=tmp_path, admin_token="eight-and-more")
    seed(settings)
    assert read_accounts(settings.accounts_file)["admin"]["token"] == "eight-and-more"


@pytest.mark.parametrize("demo", ["1", "nyc"])
def test_every_rule_can_speak_and_every_route_leads_to_a_department(
    seeded: Seeded, demo: str
) -> None:
    with connect(seeded(demo).database_url, "test") as conn:
        decisions = decision_store.in_force(conn)
        departments = {row[0] for row in conn.execute("select code from department")}
        handlers = {a.department for a in accounts.everybody(conn) if a.role is Role.DEPARTMENT}
    measured = {code for make in fleet.MAKES for code in make.metrics}
    for rule in decisions.rules:
        assert isinstance(rule, ReportRule) or rule.metric in measured
    assert {row.department for row in decisions.routes.routes} <= departments
    assert departments == handlers == set(decisions.departments)


def test_every_device_is_registered_in_a_cell(seeded: Seeded) -> None:
    with connect(seeded("1").database_url, "test") as conn:
        lost = conn.execute(
            "select code from device where not registered or cell is null or component is null"
        ).fetchall()
        cells = grid_store.load_edition(conn)[2]
    assert lost == []
    assert len(cells.responsible) > 100


@pytest.mark.parametrize("demo", ["1", "nyc"])
def test_at_any_hour_somebody_of_every_kind_is_on_duty(seeded: Seeded, demo: str) -> None:
    with connect(seeded(demo).database_url, "test") as conn:
        cells = conn.execute("select code from unit_grid order by random() limit 20").fetchall()
        roster = PostgresRoster(conn)
        begins = datetime.now(UTC)
        for hour in range(0, 72, 5):
            at = begins + timedelta(hours=hour)
            for (cell,) in cells:
                assert roster.on_duty(Role.INSPECTOR, at, cell), (at, cell)
            for role in (Role.SHIFT_LEAD, Role.DISPATCHER, Role.INTAKE_OFFICER, Role.DEPARTMENT):
                assert roster.on_duty(role, at, None), (role, at)


def test_by_day_a_task_goes_to_the_one_whose_grid_it_lies_in(seeded: Seeded) -> None:
    noon = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).replace(hour=12)
    with connect(seeded("1").database_url, "test") as conn:
        rows = conn.execute("select code, street, lon, lat from unit_grid limit 50").fetchall()
        for cell, street, lon, lat in rows:
            people = PostgresRoster(conn).on_duty(Role.INSPECTOR, noon, cell)
            found = choose_inspector(people, cell, None, lon, lat)
            assert found.account == f"patrol-{street}", found
            assert "责任网格内" in found.why
