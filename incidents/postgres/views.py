"""What screens and programs read, shaped for them: rows of views.sql, no aggregate loaded one by one."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

_SQL = named("views.sql")
Row = tuple[Any, ...]


class Part(NamedTuple):
    """A running part: `age_s` is how long ago it said that it lives."""

    name: str
    kind: str
    started_at: datetime
    seen_at: datetime
    age_s: float
    detail: dict[str, Any]


class ReportBehind(NamedTuple):
    """One report of a trouble: `incident` is the one it opened or joined, which may have been merged since."""

    incident: str
    source: str
    id: str
    origin: str
    kind: str
    category: str | None
    at: datetime
    received_at: datetime
    outcome: str
    why: str
    score: float | None
    lon: float | None
    lat: float | None
    text: str
    media: list[str]


class EventBehind(NamedTuple):
    """An event behind an incident, with what the rule saw; how many pictures it brought, and which it named in vain."""

    source: str
    id: str
    origin: str
    kind: str
    at: datetime
    received_at: datetime
    outcome: str
    why: str
    rule: str | None
    saw: dict[str, Any] | None
    score: float | None
    zones: list[str] | None
    lon: float | None
    lat: float | None
    pictures: int
    pictures_left_out: list[dict[str, str]]


class Quarantined(NamedTuple):
    """A message, or a row of one (`item` ≥ 0), set aside; `value` is base64 without line ends, 3 kB at most."""

    id: int
    topic: str
    part: int
    offset: int
    item: int
    key: bytes | None
    value: str
    bytes: int
    headers: Any
    reason: str
    detail: str
    set_aside_at: datetime
    state: str
    decided_at: datetime | None
    decided_by: str | None


class CellView(NamedTuple):
    """A cell with the names above it; `polygon` is WKB in WGS-84."""

    code: str
    name: str | None
    community: str
    street: str
    district: str
    responsible: str | None
    area_m2: float
    lon: float
    lat: float
    polygon: bytes
    edition: int
    edition_name: str
    holds_from: date
    community_name: str | None
    street_name: str | None
    district_name: str | None


class EditionRow(NamedTuple):
    """An edition of the grid."""

    id: int
    name: str
    holds_from: date
    digest: str
    datum: str
    cells: int
    loaded_at: datetime


class DeviceRow(NamedTuple):
    """A device; `cell` is the cell's code."""

    code: str
    name: str | None
    kind: str | None
    registered: bool
    component: str | None
    raw_lon: float | None
    raw_lat: float | None
    datum: str | None
    lon: float | None
    lat: float | None
    cell: str | None
    changed_at: datetime


class Answered(NamedTuple):
    """An answer given before to an Idempotency-Key."""

    request_hash: bytes
    status: int
    body: str
    headers: dict[str, str]


def history(conn: Connection, number: str) -> str:
    """The history of an incident as JSON text, `[]` when there is none."""
    return str(_one(conn, "history", number=number)[0])


def runs_of(conn: Connection, number: str) -> list[dict[str, Any]]:
    """The clocks of an incident that began anew since, each as it ended (`incidents.clocks.from_json`), oldest first."""
    return [row[0] for row in _all(conn, "runs_of", number=number)]


def steps_since(conn: Connection, number: str, version: int) -> list[tuple[str, str]]:
    """The steps people made after a version, in order: the move and the state it was made in."""
    return [(row[0], row[1]) for row in _all(conn, "steps_since", number=number, version=version)]


def events_of(conn: Connection, number: str) -> list[EventBehind]:
    """The events behind an incident, oldest first, a hundred at most."""
    return [EventBehind(*row) for row in _all(conn, "events_of", number=number)]


def reports_of(
    conn: Connection, number: str, limit: int, offset: int
) -> tuple[list[ReportBehind], int]:
    """Reports of an incident and of those merged into it, oldest first, and how many there are in all."""
    rows = _all(conn, "reports_of", number=number, limit=limit, offset=offset)
    return [ReportBehind(*row[:-1]) for row in rows], rows[0][-1] if rows else 0


def cell(conn: Connection, code: str) -> CellView | None:
    """A cell of the newest edition that has it."""
    row = conn.execute(_SQL["cell"], {"code": code}).fetchone()
    return CellView(*row) if row else None


def editions(conn: Connection) -> list[EditionRow]:
    """Editions of the grid, the newest first."""
    return [EditionRow(*row) for row in _all(conn, "editions")]


def devices(
    conn: Connection, after: str, at_most: int, filters: dict[str, str | bool | None]
) -> list[DeviceRow]:
    """Devices behind a code; filters are `kind`, `registered` and `area` (code prefix), None for no such filter."""
    return [
        DeviceRow(*row) for row in _all(conn, "devices", after=after, at_most=at_most, **filters)
    ]


def latest_of(conn: Connection, device: int) -> list[Row]:
    """Metric, unit, time and value of the newest reading of each metric."""
    return _all(conn, "latest_of", device=device)


def metric(conn: Connection, code: str) -> int | None:
    """The number of a metric."""
    row = conn.execute(_SQL["metric"], {"code": code}).fetchone()
    return int(row[0]) if row else None


def series(
    conn: Connection, which: tuple[int, int], span: tuple[datetime, datetime], every_s: float
) -> list[Row]:
    """(step, count, mean, lowest, highest) of a (device, metric) in [from, to)."""
    values = {"device": which[0], "metric": which[1], "from": span[0], "to": span[1]}
    return conn.execute(_SQL["series"], {**values, "every": every_s}).fetchall()


def raw_series(
    conn: Connection, which: tuple[int, int], span: tuple[datetime, datetime], at_most: int
) -> list[Row]:
    """(time, value, flags) of a (device, metric) in [from, to), in order of time."""
    values = {"device": which[0], "metric": which[1], "from": span[0], "to": span[1]}
    return conn.execute(_SQL["raw_series"], {**values, "at_most": at_most}).fetchall()


def data_at(conn: Connection) -> datetime | None:
    """When the newest data came in; None before any."""
    at: datetime | None = _one(conn, "data_at")[0]
    return at


def quarantine(
    conn: Connection, state: str | None, reason: str | None, before: int | None, at_most: int
) -> list[Quarantined]:
    """What was set aside, the newest first, behind an id."""
    rows = _all(conn, "quarantine", state=state, reason=reason, before=before, at_most=at_most)
    return [Quarantined(*row) for row in rows]


def quarantine_state(conn: Connection, number: int) -> str | None:
    """What was decided of a quarantined message: waiting, redriven, dismissed; None when there is none."""
    row = conn.execute(_SQL["quarantine_state"], {"id": number}).fetchone()
    return str(row[0]) if row else None


def parts(conn: Connection) -> list[Part]:
    """Every running part."""
    return [Part(*row) for row in _all(conn, "parts")]


def part_lives(conn: Connection, name: str, kind: str, started_at: datetime) -> None:
    """A part says that it lives."""
    conn.execute(_SQL["part_lives"], {"name": name, "kind": kind, "started_at": started_at})


def part_gone(conn: Connection, name: str, kind: str) -> None:
    """A part says goodbye."""
    conn.execute(_SQL["part_gone"], {"name": name, "kind": kind})


def claim_key(conn: Connection, principal: str, key: str) -> bool:
    """Whether the key is ours until the transaction ends; False when it is being handled elsewhere."""
    return bool(_one(conn, "claim_key", principal=principal, key=key)[0])


def answered(conn: Connection, principal: str, key: str) -> Answered | None:
    """What was answered to this key before."""
    row = conn.execute(_SQL["answered"], {"principal": principal, "key": key}).fetchone()
    return Answered(*row) if row else None


def remember_answer(conn: Connection, principal: str, key: str, answer: Answered) -> None:
    """Keep the answer; call it in the transaction of its effect."""
    values = answer._asdict() | {"headers": Jsonb(answer.headers)}
    conn.execute(_SQL["remember_answer"], {"principal": principal, "key": key, **values})


def had_it(conn: Connection, number: str, departments: tuple[str, ...]) -> bool:
    """Whether an incident was ever sent to one of these departments."""
    return bool(_one(conn, "had_it", number=number, departments=list(departments))[0])


def _one(conn: Connection, name: str, **values: Any) -> Row:
    row = conn.execute(_SQL[name], values).fetchone()
    assert row is not None
    return row


def _all(conn: Connection, name: str, **values: Any) -> list[Row]:
    return conn.execute(_SQL[name], values).fetchall()
