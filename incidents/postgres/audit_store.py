"""The audit 审计 of the store: every chain told again, every incident folded from its history, numbers and what is orphaned.

Only reads, some hundred incidents at a time, each stretch as it was at one moment: people may go on working meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.rows import dict_row

from incidents import auditing
from incidents.auditing import Chained, Fault
from incidents.errors import IncidentUnknown
from incidents.incident import HistoryRow, Incident
from incidents.policy import Terms
from incidents.postgres import city
from incidents.postgres.connection import Connection, one_moment
from incidents.postgres.ledger_rows import as_incident
from incidents.postgres.queries import named
from incidents.replaying import fold
from incidents.standards import tables

AT_ONCE = 200
LAG = timedelta(seconds=5)
"""A process may go by the edition before for so long after another came into force."""
_BESIDE_HISTORY = ("explanation", "wake_at", "media", "text")
"""Not told by the history: why it was opened, and when the system looks next."""
_TOLD = (
    *("number", "state", "version", "category", "condition", "source", "rule", "text", "urgent"),
    *("lon", "lat", "cell_code", "community", "street", "district", "department", "assisting"),
    *("reported_at", "opened_at", "dispatched_at", "accepted_at", "handled_at", "verified_at"),
    *("closed_at", "due_at", "merged_into", "reports"),
)
"""What of an incident an exported file tells: nothing about who reported it."""

_SQL = named("audit_store.sql")
_Row = dict[str, Any]
Step = Callable[[int, int], None]
"""Told after each stretch: how many were looked at, of how many."""


@dataclass(slots=True)
class Report:
    """What an audit found; `seal` is one hash over all heads, None with faults or where only some were looked at."""

    incidents: int = 0
    lines: int = 0
    numbers_unused: int | None = None
    seal: str | None = None
    faults: list[Fault] = field(default_factory=list)


def audit(
    conn: Connection, numbers: Sequence[str] = (), step: Step = lambda _n, _of: None
) -> Report:
    """Look at these incidents, or at all there are. IncidentUnknown for a number that nobody bears."""
    report, editions = Report(), _Editions(conn)
    counters: dict[str, int] = dict(conn.execute(_SQL["counters"]).fetchall())
    heads: list[tuple[str, bytes | None]] = []
    total = len(numbers) or _count(conn)
    for stretch in _stretches(conn, numbers):
        for row, lines in stretch:
            report.faults += _faults(row, lines, editions)
            report.faults += auditing.numbering(row["number"], counters)
            heads.append((row["number"], row["last_hash"]))
            report.lines += len(lines)
        report.incidents += len(stretch)
        step(report.incidents, total)
    if numbers:
        _check_found(numbers, heads)
        return report
    report.faults += _orphans(conn)
    report.numbers_unused = sum(counters.values()) - report.incidents
    if not report.faults:
        report.seal = auditing.seal(sorted(heads))
    return report


def export(conn: Connection, number: str) -> dict[str, Any]:
    """A file about one incident that proves itself (`auditing.check_file`); IncidentUnknown."""
    found = next(iter(_stretches(conn, [number])), [])
    _check_found([number], [(row["number"], None) for row, _ in found])
    row, lines = found[0]
    with conn.cursor(row_factory=dict_row) as cursor:
        media = cursor.execute(_SQL["media"], {"number": number}).fetchall()
    told = {name: row[name] for name in _TOLD}
    return auditing.file_of(told, [_chained(line) for line in lines], media)


def _check_found(numbers: Sequence[str], heads: Sequence[tuple[str, bytes | None]]) -> None:
    there = {number for number, _ in heads}
    for number in numbers:
        if number not in there:
            raise IncidentUnknown(
                zh=f"没有编号为 {number} 的案件",
                en=f"no incident has the number {number}",
                number=number,
            )


def _stretches(conn: Connection, numbers: Sequence[str]) -> Iterator[list[tuple[_Row, list[_Row]]]]:
    """Incidents with their lines, each stretch of one moment."""
    after = 0
    while True:
        with one_moment(conn), conn.cursor(row_factory=dict_row) as cursor:
            if numbers:
                rows = cursor.execute(_SQL["of_numbers"], {"numbers": list(numbers)}).fetchall()
            else:
                values = {"after": after, "most": AT_ONCE}
                rows = cursor.execute(_SQL["incidents"], values).fetchall()
            lines: dict[int, list[_Row]] = {row["id"]: [] for row in rows}
            for line in cursor.execute(_SQL["history"], {"ids": list(lines)}):
                lines[line["incident_id"]].append(line)
        if rows:
            yield [(row, lines[row["id"]]) for row in rows]
            after = rows[-1]["id"]
        if numbers or len(rows) < AT_ONCE:
            return


def _faults(row: _Row, lines: Sequence[_Row], editions: _Editions) -> Iterator[Fault]:
    number = row["number"]
    found = list(
        auditing.broken(number, [_chained(one) for one in lines], row["last_hash"], row["version"])
    )
    yield from found
    if not found:
        yield from _unfolded(_incident(row), [_line(one) for one in lines], editions)


def _unfolded(
    incident: Incident, rows: Sequence[HistoryRow], editions: _Editions
) -> Iterator[Fault]:
    """Where an incident is not what its history gives."""
    differing: list[str] = []
    for lag in (timedelta(0), LAG):
        try:
            again = fold(incident, rows, editions.as_of(lag))
        except (ValueError, KeyError, TypeError) as fault:
            why = f"{type(fault).__name__}: {fault}"
            yield Fault(
                incident.number,
                "unfoldable",
                f"流转记录推不出案件（{why}）；请连同此案件的导出文件报告开发者",
                f"the history gives no incident ({why}); tell the developers, with the incident's export",
            )
            return
        again = replace(again, **{name: getattr(incident, name) for name in _BESIDE_HISTORY})
        differing = [
            f.name for f in fields(Incident) if getattr(again, f.name) != getattr(incident, f.name)
        ]
        if not differing:
            return
    yield Fault(
        incident.number,
        "state",
        f"案件与其流转记录不符（{'、'.join(differing)}）：案件表在流转之外被改动；以流转记录为准，查明是谁改的",
        f"the incident is not what its history gives ({', '.join(differing)}): the row was changed beside the history, "
        "which is right; find out by whom",
    )


class _Editions:
    """What incidents were timed by at any moment: calendar and policy, as they were known then."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        here = city.get(conn)
        self._zone = ZoneInfo(here.time_zone if here else tables.DEMO_TIME_ZONE)
        self._editions = conn.execute(_SQL["terms"]).fetchall()
        self._made: dict[tuple[int | None, int | None], Terms] = {}

    def as_of(self, lag: timedelta) -> Callable[[HistoryRow], Terms]:
        """What a line was timed by, as it was known so long before."""
        return lambda row: self.terms(row.at - lag)

    def terms(self, at: datetime) -> Terms:
        """Calendar and policy that held at an instant."""
        key = self._of("calendar", at), self._of("standards", at)
        if key not in self._made:
            calendar = tables.read("calendar", self._body("calendar", key[0]))
            standards = tables.read("standards", self._body("standards", key[1]))
            self._made[key] = Terms(calendar.calendar(self._zone), standards.policy)
        return self._made[key]

    def _of(self, kind: str, at: datetime) -> int | None:
        held = [e for e in self._editions if e[1] == kind and e[2] <= at]
        known = [e for e in held if e[3] <= at]
        return int((known or held)[-1][0]) if held else None

    def _body(self, kind: str, number: int | None) -> Any:
        if number is None:
            return tables.seed()[kind]
        row = self._conn.execute(_SQL["edition"], {"id": number}).fetchone()
        assert row is not None
        return row[0]


def _orphans(conn: Connection) -> Iterator[Fault]:
    for what, name in conn.execute(_SQL["without_incident"]):
        yield Fault(
            str(name),
            "removed",
            f"表 {what} 提到的案件 {name} 不存在：案件被删除；请从备份恢复",
            f"table {what} speaks of incident {name}, which is not there: it was removed; restore it from a backup",
        )


def _chained(line: _Row) -> Chained:
    text = auditing.line_text(line, line["data_text"])
    return Chained(line["seq"], text, line["prev_hash"], line["hash"])


_LINE = tuple(f.name for f in fields(HistoryRow))
_FIELDS = tuple(f.name for f in fields(Incident))


def _line(row: _Row) -> HistoryRow:
    return HistoryRow(*(row[name] for name in _LINE))


def _incident(row: _Row) -> Incident:
    return as_incident(tuple(row[name] for name in _FIELDS))


def _count(conn: Connection) -> int:
    row = conn.execute(_SQL["how_many"]).fetchone()
    assert row is not None
    return int(row[0])
