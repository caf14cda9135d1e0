"""The working calendar as an operator sets it: the difference first, then an edition; confirmed by a person, never by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from grid.errors import CityError
from incidents import calendar_commands
from incidents.postgres import decision_store
from incidents.postgres.connection import connect
from incidents.standards import seeds
from tests.postgres import test_store_commands

pytestmark = pytest.mark.real

NOTICE_2027 = """\
日期,至,类型,名称,依据
2027-01-01,2027-01-03,放假,元旦,某通知
2027-02-05,2027-02-11,放假,春节,某通知
2027-02-13,,上班,春节调休,某通知
"""
"""Invented: no notice for 2027 is known to this project."""


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    returncode: int
    stdout: str
    stderr: str


def run(url: str, *words: str) -> Said:
    """A command of the calendar in this process: a process of its own takes seconds. One test runs the real thing."""
    part = typer.Typer()
    calendar_commands.add(part, lambda: connect(url, "operator"))
    result = CliRunner().invoke(part, words)
    if isinstance(result.exception, CityError):
        faults = result.exception.facts.get("faults", ())
        return Said(1, result.stdout, "\n".join(map(str, (result.exception, *faults))))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def in_force(url: str) -> tuple[int, str | None]:
    """The edition of the calendar, 0 for the seed's, and until when it is confirmed."""
    with connect(url, "test") as conn:
        decisions = decision_store.in_force(conn)
    known = decisions.calendar.confirmed_until
    return decisions.editions.get("calendar", 0), str(known) if known else None


def test_a_year_nobody_announced_can_be_looked_at_and_is_not_confirmed(database_url: str) -> None:
    looked = run(database_url, "import", "holidays", "--year", "2027")
    assert looked.returncode == 0, looked.stderr
    assert "+ 2027-02-09 放假 off 春节（补假）" in looked.stdout
    assert "没有调休上班日" in looked.stdout
    assert "尚未采用" in looked.stdout
    assert in_force(database_url) == (0, "2026-12-31")
    kept = run(database_url, "import", "holidays", "--year", "2027", "--keep", "--author", "王某", "--json")  # fmt: skip
    number = json.loads(kept.stdout)["id"]
    assert in_force(database_url) == (number, "2026-12-31")
    refused = run(database_url, "confirm", "2027-12-31", "--author", "王某")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "2027 年没有调休上班日" in refused.stderr
    known = run(database_url, "confirm", "2027-12-31", "--author", "王某", "--no-make-up-days")  # fmt: skip
    assert known.returncode == 0, known.stderr
    assert in_force(database_url)[1] == "2027-12-31"


def test_a_notice_is_imported_from_a_file_compared_kept_and_confirmed(
    database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "2027.csv"
    file.write_bytes(NOTICE_2027.encode("gb18030"))  # as Excel saves it
    looked = run(database_url, "import", str(file), "--json")
    facts = json.loads(looked.stdout)
    assert (facts["year"], facts["id"], facts["make_up_days"]) == (2027, None, True)
    turned = {one["date"] for one in facts["changes"] if one["turns"]}
    # against the days of the law alone; the later holidays are gone, for this notice has none
    assert {"2027-02-09", "2027-02-10", "2027-02-11", "2027-02-13"} <= turned
    assert "2027-02-06" not in turned
    kept = run(database_url, "import", str(file), "--keep", "--author", "王某")
    assert "已采用为新版本" in kept.stdout
    again = run(database_url, "import", str(file)).stdout
    assert "没有差异" in again
    assert "天放假，法定 13 天" in again, "the file is no whole year"
    confirmed = run(database_url, "confirm", "2027-12-31", "--author", "王某", "--json")
    assert json.loads(confirmed.stdout)["confirmed_until"] == "2027-12-31"
    checked = run(database_url, "check", "--json")
    assert json.loads(checked.stdout)["confirmed_until"] == "2027-12-31"
    assert json.loads(checked.stdout)["provisional"] == 0


def test_a_bad_file_is_refused_with_line_and_reason_and_changes_nothing(
    database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "2027.csv"
    file.write_text(
        "date,kind,name,source\n2027-13-01,holiday,元旦,某通知\n2027-01-02,maybe,元旦,x\n"
    )
    refused = run(database_url, "import", str(file), "--keep", "--author", "王某")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "line 2" in refused.stderr
    assert "line 3" in refused.stderr
    assert "2027-13-01" in refused.stderr
    for words in (["import", str(tmp_path / "none.csv")], ["import", str(tmp_path)]):
        assert run(database_url, *words).returncode == 1
    for words in (
        ["import", "holidays"],
        ["import", str(file), "--keep"],
        ["confirm", "soon", "--author", "x"],
    ):
        assert run(database_url, *words).returncode == 2
    assert (
        run(database_url, "import", "holidays", "--year", "2027", "--country", "XX").returncode == 1
    )
    assert in_force(database_url)[0] == 0


def test_a_limit_is_tried_and_told_stretch_by_stretch(database_url: str) -> None:
    told = run(database_url, "deadline", "2026-09-30T15:00", "1", "work_day")
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[-1] == "1 工作日 → 2026-10-08 15:00"
    assert "2026-10-01 00:00 – 2026-10-08 00:00    —    国庆节放假 / holiday: 国庆节" in told.stdout
    beyond = run(database_url, "deadline", "2026-12-31T16:00", "4", "work_hour", "--json")
    assert json.loads(beyond.stdout)["provisional"] is True
    assert run(database_url, "deadline", "2026-12-31T16:00", "0", "day").returncode == 1


def test_the_calendar_is_shown_and_put_like_the_other_decisions(
    database_url: str, tmp_path: Path
) -> None:
    body = seeds.calendar()
    body["hours"].append({"areas": ["990103"], "weekdays": ["sat"], "spans": ["25:00-26:00"]})
    file = tmp_path / "calendar.json"
    file.write_text(json.dumps(body))
    refused = test_store_commands.run(
        database_url, "calendar", "put", str(file), "--author", "王某"
    )
    assert refused.returncode == 1
    assert "hours[1]" in refused.stderr
    body["hours"][1]["spans"] = ["08:00-12:00"]
    file.write_text(json.dumps(body))
    assert (
        test_store_commands.run(
            database_url, "calendar", "put", str(file), "--author", "王某"
        ).returncode
        == 0
    )
    shown = test_store_commands.run(database_url, "calendar", "show")
    assert json.loads(shown.stdout)["body"] == body
    told = test_store_commands.run(database_url, "calendar", "deadline", "2026-11-28T08:00", "1", "work_hour", "--area", "990103001")  # fmt: skip
    assert told.stdout.splitlines()[-1] == "1 工作时 → 2026-11-28 09:00"
