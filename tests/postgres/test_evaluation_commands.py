"""`python -m incidents evaluate …` as an evaluator runs it, and the job that keeps the figures up."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from incidents.postgres import jobs
from incidents.postgres.connection import connect
from tests.incidents.evaluation_stories import stories
from tests.postgres.evaluation_tellers import settle, tell_all
from tests.postgres.test_store_commands import run

pytestmark = pytest.mark.real


def test_a_month_is_closed_run_again_and_shown_by_command(database_url: str) -> None:
    with connect(database_url, "test") as conn:
        settle(conn)
        tell_all(conn, stories(31, 40))
    early = run(
        database_url, "evaluate", "rerun", "2026-10", "--author", "kaoping", "--reason", "再算"
    )
    assert (early.returncode, early.stdout) == (1, "")
    assert "尚未关账" in early.stderr
    closed = run(database_url, "evaluate", "close", "2026-10", "--author", "kaoping", "--json")
    made = json.loads(closed.stdout)
    assert (made["month"], made["number"], made["author"]) == ("2026-10", 1, "kaoping")
    again = run(database_url, "evaluate", "close", "2026-10", "--author", "kaoping")
    assert again.returncode == 1
    assert "rerun" in again.stderr
    rerun = run(
        database_url, "evaluate", "rerun", "2026-10", "--author", "kaoping", "--reason", "复核"
    )
    assert "第 2 版" in rerun.stdout
    shown = run(
        database_url, "evaluate", "show", "2026-10", "--by", "all", "--edition", "1", "--json"
    )
    told = json.loads(shown.stdout)
    assert told["editions"][0]["number"] == 1
    assert told["rows"][0]["figures"]["reported"] > 0
    words = run(database_url, "evaluate", "show", "2026-10", "--by", "department").stdout
    assert "第 2 版" in words
    assert "按期处置率" in words
    assert len(run(database_url, "evaluate", "editions").stdout.splitlines()) == 2
    assert json.loads(run(database_url, "evaluate", "rebuild", "--json").stdout) == {"scored": 40}


def test_wrong_words_are_refused(database_url: str) -> None:
    assert run(database_url, "evaluate", "show", "2026-10", "--by", "moon").returncode == 2
    wrong = run(database_url, "evaluate", "close", "October", "--author", "kaoping")
    assert wrong.returncode == 1
    assert "2026-11" in wrong.stderr


def test_figures_are_printed_changed_and_put_or_refused_line_by_line(
    database_url: str, tmp_path: Path
) -> None:
    body = json.loads(run(database_url, "evaluate", "figures").stdout)
    file = tmp_path / "figures.json"
    body["figures"][0]["zh"] = "上报案件数"
    file.write_text(json.dumps(body), encoding="utf-8")
    put = run(database_url, "evaluate", "put", str(file), "--author", "kaoping", "--json")
    assert json.loads(put.stdout)["id"] >= 1
    assert "上报案件数" in run(database_url, "evaluate", "figures").stdout
    body["figures"][1]["at"] = "yesterday"
    file.write_text(json.dumps(body), encoding="utf-8")
    refused = run(database_url, "evaluate", "put", str(file), "--author", "kaoping")
    assert refused.returncode == 1
    assert "figures[1] reported_accepted" in refused.stderr


def test_the_job_says_how_many_it_scored(database_url: str) -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    with connect(database_url, "test") as conn:
        settle(conn)
        tell_all(conn, stories(32, 7))
        assert jobs.run_due(conn, now, "evaluation") == ["evaluation: 计分 7 件 / incidents scored"]
        assert jobs.run_due(conn, now, "evaluation") in (
            [],
            ["evaluation: 计分 0 件 / incidents scored"],
        )
