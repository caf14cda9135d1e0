"""The balance sheet of a chaos run: what was sent, put through the oracle, against what the store and the topics say."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from local.wishes import ROOT
from tests.chaos.load import CLUSTERED, FILTERED, LEVELS, OPENING, Load
from tests.journey import books
from tests.journey.books import Line, Reader
from tests.journey.oracle import Episode, Near, episodes, troubles
from tests.journey.system import WholeSystem

NEAR = {CLUSTERED: Near(30.0, 240.0)}
"""As the scene's standards say."""
IN = ("city.readings.v1", "city.reports.v1")


@dataclass
class Sent:
    """What left the machines and was acknowledged."""

    load: Load
    poison: list[bytes] = field(default_factory=list)
    refused_rows: int = 0
    walked: dict[str, str] = field(default_factory=dict)
    """Incident number → text of the report, of those that people walked to the end."""


def sheet(system: WholeSystem, sent: Sent) -> list[Line]:
    """Everything that must balance."""
    with system.connect() as connection:
        return [
            books.consumed_line(connection, system.bootstrap, IN),
            *books.reading_lines(connection, sent.load.expected_series()),
            Line("逐条拒收", "rows refused and kept aside", sent.refused_rows,
                 books.number(connection, "select count(*) from quarantine where item >= 0")),
            *books.quarantine_lines(connection, sent.poison),
            *rule_lines(connection, sent.load),
            *event_lines(connection, sent.load),
            *people_lines(connection, sent.walked),
            *books.inner_lines(connection),
            *books.topic_lines(connection, system.bootstrap),
            balance_line(system),
        ]  # fmt: skip


def rule_lines(connection: Reader, load: Load) -> list[Line]:
    """Every verdict of the rules, by device and beginning, and the incidents they opened."""
    told = judged(load)
    must = {(d, rule, e.since) for (d, rule), found in told.items() for e in found}
    rows = connection.execute(
        "select d.code, e.rule, split_part(e.id, ':', 2)::bigint from event e join device d "
        "on d.id = split_part(e.id, ':', 1)::int where e.origin = 'rule' and e.kind <> 'cleared'"
    ).fetchall()
    raised = Counter((d, rule, int(since)) for d, rule, since in rows)
    opened = books.number(connection, "select count(*) from incident where subject like 'device:%'")
    over = sum(1 for found in told.values() for e in found if e.over is not None)
    cleared = "select count(*) from event where origin = 'rule' and kind = 'cleared'"
    return [
        Line("规则判定", "troubles judged by rules", len(must), raised.total()),
        Line("漏判", "troubles missed", 0, len(must - raised.keys()), str(sorted(must - raised.keys())[:3])),
        Line("误判", "troubles that were none", 0, len(raised.keys() - must),
             str(sorted(raised.keys() - must)[:3])),
        Line("恢复", "returns to normal", over, books.number(connection, cleared)),
        Line("规则立案", "incidents opened by rules", len(told), opened),
    ]  # fmt: skip


def judged(load: Load) -> dict[tuple[str, str], list[Episode]]:
    """The troubles of each (device, rule) that has any, by the oracle."""
    found: dict[tuple[str, str], list[Episode]] = {}
    for (device, metric), rows in load.expected_series().items():
        for level in LEVELS:
            if level.metric == metric and (seen := episodes(rows, level)):
                found[device, level.code] = seen
    return found


def event_lines(connection: Reader, load: Load) -> list[Line]:
    """Events of cameras: each once, with the outcome the oracle gives it."""
    opening = [e for e in load.events if e.category == OPENING]
    near = [e for e in load.events if e.category == CLUSTERED]
    opened = len(troubles(opening, {})) + len(troubles(near, NEAR))
    must = {
        "opened": opened,
        "joined": len(opening) + len(near) - opened,
        "filtered": sum(1 for e in load.events if e.category == FILTERED),
    }
    rows = connection.execute(
        "select outcome, count(*) from event where origin = 'stream' group by 1"
    ).fetchall()
    found = {outcome: int(n) for outcome, n in rows}
    lines = [
        Line(f"事件 {name}", f"camera events {name}", n, found.get(name, 0))
        for name, n in must.items()
    ]
    made = books.number(
        connection,
        "select count(*) from incident where category like 'chaos/%' and rule = 'chaos-events'",
    )
    return [*lines, Line("事件立案", "incidents opened by events", opened, made)]


def people_lines(connection: Reader, walked: dict[str, str]) -> list[Line]:
    """Reports of people: one incident each, walked to its end, every move once."""
    rows = connection.execute(
        "select i.number, i.text, i.state, array_agg(h.move order by h.seq) from incident i "
        "join history h on h.incident_id = i.id where i.source like 'person:%' group by 1, 2, 3"
    ).fetchall()
    found = {number: (text, state, tuple(moves)) for number, text, state, moves in rows}
    must = {number: (text, "closed", WALK) for number, text in walked.items()}
    wrong = [n for n in must if found.get(n) != must[n]]
    return [
        Line("人工上报", "incidents reported by people", len(must), len(found)),
        Line("办结不符", "reports not walked to their end once", 0, len(wrong), str([(n, found.get(n)) for n in wrong][:3])),
    ]  # fmt: skip


WALK = ("report", "open", "dispatch", "accept", "report_handled", "verified", "close")
"""The moves of a report from its beginning to its end."""


def balance_line(system: WholeSystem) -> Line:
    """`python -m incidents balance`, which anyone can run."""
    done = subprocess.run(
        [sys.executable, "-m", "incidents", "balance"],
        cwd=ROOT,
        env=system.inner_environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    note = (done.stdout + done.stderr)[-1500:]
    return Line("总账", "`python -m incidents balance` says", 0, done.returncode, note)


def all_sound(lines: Iterable[Line]) -> bool:
    """Whether every line balances."""
    return all(line.sound for line in lines)


def unsound(lines: Sequence[Line]) -> list[Line]:
    """Those that do not."""
    return [line for line in lines if not line.sound]
