"""Photos 照片 in the table: who sent them, what they are evidence of, what their cameras wrote; the files lie elsewhere.

A move or a report that names photos calls `check` and, once it is kept, `attach`, in one transaction with itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.rows import class_row

from grid.coordinates import metres_between
from incidents.errors import MediaRefused, PhotosTooMany
from incidents.postgres.connection import Connection
from incidents.postgres.queries import named

KINDS = {"before": "处置前", "after": "处置后", "scene": "现场"}
MOST_UNATTACHED = 200
"""Photos of one account that belong to nothing yet: whoever has more fills the folder, on purpose or not."""
MOST_OF_MACHINES = 20_000
"""The same for an account with the scope `ingest`, behind which hundreds of cameras may stand: most of what cameras see
opens nothing, and their pictures go after two days (job `media_unattached`), not after a week."""
BY_EVENT = "event"
"""What stands as the move where the event of a machine brought the picture; `by` is then the camera, `at` when it saw it."""

_SQL = named("media_store.sql")


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as everybody may know it who may see it. `sha256` is of what is served."""

    id: str
    account: str
    kind: str
    sha256: bytes
    size: int
    width: int
    height: int
    made_at: datetime
    attached: bool
    lost_at: datetime | None


@dataclass(frozen=True, slots=True)
class UsedPhoto(Photo):
    """A photo as evidence: of which incident, in which state of it, brought by which move, by whom and when.

    `device` and `device_name` are those of the registered camera where the event of a machine brought it.
    """

    incident: str
    stage: str
    move: str
    by: str
    at: datetime
    device: str | None
    device_name: str | None


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A photo to be kept; its files are in the store already. `received` is the SHA-256 of what was sent."""

    id: str
    account: str
    kind: str
    received: bytes
    sha256: bytes
    size: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Use:
    """As what photos are attached: the incident's number, its state then, the move, by whom, when."""

    number: str
    stage: str
    move: str
    by: str
    at: datetime


class TakenAt(NamedTuple):
    """What a camera wrote (personal data): when, where in degrees as it said, metres from the incident's place."""

    taken_at: datetime | None
    lon: float | None
    lat: float | None
    metres: float | None = None


def check(conn: Connection, ids: Sequence[str], account: str) -> tuple[str, ...]:
    """The kinds (before, after, scene) of these photos, in their order; none can go away before the transaction ends.

    MediaRefused, naming them all, when one is unknown, was sent by another account, or has lost its file.
    """
    if not ids:
        return ()
    rows = conn.execute(_SQL["own"], {"ids": list(ids), "account": account}).fetchall()
    kinds = {id_: kind for id_, kind, lost in rows if not lost}
    faults = [
        (id_[:64], "没有这张照片，或不是您上传的 / no such photo, or another account sent it")
        for id_ in ids
        if id_ not in kinds
    ]
    if faults:
        raise MediaRefused(
            zh=f"{len(faults)} 张照片不能使用；请先上传（POST /api/v1/media），再填所得编号",
            en=f"{len(faults)} photos cannot be used; upload them first and give the ids you get",
            faults=faults,
        )
    return tuple(kinds[id_] for id_ in ids)


def refuse_many(ids: Sequence[str], most: int) -> None:
    """PhotosTooMany when one report or one move brings more than `most`."""
    brought = len(set(ids))
    if brought > most:
        raise PhotosTooMany(
            zh=f"一次至多附 {most} 张照片，这次有 {brought} 张；请去掉 {brought - most} 张，或分次提交",
            en=f"at most {most} photos at once, these are {brought}; take {brought - most} away, or send them in parts",
            most=most,
            left=most,
        )


def attach(conn: Connection, ids: Sequence[str], use: Use, most: int, *, due: bool = False) -> None:
    """Make photos the evidence of an incident. Call `check` first, in the same transaction.

    PhotosTooMany when people's photos of it would be more than `most`; `due`: the city asks for a photo here, so one is
    taken all the same, or a full incident could never be handled.
    """
    if not ids:
        return
    conn.execute(_SQL["lock_incident"], {"number": use.number})
    named = {"ids": list(dict.fromkeys(ids)), **_row(use)}
    added = conn.execute(_SQL["attach"], named).rowcount
    there = photos_of_people(conn, use.number)
    left = max(1 if due else 0, most - (there - added))
    if added <= left or there <= most:
        return
    raise PhotosTooMany(
        zh=f"案件 {use.number} 的照片至多 {most} 张，还可附 {left} 张；请去掉 {added - left} 张再提交，文字不受限",
        en=f"incident {use.number} may have {most} photos, {left} more; take {added - left} away and send again, words are welcome",
        most=most,
        left=left,
    )


def photos_of_people(conn: Connection, number: str) -> int:
    """How many photos of an incident people brought, with reports, moves or by themselves; snapshots of machines not counted."""
    row = conn.execute(_SQL["photos_of_people"], {"number": number}).fetchone()
    return int(row[0]) if row else 0


class Named(NamedTuple):
    """A photo that an event names: who sent it, whether that is a machine's account, whether its file is lost."""

    account: str
    of_machine: bool
    lost: bool


def named_by_events(conn: Connection, ids: Sequence[str]) -> dict[str, Named]:
    """Those of these photos that exist, by id; none of them can go away before the transaction ends."""
    rows = conn.execute(_SQL["named_by_events"], {"ids": list(ids)}).fetchall()
    return {id_: Named(*rest) for id_, *rest in rows}


def attach_seen(conn: Connection, ids: Sequence[str], use: Use, most: int) -> list[str]:
    """Make pictures of machines the evidence of an incident, each once, however often its events name it.

    Those that found no room, because the incident has `most` snapshots already.
    """
    named = {"ids": list(dict.fromkeys(ids)), "most": most, **_row(use)}
    return [id_ for (id_,) in conn.execute(_SQL["attach_seen"], named)]


def leave_out(conn: Connection, event: tuple[str, str], ids: Sequence[str], reason: str) -> None:
    """An event, by its source and id, keeps the note of pictures that did not become evidence, and why."""
    told = json.dumps([{"media": id_, "reason": reason} for id_ in ids])
    conn.execute(
        _SQL["leave_out"], {"source": event[0], "id": event[1], "ids": list(ids), "told": told}
    )


def _row(use: Use) -> dict[str, Any]:
    return {
        "number": use.number,
        "stage": use.stage,
        "move": use.move,
        "by": use.by,
        "at": use.at,
    }


def sent_before(conn: Connection, account: str, received: bytes, kind: str) -> Photo | None:
    """The photo that this account sent before, byte for byte; MediaRefused when it is evidence of another kind.

    So that the picture of the trouble is not also the proof that it is gone.
    """
    row = {"account": account, "received": received, "kind": kind}
    with conn.cursor(row_factory=class_row(Photo)) as cursor:
        photo = cursor.execute(_SQL["sent_before"], row).fetchone()
    if photo is not None and photo.kind != kind:
        raise MediaRefused(
            zh=f"这张照片已作为“{KINDS[photo.kind]}”照片附于案件，不能再作“{KINDS[kind]}”；请另拍一张",
            en=f"this photo is evidence of kind {photo.kind} already and cannot be {kind} too; take another",
            media=photo.id,
        )
    return photo


def refuse_hoard(conn: Connection, account: str, most: int = MOST_UNATTACHED) -> None:
    """MediaRefused when too many photos of an account belong to nothing."""
    row = conn.execute(_SQL["unattached"], {"account": account}).fetchone()
    if row and row[0] >= most:
        raise MediaRefused(
            zh=f"您有 {row[0]} 张照片尚未用于任何案件；请先用于上报或办理，再传新的",
            en=f"{row[0]} photos of yours belong to no incident yet; use them before sending more",
        )


def add(
    conn: Connection, photo: NewPhoto, taken: tuple[str | None, float | None, float | None]
) -> bool:
    """Keep a photo with what its camera wrote (time, longitude, latitude); False when the same was just kept."""
    values = {name: getattr(photo, name) for name in photo.__slots__}
    if not conn.execute(_SQL["add"], values).rowcount:
        return False
    said, lon, lat = taken
    if said is not None or lon is not None:
        conn.execute(_SQL["add_taken"], {"id": photo.id, "said": said, "lon": lon, "lat": lat})
    return True


def found_again(conn: Connection, ids: Sequence[str]) -> int:
    """Say that the files of these photos are there; how many had been missed."""
    return conn.execute(_SQL["found_again"], {"ids": list(ids)}).rowcount


def find(conn: Connection, id_: str) -> Photo | None:
    """One photo, or None."""
    with conn.cursor(row_factory=class_row(Photo)) as cursor:
        return cursor.execute(_SQL["find"], {"id": id_}).fetchone()


def taken(conn: Connection, id_: str) -> TakenAt:
    """What the camera wrote: personal data, for the desk only."""
    row = conn.execute(_SQL["taken"], {"id": id_}).fetchone()
    return TakenAt(*row) if row else TakenAt(None, None, None)


def incidents_of(conn: Connection, id_: str) -> list[str]:
    """Numbers of the incidents that a photo is evidence of, and of those they were merged into."""
    return [number for (number,) in conn.execute(_SQL["incidents_of"], {"id": id_})]


def of_incident(conn: Connection, number: str) -> list[UsedPhoto]:
    """The photos of an incident, and of those merged into it, in the order they came."""
    with conn.cursor(row_factory=class_row(UsedPhoto)) as cursor:
        return cursor.execute(_SQL["of_incident"], {"number": number}).fetchall()


def taken_of_incident(conn: Connection, number: str) -> dict[str, TakenAt]:
    """What the cameras wrote of an incident's photos, by photo: personal data, for the desk only."""
    rows = conn.execute(_SQL["taken_of_incident"], {"number": number}).fetchall()
    return {
        id_: TakenAt(at, lon, lat, _metres(lon, lat, *place)) for id_, at, lon, lat, *place in rows
    }


def forget_unattached(
    conn: Connection, before: datetime, most: int, of_machines: datetime | None = None
) -> list[str]:
    """Take photos out of the table that belong to nothing and were last sent before an instant; their files are yours to remove.

    `of_machines` is the instant for those that machines sent, where it is another.
    """
    since = {"before": before, "of_machines": of_machines or before, "most": most}
    rows = conn.execute(_SQL["forget_unattached"], since).fetchall()
    return [id_ for (id_,) in rows]


def rows_under(conn: Connection, prefix: str, before: datetime) -> dict[str, bool]:
    """Photos by id whose ids begin so (hex digits), each with whether it was made before an instant."""
    values = {"first": prefix, "last": prefix + "g", "before": before}
    rows = conn.execute(_SQL["rows_under"], values).fetchall()
    return {str(id_): bool(old) for id_, old in rows}


def missed(conn: Connection, ids: Sequence[str], at: datetime) -> None:
    """Say that the files of these photos are gone; the rows stay, and with them what was evidence of what."""
    conn.execute(_SQL["missed"], {"ids": list(ids), "at": at})


def lost(conn: Connection) -> int:
    """How many photos miss their files."""
    row = conn.execute(_SQL["lost"]).fetchone()
    return int(row[0]) if row else 0


def _metres(
    lon: float | None, lat: float | None, there_lon: float | None, there_lat: float | None
) -> float | None:
    if lon is None or lat is None or there_lon is None or there_lat is None:
        return None
    return round(float(metres_between(lon, lat, there_lon, there_lat)), 1)
