"""`python -m incidents`, run as an operator runs it: exit codes, one-sentence refusals, JSON for programs."""

import json
from pathlib import Path

import pytest

from incidents.postgres import accounts
from incidents.postgres.connection import connect
from incidents.postgres.jobs import JOBS
from tests import commands
from tests.postgres.test_migrations import empty_url  # noqa: F401 - a fixture

pytestmark = pytest.mark.real


def run(url: str, *words: str, **more: str) -> commands.Done:
    return commands.run("incidents", *words, settings=_settings(url, **more))


def _settings(url: str, **more: str) -> dict[str, str]:
    return {"YIWANG_DATABASE_URL": url, "COLUMNS": "200", **more}


def test_an_empty_database_is_migrated_seeded_and_balances(empty_url: str) -> None:  # noqa: F811
    early = commands.afresh("incidents", "balance", settings=_settings(empty_url))
    assert (early.returncode, early.stdout) == (1, "")
    assert "python -m incidents migrate" in early.stderr
    assert json.loads(run(empty_url, "migrate", "--json").stdout)["revision"] >= "0001"
    seeded = json.loads(run(empty_url, "seed", "--json").stdout)
    assert seeded["administrator"]
    with connect(empty_url, "test") as conn:
        found = accounts.find(conn, seeded["token"])
    assert found is not None
    assert found.role == "administrator"
    books = commands.afresh("incidents", "balance", "--json", settings=_settings(empty_url))
    assert books.returncode == 0
    assert json.loads(books.stdout)["exact"]


def test_the_administrator_s_token_can_be_given_and_is_then_not_printed(database_url: str) -> None:
    first = run(database_url, "seed", YIWANG_ADMIN_TOKEN="chosen-by-the-city")
    assert first.returncode == 0
    assert "chosen-by-the-city" not in first.stdout + first.stderr
    again = json.loads(run(database_url, "seed", "--json").stdout)
    assert again == {"decisions": [], "administrator": False}
    with connect(database_url, "test") as conn:
        assert accounts.find(conn, "chosen-by-the-city") is not None


def test_books_that_do_not_balance_end_with_1_and_say_which_line(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        conn.execute(
            "insert into stream_offset (topic, part, next_offset, stored) values ('t', 0, 0, 1)"
        )
    done = run(database_url, "balance", "--sql")
    assert done.returncode == 1
    assert "✗" in done.stdout
    assert "readings_stored" in done.stdout
    assert "from dropped where what = 'reading'" in done.stdout


def test_jobs_run_once_and_are_listed(database_url: str) -> None:
    ours = {job.name for job in JOBS if job.run is not None}  # photos are the API's
    ran = json.loads(run(database_url, "jobs", "run", "--json").stdout)["ran"]
    assert {line.split(":")[0] for line in ran} == ours
    again = json.loads(run(database_url, "jobs", "run", "--json").stdout)["ran"]
    assert {line.split(":")[0] for line in again} <= {"evaluation"}  # every five seconds
    listed = json.loads(run(database_url, "jobs", "list", "--json").stdout)
    assert {row["name"] for row in listed if row["last_ended"]} == ours


def test_a_job_nobody_knows_is_wrong_usage(database_url: str) -> None:
    done = run(database_url, "jobs", "run", "nothing")
    assert done.returncode == 2
    assert "retention_readings" in done.stderr


def test_how_long_readings_are_kept_is_one_command(database_url: str) -> None:
    done = run(database_url, "jobs", "set", "retention_readings", '{"days": 400}', "--json")
    assert json.loads(done.stdout)["setting"] == {"days": 400}
    assert run(database_url, "jobs", "set", "retention_readings", '{"days": 0}').returncode == 1
    assert run(database_url, "jobs", "set", "retention_readings", "days=4").returncode == 2


def test_rules_are_shown_and_put_back_and_an_unsound_file_is_refused_row_by_row(
    database_url: str, tmp_path: Path
) -> None:
    run(database_url, "seed")
    shown = run(database_url, "rules", "show").stdout
    good, bad, torn = tmp_path / "good.json", tmp_path / "bad.json", tmp_path / "torn.toml"
    good.write_text(shown)
    body = json.loads(shown)
    body["body"]["rules"][0]["category"] = "no/such"
    bad.write_text(json.dumps(body))
    torn.write_text("[[rule")
    put = run(database_url, "rules", "put", str(good), "--author", "李某", "--json")
    assert put.returncode == 0
    assert json.loads(put.stdout)["id"] > body["id"]
    for file, why in (
        (bad, "rules[0]"),
        (torn, "torn.toml"),
        (tmp_path / "none.json", "none.json"),
    ):
        refused = run(database_url, "rules", "put", str(file), "--author", "李某")
        assert refused.returncode == 1
        assert why in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_plain_server_says_what_it_is_and_refuses_the_switch(database_url: str) -> None:
    assert json.loads(run(database_url, "store", "kind", "--json").stdout)["kind"] == "plain"
    refused = run(database_url, "store", "to-timescaledb")
    assert refused.returncode == 1
    assert "没有安装 TimescaleDB" in refused.stderr


def test_a_database_that_is_down_is_one_sentence_in_two_languages(free_port: int) -> None:
    done = run(f"postgresql://a:secret@127.0.0.1:{free_port}/b", "balance")
    assert done.returncode == 1
    assert "连不上数据库" in done.stderr
    assert "cannot be reached" in done.stderr
    assert "Connection refused" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stderr


@pytest.mark.parametrize(
    ("words", "more", "said"),
    [
        (("balance",), {"YIWANG_DATABASE_URL": ""}, "YIWANG_DATABASE_URL"),
        (("seed",), {"YIWANG_REGION": "nowhere"}, "YIWANG_REGION"),
        (("nonsense",), {}, "nonsense"),
    ],
)
def test_wrong_usage_ends_with_2(
    database_url: str, words: tuple[str, ...], more: dict[str, str], said: str
) -> None:
    done = run(database_url, *words, **more)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_lifecycle_is_printed_without_a_database() -> None:
    done = run("", "lifecycle")
    assert done.returncode == 0
    assert "立案" in done.stdout
