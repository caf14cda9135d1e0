"""Stored history for rehearsals, in pieces of bounded size and in order of time; only reads.

Each piece is one short statement: nothing is held open between them, so that a long rehearsal keeps neither rows nor
their old versions from anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray

from incidents.event import Event, Origin, Outcome, Place
from incidents.incident import Incident
from incidents.lifecycle import State
from incidents.postgres import packed
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named
from incidents.rehearsal import Window
from incidents.rehearsal_events import Real, told_subject
from incidents.rehearsal_routes import Sent
from incidents.rules import Columns, SeriesKey, Traits

READINGS_AT_ONCE = 50_000
EVENTS_AT_ONCE = 2_000
INCIDENTS_AT_ONCE = 2_000

Span = tuple[datetime, datetime]
"""From one instant to before another."""

_SQL = named("rehearsal_past.sql")
_HEAD, _END = 19, 2
_RECORD = np.dtype(
    [("count", ">i2")]
    + [(f"{name}{part}", form)
       for kind, name in ((">i8", "at"), (">i4", "device"), (">i2", "metric"), (">f8", "value"), (">i4", "cell"))
       for part, form in (("_size", ">i4"), ("", kind))]
)  # fmt: skip


def readings(
    conn: Connection, metrics: Iterable[int], span: Span, most: int = READINGS_AT_ONCE
) -> Iterator[Columns]:
    """Stored readings of these metrics from one instant to before another, in order of time, so many at once."""
    asked = {"metrics": sorted(metrics), "before": span[1], "most": most}
    after: dict[str, Any] = {"after_at": span[0], "after_device": -1, "after_metric": -1}
    statement: LiteralString = "copy (" + _SQL["readings"] + ") to stdout (format binary)"
    while True:
        with conn.cursor().copy(statement, {**asked, **after}) as copy:
            found = _columns(b"".join(copy))
        if len(found.at):
            yield found
        if len(found.at) < most:
            return
        after = {
            "after_at": datetime.fromtimestamp(int(found.at[-1]) / 1000, UTC),
            "after_device": int(found.device[-1]),
            "after_metric": int(found.metric[-1]),
        }


def newest(conn: Connection, series: Iterable[SeriesKey], since: datetime) -> Columns:
    """The newest reading of each series that has one from that instant on."""
    keys = sorted(series)
    asked = {"device": [d for d, _ in keys], "metric": [m for _, m in keys], "since": since}
    rows = conn.execute(_SQL["newest"], asked).fetchall()
    return Columns(
        device=_column(rows, 1, np.int32),
        metric=_column(rows, 2, np.int16),
        at=_column(rows, 0, np.int64),
        value=_column(rows, 3, np.float64),
        cell=_column(rows, 4, np.int32),
    )


def events(conn: Connection, span: Span, most: int = EVENTS_AT_ONCE) -> Iterator[Real]:
    """Stored events from one instant to before another, in order of their own time."""
    after: tuple[datetime, str, str] = (span[0], "", "")
    while True:
        asked = dict(zip(("after_at", "after_source", "after_id"), after, strict=True))
        values = {**asked, "before": span[1], "most": most}
        rows = conn.execute(_SQL["events"], values).fetchall()
        yield from map(_real, rows)
        if len(rows) < most:
            return
        after = (rows[-1][5], rows[-1][0], rows[-1][1])


def standing(conn: Connection, at: datetime) -> Iterator[tuple[Incident, datetime | None]]:
    """The incidents that were open at an instant, and until when each was; None: it still is."""
    for row in conn.execute(_SQL["standing"], {"at": at}):
        number, category, source, subject, lon, lat, first, last, closed = row
        incident = Incident(
            number=number,
            state=State.OPEN,
            version=1,
            category=category,
            source=source,
            first_event_at=first,
            last_event_at=last,
            reported_at=first,
            changed_at=first,
            subject=subject,
            lon=lon,
            lat=lat,
        )
        yield incident, closed


def sent(conn: Connection, window: Window) -> Iterator[tuple[float, list[Sent]]]:
    """What was sent out in the span, stretch by stretch, each with the share of the table it brings the reader to."""
    row = conn.execute(_SQL["last_incident"]).fetchone()
    last = int(row[0]) if row else 0
    for after in range(0, last, INCIDENTS_AT_ONCE):
        until = min(after + INCIDENTS_AT_ONCE, last)
        values = {"begins": window.begins, "ends": window.ends, "after": after, "until": until}
        rows = conn.execute(_SQL["sent"], values).fetchall()
        yield until / last, [_sent(found) for found in rows]


def traits_of(conn: Connection) -> Callable[[int, int], Traits]:
    """What rules ask of a device and the cell of its reading, each looked up once."""
    devices: dict[int, tuple[str, str | None]] = {}
    cells: dict[int, str | None] = {}

    def traits(device: int, cell: int) -> Traits:
        if device not in devices:
            row = conn.execute(_SQL["traits"], {"device": device}).fetchone()
            devices[device] = (row[0], row[1]) if row else (f"#{device}", None)
        if cell not in cells:
            row = conn.execute(_SQL["cell"], {"cell": cell}).fetchone() if cell >= 0 else None
            cells[cell] = row[0] if row else None
        return Traits(*devices[device], cells[cell])

    return traits


def hours(begins: datetime, ends: datetime) -> Iterator[Span]:
    """The span in pieces of an hour."""
    while begins < ends:
        until = min(begins + timedelta(hours=1), ends)
        yield begins, until
        begins = until


def _columns(data: bytes) -> Columns:
    found = np.frombuffer(data, _RECORD, (len(data) - _HEAD - _END) // _RECORD.itemsize, _HEAD)
    return Columns(
        device=found["device"].astype(np.int32),
        metric=found["metric"].astype(np.int16),
        at=packed.EPOCH_MS + found["at"].astype(np.int64) // 1000,
        value=found["value"].astype(np.float64),
        cell=found["cell"].astype(np.int32),
    )


def _column(rows: Sequence[tuple[Any, ...]], place: int, kind: Any) -> NDArray[Any]:
    return np.fromiter((row[place] for row in rows), kind, len(rows))


def _real(row: tuple[Any, ...]) -> Real:
    """An event as it was told: what the desk wrote into it on receiving is taken out again."""
    (source, id_, origin, kind, category, at, lon, lat, subject, score, zones, rule, outcome,
     cell_code, number, closed_at, received) = row  # fmt: skip
    judged = Origin(origin) is Origin.RULE
    event = Event(
        source=source,
        id=id_,
        origin=Origin(origin),
        kind=kind,
        at=at,
        place=Place(lon=lon, lat=lat, cell_code=cell_code, device=_device(subject)),
        category=category,
        subject=told_subject(subject, category, rule),
        score=score,
        zones=tuple(zones or ()),
        rule=rule if judged else None,
    )
    return Real(event, Outcome(outcome), number, closed_at, rule, subject, received)


def _device(subject: str | None) -> str | None:
    if subject is None or not subject.startswith("device:"):
        return None
    return subject.removeprefix("device:").split("/", 1)[0]


def _sent(row: tuple[Any, ...]) -> Sent:
    return Sent(
        number=row[1],
        category=row[2],
        condition=row[3],
        areas=tuple(code for code in row[4:8] if code),
        source=row[8],
        at=row[9],
        department=row[10],
        by=row[11],
        assisting=tuple(row[12]),
        limit=row[13],
        clocks=tuple(row[14]),
    )
